//! Looking up what is known of a file.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::slot::{INLINE, Slot, SlotOf};
use super::{DigestKind, DigestStore, FileState};
use crate::digest::{Algorithm, Digest, WholeDigest};
use crate::limits;

const CHUNK: u64 = limits::CHUNK as u64;
/// Bytes of a list that are read at once.
const LIST_BLOCK: usize = 32 * 1024;

/// The digests of a file's chunks, as they were kept.
///
/// Invariant: what it gives has the digest over it that was kept in the file's slot.
#[derive(Debug)]
pub struct StoredDigests {
    algorithm: Algorithm,
    /// Bytes of the file whose digests these are.
    covered: u64,
    whole: Digest,
    is_damaged: bool,
    place: ListPlace,
}

#[derive(Debug)]
enum ListPlace {
    /// In the slot.
    Inline([u8; INLINE]),
    /// In a file, compared with the whole before anything of it is given.
    List { file: File, is_sound: bool },
    /// Nowhere any more; only the digest over them is known.
    Lost,
}

impl StoredDigests {
    /// What is kept for a file in this state, if it is `of` what is meant.
    pub(super) fn find(
        store: &DigestStore,
        algorithm: Algorithm,
        state: FileState,
        of: &dyn Fn(SlotOf) -> bool,
    ) -> Option<StoredDigests> {
        let slot = store.slot(DigestKind::Chunks(algorithm), state.inode)?;
        if slot.state != state || !of(slot.of) || slot.covered > state.size {
            return None;
        }
        StoredDigests::of(store, algorithm, &slot)
    }

    /// What a slot leads to.
    pub(super) fn of(
        store: &DigestStore,
        algorithm: Algorithm,
        slot: &Slot,
    ) -> Option<StoredDigests> {
        let kind = DigestKind::Chunks(algorithm);
        let (covered, len) = (slot.covered, algorithm.len());
        let is_damaged = slot.of == SlotOf::Damaged;
        if kind.has_list(covered) {
            let list = store.list(kind, slot.state.inode, false).ok().flatten();
            let whole = Digest::from_bytes(algorithm, slot.digests.get(..len)?)?;
            let place =
                list.map_or(ListPlace::Lost, |file| ListPlace::List { file, is_sound: false });
            return Some(StoredDigests { algorithm, covered, whole, is_damaged, place });
        }
        let chunks = usize::try_from(covered.div_ceil(CHUNK)).ok()?;
        let mut whole = WholeDigest::new(algorithm);
        for bytes in slot.digests.get(..chunks * len)?.chunks(len) {
            whole.push(&Digest::from_bytes(algorithm, bytes)?);
        }
        let (whole, place) = (whole.finish(), ListPlace::Inline(slot.digests));
        Some(StoredDigests { algorithm, covered, whole, is_damaged, place })
    }

    /// Bytes of the file that are covered, from its beginning: all of a stored file.
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// Whether the file was found to be another one by now: these are the digests of what it was.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// The digest over the digests of all chunks that are covered.
    pub fn whole(&self) -> Digest {
        self.whole
    }

    /// Appends the digests of `count` chunks from `chunk` on; `false`, and nothing, if they are not
    /// there as they were kept.
    pub fn read(&mut self, chunk: u64, count: usize, out: &mut Vec<Digest>) -> bool {
        let before = out.len();
        let read = self.read_some(chunk, count, out);
        if read.is_none() {
            out.truncate(before);
        }
        read.is_some()
    }

    fn read_some(&mut self, chunk: u64, count: usize, out: &mut Vec<Digest>) -> Option<()> {
        let end = chunk.checked_add(count as u64)?;
        if end > self.covered.div_ceil(CHUNK) {
            return None;
        }
        self.check_list()?;
        let (algorithm, len) = (self.algorithm, self.algorithm.len());
        match &self.place {
            ListPlace::Inline(digests) => {
                let from = usize::try_from(chunk).ok()? * len;
                let bytes = digests.get(from..from + count * len)?;
                push_all(algorithm, bytes, out)
            }
            ListPlace::Lost => None,
            ListPlace::List { file, .. } => {
                let mut bytes = vec![0; count * len];
                file.read_exact_at(&mut bytes, chunk * len as u64).ok()?;
                push_all(algorithm, &bytes, out)
            }
        }
    }

    /// Compares a list with the digest over it, once.
    fn check_list(&mut self) -> Option<()> {
        let ListPlace::List { file, is_sound } = &mut self.place else { return Some(()) };
        if *is_sound {
            return Some(());
        }
        let len = self.algorithm.len() as u64;
        let (mut at, end) = (0, self.covered.div_ceil(CHUNK) * len);
        let mut whole = WholeDigest::new(self.algorithm);
        let mut block = vec![0; LIST_BLOCK];
        while at < end {
            let want = LIST_BLOCK.min(usize::try_from(end - at).unwrap_or(LIST_BLOCK));
            let part = block.get_mut(..want)?;
            file.read_exact_at(part, at).ok()?;
            whole.push_all(part);
            at += want as u64;
        }
        *is_sound = whole.finish() == self.whole;
        is_sound.then_some(())
    }
}

fn push_all(algorithm: Algorithm, bytes: &[u8], out: &mut Vec<Digest>) -> Option<()> {
    for bytes in bytes.chunks(algorithm.len()) {
        out.push(Digest::from_bytes(algorithm, bytes)?);
    }
    Some(())
}
