//! A limit of the rate at which a client's connections move bytes, in both directions together.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Bytes that move in a tenth of a second, within these bounds, move at once.
const AT_ONCE_LEAST: u64 = 256;
const AT_ONCE_MOST: u64 = 64 * 1024;

/// So many bytes a second at most; without a limit at first.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    /// 0 is no limit.
    bytes_per_sec: AtomicU64,
    /// When the next bytes may move.
    next: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// From now on this is the limit.
    pub(super) fn set(&self, bytes_per_sec: Option<u64>) {
        self.bytes_per_sec.store(bytes_per_sec.unwrap_or(0), Ordering::Relaxed);
    }

    /// How many bytes move at once; `None` where there is no limit.
    pub(super) fn at_once(&self) -> Option<usize> {
        let rate = Some(self.bytes_per_sec.load(Ordering::Relaxed)).filter(|rate| *rate > 0)?;
        usize::try_from((rate / 10).clamp(AT_ONCE_LEAST, AT_ONCE_MOST)).ok()
    }

    /// Takes a turn for so many bytes: how long it is until then.
    pub(super) fn turn(&self, bytes: usize) -> Duration {
        self.turn_at(bytes, Instant::now())
    }

    fn turn_at(&self, bytes: usize, now: Instant) -> Duration {
        let rate = self.bytes_per_sec.load(Ordering::Relaxed).max(1);
        let takes = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let mut next = lock(&self.next);
        let begin = next.unwrap_or(now).max(now);
        *next = begin.checked_add(takes);
        begin.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_one_after_the_other_at_the_rate() {
        let limit = RateLimit::default();
        assert_eq!(limit.at_once(), None);
        limit.set(Some(10_000));
        assert_eq!(limit.at_once(), Some(1000));
        let now = Instant::now();
        let waits: Vec<u128> = (0..4).map(|_| limit.turn_at(1000, now).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 300]);
        let later = now + Duration::from_secs(5);
        assert_eq!(limit.turn_at(1000, later), Duration::ZERO, "what was not used is lost");
        for (rate, bytes) in [(1, 256), (1 << 40, 64 * 1024)] {
            limit.set(Some(rate));
            assert_eq!(limit.at_once(), Some(bytes));
        }
    }
}
