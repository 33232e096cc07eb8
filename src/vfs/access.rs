//! What may be done at a path, asked without doing it: by the same steps as it would be done.
//!
//! Never: changes anything.

use rustix::fs::Stat;
use rustix::io::Errno;

use super::entry::{EntryKind, file_bytes, kind_of};
use super::jail::{Location, from_errno};
use super::new_file::ParentDir;
use super::path::VPath;
use super::table::Vfs;
use super::view::View;
use crate::error::{Error, Result};
use crate::rights::Rights;

/// A path at which a file may be put.
#[derive(Debug)]
pub struct WriteTarget {
    /// Whether there is a file to replace.
    pub replacing: bool,
    /// Where that is, for whoever makes the file at once; found again where nothing was looked at.
    pub(super) spot: Option<Location>,
}

impl WriteTarget {
    /// Whether the directory of the path was found.
    pub fn has_found_directory(&self) -> bool {
        self.replacing || self.spot.is_some()
    }
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// List a folder.
    List,
    /// Fetch a file.
    Get,
    /// Put something where nothing is.
    Add,
    /// Put a file over the one that is there.
    Replace,
    /// Remove what is there, a folder with all that it holds.
    Remove,
    /// Give what is there another name in its folder.
    Rename,
    /// Make a folder where nothing is.
    Directory,
}

impl AccessKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [AccessKind; 7] = [
        AccessKind::List,
        AccessKind::Get,
        AccessKind::Add,
        AccessKind::Replace,
        AccessKind::Remove,
        AccessKind::Rename,
        AccessKind::Directory,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            AccessKind::List => "list",
            AccessKind::Get => "get",
            AccessKind::Add => "put new",
            AccessKind::Replace => "replace",
            AccessKind::Remove => "remove",
            AccessKind::Rename => "rename",
            AccessKind::Directory => "make folder",
        }
    }
}

impl Vfs {
    /// Refuses what would be refused, with the same error; room and other writers apart.
    pub fn may(&self, act: AccessKind, path: &VPath) -> Result<()> {
        match act {
            AccessKind::List => self.list(path).map(drop),
            AccessKind::Get => self.source(path).map(drop),
            AccessKind::Add => {
                let view = self.to_write(path)?;
                view.may_store(path, false, None)?;
                if self.unmade_above(path)?.is_some() {
                    return Ok(());
                }
                view.check_place(path)
            }
            AccessKind::Replace => {
                let view = self.to_write(path)?;
                if view.is_drop_box() {
                    return Err(Error::Denied { path: path.for_error() });
                }
                if view.may_store(path, true, None)?.replacing {
                    return Ok(());
                }
                view.check_place(path)?;
                Err(Error::NotFound { path: path.for_error() })
            }
            AccessKind::Remove | AccessKind::Rename => {
                let view = self.to_change(path)?;
                view.changeable(path)?;
                view.stat(path).map(drop)
            }
            AccessKind::Directory => self.may_make_directory(path),
        }
    }
}

impl Vfs {
    fn may_make_directory(&self, path: &VPath) -> Result<()> {
        if self.stands(path) {
            return Err(Error::Exists { path: path.for_error(), size: 0 });
        }
        match self.unmade_above(path)? {
            Some(_) => Ok(()),
            None => self.view(path)?.may_make_directory(path),
        }
    }
}

impl View {
    /// Refuses a name whose folder is not there, or takes nothing.
    pub fn check_place(&self, path: &VPath) -> Result<()> {
        self.check_writable(&self.jail().spot(path)?)
    }

    /// Refuses what lies in a folder that the system lets the server change nothing in.
    pub(super) fn check_writable(&self, spot: &Location) -> Result<()> {
        let checked = self.jail().check_writable(spot);
        checked.map_err(|e| from_errno(e, spot.path(), "asking for a folder's permissions"))
    }

    /// Refuses a name at which no directory may be made.
    pub(super) fn may_make_directory(&self, path: &VPath) -> Result<()> {
        if !self.makes_directories() {
            return Err(Error::Denied { path: path.for_error() });
        }
        self.check_mounted()?;
        match self.stat(path) {
            Err(Error::NotFound { .. }) => self.check_place(path),
            Ok(entry) => {
                let size = if self.rights().read { entry.size } else { 0 };
                Err(Error::Exists { path: path.for_error(), size })
            }
            Err(e) => Err(e),
        }
    }

    /// Refuses unless a file may be put at `path`, over the one that is there where `replace` says
    /// so.
    ///
    /// A new name needs the right to write, what is there the right to modify. Whoever may neither
    /// read nor modify learns that something is there, and nothing of it; in a drop box not even
    /// that, because nothing is looked at.
    /// `beside` is a file that is being written and may be in the same folder.
    pub fn may_store(
        &self,
        path: &VPath,
        replace: bool,
        beside: Option<&ParentDir>,
    ) -> Result<WriteTarget> {
        let denied = || Error::Denied { path: path.for_error() };
        let Rights { read, write, modify } = self.rights();
        if self.is_drop_box() {
            let target = WriteTarget { replacing: false, spot: None };
            return if write { Ok(target) } else { Err(denied()) };
        }
        let (spot, there) = match self.look(path, beside) {
            Err(Error::NotFound { .. }) => (None, None),
            looked => looked.map(|(spot, there)| (Some(spot), there))?,
        };
        let check = |spot: &Option<Location>| match spot {
            Some(spot) => self.check_writable(spot),
            None => Ok(()),
        };
        let Some(there) = there else {
            if !write {
                return Err(denied());
            }
            check(&spot)?;
            return Ok(WriteTarget { replacing: false, spot });
        };
        match kind_of(&there) {
            _ if !read && !modify && replace => Err(denied()),
            _ if !read && !modify => Err(Error::Exists { path: path.for_error(), size: 0 }),
            EntryKind::Directory => Err(Error::IsDirectory { path: path.for_error() }),
            EntryKind::Link | EntryKind::Other => Err(Error::NotRegular { path: path.for_error() }),
            EntryKind::File if !replace => {
                let size = if read { file_bytes(&there) } else { 0 };
                Err(Error::Exists { path: path.for_error(), size })
            }
            EntryKind::File if !modify => Err(denied()),
            EntryKind::File => {
                check(&spot)?;
                Ok(WriteTarget { replacing: true, spot })
            }
        }
    }

    /// Where a path leads, and what is there.
    fn look(&self, path: &VPath, beside: Option<&ParentDir>) -> Result<(Location, Option<Stat>)> {
        let spot = match beside.and_then(|beside| beside.spot(self, path)) {
            Some(spot) => spot,
            None => self.jail().spot(path)?,
        };
        match self.jail().at(&spot).stat() {
            Ok(stat) => Ok((spot, Some(stat))),
            Err(Errno::NOENT) => Ok((spot, None)),
            Err(e) => Err(from_errno(e, path, "looking at a file")),
        }
    }
}
