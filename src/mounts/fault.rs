//! What is wrong with conf/mounts.ini, for the operator's log and terminal.
//!
//! Never: goes to a peer; these texts name folders of the host.

use std::fmt;
use std::path::PathBuf;

use crate::text::write_faults;

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
    /// Whether the system had nothing left to open a file or folder with.
    pub(super) is_shortage: bool,
}

impl fmt::Display for MountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.iter();
        let faults = faults
            .map(|Fault { line, what }| (Some(*line).filter(|line| *line > 0), what.as_str()));
        write_faults(f, &self.path.to_string_lossy(), faults)
    }
}

impl std::error::Error for MountsError {}
