//! Content on its way from the server: each chunk checked before it is written.
//!
//! Invariant: nothing that was not checked is ever written, not even into a part.

use std::ops::Range;

use super::Client;
use super::commands::{self, ListedKind};
use super::compare::{Content, WINDOW, digest, runs, sums};
use super::conn::{Connection, Received};
use super::error::{Error, Result};
use super::halt::Halt;
use super::local::LocalMtime;
use super::progress::FileProgress;
use super::tools::Tools;
use crate::digest::{Algorithm, Digest, WholeDigest};
use crate::limits::{CHUNK, CHUNK_TRIES, FRAME_DATA};
use crate::wire::{self, Code, Get, Got, Message, Piece, SumsOf};

/// The server sends something other than what was asked for.
pub(super) const STRANGE: Error = Error::Protocol { what: "content that was not asked for" };

/// A range of bytes: where it begins, and where it ends.
pub(super) type ByteRange = (u64, u64);

/// What takes content that was checked.
pub(super) trait ChunkTarget {
    /// Takes content; `false` if it has to come again, in order.
    fn take(&mut self, offset: u64, content: &[u8]) -> Result<bool>;
}

/// A file on the server, as it was looked at last.
pub(super) struct Remote<'a> {
    pub(super) path: &'a str,
    pub(super) version: u64,
    pub(super) size: u64,
    pub(super) mtime: LocalMtime,
    pub(super) mode: u16,
    /// Content bytes that came.
    pub(super) received: u64,
}

