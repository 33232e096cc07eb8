//! A real folder that is mounted in the views of accounts.
//!
//! ```text
//! <home>/.miniftp/mounts/<id>/<account>/   unfinished uploads, where it is on the home's disk
//! <folder>/.miniftp/                       lock, parts and trash, where it is on another disk
//! ```
//!
//! One that is only read gets nothing of this: no lock is taken, no file made and no mark set, so
//! that it may be on a medium that cannot be written, and be read by several servers.
//!
//! Never: knows who may do what in it, or where it is seen.
//! Invariant: one server at a time writes in it.

use std::fs::{self as std_fs, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Access, AtFlags, FlockOperation, StatxFlags, XattrFlags};
use rustix::io::{Errno, Result as OsResult};

use super::entry::FileId;
use super::home::Home;
use super::jail::{NameIn, PRIVATE, reopen};
use super::last_seen::{LastSeen, SeenDirectory, dup};
use super::lease::Holder;
use super::opening::Unopened;
use super::parts::{self, Claimed};
use super::root::leads_to;
use super::{VPath, kept, owners};
use crate::limits;
use crate::lock::lock;
use crate::quota::{Charged, DirectoryId};

/// Mode of a mounted folder that is made because it is missing.
const DIRECTORY_MODE: u32 = 0o755;

/// Why the home's private directory cannot be used.
const SERVERS_OWN: &str = "it is the server's own";

/// The attribute that tells a mounted directory from one that gets its inode later.
const MARK: &str = "user.miniftp.mount";

/// A root on a disk of its own, with its lock.
#[derive(Debug)]
pub struct Volume {
    /// Where it is now: the mounts may name it by another path later.
    path: Mutex<Arc<Path>>,
    id: DirectoryId,
    /// Whether its files say who stored them.
    keeps_owners: bool,
    /// The home whose trash serves it: the server's, or one at the folder itself.
    home: Arc<Home>,
    root: OwnedFd,
    parts: OwnedFd,
    /// What the directory of its parts is called among those of all mounts on the home's disk.
    parts_name: Option<Box<str>>,
    /// Whether something may be stored in it.
    changes: bool,
    private: Option<FileId>,
    standing: LastSeen,
    /// Whether the log says that something else, or nothing, is at its path.
    is_reported: AtomicBool,
}

