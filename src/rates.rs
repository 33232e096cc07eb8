//! How fast content may travel: the rates of accounts, of guests and of everybody together.
//!
//! Whoever wants to move bytes asks, and has a turn: so many bytes, from a moment on. Turns are
//! given out in the order in which they are asked for, a session has one at a time, and the more
//! sessions an account has the smaller are theirs: so sessions share their account's rate, accounts
//! share the rate of all, and nobody starves. What a session that ends has not moved of its turn
//! goes to whoever asks next, or waits.
//!
//! Never: waits, or looks at a clock. Whoever asks says what time it is, and waits where its client
//! can still be served. Invariant: turns that begin within any time t are worth no more bytes than
//! a rate gives in [`limits::RATE_BURST`] and t. A session that comes late for its turn delays that
//! one turn; what it leaves for too long others may have late, and nobody later than `OTHERS`.

mod bucket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::bucket::{Asker, Bucket};
use crate::limits;

/// What one session stands for at the rate of all when it is the only one of its account.
const SHARE: u64 = 1 << 20;
/// Bytes of an account's turn that its sessions can still part fairly.
const PARTED: u64 = 16 * limits::RATE_PIECE;
/// How long a turn that has begun can be used: what was not needed in time goes back, so that
/// nobody makes a burst of it later, and whoever sends slowly takes nothing from others.
const KEPT: Duration = Duration::from_secs(1);
/// How long after its time others can have what was not needed: somebody who has to look twice
/// comes in time for it, and it is all that a burst can be larger by, however many sessions wait.
const OTHERS: Duration = Duration::from_secs(2);

/// Where bytes travel to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// From it.
    Down,
}

/// Bytes a second one way; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of each account.
    pub account: Option<u64>,
    /// Of all guests together.
    pub guests: Option<u64>,
    /// Of everybody together, guests included.
    pub all: Option<u64>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct RateUser<'a> {
    /// The account.
    pub name: &'a str,
    /// Whether it is the one that all guests are.
    pub is_guest: bool,
}

/// What a session may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Move so many bytes, of those that it wants.
    Move(u64),
    /// Ask again in so long; sooner does no harm, and an edit of the rates may have come between.
    Wait(Duration),
}

/// A session's place in one direction. There is no copy of it: it could be given back twice.
#[derive(Debug, Default)]
pub struct RatePermit {
    /// Of which rates; 0 for none yet.
    edition: u64,
    is_guest: bool,
    from: Option<Instant>,
    /// Where its place ends at the rate of its account or of guests, and at that of all.
    own_end: Option<Instant>,
    all_end: Option<Instant>,
    /// What its session stood for among all when it was given out.
    share: u64,
    /// Bytes that it was worth.
    bytes: u64,
    left: u64,
    /// Bytes a second that the session could count on when it got the turn.
    pace: Option<u64>,
}

/// The rates both ways, and who is to move when.
#[derive(Debug, Default)]
pub struct Rates {
    up: Lane,
    down: Lane,
}

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    /// Which rates are in force, 0 while nothing is limited: all that an unlimited transfer looks
    /// at.
    edition: AtomicU64,
    state: Mutex<LimiterState>,
}

#[derive(Debug, Default)]
struct LimiterState {
    limits: RateLimits,
    edits: u64,
    all: Bucket,
    accounts: HashMap<Box<str>, Bucket>,
}

impl Rates {
    /// Sets the rates of one direction. Turns that were given out before are void.
    pub fn set(&self, way: Way, limits: RateLimits) {
        let lane = self.lane(way);
        let mut state = lane.state();
        if state.limits == limits {
            return;
        }
        let edits = state.edits + 1;
        *state = LimiterState { limits, edits, ..LimiterState::default() };
        let edition = if limits == RateLimits::default() { 0 } else { edits };
        lane.edition.store(edition, Ordering::Relaxed);
    }

    /// The rates of one direction.
    pub fn limits(&self, way: Way) -> RateLimits {
        self.lane(way).state().limits
    }

    /// Whether content flows freely one way.
    pub fn is_free(&self, way: Way) -> bool {
        self.lane(way).edition.load(Ordering::Relaxed) == 0
    }

