//! Files of the store on the disk: looked at, read, locked, and replaced whole.
//!
//! Never: writes into a file that somebody may be reading.
//! Invariant: at every instant each name has its whole old text or its whole new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::StoreError;
use crate::limits;
use crate::version::{self, Version};

/// How long an edit waits for another process's edit.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often it asks: an edit takes a few milliseconds.
const LOCK_PAUSE: Duration = Duration::from_millis(3);
/// For the owner alone: records of passwords can be guessed at.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A file's bytes, and the version that they are at least as new as.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Version), StoreError> {
    read_at_most(path, limits::ACCOUNTS_FILE)
}

/// The same of a file whose ceiling is another one; one byte more than `most` is given, so that
/// too much is noticed.
pub(crate) fn read_at_most(path: &Path, most: u64) -> Result<(Vec<u8>, Version), StoreError> {
    version::read(path, most).map_err(|source| io_error(path, "reading the file", source))
}

/// The text of a file that somebody else wrote and that may hold a secret, if it is no longer than
/// `most`. A pipe or a device of that name is refused and not waited for.
///
/// # Errors
/// What stands against it.
pub fn read_text_at_most(path: &Path, most: u64) -> io::Result<Zeroizing<String>> {
    let (bytes, _) = version::read(path, most)?;
    let bytes = Zeroizing::new(bytes);
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("longer than {most} bytes")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(io::Error::other("it is not UTF-8")),
    }
}

/// Puts a new file in the place of `path`; it is on the disk when this returns.
///
/// It belongs to whom the file `like` belongs to.
///
/// # Errors
/// What the system refuses.
pub fn write(path: &Path, bytes: &[u8], like: &Path) -> Result<(), StoreError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = Path::new(&fresh);
    let failed = |source: io::Error| io_error(path, "writing it", source);
    let written = write_fresh(fresh, bytes, like).and_then(|()| fs::rename(fresh, path));
    if let Err(e) = written {
        // What is left of it is of no use; an error here would hide the first one.
        let _ = fs::remove_file(fresh);
        return Err(failed(e));
    }
    sync_folder(path).map_err(failed)
}

/// The right to change the store, held against every other thread and process until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock, for ten seconds at most.
    pub(super) fn take(path: &Path, like: &Path) -> Result<Lock, StoreError> {
        let failed = |source: io::Error| io_error(path, "taking the lock", source);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(path, flags, PRIVATE).map_err(|e| failed(e.into()))?;
        let file = File::from(file);
        give_to_owner(&file, like).map_err(failed)?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < until => {
                    thread::sleep(LOCK_PAUSE);
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let path = path.to_owned();
                    return Err(StoreError::Locked { path, waited_secs: LOCK_WAIT.as_secs() });
                }
                Err(e) => return Err(failed(e.into())),
            }
        }
    }
}

fn write_fresh(fresh: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
    // Left by a writer that was killed; the lock says that nobody is writing it now.
    match fs::remove_file(fresh) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(fresh, flags, PRIVATE)?);
    give_to_owner(&file, like)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// An edit by root must not leave a file that the server, which is not root, cannot read.
fn give_to_owner(file: &File, like: &Path) -> io::Result<()> {
    let Ok(owner) = rustix::fs::stat(like) else { return Ok(()) };
    let stat = rustix::fs::fstat(file)?;
    if (stat.st_uid, stat.st_gid) == (owner.st_uid, owner.st_gid) {
        return Ok(());
    }
    let uid = rustix::fs::Uid::from_raw(owner.st_uid);
    let gid = rustix::fs::Gid::from_raw(owner.st_gid);
    match rustix::fs::fchown(file, Some(uid), Some(gid)) {
        // The same owner in another group of his reads it all the same.
        Err(_) if stat.st_uid == owner.st_uid => Ok(()),
        done => Ok(done?),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path, doing: &'static str, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), doing, source }
}
