//! Everything that is sent by the framed protocol: answers that are ready together leave in one
//! write.

use std::time::Instant;

use crate::error::{Error, Result};
use crate::limits;
use crate::protocols::ClientChecks;
use crate::session::Ending;
use crate::stream::{Peer, Stream};
use crate::wire::{self, Alive, FrameKind, Message, Sink};

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

    /// Whether the client has received nothing for so long that it is time for a sign.
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
        wire::frame_with_data(&mut self.waiting, FrameKind::More, fields, data.len());
        if data.len() < limits::BUSY_BUFFER / 2 {
            self.waiting.extend_from_slice(data);
            return if self.is_late() { self.flush() } else { self.flush_if_full() };
        }
        self.send_with(data)
    }

    /// Queues a frame of whose data only the first bytes are here; the caller sends the others.
    pub(super) fn begin_more(&mut self, fields: &Sink, first: &[u8], all: usize) -> Result<()> {
        wire::frame_with_data(&mut self.waiting, FrameKind::More, fields, all);
        self.send_with(first)
    }

    /// Writes what waits and this behind it.
    fn send_with(&mut self, data: &[u8]) -> Result<()> {
        self.sent_at = Instant::now();
        let sent = self.stream.send(&[&self.waiting, data]);
        self.waiting.clear();
        sent
    }

    /// Shows how far a long operation is.
    pub(super) fn sign_of_life(&mut self, done: u64, total: u64) -> Result<()> {
        wire::frame(&mut self.waiting, FrameKind::Alive, &Alive::new(done, total).fields());
        self.flush()
    }
}

/// A long operation as its client sees it: it shows signs of life, and it ends when the client has
/// gone or the session has to end.
#[derive(Debug)]
pub(super) struct SignsOfLife<'a> {
    pub(super) outbox: &'a mut Outbox,
    ending: Ending,
    looks: ClientChecks,
    /// Whether a client that says nothing more was sent something since: one that has gone answers
    /// that with a reset.
    is_probed: bool,
}

impl<'a> SignsOfLife<'a> {
    pub(super) fn new(outbox: &'a mut Outbox, ending: Ending) -> SignsOfLife<'a> {
        SignsOfLife { outbox, ending, looks: ClientChecks::new(), is_probed: false }
    }

    /// Called as often as there is something to report: how far the operation is, and of how much,
    /// 0 if that is not known.
    ///
    /// # Errors
    /// Why it has to end.
    pub(super) fn report(&mut self, done: u64, total: u64) -> Result<()> {
        if !self.looks.is_due() {
            return Ok(());
        }
        self.ending.check()?;
        match self.outbox.stream.peer_seen() {
            Peer::Gone => Err(Error::Gone),
            Peer::Silent if !self.is_probed => {
                self.is_probed = true;
                self.outbox.sign_of_life(done, total)
            }
            Peer::Here | Peer::Silent if self.outbox.is_late() => {
                self.outbox.sign_of_life(done, total)
            }
            Peer::Here | Peer::Silent => Ok(()),
        }
    }
}
