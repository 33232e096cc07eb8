//! Standard output, written so that Ctrl-C ends the wait for a reader that has stopped reading.

use std::io::{self, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::write_until;

/// Standard output for results.
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
        write_until(&self.out, bytes, &|| self.interrupt.load(Ordering::Relaxed))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
