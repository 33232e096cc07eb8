//! The messages whose values callers keep: entries of listings, what an account uses, reasons.

use super::{Fields, Message, Sink};
use crate::error::Result;

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// A file.
    File,
    /// A folder.
    Directory,
    /// A link; the server never follows it.
    Link,
    /// A pipe, a device or the like, as the wire has it.
    Other(u8),
}

impl ListedKind {
    /// What is no file, folder or link.
    pub const OTHER: ListedKind = ListedKind::Other(b'o');

    /// The letter that travels.
    pub fn byte(self) -> u8 {
        match self {
            ListedKind::File => b'f',
            ListedKind::Directory => b'd',
            ListedKind::Link => b'l',
            ListedKind::Other(byte) => byte,
        }
    }
}

impl From<u8> for ListedKind {
    fn from(byte: u8) -> ListedKind {
        match byte {
            b'f' => ListedKind::File,
            b'd' => ListedKind::Directory,
            b'l' => ListedKind::Link,
            other => ListedKind::Other(other),
        }
    }
}

kept_messages! {
    KEPT_MESSAGES
    /// Answer to `HASH`.
    Hashed {
        hex: shared = "the digest in lower-case hexadecimal",
        size: u64 = "bytes of the file",
    }
    /// Answer to `QUOTA`.
    Usage {
        used_bytes: u64 = "bytes stored, unfinished uploads included",
        reserved_bytes: u64 = "bytes reserved for uploads that are under way",
        limited: u8 = "1 if there is a limit",
        limit_bytes: u64 = "the limit; 0 if there is none",
        used_entries: u64 = "entries: files, directories, unfinished uploads, links",
        reserved_entries: u64 = "entries reserved for uploads that are under way",
        entries_limited: u8 = "1 if there is a limit of entries",
        limit_entries: u64 = "that limit; 0 if there is none",
    }
    /// Answer to `STAT`, and each entry of `LS`.
    Entry {
        kind: kind = "`f` file, `d` folder, `l` link, `o` anything else",
        odd: u8 = "1 if the name on disk cannot be written as one; it is shown escaped",
        size: u64 = "bytes of a file",
        mtime_secs: i64 = "seconds since 1970",
        mtime_nanos: u32 = "and nanoseconds",
        mode: u16 = "rights as on Unix, the lower nine bits",
        version: u64 = "a number that changes when the file does; 0 in `LS`",
        name: shared = "the name, without a path",
    }
    /// Each entry of `PARTS`.
    Part {
        path: shared = "the path that the upload was for",
        held_bytes: u64 = "bytes that are there",
        size: u64 = "bytes that were announced; 0 if nobody said how many",
        started_secs: i64 = "when it began, seconds since 1970",
    }
    /// Each entry of `FTPPASSES`: a temporary password for FTP.
    Temporary {
        prefix: shared = "its first four characters",
        since_secs: i64 = "when it was made, seconds since 1970",
        until_secs: i64 = "until when it is good",
        limited: u8 = "1 if it is good for so many logins only",
        uses: u32 = "logins that are left; 0 if any number",
        rights: shared = "the most that may be done with it: `read, write, modify`",
        from: shared = "from where it is good, or nothing",
    }
    /// Each line of `WHY`.
    Reason {
        what: shared = "`place`, `room`, or what might be done there",
        allowed: u8 = "1 if it may be done, 0 if not",
        why: shared = "what decides it",
    }
    /// Each line of `HELP`.
    HelpLine {
        name: shared = "the command",
        about: shared = "what it does",
    }
    /// Answer to `RULES`: who can register, and how.
    Rules {
        mode: shared = "`open`, `ask`, `invite` or `closed`",
        iterations: u32 = "iterations that a new password's record should have",
        names: shared = "the form of a name, for people",
    }
}

impl Usage<'_> {
    /// The limit of bytes, if there is one.
    pub fn byte_limit(&self) -> Option<u64> {
        (self.limited != 0).then_some(self.limit_bytes)
    }

    /// The limit of entries, if there is one.
    pub fn entry_limit(&self) -> Option<u64> {
        (self.entries_limited != 0).then_some(self.limit_entries)
    }
}

impl Entry<'_> {
    /// Whether the name on the server's disk cannot be written as one, so that it is escaped.
    pub fn is_odd(&self) -> bool {
        self.odd != 0
    }
}

impl Reason<'_> {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        self.allowed != 0
    }
}

impl Temporary<'_> {
    /// Logins that are left, where that is limited.
    pub fn uses_left(&self) -> Option<u32> {
        (self.limited != 0).then_some(self.uses)
    }
}

impl Part<'_> {
    /// Bytes that were announced, if somebody said how many.
    pub fn announced_bytes(&self) -> Option<u64> {
        Some(self.size).filter(|size| *size > 0)
    }
}

/// A message of which answers hold a whole row.
pub trait ListRow: Sized {
    /// Reads one and leaves what follows it.
    ///
    /// # Errors
    /// [`crate::error::Error::BadField`] for what is malformed.
    fn read_one(fields: &mut Fields<'_>) -> Result<Self>;
}
