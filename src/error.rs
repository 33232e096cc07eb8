//! What can go wrong, sorted by who has to fix it, and every text that a client can read.
//!
//! Never: a host path or the system's own message in a text; those are `source`, for the log only.

mod kinds;

use std::fmt;
use std::io;

use crate::text::Escaped;

pub use self::kinds::{Banned, Fate, HomeRefused, Tampering, Wait, counted};

/// The result of everything that reaches a client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every error that can reach a client. Paths are virtual: as the user sees them.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // --- For the client to fix; the connection goes on.
    /// A command that needs a login came without one.
    NeedLogin,
    /// Nobody logs in here over a connection that is not encrypted.
    NeedTls,
    /// Wrong name or password, closed, from the wrong place: one text for all. The log says which.
    LoginRefused,
    /// A login that does not fit the channel that it came through: somebody is between.
    Intercepted(Tampering),
    /// Nobody gets in for now: as this account, or from this address, where the connection ends.
    Banned {
        /// What is banned.
        what: Banned,
        /// Why, in words that anyone may read.
        why: String,
        /// For how many seconds more; `None` is for ever.
        left_secs: Option<u64>,
    },
    /// So many attempts as this account wait for their turn that this one's did not come.
    Slowed,
    /// A command for admins came from somebody who is none.
    NeedAdmin,
    /// An account of that name is there, or files that a former one left.
    NameTaken {
        /// The name.
        name: String,
    },
    /// An account's home is not free for what was asked: for a new account, or to be removed.
    Home {
        /// The account's name.
        name: String,
        /// Why not.
        why: HomeRefused,
    },
    /// An invitation that is unknown, used up or too old; which of these, the log says.
    CodeRefused,
    /// Nobody can register here.
    RegistrationClosed,
    /// Something that is known by a name or number and is not there.
    Unknown {
        /// What it would be.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The account's rights do not allow it here.
    Denied {
        /// The path that was asked for.
        path: String,
    },
    /// A mount point, or a folder that holds one: it stays where it is.
    Mounted {
        /// The path that was asked for.
        path: String,
    },
    /// A path that could never name anything here.
    BadPath {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing is there.
    NotFound {
        /// The path that was asked for.
        path: String,
    },
    /// Something is there already, and replacing it was not asked for.
    Exists {
        /// The path that was asked for.
        path: String,
        /// Bytes of what is there.
        size: u64,
    },
    /// A file was needed and a folder is there.
    IsDirectory {
        /// The path that was asked for.
        path: String,
    },
    /// A folder was needed and something else is there.
    NotDirectory {
        /// The path that was asked for.
        path: String,
    },
    /// A folder still holds something.
    NotEmpty {
        /// The path that was asked for.
        path: String,
    },
    /// Neither a file nor a folder: a link, a pipe, a device.
    NotRegular {
        /// The path that was asked for.
        path: String,
    },
    /// Another session is writing there.
    Busy {
        /// The path that was asked for.
        path: String,
        /// The account that writes.
        by: String,
        /// Since how many seconds.
        for_secs: u64,
    },
    /// A newer session of the same account took the upload over.
    Superseded {
        /// The path that was being written.
        path: String,
    },
    /// More bytes than the account may still store.
    OverQuota {
        /// Bytes that were needed.
        need: u64,
        /// Bytes that could still be stored.
        left: u64,
        /// Bytes of the limit.
        limit: u64,
        /// Whether a file that would be replaced still occupies its room.
        replacing: bool,
        /// Whether the limit is that of a mount, and not the account's.
        of_mount: bool,
    },
    /// More entries (files, directories, links, unfinished uploads) than the account may have.
    TooManyEntries {
        /// Entries that were needed.
        need: u64,
        /// Entries that could still be made.
        left: u64,
        /// Entries of the limit.
        limit: u64,
        /// Whether a file that would be replaced still takes its place.
        replacing: bool,
        /// Whether the limit is that of a mount, and not the account's.
        of_mount: bool,
    },
    /// Chunks whose digest is not that of their bytes; they may be sent again.
    Mismatch {
        /// One bit for each chunk of the frame, the lowest for the first.
        bad: u32,
    },
    /// The whole is not what the sender says it is.
    WholeMismatch,
    /// An offset where nothing may be written or read.
    BadOffset {
        /// The offset that was given.
        got: u64,
        /// The offset that would have been right, or the furthest one.
        want: u64,
    },
    /// The mount that is written to is none any more.
    Unmounted,
    /// The file, or the folder that it was to be put into, changed while it was in use.
    Changed {
        /// The path that was being read.
        path: String,
    },
    /// No such command.
    UnknownCommand {
        /// What was asked for.
        name: String,
    },
    /// A request that lacks a field, or whose field is not of its form.
    BadField {
        /// The field.
        what: &'static str,
    },
    /// A field that is readable but out of range.
    BadArgument {
        /// Which field, and what was expected.
        what: &'static str,
    },
    /// An admin command that is not of its form: the whole text.
    Misused(String),
    /// An admin command needs a password, of this account.
    NeedPassword {
        /// The account's name.
        name: String,
    },
    /// An admin command destroys something, and nobody was asked: the question.
    NotSure(String),
    /// A command that has no meaning now.
    WrongState {
        /// What is missing, or in the way.
        what: &'static str,
    },
    /// Something that this side does not do.
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// A limit of this program.
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// Work for an anonymous user that took too long.
    TooLong {
        /// How many seconds it may take.
        secs: u64,
    },
    /// A file that is larger than the file system, or the limits of the server's process, take.
    TooBig,
    // --- Ours; the connection goes on, the log has the rest.
    /// No room on the server's disk.
    DiskFull,
    /// No room on the server's disk beside what stays free there.
    DiskReserve {
        /// `bytes` or `entries`.
        what: &'static str,
        /// How many are needed.
        need: u64,
        /// How many are free.
        free: u64,
        /// How many of these stay free.
        reserve: u64,
    },
    /// The system refused something.
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said; for the log.
        source: io::Error,
    },
    // --- The connection is over.
    /// The other side's last word in a login does not fit the password: it is not the server that
    /// the account is on.
    ServerUnproven,
    /// Bytes that are no frame, or one damaged on the way: the next one cannot be found.
    Malformed {
        /// What was missing or wrong.
        what: &'static str,
    },
    /// A length over its limit.
    TooLarge {
        /// What was announced.
        got: u64,
        /// The limit.
        max: u64,
    },
    /// A deadline passed.
    TimedOut {
        /// Which.
        wait: Wait,
        /// How long it was, in seconds.
        secs: u64,
    },
    /// The two sides could not agree on how they encrypt, or what came was not encrypted.
    Handshake {
        /// Why.
        why: String,
    },
    /// The account was closed or removed while the session ran.
    AccountClosed,
    /// An admin or the operator ended this session.
    Ended,
    /// It had not logged in, and a newer connection has its place.
    Displaced,
    /// The server takes no more: which limit, and its value.
    Full {
        /// Which limit.
        what: &'static str,
        /// Its value.
        max: u64,
    },
    /// The server is stopping.
    Stopping,
    /// The other side has gone.
    Gone,
    /// The user said to stop while something was waited for.
    Interrupted,
}

