//! The ledger: its refusals, races for the last bytes, counts, and itself against a plain sum.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

mod counts;
mod rules;

const HOME: DirectoryId = DirectoryId { device: 1, inode: 1 };
const SHARED: DirectoryId = DirectoryId { device: 1, inode: 2 };

fn bytes(limit: u64) -> QuotaLimits {
    QuotaLimits { bytes: Some(limit), entries: None }
}

/// What the first count of a directory finds.
fn count(ledger: &Arc<Ledger>, id: DirectoryId, found: &[(Option<&str>, Amount)]) {
    let Begin::Begun(count) = ledger.begin_count(id) else { panic!("counted before") };
    let found = found.iter().map(|(owner, held)| (owner.map(Arc::from), *held));
    assert!(count.finish(found.collect()));
}

/// A ledger with the home of ann, in which one file of so many bytes lies.
fn ledger(limits: QuotaLimits, used: u64) -> (Arc<Ledger>, Charged) {
    let ledger = Arc::new(Ledger::new());
    ledger.open_home("ann", HOME);
    ledger.set_limits("ann", limits);
    count(&ledger, HOME, &[(None, Amount { bytes: used, entries: 1 })]);
    (ledger, Charged { directory: HOME, owner: None })
}

fn figures(ledger: &Ledger) -> (u64, u64) {
    let usage = ledger.usage("ann").unwrap();
    (usage.used.bytes, usage.reserved.bytes)
}

fn open(ledger: &Arc<Ledger>, charged: &Charged) -> Charge {
    Charge::open(ledger, charged).unwrap()
}

/// A file of so many bytes whose name is counted already.
fn of(bytes: u64) -> Amount {
    Amount { bytes, entries: 0 }
}

#[test]
fn a_refusal_names_the_numbers() {
    let (ledger, charged) = ledger(bytes(1_000), 600);
    let mut first = open(&ledger, &charged);
    first.cover(of(100), false).unwrap();
    let mut second = open(&ledger, &charged);
    second.adopt(of(50));
    let refused = second.cover(of(500), true).unwrap_err();
    assert!(matches!(
        refused,
        Error::OverQuota { need: 450, left: 300, limit: 1_000, replacing: true, of_mount: false }
    ));
    second.cover(of(350), false).unwrap();
    assert_eq!(figures(&ledger), (600, 400));
    // Its own reservation counts as room for it.
    let more = first.cover(of(101), false);
    assert!(matches!(more, Err(Error::OverQuota { need: 101, left: 100, .. })));
    drop(second);
    drop(first);
    assert_eq!(figures(&ledger), (600, 0));
}

#[test]
fn entries_have_a_limit_of_their_own() {
    let (ledger, charged) = ledger(QuotaLimits { bytes: None, entries: Some(3) }, 0);
    let mut first = open(&ledger, &charged);
    first.cover(Amount::ENTRY, false).unwrap();
    let mut second = open(&ledger, &charged);
    let two = second.cover(Amount { bytes: 9, entries: 2 }, false);
    assert!(matches!(two, Err(Error::TooManyEntries { need: 2, left: 1, limit: 3, .. })));
    second.spend(Amount::file(9)).unwrap();
    let mut third = open(&ledger, &charged);
    assert!(matches!(
        third.spend(Amount::ENTRY),
        Err(Error::TooManyEntries { need: 1, left: 0, limit: 3, .. })
    ));
    second.settle(Amount::NOTHING);
    drop(second);
    third.spend(Amount::ENTRY).unwrap();
    drop((first, third));
    let used = ledger.usage("ann").unwrap().used;
    assert_eq!(used, Amount { bytes: 0, entries: 2 });
}

#[test]
fn a_failed_write_is_settled() {
    let (ledger, charged) = ledger(bytes(1_000), 0);
    let mut charge = open(&ledger, &charged);
    charge.cover(of(500), false).unwrap();
    charge.spend(of(300)).unwrap();
    charge.settle(of(120));
    assert_eq!(figures(&ledger), (120, 380));
    charge.spend(of(500)).unwrap();
    assert_eq!(figures(&ledger), (500, 0));
    drop(charge);
    ledger.credit(&charged, of(600));
    assert_eq!(figures(&ledger), (0, 0));
}

