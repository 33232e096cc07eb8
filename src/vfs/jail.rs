//! The wall: every system call that takes a user's name is made here.
//!
//! A path is resolved beneath an open root by one `openat2` that follows no link, or, where the
//! kernel or a container forbids that call, by a walk of single names that follows none either.
//! Everything else is done with a folder's descriptor and one name ([`At`]).
//!
//! The rule for what is in the way, the same for both ways of resolving: nothing there is
//! `NotFound`; where a folder was needed, in the middle or at the end, anything else is
//! `NotDirectory`, a link to a folder included; where a file was needed, a folder is `IsDirectory`
//! and a link, pipe or device is `NotRegular`.
//!
//! Never: follows a link, hands `..` to the kernel (but for [`above`], which checks where it got
//! to).

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::{Errno, Result as OsResult, retry_on_intr};

use super::entry::FileId;
use super::path::VPath;
use crate::error::{Error, Result};

/// Times that the kernel may say "try again" (a rename ran meanwhile) before the walk is taken.
const AGAIN: u32 = 16;

/// A folder only to stand in.
pub(super) const STAND: OFlags = OFlags::PATH.union(FOLDER);
/// A folder to read the names of, or to sync.
pub(super) const READ: OFlags = OFlags::RDONLY.union(FOLDER);
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
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
pub(super) struct At<'a> {
    folder: BorrowedFd<'a>,
    name: &'a [u8],
}