impl Volume {
    /// The folder that `dir` means, with no links in its path: below the home, or absolute. Below
    /// the home it is made if it is missing.
    ///
    /// # Errors
    /// Why it cannot be used, in words that go on after "dir: ".
    pub fn find(home: &Home, dir: &str) -> std::result::Result<PathBuf, String> {
        let path = home.dir().join(dir);
        if below_home(dir)? {
            let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&path);
            made.map_err(|e| format!("cannot be made: {e}"))?;
        }
        found_at(home.dir(), &path)
    }

    /// Looks at a home that may be another server's: nothing is made.
    pub fn foresee(home: &Path, dir: &str) -> std::result::Result<PathBuf, String> {
        let whole = std_fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        let path = whole.join(dir);
        if path.starts_with(whole.join(".miniftp")) {
            return Err(SERVERS_OWN.to_owned());
        }
        if below_home(dir)? && !path.exists() {
            return Ok(path);
        }
        found_at(&whole, &path)
    }

    /// Refuses a folder that [`Volume::foresee`] found and that could not be opened, or not be
    /// changed where `changes` asks for that. Where a server runs at the home the folder may be its
    /// own.
    pub fn try_out(home: &Path, path: &Path, changes: bool) -> std::result::Result<(), String> {
        if !path.exists() {
            return Ok(());
        }
        let failed = |e: io::Error| format!("cannot be opened: {e}");
        let directory = File::open(path).map_err(failed)?;
        std_fs::read_dir(path).map_err(failed)?;
        if changes {
            let may = fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
            may.map_err(|e| format!("cannot be written: {e}"))?;
        }
        if !changes || path.starts_with(home) || kept::runner(home, None).is_some() {
            return Ok(());
        }
        match kept::runner(path, None) {
            Some(holder) => Err(format!("is in use by {holder}")),
            None => lock_root(directory.as_fd()).map_err(|e| e.to_string()),
        }
    }

    /// Opens the directory `path`, which [`Volume::find`] found; `changes` tells whether something
    /// may be stored in it.
    pub fn open(
        home: &Arc<Home>,
        path: &Path,
        changes: bool,
    ) -> std::result::Result<Volume, Unopened> {
        let system = |doing| move |e: Errno| Unopened::System { doing, source: e.into() };
        let root: OwnedFd = File::open(path)
            .map_err(|source| Unopened::System { doing: "opening the folder", source })?
            .into();
        let stat = fs::fstat(&root).map_err(system("looking at the directory"))?;
        let id = DirectoryId::from(FileId::of(&stat));
        let mut parts_name_here = None;
        let left = NameIn::new(root.as_fd(), PRIVATE).stat().ok().map(|stat| FileId::of(&stat));
        let is_near = shares_disk(home, root.as_fd());
        let beside = match (is_near, changes) {
            (true, _) => None,
            (false, true) => Some(home.open_beside(path)?),
            // Parts that were left there are looked after, if nobody else does.
            (false, false) => left.and_then(|_| home.open_beside(path).ok()),
        };
        let (home, directory, private) = match beside {
            None => {
                if is_near && changes && !path.starts_with(home.dir()) {
                    lock_root(root.as_fd())?;
                }
                let inode = format!("{:x}", id.inode);
                let name = parts_name(&root, &inode, changes);
                let directory = home.mount_parts(&name, &inode);
                let directory = directory.map_err(system("making .miniftp/mounts"))?;
                parts_name_here = Some(name.into_boxed_str());
                (Arc::clone(home), directory, left.filter(|_| !is_near))
            }
            Some(own) => {
                let directory = reopen(own.parts()).map_err(system("opening .miniftp/parts"))?;
                let private = own.private_id().map_err(system("looking at .miniftp"))?;
                (Arc::new(own), directory, Some(private))
            }
        };
        let standing = LastSeen::begin(root.as_fd(), home.threads());
        let standing = standing.map_err(system("looking at what it lies in"))?;
        let keeps_owners = owners::try_owners(&home).is_ok();
        if keeps_owners {
            home.keep_owners();
        }
        Ok(Volume {
            path: Mutex::new(path.into()),
            id,
            keeps_owners,
            home,
            root,
            parts: directory,
            parts_name: parts_name_here,
            changes,
            private,
            standing,
            is_reported: AtomicBool::new(false),
        })
    }

    /// Whether something may be stored in it.
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// Which directory a path leads to.
    ///
    /// # Errors
    /// What the system said.
    pub fn id_at(path: &Path) -> std::result::Result<DirectoryId, String> {
        let stat =
            fs::stat(path).map_err(|e| format!("cannot be opened: {}", io::Error::from(e)))?;
        Ok(FileId::of(&stat).into())
    }

    /// Whether its path still leads to it.
    pub(super) fn is_in_place(&self) -> bool {
        leads_to(fs::stat(&*self.path()), self.id)
    }

    /// Says in the log, once, that its path leads elsewhere.
    pub(super) fn report_displaced(&self) {
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            log::error!(
                "{}: another directory than the one that is mounted, or none, is there now; \
                 nothing is changed in the mount until HUP or an edit of the mounts takes it over",
                self.path().display()
            );
        }
    }

    /// Which directory it is, whatever it is called.
    pub fn directory(&self) -> DirectoryId {
        self.id
    }

    /// Whether its files say who stored them, so that each can be charged to its owner.
    pub fn keeps_owners(&self) -> bool {
        self.keeps_owners
    }

    /// What a file that an account stores in it is charged to.
    pub fn charged(&self, account: &str) -> Charged {
        let owner = self.keeps_owners.then(|| account.into());
        Charged { directory: self.id, owner }
    }

    /// The real folder, without links in its path; for the operator.
    pub fn path(&self) -> Arc<Path> {
        Arc::clone(&lock(&self.path))
    }

    /// The mounts name it by this path now.
    pub fn is_at(&self, path: &Path) {
        *lock(&self.path) = path.into();
        self.is_reported.store(false, Ordering::Relaxed);
    }

    /// The accounts that have, or had, unfinished uploads to it.
    pub fn accounts_with_parts(&self) -> Vec<String> {
        parts::accounts_in(self.parts())
    }

    /// Drops an account's old parts, as [`Home::expire_parts`] does.
    pub fn expire_parts(&self, account: &str, older_than: SystemTime, claimed: &Claimed<'_>) {
        parts::expire((&self.home, self.parts()), account, older_than, claimed);
    }

    /// What the directory of its parts is called, for [`Home::expire_unmounted`]; `None` where its
    /// parts lie in the mount itself.
    pub fn parts_name(&self) -> Option<&str> {
        self.parts_name.as_deref()
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Lets another server use it, where it has a lock of its own.
    pub fn release(&self) {
        if self.private.is_some() {
            self.home.release();
        }
    }

    pub(super) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(super) fn parts(&self) -> BorrowedFd<'_> {
        self.parts.as_fd()
    }

    pub(super) fn private(&self) -> Option<FileId> {
        self.private
    }

    /// One more descriptor of the root.
    pub(super) fn stand(&self) -> OsResult<OwnedFd> {
        dup(self.root.as_fd())
    }

    /// The root as it is now, or as it was seen last where its file system stands still.
    pub(super) fn seen(&self) -> Arc<SeenDirectory> {
        self.standing.look(self.root.as_fd(), &self.path())
    }
}

