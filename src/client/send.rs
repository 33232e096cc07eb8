//! Chunks on their way to an open upload: a window of frames, and those that were damaged again.
//!
//! Invariant: every frame that is flying has its digests here, so that what is sent again is what
//! was sent before, or the file changed.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::compare::{Halt, comparable, digest, piece_len, runs, sums};
use super::conn::{Conn, Heard};
use super::error::Error;
use super::local::Source;
use super::progress::{Bar, Phase};
use super::put::confirm;
use crate::digest::{Algorithm, Digest, Whole};
use crate::error::counted;
use crate::limits::{CHUNK, CHUNK_TRIES, CHUNKS_IN_FRAME, FRAME_DATA};
use crate::wire::{Bad, Chunk, Code, Held};

/// Frames that may be unanswered: what the protocol allows.
const FLYING: usize = 8;

/// How long a frame should take: a second of a slow line is what a break costs at most, and what
/// passes before a bar moves.
const BEAT: Duration = Duration::from_secs(1);

/// A frame that was sent, or will be sent again.
struct Frame {
    offset: u64,
    len: usize,
    digests: Vec<Digest>,
}

/// Sends the chunks of one upload.
pub(super) struct Sender<'a, 'p> {
    pub(super) conn: &'a mut Conn,
    pub(super) source: &'a mut Source,
    pub(super) algorithm: Algorithm,
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) interrupt: &'a AtomicBool,
    /// Content bytes confirmed, for the back-off.
    pub(super) moved: &'a mut u64,
    /// Content bytes sent.
    pub(super) sent: &'a mut u64,
    pub(super) bar: &'a mut Bar<'p>,
    stride: &'a mut Stride,
    window: Window,
}

/// How much goes into a frame: what the line and the server's rate carry in a [`BEAT`].
#[derive(Debug)]
pub(super) struct Stride {
    len: usize,
    answered: u64,
    since: Instant,
}

#[derive(Default)]
struct Window {
    flying: VecDeque<Frame>,
    damaged: VecDeque<Frame>,
    tries: HashMap<u64, u32>,
    /// Digests of the piece in the buffer.
    digests: Vec<Digest>,
    /// The digests of a frame as bytes.
    bytes: Vec<u8>,
}

/// What a [`Sender`] borrows from its client besides the file and the bar.
pub(super) struct Tools<'a> {
    pub(super) conn: &'a mut Conn,
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) interrupt: &'a AtomicBool,
    pub(super) moved: &'a mut u64,
    pub(super) algorithm: Algorithm,
    pub(super) stride: &'a mut Stride,
}

impl Default for Stride {
    /// Small at first: what is on its way cannot be made smaller any more.
    fn default() -> Stride {
        Stride { len: CHUNK, answered: 0, since: Instant::now() }
    }
}

impl Stride {
    /// So much was answered.
    fn answered(&mut self, bytes: usize, elapsed: Duration) {
        self.answered += bytes as u64;
        if self.answered < 2 * self.len as u64 && elapsed < BEAT {
            return;
        }
        let in_a_beat = u128::from(self.answered) * BEAT.as_nanos() / elapsed.as_nanos().max(1);
        let most = (2 * self.len).min(FRAME_DATA);
        let chunks = usize::try_from(in_a_beat).unwrap_or(usize::MAX) / CHUNK;
        self.len = chunks.saturating_mul(CHUNK).clamp(CHUNK, most);
        (self.answered, self.since) = (0, Instant::now());
    }
}

impl<'a, 'p> Sender<'a, 'p> {
    pub(super) fn new(
        tools: Tools<'a>,
        source: &'a mut Source,
        sent: &'a mut u64,
        bar: &'a mut Bar<'p>,
    ) -> Sender<'a, 'p> {
        let Tools { conn, buffer, interrupt, moved, algorithm, stride } = tools;
        (stride.answered, stride.since) = (0, Instant::now());
        buffer.resize(FRAME_DATA, 0);
        let window = Window::default();
        Sender { conn, source, algorithm, stride, buffer, interrupt, moved, sent, bar, window }
    }

    /// Compares what is held, sends what differs or lacks, and gives the digest of the whole, which
    /// the last time may also be that of a file which has grown since.
    pub(super) fn fill(mut self, held: u64, is_last: bool) -> Result<Digest, Halt> {
        let size = self.source.size;
        let held = comparable(held, size);
        let mut whole = Whole::new(self.algorithm);
        self.bar.begin(size, held);
        let mut at = 0;
        if held > 0 {
            self.bar.progress.phase(Phase::Compare);
        }
        while at < held {
            let end = self.compare(at, &mut whole)?;
            if end == at {
                break;
            }
            at = end;
            self.bar.show(at);
        }
        self.bar.progress.phase(Phase::Transfer);
        while at < size {
            let len = piece_len(at, size).min(self.stride.len);
            self.load(at, len, Some(&mut whole))?;
            self.send(at, 0..len)?;
            at += len as u64;
        }
        self.settle()?;
        let whole = whole.finish();
        confirm(self.source, &whole, self.algorithm, is_last, self.interrupt)?;
        Ok(whole)
    }

