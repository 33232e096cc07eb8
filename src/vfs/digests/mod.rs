//! The digests of stored files, kept beside them so that a file need not be read to know them.
//!
//! ```text
//! .miniftp/digests/<kind>/<number>        slots of 1,024 inodes, see `slot`
//! .miniftp/digests/<kind>/<inode>.list    the digests of a longer file's chunks, in order
//! ```
//!
//! Whatever is here only saves work: a slot counts only as long as the file has the inode, the size
//! and the times that it had when its digests were made, a list only if the slot has the digest
//! over it. So nothing here is ever synced, and what is lost is made again.
//!
//! Never: charged to a quota, or believed of a file that somebody changed behind the server's back.

mod batch;
mod of_file;
mod record;
mod slot;
mod store;
mod stored;

mod verify;

use rustix::fs::Stat;

use super::entry::{FileId, Mtime, ctime_of, file_bytes, mtime_of};
use crate::digest::{Algorithm, Plain};
use crate::limits;

pub use batch::DigestBatch;
pub use record::DigestRecord;
pub(super) use store::DigestStore;
pub use stored::StoredDigests;
pub use verify::{Finding, Verification, VerifiedTotals, VerifyObserver};

/// What digests are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// Each chunk, and the whole over them.
    Chunks(Algorithm),
    /// The bytes of the file, as `md5sum` and the like make it; one of [`Plain::NAMES`].
    Plain(&'static str),
}

/// Kinds that there are.
const KINDS: usize = Algorithm::ALL.len() + Plain::NAMES.len();

impl DigestKind {
    /// The ordinary digest by the algorithm of this name, if there is one.
    pub fn plain(name: &str) -> Option<DigestKind> {
        Plain::NAMES.into_iter().find(|known| *known == name).map(DigestKind::Plain)
    }

    /// All of them, in the order of [`DigestKind::number`].
    fn all() -> impl Iterator<Item = DigestKind> {
        let chunks = Algorithm::ALL.into_iter().map(DigestKind::Chunks);
        chunks.chain(Plain::NAMES.into_iter().map(DigestKind::Plain))
    }

    /// Its place among all, under [`KINDS`].
    fn number(self) -> usize {
        DigestKind::all().position(|kind| kind == self).unwrap_or(0)
    }

    /// The name of its directory.
    fn directory(self) -> String {
        match self {
            DigestKind::Chunks(algorithm) => format!("{}-chunks", algorithm.name()),
            DigestKind::Plain(name) => name.to_owned(),
        }
    }

    /// Whether the digests of so many bytes lie in a list, and only the digest over them in the
    /// slot.
    fn has_list(self, covered: u64) -> bool {
        let is_of_chunks = matches!(self, DigestKind::Chunks(_));
        is_of_chunks && covered > (slot::INLINE_CHUNKS * limits::CHUNK) as u64
    }

    /// Bytes of one digest.
    fn digest_len(self) -> usize {
        match self {
            DigestKind::Chunks(algorithm) => algorithm.len(),
            DigestKind::Plain("md5") => 16,
            DigestKind::Plain("crc32") => 4,
            DigestKind::Plain(_) => 32,
        }
    }
}

/// What has to be as it was for a file's digests to count. The kernel sets the time of the last
/// change by itself, so whoever writes and sets the other time back is noticed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    inode: u64,
    size: u64,
    mtime: Mtime,
    ctime: Mtime,
}

impl FileState {
    pub(super) fn of(stat: &Stat) -> FileState {
        FileState {
            inode: FileId::of(stat).inode() as u64,
            size: file_bytes(stat),
            mtime: mtime_of(stat),
            ctime: ctime_of(stat),
        }
    }

    /// Whether the content is the same as far as the system knows: another name or mode is no
    /// change.
    pub(super) fn is_same_content(&self, other: &FileState) -> bool {
        (self.inode, self.size, self.mtime) == (other.inode, other.size, other.mtime)
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn is_dated(&self, mtime: Mtime) -> bool {
        self.mtime == mtime
    }

    /// The same with another time of change.
    pub(super) fn dated(self, mtime: Mtime) -> FileState {
        FileState { mtime, ..self }
    }

    /// Whether it changed so lately that another change could carry the same time.
    fn is_fresh(&self) -> bool {
        let rested = Mtime::now().secs.saturating_sub(self.ctime.secs);
        u64::try_from(rested).unwrap_or(0) <= limits::DIGEST_REST.as_secs()
    }
}
