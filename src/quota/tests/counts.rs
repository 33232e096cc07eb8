//! Counts: whoever waits for one, what is kept of one, and what a later one is compared with.

use std::sync::mpsc;

use super::*;

/// So long that a test which waits for it does not end.
const FOR_EVER: Duration = Duration::from_secs(3600);

#[test]
fn whoever_waits_for_a_count_goes_on_when_it_has_ended_and_not_before() {
    for _ in 0..50 {
        let ledger = Arc::new(Ledger::new());
        ledger.open_home("ann", HOME);
        let Begin::Begun(first) = ledger.begin_count(HOME) else { panic!() };
        let (waits, about_to_wait) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                waits.send(()).unwrap();
                ledger.wait_for_count(HOME, FOR_EVER);
                assert!(matches!(ledger.begin_count(HOME), Begin::Known));
            });
            about_to_wait.recv().unwrap();
            assert!(first.finish(HashMap::from([(None, of(10))])));
        });
        ledger.wait_for_count(HOME, FOR_EVER);
        ledger.wait_for_count(SHARED, FOR_EVER);
    }
}

#[test]
fn figures_are_taken_out_once_and_only_while_nothing_changes_them() {
    let (ledger, charged) = ledger(bytes(1_000), 600);
    let charge = open(&ledger, &charged);
    assert!(ledger.take_figures(HOME).is_none(), "something may still change it");
    drop(charge);
    let (held, _) = ledger.take_figures(HOME).unwrap();
    assert_eq!(held, HashMap::from([(None, Amount::file(600))]));
    assert!(ledger.take_figures(HOME).is_none());
    assert!(Charge::open(&ledger, &charged).is_err(), "it counts as unknown");
}

#[test]
fn a_later_count_can_be_compared_with_what_was_known() {
    let ledger = Arc::new(Ledger::new());
    ledger.open_home("ann", HOME);
    let Begin::Begun(first) = ledger.begin_count(HOME) else { panic!() };
    assert_eq!(first.known(), None);
    first.finish_with_kept(HashMap::from([(None, Amount::file(70))]), Duration::ZERO);
    let later = ledger.begin_recount(HOME, FOR_EVER).expect("nobody has checked it yet");
    assert_eq!(later.known(), Some(Amount::file(70)));
}
