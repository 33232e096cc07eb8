//! A file that people edit: its bytes, and whether they are still those that were read.
//!
//! Never: waits for a pipe, or takes what somebody is just writing for the whole file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Mode, OFlags, Stat};

/// Younger files may change without their time changing: the kernel's clock for files ticks every
/// 1 to 10 ms.
const TICK: Duration = Duration::from_millis(100);

/// How long a file that is written again and again is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// What tells one content of a file from the next without reading it: device, number, length, and
/// both times. The time of the last change of any kind cannot be set back by `touch` or `cp -p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version([i128; 7]);

/// Whether the system refused to open a file because it has nothing left for it just now. What the
/// file says is not known then, and so is not what somebody has taken away by it.
pub(crate) fn is_shortage(e: &io::Error) -> bool {
    use rustix::io::Errno;
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
    e.raw_os_error().is_some_and(|code| short.contains(&code))
}

impl Version {
    /// The version that stands there now; none if it cannot be looked at.
    pub(crate) fn at(path: &Path) -> Option<Version> {
        rustix::fs::stat(path).ok().map(|stat| Version::of(&stat))
    }

    /// The same when nobody has written there for a moment: who saves a file may do it in two
    /// steps, and the first one, half a file or none of it, would be read for the whole. A file
    /// that was there before and is gone is waited for too: some editors move it away first.
    pub(crate) fn at_rest(path: &Path, before: Option<Version>) -> Option<Version> {
        let until = Instant::now() + PATIENCE;
        loop {
            let version = Version::at(path);
            let rests = version.map_or(before.is_none(), |version| version.is_settled());
            if rests || Instant::now() >= until {
                return version;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether a later change would surely show in the version.
    pub(crate) fn is_settled(&self) -> bool {
        let [.., secs, nanos] = self.0;
        let changed_nanos = secs.saturating_mul(1_000_000_000).saturating_add(nanos);
        let now_nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(now) => now.as_nanos() as i128,
            Err(_) => return true,
        };
        // A time in the future is a clock that was set back: it would never settle.
        !(0..TICK.as_nanos() as i128).contains(&(now_nanos - changed_nanos))
    }

    /// The version that an open file has.
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

/// A file's bytes, and the version that they are at least as new as. One byte more than `most` is
/// given, so that too much is noticed.
///
/// # Errors
/// What the system says; a pipe of that name holds nobody up, and is no file.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<(Vec<u8>, Version)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    // Room for all at once: a buffer that grew would leave copies of a secret behind.
    let size = u64::try_from(stat.st_size).unwrap_or(0).min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    File::from(file).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes, Version::of(&stat)))
}
