//! A name on both sides of a comparison, and two files whose content has to be compared.

use std::fs;
use std::path::PathBuf;

use super::commands::{ListedKind, RemoteEntry};
use super::local::LocalMtime;
use super::stamp::permission_bits;

/// An entry on one side.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) kind: SideKind,
    pub(super) size: u64,
    pub(super) mtime: LocalMtime,
    /// Permission bits; `None` where the system has none.
    pub(super) mode: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SideKind {
    File,
    Directory,
    Other(&'static str),
}

/// An entry that has a name on at least one side.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) here: Option<Side>,
    pub(super) there: Option<Side>,
}

/// A file here and one of its size on the server.
pub(super) struct FilePair {
    pub(super) local: PathBuf,
    pub(super) remote: String,
    pub(super) here: Side,
    /// As it was looked at last.
    pub(super) there: Side,
    /// The version on the server that is compared; 0 until it is known, and where it need not be.
    pub(super) version: u64,
    /// By its time it is the same, which is enough.
    pub(super) is_same: bool,
    /// Its version is asked for before its digests.
    pub(super) looks: bool,
    /// Times that its digests came in vain.
    pub(super) tries: u32,
    /// It has been compared already, just after it had changed.
    pub(super) is_second: bool,
}

impl FilePair {
    pub(super) fn size(&self) -> u64 {
        self.here.size
    }
}

pub(super) fn local_side(meta: &fs::Metadata) -> Side {
    let kind = match meta.file_type() {
        kind if kind.is_file() => SideKind::File,
        kind if kind.is_dir() => SideKind::Directory,
        kind if kind.is_symlink() => SideKind::Other("a link"),
        _ => SideKind::Other("neither a file nor a folder"),
    };
    let (mtime, mode) = (LocalMtime::of(meta), permission_bits(meta));
    Side { kind, size: meta.len(), mtime, mode }
}

pub(super) fn remote_side(entry: &RemoteEntry) -> Side {
    let kind = match entry.kind {
        ListedKind::File => SideKind::File,
        ListedKind::Directory => SideKind::Directory,
        ListedKind::Link => SideKind::Other("a link"),
        ListedKind::Other(_) => SideKind::Other("neither a file nor a folder"),
    };
    let mtime = LocalMtime { secs: entry.mtime_secs, nanos: entry.mtime_nanos };
    Side { kind, size: entry.size, mtime, mode: Some(entry.mode & 0o777) }
}
