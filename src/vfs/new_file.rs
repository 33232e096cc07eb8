//! A file being written, outside everybody's view until it is whole.
//!
//! Never: decides whether the caller may write or has room, or who else writes: it is for one
//! thread, which holds the claim of the path.
//! Invariant: until [`NewFile::place`] returns well, the target is as it was; a reader sees the old
//! file or the new one, never less. What is put in place has its time, mode and owner already, so
//! that a sync before makes sure of them too. The file of a part that is dropped stays for a
//! resume; a small one goes away.

mod content;
mod parent_dir;
mod placing;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fd::BorrowedFd;
use rustix::fs::{Mode, fchmod, fstat, futimens};
use rustix::io::Errno;

use super::digests::FileState;
use super::entry::{EntryKind, FileId, Mtime, kind_of, times};
use super::freed::Freed;
use super::home::{FILE_MODE, Home};
use super::jail::{Location, NEW_FILE, NameIn, WRITE_FILE, from_errno, reopen};
use super::moves::{TakenAway, replaceable};
use super::opened::Mark;
use super::owners::set_owner;
use super::part::{self, Note};
use super::path::VPath;
use super::root::OpenRoot;
use super::source::read_full;
use super::view::View;
use super::watch::DirWatch;
use crate::error::{Error, Result};
use crate::limits;
pub use parent_dir::ParentDir;

/// What the server itself needs to send a file again.
pub(super) const READABLE: u32 = 0o400;

/// What becomes of a part that an earlier upload left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is dropped; see [`NewFile::take_cleared`].
    Fresh,
    /// The upload goes on with it, if there is one.
    Held,
}

/// A file being written.
#[derive(Debug)]
pub struct NewFile {
    pub(super) open_root: Arc<OpenRoot>,
    pub(super) path: VPath,
    /// Where it will be, held open; found again if it was closed.
    pub(super) spot: Option<Location>,
    /// `None` once it was closed. The mark is dropped after the file, see `opened`; a small file
    /// needs none: nobody else can remove it, and it is closed before its claim ends.
    file: Option<(File, Option<Mark>)>,
    /// Its name in the account's folder of parts.
    name: String,
    /// The id of its part; a small file is no part and has no note.
    part: Option<String>,
    note: Option<Note>,
    len: u64,
    cleared: Freed,
    /// Whether it has its time, mode and owner.
    dressed: bool,
    /// What it was then, before anybody could see it.
    pub(super) finished: Option<FileState>,
    placed: bool,
    /// Whether it goes into a drop box, where what is there is not looked at.
    pub(super) dropped: bool,
}

impl NewFile {
    /// A file that lasts: a part with a note.
    pub(super) fn of_part(
        open_root: &Arc<OpenRoot>,
        (path, dropped): (&VPath, bool),
        keep: Keep,
        declared: Option<u64>,
        mtime: Option<Mtime>,
    ) -> Result<NewFile> {
        let spot = target(open_root, path, dropped, None)?;
        let failed = |e| from_errno(e, path, "making a part");
        open_root.home.fence().map_err(failed)?;
        let parts = open_root.parts().map_err(failed)?;
        let inside = open_root.inside(path);
        let id = part::id(&inside);
        let old = Note::read(parts, &id).map_err(failed)?;
        let there = part::held(parts, &id).map_err(failed)?;
        let started = part::now_secs();
        let mut note = Note { path: inside, declared, mtime, started, sound: None };
        // A part that is the stored file as well must never be written.
        let name = part::part_name(&id);
        let is_stored = NameIn::new(parts, name.as_bytes()).is_same(open_root.jail.at(&spot));
        let held = if let (Keep::Held, Some(old), Some(_), false) = (keep, &old, there, is_stored) {
            (note.started, note.sound) = (old.started, old.sound);
            true
        } else {
            false
        };
        let cleared = if held || (old.is_none() && there.is_none()) {
            Freed::default()
        } else {
            part::drop_part(&open_root.home, parts, &id).map_err(failed)?
        };
        if !held || old.as_ref() != Some(&note) {
            note.write(&open_root.home, parts).map_err(failed)?;
        }
        let flags = if held { WRITE_FILE } else { NEW_FILE };
        let opened = NameIn::new(parts, name.as_bytes()).open(flags, FILE_MODE);
        let file = File::from(opened.map_err(failed)?);
        let len = if held { length(&file)? } else { 0 };
        // Looked at behind the making, so that of many at once none slips through. The one that is
        // dropped again is empty.
        if there.is_none() && part::count(parts).map_err(failed)? > limits::PARTS {
            drop(part::drop_part(&open_root.home, parts, &id).map_err(failed)?);
            let max = limits::PARTS as u64;
            return Err(Error::TooMany { what: "unfinished uploads", max });
        }
        let mark = open_root.home.open_files().mark(FileId::of(&fstat(&file).map_err(failed)?));
        let mut new_file = NewFile::new(open_root, (spot, dropped), (file, Some(mark)), name);
        (new_file.part, new_file.note) = (Some(id), Some(note));
        (new_file.len, new_file.cleared) = (len, cleared);
        Ok(new_file)
    }

