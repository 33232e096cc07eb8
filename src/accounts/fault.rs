//! What can go wrong with the store, for the operator's log and terminal.
//!
//! Never: goes to a peer; these texts name files of the host.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::AccountName;
use crate::error::Error;
use crate::text::Escaped;

/// A mistake in the text of the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from one; none if the fault is the file's as a whole.
    pub(super) line: Option<usize>,
    /// Where in the line, what was expected, what stands there.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn at(line: usize, what: impl Into<String>) -> Fault {
        Fault { line: Some(line), what: what.into() }
    }

    pub(super) fn whole(what: impl Into<String>) -> Fault {
        Fault { line: None, what: what.into() }
    }
}

/// Why the store could not be read or changed.
#[derive(Debug)]
pub enum StoreError {
    /// The file has a mistake; all of it is refused.
    Fault {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from one, if it is one line's.
        line: Option<usize>,
        /// Where in the line, what was expected, what stands there.
        what: String,
    },
    /// The system refused something.
    Io {
        /// Which file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock too long.
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// Seconds that were waited.
        waited_secs: u64,
    },
    /// The file was changed by hand at the same moment; nothing was written.
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// There is no such account.
    Unknown {
        /// What was asked for.
        name: String,
        /// The account that may have been meant.
        nearest: Option<String>,
    },
    /// There is such an account already.
    Exists {
        /// The account.
        name: AccountName,
    },
    /// The home of a new account is not free; nothing was written.
    Home(Error),
    /// It would leave nobody who can change accounts from afar; nothing was written.
    LastAdmin,
    /// Nobody can register, as the settings say.
    NotOpen,
    /// An invitation that is not good; what is wrong with it.
    NoInvitation {
        /// For the log.
        why: &'static str,
    },
    /// A ceiling on requests.
    Full {
        /// Which.
        what: &'static str,
        /// Its value.
        max: u64,
    },
    /// There is no such request.
    NoRequest {
        /// What was asked for.
        number: u64,
    },
    /// There is no such ban.
    NotBanned {
        /// Of what.
        name: String,
    },
    /// The request has been answered.
    Decided {
        /// Which.
        number: u64,
        /// How.
        state: &'static str,
    },
    /// A change that cannot be; nothing was written.
    Refused {
        /// Why.
        what: String,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| Escaped(&path.to_string_lossy()).to_string();
        match self {
            StoreError::Fault { path, line: Some(line), what } => {
                write!(f, "{}:{line}: {what}", shown(path))
            }
            StoreError::Fault { path, line: None, what } => write!(f, "{}: {what}", shown(path)),
            StoreError::Io { path, doing, source } => {
                write!(f, "{}: {doing}: {source}", shown(path))
            }
            StoreError::Locked { path, waited_secs } => {
                let path = shown(path);
                write!(f, "{path}: held by another process for more than {waited_secs} s")
            }
            StoreError::Changed { path } => {
                let path = shown(path);
                write!(
                    f,
                    "{path}: somebody else changed it just now; nothing was written, try again"
                )
            }
            StoreError::Unknown { name, nearest } => {
                write!(f, "no account `{}`", Escaped(name))?;
                match nearest {
                    Some(nearest) => write!(f, ", did you mean `{nearest}`?"),
                    None => Ok(()),
                }
            }
            StoreError::Exists { name } => write!(f, "there is an account `{name}` already"),
            StoreError::Home(why) => why.fmt(f),
            StoreError::LastAdmin => f.write_str("there would be no admin left"),
            StoreError::NotOpen => f.write_str("nobody can register here"),
            StoreError::NoInvitation { why } => write!(f, "the invitation is not good: {why}"),
            StoreError::Full { what, max } => write!(f, "too many {what}: the limit is {max}"),
            StoreError::NoRequest { number } => write!(f, "no registration {number}"),
            StoreError::NotBanned { name } => write!(f, "`{}` is not banned", Escaped(name)),
            StoreError::Decided { number, state } => {
                write!(f, "registration {number} was {state} already")
            }
            StoreError::Refused { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io { source, .. } => Some(source),
            StoreError::Home(why) => why.source(),
            _ => None,
        }
    }
}
