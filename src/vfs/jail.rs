//! The wall: every system call that takes a user's name is made here.
//!
//! A path is resolved beneath an open root by one `openat2` that follows no link, or, where the
//! kernel or a container forbids that call, by a walk of single names that follows none either.
//! Everything else is done with a folder's descriptor and one name ([`NameIn`]).
//!
//! The rule for what is in the way, the same for both ways of resolving: nothing there is
//! `NotFound`; where a folder was needed, in the middle or at the end, anything else is
//! `NotDirectory`, a link to a folder included; where a file was needed, a folder is `IsDirectory`
//! and a link, pipe or device is `NotRegular`.
//!
//! Never: follows a link, hands `..` to the kernel (but for [`above`], which checks where it got
//! to).

use std::sync::{Arc, OnceLock};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Access, AtFlags, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::{Errno, Result as OsResult, retry_on_intr};

use super::entry::FileId;
pub(super) use super::errno::{errno_of, from_errno};
use super::fault::step;
use super::path::VPath;
use crate::error::{Error, Result};

/// Times that the kernel may say "try again" (a rename ran meanwhile) before the walk is taken.
const AGAIN: u32 = 16;

/// Mode of the private directories and of an account's topmost one.
pub(super) const DIRECTORY_MODE: u32 = 0o700;
/// A folder only to stand in.
pub(super) const STAND: OFlags = OFlags::PATH.union(DIRECTORY);
/// A folder to read the names of, or to sync.
pub(super) const READ: OFlags = OFlags::RDONLY.union(DIRECTORY);
const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A file to read. `NONBLOCK`, so that a pipe that slipped in cannot hold the thread.
pub(super) const READ_FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A file to write that is there already.
pub(super) const WRITE_FILE: OFlags = OFlags::RDWR
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A file to write that must not be there yet.
pub(super) const NEW_FILE: OFlags = WRITE_FILE.union(OFlags::CREATE).union(OFlags::EXCL);
/// For a file that is read or, if it is missing, made.
pub(super) const KEPT_FILE: OFlags = WRITE_FILE.union(OFlags::CREATE);

const STAY: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// One name in an open folder.
#[derive(Clone, Copy)]
pub(super) struct NameIn<'a> {
    directory: BorrowedFd<'a>,
    name: &'a [u8],
}

