//! The short commands: one request, one answer, perhaps with a row of parts before it.
//!
//! What can be done twice without harm is tried again silently when the line breaks; for the rest
//! the error says that it is not known whether it was done.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::progress::{Bar, Phase, Progress};
use super::rows::{list, reasons};
use super::words::said;
use super::{Client, conn::Conn, conn::Heard};
use crate::limits::ROWS_KEPT;
use crate::wire::{self, Code, Fields, Nothing};

const NO_PARTS: Error = Error::Protocol { what: "a part of an answer that has none" };

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link; the server never follows it.
    Link,
    /// A pipe, a device or the like.
    Other,
}

/// An entry of a folder on the server. Its name is the server's word: not escaped, not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name alone.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The name on the server's disk cannot be written as one; it is shown escaped.
    pub odd: bool,
    /// Bytes of a file.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime_secs: i64,
    /// And nanoseconds.
    pub mtime_nanos: u32,
    /// Rights as on Unix, the lower nine bits.
    pub mode: u16,
    /// A number that changes when the file does; 0 in listings.
    pub version: u64,
}

/// The ordinary digest of a whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// In lower-case hexadecimal.
    pub hex: String,
    /// Bytes of the file.
    pub size: u64,
}

/// What an account uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes stored, unfinished uploads included.
    pub used_bytes: u64,
    /// Bytes reserved for uploads under way.
    pub reserved_bytes: u64,
    /// The limit, if there is one.
    pub limit_bytes: Option<u64>,
    /// Entries: files, directories, links and unfinished uploads.
    pub used_entries: u64,
    /// Entries reserved for uploads under way.
    pub reserved_entries: u64,
    /// The limit of entries, if there is one.
    pub limit_entries: Option<u64>,
}

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The path it was for; not escaped.
    pub path: String,
    /// Bytes that are there.
    pub held_bytes: u64,
    /// Bytes that were announced, if somebody said how many.
    pub size: Option<u64>,
    /// When it began, seconds since 1970.
    pub started_secs: i64,
}

/// One thing that decides what may be done at a path, or one thing that may be done there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `place`, `room`, or what might be done; escaped.
    pub what: String,
    /// Whether it may be done.
    pub allowed: bool,
    /// What decides it; escaped.
    pub why: String,
}

impl Client {
    /// The current folder.
    ///
    /// # Errors
    /// [`Error::Line`] if the line broke and a new one does not come about.
    pub fn pwd(&mut self) -> Result<String> {
        self.here("PWD", None)
    }

