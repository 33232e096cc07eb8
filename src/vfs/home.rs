//! The opened home of the server: the tree of all accounts, and the server's private folder in it.
//!
//! ```text
//! home/<account>/...                 what the account sees
//! home/.miniftp/lock                 held while a server runs here; names it, see `lease`
//! home/.miniftp/parts/<account>/     unfinished uploads, outside every view, on the same disk
//! home/.miniftp/mounts/<id>/<account>/   the same for what is mounted from the home's disk
//! home/.miniftp/digests/             digests of what is stored, see `digests`
//! home/.miniftp/counts               what large homes held at a clean stop, see `counts`
//! home/.miniftp/in_force             what is in force, for anyone about to edit a file
//! home/.miniftp/trash/               files on their way out, see `moves`
//! home/.miniftp/removed/             files of removed accounts on their way out, see `aside`
//! ```
//!
//! Never: hands out a host path to a peer. No account can be called `.miniftp`, since names begin
//! with a letter or digit.
//! Invariant: one server at a time changes anything; whatever does asks [`Home::fence`] first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_channel::Receiver;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Dir, RenameFlags};
use rustix::io::Errno;

use super::Homes;
use super::digests::DigestStore;
use super::entry::{EntryKind, FileId, kind_of};
use super::file_system::FileSystem;
use super::jail::{self, NEW_FILE, NameIn, own_directory};
use super::lease::{Lease, Loss};
use super::opened::OpenFiles;
use super::opening::{Opening, Unopened, system};
use super::path::VPath;
use super::timely::Threads;
use super::watch::{self, DiskWatch};
use super::{intent, parts, takeover};
use crate::error::{Error, Result};
use crate::quota::Amount;
use crate::text;

/// Mode of a stored file.
pub(super) const FILE_MODE: u32 = 0o644;
/// Where unfinished uploads to what is mounted from the home's disk are, in the private folder.
pub(super) const MOUNTS: &[u8] = b"mounts";
/// The end of the name of what is only meant to last for one step.
pub(super) const PASSING: &str = ".tmp";

/// What the kernel and the disk can do. It is found out at the start; tests take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers {
    /// Resolving a whole path in one call without following links. Without it names are walked.
    pub openat2: bool,
    /// Renaming without replacing. Without it links do it, see `moves`.
    pub noreplace: bool,
    /// Second names for files that can be recognised as one, as for example no FAT has them.
    pub links: bool,
}

impl Powers {
    /// Everything; what is missing is found out.
    pub const ALL: Powers = Powers { openat2: true, noreplace: true, links: true };
}

/// The opened home. Dropping it lets another server in.
#[derive(Debug)]
pub struct Home {
    /// Where it is, without links in its path.
    dir: PathBuf,
    root: OwnedFd,
    private: OwnedFd,
    parts: OwnedFd,
    trash: OwnedFd,
    /// Held for life; the lock goes with it.
    lease: Lease,
    /// Whether other machines may use the tree, where the operator says so.
    is_shared: Option<bool>,
    powers: Powers,
    /// Whether a file made with [`FILE_MODE`] really gets it, or the umask takes something away.
    makes_plain_files: bool,
    /// Taken while files of removed accounts are removed.
    pub(super) sweeping: Mutex<()>,
    /// Whether files on this disk say who stored them, so that removing one asks.
    keeps_owners: AtomicBool,
    /// The files that are open, on this disk and on those of mounts.
    open_files: Arc<OpenFiles>,
    /// The digests of what is stored on this disk.
    digests: Arc<DigestStore>,
    /// Those that wait for the file systems of mounts.
    threads: Threads,
    /// Whether one call syncs the file system and tells of failures.
    syncs_whole: bool,
    /// A random number of this start, and how many names were made since.
    run: u64,
    count: AtomicUsize,
}

impl Home {
    /// Opens the home at `dir`, making it if it is missing, and clears away what a server that was
    /// killed left half done.
    pub fn open(dir: &Path) -> Result<Home, Unopened> {
        Home::open_with(dir, Powers::ALL)
    }

    /// Opens one at a mount on another disk, which shares the list of open files with this one: one
    /// disk may be seen at two places.
    pub(super) fn open_beside(&self, dir: &Path) -> Result<Home, Unopened> {
        let mut home = Opening::of_mount(dir, self.is_shared())?.finish()?;
        home.open_files = Arc::clone(&self.open_files);
        home.threads = self.threads.clone();
        Ok(home)
    }

