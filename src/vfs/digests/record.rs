//! Keeping the digests of a file while it is received, or read for the first time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::slot::{INLINE, Slot, SlotOf};
use super::{DigestBatch, DigestKind, DigestStore, FileState};
use crate::digest::{Algorithm, Digest};
use crate::limits;

/// Bytes of digests that are gathered before they are written into a list: those of 16 MiB.
const GATHERED: usize = 8 * 1024;

/// The digests of one file's chunks, as they become known. Nothing counts before
/// [`DigestRecord::finish`] or [`DigestRecord::leave`].
#[derive(Debug)]
pub struct DigestRecord {
    store: Arc<DigestStore>,
    algorithm: Algorithm,
    /// Whose digests these are, for a file that may have more of them than are gathered.
    inode: Option<u64>,
    /// Those in a row that are not written yet, and the first one's place in the list.
    gathered: Vec<u8>,
    gathered_at: u64,
    /// Made when the first of them are written.
    list: Option<File>,
    /// Whether something could not be kept, so that nothing shall be.
    is_lost: bool,
}

impl DigestRecord {
    pub(super) fn begin(
        store: &Arc<DigestStore>,
        algorithm: Algorithm,
        inode: Option<u64>,
    ) -> DigestRecord {
        DigestRecord {
            store: Arc::clone(store),
            algorithm,
            inode,
            gathered: Vec::new(),
            gathered_at: 0,
            list: None,
            is_lost: false,
        }
    }

    /// Notes the digest of a chunk; a later one takes the place of an earlier one.
    pub fn put(&mut self, chunk: u64, digest: &Digest) {
        if self.is_lost {
            return;
        }
        let len = digest.as_bytes().len();
        let at = chunk.saturating_mul(len as u64);
        let inside = at.checked_sub(self.gathered_at).and_then(|at| usize::try_from(at).ok());
        if let Some(place) = inside.and_then(|at| self.gathered.get_mut(at..at + len)) {
            place.copy_from_slice(digest.as_bytes());
            return;
        }
        let goes_on = inside == Some(self.gathered.len()) && self.gathered.len() < GATHERED;
        if !goes_on {
            self.is_lost = self.inode.is_none_or(|inode| self.flush(inode).is_err());
            self.gathered_at = at;
        }
        self.gathered.extend_from_slice(digest.as_bytes());
    }

    fn flush(&mut self, inode: u64) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        if self.list.is_none() {
            self.list = self.store.list(self.kind(), inode, true)?;
        }
        if let Some(list) = &self.list {
            list.write_all_at(&self.gathered, self.gathered_at)?;
        }
        self.gathered.clear();
        Ok(())
    }

    /// The file is whole and in this state; `whole` is the digest over those of all its chunks.
    pub fn finish(self, state: FileState, whole: &Digest) {
        self.finish_in(state, whole, &mut DigestBatch::default());
    }

    /// The same for one of many files.
    pub fn finish_in(self, state: FileState, whole: &Digest, batch: &mut DigestBatch) {
        self.keep((SlotOf::Stored, state, state.size), whole, batch);
    }

    /// An upload is left unfinished in this state; `covered` bytes of it are verified, and `whole`
    /// is the digest over those of their chunks.
    pub fn leave(self, state: FileState, covered: u64, whole: &Digest) {
        if let (true, Some(of)) = (covered > 0, self.store.part()) {
            self.keep((of, state, covered), whole, &mut DigestBatch::default());
        }
    }

    fn keep(
        mut self,
        (of, state, covered): (SlotOf, FileState, u64),
        whole: &Digest,
        batch: &mut DigestBatch,
    ) {
        let kind = self.kind();
        match self.slot_digests(state.inode, covered, whole) {
            Some(digests) => {
                batch.add(&self.store, kind, Slot { state, covered, of, digests });
            }
            None => self.store.forget_kind(kind, state.inode),
        }
    }

    /// What goes into the slot, once the rest is written.
    fn slot_digests(&mut self, inode: u64, covered: u64, whole: &Digest) -> Option<[u8; INLINE]> {
        let is_of_another = self.inode.is_some_and(|of| of != inode);
        if self.is_lost || is_of_another {
            return None;
        }
        let mut digests = [0; INLINE];
        if self.kind().has_list(covered) {
            self.flush(inode).ok()?;
            digests.get_mut(..whole.as_bytes().len())?.copy_from_slice(whole.as_bytes());
            return Some(digests);
        }
        let used = usize::try_from(covered.div_ceil(limits::CHUNK as u64)).ok()?;
        let used = used * self.algorithm.len();
        let in_order = self.gathered_at == 0 && self.list.is_none();
        let first = self.gathered.get(..used).filter(|_| in_order)?;
        digests.get_mut(..used)?.copy_from_slice(first);
        Some(digests)
    }

    fn kind(&self) -> DigestKind {
        DigestKind::Chunks(self.algorithm)
    }
}
