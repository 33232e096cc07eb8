//! What is to be compared, and what was found to differ.

use std::path::PathBuf;

use super::adjust::Adjustment;
use super::exclude::Excluded;
use super::report::TreeReport;

/// Where content goes, if it goes anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From this machine to the server.
    Up,
    /// From the server to this machine.
    Down,
}

/// What is compared, and how.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Where content would go: what is only on the side that it comes from is then gone through to
    /// the last file.
    pub way: Option<Way>,
    /// Whether files are compared by their digests although size and time are the same.
    pub by_digest: bool,
    /// What is left out on both sides.
    pub excluded: Excluded,
    /// What of equal files is to become the same too, where content goes somewhere.
    pub adjusts: Adjusts,
}

/// What of equal files [`Client::adjust`](super::Client::adjust) makes the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adjusts {
    /// Nothing: content is all that counts.
    #[default]
    Nothing,
    /// Their times.
    Times,
    /// Their times and permission bits.
    TimesAndModes,
}

impl Compared {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Compared) {
        self.report = self.report.plus(&other.report);
        self.equal_bytes = self.equal_bytes.saturating_add(other.equal_bytes);
        self.differences.extend(other.differences);
        self.adjustments.extend(other.adjustments);
    }
}

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// It is only on this machine.
    OnlyHere,
    /// It is only on the server.
    OnlyThere,
    /// Both are files, of different content.
    Content,
    /// One is a file or a folder, and the other something else.
    Kind,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What is different.
    pub kind: DifferenceKind,
    /// The path on this machine, whether it is there or not.
    pub local: PathBuf,
    /// The path on the server, whether it is there or not.
    pub remote: String,
    /// Whether it is a folder, on the side that has it.
    pub is_directory: bool,
    /// Bytes of the file on the side that content comes from; of both if it comes from none: those
    /// of the one here if there is one.
    pub size: u64,
    /// Whether both sides have it, of another kind each, and the side that content goes to has a
    /// file or a folder, which [`Client::remove_extra`](super::Client::remove_extra) may remove.
    pub is_in_the_way: bool,
    /// Permission bits of what is on the server.
    pub(super) mode: Option<u16>,
}

/// What was compared, and what differs, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Files that are equal, what was left out, and what could not be compared.
    pub report: TreeReport,
    /// Bytes of the files that are equal.
    pub equal_bytes: u64,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What equal files lack of being the same, where that was asked for.
    pub adjustments: Vec<Adjustment>,
    /// The path on the server that was compared.
    pub(super) top: String,
}
