//! `miniftpd demo`.

use std::process::ExitCode;

/// Shows the whole job.
pub(crate) fn run() -> ExitCode {
    ExitCode::from(2)
}
