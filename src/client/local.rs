//! A local file that is being sent: its pieces, and whether it is still the same file.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::compare::Content;
use super::endless;
use super::error::{Error, Result, no_file, shown};
use super::halt::Halt;
use super::stamp::FileStamp;
use crate::digest::Digest;

/// A time as it travels: seconds and nanoseconds since 1970, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalMtime {
    pub(super) secs: i64,
    pub(super) nanos: u32,
}

impl LocalMtime {
    /// The time of a file; 1970 where the system does not know one.
    pub(super) fn of(meta: &Metadata) -> LocalMtime {
        LocalMtime::of_system(meta.modified().unwrap_or(UNIX_EPOCH))
    }

    fn now() -> LocalMtime {
        LocalMtime::of_system(SystemTime::now())
    }

    fn of_system(time: SystemTime) -> LocalMtime {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => LocalMtime {
                secs: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanos: after.subsec_nanos(),
            },
            Err(before) => {
                let before = before.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX).saturating_neg();
                match before.subsec_nanos() {
                    0 => LocalMtime { secs, nanos: 0 },
                    nanos => {
                        LocalMtime { secs: secs.saturating_sub(1), nanos: 1_000_000_000 - nanos }
                    }
                }
            }
        }
    }

    /// Whether two times are the same, as far as both sides keep fractions of a second.
    pub(super) fn is_same(self, other: LocalMtime) -> bool {
        let is_fine = self.nanos != 0 && other.nanos != 0;
        self.secs == other.secs && (!is_fine || self.nanos == other.nanos)
    }

    /// The time for this system; `None` for one that it cannot express.
    pub(super) fn to_system(self) -> Option<SystemTime> {
        let secs = Duration::from_secs(self.secs.unsigned_abs());
        let base = if self.secs < 0 {
            UNIX_EPOCH.checked_sub(secs)?
        } else {
            UNIX_EPOCH.checked_add(secs)?
        };
        base.checked_add(Duration::from_nanos(u64::from(self.nanos.min(999_999_999))))
    }
}

/// What became of a file since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// It is what it was.
    Same,
    /// It was changed just before, and within a tick of the clock nobody can tell once from twice.
    Unclear,
    /// It is longer.
    Grown,
    /// It is another one.
    Changed,
}

/// A local file, opened for sending.
pub(super) struct LocalFile {
    path: PathBuf,
    file: File,
    pub(super) size: u64,
    pub(super) mtime: LocalMtime,
    /// Permission bits; `None` where the system has none.
    pub(super) mode: Option<u16>,
    /// What tells whether it changed; `None` for a copy of what was read to its end.
    stamp: Option<FileStamp>,
}

impl LocalFile {
    /// The open file, for what is set of it.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The open file.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Opens a file, or reads a pipe to its end. What the system gives a wrong size for, as for
    /// files in `/proc`, is read to its end as well. `interrupt` ends that.
    pub(super) fn open(path: &Path, interrupt: &AtomicBool) -> Result<LocalFile> {
        let meta = std::fs::metadata(path).map_err(|e| Error::local(path, "read it", e))?;
        if meta.is_file() {
            let file = File::open(path).map_err(|e| Error::local(path, "read it", e))?;
            return LocalFile::plain(path, file)?.with_real_size(interrupt);
        }
        match endless::open_pipe(path, &meta)? {
            Some(mut pipe) => {
                let source = LocalFile::of_reader(&mut pipe, path, interrupt)?;
                Ok(LocalFile { mtime: LocalMtime::of(&meta), ..source })
            }
            None => Err(no_file(path, &meta)),
        }
    }

    /// Reads to its end whatever is no file; `path` is what errors call it.
    pub(super) fn of_reader(
        reader: &mut dyn Read,
        path: &Path,
        interrupt: &AtomicBool,
    ) -> Result<LocalFile> {
        let (file, size) = endless::copy(path, reader, interrupt)?;
        let (path, mtime) = (path.to_owned(), LocalMtime::now());
        Ok(LocalFile { path, file, size, mtime, mode: None, stamp: None })
    }

