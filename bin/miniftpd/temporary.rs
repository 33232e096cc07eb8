//! The one directory in which everything lies that a demo or a share makes.
//!
//! Never: touches what another user made, or what a program that runs has locked.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use miniftp::sandbox::Reach;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, fstat, mkdir, open, statat};
use rustix::process::geteuid;

/// Names that are tried, if others have them.
const TRIES: u32 = 100;

/// A fresh directory that goes when its owner ends; it is locked for as long as that takes, so that
/// one without a lock has been left by a program that was killed.
pub(crate) struct TemporaryDir {
    dir: PathBuf,
    _lock: OwnedFd,
}

impl TemporaryDir {
    /// Makes one in `directory`, and removes those that were left with names of this `kind`, each
    /// once `leaving` has looked at it.
    pub(crate) fn new(
        directory: &Path,
        kind: &str,
        leaving: &dyn Fn(&Path),
    ) -> io::Result<TemporaryDir> {
        let prefix = format!("miniftp-{kind}-");
        sweep(directory, &prefix, leaving);
        for number in 0..TRIES {
            let dir = directory.join(format!("{prefix}{}-{number}", std::process::id()));
            match mkdir(&dir, Mode::RWXU) {
                Ok(()) => {}
                Err(rustix::io::Errno::EXIST) => continue,
                Err(e) => return Err(about(&dir, e.into())),
            }
            // Another one may have swept it away before it was locked.
            if let Some(lock) = lock(&dir) {
                return Ok(TemporaryDir { dir, _lock: lock });
            }
        }
        Err(about(directory, io::ErrorKind::AlreadyExists.into()))
    }

    /// What has to be reached until it has gone.
    pub(crate) fn needed(&self) -> [(PathBuf, Reach); 2] {
        let above = self.dir.parent().unwrap_or(&self.dir);
        [(self.dir.clone(), Reach::Change), (above.to_path_buf(), Reach::Empty)]
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Locks a directory of this user's, unless somebody else has; it is then still the one of that
/// name.
fn lock(dir: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = open(dir, flags, Mode::empty()).ok()?;
    flock(&open, FlockOperation::NonBlockingLockExclusive).ok()?;
    let (held, named) = (fstat(&open).ok()?, statat(CWD, dir, AtFlags::SYMLINK_NOFOLLOW).ok()?);
    let is_the_same = (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino);
    (is_the_same && held.st_uid == geteuid().as_raw()).then_some(open)
}

/// Removes what programs have left that were killed.
fn sweep(directory: &Path, prefix: &str, leaving: &dyn Fn(&Path)) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        if let Some(_lock) = lock(&entry.path()) {
            leaving(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
