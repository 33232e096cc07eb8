//! What is written for whoever sits in front of a terminal: how wide it is, and writes that a
//! signal ends.

use std::io;
use std::os::fd::AsFd;

use rustix::event::PollFlags;
use rustix::termios::tcgetwinsize;

use crate::terminal::is_ready;

/// Bytes that a pipe takes at once when it says that it takes any.
const PIECE: usize = 4096;

/// Columns that are assumed where the terminal does not say.
const COLUMNS: usize = 80;

/// Writes all of it, past any buffer, unless whoever reads it has stopped reading and `is_over`
/// says that nobody waits for that any more.
pub(crate) fn write_until(
    to: impl AsFd,
    bytes: &[u8],
    is_over: &dyn Fn() -> bool,
) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        while !is_ready(&to, PollFlags::OUT)? {
            if is_over() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let written = rustix::io::write(&to, left.get(..PIECE).unwrap_or(left))?;
        left = left.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Columns of the terminal that messages go to.
pub(crate) fn columns() -> usize {
    columns_of(io::stderr())
}

/// Columns of a terminal.
pub(crate) fn columns_of(terminal: impl AsFd) -> usize {
    match tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => COLUMNS,
    }
}
