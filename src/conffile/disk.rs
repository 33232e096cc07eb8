//! A file on the disk: its version, its bytes, its lock, and how it is replaced.
//!
//! Never: writes into a file that somebody may be reading, or waits for a pipe.
//! Invariant: at every instant each name has its whole old text or its whole new one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, FileType, FlockOperation, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::FileError;

/// How often a lock that is held is asked for: an edit takes a few milliseconds.
const LOCK_PAUSE: Duration = Duration::from_millis(3);
/// Only for the owner: records of passwords can be guessed at.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
/// Symbolic links that lead to a file, one after the other, as the kernel has it.
const LINKS: usize = 40;

/// What tells one content of a file from the next without reading it: device, number, length, and
/// both times. The time of the last change of any kind cannot be set back by `touch` or `cp -p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version([i128; 7]);

impl Version {
    /// The version that stands there now; none if it cannot be looked at.
    pub(super) fn at(path: &Path) -> Option<Version> {
        rustix::fs::stat(path).ok().map(|stat| Version::of(&stat))
    }

    /// Whether nobody has changed the file for so long; `None` where its time lies in the future,
    /// as on a file server with another clock.
    pub(super) fn has_rested(&self, time: Duration) -> Option<bool> {
        let [.., secs, nanos] = self.0;
        let changed_nanos = secs.saturating_mul(1_000_000_000).saturating_add(nanos);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let age_nanos = i128::try_from(now.as_nanos()).ok()?.checked_sub(changed_nanos)?;
        (age_nanos >= 0).then(|| age_nanos >= i128::try_from(time.as_nanos()).unwrap_or(0))
    }

    /// Whether this file was written after the last change of any kind of the other one.
    fn is_written_after(&self, other: &Version) -> bool {
        let ([_, _, _, secs, nanos, ..], [.., other_secs, other_nanos]) = (self.0, other.0);
        (secs, nanos) > (other_secs, other_nanos)
    }

    fn of(stat: &Stat) -> Version {
        Version([
            i128::from(stat.st_dev),
            i128::from(stat.st_ino),
            i128::from(stat.st_size),
            i128::from(stat.st_mtime),
            i128::from(stat.st_mtime_nsec),
            i128::from(stat.st_ctime),
            i128::from(stat.st_ctime_nsec),
        ])
    }
}

/// A file's bytes, one more than `most` so that too much is noticed, and its version; no version if
/// somebody wrote there meanwhile.
pub(super) fn read(path: &Path, most: u64) -> io::Result<(Vec<u8>, Option<Version>)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let before = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    // Space for all of it at once: a buffer that grew would leave copies of a secret behind.
    let size = u64::try_from(before.st_size).unwrap_or(0).min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    (&file).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    let (before, after) = (Version::of(&before), Version::of(&rustix::fs::fstat(&file)?));
    Ok((bytes, (before == after).then_some(after)))
}

/// The text of a file that somebody else wrote and that may hold a secret, if it is no longer than
/// `most`. A pipe or a device of that name is refused and not waited for.
///
/// # Errors
/// Why it cannot be done.
pub fn read_text_at_most(path: &Path, most: u64) -> io::Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(read(path, most)?.0);
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("longer than {most} bytes")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(io::Error::other("it is not UTF-8")),
    }
}

/// Reads a text like [`read_text_at_most`], for whoever names the file in what went wrong.
pub(crate) fn read_secret(path: &Path, most: u64) -> Result<Zeroizing<String>, FileError> {
    read_text_at_most(path, most).map_err(FileError::io(path, "read"))
}

/// The file that a path stands for: where its symbolic links lead, there or not.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        let Ok(link) = fs::read_link(&target) else { break };
        // An absolute link takes the place of the whole.
        target = directory_of(&target).join(link);
    }
    target
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Where the generation before the last replacement of a file is kept.
pub(crate) fn previous_of(path: &Path) -> PathBuf {
    beside(&target_of(path), ".previous")
}

/// What a file was when a change of it was begun.
#[derive(Debug)]
pub(super) struct Base {
    /// None if there was no file.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) version: Option<Version>,
}

/// The right to replace the files of a folder, held against every other thread and program until
/// it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for it no longer than `wait`. Its file belongs to whom the file
    /// `like` belongs to.
    pub(crate) fn take(path: &Path, like: &Path, wait: Duration) -> Result<Lock, FileError> {
        let failed = |e: io::Error| FileError::io(path, "locked")(e);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(path, flags, PRIVATE).map_err(|e| failed(e.into()))?;
        let file = File::from(file);
        give_like(&file, path, like).map_err(failed)?;
        let until = Instant::now() + wait;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < until => {
                    thread::sleep(LOCK_PAUSE);
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    let path = path.to_owned();
                    return Err(FileError::Locked { path, waited_secs: wait.as_secs() });
                }
                Err(e) => return Err(failed(e.into())),
            }
        }
    }

    /// Puts `bytes` in the place of what the file was, which is kept as its previous generation;
    /// all of it is on the disk when this returns. Where the path is a symbolic link, the file that
    /// it leads to is replaced. Tells `false`, and nothing has changed, if somebody else has
    /// changed the file since `base` was read.
    pub(super) fn replace(&self, path: &Path, base: &Base, bytes: &[u8]) -> io::Result<bool> {
        let target = target_of(path);
        let fresh = beside(&target, ".new");
        let put = write_fresh(&fresh, bytes, &target).and_then(|()| {
            // Editors do not know the lock.
            let is_same = Version::at(path) == base.version;
            Ok(is_same && put(&fresh, &target, base, bytes)?)
        });
        if !matches!(put, Ok(true)) {
            // What is left of it is of no use; an error here would hide the first one.
            let _ = fs::remove_file(&fresh);
            return put;
        }
        File::open(directory_of(&target))?.sync_all()?;
        Ok(true)
    }
}

