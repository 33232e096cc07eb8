//! The opened home of the server: the tree of all accounts, and the server's private folder in it.
//!
//! ```text
//! home/<account>/...                 what the account sees
//! home/.miniftp/lock                 held while a server runs here; contains its process number
//! home/.miniftp/parts/<account>/     unfinished uploads, outside every view, on the same disk
//! home/.miniftp/mounts/<id>/<account>/   the same for what is mounted from the home's disk
//! home/.miniftp/in_force             what counts now, for who is about to edit a file
//! home/.miniftp/trash/               files on their way out, see `moves`
//! home/.miniftp/removed/             files of removed accounts on their way out, see `aside`
//! ```
//!
//! Never: hands out a host path. No account can be called `.miniftp`, since names begin with a
//! letter or digit.
//! Invariant: one server at a time; that is why names in the private folder need only a counter.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Dir, FlockOperation, OFlags, RenameFlags};
use rustix::io::Errno;

use super::Homes;
use super::entry::{FileId, Kind, kind_of};
use super::jail::{self, At, NEW_FILE, PRIVATE, READ};
use super::kept;
use super::opened::OpenFiles;
use super::parts;
use super::watch::{self, DiskWatch};
use crate::error::{Error, Result};
use crate::quota::Amount;
use crate::text;

/// Mode of the private folders and of an account's topmost one.
pub(super) const FOLDER_MODE: u32 = 0o700;
/// Mode of a stored file.
pub(super) const FILE_MODE: u32 = 0o644;
/// The end of the name of what is only meant to last for one step.
pub(super) const PASSING: &str = ".tmp";

/// What the kernel and the disk can do. It is found out at the start; tests take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers {
    /// Resolving a whole path in one call without following links. Without it names are walked.
    pub openat2: bool,
    /// Renaming without replacing. Without it links do it, see `moves`.
    pub noreplace: bool,
    /// Second names for files, as for example no FAT has them.
    pub links: bool,
}

impl Powers {
    /// Everything; what is missing is found out.
    pub const ALL: Powers = Powers { openat2: true, noreplace: true, links: true };
}

/// Why a home could not be opened. It is for the operator, so it may say what the system said.
#[derive(Debug)]
pub enum Unopened {
    /// Another server runs there.
    InUse {
        /// Its process number, if it has written it down.
        pid: Option<u32>,
    },
    /// The system refused something.
    System {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Display for Unopened {
    /// Goes on after "the home X ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unopened::InUse { pid: Some(pid) } => write!(f, "is in use by miniftpd with pid {pid}"),
            Unopened::InUse { pid: None } => f.write_str("is in use by another miniftpd"),
            Unopened::System { doing, source } => write!(f, "cannot be opened: {doing}: {source}"),
        }
    }
}

