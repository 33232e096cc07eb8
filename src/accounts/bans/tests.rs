//! Counting, lasting and keeping of bans, without a server.

mod floods;

use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;

use super::list::BansByTarget;
use super::tally::{FailedAttempt, FailureCounts};
use super::*;
use crate::accounts::AccountStore;
use crate::limits;

const WITHIN: Duration = Duration::from_secs(100);

/// With so many failures as an account that it is slowed.
fn rules(slow_after: u32) -> BanRules {
    BanRules { slow_after, within: WITHIN, ..BanRules::default() }
}

fn fail(tally: &mut Tally, name: Option<AccountName>, from: IpAddr, at: Duration) -> FailureCounts {
    let known = name.as_ref().is_some_and(|name| !name.as_str().starts_with("made-up"));
    tally.failed(FailedAttempt { at, name, known, familiar: false, from }, &rules(1000))
}

fn name(n: usize) -> AccountName {
    AccountName::parse(&format!("n{n}")).unwrap()
}

/// Addresses of four hosts and of this machine.
fn host(n: u8) -> IpAddr {
    let text = ["192.0.2.1", "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.2", "127.0.0.1"];
    text[usize::from(n)].parse().unwrap()
}

fn at(secs: u64) -> Clocks {
    Clocks {
        steady: Duration::from_secs(secs),
        wall_secs: 1_000_000 + i64::try_from(secs).unwrap(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Fail(usize, u8),
    Succeed(usize, u8),
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..60u64).prop_map(Step::Wait),
        (0..3usize, 0..5u8).prop_map(|(target, from)| Step::Fail(target, from)),
        (0..3usize, 0..5u8).prop_map(|(target, from)| Step::Succeed(target, from)),
        (0..3usize).prop_map(Step::Forget),
    ]
}

