//! The part of a file being fetched: beside its target, hidden, never somebody else's.
//!
//! Invariant: the target is either as it was or whole; it is never written to. From its opening to
//! the renaming the part is locked, and only what is locked is renamed. Only a regular file is ever
//! replaced.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::compare::Content;
use super::error::{Error, Result, shown};
use super::fetch::ChunkTarget;
use super::halt::Halt;
use super::local::LocalMtime;
use super::progress::Policy;
use super::target_dir::{Identity, InPlace, TargetDir};
use crate::limits::COPY_STEP;

/// What a fetched file has besides its content, and whether it may replace another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    pub(super) mtime: LocalMtime,
    /// Permission bits; `None` leaves them to the system.
    pub(super) mode: Option<u16>,
    pub(super) replace: bool,
    /// Whether a file that is replaced hands on its own permission bits.
    pub(super) keeps_mode: bool,
}

impl Policy {
    /// A fetched file's time and permission bits, and whether it may replace another.
    pub(super) fn finish(&self, mtime: LocalMtime, mode: Option<u16>, replace: bool) -> Finish {
        Finish { mtime, mode, replace, keeps_mode: !self.replaces_mode }
    }
}

/// An open part, locked.
pub(super) struct PartFile {
    dir: TargetDir,
    /// What is fetched; nobody asked for the part by its name, so failures name this.
    target: PathBuf,
    file: File,
    identity: Identity,
    position: u64,
    /// Bytes that are there, from an earlier attempt or from this one.
    pub(super) held: u64,
    /// Where the furthest content ends that was written since.
    written: u64,
}

impl PartFile {
    /// Opens the part of `target`, or makes one. A link, a pipe or a file with a second name is not
    /// a part: it is taken out of the way, and what it leads to is not touched.
    ///
    /// A new one is `private` where permission bits will be given to it in the end.
    pub(super) fn open(target: &Path, private: bool) -> Result<PartFile> {
        PartFile::open_in(TargetDir::open(target)?, target, private)
    }

    fn open_in(dir: TargetDir, target: &Path, private: bool) -> Result<PartFile> {
        let failed = |e| Error::local(target, "write it", e);
        for _ in 0..3 {
            let file = match dir.create(private) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => match dir.reopen() {
                    Ok(None) => {
                        dir.remove().map_err(failed)?;
                        continue;
                    }
                    // It went in between: make a new one.
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    file => file.map_err(failed)?,
                },
                file => Some(file.map_err(failed)?),
            };
            let Some(file) = file else { continue };
            lock(&file, target)?;
            // Whoever had the lock before may have given the file its final name.
            let (identity, held) = TargetDir::identify(&file).map_err(failed)?;
            if dir.leads_to(&identity) {
                let (target, position, written) = (target.to_owned(), 0, 0);
                return Ok(PartFile { dir, target, file, identity, position, held, written });
            }
        }
        Err(failed(ErrorKind::AlreadyExists.into()))
    }

    /// Begins with what the old file in the place holds, as far as it is of use for one of `size`
    /// bytes. It is compared before it counts, as what an earlier attempt left. The system copies
    /// it, or shares it, where it can. `alive` is called after every step.
    pub(super) fn begin_with_old(
        &mut self,
        mut old: File,
        size: u64,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        old.seek(SeekFrom::Start(0)).map_err(|e| self.failed("read it", e))?;
        self.position = u64::MAX;
        while self.held < size {
            let step = COPY_STEP.min(size - self.held);
            let copied = io::copy(&mut (&mut old).take(step), &mut self.file);
            match copied.map_err(|e| self.failed("write it", e))? {
                0 => break,
                copied => self.held += copied,
            }
            alive()?;
        }
        Ok(())
    }

    /// Forgets what is there.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.held = 0;
        self.set_len(0)
    }

    fn failed(&self, doing: &'static str, e: io::Error) -> Error {
        Error::local(&self.target, doing, e)
    }

    /// Another handle of the open part, for whoever writes parts of it.
    pub(super) fn duplicate(&self) -> Result<File> {
        self.file.try_clone().map_err(|e| self.failed("write it", e))
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

    /// Writes checked content.
    pub(super) fn write(&mut self, offset: u64, content: &[u8]) -> Result<()> {
        let written = self.seek(offset).and_then(|()| self.file.write_all(content));
        written.map_err(|e| self.failed("write it", e))?;
        self.position = offset.saturating_add(content.len() as u64);
        self.written = self.written.max(self.position);
        // What was written is compared again after a break.
        self.held = self.held.max(self.written);
        Ok(())
    }

    /// The file is whole: gives it its size, time and mode and puts it in its place, over a file
    /// that is there only if that was agreed.
    pub(super) fn place(&mut self, size: u64, finish: Finish) -> Result<()> {
        let mode = self.final_mode(finish)?;
        if self.held > size || self.written < size {
            self.set_len(size)?;
        }
        // What cannot be set is no reason to lose a file.
        let _ = set_time(&self.file, finish.mtime);
        let _ = mode.map_or(Ok(()), |mode| set_mode(&self.file, mode));
        if !self.dir.leads_to(&self.identity) {
            let taken = "another program has taken its part away; try again";
            return Err(self.failed(PLACING, io::Error::other(taken)));
        }
        put_in_place(&self.dir, &self.target, finish.replace)
    }

    /// The permission bits that the file gets: those of the file that it replaces, if there is one,
    /// or its own, as was said.
    /// Whatever is no regular file is refused.
    fn final_mode(&self, finish: Finish) -> Result<Option<u16>> {
        let path = || shown(&self.target);
        let in_place = if finish.replace { self.dir.in_place() } else { None };
        match in_place {
            // It may have gone meanwhile.
            None => Ok(finish.mode),
            Some(InPlace::File(own)) if finish.keeps_mode => Ok(own.or(finish.mode)),
            Some(InPlace::File(own)) => Ok(finish.mode.or(own)),
            Some(InPlace::Directory) => Err(Error::LocalFolder { path: path() }),
            Some(InPlace::Link) => Err(Error::LocalLink { path: path() }),
            Some(InPlace::Other) => Err(Error::LocalKind { path: path(), needed: "a file" }),
        }
    }
}

