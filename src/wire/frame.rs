//! Frames out of a stream of bytes, and into one.

use byteorder::{BigEndian, ByteOrder};

use super::Sink;
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::limits;

/// What a frame is: the first byte of its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The server's first words: versions and what it can do.
    Greeting,
    /// A command and its fields. Exactly one answer follows.
    Request,
    /// The final answer to the oldest request that has none yet.
    Answer,
    /// A part of what an answer is about: entries, digests, content. Comes before the answer.
    More,
    /// A sign of life during a long task. Comes before the answer.
    Alive,
    /// The last words: the connection ends, and why.
    Bye,
}

impl FrameKind {
    /// The byte on the wire; letters, so that a dump can be read.
    pub fn byte(self) -> u8 {
        match self {
            FrameKind::Greeting => b'G',
            FrameKind::Request => b'R',
            FrameKind::Answer => b'A',
            FrameKind::More => b'M',
            FrameKind::Alive => b'L',
            FrameKind::Bye => b'B',
        }
    }

    /// The kind that a byte stands for.
    pub fn of(byte: u8) -> Option<FrameKind> {
        [
            FrameKind::Greeting,
            FrameKind::Request,
            FrameKind::Answer,
            FrameKind::More,
            FrameKind::Alive,
            FrameKind::Bye,
        ]
        .into_iter()
        .find(|kind| kind.byte() == byte)
    }
}

/// How large a frame may be at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// Bytes of the head.
    pub head: usize,
    /// Bytes of the data.
    pub data: usize,
}

impl Ceiling {
    /// Before login: no more than a login needs.
    pub const ANONYMOUS: Ceiling =
        Ceiling { head: limits::FRAME_BEFORE_LOGIN - limits::FRAME_PREFIX, data: 0 };
    /// After login, and for a client that reads a server's answers.
    pub const KNOWN: Ceiling = Ceiling { head: limits::FRAME_HEAD, data: limits::FRAME_DATA };
}

/// Where bytes come from. A socket with its deadlines on either side; a slice in tests.
pub trait Arrive {
    /// Reads at least one byte, or says why not: [`Error::Gone`] at the end of the stream,
    /// [`Error::TimedOut`] when a deadline passed. `Ok(0)` means that nothing has come for
    /// [`limits::REST_AFTER`] although the peer may still come; it is given only where `begun` is
    /// false, that is, between two frames.
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize>;
}

impl Arrive for &[u8] {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> Result<usize> {
        let n = self.len().min(into.len());
        let (now, later) = self.split_at(n);
        into.get_mut(..n).ok_or(Error::Gone)?.copy_from_slice(now);
        *self = later;
        if n == 0 { Err(Error::Gone) } else { Ok(n) }
    }
}

/// Bytes that have arrived and were not read yet.
///
/// It begins with [`limits::REST_BUFFER`] bytes and holds up to [`limits::BUSY_BUFFER`] while the
/// connection is busy; the data of frames goes past it where it can.
#[derive(Debug, Default)]
pub struct Inbox {
    buffer: Buffer,
    start: usize,
    end: usize,
}

impl Inbox {
    /// An empty one, without a buffer yet.
    pub fn new() -> Inbox {
        Inbox::default()
    }