#[test]
fn a_lowered_limit_stops_what_was_covered() {
    let (ledger, charged) = ledger(bytes(1_000), 0);
    let mut charge = open(&ledger, &charged);
    charge.cover(of(800), false).unwrap();
    charge.spend(of(300)).unwrap();
    ledger.set_limits("ann", bytes(400));
    assert!(matches!(
        charge.spend(of(500)),
        Err(Error::OverQuota { need: 200, left: 100, limit: 400, .. })
    ));
    charge.spend(of(400)).unwrap();
    ledger.set_limits("ann", QuotaLimits { bytes: None, entries: None });
    charge.spend(of(u64::MAX)).unwrap();
    assert!(open(&ledger, &charged).spend(of(1)).is_err());
}

#[test]
fn nothing_is_stored_where_nothing_was_counted_or_nothing_is_mounted() {
    let ledger = Arc::new(Ledger::new());
    let charged = Charged { directory: SHARED, owner: Some("ann".into()) };
    assert!(Charge::open(&ledger, &charged).is_err());
    ledger.mount(SHARED, ChargeRule::Directory, bytes(10));
    assert!(Charge::open(&ledger, &charged).is_err(), "not counted");
    assert_eq!(ledger.uncounted(None, Some(&charged)), [SHARED]);
    count(&ledger, SHARED, &[]);
    let mut charge = open(&ledger, &charged);
    charge.spend(of(1)).unwrap();
    ledger.unmount(SHARED);
    assert!(matches!(charge.spend(of(2)), Err(Error::Unmounted)));
    drop(charge);
    assert!(Charge::open(&ledger, &charged).is_err(), "it is forgotten");
}

/// A mount with `size = account` that was taken away and brought back was charged again each time,
/// and one whose `dir` or `size` changed kept the figures of before.
#[test]
fn who_pays_may_change_while_it_is_in_use_and_the_sums_follow() {
    let (ledger, _) = ledger(bytes(1_000), 100);
    ledger.mount(SHARED, ChargeRule::Writer, QuotaLimits::NONE);
    assert_eq!(ledger.usage("ann"), None, "not all was counted");
    let ours: FileOwner = Some("ann".into());
    let found = [(Some("ann"), of(300)), (Some("bob"), of(50)), (None, of(7))];
    count(&ledger, SHARED, &found);
    assert_eq!(figures(&ledger), (400, 0));
    let charged = Charged { directory: SHARED, owner: ours };
    let mut charge = open(&ledger, &charged);
    charge.cover(of(200), false).unwrap();
    charge.spend(of(150)).unwrap();
    assert_eq!(figures(&ledger), (550, 50));
    let mounted = || ledger.usage_of(&charged).unwrap();
    ledger.mount(SHARED, ChargeRule::Directory, bytes(600));
    assert_eq!(figures(&ledger), (100, 0));
    assert_eq!((mounted().used.bytes, mounted().reserved.bytes), (507, 50));
    for _ in 0..3 {
        ledger.unmount(SHARED);
        assert_eq!(figures(&ledger), (100, 0));
        ledger.mount(SHARED, ChargeRule::Writer, QuotaLimits::NONE);
        assert_eq!(figures(&ledger), (550, 50));
    }
    drop(charge);
    let nobody = Charged { directory: SHARED, owner: None };
    assert_eq!(ledger.usage_of(&nobody), None, "what the operator puts there is free");
    open(&ledger, &nobody).spend(of(u64::MAX)).unwrap();
}

#[test]
fn a_home_whose_inode_belongs_to_another_now_is_counted_again() {
    let (ledger, charged) = ledger(bytes(1_000), 100);
    ledger.open_home("ann", HOME);
    assert_eq!(figures(&ledger), (100, 0), "opened twice");
    ledger.open_home("bob", HOME);
    ledger.set_limits("bob", bytes(10));
    assert!(ledger.usage("bob").is_none() && Charge::open(&ledger, &charged).is_err());
    count(&ledger, HOME, &[]);
    ledger.close_home("bob");
    assert!(ledger.usage("bob").is_none() && Charge::open(&ledger, &charged).is_err());
}