/// Replaces a whole file of at most `most` bytes, if it is what was `expected`; `None` is a file
/// that is not there.
///
/// # Errors
/// [`FileError::Busy`] if it is another one, or somebody changes it meanwhile; what the system
/// refuses.
pub(crate) fn replace(
    lock: &Lock,
    path: &Path,
    most: u64,
    expected: impl FnOnce(Option<&[u8]>) -> bool,
    bytes: &[u8],
) -> Result<(), FileError> {
    let failed = |e| FileError::io(path, "written")(e);
    let base = match read(path, most) {
        Ok((bytes, version)) => Base { bytes: Some(bytes), version },
        Err(e) if e.kind() == io::ErrorKind::NotFound => Base { bytes: None, version: None },
        Err(e) => return Err(failed(e)),
    };
    match expected(base.bytes.as_deref()) && lock.replace(path, &base, bytes).map_err(failed)? {
        true => Ok(()),
        false => Err(FileError::Busy { path: path.to_owned() }),
    }
}

/// Exchanges the fresh file and the target in one step, looks at what came out, and puts it back if
/// it is not the base: then somebody saved the file after the last look.
fn put(fresh: &Path, target: &Path, base: &Base, bytes: &[u8]) -> io::Result<bool> {
    let rename = |flags| rustix::fs::renameat_with(CWD, fresh, CWD, target, flags);
    let Some(before) = &base.bytes else {
        return match rename(RenameFlags::NOREPLACE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !target.exists() => {
                fs::rename(fresh, target).map(|()| true)
            }
            Err(e) => Err(e.into()),
        };
    };
    let previous = beside(target, ".previous");
    let is = |path: &Path, bytes: &[u8]| {
        read(path, bytes.len() as u64).is_ok_and(|(found, _)| found == bytes)
    };
    keep_late_words(&previous, target, base);
    match rename(RenameFlags::EXCHANGE) {
        Ok(()) if is(fresh, before) => {}
        Ok(()) => {
            if rename(RenameFlags::EXCHANGE).is_err() || !is(fresh, bytes) {
                // Saved once more between the two steps, or moved away: what came last stands.
                fs::rename(fresh, target).or_else(|_| fs::rename(fresh, &previous))?;
            }
            return Ok(false);
        }
        Err(Errno::NOENT) => return Ok(false),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            // Without the exchange the last look is as late as it can be.
            let copy = beside(&previous, ".new");
            write_fresh(&copy, before, target)?;
            fs::rename(copy, previous)?;
            if !is(target, before) {
                return Ok(false);
            }
            return fs::rename(fresh, target).map(|()| true);
        }
        Err(e) => return Err(e.into()),
    }
    if let Err(e) = fs::rename(fresh, &previous) {
        log::warn!("{}: the generation before it cannot be kept: {e}", target.display());
    }
    Ok(true)
}

/// Who had a file open while it was replaced may write into it afterwards. Nothing of that counts,
/// and it would go with the next generation, so it gets a name of its own.
fn keep_late_words(previous: &Path, target: &Path, base: &Base) {
    let now = Version::at(previous).zip(base.version);
    if now.is_some_and(|(previous, base)| previous.is_written_after(&base)) {
        let late = beside(target, ".late");
        let kept = fs::rename(previous, &late).map_or_else(|e| e.to_string(), |()| "kept".into());
        let (target, late) = (target.display(), late.display());
        log::warn!("{target}: an edit came after the file was replaced; it is in {late}: {kept}");
    }
}

/// Writes a file that is not there yet, reads it back, and has it on the disk. Owner and mode are
/// those of the file that it will replace, without the rights of all others.
fn write_fresh(fresh: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
    // Left by a writer that was killed; the lock says that nobody is writing it now.
    match fs::remove_file(fresh) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(fresh, flags, PRIVATE)?);
    if let Some(stat) = give_like(&file, fresh, like)? {
        let kept = Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG);
        rustix::fs::fchmod(&file, kept)?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    if read(fresh, bytes.len() as u64)?.0 != bytes {
        return Err(io::Error::other("what was written is not what is there"));
    }
    Ok(())
}

/// Gives a file to the owner of the one that it is `like`, and returns what that one is. The first
/// file of its name belongs to whom its folder belongs to, which is the server; only root can give
/// it away, and whoever else makes it keeps it.
fn give_like(file: &File, path: &Path, like: &Path) -> io::Result<Option<Stat>> {
    let Ok(owner) = rustix::fs::stat(like) else {
        let _ = rustix::fs::stat(directory_of(path)).map(|owner| give_to(file, &owner));
        return Ok(None);
    };
    give_to(file, &owner).map(|()| Some(owner))
}

/// An edit by root must not leave a file that the server, which is not root, cannot read.
fn give_to(file: &File, owner: &Stat) -> io::Result<()> {
    let stat = rustix::fs::fstat(file)?;
    if (stat.st_uid, stat.st_gid) == (owner.st_uid, owner.st_gid) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    match rustix::fs::fchown(file, Some(uid), Some(gid)) {
        // The same owner in another one of their groups can read it all the same.
        Err(_) if stat.st_uid == owner.st_uid => Ok(()),
        done => Ok(done?),
    }
}
