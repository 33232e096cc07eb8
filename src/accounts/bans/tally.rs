//! Failed logins by account and by address, within a time.
//!
//! Never: reads a clock, or counts what comes from this machine against its address.
//! Invariant: what is counted of accounts is never pushed out by names that no account has. Those
//! are counted apart, and a failure of theirs leaves an address's count before any of an account's.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Who;
use crate::accounts::AccountName;
use crate::gate;
use crate::limits;

/// See the module.
#[derive(Debug)]
pub(super) struct Tally {
    accounts: Counter,
    /// Names that no account has.
    invented: Counter,
    addresses: Counter,
}

/// How often each of many failed; of at most so many failures in all.
#[derive(Debug)]
struct Counter {
    most: usize,
    len: usize,
    /// The oldest first; never empty.
    of: BTreeMap<Who, VecDeque<Arc<Failure>>>,
}

#[derive(Debug)]
struct Failure {
    at: Duration,
    /// `None` for what could be no account's name.
    name: Option<Who>,
    /// Whether an account has that name.
    known: bool,
    from: IpAddr,
}

/// How often an account and an address failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) account: u32,
    pub(super) address: u32,
    /// Whether a failure of the address was one of an account.
    pub(super) address_knows_one: bool,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::of_at_most(limits::FAILURES)
    }
}

impl Tally {
    /// One whose three counters remember so many failures each.
    pub(super) fn of_at_most(most: usize) -> Tally {
        let counter = || Counter { most, len: 0, of: BTreeMap::new() };
        Tally { accounts: counter(), invented: counter(), addresses: counter() }
    }

    /// Counts a failure, of an account if the name is `known`; failures come in the order of their
    /// time.
    pub(super) fn failed(
        &mut self,
        (name, known): (Option<&AccountName>, bool),
        from: IpAddr,
        now: Duration,
        within: Duration,
    ) -> Counts {
        let name = name.cloned().map(Who::Account);
        let address = Who::address(from);
        let from = gate::network(from);
        let failure = Arc::new(Failure { at: now, name: name.clone(), known, from });
        let accounts = if known { &mut self.accounts } else { &mut self.invented };
        let mut counts = Counts::default();
        if let Some(name) = name {
            counts.account = accounts.add(name, &failure, within);
        }
        if let Some(address) = address {
            counts.address = self.addresses.add(address.clone(), &failure, within);
            let all = self.addresses.of.get(&address);
            counts.address_knows_one =
                known || all.is_some_and(|all| all.iter().any(|one| one.known));
        }
        counts
    }

    /// A login succeeded: what failed as this account from this address is forgiven.
    pub(super) fn succeeded(&mut self, name: &AccountName, from: IpAddr) {
        let (who, from) = (Who::Account(name.clone()), gate::network(from));
        let is_it = |one: &Failure| one.name.as_ref() == Some(&who) && one.from == from;
        self.each(|counter| {
            counter.forgive(&who, is_it);
            if let Some(address) = Who::address(from) {
                counter.forgive(&address, is_it);
            }
        });
    }

    /// Begins to count somebody again, as after a ban.
    pub(super) fn begin_again(&mut self, who: &Who) {
        self.each(|counter| counter.forgive(who, |_| true));
    }

    /// A pardon: the failures that concern somebody count against nobody any more.
    pub(super) fn forget(&mut self, who: &Who) {
        let is_its = |one: &Failure| {
            one.name.as_ref() == Some(who) || Who::address(one.from).as_ref() == Some(who)
        };
        self.each(|counter| counter.retain(|_, one| !is_its(one)));
    }

    /// How many failures each counter holds.
    #[cfg(test)]
    pub(super) fn counters(&self) -> [usize; 3] {
        [&self.accounts, &self.invented, &self.addresses].map(|counter| counter.len)
    }

    fn each(&mut self, act: impl Fn(&mut Counter)) {
        for counter in [&mut self.accounts, &mut self.invented, &mut self.addresses] {
            act(counter);
        }
    }
}

impl Counter {
    /// Adds a failure, where there is room or room can be made, and tells how many there are within
    /// the time.
    fn add(&mut self, who: Who, failure: &Arc<Failure>, within: Duration) -> u32 {
        let is_over = |one: &Failure| failure.at.saturating_sub(one.at) >= within;
        self.forgive(&who, is_over);
        if self.len >= self.most {
            self.retain(|_, one| !is_over(one));
        }
        let before = self.of.get(&who).map_or(0, VecDeque::len);
        if self.len < self.most || self.make_room(failure.known) {
            self.of.entry(who).or_default().push_back(Arc::clone(failure));
            self.len += 1;
        }
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Lets one failure go: first one of a name that no account has, then of whoever failed least,
    /// and of these the one who has been quiet for longest. `false` if there are only accounts'
    /// failures and it is not for one.
    fn make_room(&mut self, for_account: bool) -> bool {
        let rank = |all: &VecDeque<Arc<Failure>>| {
            let is_accounts = all.iter().all(|one| one.known);
            (is_accounts, all.len(), all.back().map(|last| last.at))
        };
        let Some((who, all)) = self.of.iter_mut().min_by_key(|(_, all)| rank(all)) else {
            return false;
        };
        let invented = all.iter().position(|one| !one.known);
        if invented.is_none() && !for_account {
            return false;
        }
        all.remove(invented.unwrap_or(0));
        self.len -= 1;
        if all.is_empty() {
            let who = who.clone();
            self.of.remove(&who);
        }
        true
    }

    /// Drops those failures of one.
    fn forgive(&mut self, who: &Who, which: impl Fn(&Failure) -> bool) {
        self.retain(|whose, one| whose != who || !which(one));
    }

    /// Keeps those failures of all.
    fn retain(&mut self, which: impl Fn(&Who, &Failure) -> bool) {
        self.of.retain(|who, all| {
            all.retain(|one| which(who, one));
            !all.is_empty()
        });
        self.len = self.of.values().map(VecDeque::len).sum();
    }
}
