//! Claims by hand, and against a model.

use super::*;
use crate::quota::{Amount, Begin, Charged, DirectoryId, Ledger, QuotaLimits};

const HOME: DirectoryId = DirectoryId { device: 1, inode: 1 };

struct Scene {
    ledger: Arc<Ledger>,
    claims: Arc<Claims>,
}

impl Scene {
    fn new() -> Scene {
        let ledger = Arc::new(Ledger::new());
        ledger.open_home("ann", HOME);
        ledger.set_limits("ann", QuotaLimits { bytes: Some(100), entries: None });
        let Begin::Begun(count) = ledger.begin_count(HOME) else { panic!() };
        assert!(count.finish(Default::default()));
        Scene { ledger, claims: Arc::default() }
    }

    fn charge(&self) -> Charge {
        Charge::open(&self.ledger, &Charged { directory: HOME, owner: None }).unwrap()
    }

    fn take(&self, by: &str, session: u64) -> Result<Claim> {
        self.claims.take("k", "/a", Claimant { by, session, is_stream: false }, self.charge())
    }

    /// Until a claim that is held is waited for. A test in which nobody does so does not end.
    fn until_somebody_waits(&self) {
        while lock(&self.claims.held).waiting == 0 {
            std::thread::yield_now();
        }
    }

    fn figures(&self) -> (u64, u64) {
        let usage = self.ledger.usage("ann").unwrap();
        (usage.used.bytes, usage.reserved.bytes)
    }
}

#[test]
fn another_account_is_refused_and_reported_who_writes() {
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

impl Scene {
    fn take_tree(&self, key: &str, who: Claimant<'_>, scope: Scope, short: bool) -> Result<Claim> {
        let wanted = ClaimRequest { key: key.to_owned(), path: key, scope, charge: self.charge() };
        self.claims.take_together(vec![wanted], who, short).map(|mut taken| taken.pop().unwrap())
    }
}

const ANN: Claimant<'_> = Claimant { by: "ann", session: 1, is_stream: false };

#[test]
fn a_tree_is_claimed_with_all_that_lies_below_it_and_with_nothing_beside_it() {
    let scene = Scene::new();
    let free = |key: &str, scope| scene.take_tree(key, ANN, scope, false).is_ok();
    for (held, scope, refused, allowed) in [
        ("a/b", Scope::Tree, vec!["a/b", "a/b/c", "a/b/c/d"], vec!["a", "a/b-c", "a/b.c", "a/c"]),
        ("a/b/c", Scope::Name, vec!["a/b/c"], vec!["a/b/c/d", "a/b", "a/b/cc", "b/c"]),
        (":m/", Scope::Tree, vec![":m/", ":m/x"], vec![":mm/x", "m/x"]),
    ] {
        let _held = scene.take_tree(held, ANN, scope, false).unwrap();
        for key in refused {
            assert!(!free(key, Scope::Name), "{key} while {held} is held");
            assert!(scene.claims.is_taken(key) && scene.claims.check(key, key, ANN).is_err());
        }
        for key in allowed {
            assert!(free(key, Scope::Name), "{key} while {held} is held");
        }
        for above in ["a/b", "a"].iter().filter(|above| held.starts_with(**above)) {
            assert!(!free(above, Scope::Tree), "{above} as a tree while {held} is held");
        }
    }
}

#[test]
fn what_is_short_is_waited_for_and_all_names_are_taken_or_none() {
    let scene = Scene::new();
    let short = scene.take_tree("a/b", ANN, Scope::Tree, true).unwrap();
    let two = |session| {
        let wanted = ["c", "a/b/x"].map(|key| ClaimRequest {
            key: key.to_owned(),
            path: key,
            scope: Scope::Tree,
            charge: scene.charge(),
        });
        scene.claims.take_all(wanted.into(), Claimant { by: "bob", session, is_stream: false })
    };
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| two(2).map(|claims| claims.len()));
        scene.until_somebody_waits();
        assert!(!scene.claims.is_taken("c"), "the name that is free stays free");
        assert!(scene.claims.check("a/b", "/a/b", ANN).is_ok(), "it will be free soon");
        drop(short);
        assert_eq!(waits.join().unwrap().unwrap(), 2);
    });
    let _upload = scene.take_tree("a/b/x/y", ANN, Scope::Name, false).unwrap();
    assert!(matches!(two(3), Err(Error::Busy { .. })), "an upload is not waited for");
    assert!(!scene.claims.is_taken("c"));
}