impl<'a> Remote<'a> {
    pub(super) fn new(path: &'a str) -> Remote<'a> {
        let mtime = LocalMtime { secs: 0, nanos: 0 };
        Remote { path, version: 0, size: 0, mtime, mode: 0, received: 0 }
    }

    /// Looks at what the server has now; gives whether that is another file than before.
    pub(super) fn look(&mut self, conn: &mut Connection) -> Result<bool> {
        let entry = commands::stat(conn, self.path)?;
        let refused = |code: Code, what| {
            let text = format!("`{}` is {what}", Client::shown(self.path));
            Err(Error::Refused { code: code.number(), text })
        };
        match entry.kind {
            ListedKind::File => {}
            ListedKind::Directory => return refused(Code::IsDirectory, "a folder"),
            ListedKind::Link | ListedKind::Other(_) => {
                return refused(Code::NotRegular, "not a file");
            }
        }
        let is_new = (entry.version, entry.size) != (self.version, self.size);
        (self.version, self.size, self.mode) = (entry.version, entry.size, entry.mode);
        self.mtime = LocalMtime { secs: entry.mtime_secs, nanos: entry.mtime_nanos };
        Ok(is_new)
    }

    /// Compares what `file` holds from `from` to `held` with the server's digests, one window of
    /// it. Gives its end and the spans that differ, only the first of them if that is enough.
    pub(super) fn compare(
        &self,
        tools: &mut Tools<'_>,
        file: &mut dyn Content,
        (from, held): ByteRange,
        first_only: bool,
    ) -> Result<(u64, Vec<ByteRange>), Halt> {
        let (mut theirs, mut differing) = (Vec::new(), Vec::new());
        let message = SumsOf::new(self.path, from, WINDOW, self.version);
        let span = (from, self.size);
        let end = sums(tools.conn, "SUMS", &message, tools.algorithm, span, &mut theirs)?;
        let end = end.min(held);
        if end <= from {
            return Err(Halt::Changed);
        }
        tools.digest_pieces(file, (from, end), &mut |at, ours| {
            let theirs = theirs.get((at - from) as usize / CHUNK..).unwrap_or_default();
            let len = (end - at).min(FRAME_DATA as u64) as usize;
            for run in runs(len, |i| ours.get(i) != theirs.get(i)) {
                join(&mut differing, (at + run.start as u64, at + run.end as u64));
            }
            !first_only || differing.is_empty()
        })?;
        Ok((end, differing))
    }

    /// Fetches a span into a target, and what of it was damaged or refused again.
    pub(super) fn fetch(
        &mut self,
        tools: &mut Tools<'_>,
        target: &mut dyn ChunkTarget,
        span: ByteRange,
        bar: &mut FileProgress<'_>,
    ) -> Result<(), Halt> {
        let mut spans = vec![span];
        for _ in 0..=CHUNK_TRIES {
            let mut bad = Vec::new();
            for span in spans {
                self.fetch_once(tools, target, span, bar, &mut bad)?;
            }
            if bad.is_empty() {
                return Ok(());
            }
            let text = format!("{}: damaged on the way; fetched again", bar.name);
            bar.progress.note(&text);
            spans = bad;
        }
        Err(Error::Damaged { path: Client::shown(self.path) }.into())
    }

    fn fetch_once(
        &mut self,
        tools: &mut Tools<'_>,
        target: &mut dyn ChunkTarget,
        (from, end): ByteRange,
        bar: &mut FileProgress<'_>,
        bad: &mut Vec<ByteRange>,
    ) -> Result<(), Halt> {
        let get = Get::new(self.path, from, end.saturating_sub(from), self.version);
        tools.conn.queue("GET", &get, &[])?;
        let mut whole = WholeDigest::new(tools.algorithm);
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        let mut at = from;
        loop {
            match tools.conn.receive()? {
                Received::More(len) => {
                    tools.check_interrupt()?;
                    let offset = heed_piece(tools.conn, tools.algorithm, len, &mut theirs)?;
                    let after = at.saturating_add(len as u64);
                    let whole_chunks = len % CHUNK == 0 || after == self.size;
                    if offset != at || after > end || !whole_chunks {
                        return Err(STRANGE.into());
                    }
                    let piece = tools.buffer.get_mut(..len).unwrap_or_default();
                    tools.conn.data(piece)?;
                    digest(tools.algorithm, piece, &mut ours, None);
                    theirs.iter().for_each(|digest| whole.push(digest));
                    keep(tools, target, at, len, &|i| ours.get(i) == theirs.get(i), bad)?;
                    self.received += len as u64;
                    at = after;
                    bar.show(at);
                }
                Received::Answer(Some(Code::Sent)) => {
                    let got: Got<'_> = tools.conn.reply()?;
                    if got.version != self.version || got.size != self.size || at != end {
                        return Err(Halt::Changed);
                    }
                    let is_whole = got.digest == whole.finish().as_bytes();
                    return if is_whole { Ok(()) } else { Err(Halt::Differs) };
                }
                Received::Answer(Some(Code::Changed)) => return Err(Halt::Changed),
                _ => return Err(tools.conn.refusal().into()),
            }
        }
    }
}

/// Writes the chunks in the buffer that are right, and notes the spans that have to come again.
fn keep(
    tools: &mut Tools<'_>,
    target: &mut dyn ChunkTarget,
    at: u64,
    len: usize,
    is_right: &dyn Fn(usize) -> bool,
    bad: &mut Vec<ByteRange>,
) -> Result<()> {
    let span = |run: &Range<usize>| (at + run.start as u64, at + run.end as u64);
    for run in runs(len, is_right) {
        let good = tools.buffer.get(run.clone()).unwrap_or_default();
        if target.take(at + run.start as u64, good)? {
            *tools.moved += good.len() as u64;
        } else {
            join(bad, span(&run));
        }
    }
    runs(len, |i| !is_right(i)).for_each(|run| join(bad, span(&run)));
    Ok(())
}

/// Adds a span to others; neighbours become one.
fn join(spans: &mut Vec<ByteRange>, span: ByteRange) {
    match spans.last_mut() {
        Some(before) if before.1 == span.0 => before.1 = span.1,
        _ => spans.push(span),
    }
}

/// Reads the head of a piece with `len` bytes of data: its digests, and gives its offset.
pub(super) fn heed_piece(
    conn: &Connection,
    algorithm: Algorithm,
    len: usize,
    digests: &mut Vec<Digest>,
) -> Result<u64> {
    let piece = Piece::decode(conn.part())?;
    wire::digests(algorithm, piece.digests, digests)?;
    if len == 0 || len > FRAME_DATA || digests.len() != len.div_ceil(CHUNK) {
        return Err(STRANGE);
    }
    Ok(piece.offset)
}

#[cfg(test)]
mod tests {
    #[test]
    fn neighbouring_spans_are_asked_for_at_once() {
        let mut spans = Vec::new();
        for span in [(0, 2), (2, 3), (5, 6), (6, 9), (10, 11)] {
            super::join(&mut spans, span);
        }
        assert_eq!(spans, [(0, 3), (5, 9), (10, 11)]);
    }
}
