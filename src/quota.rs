//! The ledger: what each account stores and may store.
//!
//! The disk is the truth and the ledger its cache, rebuilt from a walk at the first login. A byte
//! is first reserved, then spent just before it is written; what was reserved and not spent goes
//! back when the [`Charge`] is dropped, however its thread ends.
//!
//! Never: touches the disk, or waits for anything but its one short lock.
//! Invariant: whenever bytes are reserved, used + reserved is at most the limit, with any number of
//! threads; neither figure is ever negative. A purse that is not known may store nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::limits;
use crate::text::Escaped;

/// A reservation ahead of need takes at most this share of what is left, so that one upload of
/// unknown size does not lock the account's other uploads out near the limit.
const SHARE_AHEAD: u64 = 8;

/// Who pays for stored bytes: an account, or a mount with a limit of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purse {
    /// An account, by its name.
    Account(Arc<str>),
    /// A mount, by its name.
    Mount(Arc<str>),
}

impl Purse {
    /// The purse of an account.
    pub fn account(name: &str) -> Purse {
        Purse::Account(name.into())
    }

    /// The purse of a mount.
    pub fn mount(name: &str) -> Purse {
        Purse::Mount(name.into())
    }
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purse::Account(name) => Escaped(name).fmt(f),
            Purse::Mount(name) => write!(f, "the mount {}", Escaped(name)),
        }
    }
}

/// The figures of one purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on the disk, parts included.
    pub used_bytes: u64,
    /// Bytes promised to uploads that run, and not written yet.
    pub reserved_bytes: u64,
    /// Most bytes of both together; `None` is unlimited.
    pub limit_bytes: Option<u64>,
}

impl Usage {
    /// The limit as a number.
    fn limit(&self) -> u64 {
        self.limit_bytes.unwrap_or(u64::MAX)
    }

    /// Bytes that could still be reserved.
    fn left(&self) -> u64 {
        self.limit().saturating_sub(self.used_bytes).saturating_sub(self.reserved_bytes)
    }
}

/// The figures of all purses.
#[derive(Debug, Default)]
pub struct Ledger {
    purses: Mutex<HashMap<Purse, Usage>>,
}

impl Ledger {
    /// A ledger that knows nobody, so that nobody may store.
    pub fn new() -> Ledger {
        Ledger::default()
    }

    /// Begins to keep a purse: its limit (`None` is unlimited) and the bytes found on the disk.
    ///
    /// A purse that is known already keeps its figures and gets only the limit: two first logins at
    /// once both look at the disk, and the later look must not wipe out what the earlier one began.
    pub fn open(&self, purse: &Purse, limit: Option<u64>, used: u64) {
        let fresh = Usage { used_bytes: used, reserved_bytes: 0, limit_bytes: limit };
        self.purses().entry(purse.clone()).or_insert(fresh).limit_bytes = limit;
    }

    /// Whether the purse is kept.
    pub fn knows(&self, purse: &Purse) -> bool {
        self.purses().contains_key(purse)
    }

    /// Forgets a purse, so that it must be counted anew; not one of which something is promised.
    pub fn forget(&self, purse: &Purse) {
        let mut purses = self.purses();
        if purses.get(purse).is_some_and(|usage| usage.reserved_bytes == 0) {
            purses.remove(purse);
        }
    }

    /// Sets the limit of a known purse. One below what is used takes nothing away, but nothing is
    /// added until there is room again.
    pub fn set_limit(&self, purse: &Purse, limit: Option<u64>) {
        if let Some(usage) = self.purses().get_mut(purse) {
            usage.limit_bytes = limit;
        }
    }

    /// The figures of a purse.
    pub fn usage(&self, purse: &Purse) -> Option<Usage> {
        self.purses().get(purse).copied()
    }

    /// Credits bytes that were removed from the disk.
    pub fn give_back(&self, purse: &Purse, bytes: u64) {
        let missing = match self.purses().get_mut(purse) {
            Some(usage) => {
                let missing = bytes.saturating_sub(usage.used_bytes);
                usage.used_bytes = usage.used_bytes.saturating_sub(bytes);
                missing
            }
            None => 0,
        };
        if missing > 0 {
            log::error!("ledger: {purse} gave back {missing} bytes more than it used");
        }
    }

    /// Counts bytes that were found on the disk beyond those known.
    pub fn add(&self, purse: &Purse, bytes: u64) {
        if let Some(usage) = self.purses().get_mut(purse) {
            usage.used_bytes = usage.used_bytes.saturating_add(bytes);
        }
    }

    /// Sets the used bytes to what a walk of the disk found while nobody wrote.
    pub fn recount(&self, purse: &Purse, used: u64) {
        if let Some(usage) = self.purses().get_mut(purse) {
            usage.used_bytes = used;
        }
    }

