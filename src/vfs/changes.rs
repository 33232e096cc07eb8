//! What an account changes in a view but for the content of files: folders, names, removal.
//!
//! Never: asks who may do something, or who else changes the same names: whoever calls this holds
//! the claims.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;

use super::across::Moved;
use super::entry::{EntryKind, kind_of};
use super::freed::Freed;
use super::intent::Route;
use super::jail::{self, NameIn, READ, from_errno};
use super::moves::{MoveOrigin, TakenAway, replaceable};
use super::owners::{owner_at, set_owner};
use super::path::VPath;
use super::source::Source;
use super::tree::walk;
use super::view::{REMOVAL_PASSES, View, bytes_at};
use crate::error::{Error, Result};

/// Mode of a folder that a user makes, before the umask.
const USER_DIRECTORY_MODE: u32 = 0o755;

/// What the server itself needs to use a folder.
const DIRECTORY_ACCESS: u32 = 0o700;

/// Gives a folder permission bits; its owner, the server, can always use it. A disk without such
/// bits has the folder all the same.
fn set_mode(directory: OwnedFd, mode: Option<u16>) -> Result<(), Errno> {
    let Some(mode) = mode else { return Ok(()) };
    match fchmod(directory, Mode::from_raw_mode((u32::from(mode) & 0o777) | DIRECTORY_ACCESS)) {
        Err(Errno::PERM | Errno::OPNOTSUPP) => Ok(()),
        set => set,
    }
}

impl View {
    /// The folders that are missing on the way to `path`, itself included, the topmost first.
    pub(super) fn missing(&self, path: &VPath) -> Result<Vec<VPath>> {
        let (mut here, mut missing) = (self.mount_point().clone(), Vec::new());
        for name in self.open_root.inside(path).components() {
            here = here.join(name)?;
            // Below one that is missing all are.
            if !missing.is_empty() {
                missing.push(here.clone());
                continue;
            }
            match self.check_directory(&here) {
                Ok(()) => {}
                Err(Error::NotFound { .. }) => missing.push(here.clone()),
                Err(Error::NotDirectory { .. }) if here == *path => {
                    return Err(Error::Exists {
                        path: here.for_error(),
                        size: self.stat(&here)?.size,
                    });
                }
                Err(e) => return Err(e),
            }
        }
        Ok(missing)
    }