    /// Opens it with less than the kernel can do, as on an old one; for tests.
    pub fn open_with(dir: &Path, allowed: Powers) -> Result<Home, Unopened> {
        Opening::begin(dir, None)?.finish_with(allowed)
    }

    /// Makes the home at `dir` ready whose lock was taken: `root` and `private` are its directory
    /// and the one in it that is the server's own.
    pub(super) fn start(
        (dir, is_shared, run): (PathBuf, Option<bool>, u64),
        (root, private): (OwnedFd, OwnedFd),
        lease: Lease,
        allowed: Powers,
    ) -> Result<Home, Unopened> {
        let is_uncertain = lease.is_uncertain;
        takeover::clear(private.as_fd(), is_uncertain).map_err(system("taking the parts over"))?;
        let parts = own_directory(private.as_fd(), b"parts").map_err(system("making parts"))?;
        let trash = own_directory(private.as_fd(), b"trash").map_err(system("making trash"))?;
        let is_reported = watch::reports_failures() && FileSystem::of(&root).syncs_whole;
        let digests = DigestStore::open(private.as_fd());
        let digests = Arc::new(digests.map_err(system("opening .miniftp/digests"))?);
        let mut home = Home {
            dir,
            root,
            private,
            parts,
            trash,
            lease,
            is_shared,
            powers: Powers { openat2: false, noreplace: false, links: false },
            makes_plain_files: false,
            sweeping: Mutex::new(()),
            keeps_owners: AtomicBool::new(false),
            open_files: Arc::default(),
            digests,
            threads: Threads::default(),
            syncs_whole: is_reported,
            run,
            count: AtomicUsize::new(0),
        };
        intent::finish_all(&home, home.trash()).map_err(system("finishing moves"))?;
        home.sweep_trash().map_err(system("emptying the trash"))?;
        home.probe(allowed).map_err(system("trying the disk out"))?;
        parts::sweep(home.parts())
            .and_then(|()| parts::sweep_mounts(home.private()))
            .map_err(system("looking through the parts"))?;
        Ok(home)
    }

    /// What the kernel and the disk can do, for the log.
    pub fn powers(&self) -> Powers {
        self.powers
    }

    /// Begins to watch the home's file system, so that what is written from now on can be synced
    /// with one call; `None` where that call says nothing of the disk and every file has to be
    /// synced by itself.
    pub fn watch(&self) -> Result<Option<DiskWatch>> {
        if !self.syncs_whole {
            return Ok(None);
        }
        let root = jail::reopen(self.root());
        Ok(Some(DiskWatch::new(root.map_err(|e| Error::io("opening the home", e.into()))?)))
    }

    /// Refuses once this server does not hold the tree any more; asked before every change of it.
    pub(super) fn fence(&self) -> Result<(), Errno> {
        self.lease.check()
    }

    /// Checks it with a fresh look at the lock: around what is reported as stored.
    pub fn confirm(&self) -> Result<()> {
        self.lease.confirm().map_err(|e| jail::from_errno(e, &VPath::root(), "holding the lock"))
    }

    /// Tells once that the lock was lost: then nothing is changed any more.
    pub fn lost(&self) -> Receiver<Loss> {
        self.lease.lost()
    }

    /// A number that grows with each renewal of the lock, where it is renewed by writing.
    pub fn renewal(&self) -> Option<u64> {
        self.lease.renewal()
    }

    /// Lets another server in at once; from here on nothing can be changed.
    pub fn release(&self) {
        self.lease.release();
    }

    /// Whether other machines may use the tree, where the operator says so.
    pub(super) fn is_shared(&self) -> Option<bool> {
        self.is_shared
    }