    /// Compares one window of what is held and sends what differs of it. Gives its end.
    fn compare(&mut self, from: u64, whole: &mut Whole) -> Result<u64, Halt> {
        let mut theirs = Vec::new();
        let message = Held::new(from, super::compare::WINDOW);
        let span = (from, self.source.size);
        let end = sums(self.conn, "HELD", &message, self.algorithm, span, &mut theirs)?;
        let mut at = from;
        for theirs in theirs.chunks(CHUNKS_IN_FRAME) {
            let len = piece_len(at, end);
            self.load(at, len, Some(whole))?;
            let ours = std::mem::take(&mut self.window.digests);
            for run in runs(len, |i| ours.get(i) != theirs.get(i)) {
                self.window.digests.clone_from(&ours);
                self.send(at, run)?;
            }
            at += len as u64;
        }
        // Asking for more would accept what is still on its way.
        self.settle()?;
        Ok(end)
    }

    /// Reads a piece and digests it. Damaged frames go first: they need the buffer too.
    fn load(&mut self, at: u64, len: usize, whole: Option<&mut Whole>) -> Result<(), Halt> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted.into());
        }
        self.send_damaged()?;
        self.load_alone(at, len, whole)
    }

    fn load_alone(&mut self, at: u64, len: usize, whole: Option<&mut Whole>) -> Result<(), Halt> {
        let into = self.buffer.get_mut(..len).unwrap_or_default();
        self.source.read(at, into)?;
        digest(self.algorithm, into, &mut self.window.digests, whole);
        Ok(())
    }

    /// Sends a range of the piece in the buffer, which begins at `at` in the file.
    fn send(&mut self, at: u64, range: std::ops::Range<usize>) -> Result<(), Halt> {
        while self.window.flying.len() >= FLYING {
            self.hear()?;
        }
        let chunks = range.start / CHUNK..range.end.div_ceil(CHUNK);
        let digests = self.window.digests.get(chunks).unwrap_or_default().to_vec();
        self.window.bytes.clear();
        for digest in &digests {
            self.window.bytes.extend_from_slice(digest.as_bytes());
        }
        let offset = at + range.start as u64;
        let data = self.buffer.get(range).unwrap_or_default();
        self.conn.queue("CHUNK", &Chunk::new(offset, &self.window.bytes), data)?;
        // What is large leaves at once; a short last chunk must not wait either.
        self.conn.flush()?;
        *self.sent += data.len() as u64;
        self.window.flying.push_back(Frame { offset, len: data.len(), digests });
        Ok(())
    }

    fn send_damaged(&mut self) -> Result<(), Halt> {
        while let Some(frame) = self.window.damaged.pop_front() {
            self.load_alone(frame.offset, frame.len, None)?;
            if self.window.digests != frame.digests {
                return Err(Halt::Changed);
            }
            self.send(frame.offset, 0..frame.len)?;
        }
        Ok(())
    }

    /// Waits until everything is answered and nothing is damaged.
    fn settle(&mut self) -> Result<(), Halt> {
        loop {
            self.send_damaged()?;
            if self.window.flying.is_empty() {
                return Ok(());
            }
            self.hear()?;
        }
    }

    /// Reads the answer to the oldest frame.
    fn hear(&mut self) -> Result<(), Halt> {
        const STRANGE: Error = Error::Protocol { what: "an answer to a chunk that was not sent" };
        let Heard::Answer(code) = self.conn.hear()? else { return Err(STRANGE.into()) };
        let frame = self.window.flying.pop_front().ok_or(STRANGE)?;
        let elapsed = self.stride.since.elapsed();
        self.stride.answered(frame.len, elapsed);
        match Code::of(code) {
            Some(Code::Verified) => {
                *self.moved += frame.len as u64;
                self.bar.show(frame.offset + frame.len as u64);
                Ok(())
            }
            Some(Code::Mismatch) => {
                let bad = self.conn.reply::<Bad<'_>>()?.bad;
                self.damaged(&frame, bad)
            }
            _ => Err(self.conn.refusal().into()),
        }
    }

    fn damaged(&mut self, frame: &Frame, bad: u32) -> Result<(), Halt> {
        let is_bad = |i: usize| i < 32 && bad >> i & 1 == 1;
        let before = self.window.damaged.len();
        for run in runs(frame.len, is_bad) {
            let chunks = run.start / CHUNK..run.end.div_ceil(CHUNK);
            for i in chunks.clone() {
                let tries = self.window.tries.entry(frame.offset + (i * CHUNK) as u64).or_default();
                *tries += 1;
                if *tries > CHUNK_TRIES {
                    return Err(Error::Damaged { path: self.source.shown() }.into());
                }
            }
            self.window.damaged.push_back(Frame {
                offset: frame.offset + run.start as u64,
                len: run.len(),
                digests: frame.digests.get(chunks).unwrap_or_default().to_vec(),
            });
        }
        if self.window.damaged.len() == before {
            return Err(Error::Protocol { what: "a mismatch without a damaged chunk" }.into());
        }
        let text = format!(
            "{}: {} damaged on the way; sent again",
            self.bar.name(),
            counted(bad.count_ones(), "chunk")
        );
        self.bar.progress.note(&text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_grow_on_a_fast_line_and_shrink_on_a_slow_one() {
        let mut stride = Stride::default();
        let mut at = |bytes_a_second: u64, frames: usize| {
            for _ in 0..frames {
                let secs = stride.len as f64 / bytes_a_second as f64;
                let elapsed = Duration::from_secs_f64(secs * (1.0 + stride.answered as f64));
                stride.answered(stride.len, elapsed.min(Duration::from_secs_f64(2.0 * secs)));
            }
            stride.len
        };
        assert_eq!(at(8 << 10, 4), CHUNK);
        assert_eq!(at(1 << 30, 20), FRAME_DATA);
        assert!((CHUNK..=4 * CHUNK).contains(&at(200 << 10, 20)));
        assert_eq!(at(8 << 10, 20), CHUNK);
    }
}