    /// How many of the bytes that are wanted may be moved now, or how long to wait. What may be
    /// moved counts as moved.
    pub fn due(
        &self,
        way: Way,
        user: RateUser<'_>,
        permit: &mut RatePermit,
        wanted: u64,
        now: Instant,
    ) -> Due {
        let lane = self.lane(way);
        let edition = lane.edition.load(Ordering::Relaxed);
        if edition == 0 {
            *permit = RatePermit::default();
            return Due::Move(wanted);
        }
        let is_another = permit.edition != edition || permit.is_guest != user.is_guest;
        if is_another || permit.is_over(now) {
            let mut state = lane.state();
            // First the new one: who did not use what he had leaves it to others.
            let is_slow = !is_another && permit.left > 0;
            let who = if is_slow { Asker::Slow } else { Asker::InTime };
            let new = state.permit(user, now, who);
            let old = std::mem::replace(permit, new);
            state.take_back(user, &old, OTHERS, now);
        } else if permit.from.is_some_and(|from| from > now) {
            lane.state().move_up(user, permit, now);
        }
        permit.take(wanted, now)
    }

    /// Takes back what a turn still holds, or all of it if it has not begun: its session ends, or
    /// is another account's from now on. It is had again by whoever asks before its time has
    /// passed, or by nobody: what was not asked for in time must not come later as a burst.
    pub fn give_back(&self, way: Way, user: RateUser<'_>, permit: RatePermit, now: Instant) {
        if permit.from.is_some() {
            self.lane(way).state().take_back(user, &permit, Duration::ZERO, now);
        }
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }
}

impl RatePermit {
    /// Bytes a second that the session could count on at the last look; `None` for any.
    pub fn pace(&self) -> Option<u64> {
        self.pace
    }

    /// Takes bytes back that were to move and did not.
    pub fn put_back(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes).min(self.bytes);
    }

    /// Whether there is nothing more to be had from it.
    fn is_over(&self, now: Instant) -> bool {
        let is_old = |from: Instant| now.saturating_duration_since(from) > KEPT;
        self.left == 0 || self.from.is_some_and(is_old)
    }

    fn take(&mut self, wanted: u64, now: Instant) -> Due {
        // A session without a rate has no moment to wait for, and takes without an end.
        let Some(from) = self.from else { return Due::Move(wanted) };
        match from.saturating_duration_since(now) {
            Duration::ZERO => {
                let moved = wanted.min(self.left);
                self.left -= moved;
                Due::Move(moved)
            }
            wait => Due::Wait(wait),
        }
    }
}

