//! Where a running server prints: above the line that somebody is typing, if somebody is.
//!
//! The line editor's own way to print above its line would leave keys that came together unread
//! until the next one, so the line is known here and drawn again.
//! Never: waits for anybody but the terminal. Invariant: what is printed in one call is not torn by
//! the prompt.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "line-editor")]
use rustix::termios::tcgetwinsize;
#[cfg(feature = "line-editor")]
use unicode_width::UnicodeWidthStr;

/// What stands before the line.
pub(super) const PROMPT: &str = "miniftpd> ";

/// The terminal's screen; all clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Option<Typed>>>);

/// The line that is being typed.
#[cfg_attr(not(feature = "line-editor"), allow(dead_code, reason = "nobody types a line then"))]
struct Typed {
    prompt: String,
    line: String,
    /// The byte that the cursor is at.
    at: usize,
}

impl Screen {
    fn typed(&self) -> MutexGuard<'_, Option<Typed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So far has the line come that is being typed behind a prompt.
    #[cfg(feature = "line-editor")]
    pub(super) fn shows(&self, prompt: &str, line: &str, at: usize) {
        *self.typed() = Some(Typed { prompt: prompt.to_owned(), line: line.to_owned(), at });
    }

    /// There is no prompt; tells whether there was one.
    pub(super) fn shows_none(&self) -> bool {
        self.typed().take().is_some()
    }

    /// Prints to this file, which may be the terminal. Whoever reads may have gone; the server
    /// goes on.
    fn put(&self, text: &str, is_terminal: bool, mut to: impl Write) -> io::Result<()> {
        let typed = self.typed();
        let around = typed.as_ref().filter(|_| is_terminal).map(around);
        let (before, after) = around.unwrap_or_default();
        to.write_all(format!("{before}{text}{after}").as_bytes()).and_then(|()| to.flush())
    }

    /// A line on standard output.
    pub(super) fn print(&self, line: &str) {
        let out = io::stdout();
        let _ = self.put(&format!("{line}\n"), out.is_terminal(), out.lock());
    }
}

/// What takes the prompt and the line away, and what brings them back with the cursor in its place.
#[cfg(feature = "line-editor")]
fn around(typed: &Typed) -> (String, String) {
    let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    let columns = if columns == 0 { 80 } else { columns };
    let place = |line: &str| {
        let width = typed.prompt.width() + line.width();
        (width / columns, width % columns)
    };
    let (row, column) = place(typed.line.get(..typed.at).unwrap_or(&typed.line));
    let (last_row, _) = place(&typed.line);
    let up = |rows: usize| if rows > 0 { format!("\x1b[{rows}A") } else { String::new() };
    let right = if column > 0 { format!("\x1b[{column}C") } else { String::new() };
    let Typed { prompt, line, .. } = typed;
    let before = format!("{}\r\x1b[J", up(row));
    let after = match typed.at == line.len() {
        true => format!("{prompt}{line}"),
        false => format!("{prompt}{line}{}\r{right}", up(last_row - row)),
    };
    (before, after)
}

#[cfg(not(feature = "line-editor"))]
fn around(_: &Typed) -> (String, String) {
    (String::new(), PROMPT.to_owned())
}

/// Standard error, for the log.
pub(crate) struct LogOutput(pub(crate) Screen);

impl Write for LogOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let err = io::stderr();
        // Lines of the log are text, and come whole.
        let text = String::from_utf8_lossy(bytes);
        self.0.put(&text, err.is_terminal(), err.lock())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
