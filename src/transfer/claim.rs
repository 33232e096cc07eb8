//! At most one writer for a path, and a fence against one that was given up.
//!
//! What a file is charged for lies inside its claim, so that nobody can touch the ledger for a path
//! without the proof that the path is still his.
//!
//! Invariant: between [`Claim::hold`] and the drop of what it returned, no newer claim on the same
//! path exists; so a writer that was superseded never writes, removes or credits another byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Charge;

/// Every path that is being written.
#[derive(Debug, Default)]
pub struct Claims {
    held: Mutex<HashMap<Box<str>, Arc<Slot>>>,
}

/// Who claims a path.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The account, or what stands in its place in a refusal.
    pub by: &'a str,
    /// The number of its session.
    pub session: u64,
}

#[derive(Debug)]
struct Slot {
    by: Box<str>,
    session: u64,
    since: Instant,
    state: Mutex<State>,
    /// When the holder last showed life, apart from the state, which is locked while it writes;
    /// `None` once nobody waits for its peer any more.
    seen: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct State {
    fenced: bool,
    charge: Charge,
}

/// The right to write a path; dropped, it is free again, and what was promised to it as well.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    key: Box<str>,
    path: Box<str>,
    slot: Arc<Slot>,
}

/// Proof that the claim is still good, for as long as it lives.
#[derive(Debug)]
pub struct Held<'a> {
    slot: &'a Slot,
    state: MutexGuard<'a, State>,
}

/// Every critical section in this file is a plain assignment or a map operation, which cannot leave
/// half a state behind; so a lock that a panic poisoned is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claims {
    /// Takes the path `key`, which the account calls `path`; `charge` is what will be charged for
    /// the file.
    ///
    /// A claim of the same account that has shown no life for [`limits::CLAIM_STUCK`] is taken over
    /// at once and its holder fenced, but never one of the same session. Any other is
    /// [`Error::Busy`].
    pub fn take(
        self: &Arc<Self>,
        key: &str,
        path: &str,
        who: Claimant<'_>,
        charge: Charge,
    ) -> Result<Claim> {
        loop {
            let other = {
                let mut held = lock(&self.held);
                match held.get(key) {
                    None => {
                        let slot = Arc::new(Slot::new(who, charge));
                        held.insert(key.into(), Arc::clone(&slot));
                        let claims = Arc::clone(self);
                        return Ok(Claim { claims, key: key.into(), path: path.into(), slot });
                    }
                    Some(other) => Arc::clone(other),
                }
            };
            if !other.gives_way_to(who) {
                return Err(other.busy(path));
            }
            // Waits for a write that is under way, at most one frame.
            let mut state = lock(&other.state);
            // Whoever held it until now has just shown life.
            if !other.is_stuck() {
                return Err(other.busy(path));
            }
            state.fenced = true;
            // The part stays and is counted; the room for the rest is the newer claim's to ask for.
            state.charge.release();
            drop(state);
            self.free(key, &other);
        }
    }

    /// Refuses what [`Claims::take`] would refuse now; nothing is taken.
    pub fn check(&self, key: &str, path: &str, who: Claimant<'_>) -> Result<()> {
        let other = lock(&self.held).get(key).map(Arc::clone);
        match other {
            Some(other) if !other.gives_way_to(who) => Err(other.busy(path)),
            _ => Ok(()),
        }
    }

    /// Whether anybody writes the path.
    pub fn is_taken(&self, key: &str) -> bool {
        lock(&self.held).contains_key(key)
    }

    fn free(&self, key: &str, slot: &Arc<Slot>) {
        let mut held = lock(&self.held);
        if held.get(key).is_some_and(|other| Arc::ptr_eq(other, slot)) {
            held.remove(key);
        }
    }
}

impl Slot {
    fn new(who: Claimant<'_>, charge: Charge) -> Slot {
        let now = Instant::now();
        Slot {
            by: who.by.into(),
            session: who.session,
            since: now,
            state: Mutex::new(State { fenced: false, charge }),
            seen: Mutex::new(Some(now)),
        }
    }

    /// Whether it can be taken over: by another session of the same account, once it is stuck.
    fn gives_way_to(&self, who: Claimant<'_>) -> bool {
        *self.by == *who.by && self.session != who.session && self.is_stuck()
    }

    fn busy(&self, path: &str) -> Error {
        let for_secs = self.since.elapsed().as_secs();
        Error::Busy { path: path.into(), by: self.by.to_string(), for_secs }
    }

    fn is_stuck(&self) -> bool {
        let silent: Option<Duration> = lock(&self.seen).map(|seen| seen.elapsed());
        silent.is_some_and(|silent| silent >= limits::CLAIM_STUCK)
    }

    fn touch(&self) {
        if let Some(seen) = lock(&self.seen).as_mut() {
            *seen = Instant::now();
        }
    }
}

impl Claim {
    /// Proves that the claim is still good, and keeps it so while the proof lives.
    pub fn hold(&self) -> Result<Held<'_>> {
        self.slot.touch();
        let state = lock(&self.slot.state);
        if state.fenced {
            return Err(Error::Superseded { path: self.path.to_string() });
        }
        Ok(Held { slot: &self.slot, state })
    }

    #[cfg(test)]
    pub(super) fn fall_silent(&self) {
        *lock(&self.slot.seen) = Some(Instant::now() - 2 * limits::CLAIM_STUCK);
    }

    /// Shows that the holder is alive, though it has nothing to write yet.
    pub fn touch(&self) {
        self.slot.touch();
    }
}

impl Held<'_> {
    /// What the file is charged for.
    pub fn charge(&mut self) -> &mut Charge {
        &mut self.state.charge
    }

    /// All that the peer had to say is here: from now on silence is the server's own work, and
    /// nobody takes the claim over.
    pub fn needs_no_peer(&mut self) {
        *lock(&self.slot.seen) = None;
    }
}

impl Drop for Held<'_> {
    /// A write may have taken long, which is not the peer's silence.
    fn drop(&mut self) {
        self.slot.touch();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.slot.state).charge.release();
        self.claims.free(&self.key, &self.slot);
    }
}

#[cfg(test)]
mod tests {
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
            let charge = Charge::open(&self.ledger, &Charged { directory: HOME, owner: None })?;
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
}
