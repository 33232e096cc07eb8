//! The time of a transfer and how fast it goes: the time that nobody waits in, and the rate of the
//! last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rate is that of so many seconds before.
const WINDOW: Duration = Duration::from_secs(5);
/// How often it is noted how much has moved.
const NOTE_EVERY: Duration = Duration::from_millis(200);

/// A clock that stands still while the user is asked or the line is broken.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    began: Instant,
    waited: Duration,
    waiting_since: Option<Instant>,
    moved: u64,
    /// How much had moved, and when, the oldest first.
    notes: VecDeque<(Duration, u64)>,
}

impl Stopwatch {
    pub(crate) fn begin() -> Stopwatch {
        Stopwatch::begin_at(Instant::now())
    }

    fn begin_at(now: Instant) -> Stopwatch {
        Stopwatch {
            began: now,
            waited: Duration::ZERO,
            waiting_since: None,
            moved: 0,
            notes: VecDeque::from([(Duration::ZERO, 0)]),
        }
    }

    /// From now on the time does not count.
    pub(crate) fn wait(&mut self) {
        self.wait_at(Instant::now());
    }

    fn wait_at(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// It counts again.
    pub(crate) fn go_on(&mut self) {
        self.go_on_at(Instant::now());
    }

    fn go_on_at(&mut self, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// The time that counts.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed_at(Instant::now())
    }

    fn elapsed_at(&self, now: Instant) -> Duration {
        let is = self.waiting_since.unwrap_or(now);
        is.saturating_duration_since(self.began).saturating_sub(self.waited)
    }

    /// So many bytes have moved.
    pub(crate) fn moved(&mut self, bytes: u64) {
        let now = self.elapsed();
        self.note(bytes, now);
    }

    fn note(&mut self, bytes: u64, now: Duration) {
        self.moved = self.moved.saturating_add(bytes);
        if self.notes.back().is_some_and(|(at, _)| now.saturating_sub(*at) >= NOTE_EVERY) {
            self.notes.push_back((now, self.moved));
        }
        // The oldest one that stays is where the window begins.
        while self.notes.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.notes.pop_front();
        }
    }

    /// How much moved lately, and in what time.
    pub(crate) fn lately(&self) -> (u64, Duration) {
        self.since(self.elapsed())
    }

    fn since(&self, now: Duration) -> (u64, Duration) {
        let (at, moved) = self.notes.front().copied().unwrap_or_default();
        (self.moved.saturating_sub(moved), now.saturating_sub(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut watch = Stopwatch::begin();
        let tenth = |n: u32| Duration::from_millis(100) * n;
        // Ten seconds at 1000 bytes a second, then ten at 10.
        (1..=100).for_each(|n| watch.note(100, tenth(n)));
        let (bytes, time) = watch.since(tenth(100));
        assert!((4900..=5500).contains(&bytes), "{bytes}");
        assert!((4.9..=5.5).contains(&time.as_secs_f64()), "{time:?}");
        (101..=200).for_each(|n| watch.note(1, tenth(n)));
        let (bytes, time) = watch.since(tenth(200));
        assert!(bytes as f64 / time.as_secs_f64() < 11.0, "{bytes} {time:?}");
        assert_eq!(watch.moved, 10_100);
        assert!(watch.notes.len() < 30, "{}", watch.notes.len());
    }

    #[test]
    fn a_wait_does_not_count() {
        let began = Instant::now();
        let after = |secs: u64| began + Duration::from_secs(secs);
        let mut watch = Stopwatch::begin_at(began);
        assert_eq!(watch.elapsed_at(after(2)), Duration::from_secs(2));
        watch.wait_at(after(3));
        assert_eq!(watch.elapsed_at(after(5)), Duration::from_secs(3), "it stands still");
        watch.wait_at(after(6));
        assert_eq!(watch.elapsed_at(after(7)), Duration::from_secs(3), "it waits already");
        watch.go_on_at(after(8));
        assert_eq!(watch.elapsed_at(after(8)), Duration::from_secs(3));
        assert_eq!(watch.elapsed_at(after(10)), Duration::from_secs(5), "it goes on");
        watch.wait_at(after(11));
        watch.go_on_at(after(12));
        assert_eq!(watch.elapsed_at(after(13)), Duration::from_secs(7), "a second wait");
    }
}