impl Error {
    /// What happens to the connection.
    pub fn fate(&self) -> Fate {
        match self {
            Error::ServerUnproven
            | Error::Malformed { .. }
            | Error::TooLarge { .. }
            | Error::TimedOut { .. }
            | Error::Handshake { .. }
            | Error::AccountClosed
            | Error::Ended
            | Error::Displaced
            | Error::Full { .. }
            | Error::Banned { what: Banned::Address, .. }
            | Error::Stopping
            | Error::Gone
            | Error::Interrupted => Fate::Close,
            _ => Fate::Answer,
        }
    }

    /// Turns what the system said while `doing` something into what the user can use.
    pub fn io(doing: &'static str, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull,
            io::ErrorKind::FileTooLarge => Error::TooBig,
            _ => Error::Io { doing, source },
        }
    }
}

/// What a client is sent when its session is ended from outside.
const ENDED: &str = "this session was ended by an administrator, or by its owner elsewhere";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Error::*;
        match self {
            NeedLogin => f.write_str("log in first"),
            NeedTls => f.write_str(kinds::NEED_TLS),
            LoginRefused => f.write_str("wrong name or password"),
            Intercepted(how) => f.write_str(how.text()),
            Banned { what, why, left_secs } => what.report(f, why, *left_secs),
            Slowed | Displaced => f.write_str(kinds::kept_out(matches!(self, Slowed))),
            NeedAdmin => f.write_str("only an admin may do this"),
            NameTaken { name } => write!(f, "the name `{}` is taken", Escaped(name)),
            Home { name, why } => why.report(f, name),
            CodeRefused => f.write_str("the invitation is unknown, used up or too old"),
            RegistrationClosed => f.write_str("registration is closed; ask the administrator"),
            Unknown { what, name } => write!(f, "no {what} `{}`", Escaped(name)),
            Denied { path } => write!(f, "permission denied: `{}`", Escaped(path)),
            Mounted { path } => kinds::mounted(f, path),
            BadPath { path, why } => write!(f, "`{}` cannot be a path here: {why}", Escaped(path)),
            NotFound { path } => write!(f, "no such file or folder: `{}`", Escaped(path)),
            Exists { path, .. } => write!(f, "`{}` exists already", Escaped(path)),
            IsDirectory { path } => write!(f, "`{}` is a folder", Escaped(path)),
            NotDirectory { path } => write!(f, "`{}` is not a folder", Escaped(path)),
            NotEmpty { path } => write!(f, "the folder `{}` is not empty", Escaped(path)),
            NotRegular { path } => write!(f, "`{}` is neither a file nor a folder", Escaped(path)),
            Busy { path, by, for_secs } => kinds::busy(f, path, by, *for_secs),
            Superseded { path } => kinds::superseded(f, path),
            OverQuota { need, left, limit, replacing, of_mount } => {
                kinds::over_quota(f, "bytes", [*need, *left, *limit], (*of_mount, *replacing))
            }
            TooManyEntries { need, left, limit, replacing, of_mount } => {
                kinds::over_quota(f, "entries", [*need, *left, *limit], (*of_mount, *replacing))
            }
            Mismatch { bad } => kinds::mismatch(f, bad.count_ones()),
            WholeMismatch => f.write_str("the whole file's digest differs; nothing was stored"),
            BadOffset { got, want } => write!(f, "offset {got} cannot be; {want} would be right"),
            Changed { path } => write!(f, "`{}` changed while it was in use", Escaped(path)),
            Unmounted => f.write_str(kinds::UNMOUNTED),
            UnknownCommand { name } => write!(f, "unknown command `{}`; try HELP", Escaped(name)),
            BadField { what } => write!(f, "missing or malformed field: {what}"),
            BadArgument { what } => write!(f, "bad argument: {what}"),
            Misused(text) | NotSure(text) => f.write_str(text),
            NeedPassword { name } => write!(f, "the password of `{}` is needed", Escaped(name)),
            WrongState { what } => write!(f, "not now: {what}"),
            Unsupported { what } => write!(f, "not supported: {what}"),
            TooMany { what, max } => write!(f, "too many {what}: the limit is {max}"),
            TooLong { secs } => kinds::too_long(f, *secs),
            TooBig => f.write_str(kinds::TOO_BIG),
            DiskReserve { .. } | DiskFull => kinds::disk_full(f, self),
            Io { doing, .. } => write!(f, "the server failed while {doing}; its log says why"),
            ServerUnproven => f.write_str("the server could not prove that it knows your password"),
            Malformed { what } => write!(f, "not a valid frame: {what}"),
            TooLarge { got, max } => write!(f, "a frame of {got} bytes is over the limit of {max}"),
            TimedOut { wait, secs } => write!(f, "waited {secs} s for {wait}"),
            Handshake { why } => write!(f, "the encryption could not begin: {}", Escaped(why)),
            AccountClosed => f.write_str("this account has been closed"),
            Ended => f.write_str(ENDED),
            Full { what, max } => write!(f, "too many: {max} {what} at most; try again later"),
            Stopping => f.write_str("the server is stopping; resume when it is back"),
            Gone => f.write_str("the other side has gone"),
            Interrupted => f.write_str("interrupted"),
        }
    }
}

#[cfg(test)]
mod tests;
