//! What can go wrong for a client, in words for whoever sits in front of it.
//!
//! Texts and names that came from the server are escaped before they get in here.

mod cause;
mod insecure;
mod remains;

use std::fmt;
use std::io;
use std::path::Path;

use crate::text::{Escaped, Size, escape_bytes, system_words};
use crate::tls::Fingerprint;
use crate::wire::Code;

pub use self::insecure::NoTls;
pub use self::remains::Remains;

const IS_LINK: &str = "is a link, which is neither followed nor replaced";
const DAMAGED: &str = "content stayed damaged on the way; try again later";
const KIND_DIFFERS: &str = "is another kind of thing on the server; move one of them away";
const INCOMPLETE: &str = "could not be seen or brought; try again when that is put right";

/// The result of what a client does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No connection came about.
    Connect {
        /// Host and port.
        to: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server refused; the connection goes on.
    Refused {
        /// The number of the answer, see [`Code`].
        code: u16,
        /// The server's words.
        text: String,
    },
    /// Wrong name or password.
    LoginRefused,
    /// The server could not prove that it knows the account: it is another server.
    ServerUnproven,
    /// The login does not fit the channel that it came through at the server.
    Intercepted,
    /// The server has shown another key than it had before; nothing was sent to it.
    KeyChanged {
        /// Host and port, escaped.
        to: String,
        /// The fingerprint that is known.
        known: Box<Fingerprint>,
        /// The one that it has now.
        shown: Box<Fingerprint>,
    },
    /// The file of known servers cannot be used.
    KnownHosts {
        /// Why, with its path.
        why: String,
    },
    /// The connection would not be encrypted, and that is not wanted.
    NoTls(NoTls),
    /// Nobody is logged in on this client.
    NotLoggedIn,
    /// The server's last words; it ended the connection.
    Farewell {
        /// The number of the farewell.
        code: u16,
        /// The server's words.
        text: String,
    },
    /// The line broke, and it was not a thing to be tried again without being asked.
    Line {
        /// What is not known to be done.
        doing: &'static str,
        /// How it broke.
        source: crate::error::Error,
    },
    /// The line broke too often.
    GaveUp {
        /// Attempts in a row that moved nothing.
        tries: u32,
        /// How the last one ended.
        last: Box<Error>,
        /// What is left of it.
        left: Remains,
    },
    /// The line broke, and the current folder is gone: nothing relative is done elsewhere instead.
    DirectoryLost {
        /// The folder, escaped.
        path: String,
        /// Why it cannot be entered, escaped.
        why: String,
    },
    /// Something on this computer.
    Local {
        /// The file, escaped.
        path: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// This computer's disk is full.
    LocalFull {
        /// The file, escaped.
        path: String,
    },
    /// A file that differs is here already and may not be replaced.
    LocalExists {
        /// The file, escaped.
        path: String,
        /// Its bytes.
        size: u64,
    },
    /// Something took the place of a file that was not here when its transfer began.
    LocalAppeared {
        /// The file, escaped.
        path: String,
    },
    /// A folder is here where a file should go.
    LocalFolder {
        /// The folder, escaped.
        path: String,
    },
    /// A link is here where a file should go.
    LocalLink {
        /// The link, escaped.
        path: String,
    },
    /// Neither a file nor a folder, or a file where a folder is needed.
    LocalKind {
        /// What it is about, escaped.
        path: String,
        /// What was needed.
        needed: &'static str,
    },
    /// Something is a file or a folder on one side and something else on the other.
    KindDiffers {
        /// The path here, escaped.
        path: String,
    },
    /// Nothing was removed, because not everything was seen or brought.
    Incomplete {
        /// What could not be read, listed or transferred.
        failed: u64,
    },
    /// The file kept changing while it was being sent or fetched.
    Changed {
        /// The file, escaped.
        path: String,
    },
    /// Content stayed damaged however often it was sent.
    Damaged {
        /// The file, escaped.
        path: String,
    },
    /// A name that cannot be one on the other side.
    BadName {
        /// The name, escaped.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The other side does not speak as agreed.
    Protocol {
        /// What was wrong.
        what: &'static str,
    },
    /// Something that cannot be asked for.
    Usage {
        /// What.
        what: &'static str,
    },
    /// The server says more than this client keeps.
    TooMuch {
        /// What has to be kept.
        what: &'static str,
        /// How much of it is kept at most.
        most_bytes: u64,
    },
    /// The user said to stop. What was moved stays.
    Interrupted,
}

impl Error {
    /// The program's exit code: 1 refused or failed, 3 no connection, 4 login refused, 130
    /// interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Connect { .. }
            | Error::Farewell { .. }
            | Error::Line { .. }
            | Error::NoTls(_)
            | Error::GaveUp { .. } => 3,
            Error::LoginRefused
            | Error::ServerUnproven
            | Error::Intercepted
            | Error::KeyChanged { .. }
            | Error::NotLoggedIn => 4,
            banned if banned.is_refusal(Code::Banned) => 4,
            clear if clear.is_refusal(Code::NeedTls) => 3,
            Error::Interrupted => 130,
            _ => 1,
        }
    }

    /// Whether this is the server's refusal with this code.
    pub fn is_refusal(&self, code: Code) -> bool {
        matches!(self, Error::Refused { code: got, .. } if *got == code.number())
    }

    /// Whether a new connection may help: the line broke, or the server takes a break.
    pub(super) fn is_broken_line(&self) -> bool {
        match self {
            Error::Connect { .. } | Error::Line { .. } => true,
            Error::Farewell { code, .. } => {
                // This side sends no frame over the limit: its length was damaged on the way.
                [Code::TimedOut, Code::Stopping, Code::Full, Code::Malformed, Code::TooLarge]
                    .iter()
                    .any(|passing| passing.number() == *code)
            }
            _ => false,
        }
    }

    /// Whether only too many others are in the way, at the server or in the line for the account.
    pub(super) fn is_crowded(&self) -> bool {
        self.is_refusal(Code::Slowed)
            || matches!(self, Error::Farewell { code, .. } if *code == Code::Full.number())
    }

    /// There is no connection where one was a moment ago.
    pub(super) fn gone() -> Error {
        Error::Line { doing: "", source: crate::error::Error::Gone }
    }

    /// Something on this computer; a full disk has an error of its own.
    pub(super) fn local(path: &Path, doing: &'static str, source: io::Error) -> Error {
        let path = shown(path);
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::LocalFull { path },
            _ => Error::Local { path, doing, source },
        }
    }
}

