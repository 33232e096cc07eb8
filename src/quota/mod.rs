//! The ledger: what each directory holds and for whom, and what each quota owner may store.
//!
//! A directory is known by what it is on the disk, never by what it is called, so a mount that is
//! renamed, pointed elsewhere, taken away or brought back keeps its figures. For each directory the
//! ledger keeps the bytes and entries of every file owner; who is charged for them (the account
//! whose home it is, the owner of each file, the directory itself) is a rule that may change while
//! it is in use, and the sums follow at once.
//!
//! The disk is the truth and the ledger its cache, filled by a walk before anything changes. What
//! is to be stored is first reserved, then counted as used just before it is written; what was
//! reserved and not used is returned when the [`Charge`] is dropped, however its thread ends.
//!
//! Never: touches the disk, or keeps its one short lock while it waits.
//! Invariant: whenever something is reserved, used + reserved is at most the limit, with any number
//! of threads; no figure is ever negative. In a directory that was not counted nothing is stored.

mod amount;
mod charge;
mod count;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub use self::amount::{Amount, Entries, QuotaLimits, Usage};
pub use self::charge::{Charge, Credit};
pub use self::count::{Begin, Count};
use crate::error::{Error, Result};

/// Who stored a file, where its directory keeps that: an account's name.
pub type FileOwner = Option<Arc<str>>;

/// Which directory on the disk, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryId {
    /// The device that it is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
}

/// Who is charged for what a directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeRule {
    /// The account whose home it is.
    Account(Arc<str>),
    /// The owner of each file; nobody for what has none, which the operator put there.
    Writer,
    /// The directory itself, which has limits of its own.
    Directory,
    /// Nobody, because it is not mounted: nothing can be added.
    Nobody,
}

/// What a stored file is charged to: the directory that it is in, and its owner there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The home, or the mounted directory.
    pub directory: DirectoryId,
    /// The owner of the file.
    pub owner: FileOwner,
}

/// Used and reserved, of one file owner in one directory or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Balance {
    used: Amount,
    reserved: Amount,
}

#[derive(Debug)]
struct Directory {
    charge_rule: ChargeRule,
    /// What it may hold, where it pays for itself.
    limits: QuotaLimits,
    cells: HashMap<FileOwner, Balance>,
    total: Balance,
    count: count::CountState,
    /// Changes that are under way, and so many that have ended: a walk counts only if it saw none.
    running: u64,
    ended: u64,
    /// Whether a later count is under way.
    is_recounted: bool,
}

#[derive(Debug, Default)]
struct LedgerState {
    directories: HashMap<DirectoryId, Directory>,
    homes: HashMap<Arc<str>, DirectoryId>,
    limits: HashMap<Arc<str>, QuotaLimits>,
    /// The directories whose files their owners pay for.
    shared: Vec<DirectoryId>,
    /// First counts that were begun, so that each has a number of its own.
    counts: u64,
}

/// The figures of all directories and the limits of all quota owners.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Mutex<LedgerState>,
    counted: Condvar,
}

impl Ledger {
    /// A ledger that knows nothing, so that nobody may store.
    pub fn new() -> Ledger {
        Ledger::default()
    }

    /// Names the home of an account. The figures that are known of the directory stay, unless they
    /// were another's, or another directory was the account's home meanwhile.
    pub fn open_home(&self, account: &str, id: DirectoryId) {
        let mut books = self.books();
        let name: Arc<str> = account.into();
        if let Some(before) = books.homes.insert(Arc::clone(&name), id).filter(|old| *old != id) {
            books.forget(before);
            books.forget(id);
        }
        books.open(id, ChargeRule::Account(name), QuotaLimits::NONE);
    }

    /// Forgets the home of an account whose files were taken away.
    pub fn close_home(&self, account: &str) {
        let mut books = self.books();
        if let Some(id) = books.homes.remove(account) {
            books.forget(id);
        }
    }

    /// Notes that a directory is mounted, and who pays for what it holds; `limits` are its own.
    pub fn mount(&self, id: DirectoryId, charge_rule: ChargeRule, limits: QuotaLimits) {
        let mut books = self.books();
        let is_home = books.directories.get(&id).is_some_and(|directory| {
            matches!(&directory.charge_rule, ChargeRule::Account(name)
                if books.homes.get(name) == Some(&id))
        });
        // A home that is mounted to be read elsewhere is still its account's to pay for.
        if !is_home {
            books.open(id, charge_rule, limits);
        }
    }

