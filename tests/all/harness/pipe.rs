//! What a program writes, collected by a thread while it writes it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::DEADLINE;

/// Bytes that are kept of an output: a program that never ends must not take the machine with it.
const MOST: usize = 64 << 20;

/// One of a program's outputs. A clone reads the same one.
#[derive(Clone)]
pub struct Pipe {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Pipe {
    /// Begins to collect.
    pub fn collect(mut from: impl Read + Send + 'static) -> Pipe {
        let pipe = Pipe { shared: Arc::default() };
        let ours = pipe.clone();
        thread::spawn(move || {
            let mut block = [0; 8192];
            loop {
                let n = from.read(&mut block).unwrap_or(0);
                let (state, changed) = &*ours.shared;
                let mut state = state.lock().unwrap();
                if state.bytes.len() < MOST {
                    state.bytes.extend_from_slice(&block[..n]);
                }
                state.ended = n == 0;
                changed.notify_all();
                if state.ended {
                    return;
                }
            }
        });
        pipe
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap().bytes).into_owned()
    }

    /// Waits until `found` finds something in the text so far. `None` if the output ended, or the
    /// deadline passed, without it.
    pub fn wait_for<T>(&self, mut found: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let (state, changed) = &*self.shared;
        let until = Instant::now() + DEADLINE;
        let mut state = state.lock().unwrap();
        loop {
            if let Some(it) = found(&String::from_utf8_lossy(&state.bytes)) {
                return Some(it);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for the end of the output; `false` if the deadline passed first.
    pub fn wait_for_end(&self) -> bool {
        let (state, changed) = &*self.shared;
        let state = state.lock().unwrap();
        let (_state, late) = changed.wait_timeout_while(state, DEADLINE, |s| !s.ended).unwrap();
        !late.timed_out()
    }
}
