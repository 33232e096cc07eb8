//! Counting a directory: once before anything changes in it, and now and then later, in case
//! somebody put files there without the server.
//!
//! The first count excludes changes: a charge can only be opened in a directory that is counted.
//! A later one excludes nothing and delays nobody; it counts only if nothing changed meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{Amount, Balance, DirectoryId, FileOwner, Ledger, LedgerState};

/// What is known of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountState {
    /// Nothing.
    Unknown,
    /// Somebody is walking through it for the first time; the number is that count's own.
    Begun(u64),
    /// Its figures, since when, and how long it took to find them.
    Known { at: Instant, took: Duration },
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
    /// long ago, and a hundred times as long as it took.
    pub fn begin_recount(self: &Arc<Self>, id: DirectoryId, age: Duration) -> Option<Count> {
        let mut books = self.books();
        let directory = books.directories.get_mut(&id)?;
        let CountState::Known { at, took } = directory.count else { return None };
        let is_old = at.elapsed() >= age.max(took.saturating_mul(100));
        if !is_old || directory.running > 0 || directory.is_recounted {
            return None;
        }
        directory.is_recounted = true;
        Some(self.count(id, CountKind::Later(directory.ended)))
    }

    fn count(self: &Arc<Self>, id: DirectoryId, kind: CountKind) -> Count {
        Count { ledger: Arc::clone(self), id, kind, begun: Instant::now() }
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
            let (at, took) = (Instant::now(), self.begun.elapsed());
            directory.count = CountState::Known { at, took };
            let total = found.values().fold(Amount::NOTHING, |sum, amount| sum.plus(*amount));
            let cell = |used| Balance { used, reserved: Amount::NOTHING };
            directory.total = cell(total);
            directory.cells = found.into_iter().map(|(owner, used)| (owner, cell(used))).collect();
        }
        is_sound
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
                CountKind::Later(_) => directory.is_recounted = false,
            }
        }
        drop(books);
        self.ledger.counted.notify_all();
    }
}
