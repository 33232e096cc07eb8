//! Chunks that were compared with the digests that came with them: nothing else is written.

use crate::digest::{Algorithm, Digest, chunk_digests};
use crate::error::Result;
use crate::limits;
use crate::vfs::NewFile;

/// Consecutive chunks whose content was compared with the digests that came with it.
pub(super) struct CheckedChunks<'a> {
    pub(super) offset: u64,
    pub(super) digests: &'a [Digest],
    pub(super) data: &'a [u8],
    /// Those that are damaged, as bits, the lowest for the first.
    pub(super) bad: u32,
}

impl<'a> CheckedChunks<'a> {
    /// Digests the content and compares; `computed` is where the digests go.
    pub(super) fn new(
        algorithm: Algorithm,
        (offset, digests, data): (u64, &'a [Digest], &'a [u8]),
        computed: &mut Vec<Digest>,
    ) -> CheckedChunks<'a> {
        computed.clear();
        chunk_digests(algorithm, data, limits::CHUNK, computed);
        let differ = digests.iter().zip(&*computed).map(|(said, is)| u32::from(said != is));
        let bad = differ.enumerate().fold(0, |bad, (i, differs)| bad | differs << i);
        CheckedChunks { offset, digests, data, bad }
    }

    /// Whether one of them is as it should be.
    pub(super) fn is_good(&self, i: usize) -> bool {
        self.bad & (1 << i) == 0
    }

    /// Where the last good one ends in the file.
    pub(super) fn good_end(&self) -> Option<u64> {
        let last = (0..self.digests.len()).rev().find(|i| self.is_good(*i))?;
        Some(self.offset + ((last + 1) * limits::CHUNK).min(self.data.len()) as u64)
    }

    /// Writes those that are good.
    pub(super) fn write(&self, new_file: &mut NewFile) -> Result<()> {
        if self.bad == 0 {
            return new_file.write_at(self.offset, self.data);
        }
        for (i, block) in self.data.chunks(limits::CHUNK).enumerate() {
            if self.is_good(i) {
                new_file.write_at(self.offset + (i * limits::CHUNK) as u64, block)?;
            }
        }
        Ok(())
    }
}
