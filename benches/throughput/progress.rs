//! How far the bench is, on standard error.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// A line that is written over and over on a terminal; elsewhere one line for each workload.
pub(crate) struct Progress {
    is_terminal: bool,
    workload: String,
    begun: Instant,
    done: usize,
    steps: usize,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            is_terminal: stderr().is_terminal(),
            workload: String::new(),
            begun: Instant::now(),
            done: 0,
            steps: 0,
        }
    }

    /// Begins a workload of so many steps.
    pub(crate) fn begin(&mut self, workload: &str, steps: usize) {
        *self = Progress {
            is_terminal: self.is_terminal,
            workload: workload.to_owned(),
            begun: Instant::now(),
            done: 0,
            steps,
        };
        if !self.is_terminal {
            self.write(&format!("{workload}: {steps} measurements\n"));
        }
    }

    /// Says what is done now.
    pub(crate) fn step(&mut self, what: &str) {
        if self.is_terminal {
            let left = self.left().map_or(String::new(), |left| {
                format!(", {}:{:02} left", left.as_secs() / 60, left.as_secs() % 60)
            });
            let (workload, done, steps) = (&self.workload, self.done, self.steps);
            self.write(&format!("\r\x1b[K{workload}: {done} of {steps}{left}: {what}"));
        }
        self.done += 1;
    }

    /// Ends a workload.
    pub(crate) fn end(&self) {
        if self.is_terminal {
            self.write("\r\x1b[K");
        }
    }

    fn left(&self) -> Option<Duration> {
        let each = self.begun.elapsed().checked_div(u32::try_from(self.done).ok()?)?;
        each.checked_mul(u32::try_from(self.steps.saturating_sub(self.done)).ok()?)
    }

    fn write(&self, text: &str) {
        // A terminal that has gone is no reason to stop measuring.
        let _ = stderr().write_all(text.as_bytes());
    }
}
