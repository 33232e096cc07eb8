//! What a listing tells of a file or folder.
//!
//! Never: opens anything. Links are reported as links, whatever they point to.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Mode, Stat, Timespec, Timestamps, UTIME_NOW};

use super::path::as_name;
use crate::text;

/// What kind of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link; it is never followed.
    Link,
    /// A pipe, a socket or a device; it is never opened.
    Other,
}

/// When a file's bytes last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mtime {
    /// Seconds since 1970, before it negative.
    pub secs: i64,
    /// Nanoseconds of the second, under 1,000,000,000.
    pub nanos: u32,
}

impl Mtime {
    /// The present time.
    pub fn now() -> Mtime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Mtime { secs: i64::try_from(since.as_secs()).unwrap_or(0), nanos: since.subsec_nanos() }
    }
}

/// One file or folder, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; for an odd one its escaped form. The root's is `/`.
    pub name: String,
    /// Whether its bytes on the disk cannot be a name here; then it can be seen but not named.
    pub odd: bool,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file; 0 for everything else.
    pub size: u64,
    /// When it last changed.
    pub mtime: Mtime,
    /// The nine permission bits.
    pub mode: u32,
}

impl Entry {
    /// An entry from its name on the disk and what the system tells of it.
    pub(super) fn new(name: &[u8], stat: &Stat) -> Entry {
        let shown = as_name(name);
        Entry {
            name: shown.map_or_else(|| text::escape_bytes(name), str::to_owned),
            odd: shown.is_none(),
            kind: kind_of(stat),
            size: file_bytes(stat),
            mtime: mtime_of(stat),
            mode: Mode::from_raw_mode(stat.st_mode).bits() & 0o777,
        }
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId {
    dev: i64,
    ino: i64,
}

impl FileId {
    pub(super) fn of(stat: &Stat) -> FileId {
        FileId { dev: wide(stat.st_dev), ino: wide(stat.st_ino) }
    }

    /// Whether both are on one file system, so that one can be renamed to where the other is.
    pub(super) fn is_beside(self, other: FileId) -> bool {
        self.dev == other.dev
    }

    /// Its number on its file system.
    pub(super) fn inode(self) -> i64 {
        self.ino
    }

    pub(super) fn bytes(self) -> [[u8; 8]; 2] {
        [self.dev.to_le_bytes(), self.ino.to_le_bytes()]
    }
}

pub(super) fn kind_of(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

/// What the quota counts of it: the length of a regular file, nothing of everything else.
pub(super) fn file_bytes(stat: &Stat) -> u64 {
    if kind_of(stat) == EntryKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 }
}

pub(super) fn mtime_of(stat: &Stat) -> Mtime {
    Mtime { secs: wide(stat.st_mtime), nanos: nanos(stat.st_mtime_nsec) }
}

/// The time that a file is set to, as the system takes it.
pub(super) fn times(mtime: Mtime) -> Timestamps {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let mtime = Timespec { tv_sec: mtime.secs, tv_nsec: mtime.nanos.min(999_999_999).into() };
    Timestamps { last_access: now, last_modification: mtime }
}

pub(super) fn ctime_of(stat: &Stat) -> Mtime {
    Mtime { secs: wide(stat.st_ctime), nanos: nanos(stat.st_ctime_nsec) }
}

/// The system's integers differ in width between processors; these are as wide as the widest, and
/// what does not fit (an inode over 2^63) is folded, since it is only compared.
pub(super) fn wide<T: TryInto<i64> + TryInto<u64> + Copy>(number: T) -> i64 {
    let signed: Result<i64, _> = number.try_into();
    match signed {
        Ok(number) => number,
        Err(_) => {
            let unsigned: Result<u64, _> = number.try_into();
            unsigned.unwrap_or(0) as i64
        }
    }
}

fn nanos<T: TryInto<u32>>(number: T) -> u32 {
    number.try_into().unwrap_or(0).min(999_999_999)
}