impl<'a> NameIn<'a> {
    pub(super) fn new(directory: BorrowedFd<'a>, name: &'a [u8]) -> NameIn<'a> {
        debug_assert!(!name.contains(&b'/') && name != b".." && !name.is_empty());
        NameIn { directory, name }
    }

    /// Another name in the same directory.
    pub(super) fn beside(self, name: &'a [u8]) -> NameIn<'a> {
        NameIn::new(self.directory, name)
    }

    pub(super) fn name(self) -> &'a [u8] {
        self.name
    }

    /// Whether both are names of one file.
    pub(super) fn is_same(self, other: NameIn<'_>) -> bool {
        let Ok(one) = self.stat() else { return false };
        other.stat().is_ok_and(|other| FileId::of(&other) == FileId::of(&one))
    }

    /// Whether the folder lists the name in just this spelling.
    pub(super) fn is_listed(self) -> OsResult<bool> {
        step()?;
        let mut dir = fs::Dir::new(reopen(self.directory)?)?;
        while let Some(entry) = dir.read() {
            if entry?.file_name().to_bytes() == self.name {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn stat(self) -> OsResult<Stat> {
        step()?;
        fs::statat(self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    pub(super) fn open(self, flags: OFlags, mode: u32) -> OsResult<OwnedFd> {
        step()?;
        let mode = Mode::from_raw_mode(mode);
        retry_on_intr(|| fs::openat(self.directory, self.name, flags | OFlags::NOFOLLOW, mode))
    }

    pub(super) fn make_directory(self, mode: u32) -> OsResult<()> {
        step()?;
        fs::mkdirat(self.directory, self.name, Mode::from_raw_mode(mode))
    }

    /// Opens a directory, which is made if it is missing. It nearly always is there: making it is
    /// tried only after that, since a directory is locked for it.
    pub(super) fn open_made(self, flags: OFlags, mode: u32) -> OsResult<OwnedFd> {
        match self.open(flags, 0) {
            Err(Errno::NOENT) => {}
            opened => return opened,
        }
        match self.make_directory(mode) {
            Ok(()) | Err(Errno::EXIST) => self.open(flags, 0),
            Err(e) => Err(e),
        }
    }

    pub(super) fn unlink(self) -> OsResult<()> {
        step()?;
        fs::unlinkat(self.directory, self.name, AtFlags::empty())
    }

    pub(super) fn remove_directory(self) -> OsResult<()> {
        step()?;
        fs::unlinkat(self.directory, self.name, AtFlags::REMOVEDIR)
    }

    /// Gives what is there a second name; a link is not followed.
    pub(super) fn link(self, to: NameIn<'_>) -> OsResult<()> {
        step()?;
        fs::linkat(self.directory, self.name, to.directory, to.name, AtFlags::empty())
    }

    /// Renames over what is there, as plain `rename` does.
    pub(super) fn rename(self, to: NameIn<'_>) -> OsResult<()> {
        step()?;
        fs::renameat(self.directory, self.name, to.directory, to.name)
    }

    pub(super) fn rename_with(self, to: NameIn<'_>, flags: RenameFlags) -> OsResult<()> {
        step()?;
        fs::renameat_with(self.directory, self.name, to.directory, to.name, flags)
    }
}

/// The folder above an open one, for reading; `Errno::STALE` unless it is still `expected`.
///
/// This is the only `..` given to the kernel. Where it leads is compared with the folder that was
/// come from, so a folder that was moved meanwhile leads nowhere.
pub(super) fn above(directory: BorrowedFd<'_>, expected: FileId) -> OsResult<OwnedFd> {
    let found = retry_on_intr(|| fs::openat(directory, c"..", READ, Mode::empty()))?;
    if FileId::of(&fs::fstat(&found)?) == expected { Ok(found) } else { Err(Errno::STALE) }
}

/// Opens a directory of the server's own, making it if it is missing.
pub(super) fn own_directory(above: BorrowedFd<'_>, name: &[u8]) -> OsResult<OwnedFd> {
    NameIn::new(above, name).open_made(READ, DIRECTORY_MODE)
}

/// The folder itself once more, for reading: a descriptor to stand in cannot be read or synced.
pub(super) fn reopen(directory: BorrowedFd<'_>) -> OsResult<OwnedFd> {
    retry_on_intr(|| fs::openat(directory, c".", READ, Mode::empty()))
}

/// Where a path ends: the folder that it lies in, held open, and its last name.
#[derive(Debug)]
pub(super) struct Location {
    directory: Arc<OpenDir>,
    path: VPath,
}

/// A folder that is held open, for all the spots in it.
#[derive(Debug)]
pub(super) struct OpenDir {
    /// `None` is the root itself, which the jail holds open anyway.
    fd: Option<OwnedFd>,
    /// Which directory that is, once somebody has asked.
    id: OnceLock<FileId>,
    /// Set once the system has said that the server may change what is in it.
    is_writable: OnceLock<()>,
    path: VPath,
}

impl Location {
    pub(super) fn path(&self) -> &VPath {
        &self.path
    }

    pub(super) fn directory(&self) -> &Arc<OpenDir> {
        &self.directory
    }
}

/// An open root and the way to find things beneath it.
#[derive(Debug)]
pub(super) struct Jail {
    root: OwnedFd,
    openat2: bool,
    /// Where the user sees the root: all paths are the user's, and lie in it.
    at: VPath,
    /// The server's own folder, where it lies in the root: nothing in it can be reached.
    private: Option<FileId>,
}

impl Jail {
    /// A jail at an open folder; without `openat2` every path is walked.
    pub(super) fn new(root: OwnedFd, openat2: bool) -> Jail {
        Jail { root, openat2, at: VPath::root(), private: None }
    }

    /// This root where the user sees it at `at`, and with the server's own folder in it.
    pub(super) fn mounted(self, at: VPath, private: Option<FileId>) -> Jail {
        Jail { at, private, ..self }
    }

    /// Where the user sees the root.
    pub(super) fn mount_point(&self) -> &VPath {
        &self.at
    }

    /// The server's own folder in the root, if it has one there.
    pub(super) fn private(&self) -> Option<FileId> {
        self.private
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens the folder at `path`; `access` is [`STAND`] or [`READ`].
    pub(super) fn directory(&self, path: &VPath, access: OFlags) -> Result<OwnedFd> {
        self.check_private(path)?;
        self.resolve(path, access).map_err(|e| self.unresolved(e, path, path))
    }

    /// The error for `path`, because of what resolving `resolved` has met: what is no folder and
    /// stands in the way is named itself.
    fn unresolved(&self, errno: Errno, path: &VPath, resolved: &VPath) -> Error {
        let mut named = path.clone();
        if let Errno::NOTDIR | Errno::LOOP = errno {
            named = resolved.clone();
            while let Some(above) = named.parent().filter(|above| *above != self.at) {
                match self.resolve(&above, STAND) {
                    Err(Errno::NOTDIR | Errno::LOOP) => named = above,
                    _ => break,
                }
            }
        }
        from_errno(errno, &named, "opening a folder")
    }

    /// Finds the folder that `path` lies in. The root lies in none: [`Error::IsDirectory`].
    pub(super) fn spot(&self, path: &VPath) -> Result<Location> {
        let Some(parent) = path.parent().filter(|_| *path != self.at) else {
            return Err(Error::IsDirectory { path: path.for_error() });
        };
        self.check_private(path)?;
        let fd = if parent == self.at {
            None
        } else {
            let found = self.resolve(&parent, STAND);
            Some(found.map_err(|e| self.unresolved(e, path, &parent))?)
        };
        let directory = Arc::new(OpenDir {
            fd,
            id: OnceLock::new(),
            is_writable: OnceLock::new(),
            path: parent,
        });
        Ok(Location { directory, path: path.clone() })
    }

    /// Finds it in a directory of this jail that is held open already, if the path lies in it.
    pub(super) fn spot_in(&self, directory: &Arc<OpenDir>, path: &VPath) -> Option<Location> {
        let lies_in_it = *path != self.at && path.parent().is_some_and(|p| p == directory.path);
        if !lies_in_it || self.check_private(path).is_err() {
            return None;
        }
        Some(Location { directory: Arc::clone(directory), path: path.clone() })
    }

    /// Which directory the folder of a spot is.
    pub(super) fn directory_id(&self, spot: &Location) -> OsResult<FileId> {
        match spot.directory.id.get() {
            Some(id) => Ok(*id),
            None => {
                let id = FileId::of(&fs::fstat(self.directory_of(spot))?);
                Ok(*spot.directory.id.get_or_init(|| id))
            }
        }
    }

    /// The folder of a spot.
    pub(super) fn directory_of<'a>(&'a self, spot: &'a Location) -> BorrowedFd<'a> {
        spot.directory.fd.as_ref().map_or(self.root.as_fd(), AsFd::as_fd)
    }

    /// Refuses the folder of a spot if the system lets the server change nothing in it, whatever
    /// the rights of the account: before a file is received that could not be put there.
    pub(super) fn check_writable(&self, spot: &Location) -> OsResult<()> {
        if spot.directory.is_writable.get().is_none() {
            let wanted = Access::WRITE_OK | Access::EXEC_OK;
            fs::accessat(self.directory_of(spot), c".", wanted, AtFlags::EACCESS)?;
            let _ = spot.directory.is_writable.set(());
        }
        Ok(())
    }

    /// Whether the path of a spot still leads to the folder that it holds open.
    pub(super) fn is_there(&self, spot: &Location) -> bool {
        if spot.directory.fd.is_none() {
            return true;
        }
        let Ok(found) = self.spot(&spot.path) else { return false };
        let ids = (self.directory_id(spot), self.directory_id(&found));
        matches!(ids, (Ok(held), Ok(found)) if held == found)
    }

    /// The folder and the name of a spot.
    pub(super) fn at<'a>(&'a self, spot: &'a Location) -> NameIn<'a> {
        NameIn::new(self.directory_of(spot), spot.path.name().unwrap_or(".").as_bytes())
    }

    /// Refuses the way into the server's own folder: by its name in any letter case, and by what
    /// it is, since a disk may know it by other names too.
    fn check_private(&self, path: &VPath) -> Result<()> {
        let (Some(private), Some(name)) = (self.private, self.at.step_towards(path)) else {
            return Ok(());
        };
        let there = NameIn::new(self.root.as_fd(), name.as_bytes()).stat();
        if is_private(name.as_bytes()) || there.is_ok_and(|stat| FileId::of(&stat) == private) {
            let why = "that name belongs to the server";
            return Err(Error::BadPath { path: path.for_error(), why });
        }
        Ok(())
    }

    fn resolve(&self, path: &VPath, access: OFlags) -> OsResult<OwnedFd> {
        if self.openat2 {
            let beneath = path.beneath(&self.at);
            for _ in 0..AGAIN {
                match fs::openat2(&self.root, beneath, access, Mode::empty(), STAY) {
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    // An old kernel, or a container that forbids what it does not know.
                    Err(Errno::NOSYS | Errno::PERM) => break,
                    // The kernel's word for a link that leads out.
                    Err(Errno::XDEV) => return Err(Errno::LOOP),
                    done => return done,
                }
            }
        }
        self.walk(path, access)
    }

    fn walk(&self, path: &VPath, access: OFlags) -> OsResult<OwnedFd> {
        let mut here: Option<OwnedFd> = None;
        let beneath = path.beneath(&self.at).split('/').filter(|name| *name != ".");
        let mut names = beneath.peekable();
        while let Some(name) = names.next() {
            let flags = if names.peek().is_some() { STAND } else { access };
            let directory = here.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            here = Some(NameIn::new(directory, name.as_bytes()).open(flags, 0)?);
        }
        match here {
            Some(found) => Ok(found),
            None => retry_on_intr(|| fs::openat(&self.root, c".", access, Mode::empty())),
        }
    }
}

/// The server's own folder in a root.
pub(super) const PRIVATE: &[u8] = b".miniftp";

/// Whether a name is that of the server's own folder, in any letter case.
pub(super) fn is_private(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(PRIVATE)
}

/// Whether the kernel lets this process use `openat2`.
pub(super) fn has_openat2(root: BorrowedFd<'_>) -> bool {
    fs::openat2(root, c".", STAND, Mode::empty(), STAY).is_ok()
}

#[cfg(test)]
mod tests;
