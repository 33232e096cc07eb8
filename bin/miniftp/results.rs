//! Standard output, written so that Ctrl-C ends the wait for a reader that has stopped reading.

use std::io::{self, ErrorKind, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::PollFlags;

use crate::terminal::is_ready;

/// Bytes that a pipe takes at once when it says that it takes any.
const PIECE: usize = 4096;

/// See the head of this file.
pub(crate) struct Results {
    out: Stdout,
    interrupt: Arc<AtomicBool>,
}

impl Results {
    /// Standard output; `interrupt` is set by whoever wants no more of it.
    pub(crate) fn new(interrupt: Arc<AtomicBool>) -> Results {
        Results { out: io::stdout(), interrupt }
    }
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while !is_ready(&self.out, PollFlags::OUT)? {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        // Not through the buffer of `Stdout`, which would write more than fits.
        Ok(rustix::io::write(&self.out, piece)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