impl Lane {
    /// Every critical section is a calculation over plain values, which cannot leave half a state;
    /// so a lock that a panic poisoned is as good as any.
    fn state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LimiterState {
    /// What a turn that was given out to this account is not used for.
    fn take_back(&mut self, user: RateUser<'_>, permit: &RatePermit, kept: Duration, now: Instant) {
        let Some(from) = permit.from else { return };
        // Of other rates, or from another login: what was given out there is nothing here.
        if permit.edition != self.edits || permit.is_guest != user.is_guest {
            return;
        }
        let RateLimits { account, guests, all } = self.limits;
        let own = if user.is_guest { guests } else { account };
        if let Some(bucket) = self.accounts.get_mut(user.name) {
            if from > now {
                bucket.leave(from, 1);
            }
            if let (Some(rate), Some(end)) = (own, permit.own_end) {
                bucket.take_back(rate, (permit.left, end), kept, now);
            }
        }
        if from > now {
            self.all.leave(from, permit.share);
        }
        if let (Some(rate), Some(end)) = (all, permit.all_end) {
            self.all.take_back(rate, (permit.left, end), kept, now);
        }
    }

    /// Lets a turn that has not begun begin sooner, where somebody who left has made room before
    /// it. Nobody has to wait longer for that.
    fn move_up(&mut self, user: RateUser<'_>, permit: &mut RatePermit, now: Instant) {
        let Some(from) = permit.from.filter(|_| permit.edition == self.edits) else { return };
        let RateLimits { account, guests, all } = self.limits;
        let own = if user.is_guest { guests } else { account };
        let Some(bucket) = self.accounts.get_mut(user.name) else { return };
        bucket.look(now);
        self.all.look(now);
        let (own, all, bytes) = (own.zip(permit.own_end), all.zip(permit.all_end), permit.bytes);
        // Where it waits for nothing it stays; where it waits there must be room.
        let may = |bucket: &Bucket, at: Option<(u64, Instant)>| {
            at.is_none_or(|(rate, end)| {
                Bucket::begins(end, now) <= now || bucket.is_room_before(rate, bytes, end, now)
            })
        };
        if !may(bucket, own) || !may(&self.all, all) {
            return;
        }
        permit.own_end = own.map(|(rate, end)| bucket.move_up(rate, bytes, end, now));
        permit.all_end = all.map(|(rate, end)| self.all.move_up(rate, bytes, end, now));
        bucket.leave(from, 1);
        self.all.leave(from, permit.share);
        let from = permit.own_end.max(permit.all_end).map_or(now, |end| Bucket::begins(end, now));
        bucket.wait(from, 1, now);
        self.all.wait(from, permit.share, now);
        permit.from = Some(from);
    }

    /// A new turn for a session of this account.
    fn permit(&mut self, user: RateUser<'_>, now: Instant, who: Asker) -> RatePermit {
        let RateLimits { account, guests, all } = self.limits;
        let own = if user.is_guest { guests } else { account };
        let free = RatePermit {
            edition: self.edits,
            is_guest: user.is_guest,
            bytes: u64::MAX,
            left: u64::MAX,
            ..RatePermit::default()
        };
        if own.is_none() && all.is_none() {
            return free;
        }
        self.all.look(now);
        if !self.accounts.contains_key(user.name) {
            // Nobody is remembered who neither waits nor owes.
            self.accounts.retain(|_, account| !account.is_at_rest(now));
            self.accounts.insert(user.name.into(), Bucket::default());
        }
        let Some(bucket) = self.accounts.get_mut(user.name) else { return free };
        bucket.look(now);
        // Each session of an account takes so much less as there are more of them.
        let sessions = bucket.stand_for() + 1;
        let share = (SHARE / sessions).max(1);
        let shares = self.all.stand_for() + share;
        let part_of_own = own.map(|rate| rate / sessions);
        let part_of_all = all.map(|rate| portion(rate, share, shares.max(SHARE)));
        let pace = part_of_own.unwrap_or(u64::MAX).min(part_of_all.unwrap_or(u64::MAX));
        let turn_of_own = own.map_or(u64::MAX, |rate| account_permit(rate, 1) / sessions);
        let turn_of_all = all.map_or(u64::MAX, |rate| {
            portion(account_permit(rate, shares.div_ceil(SHARE)), share, SHARE)
        });
        let bytes = turn_of_own.min(turn_of_all).max(limits::RATE_PIECE);
        let bytes = own.map_or(bytes, |rate| bucket.room(rate, bytes, now, who));
        let bytes = all.map_or(bytes, |rate| self.all.room(rate, bytes, now, who));
        let own_end = own.map(|rate| bucket.give(rate, bytes, now, who));
        let all_end = all.map(|rate| self.all.give(rate, bytes, now, who));
        let from = own_end.max(all_end).map_or(now, |end| Bucket::begins(end, now));
        bucket.wait(from, 1, now);
        self.all.wait(from, share, now);
        let (from, pace) = (Some(from), Some(pace));
        RatePermit { from, own_end, all_end, share, bytes, left: bytes, pace, ..free }
    }
}

/// Bytes that an account has in a turn at a rate of which it has one of so many shares.
fn account_permit(rate: u64, shares: u64) -> u64 {
    // Where it is little there is still room for its sessions to have less each.
    let least = PARTED.min(in_time(rate, limits::RATE_BURST));
    (in_time(rate, limits::RATE_STEP) / shares).max(least)
}

/// What a rate gives in a time.
fn in_time(rate: u64, time: Duration) -> u64 {
    portion(rate, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), 1_000_000_000)
}

fn portion(of: u64, part: u64, whole: u64) -> u64 {
    let portion = u128::from(of) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(portion).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
