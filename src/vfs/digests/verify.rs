//! Reading everything that is stored and comparing it with the digests that were kept of it.
//!
//! It needs no lock on the tree, so it runs beside a server too: it changes nothing but the digests
//! themselves, and of a file that changes while it is read nothing is said.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fd::AsFd;
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;

use super::slot::{Slot, SlotOf};
use super::{DigestKind, DigestRecord, DigestStore, StoredDigests};
use crate::buffer::Buffer;
use crate::digest::{self, Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::vfs::entry::{EntryKind, FileId, file_bytes, kind_of};
use crate::vfs::jail::{NameIn, PRIVATE, READ, READ_FILE};
use crate::vfs::source::read_full;
use crate::vfs::tree::survey_telling;

/// What is wrong with a file.
#[derive(Debug)]
pub enum Finding {
    /// It has not changed as far as the system knows, and has another content all the same.
    Damaged {
        /// Where the first chunk begins that is not what was stored.
        offset: u64,
        /// How many chunks are not.
        chunks: u64,
    },
    /// Something beside the server has written it; from now on it counts as it is.
    Changed,
    /// It cannot be read: what the system said.
    Unreadable(io::Error),
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedTotals {
    /// Files that were read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of which nothing was known before: from now on it is.
    pub new: u64,
    /// Files that were written while they were read, so that nothing can be said of them.
    pub busy: u64,
}

/// Everything on one file system that has its digests in one place.
#[derive(Debug)]
pub struct Verification {
    store: Arc<DigestStore>,
    algorithm: Algorithm,
    buffer: Buffer,
    totals: VerifiedTotals,
}

/// Whoever follows a verification.
pub trait VerifyObserver {
    /// So many bytes were read. Whoever waits here makes it slower.
    fn has_read(&mut self, bytes: u64);
    /// Something is wrong with the file at this path below the directory, as it is on the disk.
    fn found(&mut self, path: &[u8], finding: &Finding);
}

impl VerifiedTotals {
    /// Both together.
    pub fn plus(self, other: VerifiedTotals) -> VerifiedTotals {
        VerifiedTotals {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            new: self.new + other.new,
            busy: self.busy + other.busy,
        }
    }
}

impl Verification {
    /// Begins where `.miniftp` lies, in a home of all accounts or in a mount; `None` where there is
    /// none.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn begin(dir: &Path) -> Result<Option<Verification>> {
        let failed = |e: io::Error| Error::io("opening .miniftp", e);
        let dir = File::open(dir).map_err(failed)?;
        let private = match NameIn::new(dir.as_fd(), PRIVATE).open(READ, 0) {
            Ok(private) => private,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(failed(e.into())),
        };
        let store = DigestStore::open(private.as_fd()).map_err(|e| failed(e.into()))?;
        // What cannot be compared is not good.
        store.open_kinds().map_err(|e| failed(e.into()))?;
        Ok(Some(Verification {
            store: Arc::new(store),
            algorithm: digest::fastest(),
            buffer: Buffer::new(limits::CONTENT_BLOCK_MOST),
            totals: VerifiedTotals::default(),
        }))
    }

    /// Begins at a mount that keeps its digests itself: on another file system than this one.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn beside(&self, dir: &Path) -> Result<Option<Verification>> {
        let begun = Verification::begin(dir)?;
        Ok(begun.filter(|begun| !begun.store.is_beside(&self.store)))
    }

    /// How much was looked at so far.
    pub fn totals(&self) -> VerifiedTotals {
        self.totals
    }

    /// Reads everything below a directory but what is the server's own.
    ///
    /// # Errors
    /// What the system refuses of the directory itself.
    pub fn tree(&mut self, dir: &Path, observer: &mut dyn VerifyObserver) -> Result<()> {
        let top = File::open(dir).map_err(|e| Error::io("opening a directory", e))?;
        let private = NameIn::new(top.as_fd(), PRIVATE).stat();
        let private = private.ok().map(|stat| FileId::of(&stat));
        let mut missed = Vec::new();
        let mut miss = |path: &[u8], e: Errno| missed.push((path.to_vec(), e));
        let walked = survey_telling(top.into(), private, &mut miss, &mut |step| {
            if step.is_directory {
                return Ok(());
            }
            match self.file(step.at, observer) {
                Ok(None) => {}
                Ok(Some(finding)) => observer.found(&step.path(), &finding),
                Err(Error::Io { source, .. }) => {
                    observer.found(&step.path(), &Finding::Unreadable(source));
                }
                Err(e) => return Err(e),
            }
            Ok(())
        });
        for (path, e) in missed {
            observer.found(&path, &Finding::Unreadable(e.into()));
        }
        walked.map(drop)
    }

    /// Reads one file. What is no file, or has gone, is passed over.
    fn file(
        &mut self,
        at: NameIn<'_>,
        observer: &mut dyn VerifyObserver,
    ) -> Result<Option<Finding>> {
        let failed = |e: Errno| Error::io("opening a file", e.into());
        match at.stat() {
            Ok(stat) if kind_of(&stat) == EntryKind::File => {}
            Ok(_) | Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(failed(e)),
        }
        let file = match at.open(READ_FILE, 0) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        let before = fstat(&file).map_err(failed)?;
        let state = self.store.state(&before);
        let known = state.map_or(Ok(None), |state| self.known(state.inode))?;
        let has_rested = state.is_some_and(|state| !state.is_fresh());
        let (algorithm, slot) = known.map_or((self.algorithm, None), |(a, slot)| (a, Some(slot)));
        let read = self.read(&file, &before, (algorithm, slot.as_ref()), observer)?;
        let after = fstat(&file).map_err(failed)?;
        self.totals.files += 1;
        self.totals.bytes += read.bytes;
        if self.store.state(&before) != self.store.state(&after) {
            self.totals.busy += 1;
            return Ok(None);
        }
        let known = slot.map(|slot| (DigestKind::Chunks(algorithm), slot));
        Ok(self.judge((&after, has_rested), known, read))
    }

    /// What was kept of the file with this inode, as far as it was ever whole.
    fn known(&self, inode: u64) -> Result<Option<(Algorithm, Slot)>> {
        let mut known: Option<(Algorithm, Slot)> = None;
        for algorithm in Algorithm::ALL {
            let slot = self.store.read_slot(DigestKind::Chunks(algorithm), inode);
            let slot = slot.map_err(|e| Error::io("reading .miniftp/digests", e))?;
            let whole = slot.filter(|s| s.of.is_stored() && s.covered == s.state.size);
            // The one that was kept last, if there are two.
            let newest = known.map(|(_, known)| known.state.ctime);
            if let Some(slot) = whole.filter(|slot| newest.is_none_or(|n| slot.state.ctime > n)) {
                known = Some((algorithm, slot));
            }
        }
        Ok(known)
    }

    fn read(
        &mut self,
        file: &File,
        stat: &Stat,
        (algorithm, slot): (Algorithm, Option<&Slot>),
        observer: &mut dyn VerifyObserver,
    ) -> Result<FileReading> {
        let mut stored = slot.and_then(|slot| StoredDigests::of(&self.store, algorithm, slot));
        let inode = self.store.state(stat).map(|state| state.inode);
        let mut whole = WholeDigest::new(algorithm);
        let mut record = DigestRecord::begin(&self.store, algorithm, inode);
        let (mut digests, mut kept) = (Vec::new(), Vec::new());
        let (mut chunk, mut reading) = (0, FileReading::default());
        // No further than it was long: one that grows faster than it is read has no end.
        let size = file_bytes(stat);
        while reading.bytes < size {
            let want = self.buffer.len().min(usize::try_from(size - reading.bytes).unwrap_or(0));
            let block = self.buffer.get_mut(..want).unwrap_or_default();
            let got = read_full(file, block, reading.bytes)?;
            digests.clear();
            kept.clear();
            let block = self.buffer.get(..got).unwrap_or_default();
            chunk_digests(algorithm, block, limits::CHUNK, &mut digests);
            let is_known =
                stored.as_mut().is_some_and(|stored| stored.read(chunk, digests.len(), &mut kept));
            for (i, digest) in digests.iter().enumerate() {
                whole.push(digest);
                if slot.is_none() {
                    record.put(chunk + i as u64, digest);
                }
                if is_known && kept.get(i) != Some(digest) {
                    let offset = (chunk + i as u64) * limits::CHUNK as u64;
                    reading.differing.get_or_insert((offset, 0)).1 += 1;
                }
            }
            chunk += digests.len() as u64;
            reading.bytes += got as u64;
            observer.has_read(got as u64);
            if got < want {
                break;
            }
        }
        let whole = whole.finish();
        reading.stored = stored.map(|stored| stored.whole());
        reading.made = Some((record, whole));
        Ok(reading)
    }

    /// Compares, and keeps what was not known before.
    fn judge(
        &mut self,
        (now, has_rested): (&Stat, bool),
        slot: Option<(DigestKind, Slot)>,
        read: FileReading,
    ) -> Option<Finding> {
        let state = self.store.state(now)?;
        let (record, whole) = read.made?;
        let Some((kind, slot)) = slot else {
            self.totals.new += 1;
            let is_new = Algorithm::ALL.into_iter().all(|algorithm| {
                self.store.slot(DigestKind::Chunks(algorithm), state.inode).is_none()
            });
            if has_rested && is_new {
                record.finish(state, &whole);
            }
            return None;
        };
        // A server beside this may have stored another file meanwhile.
        if self.store.slot(kind, state.inode) != Some(slot) {
            self.totals.busy += 1;
            return None;
        }
        match (read.stored == Some(whole), slot.state == state) {
            (true, true) => {
                if slot.of == SlotOf::Damaged {
                    self.store.keep(kind, &[Slot { of: SlotOf::Stored, ..slot }]);
                }
                None
            }
            // It was renamed, touched, or repaired.
            (true, false) => {
                if has_rested {
                    self.store.keep(kind, &[Slot { state, of: SlotOf::Stored, ..slot }]);
                }
                None
            }
            (false, true) if read.stored.is_some() => {
                self.store.keep(kind, &[Slot { of: SlotOf::Damaged, ..slot }]);
                let (offset, chunks) = read.differing.unwrap_or((0, 1));
                Some(Finding::Damaged { offset, chunks })
            }
            // Its list was lost, or it is another file: nothing is known of it any more.
            (false, is_same) => {
                DigestKind::all().for_each(|kind| self.store.forget_kind(kind, state.inode));
                self.totals.new += u64::from(is_same);
                (!is_same).then_some(Finding::Changed)
            }
        }
    }
}

/// What came of reading a file.
#[derive(Default)]
struct FileReading {
    bytes: u64,
    /// The digest over what was kept.
    stored: Option<Digest>,
    /// The first chunk that is not as it was kept, and how many are not.
    differing: Option<(u64, u64)>,
    /// What its digests are now.
    made: Option<(DigestRecord, Digest)>,
}