proptest! {
    /// The counts are those of a list of all failures that is gone through each time. A right
    /// password forgives an address, and never the account's count.
    #[test]
    fn counts_are_what_a_plain_list_says(steps in prop::collection::vec(step(), 1..60)) {
        let (mut tally, mut all, mut now) = (Tally::default(), Vec::new(), 0_u64);
        let mut forgiven = Vec::new();
        let of_address = |all: &[(u64, AccountName, IpAddr)], from: IpAddr| {
            if from.is_loopback() { 0 } else { all.iter().filter(|one| one.2 == from).count() }
        };
        for step in steps {
            match step {
                Step::Wait(secs) => now += secs,
                Step::Fail(target, from) => {
                    let from = admission::network(host(from));
                    all.push((now, name(target), from));
                    let counts =
                        fail(&mut tally, Some(name(target)), from, Duration::from_secs(now));
                    all.retain(|one| now - one.0 < WITHIN.as_secs());
                    let network = |one: IpAddr| (name(target), Network::of(one));
                    let of_key = |one: &&(u64, AccountName, IpAddr)| {
                        (one.1.clone(), Network::of(one.2)) == network(from)
                    };
                    prop_assert_eq!(counts.account as usize, all.iter().filter(of_key).count());
                    forgiven.retain(|one: &(u64, AccountName, IpAddr)| all.contains(one));
                    let blamed = of_address(&all, from) - of_address(&forgiven, from);
                    prop_assert_eq!(counts.address as usize, blamed);
                }
                Step::Succeed(target, from) => {
                    tally.succeeded(&name(target), host(from));
                    let its = (name(target), admission::network(host(from)));
                    forgiven.retain(|one| (&one.1, one.2) != (&its.0, its.1));
                    let its_failures = all.iter().filter(|one| (&one.1, one.2) == (&its.0, its.1));
                    forgiven.extend(its_failures.cloned());
                }
                Step::Forget(target) => {
                    tally.forget(&BanTarget::Account(name(target)));
                    all.retain(|one| one.1 != name(target));
                    forgiven.retain(|one| one.1 != name(target));
                }
            }
        }
    }

    /// Whatever is banned when, it is out exactly until the end that its history says.
    #[test]
    fn bans_last_as_long_as_their_history_says(
        gaps in prop::collection::vec((0..2usize, 0..200_000u64), 1..30),
    ) {
        let (mut list, mut ends, mut now) = (List::default(), HashMap::new(), 0);
        for (target, gap) in gaps {
            now += gap;
            let (end, times) = ends.get(&target).copied().unwrap_or((0, 0));
            let memory = limits::BAN_MEMORY.as_secs();
            let key = BanTarget::Account(name(target));
            prop_assert_eq!(list.seen(&key, at(now)).is_some(), now < end);
            let imposed = list.impose(&key, "x".into(), Duration::from_secs(600), at(now), false);
            prop_assert_eq!(imposed.is_none(), now < end);
            if imposed.is_some() {
                let times = if end + memory > now && times > 0 { times } else { 0 };
                let most = limits::BAN_MOST.as_secs();
                let length = (600u64 << times.min(20)).min(most);
                prop_assert_eq!(list.seen(&key, at(now)).unwrap().left_secs, Some(length));
                ends.insert(target, (now + length, times + 1));
            }
        }
    }

    /// What is written comes back, and no beginning of it passes for the whole.
    #[test]
    fn what_is_written_comes_back(
        rows in prop::collection::vec(
            (0..9usize, 0..4_000_000_000i64, prop::option::of(0..4_000_000_000i64), any::<u32>(),
                prop::option::of("[a-z]{1,9}"), "[a-z0-9=;]{0,9}"),
            0..6,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut book = BansByTarget::new();
        for (target, since_secs, until_secs, times, by, why) in rows {
            let target = match target {
                0..4 => BanTarget::address(host(target as u8)).unwrap(),
                n => BanTarget::Account(name(n)),
            };
            book.insert(target.clone(), Ban { target, since_secs, until_secs, times, by, why });
        }
        let said = (7, book);
        let text = record::write(&said);
        prop_assert_eq!(record::read(text.as_bytes()).unwrap(), said);
        let cut = cut.index(text.len() - 1);
        prop_assert!(record::read(&text.as_bytes()[..cut]).is_err());
    }
}

#[test]
fn one_account_alone_bans_no_address_and_a_pardon_forgives_what_was_done_in_its_name() {
    let mut tally = Tally::default();
    let fail = |tally: &mut Tally, n| {
        let failure = FailedAttempt {
            at: Duration::ZERO,
            name: Some(name(n)),
            known: true,
            familiar: true,
            from: host(0),
        };
        tally.failed(failure, &rules(5))
    };
    for n in 0..3 {
        for count in 1..=5 {
            let counts = fail(&mut tally, n);
            assert_eq!((counts.account, counts.address as usize), (count, 5 * n + count as usize));
        }
        // Slowed from now on, and not the address's fault any more.
        assert_eq!((fail(&mut tally, n).account, fail(&mut tally, n).address), (6, 0));
    }
    assert_eq!(fail(&mut tally, 9).address, 16);
    tally.forget(&BanTarget::Account(name(1)));
    assert_eq!(fail(&mut tally, 8).address, 17 - 5);
    assert_eq!(fail(&mut tally, 1).account, 1);
    tally.begin_again(admission::network(host(0)));
    assert_eq!(fail(&mut tally, 7).address, 1);
}

#[test]
fn bans_are_bounded_by_kind_and_those_by_hand_never_go() {
    let mut list = List::default();
    let first = Duration::from_secs(600);
    let ban = |list: &mut List, target: &BanTarget, now| {
        list.impose(target, String::new(), first, now, false)
    };
    let address = |n: usize| BanTarget::Address(IpAddr::from([10, 0, (n >> 8) as u8, n as u8]));
    let (real, host) = (address(0), BanTarget::address(host(0)).unwrap());
    // One that was banned before is out for longer than the newcomers.
    ban(&mut list, &real, at(0)).unwrap();
    ban(&mut list, &real, at(600)).unwrap();
    // One that tried only made-up names is none of these.
    list.impose(&host, String::new(), first, at(600), true).unwrap();
    let hand = BanTarget::Account(name(1));
    let by_hand = Ban {
        target: hand.clone(),
        since_secs: 0,
        until_secs: None,
        times: 1,
        by: Some("root".into()),
        why: String::new(),
    };
    list.put(by_hand, at(600));
    for n in 2..2 * limits::BANS {
        ban(&mut list, &address(n), at(601));
    }
    assert_eq!(list.book().len(), limits::BANS + 2);
    for target in [&real, &host, &hand] {
        assert!(list.seen(target, at(602)).is_some(), "{target}");
    }
}

#[test]
fn a_calendar_that_jumps_neither_frees_nor_locks_for_ever() {
    let target = BanTarget::Account(name(0));
    let ban = Ban {
        target: target.clone(),
        since_secs: 1_000_000,
        until_secs: Some(1_000_600),
        times: 1,
        by: None,
        why: String::new(),
    };
    let left = |wall_secs, later_secs| {
        let mut list = List::default();
        let steady = Duration::from_secs(5);
        list.put(ban.clone(), Clocks { steady, wall_secs });
        // However the calendar jumps while the server runs.
        let later = steady + Duration::from_secs(later_secs);
        let now = Clocks { steady: later, wall_secs: -wall_secs };
        list.seen(&target, now).map(|seen| seen.left_secs.unwrap())
    };
    assert_eq!(left(1_000_000, 0), Some(600));
    assert_eq!(left(1_000_100, 400), Some(100));
    assert_eq!(left(1_000_100, 500), None);
    assert_eq!(left(5, 0), Some(600), "set back a month between two runs");
    assert_eq!(left(2_000_000, 0), None);
}

#[test]
fn an_edit_pardons_what_it_takes_out_and_nothing_else() {
    let mut list = List::default();
    let target: Vec<BanTarget> = (0..4).map(|n| BanTarget::Account(name(n))).collect();
    let first = Duration::from_secs(600);
    for target in &target[..3] {
        list.impose(target, String::new(), first, at(0), false).unwrap();
    }
    let mut before = list.book();
    before.remove(&target[2]); // Not written yet.
    let mut after = before.clone();
    let mut fourth = after.remove(&target[1]).unwrap();
    fourth.target = target[3].clone();
    after.insert(target[3].clone(), fourth.clone());
    let changes = list.adopt(&before, &after, at(1));
    assert_eq!(changes, (vec![fourth], vec![target[1].clone()]));
    let out: Vec<bool> = target.iter().map(|target| list.seen(target, at(1)).is_some()).collect();
    assert_eq!(out, [true, false, true, true]);
}

#[test]
fn a_file_with_a_mistake_says_where_and_the_generation_before_it_counts() {
    let dir = std::env::temp_dir().join(format!("miniftp-bans-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("accounts.ini"), "generation = 1\n\n[end]\ngeneration = 1\n").unwrap();
    let store = AccountStore::open(&dir).unwrap();
    let bans = Bans::open(&dir);
    let ann = BanTarget::Account(AccountName::parse("ann").unwrap());
    let far = BanTarget::address("2001:db8::7".parse().unwrap()).unwrap();
    bans.ban(&store, (ann.clone(), None), "root", "a reason", &|| Ok(())).unwrap();
    bans.ban(&store, (far.clone(), Some(3600)), "root", "", &|| Ok(())).unwrap();
    let path = dir.join("bans.ini");
    let good = fs::read_to_string(&path).unwrap();
    let since = good.lines().find(|line| line.starts_with("since")).unwrap().to_owned();
    for (from, to, reported) in [
        (
            "[account ann]",
            "[ann]",
            ":10: unknown section [ann]; expected [account NAME] or [address ADDRESS]",
        ),
        ("[account ann]", "[account Ann]", ":10: unknown section [account Ann]; expected"),
        (
            "[address 2001:db8::/64]",
            "[address 127.0.0.1]",
            ":16: unknown section [address 127.0.0.1]; expected",
        ),
        ("[address 2001:db8::/64]", "[address 2001:db8::7]", ":16: unknown section"),
        (
            since.as_str(),
            "since = today",
            ":11: [account ann] since: \"today\" is not valid; expected a moment",
        ),
        (
            "\nuntil = never",
            "\nuntil = 0",
            ":12: [account ann] until: \"0\" is not valid; expected a moment such as",
        ),
        ("\nuntil = never", "", "[account ann] until: missing; expected a moment"),
        ("why", "wyh", ":14: [account ann] wyh: unknown key; did you mean `why`?"),
        ("[end]", "", "[address 2001:db8::/64] generation: unknown key"),
    ] {
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let other = Bans::open(&dir);
        let mistake = other.mistake().unwrap();
        assert!(mistake.contains(reported), "{reported}: {mistake}");
        assert!(other.check_account("ann").is_err(), "the generation before it counts");
        assert!(other.pardon(&store, &ann).is_err(), "a file with a fault is not written over");
        assert!(fs::read_to_string(&path).unwrap() != good);
    }
    fs::write(&path, &good).unwrap();
    let other = Bans::open(&dir);
    assert!(other.check_address("2001:db8::99".parse().unwrap()).is_err());
    // Gone, it pardons nobody; the next change makes it whole again.
    fs::remove_file(&path).unwrap();
    other.refresh();
    assert!(other.check_account("ann").is_err());
    other.pardon(&store, &far).unwrap();
    bans.refresh();
    assert!(bans.check_account("ann").is_err());
    assert!(bans.check_address("2001:db8::99".parse().unwrap()).is_ok());
    fs::remove_dir_all(dir).unwrap();
}