impl std::error::Error for Unopened {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unopened::InUse { .. } => None,
            Unopened::System { source, .. } => Some(source),
        }
    }
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
    _lock: File,
    powers: Powers,
    /// Whether a file made with [`FILE_MODE`] really gets it, or the umask takes something away.
    makes_plain_files: bool,
    /// Taken while files of removed accounts are removed.
    pub(super) sweeping: Mutex<()>,
    /// Whether files on this disk say who stored them, so that removing one asks.
    keeps_owners: AtomicBool,
    tells_failed_syncs: bool,
    /// The files that are open, on this disk and on those of mounts.
    open_files: Arc<OpenFiles>,
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
        let mut home = Home::open(dir)?;
        home.open_files = Arc::clone(&self.open_files);
        Ok(home)
    }

    /// The same with less than the kernel can do, as on an old one; for tests.
    pub fn open_with(dir: &Path, allowed: Powers) -> Result<Home, Unopened> {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(dir);
        made.map_err(|source| Unopened::System { doing: "making the folder", source })?;
        let root: OwnedFd = File::open(dir)
            .map_err(|source| Unopened::System { doing: "opening the folder", source })?
            .into();
        let private = own_folder(root.as_fd(), PRIVATE).map_err(system("making .miniftp"))?;
        let lock = take_lock(private.as_fd())?;
        let parts = own_folder(private.as_fd(), b"parts").map_err(system("making parts"))?;
        let trash = own_folder(private.as_fd(), b"trash").map_err(system("making trash"))?;
        let mut home = Home {
            dir: dir
                .canonicalize()
                .map_err(|source| Unopened::System { doing: "finding the folder", source })?,
            root,
            private,
            parts,
            trash,
            _lock: lock,
            powers: Powers { openat2: false, noreplace: false, links: false },
            makes_plain_files: false,
            sweeping: Mutex::new(()),
            keeps_owners: AtomicBool::new(false),
            tells_failed_syncs: watch::is_told_of_failures(),
            open_files: Arc::default(),
            count: AtomicUsize::new(0),
        };
        home.sweep_trash().map_err(system("emptying the trash"))?;
        home.probe(allowed).map_err(system("trying the disk out"))?;
        parts::sweep(&home, home.parts()).map_err(system("looking through the parts"))?;
        Ok(home)
    }

    /// What the kernel and the disk can do, for the log.
    pub fn powers(&self) -> Powers {
        self.powers
    }

    /// Whether a [`DiskWatch`] is told when syncing failed, so that files can be synced together.
    pub fn tells_failed_syncs(&self) -> bool {
        self.tells_failed_syncs
    }

    /// Begins to watch the home's file system, so that what is written from now on can be synced.
    pub fn watch(&self) -> Result<DiskWatch> {
        let root = jail::reopen(self.root());
        Ok(DiskWatch::new(root.map_err(|e| Error::io("opening the home", e.into()))?))
    }

    /// Bytes that may still be written on the home's disk, and entries that may still be made.
    pub fn free(&self) -> Result<Amount> {
        let disk = fs::fstatvfs(&self.root).map_err(|e| Error::io("asking the disk", e.into()))?;
        // A file system that makes inodes as it needs them says that it has none.
        let entries = if disk.f_files == 0 { u64::MAX } else { disk.f_favail };
        Ok(Amount { bytes: disk.f_bavail.saturating_mul(disk.f_frsize), entries })
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of all homes, for whoever asks which are free.
    pub fn homes(&self) -> Homes {
        Homes::new(&self.dir)
    }

    /// The folder of parts of something that is mounted from this disk.
    pub(super) fn mount_parts(&self, id: &str) -> Result<OwnedFd, Errno> {
        let mounts = own_folder(self.private.as_fd(), b"mounts")?;
        own_folder(mounts.as_fd(), id.as_bytes())
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

    /// A name that nothing in the private folder has had since this server started.
    pub(super) fn passing_name(&self) -> String {
        format!("{:x}{PASSING}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// The files that the server has open.
    pub(super) fn open_files(&self) -> &Arc<OpenFiles> {
        &self.open_files
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
            let at = At::new(self.trash(), name);
            if kind_of(&at.stat()?) == Kind::Folder {
                if at.remove_folder().is_ok() {
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
        let [a, b, free] = [0, 1, 2].map(|i: usize| At::new(self.trash(), &names[i]));
        let file = a.open(NEW_FILE, FILE_MODE)?;
        b.open(NEW_FILE, FILE_MODE)?;
        let plain = super::Entry::new(b"a", &fs::fstat(&file)?).mode == FILE_MODE;
        let links = a.link(free).is_ok();
        if links {
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

/// Opens a folder of the server's own, making it if it is missing.
pub(super) fn own_folder(above: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let at = At::new(above, name);
    match at.make_folder(FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => at.open(READ, 0),
        Err(e) => Err(e),
    }
}

/// Takes the lock and writes down who holds it, or reads who does.
fn take_lock(private: BorrowedFd<'_>) -> Result<File, Unopened> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let opened = At::new(private, b"lock").open(flags, 0o600);
    let file = File::from(opened.map_err(system("opening the lock"))?);
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(Unopened::InUse { pid: kept::holder(&file) });
        }
        Err(e) => return Err(system("taking the lock")(e)),
    }
    let pid = format!("{}\n", std::process::id());
    // Written before it is cut, so that who reads meanwhile finds a number.
    let written =
        file.write_all_at(pid.as_bytes(), 0).and_then(|()| file.set_len(pid.len() as u64));
    written.map_err(|source| Unopened::System { doing: "writing the lock", source })?;
    Ok(file)
}

fn system(doing: &'static str) -> impl Fn(Errno) -> Unopened {
    move |e| Unopened::System { doing, source: e.into() }
}

#[cfg(test)]
mod tests {
    use super::super::part;
    use super::super::tests::{Fresh, POWERS, ann, leave_part, path};
    use super::super::{Keep, View};
    use super::*;

    #[test]
    fn a_second_server_is_told_who_holds_the_home() {
        let fresh = Fresh::new();
        let dir = fresh.path().join("deep/home");
        let home = Home::open(&dir).unwrap();
        let refused = Home::open(&dir).err().unwrap();
        let want = format!("is in use by miniftpd with pid {}", std::process::id());
        assert_eq!(refused.to_string(), want);
        drop(home);
        Home::open(&dir).unwrap();
        std::fs::write(fresh.path().join("file"), "").unwrap();
        let refused = Home::open(&fresh.path().join("file")).err().unwrap();
        assert!(refused.to_string().starts_with("cannot be opened: "), "{refused}");
    }

    #[test]
    fn what_a_killed_server_left_is_swept() {
        for powers in POWERS {
            let (fresh, home, vfs) = ann(powers);
            leave_part(&vfs, "/kept", b"kept");
            leave_part(&vfs, "/torn", b"torn");
            let private = fresh.path().join(".miniftp");
            drop((home, vfs));
            std::fs::write(private.join("trash/7.tmp"), "old").unwrap();
            std::fs::create_dir_all(private.join("trash/folder/in it")).unwrap();
            std::fs::create_dir(private.join("trash/9.tmp")).unwrap();
            std::fs::write(private.join("parts/ann/8.tmp"), "old").unwrap();
            std::fs::write(private.join("parts/ann/orphan.part"), "old").unwrap();
            let note = private.join("parts/ann").join(format!("{}.note", part::id(&path("/torn"))));
            let text = std::fs::read_to_string(&note).unwrap();
            std::fs::write(&note, &text[..text.len() - 3]).unwrap();

            let home = Arc::new(Home::open_with(fresh.path(), powers).unwrap());
            assert_eq!(home.powers(), powers);
            let vfs = View::open(&home, "ann").unwrap();
            assert_eq!(vfs.part_held(&path("/kept")).unwrap(), Some(4));
            assert_eq!(vfs.part_held(&path("/torn")).unwrap(), None);
            let left = std::fs::read_dir(private.join("parts/ann")).unwrap().count();
            assert_eq!(left, 2, "one part and its note");
            let left = std::fs::read_dir(private.join("trash")).unwrap().count();
            assert!(private.join("trash/folder/in it").is_dir() && left == 1);
            assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 4);
            home.watch().unwrap().sync().unwrap();
            drop(vfs.draft(&path("/kept"), Keep::Held, None, None).unwrap());
        }
    }
}
