//! A file being read.
//!
//! Never: gives bytes beyond the size that was reported when it was opened.
//! Invariant: it is a regular file, and stays the same one when another takes its name.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{Advice, Mode, Stat, copy_file_range, fadvise, fchmod, fstat, futimens};
use rustix::io::{Errno, Result as OsResult};

use super::digests::{DigestStore, FileState};
use super::entry::{EntryKind, FileId, Mtime, ctime_of, file_bytes, kind_of, mtime_of, times};
use super::home::Home;
use super::jail::{NameIn, READ_FILE, from_errno};
use super::new_file::READABLE;
use super::opened::Mark;
use super::path::VPath;
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::limits;

/// Times that opening is tried again because another file took the name meanwhile.
const TRIES: u32 = 32;
/// From this size on the system is advised that reading will go from the beginning to the end.
const ADVISED: u64 = 256 * 1024;

/// An open file to read from.
#[derive(Debug)]
pub struct Source {
    file: File,
    /// After the file: what was removed is free only when it is closed.
    _mark: Mark,
    path: VPath,
    size: u64,
    mtime: Mtime,
    version: u64,
    /// Where its digests are kept.
    pub(super) digests: Arc<DigestStore>,
    /// As what they are kept, where they are.
    pub(super) state: Option<FileState>,
}

impl Source {
    /// Opens a regular file. What is there is looked at first, so that no pipe or device is woken
    /// by being opened; what was opened is looked at again, since it may be something else by then.
    /// And it is marked as open before it is, so that of one who removes it meanwhile either
    /// the mark is seen or the file is not found.
    pub(super) fn open(home: &Home, at: NameIn<'_>, path: &VPath) -> Result<Source> {
        let failed = |e| from_errno(e, path, "opening a file");
        for _ in 0..TRIES {
            let seen = at.stat().map_err(failed)?;
            must_be_file(&seen, path)?;
            let mark = home.open_files().mark(FileId::of(&seen));
            let file = at.open(READ_FILE, 0).map_err(|e| match e {
                Errno::LOOP => Error::NotRegular { path: path.for_error() },
                e => failed(e),
            })?;
            let stat = fstat(&file).map_err(failed)?;
            must_be_file(&stat, path)?;
            if FileId::of(&stat) == FileId::of(&seen) && stat.st_nlink > 0 {
                return Ok(Source::of(home, (file, mark), path, &stat));
            }
            // Another file took its name meanwhile.
        }
        Err(Error::Changed { path: path.for_error() })
    }

    fn of(home: &Home, (file, mark): (OwnedFd, Mark), path: &VPath, stat: &Stat) -> Source {
        let size = file_bytes(stat);
        if size >= ADVISED {
            // Only a hint; a file system that does not take it reads all the same.
            let _ = advise(&file);
        }
        let (mtime, version) = (mtime_of(stat), version_of(stat));
        let digests = Arc::clone(home.digests());
        let state = digests.state(stat);
        let (file, path) = (File::from(file), path.clone());
        Source { file, _mark: mark, path, size, mtime, version, digests, state }
    }

    /// Bytes of the file when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it last changed before it was opened.
    pub fn mtime(&self) -> Mtime {
        self.mtime
    }

