//! A file that is being sent, or whose chunks are being digested.

use super::chunk_at;
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::{Source, VPath};

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
        if chunk_at(offset).is_none() {
            return Err(Error::BadOffset { got: offset, want: offset - offset % CHUNK });
        }
        if offset > source.size() {
            return Err(Error::BadOffset { got: offset, want: source.size() });
        }
        let end = offset.saturating_add(length).min(source.size());
        if end != source.size() && chunk_at(end).is_none() {
            return Err(Error::BadArgument { what: "length: whole chunks, or up to the end" });
        }
        let whole = WholeDigest::new(algorithm);
        Ok(Download { source, path: path.clone(), algorithm, offset, end, whole })
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
        chunk_digests(self.algorithm, block, limits::CHUNK, digests);
        digests.iter().for_each(|digest| self.whole.push(digest));
        self.offset += want as u64;
        Ok((at, want))
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
        Ok((self.source, self.whole.finish()))
    }

    fn changed(&self) -> Error {
        Error::Changed { path: self.path.as_str().to_string() }
    }
}
