//! The part of a file being fetched: beside its target, hidden, never somebody else's.
//!
//! Invariant: the target is either as it was or whole; it is never written to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::{Error, Result, shown};
use super::local::Mtime;
use super::names::part_name;

/// An open part.
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
    position: u64,
    /// Bytes that an earlier attempt left.
    pub(super) held: u64,
    /// Where the furthest content ends that was written since.
    pub(super) written: u64,
}

impl PartFile {
    /// Opens the part of `target`, or makes one. A link, a pipe or a file with a second name is not
    /// a part: it is taken out of the way, and what it leads to is not touched.
    pub(super) fn open(target: &Path) -> Result<PartFile> {
        let path = part_path(target)?;
        // Nobody asked for the part by its name, so failures name the target.
        let failed = |e| Error::local(target, "write it", e);
        for _ in 0..3 {
            match create(&path) {
                Ok(file) => {
                    lock(&file, target)?;
                    return Ok(PartFile { path, file, position: 0, held: 0, written: 0 });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(e)),
            }
            match open_plain(&path) {
                Ok(Some(file)) => {
                    lock(&file, target)?;
                    let held = file.metadata().map_err(failed)?.len();
                    return Ok(PartFile { path, file, position: 0, held, written: 0 });
                }
                Ok(None) => fs::remove_file(&path).map_err(failed)?,
                // It went in between: make a new one.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(failed(ErrorKind::AlreadyExists.into()))
    }

    /// Forgets what is there.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.held = 0;
        self.set_len(0)
    }

    fn failed(&self, doing: &'static str, e: io::Error) -> Error {
        Error::local(&self.path, doing, e)
    }

    fn set_len(&mut self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(|e| self.failed("write it", e))
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        if self.position != offset {
            self.file.seek(SeekFrom::Start(offset))?;
        }
        self.position = u64::MAX;
        Ok(())
    }

    /// Fills `into` from `offset` on.
    pub(super) fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<()> {
        let read = self.seek(offset).and_then(|()| self.file.read_exact(into));
        read.map_err(|e| self.failed("read it", e))?;
        self.position = offset.saturating_add(into.len() as u64);
        Ok(())
    }

    /// Writes checked content.
    pub(super) fn write(&mut self, offset: u64, content: &[u8]) -> Result<()> {
        let written = self.seek(offset).and_then(|()| self.file.write_all(content));
        written.map_err(|e| self.failed("write it", e))?;
        self.position = offset.saturating_add(content.len() as u64);
        self.written = self.written.max(self.position);
        Ok(())
    }

    /// The file is whole: gives it its size and time and puts it in its place.
    pub(super) fn place(
        mut self,
        target: &Path,
        size: u64,
        mtime: Mtime,
        replace: bool,
    ) -> Result<()> {
        self.set_len(size)?;
        set_time(&self.file, mtime);
        // Windows renames nothing that is open.
        let PartFile { path, file, .. } = self;
        if cfg!(windows) {
            drop(file);
            return put_in_place(&path, target, replace);
        }
        let placed = put_in_place(&path, target, replace);
        drop(file);
        placed
    }
}

/// Stores a whole small file through a part of its own, in as few system calls as that takes.
pub(super) fn store(target: &Path, content: &[u8], mtime: Mtime, replace: bool) -> Result<()> {
    let path = part_path(target)?;
    let mut file = match create(&path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(&path).map_err(|e| Error::local(target, "write it", e))?;
            create(&path)
        }
        other => other,
    }
    .map_err(|e| Error::local(target, "write it", e))?;
    let written = file.write_all(content);
    set_time(&file, mtime);
    drop(file);
    let stored = written
        .map_err(|e| Error::local(target, "write it", e))
        .and_then(|()| put_in_place(&path, target, replace));
    if stored.is_err() {
        let _ = fs::remove_file(&path);
    }
    stored
}

