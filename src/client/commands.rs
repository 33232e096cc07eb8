//! The short commands: one request, one answer, perhaps with a row of parts before it.
//!
//! What can be done twice without harm is tried again silently when the line breaks; for the rest
//! the error says that it is not known whether it was done.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::messages::message_lines;
use super::progress::{FileProgress, Phase, Progress};
use super::rows::{collect, list_directory, reasons};
use super::{Client, conn::Connection, conn::Received};
use crate::wire::{self, Code, Nothing};

const NO_PARTS: Error = Error::Protocol { what: "a part of an answer that has none" };

/// What an entry is.
pub use crate::wire::ListedKind;

/// An entry of a folder on the server. Its name is the server's word: not escaped, not trusted.
pub type RemoteEntry = wire::Entry<'static>;

/// The ordinary digest of a whole file.
pub type Hashed = wire::Hashed<'static>;

/// What an account uses.
pub type QuotaUsage = wire::Usage<'static>;

/// What can be stored at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// Bytes that can still be stored.
    pub free_bytes: u64,
    /// Bytes that count against the limit.
    pub used_bytes: u64,
    /// The limit, where there is one.
    pub limit_bytes: Option<u64>,
}

/// An unfinished upload; its path is not escaped.
pub type RemotePart = wire::Part<'static>;

/// A temporary password for FTP; its texts are not escaped.
pub type TemporaryPassword = wire::Temporary<'static>;

/// One thing that decides what may be done at a path, or one thing that may be done there or not;
/// its texts are escaped.
pub type WhyReason = wire::Reason<'static>;

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
        each: &mut dyn FnMut(RemoteEntry) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.check_relative(path)?;
        let mut broke = None;
        let count = self.again(|conn| {
            let (mut begun, mut count) = (false, 0);
            let mut enough = false;
            let listed = list_directory(conn, path, u64::MAX, &mut |entry| {
                (begun, count) = (true, count + 1);
                enough = each(entry).is_break();
                // What is still on its way is left behind with the connection.
                if enough { Err(Error::Interrupted) } else { Ok(()) }
            });
            match listed {
                Err(_) if enough => Ok(count),
                // Entries must not be reported twice.
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
    pub fn stat(&mut self, path: &str) -> Result<RemoteEntry> {
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

    /// Sets the permission bits of a file or folder, the lower nine.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn chmod(&mut self, path: &str, mode: u16) -> Result<()> {
        self.check_relative(path)?;
        self.again(|conn| conn.ask("CHMOD", &wire::Chmod::new(path, mode)).map(drop))
    }

    /// Gives a file that is there the server's time.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn touch(&mut self, path: &str) -> Result<()> {
        self.check_relative(path)?;
        self.again(|conn| conn.ask("TOUCH", &wire::Touch::new(path, 1, 0, 0, 0)).map(drop))
    }

    /// What can still be stored at a path.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn space(&mut self, path: &str) -> Result<Space> {
        self.check_relative(path)?;
        self.again(|conn| {
            conn.ask("SPACE", &wire::Path::new(path))?;
            let wire::Space { free_bytes, used_bytes, limited, limit_bytes, .. } = conn.reply()?;
            let limit_bytes = (limited == 1).then_some(limit_bytes);
            Ok(Space { free_bytes, used_bytes, limit_bytes })
        })
    }

    /// Copies a file on the server; with `replace` over a file that is there.
    ///
    /// # Errors
    /// As for [`Client::mkdir`].
    pub fn cp(&mut self, from: &str, to: &str, replace: bool) -> Result<()> {
        self.check_relative(from).and_then(|()| self.check_relative(to))?;
        let message = wire::Copy::new(from, to, u8::from(replace));
        self.once("cp", |conn| conn.ask("CP", &message).map(drop))
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
        let mut bar = FileProgress::new(progress, Client::shown(path));
        bar.progress.phase(Phase::Compare);
        self.again(|conn| {
            conn.queue("HASH", &wire::Hash::new(path, digest), &[])?;
            loop {
                match conn.receive_any()? {
                    Received::Alive(done, total) if total > 0 => {
                        bar.begin(total, 0);
                        bar.show(done);
                    }
                    Received::Alive(..) => {}
                    Received::Answer(Some(Code::Sums)) => break,
                    Received::Answer(_) => return Err(conn.refusal()),
                    Received::More(_) => return Err(NO_PARTS),
                }
            }
            let hashed: wire::Hashed<'_> = conn.reply()?;
            Ok(Hashed::new(Client::shown(&hashed.hex), hashed.size))
        })
    }

    /// What the account uses and may use.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn quota(&mut self) -> Result<QuotaUsage> {
        self.again(|conn| {
            conn.ask("QUOTA", &Nothing::new())?;
            Ok(conn.reply::<wire::Usage<'_>>()?.into_owned())
        })
    }

    /// What may be done at a path, and what decides it.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn why(&mut self, path: &str) -> Result<Vec<WhyReason>> {
        self.check_relative(path)?;
        self.again(|conn| reasons(conn, "WHY", &wire::Path::new(path)))
    }

    /// The account's unfinished uploads.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn parts(&mut self) -> Result<Vec<RemotePart>> {
        self.again(|conn| collect(conn, "PARTS", &Nothing::new()))
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
            let lines: Vec<wire::HelpLine<'static>> = collect(conn, "HELP", &Nothing::new())?;
            let shown =
                |line: &wire::HelpLine<'_>| (Client::shown(&line.name), Client::shown(&line.about));
            Ok(lines.iter().map(shown).collect())
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
        self.leave()
    }

    /// The same for a client that goes on without an account, see [`Client::login`].
    ///
    /// # Errors
    /// As for [`Client::bye`]; nobody is logged in then either.
    pub fn leave(&mut self) -> Result<Vec<String>> {
        self.account = None;
        self.lost = None;
        "/".clone_into(&mut self.cwd);
        match self.conn.take() {
            Some(mut conn) if conn.is_settled() => {
                conn.ask("BYE", &Nothing::new())?;
                Ok(message_lines(conn.reply::<wire::Goodbye<'_>>()?.words))
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// One entry by its path.
pub(super) fn stat(conn: &mut Connection, path: &str) -> Result<RemoteEntry> {
    conn.ask("STAT", &wire::Path::new(path))?;
    Ok(conn.reply::<wire::Entry<'_>>()?.into_owned())
}