    /// A token that is another one for every other file and after every change to this one.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Reads from `offset` until `into` is full or the file ends, and tells how many bytes.
    pub fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(into.len());
        read_full(&self.file, &mut into[..wanted], offset)
    }

    /// Writes bytes of this file into another one at the same place. They do not leave the kernel
    /// where it can copy between these two, and are not copied at all where the file system shares
    /// them.
    pub(super) fn copy_to(&self, to: &File, offset: u64, len: u64) -> Result<()> {
        let end = offset.saturating_add(len);
        let (mut from_at, mut to_at) = (offset, offset);
        while from_at < end {
            let left = usize::try_from(end - from_at).unwrap_or(usize::MAX);
            match copy_file_range(&self.file, Some(&mut from_at), to, Some(&mut to_at), left) {
                Ok(0) => return Err(Error::Changed { path: self.path.for_error() }),
                Ok(_) | Err(Errno::INTR) => {}
                // Between these two, or here at all, it cannot.
                Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                    return self.copy_by_hand(to, from_at, end);
                }
                Err(e) => return Err(Error::io("copying a file", e.into())),
            }
        }
        Ok(())
    }

    fn copy_by_hand(&self, to: &File, mut at: u64, end: u64) -> Result<()> {
        let mut block = Buffer::new(limits::CONTENT_BLOCK);
        while at < end {
            let want = block.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            let piece = block.get_mut(..want).unwrap_or_default();
            if self.read_at(piece, at)? != want {
                return Err(Error::Changed { path: self.path.for_error() });
            }
            to.write_all_at(piece, at).map_err(|e| Error::io("copying a file", e))?;
            at += want as u64;
        }
        Ok(())
    }

    /// Sets the file's time of change; that it was read is left as it is.
    pub(super) fn set_mtime(&self, mtime: Mtime) -> Result<()> {
        let failed = |e| from_errno(e, &self.path, "setting a file's time");
        let before = self.digests.state(&self.look()?);
        futimens(&self.file, &times(mtime)).map_err(failed)?;
        let after = self.digests.state(&self.look()?);
        if let (Some(before), Some(after)) = (before, after) {
            // A write since would have set the time again.
            let is_ours = after.is_dated(mtime) && Some(before) == self.state;
            if is_ours && after.is_same_content(&before.dated(mtime)) {
                self.digests.rewrite(before, after);
            }
        }
        Ok(())
    }

    /// Sets the file's permission bits; the server can read it all the same.
    pub(super) fn set_mode(&self, mode: u16) -> Result<()> {
        let bits = Mode::from_raw_mode((u32::from(mode) & 0o777) | READABLE);
        let failed = |e| from_errno(e, &self.path, "setting permission bits");
        fchmod(&self.file, bits).map_err(failed)?;
        self.digests.carry(self.state, &self.look()?);
        Ok(())
    }

    /// Whether it has no name any more: its bytes are free once nobody has it open.
    pub fn is_removed(&self) -> Result<bool> {
        Ok(self.look()?.st_nlink == 0)
    }

    pub(super) fn look(&self) -> Result<Stat> {
        fstat(&self.file).map_err(|e| from_errno(e, &self.path, "looking at a file"))
    }

    /// Whether the opened file's bytes are still what they were: same size, same time of change.
    ///
    /// That another file took its name meanwhile is no change: this one is read to its end.
    pub fn unchanged(&self) -> Result<bool> {
        let stat = self.look()?;
        Ok(file_bytes(&stat) == self.size && mtime_of(&stat) == self.mtime)
    }
}

/// Reads until `into` is full or the file ends.
pub(super) fn read_full(file: &File, into: &mut [u8], offset: u64) -> Result<usize> {
    let mut done = 0;
    while done < into.len() {
        let Some(at) = offset.checked_add(done as u64) else { break };
        match file.read_at(&mut into[done..], at) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("reading a file", e)),
        }
    }
    Ok(done)
}

fn must_be_file(stat: &Stat, path: &VPath) -> Result<()> {
    match kind_of(stat) {
        EntryKind::File => Ok(()),
        EntryKind::Directory => Err(Error::IsDirectory { path: path.for_error() }),
        EntryKind::Link | EntryKind::Other => Err(Error::NotRegular { path: path.for_error() }),
    }
}

fn advise(file: &OwnedFd) -> OsResult<()> {
    fadvise(file, 0, None, Advice::Sequential)
}

fn version_of(stat: &Stat) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for word in FileId::of(stat).bytes() {
        hasher.update(&word);
    }
    hasher.update(&file_bytes(stat).to_le_bytes());
    for time in [mtime_of(stat), ctime_of(stat)] {
        hasher.update(&time.secs.to_le_bytes());
        hasher.update(&time.nanos.to_le_bytes());
    }
    let mut token = [0; 8];
    token.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(token)
}
