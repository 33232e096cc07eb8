//! How often what was done, and how many bytes were moved, since the server started.

use std::sync::atomic::{AtomicU64, Ordering};

use super::event::{Event, Outcome, Verb};

/// Counters of one log; they only grow.
#[derive(Debug, Default)]
pub struct Totals {
    /// By verb, in the order of [`Verb::ALL`], and by outcome, in that of [`Outcome::ALL`].
    events: [[AtomicU64; Outcome::ALL.len()]; Verb::ALL.len()],
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
}

impl Totals {
    pub(super) fn count(&self, event: &Event<'_>) {
        self.of(event.verb, event.outcome).fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes of content have travelled.
    pub(super) fn moved(&self, verb: Verb, bytes: u64) {
        let total = match verb {
            Verb::Put => &self.up_bytes,
            Verb::Get => &self.down_bytes,
            // What is copied on the server does not travel.
            _ => return,
        };
        total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many events of a kind there were.
    pub fn events(&self, verb: Verb, outcome: Outcome) -> u64 {
        self.of(verb, outcome).load(Ordering::Relaxed)
    }

    /// Bytes of content that came, and that were sent, those of transfers under way included.
    pub fn bytes(&self) -> (u64, u64) {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        (of(&self.up_bytes), of(&self.down_bytes))
    }

    fn of(&self, verb: Verb, outcome: Outcome) -> &AtomicU64 {
        &self.events[verb as usize][outcome as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counters are found by the numbers of the variants.
    #[test]
    fn the_lists_have_the_order_of_the_variants() {
        for (at, verb) in Verb::ALL.into_iter().enumerate() {
            assert_eq!(at, verb as usize, "{verb:?}");
        }
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(at, outcome as usize, "{outcome:?}");
        }
    }
}
