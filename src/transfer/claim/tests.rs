//! Claims by hand, and against a model.

use super::*;
use crate::quota::{Amount, Begin, Charged, DirectoryId, Ledger, Limits};

const HOME: DirectoryId = DirectoryId { device: 1, inode: 1 };

struct Scene {
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
}

impl Scene {
    fn new() -> Scene {
        let ledger = Arc::new(Ledger::new());
        ledger.open_home("ann", HOME);
        ledger.set_limits("ann", Limits { bytes: Some(100), entries: None });
        let Begin::Begun(count) = ledger.begin_count(HOME) else { panic!() };
        assert!(count.finish(Default::default()));
        Scene { ledger, claims: Arc::default() }
    }

    fn take(&self, by: &str, session: u64) -> Result<Claim> {
        let charge = Charge::open(&self.ledger, &Charged { directory: HOME, owner: None }).unwrap();
        self.claims.take("k", "/a", Claimant { by, session }, charge)
    }

    fn figures(&self) -> (u64, u64) {
        let usage = self.ledger.usage("ann").unwrap();
        (usage.used.bytes, usage.reserved.bytes)
    }
}

#[test]
fn another_account_is_refused_and_told_who_writes() {
    let scene = Scene::new();
    let first = scene.take("ann", 1).unwrap();
    first.fall_silent();
    let refused = scene.take("bob", 2).unwrap_err();
    assert_eq!(refused.to_string(), "`/a` is being written by ann for 0 s");
    assert!(first.hold().is_ok());
    drop(first);
    assert!(scene.take("bob", 2).is_ok());
}

#[test]
fn the_same_account_takes_over_what_is_stuck_and_the_old_holder_is_fenced() {
    let scene = Scene::new();
    let old = scene.take("ann", 1).unwrap();
    assert!(matches!(scene.take("ann", 2), Err(Error::Busy { .. })), "alive");
    old.fall_silent();
    assert!(matches!(scene.take("ann", 1), Err(Error::Busy { .. })), "its own session");
    let new = scene.take("ann", 2).unwrap();
    assert!(matches!(old.hold(), Err(Error::Superseded { .. })));
    assert!(new.hold().is_ok());
    drop(old);
    assert!(scene.claims.is_taken("k"), "the old claim's end does not free the new one");
    drop(new);
    assert!(!scene.claims.is_taken("k"));
}

#[test]
fn a_fence_gives_back_what_was_promised_and_keeps_what_was_spent() {
    let scene = Scene::new();
    let old = scene.take("ann", 1).unwrap();
    let mut held = old.hold().unwrap();
    held.charge().cover(Amount::file(80), false).unwrap();
    held.charge().spend(Amount::file(30)).unwrap();
    drop(held);
    assert_eq!(scene.figures(), (30, 50));
    old.fall_silent();
    let new = scene.take("ann", 2).unwrap();
    assert_eq!(scene.figures(), (30, 0));
    let mut held = new.hold().unwrap();
    held.charge().adopt(Amount::file(30));
    held.charge().cover(Amount::file(80), false).unwrap();
    drop((held, old));
    assert_eq!(scene.figures(), (30, 50), "the old claim's end takes nothing more away");
    drop(new);
    assert_eq!(scene.figures(), (30, 0));
}

#[test]
fn life_shown_in_any_way_keeps_a_claim() {
    let scene = Scene::new();
    let claim = scene.take("ann", 1).unwrap();
    claim.fall_silent();
    claim.touch();
    assert!(matches!(scene.take("ann", 2), Err(Error::Busy { .. })), "bytes arrive");
    let held = claim.hold().unwrap();
    claim.fall_silent();
    drop(held);
    assert!(matches!(scene.take("ann", 2), Err(Error::Busy { .. })), "a long write ended");
    claim.fall_silent();
    claim.hold().unwrap().needs_no_peer();
    claim.touch();
    assert!(matches!(scene.take("ann", 2), Err(Error::Busy { .. })), "nobody is waited for");
}