    /// A file that is written and placed in one go, at a spot that was looked at, or one that is
    /// still to be found.
    pub(super) fn small(
        open_root: &Arc<OpenRoot>,
        (path, dropped): (&VPath, bool),
        spot: Option<Location>,
    ) -> Result<NewFile> {
        let spot = target(open_root, path, dropped, spot)?;
        let name = open_root.home.passing_name();
        let failed = |e| from_errno(e, path, "making a file");
        open_root.home.fence().map_err(failed)?;
        let parts = open_root.parts().map_err(failed)?;
        let opened = NameIn::new(parts, name.as_bytes()).open(NEW_FILE, FILE_MODE);
        let file = File::from(opened.map_err(failed)?);
        Ok(NewFile::new(open_root, (spot, dropped), (file, None), name))
    }

    /// An empty one, and no part.
    fn new(
        open_root: &Arc<OpenRoot>,
        (spot, dropped): (Location, bool),
        file: (File, Option<Mark>),
        name: String,
    ) -> NewFile {
        NewFile {
            open_root: Arc::clone(open_root),
            path: spot.path().clone(),
            spot: Some(spot),
            file: Some(file),
            name,
            part: None,
            note: None,
            len: 0,
            cleared: Freed::default(),
            dressed: false,
            finished: None,
            placed: false,
            dropped,
        }
    }

    fn file(&self) -> Result<&File> {
        let file = self.file.as_ref().map(|(file, _)| file);
        file.ok_or(Error::WrongState { what: "the file is closed" })
    }

    /// Where the file will be.
    pub fn path(&self) -> &VPath {
        &self.path
    }

    /// Whether what it holds stays when it is not placed.
    pub fn is_part(&self) -> bool {
        self.part.is_some()
    }

    /// Bytes of the file on the disk, after a failed write too.
    pub fn held(&self) -> u64 {
        self.len
    }

    /// Notes how much of the part, from its beginning, is known to be of one file; `None` is all.
    /// It counts for whoever goes on without comparing.
    pub fn vouch(&mut self, sound: Option<u64>) -> Result<()> {
        let Some(note) = self.note.as_mut().filter(|note| note.sound != sound) else {
            return Ok(());
        };
        note.sound = sound;
        let failed = |e| from_errno(e, &self.path, "noting a part");
        self.open_root.home.fence().map_err(failed)?;
        let parts = self.open_root.parts().map_err(failed)?;
        note.write(&self.open_root.home, parts).map_err(failed)
    }

    /// What became free because an earlier part was dropped when this file was made; given once.
    pub fn take_cleared(&mut self) -> Freed {
        std::mem::take(&mut self.cleared)
    }

