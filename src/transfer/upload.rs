//! A file that is received in chunks, each with its digest.
//!
//! Never: keeps a chunk that was not verified, or decides what is said to the peer.

use super::charged::Disk;
use super::checked::CheckedChunks;
use super::copying::fill;
use super::credit::credit;
use super::incoming::Incoming;
use super::{Alive, ChunkMap, ClaimGuard, Ready, Spec, chunk_at, no_chunk_at};
use crate::audit::TransferEntry;
use crate::digest::{Algorithm, Digest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Amount;
use crate::vfs::{DigestRecord, Keep, NewFile, Source, StoredDigests, VPath, WriteTarget};

const CHUNK: u64 = limits::CHUNK as u64;

/// A file that is being received. Dropped before [`Upload::finish`], it leaves its part for another
/// attempt.
#[derive(Debug)]
pub struct Upload {
    new_file: NewFile,
    incoming: Incoming,
    chunks: ChunkMap,
    algorithm: Algorithm,
    size: u64,
    /// Whether the part may hold bytes of another version of the file, or a gap, behind what is
    /// settled; then its note says how far it can be relied on.
    doubtful: bool,
    /// Whether it began with the content of the file that it replaces, and whether it holds nothing
    /// else.
    is_from_old: bool,
    is_only_old: bool,
    /// The digests of what an earlier session left, where they are known.
    known: Option<StoredDigests>,
    /// Below this byte something was written since, so that they are not those of the part.
    known_from: u64,
    /// Those of what is verified, for whoever wants the file or goes on with its part.
    record: DigestRecord,
    /// Whether it comes in ranges, one of which may be here before what lies before it.
    is_in_ranges: bool,
}

impl Upload {
    /// Opens an upload of `size` bytes: continues the part that is there, or begins a new one if
    /// there is none or `fresh` is wanted.
    ///
    /// Its chunks carry digests by `algorithm`.
    pub fn begin(spec: &Spec<'_>, algorithm: Algorithm, size: u64, fresh: bool) -> Result<Upload> {
        if size > i64::MAX as u64 {
            return Err(Error::BadArgument { what: "size: over 2^63" });
        }
        let (claim, WriteTarget { replacing, .. }) = spec.begin(false)?;
        let disk = spec.disk();
        let new_file = {
            let mut held = claim.hold()?;
            open_part(spec, &disk, &mut held, (size, replacing), fresh)?
        };
        let mut incoming = Incoming::new(spec, claim, replacing);
        incoming.note.holds(new_file.held());
        incoming.note.is_of(new_file.held(), Some(size));
        let known = new_file.take_digests(algorithm);
        let record = new_file.record_digests(algorithm);
        Ok(Upload {
            new_file,
            incoming,
            chunks: ChunkMap::new(algorithm),
            algorithm,
            size,
            doubtful: false,
            is_from_old: false,
            is_only_old: false,
            known,
            known_from: 0,
            record,
            is_in_ranges: false,
        })
    }

    /// Copies what `old` begins with, as far as whole chunks go, into a part that holds nothing;
    /// it is compared then like that of an earlier upload. Returns how many bytes that is. `alive`
    /// is called after every step.
    pub fn begin_with(&mut self, old: &Source, alive: &mut Alive<'_>) -> Result<u64> {
        let both = old.size().min(self.size);
        let len = if old.size() == self.size { both } else { both - both % CHUNK };
        // Its digests are not taken over, though they may be known: what is stored now has been
        // read, so that damage on the disk is not handed on as good.
        // Nobody may go on behind it without a comparison, whatever becomes of this session.
        self.new_file.vouch(Some(0))?;
        (self.doubtful, self.is_from_old, self.is_only_old) = (true, true, true);
        match fill((&mut self.incoming, &mut self.new_file), (old, len), alive) {
            Ok(()) => {}
            // Another program has cut it meanwhile: what there was is of use all the same.
            Err(Error::Changed { .. }) => {
                let held = self.new_file.held();
                self.new_file.truncate(held - held % CHUNK)?;
                let mut claim = self.incoming.claim.hold()?;
                claim.charge().settle(Amount::file(self.new_file.held()));
            }
            Err(e) => return Err(e),
        }
        // None of it has come.
        self.incoming.note.reaches(0);
        Ok(self.new_file.held())
    }

    /// Whether it began with the content of the file that it replaces.
    pub fn is_from_old(&self) -> bool {
        self.is_from_old
    }

    #[cfg(test)]
    pub(super) fn take_the_room(&mut self) {
        self.incoming.disk.fill();
    }

    /// Shows that the peer is alive: bytes of a frame have come.
    pub fn touch(&self) {
        self.incoming.claim.touch();
    }

    /// Refuses if another session has taken the upload over.
    pub fn check_claim(&self) -> Result<()> {
        self.incoming.claim.hold().map(drop)
    }

    /// Where the file will be.
    pub fn path(&self) -> &VPath {
        &self.incoming.path
    }

    /// What the digests of its chunks are.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// From now on its chunks may come in any order, as far as [`limits::CHUNKS_UNSETTLED`] reach
    /// from the first one that is missing.
    pub fn comes_in_ranges(&mut self) {
        self.is_in_ranges = true;
        self.chunks.take_gaps();
    }

    /// Whether its part stays when it ends without storing.
    pub fn keeps_part(&self) -> bool {
        self.incoming.disk.keeps_parts()
    }

    /// Bytes that the part holds, compared or not.
    pub fn held(&self) -> u64 {
        self.new_file.held()
    }

    /// Bytes of the part whose chunks can be compared: full chunks, and the short last one only if
    /// the part is as long as the file.
    fn comparable(&self) -> u64 {
        let held = self.new_file.held().min(self.size);
        if held == self.size { held } else { held - held % CHUNK }
    }

    /// The chunk at `from`, if its digests are known: `None` at the end of what is held.
    fn held_chunk(&self, from: u64) -> Result<Option<u64>> {
        let end = self.comparable();
        if from == end {
            // The end of a file is where a short last chunk ends, which is no multiple.
            return Ok(None);
        }
        let chunk = chunk_at(from).filter(|_| from < end);
        chunk.map(Some).ok_or_else(|| no_chunk_at(from, end))
    }

    /// Reads up to `buffer` of what is held from chunk-aligned `from` on, and gives the digests of
    /// its chunks; they enter the row. Returns the bytes covered, 0 at the end.
    pub fn held_digests(
        &mut self,
        from: u64,
        buffer: &mut [u8],
        out: &mut Vec<Digest>,
    ) -> Result<usize> {
        let _held = self.incoming.claim.hold()?;
        let Some(chunk) = self.held_chunk(from)? else { return Ok(0) };
        let end = self.comparable();
        let want = buffer.len().min(usize::try_from(end - from).unwrap_or(usize::MAX));
        let block = buffer.get_mut(..want).unwrap_or_default();
        self.chunks.check(chunk, want.div_ceil(limits::CHUNK))?;
        out.clear();
        let count = want.div_ceil(limits::CHUNK);
        let known_from = self.known_from;
        let is_covered =
            |known: &StoredDigests| from >= known_from && from + want as u64 <= known.covered();
        let known = self.known.as_mut().filter(|known| is_covered(known));
        if !known.is_some_and(|known| known.read(chunk, count, out)) {
            let got = self.new_file.read_at(block, from)?;
            if got != want {
                return Err(Error::BadOffset { got: from, want: from + got as u64 });
            }
            chunk_digests(self.algorithm, block, limits::CHUNK, out);
        }
        for (i, digest) in out.iter().enumerate() {
            note((&mut self.chunks, &mut self.record), chunk + i as u64, Some(*digest))?;
        }
        Ok(want)
    }

    /// The peer asks for digests from `from` on, so it accepts everything before it; an offset that
    /// cannot be asked for accepts nothing.
    pub fn accept_before(&mut self, from: u64) -> Result<()> {
        let _held = self.incoming.claim.hold()?;
        if let Some(chunk) = self.held_chunk(from)? {
            self.chunks.check(chunk, 0)?;
        }
        self.chunks.settle(from / CHUNK);
        Ok(())
    }

    /// Takes consecutive chunks. Those whose digest is wrong are not written and must come again;
    /// [`Error::Mismatch`] names them.
    pub(super) fn write(&mut self, chunks: &CheckedChunks<'_>) -> Result<()> {
        let written = self.write_chunks(chunks);
        // Ranges end wherever they end; how far the file has come is what has travelled of it.
        let end = chunks.offset.saturating_add(chunks.data.len() as u64);
        let end = Some(end).filter(|_| !self.is_in_ranges);
        self.incoming.note_taken(chunks.data.len(), &written, (end, self.new_file.held()));
        written
    }

    fn write_chunks(&mut self, chunks: &CheckedChunks<'_>) -> Result<()> {
        let CheckedChunks { offset, digests, data, bad } = *chunks;
        let chunk = self.check_chunks(offset, digests.len(), data.len())?;
        self.known_from = self.known_from.max(offset.saturating_add(data.len() as u64));
        let mut held = self.incoming.claim.hold()?;
        if !self.doubtful && (offset != self.new_file.held() || bad != 0) {
            // What lies behind the new bytes may be of an older version, and damaged ones leave a
            // gap, as do those that come first; whoever goes on without comparing must know before
            // it is so.
            self.new_file.vouch(Some(self.chunks.good_before(chunk) * CHUNK))?;
            self.doubtful = true;
        }
        self.is_only_old = false;
        if let Some(end) = chunks.good_end() {
            let write = |new_file: &mut NewFile| chunks.write(new_file);
            self.incoming.disk.write(&mut held, &mut self.new_file, end, write)?;
        }
        for (i, digest) in digests.iter().enumerate() {
            let digest = chunks.is_good(i).then_some(*digest);
            note((&mut self.chunks, &mut self.record), chunk + i as u64, digest)?;
        }
        self.chunks.settle(chunk + digests.len() as u64);
        if bad == 0 { Ok(()) } else { Err(Error::Mismatch { bad }) }
    }

    /// The chunk at `offset`, if that many chunks and bytes may be written there.
    pub fn check_chunks(&self, offset: u64, count: usize, bytes: usize) -> Result<u64> {
        let end = offset.checked_add(bytes as u64).filter(|end| *end <= self.size);
        let Some(end) = end else {
            return Err(Error::BadOffset {
                got: offset.saturating_add(bytes as u64),
                want: self.size,
            });
        };
        if count == 0 || count > limits::CHUNKS_IN_FRAME || bytes.div_ceil(limits::CHUNK) != count {
            return Err(Error::BadArgument { what: "digests: one for each chunk of the data" });
        }
        if bytes % limits::CHUNK != 0 && end != self.size {
            return Err(Error::BadArgument {
                what: "data: only the file's last chunk may be short",
            });
        }
        let chunk = chunk_at(offset).ok_or_else(|| no_chunk_at(offset, self.size))?;
        self.chunks.check(chunk, count)?;
        Ok(chunk)
    }

    /// The peer says that all is there; `whole` is its digest over the chunk digests.
    /// On a refusal the part stays for another comparison.
    pub fn finish(mut self, whole: &[u8]) -> Result<Ready> {
        let chunks = self.size.div_ceil(CHUNK);
        let digest = match self.chunks.finish(chunks) {
            Some(digest) if digest.as_bytes() == whole && self.new_file.held() == self.size => {
                digest
            }
            _ => {
                self.incoming.note.refused(&Error::WholeMismatch);
                // Of a part that another session goes on with nothing is said.
                let _held = self.incoming.claim.hold()?;
                self.new_file.vouch(Some(0))?;
                return Err(Error::WholeMismatch);
            }
        };
        let alone = self.incoming.claim.hold().map(|mut held| held.needs_no_peer());
        alone.inspect_err(|e| self.incoming.note.refused(e))?;
        let ready = self.incoming.ready(self.new_file, self.size, false);
        Ok(ready.with_digests(self.record, digest))
    }

    /// Ends without storing, and notes how much of the part can be relied on. Without it less is
    /// relied on than could be.
    pub fn leave(mut self) {
        if self.is_only_old {
            // A copy of what is there is made again as easily, and takes room.
            if let Err(e) = self.give_up(|note| note.because("nothing had come")) {
                log::debug!("a copy of the old file stays as a part: {e}");
            }
            return;
        }
        if self.is_in_ranges {
            // Gaps are part of the file, but nothing that has come.
            self.incoming.note.holds((self.chunks.good() * CHUNK).min(self.new_file.held()));
            self.chunks.settle_all();
        }
        let settled = self.chunks.settled() * CHUNK;
        let sound = Some(settled).filter(|settled| *settled < self.new_file.held());
        // A part that another session goes on with is not this one's to speak of.
        let Ok(_held) = self.incoming.claim.hold() else { return };
        let logged = if self.doubtful { self.new_file.vouch(sound) } else { Ok(()) };
        if let Err(e) = logged {
            log::warn!("the note of a part stays as it is: {e}");
        }
        if let Some(state) = self.new_file.present_state() {
            let whole = self.chunks.settled_whole();
            self.record.leave(state, settled.min(state.size()), &whole);
        }
    }

    /// Gives up and removes the part, unless a newer session goes on with it.
    pub fn discard(self) -> Result<()> {
        self.give_up(|note| note.because("given up by the client"))
    }

    /// Removes the part of an upload that could not begin.
    pub fn fail(self, e: &Error) -> Result<()> {
        self.give_up(|note| note.refused(e))
    }

    fn give_up(mut self, why: impl FnOnce(&mut TransferEntry)) -> Result<()> {
        let mut held = self.incoming.claim.hold()?;
        self.incoming.discard(&mut held, self.new_file)?;
        self.incoming.note.holds(0);
        why(&mut self.incoming.note);
        Ok(())
    }
}

/// Notes that a chunk is verified, or that it came damaged.
fn note(
    (chunks, record): (&mut ChunkMap, &mut DigestRecord),
    chunk: u64,
    digest: Option<Digest>,
) -> Result<()> {
    chunks.put(chunk, digest)?;
    if let Some(digest) = digest {
        record.put(chunk, &digest);
    }
    Ok(())
}

/// Finds the part, or begins one, with room for all of the file: its size, and whether it replaces
/// another.
pub(super) fn open_part(
    spec: &Spec<'_>,
    disk: &Disk,
    claim: &mut ClaimGuard<'_>,
    (size, replacing): (u64, bool),
    fresh: bool,
) -> Result<NewFile> {
    let mut held = spec.view.part_held(spec.path)?;
    if fresh && held.is_some() {
        let freed = spec.view.drop_part(spec.path)?;
        credit(spec.ledger, spec.charged, freed);
        held = None;
    }
    let there = held.map(Amount::file).unwrap_or_default();
    claim.charge().adopt(there);
    claim.charge().cover(Amount::file(size), replacing)?;
    disk.check(Amount::file(size).minus(there))?;
    let keep = if fresh { Keep::Fresh } else { Keep::Held };
    let mut new_file = spec.view.new_file(spec.path, keep, Some(size), spec.mtime)?;
    // An earlier part that nobody could read any more.
    credit(spec.ledger, spec.charged, new_file.take_cleared());
    if new_file.held() > size {
        new_file.truncate(size)?;
    }
    claim.charge().settle(Amount::file(new_file.held()));
    Ok(new_file)
}
