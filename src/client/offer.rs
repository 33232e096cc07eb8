//! The two requests that begin an upload: `STORE` with the content of a small file, and `PUT`.

use super::compare::{Content, digest};
use super::error::Result;
use super::halt::Halt;
use super::local::LocalFile;
use super::tools::Tools;
use crate::digest::{Digest, WholeDigest};
use crate::wire::{NO_MODE, Put, Store};

/// The digests of a small file whose content is in the buffer.
pub(super) struct Small {
    pub(super) whole: Digest,
    /// The digests of its chunks, as they travel.
    chunks: Vec<u8>,
}

/// Where a file goes, and how it is stored there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination<'a> {
    pub(super) remote: &'a str,
    /// Whether permission bits are left to the server.
    pub(super) no_mode: bool,
    /// As in [`Store`] and in `PUT`.
    pub(super) flags: u8,
}

impl Destination<'_> {
    /// The permission bits that are sent with a file.
    pub(super) fn mode(&self, source: &LocalFile) -> u16 {
        source.mode.filter(|_| !self.no_mode).unwrap_or(NO_MODE)
    }
}

impl Tools<'_> {
    /// Reads a small file into the buffer.
    pub(super) fn read_small(
        &mut self,
        source: &mut LocalFile,
        is_last: bool,
    ) -> Result<Small, Halt> {
        let content = self.buffer.get_mut(..source.size as usize).ok_or(Halt::Grown)?;
        source.read(0, content)?;
        let (mut digests, mut whole) = (Vec::new(), WholeDigest::new(self.algorithm));
        digest(self.algorithm, content, &mut digests, Some(&mut whole));
        let whole = whole.finish();
        self.confirm(source, &whole, is_last)?;
        let chunks = digests.iter().flat_map(|digest| digest.as_bytes()).copied().collect();
        Ok(Small { whole, chunks })
    }

    /// Queues the small file in the buffer. Gives the bytes of the request's head.
    pub(super) fn queue_store(
        &mut self,
        source: &LocalFile,
        small: &Small,
        to: Destination<'_>,
    ) -> Result<usize> {
        let (mtime, whole) = (source.mtime, small.whole.as_bytes());
        let mode = to.mode(source);
        let Destination { remote, flags, .. } = to;
        let store = Store::new(remote, mtime.secs, mtime.nanos, mode, flags, whole, &small.chunks);
        let content = self.buffer.get(..source.size as usize).unwrap_or_default();
        self.conn.queue("STORE", &store, content)
    }

    /// Queues the offer of a file, with the digest of the whole where it is known.
    pub(super) fn queue_put(
        &mut self,
        source: &LocalFile,
        whole: Option<&Digest>,
        to: Destination<'_>,
    ) -> Result<usize> {
        let (size, mtime, mode) = (source.size, source.mtime, to.mode(source));
        let whole = whole.map_or(&[][..], Digest::as_bytes);
        let Destination { remote, flags, .. } = to;
        let put = Put::new(remote, size, mtime.secs, mtime.nanos, mode, flags, whole);
        self.conn.queue("PUT", &put, &[])
    }
}
