//! What one change of the disk is granted, and what is credited after it.

use std::sync::Arc;

use super::{Amount, Charged, Ledger, LedgerState, QuotaOwner, Usage, not_counted};
use crate::error::{Error, Result};

/// A change of a directory that is under way: while it lives no walk of the directory counts.
#[derive(Debug)]
struct DirectoryChange {
    ledger: Arc<Ledger>,
    charged: Charged,
}

impl DirectoryChange {
    fn begin(ledger: &Arc<Ledger>, charged: &Charged) -> Option<DirectoryChange> {
        let mut books = ledger.books();
        let directory = books.directories.get_mut(&charged.directory)?;
        if !directory.is_counted() {
            return None;
        }
        directory.running += 1;
        Some(DirectoryChange { ledger: Arc::clone(ledger), charged: charged.clone() })
    }
}

impl Drop for DirectoryChange {
    fn drop(&mut self) {
        let mut books = self.ledger.books();
        let id = self.charged.directory;
        let Some(directory) = books.directories.get_mut(&id) else { return };
        directory.running = directory.running.saturating_sub(1);
        directory.ended = directory.ended.wrapping_add(1);
        if directory.charge_rule == super::ChargeRule::Nobody {
            books.forget(id);
        }
    }
}

/// What one change has been granted. Dropping it returns what was not used.
#[derive(Debug)]
pub struct Charge {
    change: DirectoryChange,
    /// What the ledger counts as used by it.
    pub(super) held: Amount,
    /// What is used or reserved by it; never below `held`.
    pub(super) covered: Amount,
    /// Whether a file that is to be replaced still takes its room; for the refusal's text.
    replacing: bool,
    /// Whether what was used goes back with it, since what is on the disk goes too.
    gives_all_back: bool,
}

impl Charge {
    /// A charge that holds nothing yet.
    ///
    /// # Errors
    /// [`Error::WrongState`] for a directory that has not been counted.
    pub fn open(ledger: &Arc<Ledger>, charged: &Charged) -> Result<Charge> {
        let Some(change) = DirectoryChange::begin(ledger, charged) else { return not_counted() };
        let (held, covered) = (Amount::NOTHING, Amount::NOTHING);
        Ok(Charge { change, held, covered, replacing: false, gives_all_back: false })
    }

    /// What is charged.
    pub fn charged(&self) -> &Charged {
        &self.change.charged
    }

    /// What the ledger counts as used by it.
    pub fn held(&self) -> Amount {
        self.held
    }

    /// Takes over what was found on the disk and is counted already.
    pub fn adopt(&mut self, held: Amount) {
        self.held = held;
        self.covered = self.covered.max(held);
    }

    /// From now on nothing of it lasts: what it was used for goes when it is let go, unless
    /// [`Charge::lasts`] is called before.
    pub fn gives_all_back(&mut self) {
        self.gives_all_back = true;
    }

    /// What was used stays.
    pub fn lasts(&mut self) {
        self.gives_all_back = false;
    }

    /// Lets go of what is on the disk: it stays counted, and is credited apart from this charge
    /// when the disk has it back.
    pub fn disown(&mut self) {
        self.covered = self.covered.minus(self.held);
        self.held = Amount::NOTHING;
    }

    /// Counts as used here what went here from other places, and no more there, in one step:
    /// whoever pays for both has it never twice and never not at all. What others paid for was
    /// covered before.
    pub fn take_over(&mut self, from: &[(Charged, Amount)]) {
        let DirectoryChange { ledger, charged } = &self.change;
        let (mut books, mut moved) = (ledger.books(), Amount::NOTHING);
        for (from, amount) in from {
            if let Some(directory) = books.directories.get_mut(&from.directory) {
                directory.change(&from.owner, |cell| cell.used = cell.used.minus(*amount));
            }
            moved = moved.plus(*amount);
        }
        let reserved = moved.min(self.covered.minus(self.held));
        if let Some(directory) = books.directories.get_mut(&charged.directory) {
            directory.change(&charged.owner, |cell| {
                cell.used = cell.used.plus(moved);
                cell.reserved = cell.reserved.minus(reserved);
            });
        }
        self.held = self.held.plus(moved);
        self.covered = self.covered.max(self.held);
    }

    /// Returns what was reserved and not used.
    pub fn release(&mut self) {
        if self.gives_all_back {
            self.settle(Amount::NOTHING);
        }
        let unused = self.covered.minus(self.held);
        if unused == Amount::NOTHING {
            return;
        }
        self.covered = self.held;
        let DirectoryChange { ledger, charged } = &self.change;
        if let Some(directory) = ledger.books().directories.get_mut(&charged.directory) {
            directory.change(&charged.owner, |cell| cell.reserved = cell.reserved.minus(unused));
        }
    }

