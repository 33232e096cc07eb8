//! Chunks on their way to an open upload: a window of frames, and those that were damaged again.
//! Where several connections send one file, each of them has such a window.
//!
//! Invariant: every frame that is flying has its digests here, so that what is sent again is what
//! was sent before, or the file changed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::apart::LOOK;
use super::compare::{Content, WINDOW, comparable, digest, piece_len, runs, sums};
use super::conn::{Connection, Received};
use super::error::Error;
use super::halt::Halt;
use super::local::LocalFile;
use super::progress::{FileProgress, Phase};
use super::put_ranges::{SharedUpload, TakenRanges};
use super::ranges::{Board, SHARED_FROM, SharedFile, Sharing};
use super::tools::Tools;
use crate::digest::{Digest, WholeDigest};
use crate::error::counted;
use crate::limits::{CHUNK, CHUNK_TRIES, CHUNKS_IN_FRAME};
use crate::wire::{Bad, Chunk, Code, Held, Nothing, Split};

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
    /// Those of its ranges that are on their way, where several connections send the file.
    taken: Option<TakenRanges>,
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
        Sender { tools, source, sent, bar, window: Window::default(), taken: None }
    }

    /// Compares what is held, sends what differs or lacks, and gives the digest of the whole, which
    /// the last time may also be that of a file which has grown since.
    pub(super) fn fill(
        mut self,
        held: u64,
        board: Option<&Board>,
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
        let whole = match self.share(board, at, &whole)? {
            Some(sharing) => self.send_with_others(sharing)?,
            None => {
                while at < size {
                    let len = piece_len(at, size).min(self.tools.stride.len());
                    self.load(at, len, Some(&mut whole))?;
                    self.send(at, 0..len)?;
                    at += len as u64;
                }
                self.settle()?;
                whole.finish()
            }
        };
        self.tools.confirm(self.source, &whole, is_last)?;
        Ok((self.tools.conn, whole))
    }

    /// Has others help with what is left from `from` on, where there are others, and enough is left
    /// for that.
    fn share<'b>(
        &mut self,
        board: Option<&'b Board>,
        from: u64,
        whole: &WholeDigest,
    ) -> Result<Option<Sharing<'b, SharedUpload>>, Halt> {
        let is_large = self.source.size - from >= SHARED_FROM;
        let Some(board) = board.filter(|_| is_large) else { return Ok(None) };
        let Some(source) = self.source.duplicate() else { return Ok(None) };
        let conn = &mut *self.tools.conn;
        match conn.ask("SPLIT", &Nothing::new()) {
            Ok(_) => {}
            // One that does not know this, or the upload's own refusal, which its chunks meet too.
            Err(Error::Refused { .. }) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        let token = conn.reply::<Split>()?.token;
        let upload = SharedUpload::new(token, source, (from, whole.clone()));
        Ok(Some(Sharing::begin(board, upload)))
    }

    /// Sends what is left together with others.
    fn send_with_others(&mut self, sharing: Sharing<'_, SharedUpload>) -> Result<Digest, Halt> {
        let upload = Arc::clone(&sharing.file);
        self.bar.count_by(&upload.ranges().done);
        self.taken = Some(TakenRanges::of(&upload));
        let sent = self.send_ranges(true);
        // Before it is waited for that nobody has any.
        self.taken = None;
        drop(sharing);
        *self.sent += upload.ranges().helped.load(Ordering::Relaxed);
        sent.map(|()| upload.whole())
    }

    /// Sends ranges of an upload that another connection has, as long as there are any.
    pub(super) fn help(mut self, upload: &Arc<SharedUpload>) -> Result<(), Halt> {
        self.taken = Some(TakenRanges::of(upload));
        self.send_ranges(false)
    }

    /// Sends the ranges that can be had. Whoever has the file does so until all of it is confirmed.
    fn send_ranges(&mut self, is_owner: bool) -> Result<(), Halt> {
        loop {
            self.tools.check_interrupt()?;
            let is_waiting = self.is_waiting();
            let Some(taken) = &mut self.taken else { return Ok(()) };
            if let Some((from, end)) = taken.take(is_owner) {
                self.send_range(from, end)?;
            } else if is_waiting {
                self.settle()?;
            } else if !is_owner || taken.is_confirmed() {
                return Ok(());
            } else {
                // Others still have something of it.
                std::thread::sleep(LOOK / 10);
                self.bar.show(0);
                self.tools.stay_alive()?;
            }
        }
    }

    fn send_range(&mut self, from: u64, end: u64) -> Result<(), Halt> {
        let mut at = from;
        while at < end {
            let len = piece_len(at, end).min(self.tools.stride.len());
            self.load(at, len, None)?;
            let Some(taken) = self.taken.as_mut().filter(|taken| !taken.is_over()) else {
                return Err(Halt::Changed);
            };
            taken.sent(&self.window.digests);
            self.send(at, 0..len)?;
            at += len as u64;
        }
        Ok(())
    }

    /// Whether something is not confirmed yet.
    fn is_waiting(&self) -> bool {
        !self.window.flying.is_empty() || !self.window.damaged.is_empty()
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
                self.confirmed(frame.offset, frame.len);
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

    fn confirmed(&mut self, offset: u64, bytes: usize) {
        if let Some(taken) = &mut self.taken {
            taken.confirmed(offset, bytes as u64);
        }
    }

    fn damaged(&mut self, frame: &Frame, bad: u32) -> Result<(), Halt> {
        let is_bad = |i: usize| i < 32 && bad >> i & 1 == 1;
        let (before, mut good) = (self.window.damaged.len(), frame.len);
        for run in runs(frame.len, is_bad) {
            let chunks = run.start / CHUNK..run.end.div_ceil(CHUNK);
            for i in chunks.clone() {
                let tries = self.window.tries.entry(frame.offset + (i * CHUNK) as u64).or_default();
                *tries += 1;
                if *tries > CHUNK_TRIES {
                    return Err(Error::Damaged { path: self.source.shown() }.into());
                }
            }
            good -= run.len();
            self.window.damaged.push_back(Frame {
                offset: frame.offset + run.start as u64,
                len: run.len(),
                digests: frame.digests.get(chunks).unwrap_or_default().to_vec(),
            });
        }
        if self.window.damaged.len() == before {
            return Err(Error::Protocol { what: "a mismatch without a damaged chunk" }.into());
        }
        self.confirmed(frame.offset, good);
        let text = format!(
            "{}: {} damaged on the way; sent again",
            self.bar.name,
            counted(bad.count_ones(), "chunk")
        );
        self.bar.progress.note(&text);
        Ok(())
    }
}
