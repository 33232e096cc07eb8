//! Whose attempt to log in is looked at next.
//!
//! Never: reads a clock, looks at a password, or asks whether an account exists.
//! What ends without its turn keeps its place in the line for a while, for the same attempt made
//! again: so whoever comes back with one password goes before whoever comes with ever new ones.
//!
//! Invariant: attempts that run count as failures until it is known what they are, so that those
//! that come together are no more than those that come one after the other. An attempt is in here
//! only while its connection is, so there are never more than connections before login.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::tally::{FailureKey, Tally};
use super::{BanRules, Network};
use crate::admission;
use crate::limits;

/// The time within which the guesses of all networks together are limited.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// When it is worth to ask again where nobody can say when the turn comes.
const SOON: Duration = limits::OPERATION_LOOK;

/// Decides whose attempt to log in is looked at next.
#[derive(Debug, Default)]
pub(super) struct AttemptQueue {
    next: u64,
    of: BTreeMap<FailureKey, Vec<QueuedAttempt>>,
    /// Places of attempts that ended without their turn, the oldest first.
    kept: Vec<KeptPosition>,
}

/// What an attempt is recognised by when it is made again. Different ones are different.
pub type Ticket = [u8; 32];

/// Somebody who attempts something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applicant {
    pub(super) from: IpAddr,
    /// Whether the account has logged in from that network lately.
    pub(super) familiar: bool,
    pub(super) ticket: Ticket,
}

/// The place in line of an attempt that is not being made.
#[derive(Debug)]
struct KeptPosition {
    key: FailureKey,
    from: IpAddr,
    ticket: Ticket,
    since: Duration,
    until: Duration,
}

/// An attempt that waits for its turn, or that runs.
#[derive(Debug)]
struct QueuedAttempt {
    number: u64,
    /// As [`admission::network`] counts it.
    from: IpAddr,
    /// Whether the account has logged in from that network lately.
    familiar: bool,
    ticket: Ticket,
    /// When it was first made.
    since: Duration,
    /// Whether it was made before.
    came_again: bool,
    runs: bool,
}

impl AttemptQueue {
    /// One more waits; gives its number.
    pub(super) fn enter(&mut self, key: FailureKey, target: &Applicant, now: Duration) -> u64 {
        self.next += 1;
        let Applicant { from, familiar, ticket } = *target;
        let from = admission::network(from);
        let is_it =
            |kept: &KeptPosition| kept.key == key && kept.from == from && kept.ticket == ticket;
        let at = self.kept.iter().position(is_it);
        let kept = at.map(|at| self.kept.remove(at)).filter(|kept| kept.until > now);
        let attempt = QueuedAttempt {
            number: self.next,
            from,
            familiar,
            ticket,
            since: kept.as_ref().map_or(now, |kept| kept.since),
            came_again: kept.is_some(),
            runs: false,
        };
        self.of.entry(key).or_default().push(attempt);
        self.next
    }

    /// It is over, whether it ran or not.
    pub(super) fn leave(&mut self, key: &FailureKey, number: u64, now: Duration) {
        let Some(all) = self.of.get_mut(key) else { return };
        let Some(at) = all.iter().position(|one| one.number == number) else { return };
        let gone = all.swap_remove(at);
        if all.is_empty() {
            self.of.remove(key);
        }
        let has_waited = now.saturating_sub(gone.since) >= limits::POSITION_EARNED;
        if !gone.runs && has_waited {
            self.keep(key, &gone, now);
        }
    }

    fn keep(&mut self, key: &FailureKey, gone: &QueuedAttempt, now: Duration) {
        self.kept.retain(|kept| kept.until > now);
        let QueuedAttempt { from, ticket, since, .. } = *gone;
        let until = now.saturating_add(limits::POSITION_KEPT);
        let at = self.kept.partition_point(|kept| kept.since <= since);
        self.kept.insert(at, KeptPosition { key: key.clone(), from, ticket, since, until });
        self.kept.truncate(limits::POSITIONS_KEPT);
    }

    /// Begins an attempt if it is its turn; otherwise gives how long it is to wait until it asks
    /// again.
    pub(super) fn begin(
        &mut self,
        key: &FailureKey,
        number: u64,
        tally: &Tally,
        rules: &BanRules,
        now: Duration,
    ) -> Result<(), Duration> {
        let Some(me) = self.of.get(key).and_then(|all| all.iter().find(|one| one.number == number))
        else {
            return Ok(());
        };
        self.begin_in_network(key, number, tally, rules, now)?;
        if !me.familiar {
            self.begin_in_all(key, tally, rules, now)?;
        }
        let me =
            self.of.get_mut(key).and_then(|all| all.iter_mut().find(|one| one.number == number));
        if let Some(me) = me {
            me.runs = true;
        }
        Ok(())
    }

    /// Below the number of failures attempts run side by side. Above it they run one at a time,
    /// each a while after the last failure. Those that were made before come first, then those
    /// whose address has failed least, and of these that which was made first.
    fn begin_in_network(
        &self,
        key: &FailureKey,
        number: u64,
        tally: &Tally,
        rules: &BanRules,
        now: Duration,
    ) -> Result<(), Duration> {
        let all = self.of.get(key).map(Vec::as_slice).unwrap_or_default();
        let running = all.iter().filter(|one| one.runs).count();
        let failed = || tally.of(key, now, rules.window());
        let (count, most) = (failed().count(), rules.slow_after as usize);
        if count < most {
            return if count + running < most { Ok(()) } else { Err(SOON) };
        }
        let ready = failed().map(|one| one.at).max().unwrap_or_default().saturating_add(rules.slow);
        if ready > now {
            return Err(ready.saturating_sub(now));
        }
        let rank = |one: &&QueuedAttempt| {
            let failures = failed().filter(|failure| failure.from == one.from).count();
            (if one.came_again { 0 } else { 1 + failures }, one.since, one.number)
        };
        let next = all.iter().filter(|one| !one.runs).min_by_key(rank);
        let is_next = next.is_some_and(|next| next.number == number);
        if running == 0 && is_next { Ok(()) } else { Err(SOON) }
    }

    /// All networks that the account has not logged in from have so many failures a minute.
    fn begin_in_all(
        &self,
        (name, _): &FailureKey,
        tally: &Tally,
        rules: &BanRules,
        now: Duration,
    ) -> Result<(), Duration> {
        let own = self.of.range((name.clone(), Network::FIRST)..);
        let own = own.take_while(|((of, _), _)| of == name).flat_map(|(_, all)| all);
        let running = own.filter(|one| one.runs && !one.familiar).count();
        let failed = || tally.of_unknown_names(name, now, MINUTE);
        if failed().count() + running < rules.per_minute as usize {
            return Ok(());
        }
        let free = failed().min().map(|first| first.saturating_add(MINUTE).saturating_sub(now));
        Err(free.unwrap_or(SOON).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests;