#[test]
fn the_first_count_is_one_s_alone_and_a_later_one_counts_only_undisturbed() {
    let ledger = Arc::new(Ledger::new());
    ledger.open_home("ann", HOME);
    ledger.set_limits("ann", bytes(1_000));
    let Begin::Begun(first) = ledger.begin_count(HOME) else { panic!() };
    assert!(matches!(ledger.begin_count(HOME), Begin::Running));
    ledger.wait_for_count(HOME, Duration::from_millis(1));
    drop(first);
    count(&ledger, HOME, &[(None, of(10))]);
    assert!(matches!(ledger.begin_count(HOME), Begin::Known));
    let found = |bytes| HashMap::from([(None, of(bytes))]);
    let again = || ledger.begin_recount(HOME, Duration::ZERO);
    assert!(ledger.begin_recount(HOME, Duration::from_secs(3600)).is_none());
    // What took a moment is not counted again in the next.
    ledger.books().directories.get_mut(&HOME).unwrap().count =
        count::CountState::Known { at: Some(std::time::Instant::now()), took: Duration::ZERO };
    let charged = Charged { directory: HOME, owner: None };
    let recount = again().unwrap();
    assert!(again().is_none(), "one at a time");
    let charge = open(&ledger, &charged);
    drop(charge);
    assert!(!recount.finish(found(99)), "something changed and ended meanwhile");
    let recount = again().unwrap();
    let credit = Credit::new(&ledger, &charged, of(4));
    assert!(!recount.finish(found(99)), "something is still changing");
    assert!(again().is_none(), "a file that was removed is still open");
    assert_eq!(figures(&ledger), (10, 0));
    drop(credit);
    assert_eq!(figures(&ledger), (6, 0));
    assert!(again().unwrap().finish(found(7)));
    assert_eq!(figures(&ledger), (7, 0));
}

