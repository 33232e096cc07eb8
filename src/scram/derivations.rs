//! Slow derivations for passwords that arrive in clear: few at once, on threads of low priority,
//! and few that wait for their turn.
//!
//! Invariant: a flood of logins leaves at least half of the cores to the transfers, and the other
//! half to whatever needs it more; and one address never has the whole queue.

use std::io;
use std::net::IpAddr;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;

/// How much lower than that of a transfer the priority of a derivation is. Where both want the same
/// core the derivation gets a tenth of it, so that logins go on.
const NICE: i32 = 10;

/// Called while a derivation waits for its turn; its error ends the wait.
pub(super) type Waiting<'a> = dyn FnMut() -> Result<()> + 'a;

/// See the module.
#[derive(Debug)]
pub(super) struct Derivations {
    /// As many tokens as derivations may run at once.
    permits: (Sender<()>, Receiver<()>),
    /// From where those come that wait.
    waiting: Mutex<Vec<IpAddr>>,
}

/// The right to compute one of the derivations that may run at once. Dropped, also by a panic, it
/// is the next one's.
pub(super) struct Permit<'a>(&'a Receiver<()>);

/// A place in the queue.
struct Waits<'a>(&'a Derivations, IpAddr);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // Its own token is in there, so this takes one at once.
        let _ = self.0.try_recv();
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.0.waiting);
        if let Some(at) = waiting.iter().position(|from| *from == self.1) {
            waiting.swap_remove(at);
        }
    }
}

impl Derivations {
    pub(super) fn new() -> Derivations {
        Derivations { permits: bounded(limits::derivations()), waiting: Mutex::default() }
    }

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
        let is_first = lock(&self.waiting).is_empty();
        if is_first && self.permits.0.try_send(()).is_ok() {
            return Ok(Permit(&self.permits.1));
        }
        let _waits = self.enqueue(from)?;
        let until = Instant::now() + limits::DERIVATION_WAIT;
        loop {
            let look = until.min(Instant::now() + limits::OPERATION_LOOK);
            let sent = if self.is_next(from) {
                self.permits.0.send_deadline((), look)
            } else {
                thread::sleep(look.saturating_duration_since(Instant::now()));
                Err(SendTimeoutError::Timeout(()))
            };
            match sent {
                Ok(()) => return Ok(Permit(&self.permits.1)),
                Err(SendTimeoutError::Timeout(())) if Instant::now() < until => alive()?,
                Err(_) => return Err(too_many(limits::DERIVATIONS_WAITING)),
            }
        }
    }

    /// Whether no other address has fewer that wait: a flood from one makes nobody else wait.
    fn is_next(&self, from: IpAddr) -> bool {
        let waiting = lock(&self.waiting);
        let of = |address: IpAddr| waiting.iter().filter(|other| **other == address).count();
        let own = of(from);
        waiting.iter().all(|other| of(*other) >= own)
    }

    fn enqueue(&self, from: IpAddr) -> Result<Waits<'_>> {
        let mut waiting = lock(&self.waiting);
        let own = waiting.iter().filter(|other| **other == from).count();
        if own >= limits::DERIVATIONS_WAITING_PER_ADDRESS {
            return Err(too_many(limits::DERIVATIONS_WAITING_PER_ADDRESS));
        }
        if waiting.len() >= limits::DERIVATIONS_WAITING {
            return Err(too_many(limits::DERIVATIONS_WAITING));
        }
        waiting.push(from);
        drop(waiting);
        Ok(Waits(self, from))
    }

    /// Whether nobody computes and nobody waits.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.permits.1.is_empty() && lock(&self.waiting).is_empty()
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
