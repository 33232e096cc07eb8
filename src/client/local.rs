//! A local file that is being sent: its pieces, and whether it is still the same file.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::{Error, Result, shown};

/// A time as it travels: seconds and nanoseconds since 1970, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mtime {
    pub(super) secs: i64,
    pub(super) nanos: u32,
}

impl Mtime {
    /// The time of a file; 1970 where the system does not know one.
    pub(super) fn of(meta: &Metadata) -> Mtime {
        let time = meta.modified().unwrap_or(UNIX_EPOCH);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Mtime {
                secs: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanos: after.subsec_nanos(),
            },
            Err(before) => {
                let before = before.duration();
                let secs = i64::try_from(before.as_secs()).unwrap_or(i64::MAX).saturating_neg();
                match before.subsec_nanos() {
                    0 => Mtime { secs, nanos: 0 },
                    nanos => Mtime { secs: secs.saturating_sub(1), nanos: 1_000_000_000 - nanos },
                }
            }
        }
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

/// Why a piece could not be read.
pub(super) enum ReadError {
    /// The file is shorter than it was: it changed.
    Changed,
    /// The system refused.
    Failed(Error),
}

/// A local file, opened for sending.
pub(super) struct Source {
    path: PathBuf,
    file: File,
    /// Where the next sequential read begins.
    position: u64,
    pub(super) size: u64,
    pub(super) mtime: Mtime,
}

impl Source {
    /// Opens a regular file. Anything else is refused before it is opened: a pipe would hang.
    pub(super) fn open(path: &Path) -> Result<Source> {
        let meta = std::fs::metadata(path).map_err(|e| Error::local(path, "read it", e))?;
        if meta.is_dir() {
            return Err(Error::LocalFolder { path: shown(path) });
        }
        if !meta.is_file() {
            return Err(Error::LocalKind { path: shown(path), needed: "a file" });
        }
        let file = File::open(path).map_err(|e| Error::local(path, "read it", e))?;
        Source::of(path, file)
    }

    /// Opens what a folder's listing called a file a moment ago. It is not followed if it is a link
    /// by now, and not waited for if it is a pipe.
    #[cfg(unix)]
    pub(super) fn open_plain(path: &Path) -> Result<Source> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|e| Error::local(path, "read it", e.into()))?;
        Source::of(path, File::from(file))
    }

    /// Opens what a folder's listing called a file a moment ago.
    #[cfg(not(unix))]
    pub(super) fn open_plain(path: &Path) -> Result<Source> {
        Source::open(path)
    }

    fn of(path: &Path, file: File) -> Result<Source> {
        let meta = file.metadata().map_err(|e| Error::local(path, "read it", e))?;
        if !meta.is_file() {
            return Err(Error::LocalKind { path: shown(path), needed: "a file" });
        }
        Ok(Source {
            path: path.to_owned(),
            file,
            position: 0,
            size: meta.len(),
            mtime: Mtime::of(&meta),
        })
    }

    /// The path, escaped.
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The file as it is now, under the same path.
    pub(super) fn reopen(&mut self) -> Result<()> {
        *self = Source::open(&self.path)?;
        Ok(())
    }

    /// Whether size and time are what they were.
    pub(super) fn is_unchanged(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|meta| meta.len() == self.size && Mtime::of(&meta) == self.mtime)
    }

    /// Fills `into` from `offset` on.
    pub(super) fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let failed = |path: &Path, e| ReadError::Failed(Error::local(path, "read it", e));
        if self.position != offset {
            self.file.seek(SeekFrom::Start(offset)).map_err(|e| failed(&self.path, e))?;
        }
        self.position = u64::MAX;
        match self.file.read_exact(into) {
            Ok(()) => {
                self.position = offset.saturating_add(into.len() as u64);
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(ReadError::Changed),
            Err(e) => Err(failed(&self.path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_travel_both_ways_and_absurd_ones_are_told_apart() {
        for (secs, nanos) in [(0, 0), (1_700_000_000, 123_456_789), (-1, 999_999_999), (-5, 0)] {
            let time = Mtime { secs, nanos }.to_system().unwrap();
            let file = tempfile();
            file.0.set_modified(time).unwrap();
            let meta = file.0.metadata().unwrap();
            assert_eq!(Mtime::of(&meta), Mtime { secs, nanos });
        }
        for secs in [i64::MIN, i64::MAX] {
            let _ = Mtime { secs, nanos: u32::MAX }.to_system();
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
        let mut temp = tempfile();
        temp.0.write_all(b"0123456789").unwrap();
        let mut source = Source::open(&temp.1).unwrap();
        let mut into = [0; 4];
        assert!(source.read(6, &mut into).is_ok());
        assert_eq!(&into, b"6789");
        assert!(source.read(0, &mut into).is_ok());
        assert_eq!(&into, b"0123");
        assert!(source.is_unchanged());
        assert!(matches!(source.read(8, &mut into), Err(ReadError::Changed)));
        temp.0.write_all(b"x").unwrap();
        assert!(!source.is_unchanged());
        source.reopen().unwrap();
        assert_eq!(source.size, 11);
        assert!(matches!(Source::open(&std::env::temp_dir()), Err(Error::LocalFolder { .. })));
    }
}
