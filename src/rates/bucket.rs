//! One rate as a line of time: each byte that is given out has a place of its own on it.
//!
//! What is given back leaves a gap, and whoever asks next has it. It must not shorten the line
//! instead: those who wait have their places, and others would get the same ones.
//!
//! Never: looks at a clock, or knows whose a place is.
//! Invariant: no two turns share a place, and a place is not before the moment from which its turn
//! may be used here nor more than [`limits::RATE_BURST`] after it, unless its gap was kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::in_time;
use crate::limits;

/// What was given out of one rate, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When everything that was given out will have been earned.
    even_at: Option<Instant>,
    /// What came back from before that, by where it begins.
    gaps: BTreeMap<Instant, Gap>,
    /// Turns that have not begun, by when they will and what their sessions stand for: how many.
    waiting: BTreeMap<(Instant, u64), u64>,
    /// The sum of what they stand for.
    stand_for: u64,
}

/// Whether who asks has used the turn before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    InTime,
    /// Not in time: what slow ones did not use is for others.
    Slow,
}

/// Bytes of the smallest gap that is worth a turn: what is left of one by sessions that each moved
/// a part of it.
const LEAST: u64 = limits::RATE_PIECE / 8;

#[derive(Clone, Copy, Debug)]
struct Gap {
    end: Instant,
    /// For how long it can still be had when its time has passed.
    kept: Duration,
}

impl Gap {
    /// Where what can be had of it begins.
    fn start(self, start: Instant, now: Instant) -> Instant {
        now.checked_sub(self.kept).map_or(start, |oldest| oldest.max(start))
    }
}

impl Bucket {
    /// What those who wait stand for.
    pub(super) fn stand_for(&self) -> u64 {
        self.stand_for
    }

    /// Forgets the turns that have begun and the gaps that nobody can have any more.
    pub(super) fn look(&mut self, now: Instant) {
        while let Some(waits) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, each), permits) = waits.remove_entry();
            self.stand_for = self.stand_for.saturating_sub(each.saturating_mul(permits));
        }
        self.gaps.retain(|_, gap| gap.end + gap.kept > now);
    }

    /// Notes a turn that begins later.
    pub(super) fn wait(&mut self, from: Instant, stands_for: u64, now: Instant) {
        if from > now {
            *self.waiting.entry((from, stands_for)).or_default() += 1;
            self.stand_for = self.stand_for.saturating_add(stands_for);
        }
    }

    /// Forgets one that will not begin.
    pub(super) fn leave(&mut self, from: Instant, stands_for: u64) {
        let Some(permits) = self.waiting.get_mut(&(from, stands_for)) else { return };
        *permits -= 1;
        if *permits == 0 {
            self.waiting.remove(&(from, stands_for));
        }
        self.stand_for = self.stand_for.saturating_sub(stands_for);
    }

    /// How many of these bytes have room where the next turn will be: all of them, if that is
    /// behind everybody, or as many as the first gap holds that is worth a turn.
    pub(super) fn room(&self, rate: u64, bytes: u64, now: Instant, who: Asker) -> u64 {
        let Some((start, gap)) = self.first_gap(rate, LEAST, now, who) else { return bytes };
        let time = gap.end.saturating_duration_since(gap.start(start, now));
        bytes.min(in_time(rate, time).max(LEAST))
    }

    /// The first that has room for so many bytes.
    fn first_gap(&self, rate: u64, bytes: u64, now: Instant, who: Asker) -> Option<(Instant, Gap)> {
        let least = earned_in(bytes, rate);
        let is_right = |start: Instant, gap: Gap| {
            gap.end.saturating_duration_since(gap.start(start, now)) >= least
                && (who == Asker::InTime || gap.kept.is_zero())
        };
        self.gaps.iter().map(|(s, gap)| (*s, *gap)).find(|(s, gap)| is_right(*s, *gap))
    }

    /// Gives out bytes that have [`room`](Bucket::room), and says where their place ends.
    pub(super) fn give(&mut self, rate: u64, bytes: u64, now: Instant, who: Asker) -> Instant {
        let time = earned_in(bytes, rate);
        if let Some((start, gap)) = self.first_gap(rate, LEAST, now, who) {
            return self.fill(start, gap, time, now);
        }
        let end = self.even_at.map_or(now, |at| at.max(now)) + time;
        self.even_at = Some(end);
        end
    }

    /// Has a time of a gap, and says where that ends.
    fn fill(&mut self, start: Instant, gap: Gap, time: Duration, now: Instant) -> Instant {
        self.gaps.remove(&start);
        let end = gap.start(start, now) + time;
        if end < gap.end {
            self.gaps.insert(end, gap);
        }
        end
    }

    fn gap_before(
        &self,
        rate: u64,
        bytes: u64,
        end: Instant,
        now: Instant,
    ) -> Option<(Instant, Gap)> {
        self.first_gap(rate, bytes, now, Asker::InTime).filter(|(_, gap)| gap.end < end)
    }

    /// Whether there is a gap for all bytes of a turn before its place, which ends there.
    pub(super) fn is_room_before(&self, rate: u64, bytes: u64, end: Instant, now: Instant) -> bool {
        self.gap_before(rate, bytes, end, now).is_some()
    }

    /// Moves a turn into such a gap, if there is one, and says where its place ends now.
    pub(super) fn move_up(&mut self, rate: u64, bytes: u64, end: Instant, now: Instant) -> Instant {
        let Some((start, gap)) = self.gap_before(rate, bytes, end, now) else { return end };
        let sooner = self.fill(start, gap, earned_in(bytes, rate), now);
        self.take_back(rate, (bytes, end), Duration::ZERO, now);
        sooner
    }

    /// From when on a turn may be used whose place ends there.
    pub(super) fn begins(end: Instant, now: Instant) -> Instant {
        end.checked_sub(limits::RATE_BURST).map_or(now, |from| from.max(now))
    }

    /// Takes back the last bytes of a turn whose place ends there. They can be had again until
    /// their time has passed, and for so long after it.
    pub(super) fn take_back(
        &mut self,
        rate: u64,
        (bytes, end): (u64, Instant),
        kept: Duration,
        now: Instant,
    ) {
        let Some(mut start) = end.checked_sub(earned_in(bytes, rate)) else { return };
        if start == end || end + kept <= now {
            return;
        }
        let mut gap = Gap { end, kept };
        // Gaps side by side are one, or many small ones would be worth nothing.
        if let Some(next) = self.gaps.get(&end).copied().filter(|next| next.kept == kept) {
            self.gaps.remove(&end);
            gap.end = next.end;
        }
        let before = self.gaps.range(..start).next_back().map(|(s, gap)| (*s, *gap));
        if let Some((before, _)) = before.filter(|(_, g)| g.end == start && g.kept == kept) {
            start = before;
        }
        self.gaps.insert(start, gap);
        // A gap at the end is none.
        while let Some(last) = self.gaps.last_entry().filter(|l| Some(l.get().end) == self.even_at)
        {
            self.even_at = Some(last.remove_entry().0);
        }
    }

    /// Whether it is as if nobody had ever asked.
    pub(super) fn is_at_rest(&self, now: Instant) -> bool {
        self.even_at.is_none_or(|at| at <= now)
            && self.waiting.last_key_value().is_none_or(|((from, _), _)| *from <= now)
    }
}

/// How long a rate takes to give so many bytes.
pub(super) fn earned_in(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
impl Bucket {
    /// Where the gaps begin and end.
    pub(super) fn gaps(&self) -> Vec<(Instant, Instant)> {
        self.gaps.iter().map(|(start, gap)| (*start, gap.end)).collect()
    }
}
