//! The kinds that errors name: waits, bans, and what becomes of the connection.
//!
//! Never: a text of its own for a peer; these are parts of one.

use std::fmt;

use super::Error;
use crate::text::{Bytes, Escaped, Span};

/// Why a wait was bounded. It is part of the error, so the log says which limit was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// From the connection to the end of the login, all attempts together.
    Login,
    /// For the next request of a logged-in session.
    Idle,
    /// For the rest of a frame that has begun.
    Frame,
    /// For the peer to take what is sent to it.
    Send,
    /// For bytes on a data connection.
    Data,
    /// For both sides to agree on how they encrypt.
    Handshake,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Login => "the login",
            Wait::Idle => "the next request",
            Wait::Frame => "the rest of a message",
            Wait::Send => "the other side to read",
            Wait::Data => "the data connection",
            Wait::Handshake => "the encryption to begin",
        })
    }
}

/// What a ban is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Banned {
    /// An account's name, known or not.
    Account,
    /// An address.
    Address,
}

impl Banned {
    /// What is banned, why, and for how long.
    pub(super) fn report(
        self,
        f: &mut fmt::Formatter<'_>,
        why: &str,
        left_secs: Option<u64>,
    ) -> fmt::Result {
        write!(f, "{self} is banned: {}", Escaped(why))?;
        left_secs.map_or(Ok(()), |left| write!(f, "; try again in {}", Span(left)))
    }
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Banned::Account => "this account",
            Banned::Address => "this address",
        })
    }
}

impl Error {
    /// The text with what the system said, which is for the log and the operator.
    pub fn in_full(&self) -> String {
        match self {
            Error::Io { doing, source } => format!("{doing} failed: {source}"),
            _ => self.to_string(),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// How a login shows that somebody between the two ends changes what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// The client was not offered TLS, and this server did offer it.
    Stripped,
    /// The login came through TLS and does not name the channel.
    Unnamed,
    /// The login is for another channel than the one that it came through.
    Foreign,
}

impl Tampering {
    pub(super) fn text(self) -> &'static str {
        match self {
            Tampering::Stripped => {
                "this login says that TLS was not offered, which it was: somebody between you and \
                 the server changes what is sent"
            }
            Tampering::Unnamed => {
                "this login does not name the TLS channel that it came through: either the client \
                 is too old for TLS, or somebody between you and the server uses its own"
            }
            Tampering::Foreign => {
                "this login was made for another connection: somebody between you and the server \
                 reads and passes on what is sent"
            }
        }
    }
}

/// What happens to the connection after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The error is the answer; the connection goes on.
    Answer,
    /// The client receives the error if it can, and the connection ends.
    Close,
}

/// What stays where it is.
pub(super) fn mounted(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    write!(f, "`{}` is a mount point or holds one and stays as it is", Escaped(path))
}

/// What was needed of something that is limited, what was left of which limit, whose limit it is if
/// it is not the account's own, and whether an old file still takes its room.
pub(super) fn over_quota(
    f: &mut fmt::Formatter<'_>,
    noun: &str,
    [need, left, limit]: [u64; 3],
    (of_mount, replacing): (bool, bool),
) -> fmt::Result {
    let [need, left, limit] = amounts(noun, [need, left, limit]);
    let whose = if of_mount { " of this mount" } else { "" };
    let old =
        if replacing { " (the old file keeps its room until the new one is whole)" } else { "" };
    write!(f, "over quota: needs {need}, {left} left of {limit}{whose}{old}")
}

/// Somebody else writes there, and since when.
pub(super) fn busy(f: &mut fmt::Formatter<'_>, path: &str, by: &str, secs: u64) -> fmt::Result {
    write!(f, "`{}` is being written by {by} for {secs} s", Escaped(path))
}

/// The account itself goes on with it elsewhere.
pub(super) fn superseded(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    write!(f, "a newer session of yours took over the upload of `{}`", Escaped(path))
}

