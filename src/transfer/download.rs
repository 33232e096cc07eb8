//! A file that is being sent, or whose chunks are being digested.

use super::{chunk_at, no_chunk_at};
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{DigestRecord, Source, StoredDigests, VPath};

const CHUNK: u64 = limits::CHUNK as u64;

/// A range of a file, block by block, with the digests of its chunks.
///
/// Invariant: what it gives is one version of the file, or ends in [`Error::Changed`].
#[derive(Debug)]
pub struct Download {
    source: Source,
    path: VPath,
    algorithm: Algorithm,
    offset: u64,
    end: u64,
    whole: WholeDigest,
    /// The digests of its chunks, where they are known.
    known: Option<StoredDigests>,
    /// Where they are not, and all of it is read.
    record: Option<DigestRecord>,
}

/// The digests of a range of a file, without its bytes.
pub type Sums = Download;

impl Download {
    /// Opens the range of `length` bytes from `offset` on, as far as the file goes. `version` is
    /// the one that the peer means, 0 for any.
    pub fn open(
        source: Source,
        path: &VPath,
        algorithm: Algorithm,
        (offset, length): (u64, u64),
        version: u64,
    ) -> Result<Download> {
        if version != 0 && version != source.version() {
            return Err(Error::Changed { path: path.as_str().to_string() });
        }
        if chunk_at(offset).is_none() || offset > source.size() {
            return Err(no_chunk_at(offset, source.size()));
        }
        let end = offset.saturating_add(length).min(source.size());
        if end != source.size() && chunk_at(end).is_none() {
            return Err(Error::BadArgument { what: "length: whole chunks, or up to the end" });
        }
        let whole = WholeDigest::new(algorithm);
        let known = source.chunk_digests(algorithm);
        let is_all = offset == 0 && end == source.size();
        let record =
            if known.is_none() && is_all { source.record_digests(algorithm) } else { None };
        Ok(Download { source, path: path.clone(), algorithm, offset, end, whole, known, record })
    }

    /// The next block and the digests of its chunks: where it begins and its bytes; 0 at the end.
    pub fn next(&mut self, buffer: &mut [u8], digests: &mut Vec<Digest>) -> Result<(u64, usize)> {
        let at = self.offset;
        let want = buffer.len().min(usize::try_from(self.end - at).unwrap_or(usize::MAX));
        let block = buffer.get_mut(..want).unwrap_or_default();
        if self.source.read_at(block, at)? != want {
            return Err(self.changed());
        }
        digests.clear();
        let known = self.next_known(want, digests);
        if !known {
            chunk_digests(self.algorithm, block, limits::CHUNK, digests);
        }
        self.passed(digests, want);
        Ok((at, want))
    }

    /// The digests of the next chunks, of as many bytes as would go into `len`, without the bytes
    /// where they are known.
    pub fn next_digests(
        &mut self,
        buffer: &mut [u8],
        digests: &mut Vec<Digest>,
    ) -> Result<(u64, usize)> {
        digests.clear();
        let at = self.offset;
        let most = limits::CHUNKS_IN_FRAME as u64 * CHUNK;
        let want = usize::try_from((self.end - at).min(most)).unwrap_or(0);
        if !self.next_known(want, digests) {
            return self.next(buffer, digests);
        }
        self.passed(digests, want);
        Ok((at, want))
    }

    fn next_known(&mut self, len: usize, digests: &mut Vec<Digest>) -> bool {
        let Some(known) = &mut self.known else { return false };
        let is_read = known.read(self.offset / CHUNK, len.div_ceil(limits::CHUNK), digests);
        if !is_read {
            self.known = None;
            if self.offset == 0 && self.end == self.source.size() {
                self.record = self.source.record_digests(self.algorithm);
            }
        }
        is_read
    }

    fn passed(&mut self, digests: &[Digest], len: usize) {
        let chunk = self.offset / CHUNK;
        for (i, digest) in digests.iter().enumerate() {
            self.whole.push(digest);
            if let Some(record) = &mut self.record {
                record.put(chunk + i as u64, digest);
            }
        }
        self.offset += len as u64;
    }

    /// Whether the digests of its chunks are known without reading it.
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Whether all of it has this digest over the digests of its chunks, if that is known without
    /// reading any. What was found to be damaged is equal to nothing.
    pub fn is_known_as(&self, whole: &[u8]) -> Option<bool> {
        let is_all = self.offset == 0 && self.end == self.source.size();
        let known = self.known.as_ref().filter(|_| is_all)?;
        Some(known.whole().as_bytes() == whole && !known.is_damaged())
    }

    /// Bytes still to come.
    pub fn left(&self) -> u64 {
        self.end - self.offset
    }

    /// The file that is read.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The digest over the digests of everything that was given, if the file is still the same.
    pub fn finish(self) -> Result<(Source, Digest)> {
        if !self.source.unchanged()? {
            return Err(self.changed());
        }
        let (is_all, whole) = (self.left() == 0, self.whole.finish());
        if let (Some(record), true) = (self.record, is_all) {
            if let Some(state) = self.source.same_state()? {
                record.finish(state, &whole);
            }
        }
        Ok((self.source, whole))
    }

    fn changed(&self) -> Error {
        Error::Changed { path: self.path.as_str().to_string() }
    }
}