    /// Opens what a folder's listing called a file a moment ago, as [`LocalFile::open`] does.
    pub(super) fn open_found(path: &Path, interrupt: &AtomicBool) -> Result<LocalFile> {
        LocalFile::open_plain(path)?.with_real_size(interrupt)
    }

    /// Opens a regular file as the system says that it is. It is not followed if it is a link, and
    /// not waited for if it is a pipe.
    #[cfg(unix)]
    pub(super) fn open_plain(path: &Path) -> Result<LocalFile> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|e| Error::local(path, "read it", e.into()))?;
        LocalFile::plain(path, File::from(file))
    }

    /// Opens a regular file as the system says that it is.
    #[cfg(not(unix))]
    pub(super) fn open_plain(path: &Path) -> Result<LocalFile> {
        let file = File::open(path).map_err(|e| Error::local(path, "read it", e))?;
        LocalFile::plain(path, file)
    }

    fn plain(path: &Path, file: File) -> Result<LocalFile> {
        let meta = file.metadata().map_err(|e| Error::local(path, "read it", e))?;
        if !meta.is_file() {
            return Err(no_file(path, &meta));
        }
        let stamp = FileStamp::of(&file).map_err(|e| Error::local(path, "read it", e))?;
        Ok(LocalFile {
            path: path.to_owned(),
            file,
            size: stamp.size,
            mtime: LocalMtime::of(&meta),
            mode: stamp.mode,
            stamp: Some(stamp),
        })
    }

    /// The same file, or what it holds, if its size is not what can be read.
    fn with_real_size(mut self, interrupt: &AtomicBool) -> Result<LocalFile> {
        if endless::is_as_long(&self.file, self.size) {
            return Ok(self);
        }
        let (file, size) = endless::copy(&self.path, &mut self.file, interrupt)?;
        Ok(LocalFile { file, size, stamp: None, ..self })
    }

    /// The path, escaped.
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The same open file once more, to be read at the same time; `None` where handles of one file
    /// share a position, and where there is none left.
    pub(super) fn duplicate(&self) -> Option<LocalFile> {
        let file = if cfg!(unix) { self.file.try_clone().ok()? } else { return None };
        let LocalFile { size, mtime, mode, .. } = *self;
        Some(LocalFile { path: self.path.clone(), file, size, mtime, mode, stamp: self.stamp })
    }

    /// The file as it is now, under the same path.
    pub(super) fn reopen(&mut self, interrupt: &AtomicBool) -> Result<()> {
        *self = LocalFile::open(&self.path, interrupt)?;
        Ok(())
    }

    /// What became of it since it was opened, as far as the system tells.
    pub(super) fn since(&self) -> Since {
        let Some(stamp) = &self.stamp else { return Since::Same };
        match FileStamp::of(&self.file) {
            Ok(now) if now == *stamp && stamp.is_certain => Since::Same,
            Ok(now) if now == *stamp => Since::Unclear,
            Ok(now) if now.size > stamp.size => Since::Grown,
            _ => Since::Changed,
        }
    }

    /// What tells whether it changed since it was opened.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        self.stamp
    }

    /// Whether it is certain that it did not change.
    pub(super) fn is_certain(&self) -> bool {
        self.since() == Since::Same
    }

    /// Whether nothing says that it changed.
    pub(super) fn is_unchanged(&self) -> bool {
        matches!(self.since(), Since::Same | Since::Unclear)
    }

    /// Refuses what was read as `whole` unless the file is still that. Where the system cannot
    /// tell, it is read once more; the last time a longer file that begins with it passes too.
    pub(super) fn confirm(
        &mut self,
        whole: &Digest,
        is_last: bool,
        read_again: impl FnOnce(&mut LocalFile) -> Result<Digest, Halt>,
    ) -> Result<(), Halt> {
        match self.since() {
            Since::Same => return Ok(()),
            Since::Grown if !is_last => return Err(Halt::Grown),
            Since::Changed => return Err(Halt::Changed),
            Since::Unclear | Since::Grown => {}
        }
        if read_again(self)? == *whole { Ok(()) } else { Err(Halt::Changed) }
    }
}