/// The disk has no room: for what, if that is known, with what is free and what of that stays so.
pub(super) fn disk_full(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    f.write_str("the server's disk is full")?;
    if let Error::DiskReserve { what, need, free, reserve } = error {
        // A folder needs no bytes that are counted, and yet there must be some.
        let is_counted = *need > 0;
        let [need, free, reserve] = amounts(what, [*need, *free, *reserve]);
        match is_counted {
            true => write!(f, ": needs {need}, {free} are free, and {reserve} of them stay free")?,
            false => write!(f, ": {free} are free, and {reserve} must stay free")?,
        }
    }
    f.write_str("; nothing was lost, try again later")
}

/// Three amounts as people read them: bytes each with its unit, of entries the first one.
fn amounts(noun: &str, [first, second, third]: [u64; 3]) -> [String; 3] {
    if noun == "bytes" {
        return [first, second, third].map(|bytes| Bytes(bytes).to_string());
    }
    let noun = if (first, noun) == (1, "entries") { "entry" } else { noun };
    [format!("{first} {noun}"), second.to_string(), third.to_string()]
}

/// So many chunks are damaged.
pub(super) fn mismatch(f: &mut fmt::Formatter<'_>, bad: u32) -> fmt::Result {
    write!(f, "{} damaged on the way; send again", counted(bad, "chunk"))
}

/// Why an account's home is not free.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HomeRefused {
    /// A removed account had the name, or there are files or unfinished uploads under it, and
    /// taking over what is left was not asked for.
    Kept,
    /// What is there is not a directory.
    NotDirectory,
    /// It is, holds or lies in the directory of this mount.
    Mounted(String),
    /// A mount that was taken out while a session still uses it.
    WasMounted,
    /// Another program has moved it away while it was in use.
    Moved,
}

impl HomeRefused {
    pub(super) fn report(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let name = Escaped(name);
        match self {
            HomeRefused::Kept => write!(
                f,
                "`{name}` was an account that may have left files, or has files here already; only \
                 creating the account with `adopt` takes them over"
            ),
            HomeRefused::NotDirectory => {
                write!(f, "what is called `{name}` among the homes is not a directory")
            }
            HomeRefused::Mounted(mount) => write!(
                f,
                "the home of `{name}` is, holds or lies in the directory of the mount `{}`; \
                 nothing was done",
                Escaped(mount)
            ),
            HomeRefused::WasMounted => write!(
                f,
                "the home of `{name}` is, holds or lies in a directory that was mounted and that a \
                 transfer or a session still has open; nothing was done, try again when that has \
                 ended"
            ),
            HomeRefused::Moved => write!(
                f,
                "the home of `{name}` was moved away or removed while it was in use, and nothing \
                 is done in it; go on when there is one in its place"
            ),
        }
    }
}

/// The text of [`super::Error::Slowed`] or [`super::Error::Displaced`].
pub(super) fn kept_out(is_slowed: bool) -> &'static str {
    match is_slowed {
        true => {
            "too many failed logins as this account, so that only one at a time is answered; try \
             again at once, and you keep your place in the line"
        }
        false => "this connection had not logged in, and a newer one took its place; connect again",
    }
}

/// The text of [`super::Error::Unmounted`].
pub(super) const UNMOUNTED: &str =
    "the mount that this goes to was taken away; resume when it is back, or start again";

/// The text of [`super::Error::NeedTls`].
pub(super) const NEED_TLS: &str = "this server takes only encrypted connections from where you \
    are; use a client that can encrypt, and let it";

/// No file may be so large.
pub(super) const TOO_BIG: &str = "the server's disk or its operator allows no file as large as \
    this; send it in smaller parts";

/// Work for an anonymous user took too long.
pub(super) fn too_long(f: &mut fmt::Formatter<'_>, secs: u64) -> fmt::Result {
    write!(f, "a digest for an anonymous user may take {secs} s; fetch the file and compute it")?;
    f.write_str(", or log in with an account")
}

/// `1 chunk`, `3 chunks`.
pub fn counted(n: u32, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
