//! Counting a directory: once before anything changes in it, and now and then later, in case
//! somebody put files there without the server.
//!
//! The first count excludes changes: a charge can only be opened in a directory that is counted.
//! A later one excludes nothing and delays nobody; it counts only if nothing changed meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{Amount, Balance, Directory, DirectoryId, FileOwner, Ledger, LedgerState};

/// What is known of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountState {
    /// Nothing.
    Unknown,
    /// Somebody is walking through it for the first time; the number is that count's own.
    Begun(u64),
    /// Its figures, since when, and how long it took to find them; since never, where they are what
    /// the server before has kept and nobody has tried to check them yet.
    Known { at: Option<Instant>, took: Duration },
}

impl CountState {
    pub(super) fn is_begun(self) -> bool {
        matches!(self, CountState::Begun(_))
    }
}

/// Whether a directory has to be counted.
#[derive(Debug)]
pub enum Begin {
    /// Its figures are known.
    Known,
    /// Somebody else is counting it.
    Running,
    /// The caller is to count it.
    Begun(Count),
}

/// The right to say what a directory holds. Dropped before [`Count::finish`], it is another's turn.
#[derive(Debug)]
pub struct Count {
    ledger: Arc<Ledger>,
    id: DirectoryId,
    kind: CountKind,
    begun: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountKind {
    /// Nothing is known yet; the number is in the directory's state.
    First(u64),
    /// So many changes had ended when it began.
    Later(u64),
}

impl Ledger {
    /// Begins the first count of a directory. One that is not known here need not be counted.
    pub fn begin_count(self: &Arc<Self>, id: DirectoryId) -> Begin {
        let mut books = self.books();
        let number = books.counts.wrapping_add(1);
        let Some(directory) = books.directories.get_mut(&id) else { return Begin::Known };
        match directory.count {
            CountState::Known { .. } => Begin::Known,
            CountState::Begun(_) => Begin::Running,
            CountState::Unknown => {
                directory.count = CountState::Begun(number);
                books.counts = number;
                Begin::Begun(self.count(id, CountKind::First(number)))
            }
        }
    }

    /// Begins to count a directory again that nothing changes just now, if that was done last so
    /// long ago, and a hundred times as long as it took, or if this server has never tried.
    pub fn begin_recount(self: &Arc<Self>, id: DirectoryId, age: Duration) -> Option<Count> {
        let mut books = self.books();
        let directory = books.directories.get_mut(&id)?;
        let CountState::Known { at, took } = directory.count else { return None };
        let is_old = at.is_none_or(|at| at.elapsed() >= age.max(took.saturating_mul(100)));
        if !is_old || directory.running > 0 || directory.is_recounted {
            return None;
        }
        directory.is_recounted = true;
        Some(self.count(id, CountKind::Later(directory.ended)))
    }

    fn count(self: &Arc<Self>, id: DirectoryId, kind: CountKind) -> Count {
        Count { ledger: Arc::clone(self), id, kind, begun: Instant::now() }
    }

    /// The directories that hold at least so many entries.
    pub fn directories_from(&self, entries: u64) -> Vec<DirectoryId> {
        let books = self.books();
        let all = books.directories.iter();
        let large = all.filter(|(_, directory)| directory.total.used.entries >= entries);
        large.map(|(id, _)| *id).collect()
    }

    /// Takes out what a directory holds, and how long it took to count it, if nothing changes it
    /// now. It counts as unknown from here on, so that nothing can be changed there any more.
    pub fn take_figures(&self, id: DirectoryId) -> Option<(HashMap<FileOwner, Amount>, Duration)> {
        let mut books = self.books();
        let directory = books.directories.get_mut(&id)?;
        let CountState::Known { took, .. } = directory.count else { return None };
        if directory.running > 0 {
            return None;
        }
        directory.count = CountState::Unknown;
        let cells = directory.cells.iter();
        Some((cells.map(|(owner, cell)| (owner.clone(), cell.used)).collect(), took))
    }

    /// Waits until the first count of a directory has ended, at most for `patience`.
    pub fn wait_for_count(&self, id: DirectoryId, patience: Duration) {
        let is_begun = |books: &mut LedgerState| {
            books.directories.get(&id).is_some_and(|directory| directory.count.is_begun())
        };
        let waited = self.counted.wait_timeout_while(self.books(), patience, is_begun);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Count {
    /// What the directory holds as far as is known, in all; `None` for a first count.
    pub fn known(&self) -> Option<Amount> {
        let books = self.ledger.books();
        let directory = books.directories.get(&self.id).filter(|known| known.is_counted())?;
        Some(directory.total.used)
    }

    /// Notes what was found, for each owner of a file. A later count in which something changed is
    /// void: `false`.
    pub fn finish(self, found: HashMap<FileOwner, Amount>) -> bool {
        let mut books = self.ledger.books();
        let Some(directory) = books.directories.get_mut(&self.id) else { return false };
        let is_sound = match self.kind {
            CountKind::First(number) => directory.count == CountState::Begun(number),
            CountKind::Later(ended) => {
                directory.is_counted() && directory.running == 0 && directory.ended == ended
            }
        };
        if is_sound {
            let (at, took) = (Some(Instant::now()), self.begun.elapsed());
            directory.set(found, CountState::Known { at, took });
        }
        is_sound
    }

    /// Notes what the server before has kept instead of a walk, and how long its own took. Whoever
    /// may change something relies on it at once; [`Ledger::begin_recount`] checks it.
    pub fn finish_with_kept(self, kept: HashMap<FileOwner, Amount>, took: Duration) {
        let mut books = self.ledger.books();
        let Some(directory) = books.directories.get_mut(&self.id) else { return };
        let CountKind::First(number) = self.kind else { return };
        if directory.count == CountState::Begun(number) {
            directory.set(kept, CountState::Known { at: None, took });
        }
    }
}

impl Directory {
    /// Sets all figures. Nothing is reserved: a count ends while nothing changes.
    fn set(&mut self, found: HashMap<FileOwner, Amount>, count: CountState) {
        self.count = count;
        let total = found.values().fold(Amount::NOTHING, |sum, amount| sum.plus(*amount));
        let cell = |used| Balance { used, reserved: Amount::NOTHING };
        self.total = cell(total);
        self.cells = found.into_iter().map(|(owner, used)| (owner, cell(used))).collect();
    }
}

impl Drop for Count {
    /// What was not finished is to be begun again by another.
    fn drop(&mut self) {
        let mut books = self.ledger.books();
        if let Some(directory) = books.directories.get_mut(&self.id) {
            match self.kind {
                CountKind::First(number) if directory.count == CountState::Begun(number) => {
                    directory.count = CountState::Unknown;
                }
                CountKind::First(_) => {}
                CountKind::Later(_) => {
                    directory.is_recounted = false;
                    // A busy directory is not walked through all the time either.
                    if let CountState::Known { at: at @ None, .. } = &mut directory.count {
                        *at = Some(Instant::now());
                    }
                }
            }
        }
        drop(books);
        self.ledger.counted.notify_all();
    }
}