impl Content for PartFile {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Halt> {
        let read = self.seek(offset).and_then(|()| self.file.read_exact(into));
        read.map_err(|e| self.failed("read it", e))?;
        self.position = offset.saturating_add(into.len() as u64);
        Ok(())
    }
}

impl ChunkTarget for PartFile {
    fn take(&mut self, offset: u64, content: &[u8]) -> Result<bool> {
        self.write(offset, content).map(|()| true)
    }
}

/// Gives a file its permission bits, the lower nine.
#[cfg(unix)]
pub(super) fn set_mode(file: &File, mode: u16) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, (u32::from(mode) & 0o777).into())?)
}

#[cfg(not(unix))]
pub(super) fn set_mode(_file: &File, _mode: u16) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// What is being done when the part gets the target's name.
const PLACING: &str = "put it in its place";

/// Stores a whole small file through its part; if that fails, no part is left. `last` is the
/// directory of the file before, so that those of one directory open it once.
pub(super) fn store(
    last: &mut Option<TargetDir>,
    target: &Path,
    content: &[u8],
    finish: Finish,
) -> Result<()> {
    let private = finish.mode.is_some();
    let in_last = match last.take().map(|dir| dir.and(target)).transpose()?.flatten() {
        // It may have been removed and made again; then it is opened by its name.
        Some(dir) => PartFile::open_in(dir, target, private).ok(),
        None => None,
    };
    let mut part = in_last.map_or_else(|| PartFile::open(target, private), Ok)?;
    let written = part.write(0, content);
    let stored = written.and_then(|()| part.place(content.len() as u64, finish));
    if stored.is_err() && part.dir.leads_to(&part.identity) {
        let _ = part.dir.remove();
    }
    *last = Some(part.dir);
    stored
}

/// Gives a file its time.
pub(super) fn set_time(file: &File, mtime: LocalMtime) -> io::Result<()> {
    file.set_modified(mtime.to_system().ok_or(ErrorKind::InvalidInput)?)
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

/// Gives the part its final name, over what has it only if that was agreed, and without a gap where
/// the system can do that.
fn put_in_place(dir: &TargetDir, target: &Path, replace: bool) -> Result<()> {
    let appeared = || Error::LocalAppeared { path: shown(target) };
    let renamed = match if replace { None } else { dir.rename_to_free() } {
        Some(renamed) => renamed,
        None if !replace && dir.in_place().is_some() => return Err(appeared()),
        None => dir.rename(),
    };
    renamed.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => appeared(),
        _ => Error::local(target, PLACING, e),
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use rustix::fs::symlink;

    use super::*;

    const TIME: LocalMtime = LocalMtime { secs: 1_700_000_000, nanos: 5 };
    const NEW: Finish = Finish { mtime: TIME, mode: None, replace: false, keeps_mode: true };
    const OVER: Finish = Finish { mtime: TIME, mode: None, replace: true, keeps_mode: true };

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
            let mut open = PartFile::open(&target, false).unwrap();
            assert_eq!(open.held, 0);
            open.write(0, b"new").unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            drop(open);
            fs::remove_file(&part).unwrap();
            plant();
            store(&mut None, &target, b"small", OVER).unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            assert_eq!(fs::read(&target).unwrap(), b"small");
        }
    }

    /// The directory of the file before is used again, but not for a file elsewhere, nor where it
    /// was removed and made again.
    #[test]
    fn files_of_one_directory_share_it() {
        let dir = Dir::new("shared");
        let (one, other) = (dir.0.join("one"), dir.0.join("other"));
        let mut last = None;
        for folder in [&one, &other, &one, &one] {
            let _ = fs::remove_dir_all(folder);
            fs::create_dir(folder).unwrap();
            for name in ["x", "y"] {
                store(&mut last, &folder.join(name), b"small", NEW).unwrap();
            }
            assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
        }
        fs::rename(&one, dir.0.join("moved")).unwrap();
        store(&mut last, &one.join("z"), b"small", NEW).unwrap();
        assert!(dir.0.join("moved/z").exists(), "it is still the directory that was opened");
    }

    #[test]
    fn nothing_is_replaced_unless_that_was_agreed() {
        let dir = Dir::new("place");
        let target = dir.0.join("x");
        let mut part = PartFile::open(&target, false).unwrap();
        part.write(4, b"efgh").unwrap();
        assert!(PartFile::open(&target, false).is_err(), "locked");
        drop(part);
        let mut part = PartFile::open(&target, false).unwrap();
        assert_eq!(part.held, 8);
        part.write(0, b"abcd").unwrap();
        let mut read = [0; 2];
        part.read(3, &mut read).unwrap();
        assert_eq!(&read, b"de");
        part.place(6, NEW).unwrap();
        drop(part);
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        assert_eq!(LocalMtime::of(&fs::metadata(&target).unwrap()), TIME);

        let refused = store(&mut None, &target, b"other", NEW);
        assert!(matches!(refused, Err(Error::LocalAppeared { .. })), "{refused:?}");
        let refused = PartFile::open(&target, false).unwrap().place(0, NEW);
        assert!(matches!(refused, Err(Error::LocalAppeared { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        PartFile::open(&target, false).unwrap().place(0, OVER).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
    }
}
