//! Failed logins by account and by address, within a time.
//!
//! Never: reads a clock, or counts what comes from this machine against its address.
//! Invariant: each count is the number of failures in the log that concern it, and the log is
//! bounded. Where it is full a failure of the name that failed least goes, the oldest of these: a
//! flood of made-up names pushes itself out, not those that are being guessed at.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::Who;
use crate::accounts::AccountName;
use crate::gate;
use crate::limits;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The oldest first.
    log: VecDeque<Failure>,
    counts: HashMap<Who, u32>,
}

#[derive(Debug)]
struct Failure {
    at: Duration,
    /// None for what could be no account's name.
    name: Option<Who>,
    from: IpAddr,
}

/// How often an account and an address failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) account: u32,
    pub(super) address: u32,
}

impl Failure {
    fn concerns(&self) -> impl Iterator<Item = Who> {
        self.name.clone().into_iter().chain(Who::address(self.from))
    }
}

impl Tally {
    /// Counts a failure; failures are told in the order of their time.
    pub(super) fn failed(
        &mut self,
        name: Option<&AccountName>,
        from: IpAddr,
        now: Duration,
        within: Duration,
    ) -> Counts {
        while self.log.front().is_some_and(|first| now.saturating_sub(first.at) >= within) {
            self.drop_at(0);
        }
        if self.log.len() >= limits::FAILURES {
            self.drop_at(self.least());
        }
        let name = name.cloned().map(Who::Account);
        let failure = Failure { at: now, name, from: gate::network(from) };
        for who in failure.concerns() {
            *self.counts.entry(who).or_default() += 1;
        }
        let count = |who: Option<Who>| who.map_or(0, |who| self.count(&who));
        let counts =
            Counts { account: count(failure.name.clone()), address: count(Who::address(from)) };
        self.log.push_back(failure);
        counts
    }

    /// A login succeeded: what failed as this account from this address is forgiven.
    pub(super) fn succeeded(&mut self, name: &AccountName, from: IpAddr) {
        let (who, from) = (Who::Account(name.clone()), gate::network(from));
        if self.count(&who) > 0 {
            self.drop_all(|one| one.name.as_ref() == Some(&who) && one.from == from);
        }
    }

    /// Forgets the failures that concern somebody, as after a ban or a pardon.
    pub(super) fn forget(&mut self, who: &Who) {
        if self.count(who) > 0 {
            self.drop_all(|one| one.concerns().any(|other| other == *who));
        }
    }

    fn count(&self, who: &Who) -> u32 {
        self.counts.get(who).copied().unwrap_or(0)
    }

    /// The oldest failure of those whose names failed least.
    fn least(&self) -> usize {
        let failed = |one: &Failure| one.name.as_ref().map_or(0, |name| self.count(name));
        let all = self.log.iter().enumerate();
        all.min_by_key(|(at, one)| (failed(one), *at)).map_or(0, |(at, _)| at)
    }

    fn drop_at(&mut self, at: usize) {
        if let Some(failure) = self.log.remove(at) {
            discount(&mut self.counts, &failure);
        }
    }

    fn drop_all(&mut self, which: impl Fn(&Failure) -> bool) {
        let Tally { log, counts } = self;
        log.retain(|one| {
            let goes = which(one);
            if goes {
                discount(counts, one);
            }
            !goes
        });
    }
}

fn discount(counts: &mut HashMap<Who, u32>, failure: &Failure) {
    for who in failure.concerns() {
        if let Some(count) = counts.get_mut(&who) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&who);
            }
        }
    }
}
