//! From which networks accounts have logged in lately, in memory and in conf/networks.ini.
//!
//! What others do elsewhere never holds up an account there.
//! Invariant: of each account there are at most [`limits::NETWORKS_OF_ACCOUNT`], in all at most
//! [`limits::NETWORKS`]; the login that is longest ago goes first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::Network;
use crate::accounts::{AccountName, AccountStore, StoreError};
use crate::conffile::ini::{FileShape, GENERATION, parse};
use crate::conffile::keys::{self, By, Key, key, names, written};
use crate::conffile::{ParseErrors, Watched};
use crate::limits;
use crate::lock::lock;
use crate::text::{Moment, parse_moment};

/// The file's name in the folder of settings.
pub(in crate::accounts) const FILE: &str = "networks.ini";

const HEADER: &str = "\
; From which networks accounts have logged in within 90 days, each with the last time (UTC), written
; by miniftpd: where somebody guesses an account's password elsewhere, logins from here do not wait.
; A section that you take out is forgotten.
; The two generation lines are equal and the last line ends the file. Leave them as they are,
; or leave both out of a file that you write yourself.
";

/// The last login from each network, seconds since 1970.
type Logins = BTreeMap<Network, i64>;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq)]
struct KnownNetworks {
    generation: u64,
    of: BTreeMap<AccountName, Logins>,
    /// How many accounts each network has, which follows from that.
    accounts: BTreeMap<Network, usize>,
}

/// A section.
#[derive(Clone, Debug, Default)]
struct OfAccount {
    networks: Logins,
}

const LOGINS: By<Logins> = By(
    "networks and moments such as 192.0.2.0/24 2026-11-20 10:00:00, with commas between them",
    |text| text.split(", ").map(login).collect(),
    |logins| {
        let each = logins.iter().map(|(network, at)| format!("{network} {}", Moment(*at)));
        each.collect::<Vec<String>>().join(", ")
    },
);

static KEYS: &[Key<OfAccount>] = &[key!("networks", OfAccount.networks, LOGINS)];

static SHAPE: FileShape = FileShape {
    most: limits::NETWORKS_FILE,
    top: &[GENERATION],
    keys: |name| AccountName::parse(name).map(|_| names(KEYS)),
    expected: "[NAME]",
    form: crate::accounts::NAME_FORM,
    sections: Vec::new,
};

fn login(text: &str) -> Option<(Network, i64)> {
    let (network, at) = text.split_once(' ')?;
    Some((Network::parse(network)?, parse_moment(at)?))
}

/// The networks from which accounts have logged in lately.
#[derive(Debug)]
pub(super) struct Familiar {
    file: Watched<KnownNetworks>,
    /// Logins that are not in the file yet.
    fresh: Mutex<BTreeMap<(AccountName, Network), i64>>,
}

/// How many accounts a file is about, or what is wrong with it.
pub(in crate::accounts) fn check_networks(bytes: &[u8]) -> Result<String, ParseErrors> {
    read(Some(bytes)).map(|book| format!("networks of {} accounts", book.of.len()))
}

impl Familiar {
    pub(super) fn open(conf: &Path) -> Familiar {
        let stays = "the networks stay as they were";
        let file = Watched::new(conf.join(FILE), limits::NETWORKS_FILE, stays);
        file.look(&read);
        Familiar { file, fresh: Mutex::default() }
    }

    /// When an account logged in from a network last, as far as that is remembered.
    fn last(&self, name: &AccountName, network: Network) -> Option<i64> {
        let fresh = lock(&self.fresh).get(&(name.clone(), network)).copied();
        fresh.or_else(|| self.file.last().of.get(name)?.get(&network).copied())
    }

    /// Whether an account has logged in from a network lately.
    pub(super) fn has(&self, name: &AccountName, network: Network, now_secs: i64) -> bool {
        self.last(name, network).is_some_and(|at| is_lately(at, now_secs))
    }

    /// How many accounts have logged in from a network.
    pub(super) fn accounts_in(&self, network: Network) -> usize {
        self.file.last().accounts.get(&network).copied().unwrap_or(0)
    }

