//! Slow derivations for passwords that arrive in clear: few at once, on threads of low priority,
//! and few that wait for their turn.
//!
//! Addresses come by turns, and those of one address in the order in which they came.
//!
//! Invariant: a flood of logins leaves at least half of the cores to the transfers, and the other
//! half to whatever needs it more; and whoever waits is never overtaken by a later one of the same
//! address, nor twice by any other address.

use std::io;
use std::net::IpAddr;
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;

/// How much lower than that of a transfer the priority of a derivation is. Where both want the same
/// core the derivation gets a tenth of it, so that logins go on.
const NICE: i32 = 10;

/// Called while a derivation waits for its turn; its error ends the wait.
pub(super) type Waiting<'a> = dyn FnMut() -> Result<()> + 'a;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Derivations {
    queue: Mutex<Queue>,
    /// Somebody has gone, whose place is the next one's.
    moved: Condvar,
}

/// Who computes, and who waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    running: usize,
    /// In the order in which they came.
    pub(super) waiting: Vec<Waiter>,
    /// The number of the next one that waits.
    number: u64,
    /// The round of whoever was the last to have its turn.
    pub(super) round: u64,
}

/// One that waits. Each address has one in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) round: u64,
    number: u64,
    from: IpAddr,
}

/// The right to compute one of the derivations that may run at once. Dropped, also by a panic, it
/// is the next one's.
pub(super) struct Permit<'a>(&'a Derivations);

/// A place in the queue.
struct Waits<'a>(&'a Derivations, Waiter);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).running -= 1;
        self.0.moved.notify_all();
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).waiting.retain(|other| *other != self.1);
        self.0.moved.notify_all();
    }
}

impl Queue {
    /// A place behind the others of the address.
    pub(super) fn enter(&mut self, from: IpAddr) -> Waiter {
        let own = self.waiting.iter().filter(|other| other.from == from);
        let round = own.map(|other| other.round + 1).max().unwrap_or(0).max(self.round);
        self.number += 1;
        let waiter = Waiter { round, number: self.number, from };
        self.waiting.push(waiter);
        waiter
    }

    /// Whether it is somebody's turn.
    pub(super) fn is_next(&self, waiter: Waiter) -> bool {
        let next = self.waiting.iter().min_by_key(|other| (other.round, other.number));
        self.running < limits::derivations() && next == Some(&waiter)
    }
}

impl Derivations {
    /// Does something slow for an address when it is its turn.
    ///
    /// # Errors
    /// [`Error::TooMany`] if too many wait or the wait is too long; those of `alive`.
    pub(super) fn run<T: Send>(
        &self,
        from: IpAddr,
        work: impl FnOnce() -> T + Send,
        alive: &mut Waiting<'_>,
    ) -> Result<T> {
        let _permit = self.permit(from, alive)?;
        at_low_priority(work).map_err(|e| Error::io("starting a thread", e))
    }

    pub(super) fn permit(&self, from: IpAddr, alive: &mut Waiting<'_>) -> Result<Permit<'_>> {
        let waits = self.enqueue(from)?;
        let until = Instant::now() + limits::DERIVATION_WAIT;
        loop {
            let mut queue = lock(&self.queue);
            if !queue.is_next(waits.1) {
                let wait = self.moved.wait_timeout(queue, limits::OPERATION_LOOK);
                queue = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
            if queue.is_next(waits.1) {
                (queue.running, queue.round) = (queue.running + 1, waits.1.round);
                return Ok(Permit(self));
            }
            drop(queue);
            if Instant::now() >= until {
                return Err(too_many(limits::DERIVATIONS_WAITING));
            }
            alive()?;
        }
    }

    fn enqueue(&self, from: IpAddr) -> Result<Waits<'_>> {
        let mut queue = lock(&self.queue);
        let own = queue.waiting.iter().filter(|other| other.from == from).count();
        if own >= limits::DERIVATIONS_WAITING_PER_ADDRESS {
            return Err(too_many(limits::DERIVATIONS_WAITING_PER_ADDRESS));
        }
        if queue.waiting.len() >= limits::DERIVATIONS_WAITING {
            return Err(too_many(limits::DERIVATIONS_WAITING));
        }
        let waiter = queue.enter(from);
        Ok(Waits(self, waiter))
    }

    /// Whether nobody computes and nobody waits.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let queue = lock(&self.queue);
        queue.running == 0 && queue.waiting.is_empty()
    }
}

fn too_many(max: usize) -> Error {
    Error::TooMany { what: "logins that wait", max: max as u64 }
}

/// Does something on a thread of its own, since a thread without privileges cannot take back the
/// priority that it gave up. Its panic is the caller's.
fn at_low_priority<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("derive".into()).stack_size(limits::THREAD_STACK);
        let running = thread.spawn_scoped(scope, || {
            // On other systems this would be the priority of the whole program.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::nice(NICE);
            work()
        })?;
        Ok(running.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
