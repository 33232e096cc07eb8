//! Why a command of `miniftpd account` was not done, or not all of it.

use std::fmt;
use std::io;

use miniftp::accounts::StoreError;
use miniftp::conffile::FileError;
use miniftp::error::Error;

/// Why a command was not done: the exit code says which, the text says what to do next.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not said rightly.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// A part of it was not done.
    Incomplete {
        /// What was, if anything was.
        done: String,
        /// What was not, one each.
        missing: Vec<String>,
        /// The exit code.
        code: u8,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) | Failure::Failed(what) => f.write_str(what),
            Failure::Incomplete { missing, .. } => f.write_str(&missing.join("; ")),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        if let StoreError::Same(error) = error {
            return error.into();
        }
        let next = match &error {
            StoreError::Unknown { nearest: Some(_), .. } => " `miniftpd account list` shows them",
            StoreError::Unknown { .. } => "; `miniftpd account list` shows them",
            StoreError::NoRequest(_) => "; `miniftpd account pending` shows those that wait",
            StoreError::Exists(_) => "; `passwd`, `quota` and `role` change it",
            StoreError::File(FileError::Parse { .. }) => {
                "; fix it, or put accounts.ini.previous in its place"
            }
            StoreError::File(FileError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                "; --conf DIR says where the accounts lie"
            }
            StoreError::File(FileError::Locked { .. }) => "; try again later",
            _ => "",
        };
        Failure::Failed(format!("{error}{next}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Failed(match error {
            Error::BadArgument { what } => what.to_owned(),
            // This is the operator's terminal, and not a peer's.
            Error::Io { doing, source } => format!("{doing}: {source}"),
            other => other.to_string(),
        })
    }
}
