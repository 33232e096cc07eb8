//! What changes when a file does: its size and its times.

use std::fs::{File, Metadata};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest tick of a system's clock for files, with room to spare. Within one a second change
/// leaves the times as the first one did.
const TICK: Duration = Duration::from_millis(50);

/// What changes when a file does: its size and its times. The time of the last change of its
/// attributes counts too, which no program can set back.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileStamp {
    pub(super) size: u64,
    /// Permission bits; `None` where the system has none.
    pub(super) mode: Option<u16>,
    times: Times,
    /// Whether its last change is so long ago that another one would show.
    pub(super) is_certain: bool,
}

/// Seconds and nanoseconds since 1970 of the content, and of the attributes.
type Times = [(i64, i64); 2];

impl PartialEq for FileStamp {
    fn eq(&self, other: &FileStamp) -> bool {
        (self.size, self.times) == (other.size, other.times)
    }
}

impl FileStamp {
    #[cfg(unix)]
    pub(super) fn of(file: &File) -> io::Result<FileStamp> {
        let stat = rustix::fs::fstat(file)?;
        let content = (number(stat.st_mtime), number(stat.st_mtime_nsec));
        let attributes = (number(stat.st_ctime), number(stat.st_ctime_nsec));
        Ok(FileStamp {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: u16::try_from(stat.st_mode & 0o777).ok(),
            times: [content, attributes],
            is_certain: is_past(attributes),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(file: &File) -> io::Result<FileStamp> {
        let meta = file.metadata()?;
        let since = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let secs = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let time = (secs, i64::from(since.subsec_nanos()));
        let (size, is_certain) = (meta.len(), is_past(time));
        Ok(FileStamp { size, mode: None, times: [time, time], is_certain })
    }
}

/// The permission bits of a file or folder; `None` where the system has none.
#[cfg(unix)]
pub(super) fn permission_bits(meta: &Metadata) -> Option<u16> {
    use std::os::unix::fs::PermissionsExt;
    u16::try_from(meta.permissions().mode() & 0o777).ok()
}

#[cfg(not(unix))]
pub(super) fn permission_bits(_meta: &Metadata) -> Option<u16> {
    None
}

/// The system's integers differ in width between processors.
#[cfg(unix)]
fn number(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

fn is_past((secs, nanos): (i64, i64)) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (secs, nanos) = (u64::try_from(secs).unwrap_or(0), u32::try_from(nanos).unwrap_or(0));
    now.checked_sub(Duration::new(secs, nanos.min(999_999_999))).is_some_and(|age| age > TICK)
}
