//! Whether enough moves: one that dribbles is as late as one that is silent.

use std::time::Duration;

use crate::limits;

/// How far a frame, or a transfer, has come since the last time it was judged. Only waiting counts,
/// so that what this side does between two reads is not held against the peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Bytes a second that must move; however little it is, a byte must.
    least: u64,
    waited: Duration,
    bytes: u64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::of(limits::PACE)
    }
}

impl Pace {
    /// Judges by so many bytes a second.
    pub(crate) fn of(least: u64) -> Pace {
        Pace { least, waited: Duration::ZERO, bytes: 0 }
    }

    /// Begins again.
    pub(crate) fn reset(&mut self) {
        *self = Pace::of(self.least);
    }

    /// How much longer may be waited before it is judged.
    pub(crate) fn left(&self, span: Duration) -> Duration {
        span.saturating_sub(self.waited)
    }

    /// Adds a step; `false` if too little moved in the span.
    pub(crate) fn step(&mut self, waited: Duration, bytes: usize, span: Duration) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let enough = self.bytes >= self.least.saturating_mul(span.as_secs().max(1)).max(1);
        if enough {
            self.reset();
        }
        enough || self.waited < span
    }
}
