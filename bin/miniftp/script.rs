//! The script on standard input, read so that Ctrl-C ends the wait for its next line.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::PollFlags;

use crate::terminal::is_ready;

/// Standard input. Nobody else reads it.
pub(crate) struct Script {
    /// Set by whoever wants no more of it.
    pub(crate) interrupt: Arc<AtomicBool>,
}

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        while !is_ready(&stdin, PollFlags::IN)? {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(io::Error::other("stopped"));
            }
        }
        Ok(rustix::io::read(&stdin, into)?)
    }
}
