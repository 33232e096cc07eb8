//! At most one writer for a path, and a fence against one that was given up.
//!
//! Invariant: between [`Claim::hold`] and the drop of what it returned, no newer claim on the same
//! path exists; so a writer that was superseded never writes another byte.

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

#[derive(Debug)]
struct Slot {
    by: Box<str>,
    since: Instant,
    state: Mutex<State>,
    /// When the holder last wrote, apart from the state, which is locked while it writes.
    seen: Mutex<Instant>,
}

#[derive(Debug)]
struct State {
    fenced: bool,
    /// What the writer of a part was promised; it goes with the claim.
    charge: Option<Charge>,
}

/// The right to write a path; dropped, it is free again.
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
    state: MutexGuard<'a, State>,
}

/// Every critical section in this file is a plain assignment or a map operation, which cannot leave
/// half a state behind; so a lock that a panic poisoned is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Claims {
    /// Takes the path `key` for the account `by`; `path` is what the account calls it.
    ///
    /// A claim of the same account that has shown no life for [`limits::CLAIM_STUCK`] is taken over
    /// at once and its holder fenced. Any other is [`Error::Busy`].
    pub fn take(self: &Arc<Self>, key: &str, by: &str, path: &str) -> Result<Claim> {
        loop {
            let other = {
                let mut held = lock(&self.held);
                match held.get(key) {
                    None => {
                        let now = Instant::now();
                        let slot = Arc::new(Slot {
                            by: by.into(),
                            since: now,
                            state: Mutex::new(State { fenced: false, charge: None }),
                            seen: Mutex::new(now),
                        });
                        held.insert(key.into(), Arc::clone(&slot));
                        let claims = Arc::clone(self);
                        return Ok(Claim { claims, key: key.into(), path: path.into(), slot });
                    }
                    Some(other) => Arc::clone(other),
                }
            };
            if *other.by != *by || other.silent_for() < limits::CLAIM_STUCK {
                let for_secs = other.since.elapsed().as_secs();
                return Err(Error::Busy { path: path.into(), by: other.by.to_string(), for_secs });
            }
            // Waits for a write that is under way, at most one frame; then the holder is fenced.
            *lock(&other.state) = State { fenced: true, charge: None };
            self.free(key, &other);
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
    fn silent_for(&self) -> Duration {
        lock(&self.seen).elapsed()
    }
}

impl Claim {
    /// Proves that the claim is still good, and keeps it so while the proof lives.
    pub fn hold(&self) -> Result<Held<'_>> {
        *lock(&self.slot.seen) = Instant::now();
        let state = lock(&self.slot.state);
        if state.fenced {
            return Err(Error::Superseded { path: self.path.to_string() });
        }
        Ok(Held { state })
    }

    /// Ties a charge to the claim: who loses the one loses the other.
    pub fn entrust(&self, charge: Charge) -> Result<()> {
        self.hold()?.state.charge = Some(charge);
        Ok(())
    }
}

impl Held<'_> {
    /// The charge that was entrusted to the claim.
    pub fn charge(&mut self) -> Result<&mut Charge> {
        let missing = Error::WrongState { what: "nothing was promised" };
        self.state.charge.as_mut().ok_or(missing)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The room first: who finds the path free finds the room free too.
        lock(&self.slot.state).charge = None;
        self.claims.free(&self.key, &self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_account_is_refused_and_told_who_writes() {
        let claims = Arc::new(Claims::default());
        let first = claims.take("k", "ann", "/a").unwrap();
        let refused = claims.take("k", "bob", "/a").unwrap_err();
        assert_eq!(refused.to_string(), "`/a` is being written by ann for 0 s");
        assert!(first.hold().is_ok());
        drop(first);
        assert!(claims.take("k", "bob", "/a").is_ok());
    }

    #[test]
    fn the_same_account_takes_over_what_is_stuck_and_the_old_holder_is_fenced() {
        let claims = Arc::new(Claims::default());
        let old = claims.take("k", "ann", "/a").unwrap();
        assert!(matches!(claims.take("k", "ann", "/a"), Err(Error::Busy { .. })), "alive");
        *lock(&old.slot.seen) = Instant::now() - 2 * limits::CLAIM_STUCK;
        let new = claims.take("k", "ann", "/a").unwrap();
        assert!(matches!(old.hold(), Err(Error::Superseded { .. })));
        assert!(new.hold().is_ok());
        drop(old);
        assert!(claims.is_taken("k"), "the old claim's end does not free the new one");
        drop(new);
        assert!(!claims.is_taken("k"));
    }
}
