//! The chunks of one upload in a row: which are good, and the digest of the whole over them.
//!
//! Chunks may be compared, replaced and repaired within a window; what lies before the window is
//! settled: its digests have entered the whole and can change no more. So the memory is bounded by
//! [`limits::CHUNKS_UNSETTLED`] digests whatever the file's size, and nothing is read twice.
//!
//! Invariant: the whole covers exactly the chunks before `settled`, in order, each once.

use std::collections::VecDeque;

use crate::digest::{Algorithm, Digest, WholeDigest};
use crate::error::{Error, Result};
use crate::limits;

/// Which chunks of an upload are verified, and the digest over them.
#[derive(Debug)]
pub struct ChunkMap {
    whole: WholeDigest,
    settled: u64,
    /// The chunks from `settled` on. `None`: it came damaged and must come again.
    window: VecDeque<Option<Digest>>,
}

impl ChunkMap {
    /// An empty row.
    pub fn new(algorithm: Algorithm) -> ChunkMap {
        ChunkMap { whole: WholeDigest::new(algorithm), settled: 0, window: VecDeque::new() }
    }

    /// The chunk after the last one known.
    pub fn end(&self) -> u64 {
        self.settled + self.window.len() as u64
    }

    /// Whether the chunk may be put now: inside the window or right behind it.
    pub fn check(&self, chunk: u64, count: usize) -> Result<()> {
        let end = self.end();
        let offset = |chunk: u64| chunk.saturating_mul(limits::CHUNK as u64);
        if chunk < self.settled || chunk > end {
            return Err(Error::BadOffset { got: offset(chunk), want: offset(end) });
        }
        // Inside a window of comparison everything has its place already.
        let grows = (chunk - self.settled) as usize + count;
        if grows > self.window.len().max(limits::CHUNKS_UNSETTLED) {
            let max = limits::CHUNKS_UNSETTLED as u64;
            return Err(Error::TooMany { what: "chunks behind a damaged one", max });
        }
        Ok(())
    }

    /// Notes a chunk that [`ChunkMap::check`] allowed: its digest, or that it came damaged.
    pub fn put(&mut self, chunk: u64, digest: Option<Digest>) -> Result<()> {
        self.check(chunk, 1)?;
        let place = (chunk - self.settled) as usize;
        match self.window.get_mut(place) {
            Some(slot) => *slot = digest,
            None => self.window.push_back(digest),
        }
        Ok(())
    }

    /// Settles every good chunk before `chunk`; stops at one that must come again.
    pub fn settle(&mut self, chunk: u64) {
        while self.settled < chunk {
            match self.window.front() {
                Some(Some(digest)) => self.whole.push(digest),
                _ => return,
            }
            self.window.pop_front();
            self.settled += 1;
        }
    }

    /// How many chunks are settled.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// The digest over those of the chunks that are settled.
    pub fn settled_whole(&self) -> Digest {
        self.whole.clone().finish()
    }

    /// The digest of the whole, if the first `chunks` chunks are all good and there are no others.
    pub fn finish(&mut self, chunks: u64) -> Option<Digest> {
        self.settle(chunks);
        (self.settled == chunks && self.window.is_empty()).then(|| self.whole.clone().finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::chunk_digests;
    use proptest::prelude::*;

    fn digests(n: usize) -> Vec<Digest> {
        let mut out = Vec::new();
        let data: Vec<u8> = (0..n).map(|i| i as u8).collect();
        chunk_digests(Algorithm::Md5, &data, 1, &mut out);
        out
    }

    #[test]
    fn holes_are_refused_and_the_right_offset_is_named() {
        let d = digests(3);
        let mut chunks = ChunkMap::new(Algorithm::Md5);
        assert!(matches!(chunks.put(1, Some(d[1])), Err(Error::BadOffset { got: 65536, want: 0 })));
        chunks.put(0, Some(d[0])).unwrap();
        chunks.settle(1);
        assert!(matches!(chunks.put(0, Some(d[0])), Err(Error::BadOffset { got: 0, want: 65536 })));
    }

    #[test]
    fn a_damaged_chunk_holds_the_settling_up_only_until_it_comes_again() {
        let d = digests(4);
        let mut chunks = ChunkMap::new(Algorithm::Md5);
        for (i, digest) in d.iter().enumerate() {
            chunks.put(i as u64, (i != 1).then_some(*digest)).unwrap();
        }
        chunks.settle(4);
        assert_eq!(chunks.settled(), 1);
        assert_eq!(chunks.finish(4), None);
        chunks.put(1, Some(d[1])).unwrap();
        let mut whole = WholeDigest::new(Algorithm::Md5);
        d.iter().for_each(|digest| whole.push(digest));
        assert_eq!(chunks.finish(4), Some(whole.finish()));
        assert_eq!(chunks.finish(3), None, "another number of chunks");
    }

    #[test]
    fn what_waits_behind_a_damaged_chunk_is_bounded() {
        let d = digests(1);
        let mut chunks = ChunkMap::new(Algorithm::Md5);
        chunks.put(0, None).unwrap();
        for chunk in 1..limits::CHUNKS_UNSETTLED as u64 {
            chunks.put(chunk, Some(d[0])).unwrap();
        }
        let over = chunks.put(limits::CHUNKS_UNSETTLED as u64, Some(d[0]));
        assert!(matches!(over, Err(Error::TooMany { .. })));
    }

    proptest! {
        /// Chunks that come in order, damaged or not, and again where they were damaged, always
        /// make the same whole.
        #[test]
        fn the_whole_does_not_depend_on_the_way(
            damaged in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let d = digests(damaged.len());
            let mut chunks = ChunkMap::new(Algorithm::Md5);
            for (i, bad) in damaged.iter().enumerate() {
                chunks.put(i as u64, (!bad).then_some(d[i])).unwrap();
                chunks.settle(i as u64 + 1);
            }
            for (i, bad) in damaged.iter().enumerate().rev() {
                if *bad { chunks.put(i as u64, Some(d[i])).unwrap(); }
            }
            let mut whole = WholeDigest::new(Algorithm::Md5);
            d.iter().for_each(|digest| whole.push(digest));
            prop_assert_eq!(chunks.finish(d.len() as u64), Some(whole.finish()));
        }
    }
}
