//! Transfers under way: how far each one is, and how fast, for whoever asks while it runs.
//!
//! Invariant: a transfer is in its connection's list exactly as long as its
//! [`TransferEntry`](super::TransferEntry) lives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::event::Verb;
use crate::lock::lock;
use crate::vfs::VPath;

/// A size that nobody has said.
const UNKNOWN: u64 = u64::MAX;

/// What one connection moves now; cheap to clone, and all clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Transfers(Arc<Mutex<Vec<Arc<TransferProgress>>>>);

/// A transfer under way, as others see it.
#[derive(Clone, Debug)]
pub struct TransferSeen {
    /// Whether it comes or goes, or is a copy on the server.
    pub verb: Verb,
    /// The path.
    pub path: VPath,
    /// Where in the file it is.
    pub at_bytes: u64,
    /// Bytes of the whole file, where that is known.
    pub size_bytes: Option<u64>,
    /// Bytes a second, over the last seconds.
    pub rate: u64,
    /// How long it has been under way.
    pub took: Duration,
}

/// One transfer: its own thread writes it, whoever asks reads it.
#[derive(Debug)]
pub(super) struct TransferProgress {
    verb: Verb,
    path: VPath,
    begun: Instant,
    at_bytes: AtomicU64,
    size_bytes: AtomicU64,
    pace: Mutex<Pace>,
}

impl Transfers {
    pub(super) fn begin(&self, verb: Verb, path: &VPath) -> Arc<TransferProgress> {
        let progress = Arc::new(TransferProgress {
            verb,
            path: path.clone(),
            begun: Instant::now(),
            at_bytes: AtomicU64::new(0),
            size_bytes: AtomicU64::new(UNKNOWN),
            pace: Mutex::default(),
        });
        lock(&self.0).push(Arc::clone(&progress));
        progress
    }

    pub(super) fn end(&self, progress: &Arc<TransferProgress>) {
        lock(&self.0).retain(|one| !Arc::ptr_eq(one, progress));
    }

    /// The one that began last.
    pub fn last(&self) -> Option<TransferSeen> {
        lock(&self.0).last().map(|progress| progress.seen())
    }

    /// How many are under way: to the server and from it.
    pub fn count(&self) -> (usize, usize) {
        let transfers = lock(&self.0);
        let count = |verb| transfers.iter().filter(|one| one.verb == verb).count();
        (count(Verb::Put), count(Verb::Get))
    }
}

impl TransferProgress {
    /// Where in the file it begins, and how long the file is, where that is known.
    pub(super) fn is_of(&self, at_bytes: u64, size_bytes: Option<u64>) {
        self.at_bytes.store(at_bytes, Ordering::Relaxed);
        self.size_bytes.store(size_bytes.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// Where in the file it is now.
    pub(super) fn reaches(&self, at_bytes: u64) {
        self.at_bytes.store(at_bytes, Ordering::Relaxed);
    }

    /// So many bytes more have travelled.
    pub(super) fn moved(&self, bytes: u64) {
        self.at_bytes.fetch_add(bytes, Ordering::Relaxed);
        lock(&self.pace).add(self.begun.elapsed(), bytes);
    }

    fn seen(&self) -> TransferSeen {
        let took = self.begun.elapsed();
        let size_bytes = Some(self.size_bytes.load(Ordering::Relaxed)).filter(|n| *n != UNKNOWN);
        TransferSeen {
            verb: self.verb,
            path: self.path.clone(),
            at_bytes: self.at_bytes.load(Ordering::Relaxed).min(size_bytes.unwrap_or(UNKNOWN)),
            size_bytes,
            rate: lock(&self.pace).rate(took),
            took,
        }
    }
}

impl TransferSeen {
    /// How much of the file is there, in whole percents; 100 only when all of it is.
    pub fn percent(&self) -> Option<u64> {
        let size = self.size_bytes?;
        let share = u128::from(self.at_bytes) * 100 / u128::from(size.max(1));
        Some(if size == 0 { 100 } else { u64::try_from(share).unwrap_or(100) })
    }
}

/// Seconds over which the pace is taken.
const WINDOW_SECS: usize = 5;

/// Bytes of each of the last seconds.
#[derive(Debug, Default)]
struct Pace {
    /// The second that is counted now, since the beginning.
    second: u64,
    /// Bytes by second, each second at its remainder.
    bytes: [u64; WINDOW_SECS],
}

impl Pace {
    /// Forgets the seconds that are over for too long.
    fn advance(&mut self, second: u64) {
        let passed = second.saturating_sub(self.second).min(WINDOW_SECS as u64);
        for ago in 0..passed {
            self.bytes[((second - ago) % WINDOW_SECS as u64) as usize] = 0;
        }
        self.second = self.second.max(second);
    }

    fn add(&mut self, at: Duration, bytes: u64) {
        self.advance(at.as_secs());
        let slot = &mut self.bytes[(self.second % WINDOW_SECS as u64) as usize];
        *slot = slot.saturating_add(bytes);
    }

    fn rate(&mut self, at: Duration) -> u64 {
        self.advance(at.as_secs());
        let bytes: u128 = self.bytes.iter().map(|bytes| u128::from(*bytes)).sum();
        let whole_secs = at.as_secs().min(WINDOW_SECS as u64 - 1);
        // A transfer that has just begun is not said to be faster than its first tenth of a second.
        let millis = (u128::from(whole_secs) * 1000 + u128::from(at.subsec_millis())).max(100);
        u64::try_from(bytes * 1000 / millis).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_last_seconds() {
        let mut pace = Pace::default();
        let at = |millis| Duration::from_millis(millis);
        pace.add(at(0), 500);
        assert_eq!(pace.rate(at(500)), 1000);
        for second in 1..20 {
            pace.add(at(second * 1000), 2000);
        }
        assert_eq!(pace.rate(at(19_999)), 2000);
        // Nothing for five seconds is nothing; what came before is not spread over the pause.
        assert_eq!(pace.rate(at(22_000)), 1000);
        assert_eq!(pace.rate(at(24_999)), 0);
        pace.add(at(1_000_000), 4000);
        assert_eq!(pace.rate(at(1_000_500)), 888);
    }

    #[test]
    fn a_file_is_there_when_all_of_it_is() {
        let seen = |at_bytes, size_bytes| TransferSeen {
            verb: Verb::Put,
            path: VPath::root(),
            at_bytes,
            size_bytes,
            rate: 0,
            took: Duration::ZERO,
        };
        for (at, size, percent) in [
            (0, Some(10), Some(0)),
            (999, Some(1000), Some(99)),
            (1000, Some(1000), Some(100)),
            (0, Some(0), Some(100)),
            (u64::MAX - 2, Some(u64::MAX - 1), Some(99)),
            (5, None, None),
        ] {
            assert_eq!(seen(at, size).percent(), percent, "{at} of {size:?}");
        }
    }
}
