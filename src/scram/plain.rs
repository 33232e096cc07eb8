//! Passwords that arrive in clear, checked against the same records.
//!
//! Each check costs a slow derivation, so few run at once and a right password is remembered, as a
//! digest under a key that lives as long as the program; so a client that opens a connection for
//! each file pays once. A wrong password always pays in full.
//!
//! Invariant: an answer for a known name and one for an unknown name cost the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use subtle::ConstantTimeEq;

use super::{KEY, Verifier, hmac, random_bytes};
use crate::error::{Error, Result};
use crate::limits;

/// See the module.
pub struct PlainChecks {
    key: [u8; KEY],
    /// As many tokens as derivations may run at once.
    places: (Sender<()>, Receiver<()>),
    /// What the last right password of each name was, with its record, digested.
    right: Mutex<HashMap<Box<str>, [u8; KEY]>>,
}

/// Called while a derivation waits for its turn; its error ends the wait.
type Waiting<'a> = dyn FnMut() -> Result<()> + 'a;

/// The right to compute one of the derivations that may run at once. Dropped, also by a panic, it
/// is the next one's.
struct Permit<'a>(&'a Receiver<()>);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // Its own token is in there, so this takes one at once.
        let _ = self.0.try_recv();
    }
}

impl fmt::Debug for PlainChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainChecks(***)")
    }
}

impl PlainChecks {
    /// One that remembers nothing yet.
    ///
    /// # Errors
    /// As [`random_bytes`].
    pub fn new() -> Result<PlainChecks> {
        let key = random_bytes()?;
        Ok(PlainChecks { key, places: bounded(limits::DERIVATIONS), right: Mutex::default() })
    }

    /// Whether `password` is the one of the record. `name` is whose record it is; for a record of
    /// more than `most` iterations no password is right, so that none keeps others waiting.
    ///
    /// # Errors
    /// [`Error::TooMany`] if too many others are being checked for too long; those of `waiting`.
    pub fn accepts(
        &self,
        name: &str,
        verifier: &Verifier,
        password: &str,
        most: u32,
        waiting: &mut Waiting<'_>,
    ) -> Result<bool> {
        let record = verifier.to_string();
        let lengths = [name.len() as u64, record.len() as u64].map(u64::to_be_bytes).concat();
        let digest =
            hmac(&self.key, &[&lengths, name.as_bytes(), record.as_bytes(), password.as_bytes()]);
        let remembered = self.right().get(name).copied();
        if remembered.is_some_and(|right| right.ct_eq(&digest).into()) {
            return Ok(true);
        }
        let right = self.in_turn(|| verifier.accepts(password, most), waiting)?;
        if right {
            self.right().insert(name.into(), digest);
        }
        Ok(right)
    }

    /// Makes the record of a new password that came in clear.
    ///
    /// # Errors
    /// The same, and those of [`Verifier::derive`].
    pub fn derive(
        &self,
        password: &str,
        iterations: u32,
        waiting: &mut Waiting<'_>,
    ) -> Result<Verifier> {
        self.in_turn(|| Verifier::derive(password, iterations), waiting)?
    }

    /// Does something slow when few others do.
    fn in_turn<T>(&self, work: impl FnOnce() -> T, waiting: &mut Waiting<'_>) -> Result<T> {
        let _permit = self.permit(waiting)?;
        Ok(work())
    }

    fn permit(&self, waiting: &mut Waiting<'_>) -> Result<Permit<'_>> {
        let until = Instant::now() + limits::DERIVATION_WAIT;
        loop {
            let look = until.min(Instant::now() + limits::OPERATION_LOOK);
            match self.places.0.send_deadline((), look) {
                Ok(()) => return Ok(Permit(&self.places.1)),
                Err(SendTimeoutError::Timeout(())) if Instant::now() < until => waiting()?,
                Err(_) => {
                    let max = limits::DERIVATIONS as u64;
                    return Err(Error::TooMany { what: "logins at once", max });
                }
            }
        }
    }

    /// The lock holds over map operations alone, which leave no half state; poison means nothing.
    fn right(&self) -> MutexGuard<'_, HashMap<Box<str>, [u8; KEY]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wait that nothing ends but its turn.
    fn go_on() -> Result<()> {
        Ok(())
    }

    #[test]
    fn a_panic_in_a_check_gives_its_permit_back() {
        let checks = PlainChecks::new().unwrap();
        for _ in 0..3 * limits::DERIVATIONS {
            let check = || checks.in_turn(|| panic!("in a password check"), &mut go_on);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            let _: Result<()> = panicked
                .expect_err("it panics")
                .downcast::<&str>()
                .map_or_else(|_| panic!("another panic"), |_| Ok(()));
        }
        assert!(checks.places.1.is_empty());
        assert!(Verifier::derive("secret", 4096).is_ok_and(|record| {
            checks.accepts("ann", &record, "secret", 4096, &mut go_on).unwrap()
        }));
    }

    #[test]
    fn a_wait_for_a_permit_ends_when_its_client_has_gone() {
        let checks = PlainChecks::new().unwrap();
        let all: Vec<_> =
            (0..limits::DERIVATIONS).map(|_| checks.permit(&mut go_on).unwrap()).collect();
        let gone = checks.derive("secret", 4096, &mut || Err(Error::Gone));
        assert!(matches!(gone, Err(Error::Gone)));
        drop(all);
        assert!(checks.derive("secret", 4096, &mut || Err(Error::Gone)).is_ok());
    }

    #[test]
    fn a_right_password_is_remembered_and_a_changed_record_forgets_it() {
        let checks = PlainChecks::new().unwrap();
        let record = Verifier::derive("secret", 4096).unwrap();
        assert!(!checks.accepts("ann", &record, "wrong", 4096, &mut go_on).unwrap());
        assert!(checks.right().is_empty());
        assert!(checks.accepts("ann", &record, "secret", 4096, &mut go_on).unwrap());
        assert!(checks.accepts("ann", &record, "secret", 4096, &mut go_on).unwrap());
        assert!(!checks.accepts("ann", &record, "wrong", 4096, &mut go_on).unwrap());
        let changed = Verifier::derive("other", 4096).unwrap();
        assert!(!checks.accepts("ann", &changed, "secret", 4096, &mut go_on).unwrap());
        assert!(!checks.accepts("bob", &changed, "secret", 4096, &mut go_on).unwrap());
    }
}
