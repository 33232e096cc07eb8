//! Tests that keep a core busy, or measure time, take turns: there are more threads for tests than
//! cores, because most tests wait.

use std::sync::{Condvar, Mutex, PoisonError};

/// Heavy tests that run at once: on two cores, one beside all that only wait.
const AT_ONCE: usize = 2;

static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// A turn; dropped, the next heavy test begins.
pub struct Turn(());

/// Waits for a turn, as the first thing in a heavy test.
#[must_use = "the turn ends when it is dropped"]
pub fn heavy() -> Turn {
    let (running, ended) = &RUNNING;
    // A test that failed ended its turn as well.
    let running = running.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running =
        ended.wait_while(running, |n| *n >= AT_ONCE).unwrap_or_else(PoisonError::into_inner);
    *running += 1;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (running, ended) = &RUNNING;
        *running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ended.notify_one();
    }
}