    /// Notes that a directory is mounted no more. What is known of it stays while something that
    /// began before still changes it.
    pub fn unmount(&self, id: DirectoryId) {
        let mut books = self.books();
        let is_mount =
            |directory: &Directory| !matches!(directory.charge_rule, ChargeRule::Account(_));
        if books.directories.get(&id).is_some_and(is_mount) {
            books.open(id, ChargeRule::Nobody, QuotaLimits::NONE);
            books.forget(id);
        }
    }

    /// Sets what an account may store. A limit below what is used takes nothing away, but nothing
    /// is added until there is room again.
    pub fn set_limits(&self, account: &str, limits: QuotaLimits) {
        let mut books = self.books();
        match books.limits.get_mut(account) {
            Some(known) => *known = limits,
            None => drop(books.limits.insert(account.into(), limits)),
        }
    }

    /// How an account stands; `None` while not all that it pays for has been counted.
    pub fn usage(&self, account: &str) -> Option<Usage> {
        let books = self.books();
        if books.uncounted(account).next().is_some() || !books.homes.contains_key(account) {
            return None;
        }
        Some(books.account(account))
    }

    /// How whoever pays for a file stands; `None` while that has not been counted, or where nobody
    /// pays.
    pub fn usage_of(&self, charged: &Charged) -> Option<Usage> {
        let books = self.books();
        let directory = books.directories.get(&charged.directory)?;
        if !directory.is_counted() {
            return None;
        }
        match books.charge_rule(charged)? {
            QuotaOwner::Account(account) if books.uncounted(account).next().is_some() => None,
            owner => Some(books.standing(owner)),
        }
    }

    /// Who pays for what a directory holds.
    pub fn charge_rule(&self, id: DirectoryId) -> ChargeRule {
        self.books()
            .directories
            .get(&id)
            .map_or(ChargeRule::Nobody, |known| known.charge_rule.clone())
    }

    /// Whether the same account or directory pays for both.
    pub fn is_paid_alike(&self, one: &Charged, other: &Charged) -> bool {
        let books = self.books();
        let charge_rule = books.charge_rule(one);
        charge_rule.is_some() && charge_rule == books.charge_rule(other)
    }

    /// The directories that must be counted before `charged` can be charged, or, where there is no
    /// such thing, before an account's figures are known.
    pub fn uncounted(&self, account: Option<&str>, charged: Option<&Charged>) -> Vec<DirectoryId> {
        let books = self.books();
        let charge_rule = charged.and_then(|charged| match books.charge_rule(charged)? {
            QuotaOwner::Account(account) => Some(account),
            QuotaOwner::Directory(_) => None,
        });
        let here = charged.map(|charged| charged.directory);
        let here = here.filter(|id| books.directories.get(id).is_some_and(|d| !d.is_counted()));
        let mut ids: Vec<_> = here.into_iter().collect();
        ids.extend(
            account.or(charge_rule).into_iter().flat_map(|account| books.uncounted(account)),
        );
        ids.dedup();
        ids
    }

    /// Credits what was removed from the disk.
    pub fn credit(&self, charged: &Charged, amount: Amount) {
        let mut books = self.books();
        let Some(directory) = books.directories.get_mut(&charged.directory) else { return };
        let cell = directory.cells.get(&charged.owner).copied().unwrap_or_default();
        if cell.used.minus(amount).plus(amount) != cell.used {
            let (has, owner) = (cell.used, charged.owner.as_deref().unwrap_or("nobody"));
            log::error!("ledger: {amount} credited to {owner}, who had stored {has} there");
        }
        directory.change(&charged.owner, |cell| cell.used = cell.used.minus(amount));
    }