impl<'a> At<'a> {
    pub(super) fn new(folder: BorrowedFd<'a>, name: &'a [u8]) -> At<'a> {
        debug_assert!(!name.contains(&b'/') && name != b".." && !name.is_empty());
        At { folder, name }
    }

    /// The same folder, another name.
    pub(super) fn beside(self, name: &'a [u8]) -> At<'a> {
        At::new(self.folder, name)
    }

    pub(super) fn name(self) -> &'a [u8] {
        self.name
    }

    pub(super) fn stat(self) -> OsResult<Stat> {
        fs::statat(self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    pub(super) fn open(self, flags: OFlags, mode: u32) -> OsResult<OwnedFd> {
        let mode = Mode::from_raw_mode(mode);
        retry_on_intr(|| fs::openat(self.folder, self.name, flags | OFlags::NOFOLLOW, mode))
    }

    pub(super) fn make_folder(self, mode: u32) -> OsResult<()> {
        fs::mkdirat(self.folder, self.name, Mode::from_raw_mode(mode))
    }

    pub(super) fn unlink(self) -> OsResult<()> {
        fs::unlinkat(self.folder, self.name, AtFlags::empty())
    }

    pub(super) fn remove_folder(self) -> OsResult<()> {
        fs::unlinkat(self.folder, self.name, AtFlags::REMOVEDIR)
    }

    /// Renames over what is there, as plain `rename` does.
    pub(super) fn rename(self, to: At<'_>) -> OsResult<()> {
        fs::renameat(self.folder, self.name, to.folder, to.name)
    }

    pub(super) fn rename_with(self, to: At<'_>, flags: RenameFlags) -> OsResult<()> {
        fs::renameat_with(self.folder, self.name, to.folder, to.name, flags)
    }
}

/// The folder above an open one, for reading; `Errno::STALE` unless it is still `expected`.
///
/// This is the only `..` given to the kernel. Where it leads is compared with the folder that was
/// come from, so a folder that was moved meanwhile leads nowhere.
pub(super) fn above(folder: BorrowedFd<'_>, expected: FileId) -> OsResult<OwnedFd> {
    let found = retry_on_intr(|| fs::openat(folder, c"..", READ, Mode::empty()))?;
    if FileId::of(&fs::fstat(&found)?) == expected { Ok(found) } else { Err(Errno::STALE) }
}

/// The folder itself once more, for reading: a descriptor to stand in cannot be read or synced.
pub(super) fn reopen(folder: BorrowedFd<'_>) -> OsResult<OwnedFd> {
    retry_on_intr(|| fs::openat(folder, c".", READ, Mode::empty()))
}

/// Where a path ends: the folder that it lies in, held open, and its last name.
#[derive(Debug)]
pub(super) struct Spot {
    /// `None` is the root itself, which the jail holds open anyway.
    folder: Option<OwnedFd>,
    path: VPath,
}

impl Spot {
    pub(super) fn path(&self) -> &VPath {
        &self.path
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

    /// The same root where the user sees it at `at`, and with the server's own folder in it.
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
    pub(super) fn folder(&self, path: &VPath, access: OFlags) -> Result<OwnedFd> {
        self.check_private(path)?;
        self.resolve(path, access).map_err(|e| told(e, path, "opening a folder"))
    }

    /// Finds the folder that `path` lies in. The root lies in none: [`Error::IsDirectory`].
    pub(super) fn spot(&self, path: &VPath) -> Result<Spot> {
        let Some(parent) = path.parent().filter(|_| *path != self.at) else {
            return Err(Error::IsDirectory { path: path.told() });
        };
        self.check_private(path)?;
        let folder = if parent == self.at {
            None
        } else {
            let found = self.resolve(&parent, STAND);
            Some(found.map_err(|e| told(e, path, "opening a folder"))?)
        };
        Ok(Spot { folder, path: path.clone() })
    }

    /// The folder of a spot.
    pub(super) fn folder_of<'a>(&'a self, spot: &'a Spot) -> BorrowedFd<'a> {
        spot.folder.as_ref().map_or(self.root.as_fd(), AsFd::as_fd)
    }

    /// The folder and the name of a spot.
    pub(super) fn at<'a>(&'a self, spot: &'a Spot) -> At<'a> {
        At::new(self.folder_of(spot), spot.path.name().unwrap_or(".").as_bytes())
    }

    /// Refuses the way into the server's own folder: by its name in any letter case, and by what
    /// it is, since a disk may know it by other names too.
    fn check_private(&self, path: &VPath) -> Result<()> {
        let (Some(private), Some(name)) = (self.private, self.at.step_towards(path)) else {
            return Ok(());
        };
        let there = At::new(self.root.as_fd(), name.as_bytes()).stat();
        if is_private(name.as_bytes()) || there.is_ok_and(|stat| FileId::of(&stat) == private) {
            let why = "that name belongs to the server";
            return Err(Error::BadPath { path: path.told(), why });
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
            let folder = here.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            here = Some(At::new(folder, name.as_bytes()).open(flags, 0)?);
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

/// What the user is told of what the system said about `path`.
pub(super) fn told(errno: Errno, path: &VPath, doing: &'static str) -> Error {
    let path = path.told();
    match errno {
        Errno::NOENT => Error::NotFound { path },
        Errno::NOTDIR | Errno::LOOP => Error::NotDirectory { path },
        Errno::EXIST => Error::Exists { path, size: 0 },
        Errno::NOTEMPTY => Error::NotEmpty { path },
        Errno::ISDIR => Error::IsDirectory { path },
        Errno::ACCESS | Errno::PERM => Error::Denied { path },
        Errno::STALE => Error::Changed { path },
        // What the fence of a home says, and no file system.
        Errno::SHUTDOWN => Error::Stopping,
        Errno::NAMETOOLONG => Error::BadPath { path, why: "a name in it is too long" },
        other => Error::io(doing, other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::{Fresh, both_jails, fifo, text_of};
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::root().join(text).unwrap()
    }

    fn plant() -> Fresh {
        let fresh = Fresh::new();
        let home = fresh.path();
        for folder in ["jail/a/b/c", "jail/-rf", "jail/ü 名", "outside/b"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        std::fs::write(home.join("jail/a/file"), "inside").unwrap();
        std::fs::write(home.join("outside/secret"), "outside").unwrap();
        symlink(home.join("outside"), home.join("jail/absolute")).unwrap();
        symlink("../outside", home.join("jail/relative")).unwrap();
        symlink("a", home.join("jail/harmless")).unwrap();
        symlink("b", home.join("jail/a/link")).unwrap();
        symlink("loop", home.join("jail/loop")).unwrap();
        symlink("/proc/self/root", home.join("jail/magic")).unwrap();
        symlink("nowhere", home.join("jail/dangling")).unwrap();
        fifo(&home.join("jail/pipe"));
        fresh
    }

    #[test]
    fn both_ways_of_resolving_agree() {
        let fresh = plant();
        let table = [
            ("/", "ok"),
            ("/a/b/c", "ok"),
            ("/a/../a/./b//c/", "ok"),
            ("../../../../a", "ok"),
            ("/-rf", "ok"),
            ("/ü 名", "ok"),
            ("/none", "not found"),
            ("/a/none/c", "not found"),
            ("/a/file", "not a folder"),
            ("/a/file/x", "not a folder"),
            ("/absolute", "not a folder"),
            ("/absolute/secret", "not a folder"),
            ("/relative/b", "not a folder"),
            ("/harmless", "not a folder"),
            ("/harmless/b/c", "not a folder"),
            ("/a/link/c", "not a folder"),
            ("/loop", "not a folder"),
            ("/loop/x", "not a folder"),
            ("/magic/etc", "not a folder"),
            ("/dangling/x", "not a folder"),
            ("/pipe", "not a folder"),
            ("/pipe/x", "not a folder"),
        ];
        for jail in both_jails(&fresh.path().join("jail")) {
            for (text, want) in table {
                for access in [STAND, READ] {
                    let got = match jail.folder(&path(text), access) {
                        Ok(_) => "ok",
                        Err(Error::NotFound { path: p }) if p == path(text).told() => "not found",
                        Err(Error::NotDirectory { .. }) => "not a folder",
                        Err(other) => panic!("{text}: {other}"),
                    };
                    assert_eq!(got, want, "{text}, openat2 {}", jail.openat2);
                }
            }
        }
    }

    #[test]
    fn a_swapped_folder_never_lets_anyone_out() {
        const TRIES: u32 = 3_000;
        // As many more as it takes until both states were met.
        const PATIENCE: u32 = 3_000_000;
        let fresh = Fresh::new();
        let home = fresh.path();
        std::fs::create_dir_all(home.join("jail/door/in")).unwrap();
        std::fs::create_dir_all(home.join("outside/in")).unwrap();
        std::fs::write(home.join("jail/door/in/f"), "inside").unwrap();
        std::fs::write(home.join("outside/in/f"), "outside").unwrap();
        symlink(home.join("outside"), home.join("jail/trap")).unwrap();
        for jail in both_jails(&home.join("jail")) {
            let done = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let door = At::new(jail.root(), b"door");
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        door.rename_with(At::new(jail.root(), b"trap"), RenameFlags::EXCHANGE)
                            .unwrap();
                    }
                });
                let (mut found, mut refused, mut tries) = (0, 0, 0);
                while tries < TRIES || (found == 0 || refused == 0) && tries < PATIENCE {
                    tries += 1;
                    match jail.spot(&path("/door/in/f")) {
                        Ok(spot) => {
                            let file = jail.at(&spot).open(READ_FILE, 0).unwrap();
                            assert_eq!(text_of(file), "inside");
                            found += 1;
                        }
                        Err(_) => refused += 1,
                    }
                }
                done.store(true, std::sync::atomic::Ordering::Relaxed);
                assert!(found > 0 && refused > 0, "{found} found, {refused} refused");
            });
        }
    }

    #[test]
    fn the_way_up_is_checked() {
        let fresh = plant();
        let [jail, _] = both_jails(&fresh.path().join("jail"));
        let c = jail.folder(&path("/a/b/c"), READ).unwrap();
        let b = FileId::of(&jail.at(&jail.spot(&path("/a/b")).unwrap()).stat().unwrap());
        assert!(above(c.as_fd(), b).is_ok());
        std::fs::rename(fresh.path().join("jail/a/b/c"), fresh.path().join("outside/c")).unwrap();
        assert_eq!(above(c.as_fd(), b).err(), Some(Errno::STALE));
    }
}
