//! Waits that can be interrupted; also for what the system or the processor does not let go of,
//! which is on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Client;
use super::error::{Error, Result};
use crate::error::Error as Cause;
use crate::scram::{Challenge, ScramKeys};

/// How long a wait may go on without a look at the interrupt flag.
pub(super) const LOOK: Duration = Duration::from_millis(100);

impl Client {
    /// Waits, and stops waiting when the user says so.
    pub(super) fn sleep(&self, wait: Duration) -> Result<()> {
        self.sleep_until(Instant::now() + wait, |_| ())
    }

    /// Waits until a moment, and says several times a second how much longer.
    pub(super) fn sleep_until(&self, end: Instant, mut look: impl FnMut(Duration)) -> Result<()> {
        loop {
            self.check_interrupt()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            look(left);
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// Does it and gives what came of it. After an interrupt it goes on to its end, which nobody waits
/// for any more; so it must have one, and must change nothing.
pub(super) fn apart<T: Send + 'static>(
    interrupt: &AtomicBool,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (to, from) = sync_channel(1);
    let thread = thread::Builder::new().name("apart".into());
    thread
        .spawn(move || {
            // Nobody waits any more: it was interrupted.
            let _ = to.send(job());
        })
        .map_err(|e| Cause::io("starting a thread", e))?;
    loop {
        if interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        match from.recv_timeout(LOOK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Protocol { what: "a job of this client has failed" });
            }
        }
    }
}

/// Derives the keys of a password, for as long as the server wants that to take; gives the
/// challenge back too.
pub(super) fn derive(
    interrupt: &AtomicBool,
    challenge: Challenge,
    password: &str,
) -> Result<(Challenge, Result<ScramKeys, Cause>)> {
    let password = Zeroizing::new(password.to_owned());
    apart(interrupt, move || {
        let keys = challenge.derive(&password);
        (challenge, keys)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gives_its_result_or_is_left_behind() {
        let flag = AtomicBool::new(false);
        assert_eq!(apart(&flag, || 7).unwrap(), 7);
        flag.store(true, Ordering::Relaxed);
        let (_never, forever) = std::sync::mpsc::channel::<()>();
        let left = apart(&flag, move || forever.recv().is_ok());
        assert!(matches!(left, Err(Error::Interrupted)), "{left:?}");
    }
}
