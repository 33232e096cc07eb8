//! The ledger: its refusals, races for the last bytes, and itself against a plain sum.

use std::thread;

use proptest::prelude::*;

use super::*;

fn ledger(limit: Option<u64>, used: u64) -> (Arc<Ledger>, Purse) {
    let (ledger, purse) = (Arc::new(Ledger::new()), Purse::account("ann"));
    ledger.open(&purse, limit, used);
    (ledger, purse)
}

fn figures(ledger: &Ledger, purse: &Purse) -> (u64, u64) {
    let usage = ledger.usage(purse).unwrap();
    (usage.used_bytes, usage.reserved_bytes)
}

#[test]
fn a_refusal_names_the_numbers() {
    let (ledger, purse) = ledger(Some(1_000), 600);
    let mut first = Charge::open(&ledger, &purse, 0);
    first.cover(100, false).unwrap();
    let mut second = Charge::open(&ledger, &purse, 50);
    let refused = second.cover(500, true).unwrap_err();
    assert!(matches!(
        refused,
        Error::OverQuota { need: 450, left: 300, limit: 1_000, replacing: true, of_mount: false }
    ));
    second.cover(350, false).unwrap();
    assert_eq!(figures(&ledger, &purse), (600, 400));
    // Its own reservation counts as room for it.
    assert!(matches!(first.cover(101, false), Err(Error::OverQuota { need: 101, left: 100, .. })));
    drop(second);
    drop(first);
    assert_eq!(figures(&ledger, &purse), (600, 0));
}

#[test]
fn a_failed_write_is_settled() {
    let (ledger, purse) = ledger(Some(1_000), 0);
    let mut charge = Charge::open(&ledger, &purse, 0);
    charge.cover(500, false).unwrap();
    charge.spend(300).unwrap();
    charge.settle(120);
    assert_eq!(figures(&ledger, &purse), (120, 380));
    charge.spend(500).unwrap();
    assert_eq!(figures(&ledger, &purse), (500, 0));
    drop(charge);
    ledger.give_back(&purse, 600);
    assert_eq!(figures(&ledger, &purse), (0, 0));
}

#[test]
fn a_lowered_limit_stops_what_was_covered() {
    let (ledger, purse) = ledger(Some(1_000), 0);
    let mut charge = Charge::open(&ledger, &purse, 0);
    charge.cover(800, false).unwrap();
    charge.spend(300).unwrap();
    ledger.set_limit(&purse, Some(400));
    assert!(matches!(
        charge.spend(500),
        Err(Error::OverQuota { need: 200, left: 100, limit: 400, .. })
    ));
    charge.spend(400).unwrap();
    ledger.set_limit(&purse, None);
    charge.spend(u64::MAX).unwrap();
    let mut other = Charge::open(&ledger, &purse, 0);
    assert!(other.spend(1).is_err());
}

#[test]
fn nobody_unknown_may_store() {
    let (ledger, purse) = (Arc::new(Ledger::new()), Purse::account("who"));
    let mut charge = Charge::open(&ledger, &purse, 0);
    assert!(charge.cover(1, false).is_err() && charge.spend(1).is_err());
    ledger.set_limit(&purse, None);
    ledger.add(&purse, 1);
    assert!(!ledger.knows(&purse) && ledger.usage(&purse).is_none());
    ledger.open(&purse, Some(10), 3);
    ledger.open(&purse, Some(20), 0);
    let want = Usage { used_bytes: 3, reserved_bytes: 0, limit_bytes: Some(20) };
    assert_eq!(ledger.usage(&purse), Some(want));
}

#[test]
fn sixteen_threads_race_for_the_last_bytes() {
    const LIMIT: u64 = 4_000_000;
    let (ledger, purse) = ledger(Some(LIMIT), 0);
    thread::scope(|scope| {
        for thread in 0..16_u64 {
            let (ledger, purse) = (&ledger, &purse);
            scope.spawn(move || {
                let mut charge = Charge::open(ledger, purse, 0);
                let mut piece = 1 + thread * 97;
                loop {
                    if charge.spend(charge.held() + piece).is_err() {
                        if piece == 1 {
                            break;
                        }
                        piece = 1;
                    }
                    let usage = ledger.usage(purse).unwrap();
                    assert!(usage.used_bytes + usage.reserved_bytes <= LIMIT);
                }
            });
        }
    });
    assert_eq!(figures(&ledger, &purse), (LIMIT, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Cover(usize, u64),
    Spend(usize, u64),
    Settle(usize, u64),
    Drop(usize),
    Limit(Option<u64>),
    GiveBack(u64),
    Add(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize, 0..3_000_u64).prop_map(|(who, end)| Step::Cover(who, end)),
        6 => (0..3_usize, 0..3_000_u64).prop_map(|(who, end)| Step::Spend(who, end)),
        2 => (0..3_usize, 0..100_u64).prop_map(|(who, part)| Step::Settle(who, part)),
        2 => (0..3_usize).prop_map(Step::Drop),
        1 => proptest::option::of(0..6_000_u64).prop_map(Step::Limit),
        1 => (0..2_000_u64).prop_map(Step::GiveBack),
        1 => (0..500_u64).prop_map(Step::Add),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    /// The model keeps only what each file has and the bytes of no file in particular; what the
    /// ledger says must be their sum, and a reservation must keep to the limit.
    #[test]
    fn the_ledger_is_the_sum_of_its_files(all in steps()) {
        let mut limit = Some(4_000);
        let (ledger, purse) = ledger(limit, 100);
        let mut loose = 100_u64;
        let mut charges: Vec<Charge> =
            (0..3).map(|_| Charge::open(&ledger, &purse, 0)).collect();
        let mut held = [0_u64; 3];
        for step in all {
            let before = ledger.usage(&purse).unwrap();
            let mut reserves = false;
            match step {
                Step::Cover(who, end) => reserves = charges[who].cover(end, false).is_ok(),
                Step::Spend(who, end) => {
                    reserves = charges[who].spend(end).is_ok();
                    if reserves { held[who] = held[who].max(end); }
                }
                Step::Settle(who, percent) => {
                    held[who] = held[who] * percent / 100;
                    charges[who].settle(held[who]);
                }
                Step::Drop(who) => {
                    loose += std::mem::take(&mut held[who]);
                    charges[who] = Charge::open(&ledger, &purse, 0);
                }
                Step::Limit(to) => { limit = to; ledger.set_limit(&purse, to); }
                Step::GiveBack(bytes) => {
                    let bytes = bytes.min(loose);
                    loose -= bytes;
                    ledger.give_back(&purse, bytes);
                }
                Step::Add(bytes) => { loose += bytes; ledger.add(&purse, bytes); }
            }
            let now = ledger.usage(&purse).unwrap();
            prop_assert_eq!(now.used_bytes, loose + held.iter().sum::<u64>());
            let ahead: u64 = charges.iter().map(|charge| charge.covered - charge.held).sum();
            prop_assert_eq!(now.reserved_bytes, ahead);
            let taken = |usage: &Usage| usage.reserved_bytes + usage.used_bytes;
            let grew = taken(&now) > taken(&before);
            if reserves && grew {
                prop_assert!(now.used_bytes + now.reserved_bytes <= limit.unwrap_or(u64::MAX));
            }
        }
        drop(charges);
        prop_assert_eq!(ledger.usage(&purse).unwrap().reserved_bytes, 0);
    }
}