#[test]
fn sixteen_threads_race_for_the_last_bytes() {
    const LIMIT: u64 = 4_000_000;
    let (ledger, charged) = ledger(bytes(LIMIT), 0);
    thread::scope(|scope| {
        for thread in 0..16_u64 {
            let (ledger, charged) = (&ledger, &charged);
            scope.spawn(move || {
                let mut charge = open(ledger, charged);
                let mut piece = 1 + thread * 97;
                loop {
                    if charge.spend(of(charge.held().bytes + piece)).is_err() {
                        if piece == 1 {
                            break;
                        }
                        piece = 1;
                    }
                    let (used, reserved) = figures(ledger);
                    assert!(used + reserved <= LIMIT);
                }
            });
        }
    });
    assert_eq!(figures(&ledger), (LIMIT, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Cover(usize, Amount),
    Spend(usize, Amount),
    Settle(usize, u64),
    Drop(usize),
    Limit(QuotaLimits),
    Credit(bool, Amount),
    Pay(bool),
}

fn amounts(bytes: u64, entries: u64) -> impl Strategy<Value = Amount> {
    (0..bytes, 0..entries).prop_map(|(bytes, entries)| Amount { bytes, entries })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let limits = (proptest::option::of(0..6_000_u64), proptest::option::of(0..40_u64))
        .prop_map(|(bytes, entries)| QuotaLimits { bytes, entries });
    let step = prop_oneof![
        4 => (0..4_usize, amounts(3_000, 20)).prop_map(|(who, whole)| Step::Cover(who, whole)),
        6 => (0..4_usize, amounts(3_000, 20)).prop_map(|(who, whole)| Step::Spend(who, whole)),
        2 => (0..4_usize, 0..100_u64).prop_map(|(who, part)| Step::Settle(who, part)),
        2 => (0..4_usize).prop_map(Step::Drop),
        1 => limits.prop_map(Step::Limit),
        1 => (any::<bool>(), amounts(2_000, 5)).prop_map(|(at, what)| Step::Credit(at, what)),
        1 => any::<bool>().prop_map(Step::Pay),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    /// The model keeps what each of four files has, two in a home and two in a mount, and what
    /// else lies there. The mount is paid for by the owner of the files or by itself; what the
    /// ledger says must be the sum, and a reservation must keep to the limit.
    #[test]
    fn the_ledger_is_the_sum_of_its_files(all in steps()) {
        let (ledger, home) = ledger(bytes(4_000), 100);
        ledger.mount(SHARED, ChargeRule::Writer, QuotaLimits::NONE);
        count(&ledger, SHARED, &[(Some("ann"), of(50))]);
        let mounted = Charged { directory: SHARED, owner: Some("ann".into()) };
        let charged = |at: usize| if at < 2 { &home } else { &mounted };
        let mut loose = [Amount { bytes: 100, entries: 1 }, of(50)];
        let mut charges: Vec<Charge> = (0..4).map(|at| open(&ledger, charged(at))).collect();
        let mut held = [Amount::NOTHING; 4];
        let (mut limits, mut owner_pays) = (bytes(4_000), true);
        for step in all {
            let mut reserved = None;
            let before = ledger.usage("ann").unwrap();
            match step {
                Step::Cover(who, whole) => {
                    reserved = charges[who].cover(whole, false).is_ok().then_some(who);
                }
                Step::Spend(who, whole) => {
                    if charges[who].spend(whole).is_ok() {
                        reserved = Some(who);
                        held[who] = held[who].max(whole);
                    }
                }
                Step::Settle(who, percent) => {
                    held[who].bytes = held[who].bytes * percent / 100;
                    charges[who].settle(held[who]);
                }
                Step::Drop(who) => {
                    let at = usize::from(who >= 2);
                    loose[at] = loose[at].plus(std::mem::take(&mut held[who]));
                    charges[who] = open(&ledger, charged(who));
                }
                Step::Limit(to) => {
                    limits = to;
                    ledger.set_limits("ann", to);
                }
                Step::Credit(at, what) => {
                    let at = usize::from(at);
                    let what = what.min(loose[at]);
                    loose[at] = loose[at].minus(what);
                    drop(Credit::new(&ledger, charged(2 * at), what));
                }
                Step::Pay(owner) => {
                    owner_pays = owner;
                    let rule = if owner { ChargeRule::Writer } else { ChargeRule::Directory };
                    ledger.mount(SHARED, rule, QuotaLimits { bytes: None, entries: None });
                }
            }
            let now = ledger.usage("ann").unwrap();
            let files = if owner_pays { 0..4 } else { 0..2 };
            let sum = held[files.clone()].iter().fold(loose[0], |sum, held| sum.plus(*held));
            prop_assert_eq!(now.used, if owner_pays { sum.plus(loose[1]) } else { sum });
            let ahead = charges[files].iter().fold(Amount::NOTHING, |sum, charge| {
                sum.plus(charge.covered.minus(charge.held))
            });
            prop_assert_eq!(now.reserved, ahead);
            let taken = |usage: &Usage| usage.used.plus(usage.reserved);
            let paid = reserved.is_some_and(|who| who < 2 || owner_pays);
            let (was, is, most) = (taken(&before), taken(&now), limits.amount());
            if paid && is.bytes > was.bytes {
                prop_assert!(is.bytes <= most.bytes);
            }
            if paid && is.entries > was.entries {
                prop_assert!(is.entries <= most.entries);
            }
        }
        drop(charges);
        prop_assert_eq!(ledger.usage("ann").unwrap().reserved, Amount::NOTHING);
    }
}

#[test]
fn what_moves_is_counted_once_and_whoever_pays_at_both_ends_needs_no_room_twice() {
    let (ledger, home) = ledger(bytes(1_000), 800);
    ledger.mount(SHARED, ChargeRule::Writer, QuotaLimits::NONE);
    count(&ledger, SHARED, &[(Some("bob"), Amount::file(100)), (None, Amount::file(50))]);
    let shared = |owner: Option<&str>| {
        let owner = owner.map(Arc::from);
        Charged { directory: SHARED, owner }
    };
    let (anns, bobs, nobodys) = (shared(Some("ann")), shared(Some("bob")), shared(None));
    assert!(ledger.is_paid_alike(&home, &anns) && !ledger.is_paid_alike(&home, &bobs));
    assert!(!ledger.is_paid_alike(&nobodys, &nobodys), "nobody pays for it");
    let mut charge = open(&ledger, &anns);
    charge.take_over(&[(home.clone(), Amount::file(800))]);
    assert_eq!(figures(&ledger), (800, 0));
    drop(charge);
    assert_eq!(figures(&ledger), (800, 0));
    let mut charge = open(&ledger, &home);
    assert!(charge.cover(Amount { bytes: 201, entries: 2 }, false).is_err());
    charge.cover(Amount { bytes: 150, entries: 2 }, false).unwrap();
    assert_eq!(figures(&ledger), (800, 150));
    charge.take_over(&[
        (bobs, Amount::file(100)),
        (nobodys, Amount::file(50)),
        (anns, Amount::file(800)),
    ]);
    assert_eq!(figures(&ledger), (950, 0));
    drop(charge);
    assert_eq!(figures(&ledger), (950, 0));
    assert_eq!(ledger.usage("ann").unwrap().used.entries, 3);
}