    /// Poison is ignored: every section under this lock is a few assignments that cannot panic and
    /// cannot leave half a state, so a thread that died elsewhere leaves sound figures.
    fn books(&self) -> MutexGuard<'_, LedgerState> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who pays: an account, or a directory with limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuotaOwner<'a> {
    Account(&'a str),
    Directory(DirectoryId),
}

impl LedgerState {
    /// Sets who pays for a directory. Of one that was an account's home, or becomes one, nothing is
    /// known any more: its inode belongs to something else now.
    fn open(&mut self, id: DirectoryId, charge_rule: ChargeRule, limits: QuotaLimits) {
        let directory =
            self.directories.entry(id).or_insert_with(|| Directory::new(charge_rule.clone()));
        let is_home = |charge_rule: &ChargeRule| matches!(charge_rule, ChargeRule::Account(_));
        let changes_hands = is_home(&charge_rule) || is_home(&directory.charge_rule);
        if changes_hands && directory.charge_rule != charge_rule && directory.running == 0 {
            *directory = Directory::new(charge_rule.clone());
        }
        (directory.charge_rule, directory.limits) = (charge_rule, limits);
        let is_shared = directory.charge_rule == ChargeRule::Writer;
        self.shared.retain(|known| *known != id);
        if is_shared {
            self.shared.push(id);
        }
    }

    /// Forgets a directory, so that it is counted again; not one that something still changes.
    fn forget(&mut self, id: DirectoryId) {
        if self.directories.get(&id).is_some_and(|directory| directory.running == 0) {
            self.directories.remove(&id);
            self.shared.retain(|known| *known != id);
        }
    }

    /// Who pays for a file; `None` where nobody does.
    fn charge_rule<'a>(&'a self, charged: &'a Charged) -> Option<QuotaOwner<'a>> {
        match &self.directories.get(&charged.directory)?.charge_rule {
            ChargeRule::Account(name) => Some(QuotaOwner::Account(name)),
            ChargeRule::Writer => charged.owner.as_deref().map(QuotaOwner::Account),
            ChargeRule::Directory => Some(QuotaOwner::Directory(charged.directory)),
            ChargeRule::Nobody => None,
        }
    }

    fn standing(&self, owner: QuotaOwner<'_>) -> Usage {
        match owner {
            QuotaOwner::Account(account) => self.account(account),
            QuotaOwner::Directory(id) => {
                self.directories.get(&id).map_or(Usage::NONE, |directory| {
                    let Balance { used, reserved } = directory.total;
                    Usage { used, reserved, limits: directory.limits }
                })
            }
        }
    }

    fn account(&self, account: &str) -> Usage {
        let home = self.homes.get(account).and_then(|id| self.directories.get(id));
        let mut sum = home.map(|home| home.total).unwrap_or_default();
        if !self.shared.is_empty() {
            let owner = Some(Arc::from(account));
            for directory in self.shared.iter().filter_map(|id| self.directories.get(id)) {
                let cell = directory.cells.get(&owner).copied().unwrap_or_default();
                sum.used = sum.used.plus(cell.used);
                sum.reserved = sum.reserved.plus(cell.reserved);
            }
        }
        let limits = self.limits.get(account).copied().unwrap_or(QuotaLimits::NONE);
        Usage { used: sum.used, reserved: sum.reserved, limits }
    }

    /// The directories that an account pays in and that were not counted.
    fn uncounted(&self, account: &str) -> impl Iterator<Item = DirectoryId> + '_ {
        let all = self.homes.get(account).into_iter().chain(&self.shared).copied();
        all.filter(|id| self.directories.get(id).is_some_and(|known| !known.is_counted()))
    }
}

impl Directory {
    fn new(charge_rule: ChargeRule) -> Directory {
        Directory {
            charge_rule,
            limits: QuotaLimits::NONE,
            cells: HashMap::new(),
            total: Balance::default(),
            count: count::CountState::Unknown,
            running: 0,
            ended: 0,
            is_recounted: false,
        }
    }

    /// Changes what one file owner has, and the total by as much.
    fn change(&mut self, owner: &FileOwner, change: impl FnOnce(&mut Balance)) {
        let cell = self.cells.entry(owner.clone()).or_default();
        let before = *cell;
        change(cell);
        let after = *cell;
        if after == Balance::default() {
            self.cells.remove(owner);
        }
        self.total.used = self.total.used.minus(before.used).plus(after.used);
        self.total.reserved = self.total.reserved.minus(before.reserved).plus(after.reserved);
    }

    fn is_counted(&self) -> bool {
        matches!(self.count, count::CountState::Known { .. })
    }
}

/// What is said of a directory that nobody counted: a fault of this program, since whoever is about
/// to change something sees to the count first.
fn not_counted<T>() -> Result<T> {
    Err(Error::WrongState { what: "what is stored here has not been counted yet; try again" })
}

#[cfg(test)]
mod tests;
