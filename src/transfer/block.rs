//! The buffer that content goes through: small while either side is slow, larger while both are
//! fast.
//!
//! A slow client needs no more than what it takes at once, and there may be hundreds of them. With
//! 256 KiB a fast one is served with a seventh fewer seconds of the processor than with 64 KiB, and
//! with 1 MiB no faster: both leave the processor's nearest caches. Invariant: its size is a
//! multiple of a chunk, or what is left of a small file.

use std::time::{Duration, Instant};

use crate::buffer::Buffer;
use crate::digest::Algorithm;
use crate::limits;

/// A block of at least [`limits::CHUNK`] has to move in so long for the other side to be fast: 64
/// MiB a second.
const FAST: Duration = Duration::from_millis(1);
/// Whoever needs so long for a block is slow.
const SLOW: Duration = Duration::from_millis(50);
/// Bytes that have to move fast on average before a block is twice as large: more than the sockets
/// of both sides take in while nobody reads. Single blocks say little: whoever has filled the
/// sockets waits until a good part of that is read.
const GROWS_AFTER: usize = 4 * 1024 * 1024;

/// A buffer that is as large as the pace needs, and without memory until it is used.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Buffer,
    /// Since when the block at hand is on its way.
    since: Option<Instant>,
    /// Bytes that moved in full blocks since the size was looked at last, and how long they took.
    moved_bytes: usize,
    moved_for: Duration,
}

impl Block {
    /// The same memory for another transfer, whose pace is not known yet.
    pub fn again(self) -> Block {
        Block { bytes: self.bytes, ..Block::default() }
    }

    /// Room for as much of what is wanted as a block takes now.
    pub fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.bytes.len() < wanted.min(limits::CHUNK) {
            self.bytes = Buffer::new(wanted.min(limits::CHUNK));
        }
        self.since.get_or_insert_with(Instant::now);
        let len = self.bytes.len().min(wanted);
        self.bytes.get_mut(..len).unwrap_or_default()
    }

    /// The largest block, for what is only read and digested here.
    pub fn whole(&mut self, algorithm: Algorithm) -> &mut [u8] {
        if self.bytes.len() < most(algorithm) {
            self.bytes = Buffer::new(most(algorithm));
        }
        &mut self.bytes
    }

    /// Bytes that it takes now.
    pub fn size(&self) -> usize {
        self.bytes.len().max(limits::CHUNK)
    }

    /// What is in it.
    pub fn bytes(&self, len: usize) -> &[u8] {
        self.bytes.get(..len).unwrap_or_default()
    }

    /// So many bytes have gone through since [`Block::room`]; the next block is as large as the
    /// pace allows, and at most as large as pays for chunks with these digests.
    pub fn moved(&mut self, bytes: usize, algorithm: Option<Algorithm>) {
        let took = self.since.take().map(|since| since.elapsed()).unwrap_or_default();
        let is_full = bytes >= self.bytes.len() && bytes >= limits::CHUNK;
        if took >= SLOW || !is_full {
            (self.moved_bytes, self.moved_for) = (0, Duration::ZERO);
            if took >= SLOW && self.bytes.len() > limits::CHUNK {
                self.bytes = Buffer::default();
            }
            return;
        }
        self.moved_bytes = self.moved_bytes.saturating_add(bytes);
        self.moved_for = self.moved_for.saturating_add(took);
        if self.moved_bytes < GROWS_AFTER {
            return;
        }
        let chunks = u32::try_from(self.moved_bytes.div_ceil(limits::CHUNK)).unwrap_or(u32::MAX);
        let is_fast = self.moved_for <= FAST.saturating_mul(chunks);
        (self.moved_bytes, self.moved_for) = (0, Duration::ZERO);
        let most = algorithm.map_or(limits::CONTENT_BLOCK, most);
        if is_fast && self.bytes.len() < most {
            self.bytes = Buffer::new((2 * self.bytes.len()).min(most));
        }
    }
}

/// md5 is fast only where as many chunks are digested side by side as there are lanes.
fn most(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Md5 => limits::CONTENT_BLOCK_MOST,
        Algorithm::Blake3 => limits::CONTENT_BLOCK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves a block that took so long.
    fn step(block: &mut Block, took: Duration, algorithm: Option<Algorithm>) -> usize {
        let len = block.room(usize::MAX).len();
        block.since = Instant::now().checked_sub(took);
        block.moved(len, algorithm);
        len
    }

    #[test]
    fn it_grows_with_a_fast_peer_and_shrinks_with_a_slow_one() {
        for (algorithm, most) in [
            (None, limits::CONTENT_BLOCK),
            (Some(Algorithm::Blake3), limits::CONTENT_BLOCK),
            (Some(Algorithm::Md5), limits::CONTENT_BLOCK_MOST),
        ] {
            let mut block = Block::default();
            let mut moved = 0;
            while block.size() < most {
                assert!(moved <= 4 * GROWS_AFTER, "{} of {most}", block.size());
                moved += step(&mut block, Duration::ZERO, algorithm);
            }
            assert!(moved >= GROWS_AFTER, "what sockets take in is no pace");
            for _ in 0..100 {
                step(&mut block, Duration::ZERO, algorithm);
            }
            assert_eq!(block.size(), most);
            step(&mut block, SLOW, algorithm);
            assert_eq!(block.size(), limits::CHUNK);
        }
    }

    /// Whoever was faster than its peer, since the digests were known, waited for the sockets now
    /// and then, which counted as slow each time: downloads with md5 stayed at one chunk a block.
    #[test]
    fn it_grows_although_the_sockets_are_full_now_and_then() {
        let mut block = Block::default();
        for number in 0..500 {
            let took = if number % 8 == 0 { 4 * FAST } else { Duration::ZERO };
            step(&mut block, took, Some(Algorithm::Md5));
        }
        assert_eq!(block.size(), limits::CONTENT_BLOCK_MOST);
    }

    #[test]
    fn an_even_pace_changes_nothing_and_a_small_file_needs_little() {
        let mut block = Block::default();
        assert_eq!(block.room(5).len(), 5);
        assert_eq!(block.bytes.len(), 5);
        assert_eq!(block.room(usize::MAX).len(), limits::CHUNK);
        for _ in 0..200 {
            step(&mut block, 2 * FAST, None);
        }
        assert_eq!(block.size(), limits::CHUNK);
        assert_eq!(block.room(7).len(), 7);
    }
}
