//! Content at the rate that the session may have.
//!
//! A wait for one's turn is the server's own: answers that are ready leave before it, signs of life
//! during it, and an upload that is open is not taken for one that was given up.
//! Invariant: nothing but the rest of a frame is written once its head was.

use std::thread;
use std::time::Duration;

use super::connection::{FramedConnection, UploadStream};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::limits;
use crate::session::{Due, Way};
use crate::stream::Peer;
use crate::wire::Sink;

/// Bytes a second below which a frame is saved up for and sent in one go: sent bit by bit it would
/// be slower than a peer's patience with a frame.
const TOO_SLOW: u64 = 2 * limits::PACE;

impl FramedConnection {
    /// Reads so much of the data of a frame, bit by bit where there is a rate: what is not read
    /// fills the sockets' buffers, and so the peer waits too.
    pub(super) fn take_content(&mut self, into: &mut [u8]) -> Result<()> {
        let mut left = into;
        while !left.is_empty() {
            let paid = self.pay(Way::Up, left.len())?;
            let (now, later) = left.split_at_mut(paid);
            let upload = self.upload.as_ref();
            let mut line = UploadStream { stream: &mut self.outbox.stream, upload };
            self.inbox.data(&mut line, now)?;
            self.content_left = self.content_left.saturating_sub(paid);
            left = later;
        }
        Ok(())
    }

    /// Reads all of the data of a frame into the buffer of [`FramedConnection::inline`], which the
    /// caller puts back.
    pub(super) fn take_inline(&mut self) -> Result<Buffer> {
        let mut inline = std::mem::take(&mut self.inline);
        if inline.len() < self.content_left {
            inline = Buffer::new(self.content_left);
        }
        let room = inline.get_mut(..self.content_left).unwrap_or_default();
        self.take_content(room)?;
        Ok(inline)
    }

    /// Reads what a handler has left of the data of a frame, so that the next frame can follow.
    pub(super) fn skip_content(&mut self) -> Result<()> {
        let mut block = std::mem::take(&mut self.block);
        while self.content_left > 0 {
            let room = block.room(self.content_left);
            self.take_content(room)?;
        }
        self.block = block;
        Ok(())
    }

    /// Waits, between two frames or inside one of the peer's, until some of the wanted bytes may
    /// move, and says how many.
    pub(super) fn pay(&mut self, way: Way, wanted: usize) -> Result<usize> {
        loop {
            let wait = match self.session.due(way, wanted) {
                Due::Move(bytes) => return Ok(some_of(wanted, bytes)),
                Due::Wait(wait) => wait,
            };
            self.session.ending().check()?;
            if self.outbox.stream.peer_seen() == Peer::Gone {
                return Err(Error::Gone);
            }
            // Small files that have come are not kept from being stored by those that will.
            if self.has_waiting_files() && self.outbox.is_late() {
                self.settle_group()?;
            }
            self.outbox.flush()?;
            if self.outbox.is_late() {
                self.outbox.sign_of_life(0, 0)?;
            }
            self.sleep(wait);
        }
    }

    /// Sends a part with its data, of which so many bytes are paid for.
    pub(super) fn send_content(&mut self, part: &Sink, data: &[u8], paid: usize) -> Result<()> {
        let mut paid = paid;
        while paid < data.len() && self.session.pace(Way::Down).is_some_and(|p| p < TOO_SLOW) {
            paid += self.pay(Way::Down, data.len() - paid)?;
        }
        let Some((mut now, mut later)) = data.split_at_checked(paid) else {
            return self.outbox.more(part, data);
        };
        if later.is_empty() {
            return self.outbox.more(part, data);
        }
        self.outbox.begin_more(part, now, data.len())?;
        while !later.is_empty() {
            let paid = self.pay_inside(later.len());
            (now, later) = later.split_at(paid);
            self.outbox.stream.send(&[now])?;
        }
        Ok(())
    }

    /// Waits inside a frame of this side's, which is finished without a wait where this connection
    /// is to end: behind a frame it can be said why.
    fn pay_inside(&mut self, wanted: usize) -> usize {
        loop {
            match self.session.due(Way::Down, wanted) {
                Due::Move(bytes) => return some_of(wanted, bytes),
                Due::Wait(_) if self.session.ending().check().is_err() => return wanted,
                Due::Wait(wait) => self.sleep(wait),
            }
        }
    }

    fn sleep(&self, wait: Duration) {
        if let Some(upload) = &self.upload {
            upload.touch();
        }
        thread::sleep(wait.min(limits::RATE_LOOK));
    }

    /// Bytes of the next part, of which so many are paid for and so many left: a second's worth
    /// where there is a rate, so that the peer sees something move.
    pub(super) fn part_len(&mut self, paid: usize, left: usize) -> usize {
        let Some(pace) = self.session.pace(Way::Down) else { return left };
        let pace = usize::try_from(pace).unwrap_or(usize::MAX);
        let chunks = (pace / limits::CHUNK).max(paid.div_ceil(limits::CHUNK)).max(1);
        chunks.saturating_mul(limits::CHUNK).min(left)
    }
}

/// As many of the wanted as may move.
fn some_of(wanted: usize, bytes: u64) -> usize {
    usize::try_from(bytes).map_or(wanted, |bytes| bytes.min(wanted))
}
