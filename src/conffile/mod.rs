//! Configuration files that people edit while programs use and write them.
//!
//! Every file in the configuration directory is read, watched, locked and replaced by what is
//! here: `ini` reads the text by tables of `keys`, `Watched` keeps a value in step with its
//! file, `Lock` keeps other programs out, and `Watched::edit` replaces a file without losing
//! what somebody saved in the meantime.
//!
//! Never: takes half of a file for the whole; holds a lock that others need while it reads, waits
//! or writes; waits without a deadline.
//! Invariant: a value in force was once a whole, valid file.

mod disk;
pub(crate) mod ini;
#[cfg(feature = "server")]
mod kept_names;
pub(crate) mod keys;
pub mod secrets;
#[cfg(test)]
#[cfg(feature = "server")]
mod tests;
#[cfg(feature = "server")]
mod watched;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::Escaped;

pub use self::disk::read_text_at_most;
pub(crate) use self::disk::{Lock, previous_of, read_secret, replace, target_of};
#[cfg(feature = "server")]
pub(crate) use self::kept_names::KeptNames;
#[cfg(feature = "server")]
pub(crate) use self::watched::{Watched, load};

/// Errors of one file that are kept; the rest are counted.
const ERRORS_KEPT: usize = 1000;
/// Errors of one file that are shown; the rest are counted.
pub(crate) const ERRORS_SHOWN: usize = 40;

/// A mistake in a file: what is wrong, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Counted from one; zero if it is the mistake of the file as a whole.
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// All mistakes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParseErrors {
    list: Vec<ParseError>,
    more: usize,
    /// Whether something that it names could not be opened for want of descriptors or memory.
    pub(crate) is_shortage: bool,
}

/// Whether the system refused to open something because it has nothing left for it just now.
pub(crate) fn is_shortage(e: &io::Error) -> bool {
    use rustix::io::Errno;
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM].map(Errno::raw_os_error);
    e.raw_os_error().is_some_and(|code| short.contains(&code))
}

impl ParseErrors {
    /// The only mistake of a file, which is none of a line.
    pub(crate) fn whole(what: impl Into<String>) -> ParseErrors {
        let mut errors = ParseErrors::default();
        errors.push(0, what);
        errors
    }

    pub(crate) fn push(&mut self, line: usize, what: impl Into<String>) {
        if self.list.len() < ERRORS_KEPT {
            self.list.push(ParseError { line, what: what.into() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The value if there is no mistake, otherwise all of them in the order of their lines.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, ParseErrors> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by_key(|error| error.line);
        Err(self)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
        for (i, ParseError { line, what }) in self.list.iter().take(ERRORS_SHOWN).enumerate() {
            f.write_str(if i == 0 { "" } else { "\n" })?;
            match line {
                0 => write!(f, "{path}: {what}")?,
                line => write!(f, "{path}:{line}: {what}")?,
            }
        }
        let more = self.list.len().saturating_sub(ERRORS_SHOWN).saturating_add(self.more);
        if more == 0 { Ok(()) } else { write!(f, "\n{path}: and {more} more") }
    }
}

/// Why a configuration file could not be read or replaced; for the operator, since it names the
/// path and what the system said.
#[derive(Clone, Debug)]
pub enum FileError {
    /// Its text has mistakes, and nothing of it counts.
    Parse {
        /// Which file.
        path: PathBuf,
        /// All of them.
        errors: ParseErrors,
    },
    /// The system refused something.
    Io {
        /// Which file.
        path: PathBuf,
        /// What could not be done.
        doing: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Another program holds the lock.
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// For how long it was waited for.
        waited_secs: u64,
    },
    /// Somebody saves the file again and again; nothing was written.
    Busy {
        /// Which file.
        path: PathBuf,
    },
}

impl FileError {
    pub(crate) fn parse(path: &Path, errors: ParseErrors) -> FileError {
        FileError::Parse { path: path.to_owned(), errors }
    }

    /// Whether the file could not be read, or what it names not be opened, for want of descriptors
    /// or memory. What it says is not known then, and so is not what somebody has taken away by it;
    /// it is tried again at the next look.
    pub(crate) fn is_shortage(&self) -> bool {
        match self {
            FileError::Io { source, .. } => is_shortage(source),
            FileError::Parse { errors, .. } => errors.is_shortage,
            FileError::Locked { .. } | FileError::Busy { .. } => false,
        }
    }

    fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> FileError {
        move |e| FileError::Io { path: path.to_owned(), doing, source: Arc::new(e) }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (FileError::Parse { path, .. }
        | FileError::Io { path, .. }
        | FileError::Locked { path, .. }
        | FileError::Busy { path }) = self;
        let path = Escaped(&path.to_string_lossy()).to_string();
        match self {
            FileError::Parse { errors, .. } => errors.write(f, &path),
            FileError::Io { doing, source, .. } => write!(f, "{path}: cannot be {doing}: {source}"),
            FileError::Locked { waited_secs, .. } => {
                write!(f, "{path}: held by another program for more than {waited_secs} s")
            }
            FileError::Busy { .. } => {
                write!(f, "{path}: another program is saving it just now; try again")
            }
        }
    }
}

impl std::error::Error for FileError {}