    /// Whether nothing has arrived that was not read.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Gives the buffer back if it is empty; the next read takes a small one.
    pub fn rest(&mut self) {
        if self.is_empty() {
            *self = Inbox::default();
        }
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Whether a whole frame has arrived already, so that reading it will not wait.
    pub fn holds_a_frame(&self) -> bool {
        let waiting = self.waiting();
        let Some(prefix) = waiting.get(..limits::FRAME_PREFIX) else { return false };
        let sizes = BigEndian::read_u32(prefix) as u64 + BigEndian::read_u32(&prefix[4..]) as u64;
        (waiting.len() - limits::FRAME_PREFIX) as u64 >= sizes
    }

    /// Reads the next head into `head` and returns the number of data bytes that follow it, which
    /// the caller must read with [`Inbox::data`] before anything else. `None`: see [`Arrive`].
    pub fn head(
        &mut self,
        from: &mut impl Arrive,
        ceiling: Ceiling,
        head: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        if !self.gather(from, limits::FRAME_PREFIX)? {
            return Ok(None);
        }
        let mut prefix = [0; limits::FRAME_PREFIX];
        prefix.copy_from_slice(&self.waiting()[..limits::FRAME_PREFIX]);
        let head_len = BigEndian::read_u32(&prefix) as usize;
        let data_len = BigEndian::read_u32(&prefix[4..]) as usize;
        for (got, max) in [(head_len, ceiling.head), (data_len, ceiling.data)] {
            if got > max {
                return Err(Error::TooLarge { got: got as u64, max: max as u64 });
            }
        }
        if head_len == 0 {
            return Err(Error::Malformed { what: "an empty head" });
        }
        self.start += limits::FRAME_PREFIX;
        head.clear();
        head.resize(head_len, 0);
        self.data(from, head)?;
        let mut check = crc32fast::Hasher::new();
        check.update(&prefix[..8]);
        check.update(head);
        if check.finalize() != BigEndian::read_u32(&prefix[8..]) {
            return Err(Error::Malformed { what: "the head was damaged on the way" });
        }
        Ok(Some(data_len))
    }

    /// Fills `into` with the bytes that come next: what has arrived first, the rest straight from
    /// the stream, so that large content is copied once.
    pub fn data(&mut self, from: &mut impl Arrive, into: &mut [u8]) -> Result<()> {
        let waiting = self.waiting();
        let n = waiting.len().min(into.len());
        let (now, mut later) = into.split_at_mut(n);
        now.copy_from_slice(&waiting[..n]);
        self.start += n;
        while !later.is_empty() {
            // A short rest is read through the buffer, so that what follows it comes along.
            if later.len() < limits::BUSY_BUFFER / 2 {
                self.fill(from, true)?;
                return self.data_small(from, later);
            }
            let n = from.arrive(later, true)?;
            later = later.get_mut(n..).unwrap_or_default();
        }
        Ok(())
    }

    fn data_small(&mut self, from: &mut impl Arrive, mut into: &mut [u8]) -> Result<()> {
        loop {
            let waiting = self.waiting();
            let n = waiting.len().min(into.len());
            let (now, later) = into.split_at_mut(n);
            now.copy_from_slice(&waiting[..n]);
            self.start += n;
            into = later;
            if into.is_empty() {
                return Ok(());
            }
            self.fill(from, true)?;
        }
    }

    /// Waits until `n` bytes are here; `false` if not even one came before the peer paused.
    fn gather(&mut self, from: &mut impl Arrive, n: usize) -> Result<bool> {
        while self.waiting().len() < n {
            let begun = !self.is_empty();
            if self.fill(from, begun)? == 0 && !begun {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads once. A read that filled the buffer shows a busy peer: the next buffer is larger.
    fn fill(&mut self, from: &mut impl Arrive, begun: bool) -> Result<usize> {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            let room =
                if self.buffer.is_empty() { limits::REST_BUFFER } else { limits::BUSY_BUFFER };
            self.enlarge(room);
        }
        let room = self.buffer.len() - self.end;
        let n = from.arrive(&mut self.buffer[self.end..], begun)?;
        self.end += n;
        if n == room && self.buffer.len() < limits::BUSY_BUFFER {
            self.enlarge(limits::BUSY_BUFFER);
        }
        Ok(n)
    }

    /// Makes the buffer this large, and keeps what waits.
    fn enlarge(&mut self, len: usize) {
        let mut larger = Buffer::new(len);
        larger[..self.end].copy_from_slice(&self.buffer[..self.end]);
        self.buffer = larger;
    }

    /// Takes whatever is there without waiting, through `now`, which reads into the given room.
    pub fn top_up(&mut self, now: impl FnOnce(&mut [u8]) -> usize) {
        let _ = self.fill(&mut ReadOnce(Some(now)), false);
    }
}

/// An [`Arrive`] that reads once and calls an empty read a pause.
struct ReadOnce<F>(Option<F>);

impl<F: FnOnce(&mut [u8]) -> usize> Arrive for ReadOnce<F> {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> Result<usize> {
        Ok(self.0.take().map_or(0, |read| read(into).min(into.len())))
    }
}

/// Appends a frame without data to `out`.
pub fn frame(out: &mut Vec<u8>, kind: FrameKind, fields: &Sink) {
    frame_with_data(out, kind, fields, 0);
}

/// Appends the prefix and head of a frame whose `data_len` bytes of data the caller sends next.
pub fn frame_with_data(out: &mut Vec<u8>, kind: FrameKind, fields: &Sink, data_len: usize) {
    let mut prefix = [0; limits::FRAME_PREFIX];
    BigEndian::write_u32(&mut prefix, u32::try_from(fields.len() + 1).unwrap_or(u32::MAX));
    BigEndian::write_u32(&mut prefix[4..], u32::try_from(data_len).unwrap_or(u32::MAX));
    let mut check = crc32fast::Hasher::new();
    check.update(&prefix[..8]);
    check.update(&[kind.byte()]);
    check.update(fields.as_bytes());
    BigEndian::write_u32(&mut prefix[8..], check.finalize());
    out.extend_from_slice(&prefix);
    out.push(kind.byte());
    out.extend_from_slice(fields.as_bytes());
}

#[cfg(test)]
mod tests;