    /// Changes the current folder and gives its whole path.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn cd(&mut self, path: &str) -> Result<String> {
        self.here("CD", Some(path))
    }

    /// Gives each entry of a folder, in no order, as it arrives, until there are no more or no more
    /// are wanted; then their number.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Line`] if the line broke after the first entry.
    pub fn ls(
        &mut self,
        path: &str,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.check_relative(path)?;
        let mut broke = None;
        let count = self.again(|conn| {
            let (mut begun, mut count) = (false, 0);
            let message = wire::Path::new(path);
            let mut enough = false;
            let listed = list(conn, "LS", &message, u64::MAX, &mut |fields| {
                (begun, count) = (true, count + 1);
                enough = each(entry_in_row(fields)?).is_break();
                // What is still on its way is left behind with the connection.
                if enough { Err(Error::Interrupted) } else { Ok(()) }
            });
            match listed {
                Err(_) if enough => Ok(count),
                // Entries must not be told twice.
                Err(e) if begun && e.is_broken_line() => {
                    broke = Some(e);
                    Ok(0)
                }
                other => other,
            }
        })?;
        broke.map_or(Ok(count), Err)
    }

    /// One entry.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn stat(&mut self, path: &str) -> Result<Entry> {
        self.check_relative(path)?;
        self.again(|conn| stat(conn, path))
    }

    /// Makes a folder, with `parents` also the missing ones above it.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Line`] if it is not known whether it was done.
    pub fn mkdir(&mut self, path: &str, parents: bool) -> Result<()> {
        self.check_relative(path)?;
        let message = wire::Mkdir::new(path, u8::from(parents), wire::NO_MODE);
        self.once("mkdir", |conn| conn.ask("MKDIR", &message).map(drop))
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// As for [`Client::mkdir`].
    pub fn rmdir(&mut self, path: &str) -> Result<()> {
        self.check_relative(path)?;
        self.once("rmdir", |conn| conn.ask("RMDIR", &wire::Path::new(path)).map(drop))
    }

    /// Removes a file, or with `recursive` a folder and all it holds.
    ///
    /// # Errors
    /// As for [`Client::mkdir`].
    pub fn rm(&mut self, path: &str, recursive: bool) -> Result<()> {
        self.check_relative(path)?;
        let message = wire::Switched::new(path, u8::from(recursive));
        self.once("rm", |conn| conn.ask("RM", &message).map(drop))
    }

    /// Renames or moves; with `replace` over a file that is there.
    ///
    /// # Errors
    /// As for [`Client::mkdir`].
    pub fn mv(&mut self, from: &str, to: &str, replace: bool) -> Result<()> {
        self.check_relative(from).and_then(|()| self.check_relative(to))?;
        let message = wire::Move::new(from, to, u8::from(replace));
        self.once("mv", |conn| conn.ask("MV", &message).map(drop))
    }

    /// The ordinary digest (`md5`, `sha256`, `blake3`) of a whole file, made by the server.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn hash(
        &mut self,
        path: &str,
        digest: &str,
        progress: &mut dyn Progress,
    ) -> Result<Hashed> {
        self.check_relative(path)?;
        let mut bar = Bar::new(progress, Client::shown(path));
        bar.progress.phase(Phase::Compare);
        self.again(|conn| {
            conn.queue("HASH", &wire::Hash::new(path, digest), &[])?;
            loop {
                match conn.hear_any()? {
                    Heard::Alive(done, total) if total > 0 => {
                        bar.begin(total, 0);
                        bar.show(done);
                    }
                    Heard::Alive(..) => {}
                    Heard::Answer(Some(Code::Sums)) => break,
                    Heard::Answer(_) => return Err(conn.refusal()),
                    Heard::More(_) => return Err(NO_PARTS),
                }
            }
            let hashed: wire::Hashed<'_> = conn.reply()?;
            Ok(Hashed { hex: Client::shown(hashed.hex), size: hashed.size })
        })
    }

    /// What the account uses and may use.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn quota(&mut self) -> Result<Usage> {
        self.again(|conn| {
            conn.ask("QUOTA", &Nothing::new())?;
            let usage: wire::Usage<'_> = conn.reply()?;
            Ok(Usage {
                used_bytes: usage.used_bytes,
                reserved_bytes: usage.reserved_bytes,
                limit_bytes: (usage.limited != 0).then_some(usage.limit_bytes),
                used_entries: usage.used_entries,
                reserved_entries: usage.reserved_entries,
                limit_entries: (usage.entries_limited != 0).then_some(usage.limit_entries),
            })
        })
    }

    /// What may be done at a path, and what decides it.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn why(&mut self, path: &str) -> Result<Vec<Reason>> {
        self.check_relative(path)?;
        self.again(|conn| reasons(conn, "WHY", &wire::Path::new(path)))
    }

    /// The account's unfinished uploads.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn parts(&mut self) -> Result<Vec<Part>> {
        self.again(|conn| {
            let mut parts = Vec::new();
            list(conn, "PARTS", &Nothing::new(), ROWS_KEPT, &mut |fields| {
                parts.push(Part {
                    path: fields.text("path")?.to_owned(),
                    held_bytes: fields.u64("held_bytes")?,
                    size: Some(fields.u64("size")?).filter(|size| *size > 0),
                    started_secs: fields.i64("started_secs")?,
                });
                Ok(())
            })?;
            Ok(parts)
        })
    }

    /// Removes the unfinished upload of a path.
    ///
    /// # Errors
    /// As for [`Client::mkdir`].
    pub fn forget(&mut self, path: &str) -> Result<()> {
        self.check_relative(path)?;
        self.once("forget", |conn| conn.ask("FORGET", &wire::Path::new(path)).map(drop))
    }

    /// The server's commands and what they do, escaped.
    ///
    /// # Errors
    /// [`Error::Line`].
    pub fn help(&mut self) -> Result<Vec<(String, String)>> {
        self.again(|conn| {
            let mut lines = Vec::new();
            list(conn, "HELP", &Nothing::new(), ROWS_KEPT, &mut |fields| {
                let name = Client::shown(fields.text("name")?);
                lines.push((name, Client::shown(fields.text("about")?)));
                Ok(())
            })?;
            Ok(lines)
        })
    }

    /// Shows that the line is alive.
    ///
    /// # Errors
    /// [`Error::Line`].
    pub fn ping(&mut self) -> Result<()> {
        self.again(|conn| conn.ask("PING", &Nothing::new()).map(drop))
    }

    /// Ends the connection, and gives what the server says at parting.
    ///
    /// # Errors
    /// [`Error::Line`] if the server did not say goodbye.
    pub fn bye(mut self) -> Result<Vec<String>> {
        match self.conn.take() {
            Some(mut conn) if conn.is_settled() => {
                conn.ask("BYE", &Nothing::new())?;
                Ok(said(conn.reply::<wire::Goodbye<'_>>()?.words))
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// One entry by its path.
pub(super) fn stat(conn: &mut Conn, path: &str) -> Result<Entry> {
    conn.ask("STAT", &wire::Path::new(path))?;
    Ok(entry(conn.reply::<wire::Entry<'_>>()?))
}

/// The next entry of a row, as a message of its own that others follow.
pub(super) fn entry_in_row(fields: &mut Fields<'_>) -> Result<Entry> {
    Ok(entry(wire::Entry::new(
        fields.u8("kind")?,
        fields.u8("odd")?,
        fields.u64("size")?,
        fields.i64("mtime_secs")?,
        fields.u32("mtime_nanos")?,
        fields.u16("mode")?,
        fields.u64("version")?,
        fields.text("name")?,
    )))
}

fn entry(e: wire::Entry<'_>) -> Entry {
    Entry {
        name: e.name.to_owned(),
        kind: match e.kind {
            b'f' => Kind::File,
            b'd' => Kind::Folder,
            b'l' => Kind::Link,
            _ => Kind::Other,
        },
        odd: e.odd != 0,
        size: e.size,
        mtime_secs: e.mtime_secs,
        mtime_nanos: e.mtime_nanos,
        mode: e.mode,
        version: e.version,
    }
}
