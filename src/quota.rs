//! The ledger: what each account stores and may store.
//!
//! The disk is the truth and the ledger its cache, rebuilt from a walk at the first login. A byte is
//! first reserved, then spent just before it is written; what was reserved and not spent goes back
//! when the [`Charge`] is dropped, however its thread ends.
//!
//! Never: touches the disk, or waits for anything but its one short lock.
//! Invariant: whenever bytes are reserved, used + reserved is at most the limit, with any number of
//! threads; neither figure is ever negative. A purse that is not known may store nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::limits;

/// A reservation ahead of need takes at most this share of what is left, so that one upload of
/// unknown size does not lock the account's other uploads out near the limit.
const SHARE_AHEAD: u64 = 8;

/// Who pays for stored bytes: an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purse(Arc<str>);

impl Purse {
    /// The purse of an account.
    pub fn new(account: &str) -> Purse {
        Purse(account.into())
    }

    /// The account's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::text::Escaped(&self.0).fmt(f)
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
}

impl Charge {
    /// A charge for a file of which `held` bytes are on the disk and counted already.
    pub fn open(ledger: &Arc<Ledger>, purse: &Purse, held: u64) -> Charge {
        let (ledger, purse) = (Arc::clone(ledger), purse.clone());
        Charge { ledger, purse, held, covered: held, replacing: false }
    }

    /// Bytes of the file that the ledger counts as used.
    pub fn held(&self) -> u64 {
        self.held
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
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let unspent = self.covered - self.held;
        if unspent == 0 {
            return;
        }
        if let Some(usage) = self.ledger.purses().get_mut(&self.purse) {
            usage.reserved_bytes = usage.reserved_bytes.saturating_sub(unspent);
        }
    }
}

