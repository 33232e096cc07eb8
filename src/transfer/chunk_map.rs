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
#[derive(Clone, Debug)]
pub struct ChunkMap {
    whole: WholeDigest,
    settled: u64,
    /// The chunks from `settled` on. `None`: it came damaged and must come again, or has not come.
    window: VecDeque<Option<Digest>>,
    /// Whether chunks may come before those that lie before them.
    takes_gaps: bool,
}

impl ChunkMap {
    /// An empty row.
    pub fn new(algorithm: Algorithm) -> ChunkMap {
        ChunkMap {
            whole: WholeDigest::new(algorithm),
            settled: 0,
            window: VecDeque::new(),
            takes_gaps: false,
        }
    }

    /// The chunk after the last one known.
    pub fn end(&self) -> u64 {
        self.settled + self.window.len() as u64
    }

    /// From now on chunks may come in any order, and again: whoever sends one does not know what of
    /// it came over a connection that broke. So they are settled no sooner than the window is full.
    pub fn take_gaps(&mut self) {
        self.settle_good(u64::MAX);
        self.takes_gaps = true;
    }

    /// Whether the chunk may be put now: inside the window or right behind it, or anywhere behind
    /// it that the window can reach.
    pub fn check(&self, chunk: u64, count: usize) -> Result<()> {
        let end = self.end();
        let offset = |chunk: u64| chunk.saturating_mul(limits::CHUNK as u64);
        if chunk < self.settled || (chunk > end && !self.takes_gaps) {
            return Err(Error::BadOffset { got: offset(chunk), want: offset(end) });
        }
        // Inside a window of comparison everything has its place already.
        let reach = (chunk - self.settled).saturating_add(count as u64);
        let most = self.window.len().max(limits::CHUNKS_UNSETTLED) as u64;
        let settles = self.settled.saturating_add(reach.saturating_sub(most));
        if reach > most && !(self.takes_gaps && self.good_before(settles) == settles) {
            let max = limits::CHUNKS_UNSETTLED as u64;
            return Err(Error::TooMany {
                what: "chunks behind one that is damaged or has not come",
                max,
            });
        }
        Ok(())
    }

    /// Notes a chunk that [`ChunkMap::check`] allowed: its digest, or that it came damaged.
    pub fn put(&mut self, chunk: u64, digest: Option<Digest>) -> Result<()> {
        self.check(chunk, 1)?;
        if self.takes_gaps {
            let first = chunk.saturating_sub(limits::CHUNKS_UNSETTLED as u64 - 1);
            self.settle_good(first);
            while self.end() < chunk {
                self.window.push_back(None);
            }
        }
        let place = (chunk - self.settled) as usize;
        match self.window.get_mut(place) {
            Some(slot) => *slot = digest,
            None => self.window.push_back(digest),
        }
        Ok(())
    }

    /// Settles every good chunk before `chunk`; stops at one that must come again. Where chunks
    /// come in any order that is left for later.
    pub fn settle(&mut self, chunk: u64) {
        if !self.takes_gaps {
            self.settle_good(chunk);
        }
    }

    /// Nothing more comes: settles every good chunk before the first that is missing.
    pub fn settle_all(&mut self) {
        if self.takes_gaps {
            self.settle_good(u64::MAX);
        }
    }

    /// The first chunk before `chunk` that is not good, or `chunk`, or the end of what is known.
    pub fn good_before(&self, chunk: u64) -> u64 {
        let most = usize::try_from(chunk.saturating_sub(self.settled)).unwrap_or(usize::MAX);
        let good = self.window.iter().take(most).take_while(|digest| digest.is_some());
        self.settled + good.count() as u64
    }

    fn settle_good(&mut self, chunk: u64) {
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

    /// How many chunks are good.
    pub fn good(&self) -> u64 {
        self.settled + self.window.iter().flatten().count() as u64
    }

    /// The digest over those of the chunks that are settled.
    pub fn settled_whole(&self) -> Digest {
        self.whole.clone().finish()
    }

    /// The digest of the whole, if the first `chunks` chunks are all good and there are no others.
    pub fn finish(&mut self, chunks: u64) -> Option<Digest> {
        self.settle_good(chunks);
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

    #[test]
    fn gaps_are_filled_in_any_order_as_far_as_the_window_reaches() {
        let d = digests(5);
        let mut chunks = ChunkMap::new(Algorithm::Md5);
        chunks.take_gaps();
        let most = limits::CHUNKS_UNSETTLED as u64;
        for chunk in [3, 1, 4, 0] {
            chunks.put(chunk, Some(d[chunk as usize])).unwrap();
            chunks.settle(chunk + 1);
        }
        assert_eq!((chunks.good_before(9), chunks.good(), chunks.end()), (2, 4, 5));
        assert!(chunks.check(0, 1).is_ok(), "it may come again");
        // What can be settled makes room, and no more than that.
        assert!(chunks.check(most + 1, 1).is_ok());
        assert!(matches!(chunks.check(most + 1, 2), Err(Error::TooMany { .. })));
        assert!(matches!(chunks.check(u64::MAX, 1), Err(Error::TooMany { .. })));
        assert_eq!(chunks.clone().finish(5), None);
        let mut far = chunks.clone();
        far.put(most + 1, Some(d[0])).unwrap();
        assert_eq!((far.settled(), far.good_before(9)), (2, 2));
        assert!(matches!(far.check(1, 1), Err(Error::BadOffset { .. })), "it is settled");
        chunks.put(2, Some(d[2])).unwrap();
        chunks.put(0, Some(d[0])).unwrap();
        let mut whole = WholeDigest::new(Algorithm::Md5);
        d.iter().for_each(|digest| whole.push(digest));
        assert_eq!(chunks.finish(5), Some(whole.finish()));
    }

    proptest! {
        /// Chunks that come in any order make the same whole as those that come in order.
        #[test]
        fn the_whole_does_not_depend_on_the_order(
            order in Just((0..60usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let d = digests(order.len());
            let mut chunks = ChunkMap::new(Algorithm::Md5);
            chunks.take_gaps();
            for i in &order {
                chunks.put(*i as u64, Some(d[*i])).unwrap();
                chunks.settle(*i as u64 + 1);
            }
            prop_assert_eq!(chunks.good_before(u64::MAX), 60);
            let mut whole = WholeDigest::new(Algorithm::Md5);
            d.iter().for_each(|digest| whole.push(digest));
            prop_assert_eq!(chunks.finish(60), Some(whole.finish()));
        }

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