    /// An account has logged in. The same again is news after a day only.
    pub(super) fn note(&self, name: &AccountName, network: Network, now_secs: i64) {
        let is_news = |at: i64| now_secs.saturating_sub(at).unsigned_abs() >= DAY.as_secs();
        if self.last(name, network).is_none_or(is_news) {
            lock(&self.fresh).insert((name.clone(), network), now_secs);
        }
    }

    /// Takes over what somebody edited, and writes what the file does not know, if there is
    /// anything; the lock of the folder is waited for so long.
    ///
    /// # Errors
    /// What the lock and the file say.
    pub(super) fn save(
        &self,
        store: &AccountStore,
        wait: Duration,
        now_secs: i64,
    ) -> Result<(), StoreError> {
        self.file.look(&read);
        let fresh = lock(&self.fresh).clone();
        if fresh.is_empty() {
            return Ok(());
        }
        let (lock_file, accounts) = (store.lock(wait)?, store.current());
        self.file.edit(&lock_file, (&read, write), &|before| {
            let mut of = before.of.clone();
            for ((name, network), at) in &fresh {
                of.entry(name.clone()).or_default().insert(*network, *at);
            }
            of.retain(|name, _| accounts.account(name.as_str()).is_some());
            bound(&mut of, now_secs);
            Ok::<_, StoreError>((KnownNetworks::of(before.generation.saturating_add(1), of), ()))
        })?;
        lock(&self.fresh).retain(|key, at| fresh.get(key) != Some(at));
        Ok(())
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A clock that was set back forgets nobody.
fn is_lately(at: i64, now_secs: i64) -> bool {
    now_secs.saturating_sub(at) < limits::FAMILIAR_DAYS.saturating_mul(DAY.as_secs() as i64)
}

/// Forgets what is too old, and what is too much, the oldest first.
fn bound(of: &mut BTreeMap<AccountName, Logins>, now_secs: i64) {
    for logins in of.values_mut() {
        // What a clock that was wrong wrote down would stay for ever.
        logins.values_mut().for_each(|at| *at = (*at).min(now_secs));
        logins.retain(|_, at| is_lately(*at, now_secs));
        keep_youngest(logins, limits::NETWORKS_OF_ACCOUNT);
    }
    let mut all: Vec<i64> = of.values().flat_map(|logins| logins.values().copied()).collect();
    if all.len() > limits::NETWORKS {
        all.sort_unstable_by(|one, other| other.cmp(one));
        let oldest = all.get(limits::NETWORKS - 1).copied().unwrap_or(i64::MIN);
        let mut surplus = all.iter().filter(|at| **at >= oldest).count() - limits::NETWORKS;
        for logins in of.values_mut() {
            logins.retain(|_, at| {
                let is_surplus = *at == oldest && surplus > 0;
                surplus -= usize::from(is_surplus);
                *at >= oldest && !is_surplus
            });
        }
    }
    of.retain(|_, logins| !logins.is_empty());
}

fn keep_youngest(logins: &mut Logins, most: usize) {
    while logins.len() > most {
        let oldest = logins.iter().min_by_key(|(_, at)| **at).map(|(network, _)| *network);
        let Some(oldest) = oldest else { return };
        logins.remove(&oldest);
    }
}

impl KnownNetworks {
    fn of(generation: u64, of: BTreeMap<AccountName, Logins>) -> KnownNetworks {
        let mut accounts = BTreeMap::new();
        for network in of.values().flat_map(BTreeMap::keys) {
            *accounts.entry(*network).or_default() += 1;
        }
        KnownNetworks { generation, of, accounts }
    }
}

/// A file that is gone has forgotten all.
fn read(bytes: Option<&[u8]>) -> Result<KnownNetworks, ParseErrors> {
    let Some(bytes) = bytes else { return Ok(KnownNetworks::default()) };
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let mut of = BTreeMap::new();
    for section in &text.sections {
        let Some(name) = AccountName::parse(section.name) else { continue };
        let mut account = OfAccount::default();
        section.read(KEYS, &mut account, &mut errors);
        of.insert(name, account.networks);
    }
    errors.or(KnownNetworks::of(text.generation, of))
}

fn write(book: &KnownNetworks) -> String {
    let sections = book
        .of
        .iter()
        .map(|(name, logins)| written(name, KEYS, &OfAccount { networks: logins.clone() }));
    keys::write(HEADER, book.generation, &[], sections)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(n: usize) -> AccountName {
        AccountName::parse(&format!("n{n}")).unwrap()
    }

    fn network(n: u32) -> Network {
        Network::of(std::net::Ipv4Addr::from_bits(n << 8).into())
    }

    proptest! {
        /// What is written comes back, bounded, with the youngest logins and none that is too old.
        #[test]
        fn what_is_remembered_comes_back_and_has_bounds(
            logins in prop::collection::vec((0..3usize, 0..40u32, 0..9_000_000i64), 0..150),
        ) {
            let now = 10_000_000;
            let mut of = BTreeMap::<AccountName, Logins>::new();
            for (target, from, at) in logins {
                of.entry(name(target)).or_default().insert(network(from), at);
            }
            let before = of.clone();
            bound(&mut of, now);
            for (target, logins) in &before {
                let kept = of.get(target).cloned().unwrap_or_default();
                prop_assert!(kept.len() <= limits::NETWORKS_OF_ACCOUNT);
                let young = logins.iter().filter(|(_, at)| is_lately(**at, now));
                let young = young.count().min(limits::NETWORKS_OF_ACCOUNT);
                prop_assert_eq!(kept.len(), young);
                let oldest = kept.values().min().copied().unwrap_or(i64::MAX);
                let gone = logins.iter().filter(|(network, _)| !kept.contains_key(*network));
                prop_assert!(gone.clone().all(|(_, at)| *at <= oldest || !is_lately(*at, now)));
            }
            let book = KnownNetworks::of(7, of);
            prop_assert_eq!(read(Some(write(&book).as_bytes())).unwrap(), book);
        }
    }

    #[test]
    fn too_many_in_all_leave_the_oldest_out() {
        let mut of = BTreeMap::<AccountName, Logins>::new();
        let each = 10;
        for n in 0..=limits::NETWORKS / each {
            let logins = (0..each as u32).map(|from| (network(from), (n / 2) as i64));
            of.insert(name(n), logins.collect());
        }
        bound(&mut of, 1000);
        let all: Vec<i64> = of.values().flat_map(|logins| logins.values().copied()).collect();
        assert_eq!(all.len(), limits::NETWORKS);
        assert_eq!(all.iter().filter(|at| **at == 0).count(), each, "ten of the oldest have gone");
        // The file of as many as there can be is not too large.
        let longest = |n: usize| AccountName::parse(&format!("{n:032}")).unwrap();
        let far = |n: u128| Network::of(std::net::Ipv6Addr::from_bits(!(n << 64)).into());
        let full = (0..limits::NETWORKS).map(|n| (longest(n), [(far(n as u128), 0)].into()));
        let text = write(&KnownNetworks::of(u64::MAX, full.collect()));
        assert!(text.len() as u64 <= limits::NETWORKS_FILE, "{}", text.len());
    }

    #[test]
    fn a_file_with_a_mistake_is_reported_and_forgets_nothing() {
        for (text, reported) in [
            ("[ann]\nnetworks = 192.0.2.7/24 2026-01-01 00:00:00\n", "2: [ann] networks: "),
            ("[ann]\nnetworks = 192.0.2.0/24\n", "2: [ann] networks: "),
            ("[ann]\n", "[ann] networks: missing"),
            ("[Ann]\n", "1: unknown section [Ann]"),
        ] {
            let errors = read(Some(text.as_bytes())).unwrap_err();
            let reported_now: Vec<String> =
                errors.iter().map(|one| format!("{}: {}", one.line, one.what)).collect();
            assert!(
                reported_now.iter().any(|one| one.contains(reported)),
                "{reported}: {reported_now:?}"
            );
        }
    }
}
