//! The bans in force, and those that ended lately, which make the next one longer.
//!
//! Never: reads a clock or a file.
//! Invariant: of each kind of automatic ban there are at most [`limits::BANS`], and one more takes
//! the place of that which ends first. Addresses that failed as accounts are a kind, and those that
//! tried only names that no account has are another, so these never push those out. Bans by hand
//! are counted apart and leave only by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ActiveBan, Ban, BanTarget, Clocks, doubled};
use crate::limits;

/// Bans by what they keep out.
pub(super) type BansByTarget = BTreeMap<BanTarget, Ban>;

/// The bans in force, and those that ended lately.
#[derive(Clone, Debug)]
pub(super) struct List {
    held: BTreeMap<BanTarget, ListedBan>,
    /// Automatic bans of each kind.
    most: usize,
}

impl Default for List {
    fn default() -> List {
        List { held: BTreeMap::new(), most: limits::BANS }
    }
}

#[derive(Clone, Debug)]
struct ListedBan {
    ban: Ban,
    /// When it ends by the steady clock; `None` is never.
    ends: Option<Duration>,
    /// Banned for failures that were none of an account's.
    invented: bool,
}

impl ListedBan {
    fn seen(&self, now: Clocks) -> Option<ActiveBan> {
        let left_secs = match self.ends {
            None => None,
            Some(ends) => {
                let left = ends.checked_sub(now.steady).filter(|left| !left.is_zero())?;
                // Rounded up: whoever waits so long is let in.
                Some(left.as_secs() + u64::from(left.subsec_nanos() > 0))
            }
        };
        Some(ActiveBan { ban: self.ban.clone(), left_secs })
    }

    fn is_remembered(&self, now: Clocks) -> bool {
        let memory = if self.ban.by.is_some() { Duration::ZERO } else { limits::BAN_MEMORY };
        self.ends.is_none_or(|ends| ends.saturating_add(memory) > now.steady)
    }

    /// Whether it is an automatic ban of this kind.
    fn is_like(&self, target: &BanTarget, invented: bool) -> bool {
        let kind = (self.ban.target.kind(), self.invented);
        self.ban.by.is_none() && kind == (target.kind(), invented)
    }
}

impl List {
    /// One for so many automatic bans of each kind.
    #[cfg(test)]
    pub(super) fn of_at_most(most: usize) -> List {
        List { most, ..List::default() }
    }

    /// The ban that keeps this out now.
    pub(super) fn seen(&self, target: &BanTarget, now: Clocks) -> Option<ActiveBan> {
        self.held.get(target)?.seen(now)
    }

    /// All bans in force.
    pub(super) fn in_force(&self, now: Clocks) -> impl Iterator<Item = ActiveBan> {
        self.held.values().filter_map(move |held| held.seen(now))
    }

    /// How many bans by hand there are.
    pub(super) fn by_hand(&self) -> usize {
        self.held.values().filter(|held| held.ban.by.is_some()).count()
    }

    /// Bans because of failures, twice as long as the last time; nothing if it is banned already.
    /// `invented` if none of them was one of an account.
    pub(super) fn impose(
        &mut self,
        target: &BanTarget,
        why: String,
        first: Duration,
        now: Clocks,
        invented: bool,
    ) -> Option<Ban> {
        self.forget_old(now);
        let before = self.held.get(target);
        if before.is_some_and(|held| held.seen(now).is_some()) {
            return None;
        }
        let times = before.map_or(0, |held| held.ban.times);
        // Whoever was out for an account's sake before stays among those.
        let invented = invented && before.is_none_or(|held| held.invented);
        let length = doubled(first, times, limits::BAN_MOST);
        if before.is_none_or(|held| !held.is_like(target, invented)) {
            self.make_room(target, invented);
        }
        let secs = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        let ban = Ban {
            target: target.clone(),
            since_secs: now.wall_secs,
            until_secs: Some(now.wall_secs.saturating_add(secs)),
            times: times.saturating_add(1),
            by: None,
            why,
        };
        let ends = Some(now.steady.saturating_add(length));
        self.held.insert(target.clone(), ListedBan { ban: ban.clone(), ends, invented });
        Some(ban)
    }

    fn make_room(&mut self, target: &BanTarget, invented: bool) {
        let like = |held: &&ListedBan| held.is_like(target, invented);
        let too_many = (self.held.values().filter(like).count() + 1).saturating_sub(self.most);
        for _ in 0..too_many {
            // One without an end is the last to go.
            let ends = |held: &&ListedBan| held.ends.unwrap_or(Duration::MAX);
            let first = self.held.values().filter(like).min_by_key(ends);
            let Some(first) = first.map(|held| held.ban.target.clone()) else { return };
            self.held.remove(&first);
        }
    }

    /// Puts a ban there as the calendar has it. Where the calendar's clock was set back meanwhile,
    /// it lasts no longer than it would have from its beginning.
    pub(super) fn put(&mut self, ban: Ban, now: Clocks) {
        let ends = ban.until_secs.map(|until| {
            let whole = until.saturating_sub(ban.since_secs);
            let left = until.saturating_sub(now.wall_secs).min(whole);
            now.steady.saturating_add(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
        });
        self.held.insert(ban.target.clone(), ListedBan { ban, ends, invented: false });
    }

    /// Lets somebody in again.
    pub(super) fn remove(&mut self, target: &BanTarget) -> Option<Ban> {
        self.held.remove(target).map(|held| held.ban)
    }

    /// Takes over what somebody else changed in the file, which had `before` in it and has `after`
    /// now. What the file did not know yet stays. Gives who was banned, and who was pardoned.
    pub(super) fn adopt(
        &mut self,
        before: &BansByTarget,
        after: &BansByTarget,
        now: Clocks,
    ) -> (Vec<Ban>, Vec<BanTarget>) {
        let (mut banned, mut pardoned) = (Vec::new(), Vec::new());
        for (target, ban) in after.iter().filter(|(target, ban)| before.get(*target) != Some(*ban))
        {
            if self.held.get(target).is_none_or(|held| held.ban != *ban) {
                self.put(ban.clone(), now);
                banned.push(ban.clone());
            }
        }
        for target in before.keys().filter(|target| !after.contains_key(*target)) {
            // A newer ban of the same is not what was taken out.
            if self.held.get(target).is_some_and(|held| Some(&held.ban) == before.get(target)) {
                self.held.remove(target);
                pardoned.push(target.clone());
            }
        }
        (banned, pardoned)
    }

    /// Forgets what ended so long ago that it makes nothing longer any more.
    pub(super) fn forget_old(&mut self, now: Clocks) {
        self.held.retain(|_, held| held.is_remembered(now));
    }

    /// Whether there is an automatic ban that a file which says this does not know.
    pub(super) fn is_news_to(&self, book: &BansByTarget) -> bool {
        let mut bans = self.held.values().map(|held| &held.ban);
        bans.any(|ban| ban.by.is_none() && book.get(&ban.target) != Some(ban))
    }

    /// What the file should say.
    pub(super) fn book(&self) -> BansByTarget {
        self.held.iter().map(|(target, held)| (target.clone(), held.ban.clone())).collect()
    }
}
