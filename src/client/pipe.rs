//! Requests in flight: how many the protocol allows at once without either side being stuck.

use std::collections::VecDeque;

/// Requests unanswered at most.
const REQUESTS: usize = 256;
/// Bytes of their heads at most.
const HEADS: usize = 32 * 1024;
/// Bytes of their content at most, in either direction.
const CONTENT: usize = 8 * 1024 * 1024;

/// What is in flight, oldest first.
pub(super) struct InFlight<T> {
    flying: VecDeque<(T, usize, usize)>,
    heads: usize,
    content: usize,
}

impl<T> Default for InFlight<T> {
    fn default() -> InFlight<T> {
        InFlight { flying: VecDeque::new(), heads: 0, content: 0 }
    }
}

impl<T> InFlight<T> {
    /// Whether one more with so much content may be sent. An empty pipe takes anything.
    pub(super) fn has_room(&self, content: usize) -> bool {
        self.flying.is_empty()
            || (self.flying.len() < REQUESTS
                && self.heads < HEADS
                && self.content.saturating_add(content) <= CONTENT)
    }

    /// Whether nothing is in flight.
    pub(super) fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    /// What is answered next.
    pub(super) fn oldest(&self) -> Option<&T> {
        self.flying.front().map(|(what, _, _)| what)
    }

    /// Something was sent.
    pub(super) fn push(&mut self, what: T, head: usize, content: usize) {
        self.heads = self.heads.saturating_add(head);
        self.content = self.content.saturating_add(content);
        self.flying.push_back((what, head, content));
    }

    /// The oldest one was answered.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (what, head, content) = self.flying.pop_front()?;
        self.heads = self.heads.saturating_sub(head);
        self.content = self.content.saturating_sub(content);
        Some(what)
    }

    /// The line broke: everything that has no answer, oldest first.
    pub(super) fn lost(&mut self) -> impl Iterator<Item = T> + use<T> {
        let lost = std::mem::take(self);
        lost.flying.into_iter().map(|(what, _, _)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(head: usize, content: usize) -> InFlight<usize> {
        let mut pipe = InFlight::default();
        while pipe.has_room(content) {
            pipe.push(pipe.flying.len(), head, content);
        }
        pipe
    }

    #[test]
    fn each_of_the_three_limits_holds() {
        assert_eq!(fill(10, 0).flying.len(), REQUESTS);
        assert_eq!(fill(HEADS / 8, 0).flying.len(), 8);
        assert_eq!(fill(10, 1 << 20).flying.len(), 8);
        assert_eq!(fill(10, CONTENT * 2).flying.len(), 1, "alone, anything");
    }

    #[test]
    fn what_is_answered_makes_room_and_what_is_lost_keeps_its_order() {
        let mut pipe = fill(10, 1 << 20);
        assert_eq!(pipe.pop(), Some(0));
        assert!(pipe.has_room(1 << 20));
        assert!(!pipe.has_room((1 << 20) + 1));
        assert_eq!(pipe.lost().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert!(pipe.is_empty());
        assert_eq!((pipe.heads, pipe.content), (0, 0));
        assert_eq!(pipe.pop(), None);
    }
}