    /// Poison is ignored: every section under this lock is a few assignments that cannot panic and
    /// cannot leave half a state, so a thread that died elsewhere leaves sound figures.
    fn purses(&self) -> MutexGuard<'_, HashMap<Purse, Usage>> {
        self.purses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one file being written has been granted. Dropping it gives back what was not spent.
#[derive(Debug)]
pub struct Charge {
    ledger: Arc<Ledger>,
    purse: Purse,
    /// Bytes of the file that the ledger counts as used.
    held: u64,
    /// Bytes of the file that are used or reserved; never below `held`.
    covered: u64,
    /// Whether a file that is to be replaced still occupies its room; for the refusal's text.
    replacing: bool,
    /// Whether what was spent goes back with it, since the bytes on the disk go too.
    gives_all_back: bool,
}

impl Charge {
    /// A charge for a file of which `held` bytes are on the disk and counted already.
    pub fn open(ledger: &Arc<Ledger>, purse: &Purse, held: u64) -> Charge {
        let (ledger, purse) = (Arc::clone(ledger), purse.clone());
        Charge { ledger, purse, held, covered: held, replacing: false, gives_all_back: false }
    }

    /// Bytes of the file that the ledger counts as used.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Takes over `held` bytes of the file that were found on the disk and are counted already, for
    /// a charge that was opened before anybody could look.
    pub fn adopt(&mut self, held: u64) {
        self.held = held;
        self.covered = self.covered.max(held);
    }

    /// From now on nothing of it lasts: what it was spent for goes when it is let go, unless
    /// [`Charge::lasts`] is called before.
    pub fn gives_all_back(&mut self) {
        self.gives_all_back = true;
    }

    /// What was spent stays.
    pub fn lasts(&mut self) {
        self.gives_all_back = false;
    }

    /// Gives back what was reserved and not spent.
    pub fn release(&mut self) {
        if self.gives_all_back {
            self.settle(0);
        }
        let unspent = self.covered - self.held;
        if unspent == 0 {
            return;
        }
        self.covered = self.held;
        if let Some(usage) = self.ledger.purses().get_mut(&self.purse) {
            usage.reserved_bytes = usage.reserved_bytes.saturating_sub(unspent);
        }
    }

    /// Reserves what is needed so that the file can grow to `end` bytes, or refuses and reserves
    /// nothing. `replacing` says whether an old file keeps its room meanwhile.
    pub fn cover(&mut self, end: u64, replacing: bool) -> Result<()> {
        self.replacing = replacing;
        let growth = end.saturating_sub(self.covered);
        if growth == 0 {
            return Ok(());
        }
        let mut purses = self.ledger.purses();
        let usage = known(&mut purses, &self.purse)?;
        if growth > usage.left() {
            return Err(self.refusal(usage, end));
        }
        usage.reserved_bytes += growth;
        self.covered = end;
        Ok(())
    }

    /// Counts the bytes up to `end` as used; called before they are written.
    ///
    /// Where they are not covered it reserves first, and somewhat ahead, so that the lock is rare.
    /// Refuses, and changes nothing, when there is no room or the limit was lowered meanwhile.
    pub fn spend(&mut self, end: u64) -> Result<()> {
        let growth = end.saturating_sub(self.held);
        if growth == 0 {
            return Ok(());
        }
        let mut purses = self.ledger.purses();
        let usage = known(&mut purses, &self.purse)?;
        let short = end.saturating_sub(self.covered);
        let used = usage.used_bytes.checked_add(growth);
        if short > usage.left() || used.is_none_or(|used| used > usage.limit()) {
            return Err(self.refusal(usage, end));
        }
        if short > 0 {
            let ahead = limits::QUOTA_STEP.min(usage.left() / SHARE_AHEAD);
            let step = short.max(ahead);
            usage.reserved_bytes += step;
            self.covered = self.covered.saturating_add(step);
        }
        usage.used_bytes += growth;
        usage.reserved_bytes = usage.reserved_bytes.saturating_sub(growth);
        self.held = end;
        Ok(())
    }

    /// Corrects the count to the `on_disk` bytes that the file really has, after a write that
    /// failed or a truncation. What is no longer used stays reserved for another try.
    pub fn settle(&mut self, on_disk: u64) {
        if on_disk == self.held {
            return;
        }
        let mut purses = self.ledger.purses();
        let Some(usage) = purses.get_mut(&self.purse) else { return };
        if on_disk <= self.held {
            let less = self.held - on_disk;
            usage.used_bytes = usage.used_bytes.saturating_sub(less);
            usage.reserved_bytes = usage.reserved_bytes.saturating_add(less);
        } else {
            let more = on_disk - self.held;
            let reserved = more.min(self.covered - self.held);
            usage.used_bytes = usage.used_bytes.saturating_add(more);
            usage.reserved_bytes = usage.reserved_bytes.saturating_sub(reserved);
            self.covered = self.covered.max(on_disk);
        }
        self.held = on_disk;
    }

    /// The refusal to let the file grow to `end`, in the numbers of this moment.
    fn refusal(&self, usage: &Usage, end: u64) -> Error {
        let own = self.covered - self.held;
        let room = usage.limit().saturating_sub(usage.used_bytes);
        Error::OverQuota {
            need: end.saturating_sub(self.held),
            left: usage.left().saturating_add(own).min(room),
            limit: usage.limit(),
            replacing: self.replacing,
            of_mount: matches!(self.purse, Purse::Mount(_)),
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release();
    }
}

fn known<'a>(purses: &'a mut HashMap<Purse, Usage>, purse: &Purse) -> Result<&'a mut Usage> {
    purses.get_mut(purse).ok_or(Error::WrongState { what: "what the account stores is not known" })
}

#[cfg(test)]
mod tests;
