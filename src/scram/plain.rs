//! Passwords that arrive in clear, checked against the same records.
//!
//! Each check costs a slow derivation, and a right password is remembered, as a digest under a key
//! that lives as long as the program; so a client that opens a connection for each file pays once.
//! A wrong password always pays in full.
//!
//! Invariant: an answer for a known name and one for an unknown name cost the same.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq;

use super::derivations::{Derivations, Waiting};
use super::{KEY, Verifier, hmac, random_bytes};
use crate::error::Result;
use crate::limits;

/// Checks passwords that arrive in clear.
pub struct PlainChecks {
    key: [u8; KEY],
    derivations: Derivations,
    /// What the last right password of each name was, with its record, digested.
    right: Mutex<HashMap<Box<str>, [u8; KEY]>>,
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
        let (key, derivations) = (random_bytes()?, Derivations::default());
        Ok(PlainChecks { key, derivations, right: Mutex::default() })
    }

    /// Whether `password` is the one of the record. `name` is whose record it is, `from` where the
    /// password comes from; for a record of more than `most` iterations no password is right, so
    /// that none keeps others waiting.
    ///
    /// # Errors
    /// [`TooMany`](crate::error::Error::TooMany) if too many others are being checked; those of
    /// `waiting`.
    pub fn accepts(
        &self,
        name: &str,
        verifier: &Verifier,
        password: &str,
        most: u32,
        from: IpAddr,
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
        let check = || verifier.accepts(password, most);
        // A class that logs in at once waits less than whoever guesses.
        let rests = |right: &bool| if *right { 1 } else { limits::DERIVATION_RESTS };
        let right = self.derivations.run(from, check, rests, waiting)?;
        if right {
            self.right().insert(name.into(), digest);
        }
        Ok(right)
    }

    /// Forgets the right passwords of all other names.
    pub fn keep(&self, is_kept: &dyn Fn(&str) -> bool) {
        self.right().retain(|name, _| is_kept(name));
    }

    /// What a password for a name is recognised by if it comes again while the program runs.
    pub fn ticket(&self, name: &str, password: &str) -> [u8; KEY] {
        let length = (name.len() as u64).to_be_bytes();
        hmac(&self.key, &[b"again", &length, name.as_bytes(), password.as_bytes()])
    }

    /// Makes the record of a new password that came in clear.
    ///
    /// # Errors
    /// The errors of this, and those of [`Verifier::derive`].
    pub fn derive(
        &self,
        password: &str,
        iterations: u32,
        from: IpAddr,
        waiting: &mut Waiting<'_>,
    ) -> Result<Verifier> {
        self.derivations.run(from, || Verifier::derive(password, iterations), |_| 1, waiting)?
    }

    /// The lock is held only over map operations, which leave no half state; poison means nothing.
    fn right(&self) -> MutexGuard<'_, HashMap<Box<str>, [u8; KEY]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    use super::super::derivations::DerivationQueue;
    use super::*;
    use crate::error::Error;

    /// A wait that nothing ends but its turn.
    fn go_on() -> Result<()> {
        Ok(())
    }

    fn host(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn a_panic_in_a_check_gives_its_permit_back() {
        let checks = PlainChecks::new().unwrap();
        let derivations = &checks.derivations;
        for _ in 0..3 * limits::derivations() {
            let check = || derivations.run(host(1), || panic!("in a check"), |()| 1, &mut go_on);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            let _: Result<()> = panicked
                .expect_err("it panics")
                .downcast::<&str>()
                .map_or_else(|_| panic!("another panic"), |_| Ok(()));
        }
        assert!(derivations.is_idle());
        assert!(Verifier::derive("secret", 4096).is_ok_and(|record| {
            checks.accepts("ann", &record, "secret", 4096, host(1), &mut go_on).unwrap()
        }));
    }

    #[test]
    fn a_wait_for_a_permit_ends_when_its_client_has_gone() {
        let checks = PlainChecks::new().unwrap();
        let all: Vec<_> = (0..limits::derivations())
            .map(|_| checks.derivations.permit(host(1), &mut go_on).unwrap())
            .collect();
        let gone = checks.derive("secret", 4096, host(1), &mut || Err(Error::Gone));
        assert!(matches!(gone, Err(Error::Gone)));
        drop(all);
        assert!(checks.derivations.is_idle());
        assert!(checks.derive("secret", 4096, host(1), &mut || Err(Error::Gone)).is_ok());
    }

    /// How many of these find a place in the queue; each waits for the one behind it to be refused
    /// or to wait as well.
    fn queued(checks: &PlainChecks, from: &[IpAddr]) -> Vec<bool> {
        let Some((first, others)) = from.split_first() else { return Vec::new() };
        let mut behind = None;
        let mut alive = || {
            behind = Some(queued(checks, others));
            Err(Error::Gone)
        };
        let result = checks.derivations.permit(*first, &mut alive).map(drop);
        let is_queued = matches!(result, Err(Error::Gone));
        let behind = behind.unwrap_or_else(|| queued(checks, others));
        [vec![is_queued], behind].concat()
    }

    #[test]
    fn the_queue_has_an_end_and_no_address_has_all_of_it() {
        let checks = PlainChecks::new().unwrap();
        let _all: Vec<_> = (0..limits::derivations())
            .map(|_| checks.derivations.permit(host(90), &mut go_on).unwrap())
            .collect();
        let own = limits::DERIVATIONS_WAITING_PER_ADDRESS;
        let addresses = u8::try_from(limits::DERIVATIONS_WAITING / own).unwrap();
        assert_eq!(
            usize::from(addresses) * own,
            limits::DERIVATIONS_WAITING,
            "they fill the queue"
        );
        let mut from: Vec<_> = (0..addresses).flat_map(|n| vec![host(n); own]).collect();
        let mut expected = vec![true; from.len()];
        from.insert(own, host(0));
        expected.insert(own, false);
        from.push(host(99));
        expected.push(false);
        assert_eq!(queued(&checks, &from), expected);
        let refused = checks.derivations.permit(host(90), &mut || Err(Error::Gone));
        assert!(matches!(refused, Err(Error::Gone)), "the places came back");
    }

    /// Those of one address come in the order in which they came, and an address that has many
    /// waiting makes nobody from elsewhere wait for them.
    #[test]
    fn addresses_come_by_turns_and_each_in_its_order() {
        let mut queue = DerivationQueue::default();
        let mut number = 0;
        let mut enter = |queue: &mut DerivationQueue, from| {
            number += 1;
            (queue.enter(host(from)), number)
        };
        let mut all: Vec<_> = (0..4).map(|_| enter(&mut queue, 1)).collect();
        all.extend((0..2).map(|_| enter(&mut queue, 2)).collect::<Vec<_>>());
        let (mut order, now) = (Vec::new(), Instant::now());
        while !all.is_empty() {
            let at = all.iter().position(|(waiter, _)| queue.wait(*waiter, now).is_none()).unwrap();
            let (waiter, number) = all.remove(at);
            queue.round = waiter.round;
            queue.waiting.retain(|(other, _)| *other != waiter);
            order.push(number);
            if order.len() == 3 {
                // A newcomer from elsewhere waits for nobody's second one.
                all.push(enter(&mut queue, 3));
            }
        }
        assert_eq!(order, [1, 5, 2, 6, 7, 3, 4]);
    }

    /// A derivation's place stays taken for a while after its end, and the next one knows how long.
    #[test]
    fn derivations_leave_the_cores_as_long_as_they_had_them() {
        let (mut queue, now) = (DerivationQueue::default(), Instant::now());
        let rests = Duration::from_millis(20);
        queue.resting = vec![now + rests; limits::derivations()];
        let (first, second) = (queue.enter(host(1)), queue.enter(host(1)));
        assert_eq!(queue.wait(first, now), Some(rests));
        assert_eq!(queue.wait(second, now), Some(limits::OPERATION_LOOK));
        assert_eq!(queue.wait(first, now + rests), None);
        queue.resting = vec![now + rests; limits::derivations() - 1];
        assert_eq!(queue.wait(first, now), None, "one place is free");
    }

    #[test]
    fn a_right_password_is_remembered_and_a_changed_record_forgets_it() {
        let checks = PlainChecks::new().unwrap();
        let record = Verifier::derive("secret", 4096).unwrap();
        let accepts = |name: &str, record: &Verifier, password: &str| {
            checks.accepts(name, record, password, 4096, host(1), &mut go_on).unwrap()
        };
        assert!(!accepts("ann", &record, "wrong"));
        assert!(checks.right().is_empty());
        assert!(accepts("ann", &record, "secret"));
        assert!(accepts("ann", &record, "secret"));
        assert!(!accepts("ann", &record, "wrong"));
        let changed = Verifier::derive("other", 4096).unwrap();
        assert!(!accepts("ann", &changed, "secret"));
        assert!(!accepts("bob", &changed, "secret"));
    }
}