fn part_path(target: &Path) -> Result<PathBuf> {
    let name = super::names::remote_name(target)?;
    Ok(target.with_file_name(part_name(name)))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// A time that cannot be set is no reason to lose a file.
fn set_time(file: &File, mtime: Mtime) {
    if let Some(time) = mtime.to_system() {
        let _ = file.set_modified(time);
    }
}

/// Opens an existing part; `None` if it is something else.
#[cfg(unix)]
fn open_plain(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{FileType, Mode, OFlags};
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok((plain && stat.st_nlink == 1).then(|| File::from(file)))
}

#[cfg(not(unix))]
fn open_plain(path: &Path) -> io::Result<Option<File>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    OpenOptions::new().read(true).write(true).open(path).map(Some)
}

/// Two clients must not fetch the same file to the same place at once.
#[cfg(unix)]
fn lock(file: &File, target: &Path) -> Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let source = io::Error::new(ErrorKind::WouldBlock, "another miniftp is fetching it");
            Err(Error::local(target, "write it", source))
        }
        // Some network file systems have no locks; they were no worse off before.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn lock(_file: &File, _target: &Path) -> Result<()> {
    Ok(())
}

/// Renames over the target only if that was agreed, without a gap where the system can do that.
fn put_in_place(from: &Path, target: &Path, replace: bool) -> Result<()> {
    let failed = |e| Error::local(target, "put it in its place", e);
    if replace {
        return fs::rename(from, target).map_err(failed);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, target, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            // The file system or the kernel cannot do it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {}
            Err(Errno::EXIST) => return Err(exists(target)),
            Err(e) => return Err(failed(e.into())),
        }
    }
    if fs::symlink_metadata(target).is_ok() {
        return Err(exists(target));
    }
    fs::rename(from, target).map_err(failed)
}

fn exists(target: &Path) -> Error {
    let size = fs::symlink_metadata(target).map_or(0, |meta| meta.len());
    Error::LocalExists { path: shown(target), size }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use rustix::fs::symlink;

    const TIME: Mtime = Mtime { secs: 1_700_000_000, nanos: 5 };

    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Dir {
            let path = std::env::temp_dir().join(format!("miniftp-{}-{name}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Dir(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_planted_link_is_neither_followed_nor_written_through() {
        let dir = Dir::new("planted");
        let victim = dir.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        let target = dir.0.join("x");
        let part = dir.0.join(".x.miniftp-part");
        for link in [true, false] {
            let plant = || match link {
                true => symlink(&victim, &part).unwrap(),
                false => fs::hard_link(&victim, &part).unwrap(),
            };
            plant();
            let mut open = PartFile::open(&target).unwrap();
            assert_eq!(open.held, 0);
            open.write(0, b"new").unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            drop(open);
            fs::remove_file(&part).unwrap();
            plant();
            store(&target, b"small", TIME, true).unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            assert_eq!(fs::read(&target).unwrap(), b"small");
        }
    }

    #[test]
    fn nothing_is_replaced_unless_that_was_agreed() {
        let dir = Dir::new("place");
        let target = dir.0.join("x");
        let mut part = PartFile::open(&target).unwrap();
        part.write(4, b"efgh").unwrap();
        assert!(PartFile::open(&target).is_err(), "locked");
        drop(part);
        let mut part = PartFile::open(&target).unwrap();
        assert_eq!(part.held, 8);
        part.write(0, b"abcd").unwrap();
        let mut read = [0; 2];
        part.read(3, &mut read).unwrap();
        assert_eq!(&read, b"de");
        part.place(&target, 6, TIME, false).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        assert_eq!(Mtime::of(&fs::metadata(&target).unwrap()), TIME);

        let refused = store(&target, b"other", TIME, false);
        assert!(matches!(refused, Err(Error::LocalExists { size: 6, .. })), "{refused:?}");
        let refused = PartFile::open(&target).unwrap().place(&target, 0, TIME, false);
        assert!(matches!(refused, Err(Error::LocalExists { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        PartFile::open(&target).unwrap().place(&target, 0, TIME, true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
    }
}
