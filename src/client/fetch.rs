//! Content on its way from the server: each chunk checked before it is written.
//!
//! Invariant: nothing that was not checked is ever written, not even into a part.

use std::sync::atomic::{AtomicBool, Ordering};

use super::compare::{Halt, digest, runs};
use super::conn::{Conn, Heard};
use super::error::Error;
use super::part::PartFile;
use super::progress::Bar;
use crate::digest::{Algorithm, Digest, Whole};
use crate::limits::{CHUNK, FRAME_DATA};
use crate::wire::{self, Code, Get, Got, Message, Piece};

/// The server sends something other than what was asked for.
const STRANGE: Error = Error::Protocol { what: "content that was not asked for" };

/// What is fetched, and into what.
pub(super) struct Fetcher<'a, 'p> {
    pub(super) conn: &'a mut Conn,
    pub(super) part: &'a mut PartFile,
    pub(super) algorithm: Algorithm,
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) interrupt: &'a AtomicBool,
    pub(super) moved: &'a mut u64,
    pub(super) received: &'a mut u64,
    pub(super) bar: &'a mut Bar<'p>,
    pub(super) remote: &'a str,
    pub(super) version: u64,
    /// Bytes of the whole file.
    pub(super) size: u64,
}

impl Fetcher<'_, '_> {
    /// Fetches `from..end` into the part. Gives the ranges that arrived damaged.
    pub(super) fn fetch(&mut self, from: u64, end: u64) -> Result<Vec<(u64, u64)>, Halt> {
        self.buffer.resize(FRAME_DATA, 0);
        let length = end.saturating_sub(from);
        self.conn.queue("GET", &Get::new(self.remote, from, length, self.version), &[])?;
        let mut whole = Whole::new(self.algorithm);
        let (mut theirs, mut ours, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = from;
        loop {
            match self.conn.hear()? {
                Heard::More(len) => {
                    if self.interrupt.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted.into());
                    }
                    self.heed(len, at, end, &mut theirs)?;
                    let piece = self.buffer.get_mut(..len).unwrap_or_default();
                    self.conn.data(piece)?;
                    digest(self.algorithm, piece, &mut ours, None);
                    theirs.iter().for_each(|digest| whole.push(digest));
                    self.keep(at, len, &ours, &theirs, &mut bad)?;
                    at += len as u64;
                }
                Heard::Answer(code) if code == Code::Sent.number() => {
                    let got: Got<'_> = self.conn.reply()?;
                    if got.version != self.version || got.size != self.size || at != end {
                        return Err(Halt::Changed);
                    }
                    return match got.digest == whole.finish().as_bytes() {
                        true => Ok(bad),
                        false => Err(Halt::Differs),
                    };
                }
                Heard::Answer(code) if code == Code::Changed.number() => return Err(Halt::Changed),
                _ => return Err(self.conn.refusal().into()),
            }
        }
    }

    /// Checks what a piece says about itself before its data is read.
    fn heed(&self, len: usize, at: u64, end: u64, theirs: &mut Vec<Digest>) -> Result<(), Halt> {
        let offset = heed_piece(self.conn, self.algorithm, len, theirs)?;
        let after = at.saturating_add(len as u64);
        let whole_chunks = len % CHUNK == 0 || after == self.size;
        if offset != at || after > end || !whole_chunks { Err(STRANGE.into()) } else { Ok(()) }
    }

    /// Writes the chunks that are right.
    fn keep(
        &mut self,
        at: u64,
        len: usize,
        ours: &[Digest],
        theirs: &[Digest],
        bad: &mut Vec<(u64, u64)>,
    ) -> Result<(), Halt> {
        let right = |i: usize| ours.get(i) == theirs.get(i);
        for run in runs(len, right) {
            let good = self.buffer.get(run.clone()).unwrap_or_default();
            self.part.write(at + run.start as u64, good)?;
            *self.moved += good.len() as u64;
        }
        for run in runs(len, |i| !right(i)) {
            bad.push((at + run.start as u64, at + run.end as u64));
        }
        *self.received += len as u64;
        self.bar.show(at + len as u64);
        Ok(())
    }
}

/// Reads the head of a piece with `len` bytes of data: its digests, and gives its offset.
pub(super) fn heed_piece(
    conn: &Conn,
    algorithm: Algorithm,
    len: usize,
    digests: &mut Vec<Digest>,
) -> Result<u64, Error> {
    let piece = Piece::decode(conn.part())?;
    wire::digests(algorithm, piece.digests, digests)?;
    if len == 0 || len > FRAME_DATA || digests.len() != len.div_ceil(CHUNK) {
        return Err(STRANGE);
    }
    Ok(piece.offset)
}