    /// Bytes that may still be written on the home's disk, and entries that may still be made.
    pub fn free(&self) -> Result<Amount> {
        let disk = fs::fstatvfs(&self.root).map_err(|e| Error::io("asking the disk", e.into()))?;
        Ok(free_of(&disk))
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of all homes, for whoever asks which are free.
    pub fn homes(&self) -> Homes {
        Homes::with(&self.dir, self.threads.clone())
    }

    /// The threads that wait for the file systems of mounts.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }

    /// The folder of parts of something that is mounted from this disk. It was called `before`
    /// once.
    pub(super) fn mount_parts(&self, id: &str, before: &str) -> Result<OwnedFd, Errno> {
        let mounts = own_directory(self.private.as_fd(), MOUNTS)?;
        let [at, old] = [id, before].map(|name| NameIn::new(mounts.as_fd(), name.as_bytes()));
        if matches!(at.stat(), Err(Errno::NOENT)) {
            match old.rename(at) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        own_directory(mounts.as_fd(), id.as_bytes())
    }

    /// Which folder the private one is, by whatever name it is found.
    pub(super) fn private_id(&self) -> Result<FileId, Errno> {
        Ok(FileId::of(&fs::fstat(&self.private)?))
    }

    pub(super) fn keep_owners(&self) {
        self.keeps_owners.store(true, Ordering::Relaxed);
    }

    pub(super) fn keeps_owners(&self) -> bool {
        self.keeps_owners.load(Ordering::Relaxed)
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(super) fn private(&self) -> BorrowedFd<'_> {
        self.private.as_fd()
    }

    pub(super) fn parts(&self) -> BorrowedFd<'_> {
        self.parts.as_fd()
    }

    pub(super) fn trash(&self) -> BorrowedFd<'_> {
        self.trash.as_fd()
    }

    pub(super) fn makes_plain_files(&self) -> bool {
        self.makes_plain_files
    }

    /// A name that nothing in the private folder has had: not since this server started, and not
    /// from another one that believes to hold the tree.
    pub(super) fn passing_name(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}_{number:x}{PASSING}", self.run)
    }

    /// The files that the server has open.
    pub(super) fn open_files(&self) -> &Arc<OpenFiles> {
        &self.open_files
    }

    /// The digests of what is stored on its disk.
    pub(super) fn digests(&self) -> &Arc<DigestStore> {
        &self.digests
    }

    /// Unlinks what was on its way out. A folder that holds something can be here only because it
    /// could not be put back (see `moves`); it is left for the operator.
    fn sweep_trash(&self) -> Result<(), Errno> {
        let mut dir = Dir::new(jail::reopen(self.trash())?)?;
        while let Some(entry) = dir.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let at = NameIn::new(self.trash(), name);
            if kind_of(&at.stat()?) == EntryKind::Directory {
                if at.remove_directory().is_ok() {
                    continue;
                }
                let shown = text::escape_bytes(name);
                log::warn!("the folder `{shown}` in .miniftp/trash could not be put back once");
            } else {
                at.unlink()?;
            }
        }
        Ok(())
    }

    /// Finds out what works here, with two empty files in the trash and a name that is free: some
    /// disks refuse only a name that is taken, and know no rename without replacing all the same.
    fn probe(&mut self, allowed: Powers) -> Result<(), Errno> {
        let names = [(); 3].map(|()| self.passing_name().into_bytes());
        let [a, b, free] = [0, 1, 2].map(|i: usize| NameIn::new(self.trash(), &names[i]));
        let file = a.open(NEW_FILE, FILE_MODE)?;
        b.open(NEW_FILE, FILE_MODE)?;
        let plain = super::Entry::new(b"a", &fs::fstat(&file)?).mode == FILE_MODE;
        let mut links = a.link(free).is_ok();
        if links {
            // Both names have to be known as those of one file: that is how a file is distinguished
            // from another one everywhere.
            links = FileId::of(&a.stat()?) == FileId::of(&free.stat()?);
            free.unlink()?;
        }
        let keeps = a.rename_with(b, RenameFlags::NOREPLACE) == Err(Errno::EXIST);
        let moves = a.rename_with(free, RenameFlags::NOREPLACE).is_ok();
        let a = if moves { free } else { a };
        a.unlink()?;
        b.unlink()?;
        self.makes_plain_files = plain;
        self.powers = Powers {
            openat2: allowed.openat2 && jail::has_openat2(self.root()),
            noreplace: allowed.noreplace && keeps && moves,
            links: allowed.links && links,
        };
        Ok(())
    }
}

fn free_of(disk: &fs::StatVfs) -> Amount {
    // A file system that makes inodes as it needs them says that it has none.
    let entries = if disk.f_files == 0 { u64::MAX } else { disk.f_favail };
    Amount { bytes: disk.f_bavail.saturating_mul(disk.f_frsize), entries }
}

/// The amount free for the home at `dir`, if the disk reports it.
pub fn free_at(dir: &Path) -> Option<Amount> {
    fs::statvfs(dir).ok().map(|disk| free_of(&disk))
}

#[cfg(test)]
mod tests;
