//! Counting, lasting and keeping of bans, without a server.

use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;

use super::list::Book;
use super::tally::Counts;
use super::*;
use crate::accounts::Store;
use crate::limits;

const WITHIN: Duration = Duration::from_secs(100);

fn name(n: usize) -> AccountName {
    AccountName::parse(&format!("n{n}")).unwrap()
}

/// Addresses of four hosts and of this machine.
fn host(n: u8) -> IpAddr {
    let text = ["192.0.2.1", "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.2", "127.0.0.1"];
    text[usize::from(n)].parse().unwrap()
}

fn at(secs: u64) -> Now {
    Now { steady: Duration::from_secs(secs), wall_secs: 1_000_000 + i64::try_from(secs).unwrap() }
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
        (0..3usize, 0..5u8).prop_map(|(who, from)| Step::Fail(who, from)),
        (0..3usize, 0..5u8).prop_map(|(who, from)| Step::Succeed(who, from)),
        (0..3usize).prop_map(Step::Forget),
    ]
}

proptest! {
    /// The counts are those of a list of all failures that is gone through each time.
    #[test]
    fn counts_are_what_a_plain_list_says(steps in prop::collection::vec(step(), 1..60)) {
        let (mut tally, mut all, mut now) = (Tally::default(), Vec::new(), 0);
        let of_address = |all: &[(u64, AccountName, IpAddr)], from: IpAddr| {
            if from.is_loopback() { 0 } else { all.iter().filter(|one| one.2 == from).count() }
        };
        for step in steps {
            match step {
                Step::Wait(secs) => now += secs,
                Step::Fail(who, from) => {
                    let from = gate::network(host(from));
                    all.push((now, name(who), from));
                    let time = Duration::from_secs(now);
                    let counts = tally.failed((Some(&name(who)), true), from, time, WITHIN);
                    all.retain(|one| now - one.0 < WITHIN.as_secs());
                    let account = all.iter().filter(|one| one.1 == name(who)).count();
                    prop_assert_eq!(counts.account as usize, account);
                    prop_assert_eq!(counts.address as usize, of_address(&all, from));
                }
                Step::Succeed(who, from) => {
                    tally.succeeded(&name(who), host(from));
                    all.retain(|one| (&one.1, one.2) != (&name(who), gate::network(host(from))));
                }
                Step::Forget(who) => {
                    tally.forget(&Who::Account(name(who)));
                    all.retain(|one| one.1 != name(who));
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
        for (who, gap) in gaps {
            now += gap;
            let (end, times) = ends.get(&who).copied().unwrap_or((0, 0));
            let memory = limits::BAN_MEMORY.as_secs();
            let key = Who::Account(name(who));
            prop_assert_eq!(list.seen(&key, at(now)).is_some(), now < end);
            let imposed = list.impose(&key, "x".into(), Duration::from_secs(600), at(now), false);
            prop_assert_eq!(imposed.is_none(), now < end);
            if imposed.is_some() {
                let times = if end + memory > now && times > 0 { times } else { 0 };
                let most = limits::BAN_MOST.as_secs();
                let length = (600u64 << times.min(20)).min(most);
                prop_assert_eq!(list.seen(&key, at(now)).unwrap().left_secs, Some(length));
                ends.insert(who, (now + length, times + 1));
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
        let mut book = Book::new();
        for (who, since_secs, until_secs, times, by, why) in rows {
            let who = match who {
                0..4 => Who::address(host(who as u8)).unwrap(),
                n => Who::Account(name(n)),
            };
            book.insert(who.clone(), Ban { who, since_secs, until_secs, times, by, why });
        }
        let said = (7, book);
        let text = record::write(&said);
        prop_assert_eq!(record::read(text.as_bytes()).unwrap(), said);
        let cut = cut.index(text.len() - 1);
        prop_assert!(record::read(&text.as_bytes()[..cut]).is_err());
    }
}

#[test]
fn a_ban_of_an_account_washes_no_address_clean() {
    let mut tally = Tally::default();
    for n in 0..3 {
        let mut last = Counts::default();
        for _ in 0..5 {
            last = tally.failed((Some(&name(n)), true), host(0), Duration::ZERO, WITHIN);
        }
        assert_eq!((last.account, last.address as usize), (5, 5 * (n + 1)));
        tally.begin_again(&Who::Account(name(n)));
    }
    let next = tally.failed((Some(&name(0)), true), host(0), Duration::ZERO, WITHIN);
    assert_eq!((next.account, next.address), (1, 16));
    // A pardon forgives what was done in its name, wherever it counted.
    tally.forget(&Who::Account(name(1)));
    let next = tally.failed((None, false), host(0), Duration::ZERO, WITHIN);
    assert_eq!(next.address, 16 - 5 + 1);
}

/// What can happen while somebody floods the counters with names that no account has.
#[derive(Clone, Debug)]
enum Flooded {
    Wait(u64),
    /// An account, and the address that fails.
    Real(usize, u8),
    /// So many names, each so often, from the addresses of a network.
    Flood(u16, u8, u8),
}

fn flooded() -> impl Strategy<Value = Flooded> {
    prop_oneof![
        (0..40u64).prop_map(Flooded::Wait),
        (0..4usize, 0..4u8).prop_map(|(who, from)| Flooded::Real(who, from)),
        (1..30u16, 1..4u8, 0..4u8).prop_map(|(names, each, net)| Flooded::Flood(names, each, net)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// The counts of accounts, and what accounts' failures are in the counts of addresses, are
    /// those of a list without bounds, whatever the flood.
    #[test]
    fn no_flood_of_made_up_names_changes_a_real_count(
        steps in prop::collection::vec(flooded(), 1..40),
    ) {
        const MOST: usize = 40;
        let mut tally = Tally::of_at_most(MOST);
        let (mut real, mut now, mut next) = (Vec::new(), 0, 0_u32);
        for step in steps {
            let time = Duration::from_secs(now);
            match step {
                Flooded::Wait(secs) => now += secs,
                Flooded::Real(who, from) => {
                    let from = gate::network(host(from));
                    real.push((now, who, from));
                    real.retain(|one: &(u64, usize, IpAddr)| now - one.0 < WITHIN.as_secs());
                    let counts = tally.failed((Some(&name(who)), true), from, time, WITHIN);
                    let account = real.iter().filter(|one| one.1 == who).count();
                    let address = real.iter().filter(|one| one.2 == from).count();
                    prop_assert_eq!(counts.account as usize, account);
                    prop_assert!(counts.address as usize >= address);
                    prop_assert!(counts.address_knows_one);
                }
                Flooded::Flood(names, each, net) => {
                    for _ in 0..names {
                        next += 1;
                        let made_up = AccountName::parse(&format!("made-up{next}")).unwrap();
                        for _ in 0..each {
                            let from = IpAddr::from([10, net, (next >> 8) as u8, next as u8]);
                            tally.failed((Some(&made_up), false), from, time, WITHIN);
                        }
                    }
                }
            }
            for counter in tally.counters() {
                prop_assert!(counter <= MOST);
            }
        }
    }

}

proptest! {
    /// The same for the bans of accounts, and of addresses from which accounts were tried.
    #[test]
    fn no_flood_of_made_up_names_ends_a_real_ban(
        real in prop::collection::vec((0..50usize, 0..2u64), 1..20),
        floods in prop::collection::vec(1..100u32, 1..3),
    ) {
        const MOST: usize = 20;
        let (mut list, mut next) = (List::of_at_most(MOST), 0_u32);
        let short = Duration::from_secs(60);
        for (n, gap) in &real {
            list.impose(&Who::Account(name(*n)), String::new(), short, at(*gap), false);
            let address = Who::Address(IpAddr::from([192, 0, 2, *n as u8]));
            list.impose(&address, String::new(), short, at(*gap), false);
        }
        for flood in floods {
            for _ in 0..flood {
                next += 1;
                let made_up = AccountName::parse(&format!("made-up{next}")).unwrap();
                let long = Duration::from_secs(3600);
                list.impose(&Who::Account(made_up), String::new(), long, at(2), true);
                let from = Who::Address(IpAddr::from([10, 0, (next >> 8) as u8, next as u8]));
                list.impose(&from, String::new(), long, at(2), true);
            }
            for (n, _) in &real {
                prop_assert!(list.seen(&Who::Account(name(*n)), at(2)).is_some());
                let address = Who::Address(IpAddr::from([192, 0, 2, *n as u8]));
                prop_assert!(list.seen(&address, at(2)).is_some());
            }
            let shown = list.book().len();
            prop_assert!(shown <= 2 * real.len() + MOST, "{}", shown);
        }
    }
}

#[test]
fn bans_are_bounded_by_kind_and_those_by_hand_never_go() {
    let mut list = List::default();
    let first = Duration::from_secs(600);
    let ban = |list: &mut List, who: &Who, now| list.impose(who, String::new(), first, now, false);
    let (real, host) = (Who::Account(name(0)), Who::address(host(0)).unwrap());
    // One that was banned before is out for longer than the newcomers.
    ban(&mut list, &real, at(0)).unwrap();
    ban(&mut list, &real, at(600)).unwrap();
    ban(&mut list, &host, at(600)).unwrap();
    let hand = Who::Account(name(1));
    let by_hand = Ban {
        who: hand.clone(),
        since_secs: 0,
        until_secs: None,
        times: 1,
        by: Some("root".into()),
        why: String::new(),
    };
    list.put(by_hand, at(600));
    for n in 2..2 * limits::BANS {
        ban(&mut list, &Who::Account(name(n)), at(601));
    }
    assert_eq!(list.book().len(), limits::BANS + 2);
    for who in [&real, &host, &hand] {
        assert!(list.seen(who, at(602)).is_some(), "{who}");
    }
}

#[test]
fn a_calendar_that_jumps_neither_frees_nor_locks_for_ever() {
    let who = Who::Account(name(0));
    let ban = Ban {
        who: who.clone(),
        since_secs: 1_000_000,
        until_secs: Some(1_000_600),
        times: 1,
        by: None,
        why: String::new(),
    };
    let left = |wall_secs, later_secs| {
        let mut list = List::default();
        let steady = Duration::from_secs(5);
        list.put(ban.clone(), Now { steady, wall_secs });
        // However the calendar jumps while the server runs.
        let later = steady + Duration::from_secs(later_secs);
        let now = Now { steady: later, wall_secs: -wall_secs };
        list.seen(&who, now).map(|seen| seen.left_secs.unwrap())
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
    let who: Vec<Who> = (0..4).map(|n| Who::Account(name(n))).collect();
    let first = Duration::from_secs(600);
    for who in &who[..3] {
        list.impose(who, String::new(), first, at(0), false).unwrap();
    }
    let mut before = list.book();
    before.remove(&who[2]); // Not written yet.
    let mut after = before.clone();
    let mut fourth = after.remove(&who[1]).unwrap();
    fourth.who = who[3].clone();
    after.insert(who[3].clone(), fourth.clone());
    let changes = list.adopt(&before, &after, at(1));
    assert_eq!(changes, (vec![fourth], vec![who[1].clone()]));
    let out: Vec<bool> = who.iter().map(|who| list.seen(who, at(1)).is_some()).collect();
    assert_eq!(out, [true, false, true, true]);
}

#[test]
fn a_file_with_a_fault_says_where_and_the_generation_before_it_counts() {
    let dir = std::env::temp_dir().join(format!("miniftp-bans-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("accounts.ini"), "generation = 1\n\n[end]\ngeneration = 1\n").unwrap();
    let store = Store::open(&dir).unwrap();
    let bans = Bans::open(&dir);
    let ann = Who::Account(AccountName::parse("ann").unwrap());
    let far = Who::address("2001:db8::7".parse().unwrap()).unwrap();
    bans.ban(&store, ann.clone(), None, "root", "a reason").unwrap();
    bans.ban(&store, far.clone(), Some(3600), "root", "").unwrap();
    let path = dir.join("bans.ini");
    let good = fs::read_to_string(&path).unwrap();
    let since = good.lines().find(|line| line.starts_with("since")).unwrap().to_owned();
    for (from, to, told) in [
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
        let fault = other.fault().unwrap();
        assert!(fault.contains(told), "{told}: {fault}");
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
