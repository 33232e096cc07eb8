//! A large file of which several connections take ranges. Whoever has the file gives the ranges
//! out, in order, so that what is missing after a break lies close together.
//!
//! Invariant: a range that was not transferred to its end is given out again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Client;
use super::apart::LOOK;
use super::error::Result;
use super::fetch::ByteRange;
use super::progress::Progress;
use crate::lock::lock;

/// Bytes of a range: long enough that asking for it costs nothing, short enough that connections
/// end together.
const RANGE: u64 = 8 * 1024 * 1024;
/// Bytes of a file from which on it is shared.
pub(super) const SHARED_FROM: u64 = 2 * RANGE;

/// A file that is being shared.
pub(super) trait SharedFile: Send + Sync {
    /// Its ranges.
    fn ranges(&self) -> &Ranges;

    /// Transfers ranges of it over another connection than that which has it, as long as there are
    /// any.
    fn help(self: Arc<Self>, client: &mut Client, progress: &mut dyn Progress) -> Result<()>;
}

/// The files that are being shared.
#[derive(Default)]
pub(super) struct Board(Mutex<Vec<Arc<dyn SharedFile>>>);

impl Board {
    fn add(&self, file: Arc<dyn SharedFile>) {
        lock(&self.0).push(file);
    }

    fn remove(&self, file: &Arc<dyn SharedFile>) {
        lock(&self.0).retain(|other| !Arc::ptr_eq(other, file));
    }

    /// A file of which a range can be had.
    pub(super) fn any(&self) -> Option<Arc<dyn SharedFile>> {
        lock(&self.0).iter().find(|file| file.ranges().can_be_had()).cloned()
    }
}

/// The ranges of one file, from where it began to be shared to its end.
pub(super) struct Ranges {
    size: u64,
    state: Mutex<State>,
    /// Bytes of the file that are transferred, with those that were there before.
    pub(super) done: Arc<AtomicU64>,
    /// Bytes that went over other connections.
    pub(super) helped: AtomicU64,
}

struct State {
    next: u64,
    /// Up to here ranges may be given out.
    most: u64,
    returned: Vec<ByteRange>,
    /// Ranges that somebody has.
    out: usize,
    /// Nobody else is to take any.
    is_alone: bool,
    is_over: bool,
}

impl Ranges {
    /// All of a file from `from` on; at first they are given out up to `most` only.
    pub(super) fn new((from, size): ByteRange, most: u64) -> Ranges {
        let (next, returned) = (from, Vec::new());
        let state = State { next, most, returned, out: 0, is_alone: false, is_over: false };
        let done = Arc::new(AtomicU64::new(from));
        Ranges { size, state: Mutex::new(state), done, helped: AtomicU64::new(0) }
    }

    /// Whether all of it is transferred. That is one look: between two a range could be given back
    /// and taken by somebody else, and be in neither.
    pub(super) fn is_finished(&self) -> bool {
        let state = lock(&self.state);
        state.out == 0 && state.returned.is_empty() && state.next >= self.size
    }

    /// Whether another connection can have a range now.
    fn can_be_had(&self) -> bool {
        let state = lock(&self.state);
        let is_left = state.next < self.size.min(state.most) || !state.returned.is_empty();
        is_left && !state.is_over && !state.is_alone
    }

    /// The next range that nobody has; `None` for another connection where it is not to help.
    pub(super) fn take(&self, is_owner: bool) -> Option<ByteRange> {
        let mut state = lock(&self.state);
        if state.is_over || (state.is_alone && !is_owner) {
            return None;
        }
        let range = state.returned.pop().or_else(|| {
            let from = state.next;
            (from < self.size.min(state.most)).then(|| {
                state.next = from.saturating_add(RANGE).min(self.size);
                (from, state.next)
            })
        })?;
        state.out += 1;
        Some(range)
    }

    /// From now on ranges are given out up to there.
    pub(super) fn reach(&self, most: u64) {
        let mut state = lock(&self.state);
        state.most = state.most.max(most);
    }

    /// Bytes more have been transferred.
    pub(super) fn moved(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A range was transferred to its end.
    pub(super) fn finish(&self) {
        let mut state = lock(&self.state);
        state.out = state.out.saturating_sub(1);
    }

    /// A range is to be transferred again, of which so many bytes were counted.
    pub(super) fn give_back(&self, range: ByteRange, moved: u64) {
        let mut state = lock(&self.state);
        state.out = state.out.saturating_sub(1);
        self.done.fetch_sub(moved, Ordering::Relaxed);
        state.returned.push(range);
    }

    /// Whoever has the file goes on without help.
    pub(super) fn go_on_alone(&self) {
        lock(&self.state).is_alone = true;
    }

    /// Whether it was given up.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.state).is_over
    }

    /// Nothing of it is to be transferred any more.
    pub(super) fn close(&self) {
        lock(&self.state).is_over = true;
    }

    /// Whether nobody has any of it.
    pub(super) fn is_quiet(&self) -> bool {
        lock(&self.state).out == 0
    }
}

/// A file that others may help with, as long as this lives.
pub(super) struct Sharing<'a, F: SharedFile + 'static> {
    board: &'a Board,
    pub(super) file: Arc<F>,
}

impl<'a, F: SharedFile + 'static> Sharing<'a, F> {
    pub(super) fn begin(board: &'a Board, file: F) -> Sharing<'a, F> {
        let file = Arc::new(file);
        board.add(file.clone());
        Sharing { board, file }
    }
}

impl<F: SharedFile + 'static> Drop for Sharing<'_, F> {
    /// Until nobody moves anything any more: what has been given up is compared, or goes.
    fn drop(&mut self) {
        self.file.ranges().close();
        let file: Arc<dyn SharedFile> = self.file.clone();
        self.board.remove(&file);
        while !self.file.ranges().is_quiet() {
            // Whoever still moves something has the deadlines of its line.
            std::thread::sleep(LOOK / 10);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_transferred_when_nobody_has_a_range_and_none_is_left() {
        let ranges = Ranges::new((0, 2 * RANGE + 5), RANGE);
        let first = ranges.take(true).unwrap();
        assert_eq!(first, (0, RANGE));
        assert!(ranges.take(true).is_none(), "no further than it reaches");
        ranges.reach(u64::MAX);
        let (second, last) = (ranges.take(false).unwrap(), ranges.take(false).unwrap());
        assert_eq!((second, last), ((RANGE, 2 * RANGE), (2 * RANGE, 2 * RANGE + 5)));
        ranges.finish();
        ranges.finish();
        assert!(!ranges.is_finished(), "somebody has one");
        ranges.give_back(last, 0);
        assert!(ranges.is_quiet() && !ranges.is_finished(), "one is left");
        assert_eq!(ranges.take(false), Some(last));
        assert!(!ranges.is_finished());
        ranges.finish();
        assert!(ranges.is_finished());
    }
}
