//! What is kept of the files that are read and written.

use super::slot::{INLINE, Slot, SlotOf};
use super::{DigestKind, DigestRecord, FileState, StoredDigests};
use crate::digest::{Algorithm, Digest};
use crate::error::Result;
use crate::vfs::entry::FileId;
use crate::vfs::new_file::NewFile;
use crate::vfs::source::Source;

impl Source {
    /// The digests of its chunks, if they are known.
    pub fn chunk_digests(&self, algorithm: Algorithm) -> Option<StoredDigests> {
        StoredDigests::find(&self.digests, algorithm, self.state?, &SlotOf::is_stored)
    }

    /// Begins to keep the digests of its chunks; `None` where they are not kept, or while a change
    /// beside them could pass unnoticed.
    pub fn record_digests(&self, algorithm: Algorithm) -> Option<DigestRecord> {
        let state = self.state.filter(|state| !state.is_fresh())?;
        Some(DigestRecord::begin(&self.digests, algorithm, Some(state.inode)))
    }

    /// Its state, if it is the one in which it was opened.
    pub fn same_state(&self) -> Result<Option<FileState>> {
        let now = self.digests.state(&self.look()?);
        Ok(self.state.filter(|state| now == Some(*state)))
    }

    /// Its ordinary digest of this kind, if it is known.
    pub fn plain_digest(&self, kind: DigestKind) -> Option<Digest> {
        let state = self.state?;
        let slot = self.digests.slot(kind, state.inode).filter(|slot| slot.state == state)?;
        Digest::from_slice(slot.digests.get(..kind.digest_len())?)
    }

    /// Whether a change beside it would be seen from now on, so that what is read can be kept.
    pub fn has_rested(&self) -> bool {
        self.state.is_some_and(|state| !state.is_fresh())
    }

    /// Keeps its ordinary digest of this kind; it had rested when it was begun to be read.
    pub fn keep_plain_digest(&self, kind: DigestKind, digest: &Digest) -> Result<()> {
        let state = self.same_state()?;
        let Some(state) = state else { return Ok(()) };
        let mut digests = [0; INLINE];
        if let Some(place) = digests.get_mut(..digest.as_bytes().len()) {
            place.copy_from_slice(digest.as_bytes());
            self.digests
                .keep(kind, &[Slot { state, covered: state.size, of: SlotOf::Stored, digests }]);
        }
        Ok(())
    }
}

impl NewFile {
    /// The digests of what it holds, as an earlier upload left them; given once.
    pub fn take_digests(&self, algorithm: Algorithm) -> Option<StoredDigests> {
        let store = self.home().digests();
        let state = store.state(&self.look().ok()?)?;
        let known = store
            .part()
            .and_then(|part| StoredDigests::find(store, algorithm, state, &|of| of == part));
        self.forget_digests();
        known
    }

    /// Forgets the digests of what it holds, before anything else is written into it.
    pub fn forget_digests(&self) {
        let Ok(looked) = self.look() else { return };
        self.home().digests().forget_slots(FileId::of(&looked).inode() as u64);
    }

    /// Begins to keep the digests of its chunks.
    pub fn record_digests(&self, algorithm: Algorithm) -> DigestRecord {
        // A small one has no more of them than are gathered.
        let looked = self.look().ok().filter(|_| self.is_part());
        let inode = looked.map(|stat| FileId::of(&stat).inode() as u64);
        DigestRecord::begin(self.home().digests(), algorithm, inode)
    }

    /// What it is now.
    pub fn present_state(&self) -> Option<FileState> {
        self.home().digests().state(&self.look().ok()?)
    }

    /// What has to stay as it is for its digests to count, once it is in its place: what it was
    /// before, but for the time of that change. Another program may have written it, or put another
    /// file there, since it can be seen.
    pub fn state(&self) -> Option<FileState> {
        let now = self.present_state()?;
        self.finished.filter(|finished| finished.is_same_content(&now)).map(|_| now)
    }
}
