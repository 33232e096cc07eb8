//! What the demo says: on standard output, whether anybody reads it or not.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::bar::{Detail, Messages};

/// Says one line; a reader that has gone is no failure.
pub(super) fn print(what: impl Display) {
    let _ = writeln!(io::stdout(), "{what}");
}

/// Begins a step.
pub(super) fn step(number: u32, what: impl Display) {
    print(format_args!("\n{number}. {what}"));
}

/// Where the bars of the demo are drawn: those of the client, among its own lines.
pub(super) struct BarLines;

impl Messages for BarLines {
    fn has_bars(&self) -> bool {
        io::stderr().is_terminal()
    }

    fn detail(&self) -> Detail {
        Detail::Plain
    }

    fn print(&mut self, text: &str) {
        print(format_args!("   {text}"));
    }

    fn complain(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "   {text}");
    }

    fn ask(&mut self, _prompt: &str) -> Option<String> {
        None
    }

    fn is_interrupted(&self) -> bool {
        false
    }
}
