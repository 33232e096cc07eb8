//! An act as a value: who, what, to what, and what came of it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// An account or a guest came in, or was refused.
    Login,
    /// A login ended, and the connection goes on.
    Logout,
    /// A connection ended.
    Left,
    /// A file came.
    Put,
    /// A file was sent.
    Get,
    /// A file, or a folder with all that it holds, was removed.
    Rm,
    /// A folder was made.
    Mkdir,
    /// An empty folder was removed.
    Rmdir,
    /// Something was renamed or moved.
    Mv,
    /// A file was copied on the server.
    Cp,
    /// The time of a file was set.
    Time,
    /// The permission bits of a file or folder were set.
    Mode,
    /// An unfinished upload was dropped.
    Drop,
    /// Unfinished uploads grew too old.
    Expire,
    /// Somebody asked for an account.
    Register,
    /// A password was changed.
    Passwd,
    /// A temporary password for FTP was made.
    FtpPassword,
    /// A temporary password is good no longer.
    FtpRevoke,
    /// An account was made.
    Create,
    /// An account was closed.
    Close,
    /// An account was opened again.
    Open,
    /// An account may store another number of bytes.
    Quota,
    /// An account became an admin's, or no more.
    Role,
    /// An account was removed.
    Remove,
    /// A request for an account was approved.
    Approve,
    /// A request for an account was refused.
    Reject,
    /// Sessions were ended.
    Kick,
    /// An account or an address is kept out.
    Ban,
    /// It is let in again.
    Pardon,
    /// A class list, or accounts of another server, were imported.
    Import,
}

impl Verb {
    /// All of them, in the order of the manual.
    pub const ALL: [Verb; 30] = [
        Verb::Login,
        Verb::Logout,
        Verb::Left,
        Verb::Put,
        Verb::Get,
        Verb::Rm,
        Verb::Mkdir,
        Verb::Rmdir,
        Verb::Mv,
        Verb::Cp,
        Verb::Time,
        Verb::Mode,
        Verb::Drop,
        Verb::Expire,
        Verb::Register,
        Verb::Passwd,
        Verb::FtpPassword,
        Verb::FtpRevoke,
        Verb::Create,
        Verb::Close,
        Verb::Open,
        Verb::Quota,
        Verb::Role,
        Verb::Remove,
        Verb::Approve,
        Verb::Reject,
        Verb::Kick,
        Verb::Ban,
        Verb::Pardon,
        Verb::Import,
    ];

    /// Its word in the log.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Login => "login",
            Verb::Logout => "logout",
            Verb::Left => "left",
            Verb::Put => "put",
            Verb::Get => "get",
            Verb::Rm => "rm",
            Verb::Mkdir => "mkdir",
            Verb::Rmdir => "rmdir",
            Verb::Mv => "mv",
            Verb::Cp => "cp",
            Verb::Time => "time",
            Verb::Mode => "mode",
            Verb::Drop => "drop",
            Verb::Expire => "expire",
            Verb::Register => "register",
            Verb::Passwd => "passwd",
            Verb::FtpPassword => "ftp-password",
            Verb::FtpRevoke => "ftp-revoke",
            Verb::Create => "create",
            Verb::Close => "close",
            Verb::Open => "open",
            Verb::Quota => "quota",
            Verb::Role => "role",
            Verb::Remove => "remove",
            Verb::Approve => "approve",
            Verb::Reject => "reject",
            Verb::Kick => "kick",
            Verb::Ban => "ban",
            Verb::Pardon => "pardon",
            Verb::Import => "import",
        }
    }
}

/// From where somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorOrigin {
    /// From this address, by this protocol, in the session of this number.
    Protocol(IpAddr, &'static str, u64),
    /// At the server's own terminal.
    Terminal,
    /// With `miniftpd account`.
    CommandLine,
    /// The server itself.
    Server,
}

impl fmt::Display for ActorOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActorOrigin::Protocol(address, ..) => address.to_canonical().fmt(f),
            ActorOrigin::Terminal => f.write_str("terminal"),
            ActorOrigin::CommandLine => f.write_str("command-line"),
            ActorOrigin::Server => f.write_str("localhost"),
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The account's name, `operator` or `server`; none before a login.
    pub name: Option<&'a str>,
    /// From where.
    pub from: ActorOrigin,
}

impl Actor<'static> {
    /// Whoever runs the server.
    pub fn operator(from: ActorOrigin) -> Actor<'static> {
        Actor { name: Some("operator"), from }
    }

    /// The server's own housekeeping.
    pub fn server() -> Actor<'static> {
        Actor { name: Some("server"), from: ActorOrigin::Server }
    }
}

/// What came of an act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    #[default]
    Done,
    /// The line broke, or the other side gave up.
    Broken,
    /// It was not done.
    Refused,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 3] = [Outcome::Done, Outcome::Broken, Outcome::Refused];

    /// Its word in the log for programs.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Broken => "broken",
            Outcome::Refused => "refused",
        }
    }
}

/// One act. Names are as they came: the formats escape them.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Who.
    pub by: Actor<'a>,
    /// What.
    pub verb: Verb,
    /// The account that it was done to.
    pub name: Option<&'a str>,
    /// The path.
    pub path: Option<&'a str>,
    /// Where on the server's machine the file lies, for the programs that are run after it.
    pub file: Option<&'a Path>,
    /// The new path.
    pub to: Option<&'a str>,
    /// The new value: a quota, a role.
    pub value: Option<&'a str>,
    /// The number of a registration.
    pub registration: Option<u64>,
    /// Files, or sessions that were ended.
    pub count: Option<u64>,
    /// Bytes of the file, or those that were sent or freed.
    pub bytes: Option<u64>,
    /// Bytes that stay of an unfinished upload.
    pub kept_bytes: Option<u64>,
    /// Bytes that came and that were sent since the login.
    pub moved_bytes: Option<(u64, u64)>,
    /// How long.
    pub took: Option<Duration>,
    /// Whether a file was replaced.
    pub replaced: bool,
    /// Whether it travelled as text.
    pub is_text: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused, or ended before its time.
    pub why: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// An act that was done, and nothing more about it.
    pub fn new(by: Actor<'a>, verb: Verb) -> Event<'a> {
        Event {
            by,
            verb,
            name: None,
            path: None,
            file: None,
            to: None,
            value: None,
            registration: None,
            count: None,
            bytes: None,
            kept_bytes: None,
            moved_bytes: None,
            took: None,
            replaced: false,
            is_text: false,
            outcome: Outcome::Done,
            why: None,
        }
    }

    /// A refused login is worth a second look; everything else is daily business.
    pub(super) fn level(&self) -> log::Level {
        match (self.verb, self.outcome) {
            (Verb::Login, Outcome::Refused) => log::Level::Warn,
            _ => log::Level::Info,
        }
    }
}

/// The longest text of a peer that a line repeats.
pub(super) fn clipped(text: &str) -> &str {
    let mut end = text.len().min(crate::limits::PATH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