/// What is at a local path where a file should be.
pub(super) fn no_file(path: &Path, meta: &std::fs::Metadata) -> Error {
    let path = shown(path);
    if meta.is_dir() {
        Error::LocalFolder { path }
    } else if meta.is_symlink() {
        Error::LocalLink { path }
    } else {
        Error::LocalKind { path, needed: "a file" }
    }
}

/// A local path as people may see it.
pub(super) fn shown(path: &Path) -> String {
    escape_bytes(path.as_os_str().as_encoded_bytes())
}

const APPEARED: &str = "was not here before: it has just been made, or is the same as another name \
    here; it stays as it is";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Error::*;
        match self {
            Connect { to, source } => {
                let to = Escaped(to);
                write!(f, "cannot connect to {to}: {}", system_words(source))?;
                match source.kind() {
                    io::ErrorKind::ConnectionRefused => f.write_str("; is miniftpd running?"),
                    _ => Ok(()),
                }
            }
            Refused { text, .. } | KnownHosts { why: text } => f.write_str(text),
            LoginRefused => f.write_str("wrong name or password"),
            ServerUnproven => f.write_str(
                "the server does not know this account's secret: this may be another server",
            ),
            Intercepted => f.write_str(insecure::INTERCEPTED),
            KeyChanged { to, known, shown } => insecure::key_changed(f, to, known, shown),
            NoTls(why) => write!(f, "{why}"),
            NotLoggedIn => f.write_str("log in first"),
            Farewell { text, .. } => write!(f, "the server ended the connection: {text}"),
            Line { doing: "", source } => write!(f, "the line broke: {source}"),
            Line { doing, source } => {
                write!(f, "the line broke ({source}); it is not known whether {doing} was done")
            }
            GaveUp { tries, last, left } => {
                write!(f, "gave up after {tries} tries ({last}); {left}")
            }
            DirectoryLost { path, why } => {
                write!(f, "the current folder `{path}` is gone ({why}); `cd PATH` says where to be")
            }
            Local { path, doing, source } => {
                write!(f, "`{path}`: cannot {doing}: {}", system_words(source))
            }
            LocalFull { path } => {
                write!(f, "`{path}`: this computer's disk is full; {}", Remains::Part)
            }
            LocalExists { path, size } => write!(
                f,
                "`{path}` is here already ({}) and differs; --overwrite replaces it",
                Size(*size)
            ),
            LocalAppeared { path } => write!(f, "`{path}` {APPEARED}"),
            LocalLink { path } => write!(f, "`{path}` {IS_LINK}"),
            LocalFolder { path } => write!(f, "`{path}` is a folder"),
            LocalKind { path, needed } => write!(f, "`{path}` is not {needed}"),
            KindDiffers { path } => write!(f, "`{path}` {KIND_DIFFERS}"),
            Incomplete { failed } => write!(f, "nothing was removed: {failed} {INCOMPLETE}"),
            Changed { path } => write!(f, "`{path}` kept changing; try again when it is at rest"),
            Damaged { path } => write!(f, "`{path}`: {DAMAGED}"),
            BadName { name, why } => write!(f, "`{name}`: {why}"),
            Protocol { what } => write!(f, "the server does not speak as agreed: {what}"),
            Usage { what } => f.write_str(what),
            TooMuch { what, most_bytes } => write!(
                f,
                "{what} more than {} at once, which is the most that this client keeps; ask for \
                 less",
                Size(*most_bytes)
            ),
            Interrupted => f.write_str("interrupted; the same command resumes from there"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connect { source, .. } | Error::Local { source, .. } => Some(source),
            Error::Line { source, .. } => Some(source),
            Error::GaveUp { last, .. } => Some(last),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_and_what_next() {
        let to = "127.0.0.1:2020".to_owned();
        let refused = Error::Connect { to, source: io::Error::from_raw_os_error(111) };
        assert_eq!(
            refused.to_string(),
            "cannot connect to 127.0.0.1:2020: connection refused; is miniftpd running?"
        );
        assert_eq!(refused.exit_code(), 3);
        let denied = io::Error::from_raw_os_error(13);
        let local = Error::local(Path::new("x\n.bin"), "read it", denied);
        assert_eq!(local.to_string(), "`x\\n.bin`: cannot read it: permission denied");
        let full = Error::local(Path::new("x"), "write", io::ErrorKind::StorageFull.into());
        assert!(matches!(full, Error::LocalFull { .. }));
    }

    #[test]
    fn an_error_is_small_enough_to_return_by_value() {
        assert!(size_of::<Error>() <= 96, "{}", size_of::<Error>());
    }

    #[test]
    fn only_what_a_new_connection_fixes_is_tried_again() {
        let farewell = |code: Code| Error::Farewell { code: code.number(), text: String::new() };
        assert!(farewell(Code::Stopping).is_broken_line());
        assert!(farewell(Code::TooLarge).is_broken_line());
        assert!(!farewell(Code::AccountClosed).is_broken_line());
        assert!(Error::from(crate::error::Error::Gone).is_broken_line());
        assert!(!Error::from(crate::error::Error::Interrupted).is_broken_line());
        assert!(!Error::Protocol { what: "x" }.is_broken_line());
    }
}
