//! What can go wrong with the store, for the operator's log and terminal.
//!
//! Never: goes to a peer; these texts name files of the host.

use std::fmt;

use super::AccountName;
use super::bans::BanTarget;
use crate::conffile::FileError;
use crate::error::Error;
use crate::text::Escaped;

/// Why the store could not be read or changed.
#[derive(Debug)]
#[non_exhaustive]
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
    Exists(AccountName),
    /// What is said in the same words to whoever asks, such as that a new account's home is not
    /// free; nothing was written.
    Same(Error),
    /// It would leave nobody who can change accounts from afar; nothing was written.
    LastAdmin,
    /// An invitation that is not good; what is wrong with it, for the log.
    NoInvitation(&'static str),
    /// There is no request of this number.
    NoRequest(u64),
    /// There is no ban of this.
    NotBanned(BanTarget),
    /// The request has been answered.
    Decided {
        /// Which.
        number: u64,
        /// How.
        state: &'static str,
    },
    /// A text that cannot be kept, and why; nothing was written.
    Refused(String),
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
            StoreError::Exists(name) => write!(f, "there is an account `{name}` already"),
            StoreError::Same(why) => why.fmt(f),
            StoreError::LastAdmin => f.write_str("there would be no admin left"),
            StoreError::NoInvitation(why) => write!(f, "the invitation is not good: {why}"),
            StoreError::NoRequest(number) => write!(f, "no registration `{number}`"),
            StoreError::NotBanned(who) => write!(f, "no ban of `{who}`"),
            StoreError::Decided { number, state } => {
                write!(f, "registration {number} was {state} already")
            }
            StoreError::Refused(what) => f.write_str(what),
        }
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> StoreError {
        StoreError::File(error)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        StoreError::Same(error)
    }
}

impl std::error::Error for StoreError {}
