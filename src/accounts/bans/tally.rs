//! Failed logins by account and network, and by address, within a time.
//!
//! Never: reads a clock, or counts what comes from this machine against its address.
//! Invariant: what is counted of accounts is never pushed out by names that no account has. Those
//! are counted apart, and a failure of theirs leaves an address's count before any of an account's.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{BanRules, BanTarget, Network};
use crate::accounts::AccountName;
use crate::admission;
use crate::limits;

/// Where guesses are counted together: those for a name from a network.
pub(super) type FailureKey = (AccountName, Network);

/// Counts failed logins.
#[derive(Debug)]
pub(super) struct Tally {
    accounts: Counter<FailureKey>,
    /// Names that no account has.
    invented: Counter<FailureKey>,
    addresses: Counter<IpAddr>,
}

/// How often each of many failed; of at most so many failures in all.
#[derive(Debug)]
struct Counter<K> {
    most: usize,
    len: usize,
    /// The oldest first; never empty.
    of: BTreeMap<K, VecDeque<Arc<FailedAttempt>>>,
}

/// An attempt that came to nothing.
#[derive(Clone, Debug)]
pub(super) struct FailedAttempt {
    pub(super) at: Duration,
    /// `None` for what could be no account's name.
    pub(super) name: Option<AccountName>,
    /// Whether an account has that name.
    pub(super) known: bool,
    /// Whether the account has logged in from that network lately.
    pub(super) familiar: bool,
    /// As [`admission::network`] counts it.
    pub(super) from: IpAddr,
}

/// How often an account failed in a network, and an address failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FailureCounts {
    pub(super) account: u32,
    /// 0 where this one was not counted.
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
        Tally {
            accounts: Counter::of_at_most(most),
            invented: Counter::of_at_most(most),
            addresses: Counter::of_at_most(most),
        }
    }

    /// Counts a failure; they come in the order of their time. An address is not blamed for those
    /// that are slowed already, so that it takes several accounts to have it banned.
    pub(super) fn failed(&mut self, failure: FailedAttempt, rules: &BanRules) -> FailureCounts {
        let failure = Arc::new(FailedAttempt { from: admission::network(failure.from), ..failure });
        let mut counts = FailureCounts::default();
        if let Some(name) = failure.name.clone() {
            let counter = if failure.known { &mut self.accounts } else { &mut self.invented };
            let key = (name, Network::of(failure.from));
            counts.account = counter.add(key, &failure, rules.window());
        }
        if counts.account <= rules.slow_after && !failure.from.is_loopback() {
            counts.address = self.addresses.add(failure.from, &failure, rules.within);
            let all = self.addresses.of.get(&failure.from);
            counts.address_knows_one =
                failure.known || all.is_some_and(|all| all.iter().any(|one| one.known));
        }
        counts
    }

    /// The failures as an account from a network that count now.
    pub(super) fn of<'a>(
        &'a self,
        key: &'a FailureKey,
        now: Duration,
        window: Duration,
    ) -> impl Iterator<Item = &'a FailedAttempt> {
        let counters = [&self.accounts, &self.invented].into_iter();
        let all = counters.filter_map(|counter| counter.of.get(key)).flatten();
        all.map(|one| &**one).filter(move |one| now.saturating_sub(one.at) < window)
    }

    /// When others failed as an account within this time, from networks that it has not logged in
    /// from.
    pub(super) fn of_unknown_names<'a>(
        &'a self,
        name: &'a AccountName,
        now: Duration,
        window: Duration,
    ) -> impl Iterator<Item = Duration> + 'a {
        let counters = [&self.accounts, &self.invented].into_iter();
        let first = (name.clone(), Network::FIRST);
        let own = counters.flat_map(move |counter| {
            counter.of.range(first.clone()..).take_while(move |((of, _), _)| of == name)
        });
        let unknown_names = own.flat_map(|(_, all)| all).filter(|one| !one.familiar);
        unknown_names.map(|one| one.at).filter(move |at| now.saturating_sub(*at) < window)
    }

    /// A login succeeded: what failed as this account from this address is forgiven to the address.
    /// The account's count stays, so that its owner's logins give nobody new guesses.
    pub(super) fn succeeded(&mut self, name: &AccountName, from: IpAddr) {
        let from = admission::network(from);
        self.addresses.retain(|address, one| *address != from || one.name.as_ref() != Some(name));
    }

    /// Begins to count an address again, as after a ban.
    pub(super) fn begin_again(&mut self, address: IpAddr) {
        self.addresses.retain(|of, _| *of != address);
    }

    /// A pardon: the failures that concern somebody count against nobody any more.
    pub(super) fn forget(&mut self, target: &BanTarget) {
        let is_its = |one: &FailedAttempt| match target {
            BanTarget::Account(name) => one.name.as_ref() == Some(name),
            BanTarget::Address(address) => one.from == *address,
        };
        self.accounts.retain(|_, one| !is_its(one));
        self.invented.retain(|_, one| !is_its(one));
        self.addresses.retain(|_, one| !is_its(one));
    }

    /// How many failures each counter holds.
    #[cfg(test)]
    pub(super) fn counters(&self) -> [usize; 3] {
        [self.accounts.len, self.invented.len, self.addresses.len]
    }
}

impl<K: Ord + Clone> Counter<K> {
    fn of_at_most(most: usize) -> Counter<K> {
        Counter { most, len: 0, of: BTreeMap::new() }
    }

    /// Adds a failure, where there is room or room can be made, and tells how many there are within
    /// the time.
    fn add(&mut self, key: K, failure: &Arc<FailedAttempt>, within: Duration) -> u32 {
        let is_over = |one: &FailedAttempt| failure.at.saturating_sub(one.at) >= within;
        if let Some(all) = self.of.get_mut(&key) {
            let before = all.len();
            all.retain(|one| !is_over(one));
            self.len -= before - all.len();
            if all.is_empty() {
                self.of.remove(&key);
            }
        }
        if self.len >= self.most {
            self.retain(|_, one| !is_over(one));
        }
        let before = self.of.get(&key).map_or(0, VecDeque::len);
        if self.len < self.most || self.make_room(failure.known) {
            self.of.entry(key).or_default().push_back(Arc::clone(failure));
            self.len += 1;
        }
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Lets one failure go: first one of a name that no account has, then of whoever failed least,
    /// and of these the one who has been quiet for longest. `false` if there are only accounts'
    /// failures and it is not for one.
    fn make_room(&mut self, for_account: bool) -> bool {
        let rank = |all: &VecDeque<Arc<FailedAttempt>>| {
            let is_accounts = all.iter().all(|one| one.known);
            (is_accounts, all.len(), all.back().map(|last| last.at))
        };
        let Some((key, all)) = self.of.iter_mut().min_by_key(|(_, all)| rank(all)) else {
            return false;
        };
        let invented = all.iter().position(|one| !one.known);
        if invented.is_none() && !for_account {
            return false;
        }
        all.remove(invented.unwrap_or(0));
        self.len -= 1;
        if all.is_empty() {
            let key = key.clone();
            self.of.remove(&key);
        }
        true
    }

    /// Keeps those failures of all.
    fn retain(&mut self, which: impl Fn(&K, &FailedAttempt) -> bool) {
        self.of.retain(|key, all| {
            all.retain(|one| which(key, one));
            !all.is_empty()
        });
        self.len = self.of.values().map(VecDeque::len).sum();
    }
}