/// A stream that is being put in its place is soon over; nothing else waits for it.
#[test]
fn a_stream_of_the_same_account_is_waited_for_by_a_stream() {
    let scene = Scene::new();
    let take = |by: &str, session, is_stream| {
        scene.claims.take("k", "/a", Claimant { by, session, is_stream }, scene.charge())
    };
    let old = take("ann", 1, true).unwrap();
    old.hold().unwrap().needs_no_peer();
    for (by, session, is_stream) in [("ann", 2, false), ("ann", 1, true), ("bob", 2, true)] {
        let refused = take(by, session, is_stream);
        assert!(matches!(refused, Err(Error::Busy { .. })), "{by} in session {session}");
    }
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| take("ann", 2, true).map(|new| new.hold().is_ok()));
        scene.until_somebody_waits();
        assert!(old.hold().is_ok(), "it is not taken over");
        drop(old);
        assert!(waits.join().unwrap().unwrap());
    });
}

mod model {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Take { key: Vec<u8>, tree: bool, session: u64 },
        End(prop::sample::Index),
        FallSilent(prop::sample::Index),
        Hold(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = prop::collection::vec(0..3_u8, 1..4);
        let one = any::<prop::sample::Index>;
        let step = prop_oneof![
            4 => (key, any::<bool>(), 0..4_u64)
                .prop_map(|(key, tree, session)| Step::Take { key, tree, session }),
            1 => one().prop_map(Step::End),
            2 => one().prop_map(Step::FallSilent),
            1 => one().prop_map(Step::Hold),
        ];
        prop::collection::vec(step, 1..60)
    }

    /// A claim as the model knows it.
    struct Known {
        claim: Claim,
        key: Vec<u8>,
        tree: bool,
        session: u64,
        silent: bool,
        fenced: bool,
    }

    impl Known {
        fn conflicts(&self, key: &[u8], tree: bool) -> bool {
            let holds = self.key.starts_with(key) && (tree || self.key == key);
            !self.fenced && (holds || key.starts_with(&self.key) && (self.tree || self.key == key))
        }
    }

    /// Sessions 0 and 1 are ann's, 2 and 3 are bob's.
    fn account(session: u64) -> &'static str {
        if session < 2 { "ann" } else { "bob" }
    }

    proptest! {
        #[test]
        fn claims_are_what_a_list_of_them_says(steps in steps()) {
            // Names of which one is the beginning of another, and sorts before and behind a slash.
            const NAMES: [&str; 3] = ["a", "a-b", "a\u{e9}"];
            let scene = Scene::new();
            let mut known: Vec<Known> = Vec::new();
            for step in steps {
                match step {
                    Step::Take { key, tree, session } => {
                        let text: Vec<&str> = key.iter().map(|i| NAMES[usize::from(*i)]).collect();
                        let who = Claimant { by: account(session), session, is_stream: false };
                        let scope = if tree { Scope::Tree } else { Scope::Name };
                        // Time passes only for those that fall silent.
                        let alive = known.iter().filter(|one| !one.silent);
                        alive.for_each(|one| one.claim.touch());
                        let taken = scene.take_tree(&text.join("/"), who, scope, false);
                        let in_the_way = known.iter_mut().filter(|one| one.conflicts(&key, tree));
                        let in_the_way: Vec<&mut Known> = in_the_way.collect();
                        let gives_way = |one: &&mut Known| {
                            one.silent
                                && one.session != session
                                && account(one.session) == account(session)
                        };
                        let may = in_the_way.iter().all(gives_way);
                        prop_assert_eq!(taken.is_ok(), may);
                        if let Ok(claim) = taken {
                            in_the_way.into_iter().for_each(|one| one.fenced = true);
                            let (silent, fenced) = (false, false);
                            known.push(Known { claim, key, tree, session, silent, fenced });
                        }
                    }
                    _ if known.is_empty() => {}
                    Step::End(which) => drop(known.remove(which.index(known.len()))),
                    Step::FallSilent(which) => {
                        let one = which.index(known.len());
                        known[one].claim.fall_silent();
                        known[one].silent = true;
                    }
                    Step::Hold(which) => {
                        let one = which.index(known.len());
                        let one = &mut known[one];
                        prop_assert_eq!(one.claim.hold().is_err(), one.fenced);
                        one.silent = false;
                    }
                }
            }
            let unfenced = known.iter().filter(|one| !one.fenced).count();
            prop_assert_eq!(lock(&scene.claims.held).slots.len(), unfenced);
            drop(known);
            prop_assert!(lock(&scene.claims.held).slots.is_empty());
        }
    }
}
