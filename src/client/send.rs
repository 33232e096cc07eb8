//! Chunks on their way to an open upload: a window of frames, and those that were damaged again.
//!
//! Invariant: every frame that is flying has its digests here, so that what is sent again is what
//! was sent before, or the file changed.

use std::collections::{HashMap, VecDeque};

use super::compare::{Content, WINDOW, comparable, digest, piece_len, runs, sums};
use super::conn::{Connection, Received};
use super::error::Error;
use super::halt::Halt;
use super::local::LocalFile;
use super::progress::{FileProgress, Phase};
use super::tools::Tools;
use crate::digest::{Digest, WholeDigest};
use crate::error::counted;
use crate::limits::{CHUNK, CHUNK_TRIES, CHUNKS_IN_FRAME};
use crate::wire::{Bad, Chunk, Code, Held};

/// Frames that may be unanswered: what the protocol allows.
const FLYING: usize = 8;

/// A frame that was sent, or will be sent again.
struct Frame {
    offset: u64,
    len: usize,
    digests: Vec<Digest>,
}

/// Sends the chunks of one upload.
pub(super) struct Sender<'t, 'a, 'p> {
    tools: Tools<'t>,
    source: &'a mut LocalFile,
    /// Content bytes sent.
    sent: &'a mut u64,
    bar: &'a mut FileProgress<'p>,
    window: Window,
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

impl<'t, 'a, 'p> Sender<'t, 'a, 'p> {
    pub(super) fn new(
        tools: Tools<'t>,
        source: &'a mut LocalFile,
        sent: &'a mut u64,
        bar: &'a mut FileProgress<'p>,
    ) -> Sender<'t, 'a, 'p> {
        tools.stride.begin();
        Sender { tools, source, sent, bar, window: Window::default() }
    }

    /// Compares what is held, sends what differs or lacks, and gives the digest of the whole, which
    /// the last time may also be that of a file which has grown since.
    pub(super) fn fill(
        mut self,
        held: u64,
        is_last: bool,
    ) -> Result<(&'t mut Connection, Digest), Halt> {
        let size = self.source.size;
        let held = comparable(held, size);
        let mut whole = WholeDigest::new(self.tools.algorithm);
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
            let len = piece_len(at, size).min(self.tools.stride.len());
            self.load(at, len, Some(&mut whole))?;
            self.send(at, 0..len)?;
            at += len as u64;
        }
        self.settle()?;
        let whole = whole.finish();
        self.tools.confirm(self.source, &whole, is_last)?;
        Ok((self.tools.conn, whole))
    }

    /// Compares one window of what is held and sends what differs of it. Gives its end.
    fn compare(&mut self, from: u64, whole: &mut WholeDigest) -> Result<u64, Halt> {
        let mut theirs = Vec::new();
        let message = Held::new(from, WINDOW);
        let span = (from, self.source.size);
        let end = sums(self.tools.conn, "HELD", &message, self.tools.algorithm, span, &mut theirs)?;
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
    fn load(&mut self, at: u64, len: usize, whole: Option<&mut WholeDigest>) -> Result<(), Halt> {
        self.tools.check_interrupt()?;
        self.send_damaged()?;
        self.load_alone(at, len, whole)
    }

    fn load_alone(
        &mut self,
        at: u64,
        len: usize,
        whole: Option<&mut WholeDigest>,
    ) -> Result<(), Halt> {
        let into = self.tools.buffer.get_mut(..len).unwrap_or_default();
        self.source.read(at, into)?;
        digest(self.tools.algorithm, into, &mut self.window.digests, whole);
        Ok(())
    }

    /// Sends a range of the piece in the buffer, which begins at `at` in the file.
    fn send(&mut self, at: u64, range: std::ops::Range<usize>) -> Result<(), Halt> {
        while self.window.flying.len() >= FLYING {
            self.receive()?;
        }
        let chunks = range.start / CHUNK..range.end.div_ceil(CHUNK);
        let digests = self.window.digests.get(chunks).unwrap_or_default().to_vec();
        self.window.bytes.clear();
        for digest in &digests {
            self.window.bytes.extend_from_slice(digest.as_bytes());
        }
        let offset = at + range.start as u64;
        let data = self.tools.buffer.get(range).unwrap_or_default();
        self.tools.conn.queue("CHUNK", &Chunk::new(offset, &self.window.bytes), data)?;
        // What is large leaves at once; a short last chunk must not wait either.
        self.tools.conn.flush()?;
        *self.sent += data.len() as u64;
        self.window.flying.push_back(Frame { offset, len: data.len(), digests });
        while !self.window.flying.is_empty() && self.tools.conn.has_news() {
            self.receive()?;
        }
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
            self.receive()?;
        }
    }

    /// Reads the answer to the oldest frame.
    fn receive(&mut self) -> Result<(), Halt> {
        const STRANGE: Error = Error::Protocol { what: "an answer to a chunk that was not sent" };
        let Received::Answer(code) = self.tools.conn.receive()? else { return Err(STRANGE.into()) };
        let frame = self.window.flying.pop_front().ok_or(STRANGE)?;
        self.tools.stride.confirmed(frame.len);
        match code {
            Some(Code::Verified) => {
                *self.tools.moved += frame.len as u64;
                self.bar.show(frame.offset + frame.len as u64);
                Ok(())
            }
            Some(Code::Mismatch) => {
                let bad = self.tools.conn.reply::<Bad<'_>>()?.bad;
                self.damaged(&frame, bad)
            }
            _ => Err(self.tools.conn.refusal().into()),
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
            self.bar.name,
            counted(bad.count_ones(), "chunk")
        );
        self.bar.progress.note(&text);
        Ok(())
    }
}
