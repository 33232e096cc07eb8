//! What is wrong with conf/mounts.ini, for the operator's log and terminal.
//!
//! Never: goes to a peer; these texts name folders of the host.

use std::fmt;
use std::path::PathBuf;

use crate::text::Escaped;

/// Faults that are shown of one file; the rest are counted.
const SHOWN: usize = 40;

/// One fault, and the line it is in, from 1; 0 if it is the file's as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn at(line: usize, what: impl Into<String>) -> Fault {
        Fault { line, what: what.into() }
    }
}

/// Why the file was refused: every fault of it, one a line.
#[derive(Debug)]
pub struct MountsError {
    pub(super) path: PathBuf,
    pub(super) faults: Vec<Fault>,
}

impl fmt::Display for MountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        let path = Escaped(&path);
        for (i, Fault { line, what }) in self.faults.iter().take(SHOWN).enumerate() {
            f.write_str(if i == 0 { "" } else { "\n" })?;
            match line {
                0 => write!(f, "{path}: {what}")?,
                line => write!(f, "{path}:{line}: {what}")?,
            }
        }
        match self.faults.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{path}: and {more} more"),
        }
    }
}

impl std::error::Error for MountsError {}