fn known<'a>(purses: &'a mut HashMap<Purse, Usage>, purse: &Purse) -> Result<&'a mut Usage> {
    purses.get_mut(purse).ok_or(Error::WrongState { what: "what the account stores is not known" })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn ledger(limit: Option<u64>, used: u64) -> (Arc<Ledger>, Purse) {
        let (ledger, purse) = (Arc::new(Ledger::new()), Purse::new("ann"));
        ledger.open(&purse, limit, used);
        (ledger, purse)
    }

    fn figures(ledger: &Ledger, purse: &Purse) -> (u64, u64) {
        let usage = ledger.usage(purse).unwrap();
        (usage.used_bytes, usage.reserved_bytes)
    }

    #[test]
    fn a_refusal_names_the_numbers() {
        let (ledger, purse) = ledger(Some(1_000), 600);
        let mut first = Charge::open(&ledger, &purse, 0);
        first.cover(100, false).unwrap();
        let mut second = Charge::open(&ledger, &purse, 50);
        let refused = second.cover(500, true).unwrap_err();
        assert!(matches!(
            refused,
            Error::OverQuota { need: 450, left: 300, limit: 1_000, replacing: true }
        ));
        second.cover(350, false).unwrap();
        assert_eq!(figures(&ledger, &purse), (600, 400));
        // Its own reservation counts as room for it.
        assert!(matches!(
            first.cover(101, false),
            Err(Error::OverQuota { need: 101, left: 100, .. })
        ));
        drop(second);
        drop(first);
        assert_eq!(figures(&ledger, &purse), (600, 0));
    }

    #[test]
    fn a_failed_write_is_settled() {
        let (ledger, purse) = ledger(Some(1_000), 0);
        let mut charge = Charge::open(&ledger, &purse, 0);
        charge.cover(500, false).unwrap();
        charge.spend(300).unwrap();
        charge.settle(120);
        assert_eq!(figures(&ledger, &purse), (120, 380));
        charge.spend(500).unwrap();
        assert_eq!(figures(&ledger, &purse), (500, 0));
        drop(charge);
        ledger.give_back(&purse, 600);
        assert_eq!(figures(&ledger, &purse), (0, 0));
    }

    #[test]
    fn a_lowered_limit_stops_what_was_covered() {
        let (ledger, purse) = ledger(Some(1_000), 0);
        let mut charge = Charge::open(&ledger, &purse, 0);
        charge.cover(800, false).unwrap();
        charge.spend(300).unwrap();
        ledger.set_limit(&purse, Some(400));
        assert!(matches!(
            charge.spend(500),
            Err(Error::OverQuota { need: 200, left: 100, limit: 400, .. })
        ));
        charge.spend(400).unwrap();
        ledger.set_limit(&purse, None);
        charge.spend(u64::MAX).unwrap();
        let mut other = Charge::open(&ledger, &purse, 0);
        assert!(other.spend(1).is_err());
    }

    #[test]
    fn nobody_unknown_may_store() {
        let (ledger, purse) = (Arc::new(Ledger::new()), Purse::new("who"));
        let mut charge = Charge::open(&ledger, &purse, 0);
        assert!(charge.cover(1, false).is_err() && charge.spend(1).is_err());
        ledger.set_limit(&purse, None);
        ledger.add(&purse, 1);
        assert!(!ledger.knows(&purse) && ledger.usage(&purse).is_none());
        ledger.open(&purse, Some(10), 3);
        ledger.open(&purse, Some(20), 0);
        let want = Usage { used_bytes: 3, reserved_bytes: 0, limit_bytes: Some(20) };
        assert_eq!(ledger.usage(&purse), Some(want));
    }

    #[test]
    fn sixteen_threads_race_for_the_last_bytes() {
        const LIMIT: u64 = 4_000_000;
        let (ledger, purse) = ledger(Some(LIMIT), 0);
        thread::scope(|scope| {
            for thread in 0..16_u64 {
                let (ledger, purse) = (&ledger, &purse);
                scope.spawn(move || {
                    let mut charge = Charge::open(ledger, purse, 0);
                    let mut piece = 1 + thread * 97;
                    loop {
                        if charge.spend(charge.held() + piece).is_err() {
                            if piece == 1 {
                                break;
                            }
                            piece = 1;
                        }
                        let usage = ledger.usage(purse).unwrap();
                        assert!(usage.used_bytes + usage.reserved_bytes <= LIMIT);
                    }
                });
            }
        });
        assert_eq!(figures(&ledger, &purse), (LIMIT, 0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Cover(usize, u64),
        Spend(usize, u64),
        Settle(usize, u64),
        Drop(usize),
        Limit(Option<u64>),
        GiveBack(u64),
        Add(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..3_usize, 0..3_000_u64).prop_map(|(who, end)| Step::Cover(who, end)),
            6 => (0..3_usize, 0..3_000_u64).prop_map(|(who, end)| Step::Spend(who, end)),
            2 => (0..3_usize, 0..100_u64).prop_map(|(who, part)| Step::Settle(who, part)),
            2 => (0..3_usize).prop_map(Step::Drop),
            1 => proptest::option::of(0..6_000_u64).prop_map(Step::Limit),
            1 => (0..2_000_u64).prop_map(Step::GiveBack),
            1 => (0..500_u64).prop_map(Step::Add),
        ];
        proptest::collection::vec(step, 1..80)
    }

    proptest! {
        /// The model keeps only what each file has and the bytes of no file in particular; what the
        /// ledger says must be their sum, and a reservation must keep to the limit.
        #[test]
        fn the_ledger_is_the_sum_of_its_files(all in steps()) {
            let mut limit = Some(4_000);
            let (ledger, purse) = ledger(limit, 100);
            let mut loose = 100_u64;
            let mut charges: Vec<Charge> =
                (0..3).map(|_| Charge::open(&ledger, &purse, 0)).collect();
            let mut held = [0_u64; 3];
            for step in all {
                let before = ledger.usage(&purse).unwrap();
                let mut reserves = false;
                match step {
                    Step::Cover(who, end) => reserves = charges[who].cover(end, false).is_ok(),
                    Step::Spend(who, end) => {
                        reserves = charges[who].spend(end).is_ok();
                        if reserves { held[who] = held[who].max(end); }
                    }
                    Step::Settle(who, percent) => {
                        held[who] = held[who] * percent / 100;
                        charges[who].settle(held[who]);
                    }
                    Step::Drop(who) => {
                        loose += std::mem::take(&mut held[who]);
                        charges[who] = Charge::open(&ledger, &purse, 0);
                    }
                    Step::Limit(to) => { limit = to; ledger.set_limit(&purse, to); }
                    Step::GiveBack(bytes) => {
                        let bytes = bytes.min(loose);
                        loose -= bytes;
                        ledger.give_back(&purse, bytes);
                    }
                    Step::Add(bytes) => { loose += bytes; ledger.add(&purse, bytes); }
                }
                let now = ledger.usage(&purse).unwrap();
                prop_assert_eq!(now.used_bytes, loose + held.iter().sum::<u64>());
                let ahead: u64 = charges.iter().map(|charge| charge.covered - charge.held).sum();
                prop_assert_eq!(now.reserved_bytes, ahead);
                let grew = now.reserved_bytes + now.used_bytes > before.reserved_bytes + before.used_bytes;
                if reserves && grew {
                    prop_assert!(now.used_bytes + now.reserved_bytes <= limit.unwrap_or(u64::MAX));
                }
            }
            drop(charges);
            prop_assert_eq!(ledger.usage(&purse).unwrap().reserved_bytes, 0);
        }
    }
}