    /// Reads from `offset` until `into` is full or the file ends, and tells how many bytes.
    pub fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        read_full(self.file()?, into, offset)
    }

    /// Writes all of `bytes` at `offset`. When that fails [`NewFile::held`] tells what is on the
    /// disk.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let end = offset.checked_add(bytes.len() as u64);
        let Some(end) = end.filter(|end| i64::try_from(*end).is_ok()) else {
            return Err(Error::BadOffset { got: offset, want: self.len });
        };
        self.fence("writing a file")?;
        let file = self.file()?;
        match file.write_all_at(bytes, offset) {
            Ok(()) => {
                self.len = self.len.max(end);
                Ok(())
            }
            Err(e) => {
                // Should the look fail too, as much is counted as could have been written.
                self.len = length(file).unwrap_or(self.len.max(end));
                Err(Error::io("writing a file", e))
            }
        }
    }

    /// Waits until the bytes are on the disk, with what [`NewFile::dress`] has said of them. When
    /// this fails all is in doubt: a second call that succeeds would prove nothing.
    pub fn sync(&self) -> Result<()> {
        if !self.dressed {
            return Err(Error::WrongState { what: "the file has no time and owner yet" });
        }
        self.file()?.sync_all().map_err(|e| Error::io("syncing a file", e))
    }

    /// Gives the whole file its owner, and mode and time, where the sender gave them. It comes
    /// before the sync that makes the file count, so that no power cut takes them from it.
    pub fn dress(&mut self, mtime: Option<Mtime>, mode: Option<u16>) -> Result<()> {
        let failed = |e| from_errno(e, &self.path, "finishing a file");
        let file = self.file()?;
        if let Some(owner) = &self.open_root.owner {
            set_owner(file, owner).map_err(failed)?;
        }
        let bits = mode.map_or(FILE_MODE, |mode| (u32::from(mode) & 0o777) | READABLE);
        if bits != FILE_MODE || !self.open_root.home.makes_plain_files() {
            match fchmod(file, Mode::from_raw_mode(bits)) {
                // A disk without permission bits takes the file all the same.
                Err(Errno::PERM | Errno::OPNOTSUPP) if mode.is_some() => {}
                set => set.map_err(failed)?,
            }
        }
        if let Some(mtime) = mtime {
            futimens(file, &times(mtime)).map_err(failed)?;
        }
        self.finished = self.present_state();
        self.dressed = true;
        Ok(())
    }

    /// Whether it has its time, mode and owner.
    pub fn is_dressed(&self) -> bool {
        self.dressed
    }

    /// Closes the file, for one that waits among many others: all that can still be done with
    /// it is to place it.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// The home whose disk it is on.
    pub fn home(&self) -> &Arc<Home> {
        &self.open_root.home
    }

    fn fence(&self, doing: &'static str) -> Result<()> {
        self.open_root.home.fence().map_err(|e| from_errno(e, &self.path, doing))
    }

    fn parts(&self) -> Result<BorrowedFd<'_>> {
        self.open_root.parts().map_err(|e| from_errno(e, &self.path, "opening the parts"))
    }

    /// Whether it is for the root that a view shows.
    pub fn is_in(&self, view: &View) -> bool {
        let ours = self.open_root.volume.as_ref().map(Arc::as_ptr);
        ours == view.volume().map(Arc::as_ptr) && &*self.open_root.account == view.account()
    }

    /// Whether a watch of this home's disk vouches for it.
    pub fn is_on(&self, home: &Home) -> bool {
        std::ptr::eq(&*self.open_root.home, home)
    }

    /// Begins to watch the folder where the file will be, so that its name can be synced.
    pub fn directory(&self) -> Result<DirWatch> {
        let failed = |e| from_errno(e, &self.path, "opening a folder");
        let Some(spot) = &self.spot else {
            return Err(Error::WrongState { what: "the file is closed" });
        };
        Ok(DirWatch::new(reopen(self.open_root.jail.directory_of(spot)).map_err(failed)?))
    }

    /// Drops the part that an earlier upload to `path` left, and tells what became free; for a
    /// small file that was placed.
    pub fn drop_older_part(&self, path: &VPath) -> Result<Freed> {
        let (parts, id) = (self.parts()?, part::id(&self.open_root.inside(path)));
        let failed = |e| from_errno(e, &self.path, "dropping a part");
        match part::held(parts, &id).map_err(failed)? {
            None => Ok(Freed::default()),
            Some(_) => part::drop_part(&self.open_root.home, parts, &id).map_err(failed),
        }
    }

    /// Gives the file up and returns what became free; nothing once it is placed.
    pub fn discard(mut self) -> Result<Freed> {
        if self.placed {
            return Ok(Freed::default());
        }
        self.fence("dropping a part")?;
        if self.part.is_none() {
            // So that the disk has the bytes back when this is reported.
            self.file = None;
        }
        let (home, parts) = (&self.open_root.home, self.parts()?);
        let freed = match &self.part {
            Some(id) => part::drop_part(home, parts, id),
            None => match home.take(NameIn::new(parts, self.name.as_bytes()), None) {
                Ok(TakenAway::Freed(freed)) => Ok(freed),
                Ok(_) | Err(Errno::NOENT) => Ok(Freed::default()),
                Err(e) => Err(e),
            },
        };
        self.placed = freed.is_ok();
        freed.map_err(|e| from_errno(e, &self.path, "dropping a part"))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.placed || self.part.is_some() {
            return;
        }
        let parts = self.open_root.home.fence().and_then(|()| self.open_root.parts());
        let gone = parts.and_then(|parts| NameIn::new(parts, self.name.as_bytes()).unlink());
        if let Err(e) = gone {
            log::warn!("an unfinished file could not be removed and waits for the next start: {e}");
        }
    }
}

/// The spot of a file to be; refuses what could never be put in place there, unless another name
/// will be found for it.
fn target(
    open_root: &OpenRoot,
    path: &VPath,
    dropped: bool,
    looked_at: Option<Location>,
) -> Result<Location> {
    let failed = |e| from_errno(e, path, "looking at a folder");
    let is_known = dropped || looked_at.is_some();
    let spot = match looked_at {
        Some(spot) => spot,
        None => open_root.jail.spot(path)?,
    };
    let directory = open_root.jail.directory_id(&spot).map_err(failed)?;
    if !directory.is_beside(open_root.parts_id().map_err(failed)?) {
        return Err(Error::Unsupported { what: "an upload to another disk, mounted in a home" });
    }
    if is_known {
        return Ok(spot);
    }
    match open_root.jail.at(&spot).stat() {
        Ok(stat) => replaceable(kind_of(&stat), EntryKind::File, path)?,
        Err(Errno::NOENT) => {}
        Err(e) => return Err(from_errno(e, path, "looking at a file")),
    }
    Ok(spot)
}

fn length(file: &File) -> Result<u64> {
    Ok(file.metadata().map_err(|e: io::Error| Error::io("looking at a file", e))?.len())
}
