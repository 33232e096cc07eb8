//! What the program says at its end, and its exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a text; a reader that has gone is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says why it ends.
pub(crate) fn fail(code: u8, what: impl Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "miniftpd: {what}");
    ExitCode::from(code)
}