impl Drop for Volume {
    /// Gives a lock of its own back. Where other machines may have the file system that is done on
    /// another thread, and waited for as a look is: it may take for ever, also where a look would
    /// be answered from what the kernel remembers, as by NFS.
    fn drop(&mut self) {
        if self.private.is_none() || self.standing.is_local() {
            return;
        }
        let (home, path) = (Arc::clone(&self.home), self.path());
        // That thread has the home until it is done, so that nothing is given back here.
        let begun = self.home.threads().begin(&path, move || home.release());
        match begun {
            Some(released) => drop(released.recv_timeout(limits::MOUNT_WAIT)),
            None => {
                log::error!("the lock of {} is not given back", path.display());
                std::mem::forget(Arc::clone(&self.home));
            }
        }
    }
}

/// What the parts of a directory are called after: its inode, which stays the same when it is
/// renamed, and what no other directory has that gets the inode after it. That is when it was made;
/// where the file system does not keep that, a text at random that is written down with it. Where
/// that cannot be kept either, or shall not be, it is the inode alone.
fn parts_name(root: &OwnedFd, inode: &str, may_mark: bool) -> String {
    let looked = fs::statx(root, c"", AtFlags::EMPTY_PATH, StatxFlags::BTIME);
    if let Ok(looked) = looked {
        let born = looked.stx_btime;
        let is_kept = looked.stx_mask & StatxFlags::BTIME.bits() != 0;
        if is_kept && (born.tv_sec, born.tv_nsec) != (0, 0) {
            return format!("{inode}.{:x}.{:x}", born.tv_sec, born.tv_nsec);
        }
    }
    match marked(root, may_mark) {
        Some(mark) => format!("{inode}-{mark:016x}"),
        None => inode.to_owned(),
    }
}

/// The mark of a directory, made if it has none; `None` where it cannot have one.
fn marked(root: &OwnedFd, may_mark: bool) -> Option<u64> {
    let mut mark = [0; 8];
    match fs::fgetxattr(root, MARK, &mut mark) {
        Ok(8) => return Some(u64::from_be_bytes(mark)),
        Ok(_) | Err(Errno::NODATA | Errno::RANGE) if may_mark => {}
        Ok(_) => return None,
        Err(_) => return None,
    }
    let mark: [u8; 8] = crate::scram::random_bytes().ok()?;
    fs::fsetxattr(root, MARK, &mark, XattrFlags::empty()).ok()?;
    Some(u64::from_be_bytes(mark))
}

/// Whether a folder is said by its path below the home.
fn below_home(dir: &str) -> std::result::Result<bool, String> {
    if Path::new(dir).is_absolute() {
        return Ok(false);
    }
    let root = VPath::root();
    let plain = root.join(dir).is_ok_and(|path| !path.is_root()) && !root.climbs_out(dir);
    if plain { Ok(true) } else { Err("this leads nowhere below the home".to_owned()) }
}

fn found_at(home: &Path, path: &Path) -> std::result::Result<PathBuf, String> {
    let found = std_fs::canonicalize(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => "no such folder; make it first".to_owned(),
        _ => format!("cannot be opened: {e}"),
    })?;
    if home.starts_with(&found) {
        return Err("the home is inside it".to_owned());
    }
    if found.starts_with(home.join(".miniftp")) {
        return Err(SERVERS_OWN.to_owned());
    }
    if !found.is_dir() {
        return Err("this is no folder".to_owned());
    }
    Ok(found)
}

/// Whether a rename from the home's trash can reach the folder. The kernel looks at that first, so
/// the name need not be there.
fn shares_disk(home: &Home, root: BorrowedFd<'_>) -> bool {
    let name = home.passing_name();
    let name = name.as_bytes();
    NameIn::new(home.trash(), name).rename(NameIn::new(root, name)) != Err(Errno::XDEV)
}

/// Holds the folder for this server; nothing is written there.
fn lock_root(root: BorrowedFd<'_>) -> std::result::Result<(), Unopened> {
    match fs::flock(root, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(Unopened::InUse { holder: Holder::UNKNOWN }),
        Err(e) => Err(Unopened::System { doing: "taking the lock", source: e.into() }),
    }
}
