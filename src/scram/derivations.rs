//! Slow derivations for passwords that arrive in clear: few at once, on threads of low priority,
//! with pauses, and few that wait for their turn.
//!
//! Addresses come by turns, and those of one address in the order in which they came.
//!
//! Invariant: logins take at most a quarter of all the cores' time, a flood of guesses a twelfth,
//! and that from nothing that needs it more; and whoever waits is never overtaken by a later one of
//! the same address, nor twice by any other address.

use std::io;
use std::net::IpAddr;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;

/// How much lower than that of a transfer the priority of a derivation is. Where both want the same
/// core the derivation gets a tenth of it, so that logins go on.
const NICE: i32 = 10;

/// Called while a derivation waits for its turn; its error ends the wait.
pub(super) type Waiting<'a> = dyn FnMut() -> Result<()> + 'a;

/// The derivations that run, and the queue of those that wait.
#[derive(Debug, Default)]
pub(super) struct Derivations {
    queue: Mutex<DerivationQueue>,
}

/// Who computes, and who waits.
#[derive(Debug, Default)]
pub(super) struct DerivationQueue {
    running: usize,
    /// Until when each of those that have ended keeps its place: as long again as it computed, or
    /// [`limits::DERIVATION_RESTS`] times as long. A low priority is not enough, since schedulers
    /// weigh what runs on one core, not which core a download had better move to: with one of two
    /// cores computing all the time, downloads by FTP kept 0.6 of their rate.
    pub(super) resting: Vec<Instant>,
    /// In the order in which they came, each with its thread. Only the thread whose turn it is is
    /// woken: waking all of a hundred for each derivation took more time than the derivations.
    pub(super) waiting: Vec<(Waiter, Thread)>,
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
/// is the next one's after a rest.
pub(super) struct DerivationPermit<'a> {
    of: &'a Derivations,
    rest: Duration,
}

/// A place in the queue.
struct Waits<'a>(&'a Derivations, Waiter);

impl Drop for DerivationPermit<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.of.queue);
        queue.running -= 1;
        queue.resting.push(Instant::now() + self.rest);
        queue.wake_next();
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.waiting.retain(|(other, _)| *other != self.1);
        queue.wake_next();
    }
}

impl DerivationQueue {
    /// A place for this thread, behind the others of the address.
    pub(super) fn enter(&mut self, from: IpAddr) -> Waiter {
        let own = self.waiting.iter().filter(|(other, _)| other.from == from);
        let round = own.map(|(other, _)| other.round + 1).max().unwrap_or(0).max(self.round);
        self.number += 1;
        let waiter = Waiter { round, number: self.number, from };
        self.waiting.push((waiter, thread::current()));
        waiter
    }

    fn next(&self) -> Option<&(Waiter, Thread)> {
        self.waiting.iter().min_by_key(|(other, _)| (other.round, other.number))
    }

    /// Nothing if it is this one's turn, otherwise how long it is to wait until it asks again.
    pub(super) fn wait(&mut self, waiter: Waiter, now: Instant) -> Option<Duration> {
        self.resting.retain(|until| *until > now);
        let is_next = self.next().is_some_and(|(next, _)| *next == waiter);
        let others = limits::derivations().saturating_sub(self.running);
        if !is_next || others == 0 {
            return Some(limits::OPERATION_LOOK);
        }
        let ends = self.resting.iter().min().filter(|_| self.resting.len() >= others)?;
        Some(ends.saturating_duration_since(now).min(limits::OPERATION_LOOK))
    }

    /// Lets the next one see whether it may begin.
    fn wake_next(&self) {
        if let Some((_, thread)) = self.next() {
            thread.unpark();
        }
    }
}

impl Derivations {
    /// Does something slow for an address when it is its turn. `rests` says by the result how many
    /// times as long as that took the next one waits.
    ///
    /// # Errors
    /// [`Error::TooMany`] if too many wait or the wait is too long; those of `alive`.
    pub(super) fn run<T: Send>(
        &self,
        from: IpAddr,
        work: impl FnOnce() -> T + Send,
        rests: impl FnOnce(&T) -> u32,
        alive: &mut Waiting<'_>,
    ) -> Result<T> {
        let mut permit = self.permit(from, alive)?;
        let (result, spent) =
            at_low_priority(work).map_err(|e| Error::io("starting a thread", e))?;
        permit.rest = spent.saturating_mul(rests(&result));
        Ok(result)
    }

    pub(super) fn permit(
        &self,
        from: IpAddr,
        alive: &mut Waiting<'_>,
    ) -> Result<DerivationPermit<'_>> {
        let waits = self.enqueue(from)?;
        let until = Instant::now() + limits::DERIVATION_WAIT;
        loop {
            let wait = match self.begin(waits.1) {
                Ok(permit) => return Ok(permit),
                Err(wait) => wait,
            };
            if Instant::now() >= until {
                return Err(too_many(limits::DERIVATIONS_WAITING));
            }
            alive()?;
            thread::park_timeout(wait);
        }
    }

    /// The permit, if it is this one's turn; otherwise how long to wait.
    fn begin(&self, waiter: Waiter) -> std::result::Result<DerivationPermit<'_>, Duration> {
        let mut queue = lock(&self.queue);
        if let Some(wait) = queue.wait(waiter, Instant::now()) {
            return Err(wait);
        }
        (queue.running, queue.round) = (queue.running + 1, waiter.round);
        Ok(DerivationPermit { of: self, rest: Duration::ZERO })
    }

    fn enqueue(&self, from: IpAddr) -> Result<Waits<'_>> {
        let mut queue = lock(&self.queue);
        let own = queue.waiting.iter().filter(|(other, _)| other.from == from).count();
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
/// priority that it gave up; gives also how long it computed. Its panic is the caller's.
fn at_low_priority<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<(T, Duration)> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("derive".into()).stack_size(limits::THREAD_STACK);
        let running = thread.spawn_scoped(scope, || {
            // On other systems this would be the priority of the whole program.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::nice(NICE);
            let begun = Instant::now();
            let result = work();
            (result, computed().unwrap_or_else(|| begun.elapsed()))
        })?;
        Ok(running.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// How long this thread has computed, without its waits for a core, where the system counts it.
fn computed() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    let spent = {
        use rustix::time::{ClockId, clock_gettime};
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
    };
    #[cfg(not(target_os = "linux"))]
    let spent = None;
    spent
}