    /// Makes a folder, with these permission bits if some are given.
    pub fn mkdir(&self, path: &VPath, mode: Option<u16>) -> Result<()> {
        if path == self.mount_point() {
            return Err(Error::Exists { path: path.for_error(), size: 0 });
        }
        let spot = self.jail().spot(path)?;
        let at = self.jail().at(&spot);
        match self.make_directory(at, mode) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let size = bytes_at(at).unwrap_or(0);
                Err(Error::Exists { path: path.for_error(), size })
            }
            Err(e) => Err(from_errno(e, path, "making a folder")),
        }
    }

    /// Where each folder says who made it, it is made out of sight, so that it never lacks that.
    fn make_directory(&self, at: NameIn<'_>, mode: Option<u16>) -> Result<(), Errno> {
        self.home().fence()?;
        let Some(owner) = self.file_owner() else {
            at.make_directory(USER_DIRECTORY_MODE)?;
            return at.open(READ, 0).and_then(|directory| set_mode(directory, mode));
        };
        let home = self.home();
        let name = home.passing_name();
        let hidden = NameIn::new(home.trash(), name.as_bytes());
        hidden.make_directory(USER_DIRECTORY_MODE)?;
        let owned = hidden.open(READ, 0).and_then(|directory| {
            set_owner(&directory, &owner)?;
            set_mode(directory, mode)
        });
        let from = (hidden, MoveOrigin::Private);
        let made = owned.and_then(|()| home.move_to_free(from, EntryKind::Directory, at));
        if made.is_err() {
            // What stays is empty, and removed at the next start.
            let _ = hidden.remove_directory();
        }
        made
    }

    /// Sets the permission bits of a file or folder; the server keeps its own access. A disk
    /// without such bits refuses.
    pub(super) fn set_mode(&self, path: &VPath, mode: u16) -> Result<()> {
        if path == self.mount_point() {
            return Err(Error::Denied { path: path.for_error() });
        }
        let failed = |e| from_errno(e, path, "setting permission bits");
        let spot = self.jail().spot(path)?;
        let at = self.jail().at(&spot);
        self.home().fence().map_err(failed)?;
        if kind_of(&at.stat().map_err(failed)?) != EntryKind::Directory {
            return Source::open(self.home(), at, path)?.set_mode(mode);
        }
        let directory = self.jail().directory(path, READ)?;
        let bits = (u32::from(mode) & 0o777) | DIRECTORY_ACCESS;
        fchmod(directory, Mode::from_raw_mode(bits)).map_err(failed)
    }

    /// Removes an empty folder, with the unfinished uploads to it, and tells what became free.
    pub fn rmdir(&self, path: &VPath) -> Result<Vec<Freed>> {
        let spot = self.changeable(path)?;
        let mut freed = match self.remove_directory(self.jail().at(&spot)) {
            Ok(gone) => vec![gone],
            Err(Errno::EXIST) => return Err(Error::NotEmpty { path: path.for_error() }),
            Err(e) => return Err(from_errno(e, path, "removing a folder")),
        };
        self.drop_parts_below(path, &mut |part| freed.push(part));
        Ok(freed)
    }

    fn remove_directory(&self, at: NameIn<'_>) -> Result<Freed, Errno> {
        let kept = self.file_owner().is_some();
        let is_directory = || at.stat().is_ok_and(|stat| kind_of(&stat) == EntryKind::Directory);
        let owner = if kept && is_directory() { owner_at(at)? } else { None };
        self.home().fence()?;
        at.remove_directory().map(|()| Freed::directory(owner))
    }

    /// Removes a file, link, pipe or device, but no folder, and tells the bytes that became free.
    pub fn remove(&self, path: &VPath) -> Result<Freed> {
        let spot = self.jail().spot(path)?;
        match self.open_root.home.take(self.jail().at(&spot), None) {
            Ok(TakenAway::Freed(freed)) => Ok(freed),
            Ok(_) => Err(Error::IsDirectory { path: path.for_error() }),
            Err(e) => Err(from_errno(e, path, "removing a file")),
        }
    }

    /// Removes a folder with all that is in it and the unfinished uploads to it, or a file. `alive`
    /// is called after each thing removed with what became free by it; its error ends the removal.
    pub fn remove_tree(
        &self,
        path: &VPath,
        alive: &mut dyn FnMut(Freed) -> Result<()>,
    ) -> Result<()> {
        let spot = self.changeable(path)?;
        let failed = |e| from_errno(e, path, "removing a folder");
        let home = &self.open_root.home;
        let top = self.jail().at(&spot);
        if let TakenAway::Freed(freed) = home.take(top, None).map_err(failed)? {
            return alive(freed);
        }
        for _ in 0..REMOVAL_PASSES {
            let directory = match top.open(READ, 0) {
                Err(Errno::NOENT) => return Ok(()),
                opened => opened.map_err(failed)?,
            };
            walk(directory, path, &mut |step| match step.is_directory {
                false => match home.take(step.at, None) {
                    Ok(TakenAway::Freed(freed)) => alive(freed),
                    // Somebody else was faster, or made something else of it: the next pass sees.
                    Ok(_) | Err(Errno::NOENT) => Ok(()),
                    Err(e) => Err(failed(e)),
                },
                true => match self.remove_directory(step.at) {
                    Ok(freed) => alive(freed),
                    Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
                    Err(e) => Err(failed(e)),
                },
            })?;
            match self.remove_directory(top) {
                Ok(freed) => {
                    let mut parts = Ok(());
                    self.drop_parts_below(path, &mut |part| {
                        // All are credited, also when nobody waits any more.
                        parts = alive(part).and(std::mem::replace(&mut parts, Ok(())));
                    });
                    return alive(freed).and(parts);
                }
                Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(Error::NotEmpty { path: path.for_error() })
    }

    /// Moves a file, folder or link, and tells what became free because it was replaced. Only a
    /// file is ever replaced, and never by a folder. Unfinished uploads follow their folder.
    pub fn rename(&self, from: &VPath, to: &VPath, replace: bool) -> Result<Moved> {
        let (source, target) = (self.changeable(from)?, self.changeable(to)?);
        if from.holds(to) {
            let why = "a folder cannot be moved into itself";
            return Err(Error::BadPath { path: to.for_error(), why });
        }
        let (source, target) = (self.jail().at(&source), self.jail().at(&target));
        let stat = source.stat().map_err(|e| from_errno(e, from, "moving a file"))?;
        if from == to && replace {
            return Ok(Moved::default());
        }
        let coming = kind_of(&stat);
        // What could not be replaced anyway is reported as what it is.
        if let (false, true, Ok(there)) = (replace, from != to, target.stat()) {
            replaceable(kind_of(&there), coming, to)?;
        }
        let route = Route { from: (&self.open_root, from), to: (&self.open_root, to), gives: None };
        let from_view = (source, MoveOrigin::View(route));
        let state = self.home().digests().state(&stat);
        let replaced = self.home().move_over(from_view, coming, (target, to), replace)?;
        self.home().digests().carry_to(state, target);
        let mut moved = Moved { replaced, ..Moved::default() };
        if coming == EntryKind::Directory {
            self.rename_parts((from, to), &mut moved);
        }
        Ok(moved)
    }

    /// The spot of something that is to be moved or removed: anything but the root.
    pub(super) fn changeable(&self, path: &VPath) -> Result<jail::Location> {
        if path == self.mount_point() {
            return Err(Error::Denied { path: path.for_error() });
        }
        let spot = self.jail().spot(path)?;
        self.check_writable(&spot)?;
        Ok(spot)
    }
}
