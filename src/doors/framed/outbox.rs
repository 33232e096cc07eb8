//! Everything that leaves through this door: answers that are ready together leave in one write.

use std::time::Instant;

use crate::error::{Error, Result};
use crate::limits;
use crate::stream::Stream;
use crate::wire::{self, Alive, Kind, Message, Sink};

/// The stream and what waits to be written to it.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) stream: Stream,
    waiting: Vec<u8>,
    sent_at: Instant,
}

impl Outbox {
    pub(super) fn new(stream: Stream) -> Outbox {
        Outbox { stream, waiting: Vec::new(), sent_at: Instant::now() }
    }

    /// Where frames are appended.
    pub(super) fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.sent_at = Instant::now();
        let sent = self.stream.send(&[&self.waiting]);
        self.waiting.clear();
        sent
    }

    /// Writes what waits if it is much.
    pub(super) fn flush_if_full(&mut self) -> Result<()> {
        if self.waiting.len() >= limits::BUSY_BUFFER { self.flush() } else { Ok(()) }
    }

    /// Whether the peer has heard nothing for so long that it is time for a sign.
    pub(super) fn is_late(&self) -> bool {
        self.sent_at.elapsed() >= limits::SIGN_OF_LIFE
    }

    /// Gives the buffer back.
    pub(super) fn rest(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
    }

    /// A part of what the answer will be about, with its data. Large data is written at once and
    /// never copied.
    pub(super) fn more(&mut self, fields: &Sink, data: &[u8]) -> Result<()> {
        wire::frame_with_data(&mut self.waiting, Kind::More, fields, data.len());
        if data.len() < limits::BUSY_BUFFER / 2 {
            self.waiting.extend_from_slice(data);
            return if self.is_late() { self.flush() } else { self.flush_if_full() };
        }
        self.send_with(data)
    }

    /// The same of whose data only the first bytes are here; the caller sends the others.
    pub(super) fn begin_more(&mut self, fields: &Sink, first: &[u8], all: usize) -> Result<()> {
        wire::frame_with_data(&mut self.waiting, Kind::More, fields, all);
        self.send_with(first)
    }

    /// Writes what waits and this behind it.
    fn send_with(&mut self, data: &[u8]) -> Result<()> {
        self.sent_at = Instant::now();
        let sent = self.stream.send(&[&self.waiting, data]);
        self.waiting.clear();
        sent
    }

    /// Shows life if nothing was sent for a while: how far a long task is.
    pub(super) fn alive(&mut self, done: u64, total: u64) -> Result<()> {
        if !self.is_late() {
            return Ok(());
        }
        wire::frame(&mut self.waiting, Kind::Alive, &Alive::new(done, total).fields());
        self.flush()
    }

    /// The same for a task that need not be finished when the server is stopping.
    pub(super) fn alive_unless(&mut self, stopping: bool, done: u64, total: u64) -> Result<()> {
        if stopping { Err(Error::Stopping) } else { self.alive(done, total) }
    }
}
