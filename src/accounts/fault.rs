//! What can go wrong with the store, for the operator's log and terminal.
//!
//! Never: goes to a peer; these texts name files of the host.

use std::fmt;

use super::AccountName;
use crate::conffile::FileError;
use crate::error::Error;
use crate::text::Escaped;

/// Why the store could not be read or changed.
#[derive(Debug)]
pub enum StoreError {
    /// A file has mistakes, or cannot be read or written now.
    File(FileError),
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
        match self {
            StoreError::File(error) => error.fmt(f),
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

impl From<FileError> for StoreError {
    fn from(error: FileError) -> StoreError {
        StoreError::File(error)
    }
}

impl std::error::Error for StoreError {}