    /// Reserves what is needed to hold `whole`, or refuses and reserves nothing. `replacing` says
    /// whether an old file keeps its room meanwhile.
    pub fn cover(&mut self, whole: Amount, replacing: bool) -> Result<()> {
        self.replacing = replacing;
        let growth = whole.minus(self.covered);
        if growth == Amount::NOTHING {
            return Ok(());
        }
        let DirectoryChange { ledger, charged } = &self.change;
        let mut books = ledger.books();
        if let Some((usage, of_mount)) = standing(&books, charged)? {
            let left = usage.left();
            if growth.bytes > left.bytes || growth.entries > left.entries {
                return Err(self.refusal(&usage, of_mount, whole));
            }
        }
        if let Some(directory) = books.directories.get_mut(&charged.directory) {
            directory.change(&charged.owner, |cell| cell.reserved = cell.reserved.plus(growth));
            self.covered = self.covered.plus(growth);
        }
        Ok(())
    }

    /// Counts `whole` as used; called before it is written.
    ///
    /// What is not covered is added, and nothing ahead of it: what one upload has not written yet
    /// is room for every other. Refuses, and changes nothing, when there is no room or the limit
    /// was lowered meanwhile.
    pub fn spend(&mut self, whole: Amount) -> Result<()> {
        let growth = whole.minus(self.held);
        if growth == Amount::NOTHING {
            return Ok(());
        }
        let DirectoryChange { ledger, charged } = &self.change;
        let mut books = ledger.books();
        let step = whole.minus(self.covered);
        if let Some((usage, of_mount)) = standing(&books, charged)? {
            let (left, most) = (usage.left(), usage.limits.amount());
            let used = usage.used.plus(growth);
            let is_over = used.bytes > most.bytes || used.entries > most.entries;
            if step.bytes > left.bytes || step.entries > left.entries || is_over {
                return Err(self.refusal(&usage, of_mount, whole));
            }
        }
        if let Some(directory) = books.directories.get_mut(&charged.directory) {
            self.covered = self.covered.plus(step);
            directory.change(&charged.owner, |cell| {
                cell.used = cell.used.plus(growth);
                cell.reserved = cell.reserved.plus(step).minus(growth);
            });
            self.held = self.held.plus(growth);
        }
        Ok(())
    }

    /// Corrects the count to what is really on the disk, after a write that failed, a truncation,
    /// or something made or removed. What is no longer used stays reserved for another try.
    pub fn settle(&mut self, on_disk: Amount) {
        if on_disk == self.held {
            return;
        }
        let (less, more) = (self.held.minus(on_disk), on_disk.minus(self.held));
        let reserved = more.min(self.covered.minus(self.held));
        let DirectoryChange { ledger, charged } = &self.change;
        if let Some(directory) = ledger.books().directories.get_mut(&charged.directory) {
            directory.change(&charged.owner, |cell| {
                cell.used = cell.used.minus(less).plus(more);
                cell.reserved = cell.reserved.plus(less).minus(reserved);
            });
        }
        self.covered = self.covered.max(on_disk);
        self.held = on_disk;
    }

    /// The refusal to hold `whole`, in the numbers of this moment.
    fn refusal(&self, usage: &Usage, of_mount: bool, whole: Amount) -> Error {
        let (need, limit) = (whole.minus(self.held), usage.limits.amount());
        let own = self.covered.minus(self.held);
        let left = usage.left().plus(own).min(limit.minus(usage.used));
        let replacing = self.replacing;
        if need.bytes > left.bytes {
            let (need, left, limit) = (need.bytes, left.bytes, limit.bytes);
            return Error::OverQuota { need, left, limit, replacing, of_mount };
        }
        let (need, left, limit) = (need.entries, left.entries, limit.entries);
        Error::TooManyEntries { need, left, limit, replacing, of_mount }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release();
    }
}

/// How whoever pays stands, and whether that is a mount; `None` where nobody pays.
///
/// Refuses with [`Error::Unmounted`] in a directory that is mounted no more.
fn standing(books: &LedgerState, charged: &Charged) -> Result<Option<(Usage, bool)>> {
    let Some(directory) = books.directories.get(&charged.directory) else { return not_counted() };
    match books.charge_rule(charged) {
        Some(owner) => Ok(Some((books.standing(owner), matches!(owner, QuotaOwner::Directory(_))))),
        None if directory.charge_rule == super::ChargeRule::Writer => Ok(None),
        None => Err(Error::Unmounted),
    }
}

/// Something that has gone from its name, and is credited when this is dropped: at once, or when
/// the last descriptor that keeps its bytes on the disk has been closed.
#[derive(Debug)]
pub struct Credit {
    change: Option<DirectoryChange>,
    amount: Amount,
}

impl Credit {
    /// A credit for what was removed. Its directory was counted: whoever removed it holds a charge.
    pub fn new(ledger: &Arc<Ledger>, charged: &Charged, amount: Amount) -> Credit {
        Credit { change: DirectoryChange::begin(ledger, charged), amount }
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        if let Some(DirectoryChange { ledger, charged }) = &self.change {
            ledger.credit(charged, self.amount);
        }
    }
}