impl Content for LocalFile {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Halt> {
        read_exact_at(&self.file, into, offset).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => Halt::Changed,
            _ => Halt::Failed(Error::local(&self.path, "read it", e)),
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, into: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset))?;
    file.read_exact(into)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;

    #[test]
    fn times_travel_both_ways_and_absurd_ones_are_reported_apart() {
        for (secs, nanos) in [(0, 0), (1_700_000_000, 123_456_789), (-1, 999_999_999), (-5, 0)] {
            let time = LocalMtime { secs, nanos }.to_system().unwrap();
            let file = tempfile();
            file.0.set_modified(time).unwrap();
            let meta = file.0.metadata().unwrap();
            assert_eq!(LocalMtime::of(&meta), LocalMtime { secs, nanos });
        }
        for secs in [i64::MIN, i64::MAX] {
            let _ = LocalMtime { secs, nanos: u32::MAX }.to_system();
        }
    }

    struct Temp(File, PathBuf);

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.1);
        }
    }

    fn tempfile() -> Temp {
        let name = format!("miniftp-test-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        Temp(File::create(&path).unwrap(), path)
    }

    #[test]
    fn a_source_notices_that_it_changed() {
        use std::io::Write;
        let quiet = AtomicBool::new(false);
        let mut temp = tempfile();
        temp.0.write_all(b"0123456789").unwrap();
        let mut source = LocalFile::open(&temp.1, &quiet).unwrap();
        let mut into = [0; 4];
        assert!(source.read(6, &mut into).is_ok());
        assert_eq!(&into, b"6789");
        assert!(source.read(0, &mut into).is_ok());
        assert_eq!(&into, b"0123");
        assert!(source.is_unchanged());
        assert!(matches!(source.read(8, &mut into), Err(Halt::Changed)));
        temp.0.write_all(b"x").unwrap();
        assert_eq!(source.since(), Since::Grown);
        source.reopen(&quiet).unwrap();
        assert_eq!(source.size, 11);
        let directory = LocalFile::open(&std::env::temp_dir(), &quiet);
        assert!(matches!(directory, Err(Error::LocalFolder { .. })));
    }

    /// Within a tick of the clock a second change leaves no trace but in the content.
    #[test]
    fn what_was_changed_just_before_is_read_once_more() {
        use std::io::Write;

        use crate::client::compare::digest_pieces;
        use crate::digest::{Algorithm, WholeDigest};

        let mut temp = tempfile();
        temp.0.write_all(b"0123456789").unwrap();
        let mut source = LocalFile::open(&temp.1, &AtomicBool::new(false)).unwrap();
        let read = |source: &mut LocalFile| {
            let mut whole = WholeDigest::new(Algorithm::Md5);
            let (span, mut buffer) = ((0, source.size), [0; 10]);
            let alive = &mut || Ok(());
            digest_pieces(source, Algorithm::Md5, span, &mut buffer, alive, &mut |_, digests| {
                digests.iter().for_each(|digest| whole.push(digest));
                true
            })?;
            Ok(whole.finish())
        };
        let whole = read(&mut source).unwrap();
        assert_eq!(source.since(), Since::Unclear);
        source.confirm(&whole, false, read).unwrap();
        temp.0.write_all(b"longer").unwrap();
        assert!(matches!(source.confirm(&whole, false, read), Err(Halt::Grown)));
        source.confirm(&whole, true, read).unwrap();
        temp.0.seek(SeekFrom::Start(3)).unwrap();
        temp.0.write_all(b"other").unwrap();
        assert!(matches!(source.confirm(&whole, true, read), Err(Halt::Changed)));
    }
}
