//! Comparing what the server has with what is here, by the digests of the chunks.

use super::conn::Connection;
use super::error::{Error, Result};
use super::halt::Halt;
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::limits::{CHUNK, FRAME_DATA};
use crate::wire::{self, Code, Message, Summed};

/// Chunks that are compared in one go: 256 MiB of content, 128 KiB of digests. Smaller than what
/// the server allows, so that even a slow disk here reads them before the server loses patience.
pub(super) const WINDOW: u32 = 4096;

/// A file here, whose content can be read from anywhere.
pub(super) trait Content {
    /// Fills `into` from `offset` on.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Halt>;
}

/// Asks for the digests of chunks from `from` on (`HELD`, `SUMS`), at most [`WINDOW`], of a file of
/// `size` bytes. They replace what is in `into`; the result is where they end.
pub(super) fn sums<'a>(
    conn: &mut Connection,
    name: &str,
    message: &impl Message<'a>,
    algorithm: Algorithm,
    (from, size): (u64, u64),
    into: &mut Vec<Digest>,
) -> Result<u64, Halt> {
    const STRANGE: Error = Error::Protocol { what: "digests of other chunks than asked for" };
    into.clear();
    let mut piece_digests = Vec::new();
    let mut at = from;
    let code = conn.ask_each(name, message, &mut |fields| {
        let piece = wire::Piece::decode(fields)?;
        wire::digests(algorithm, piece.digests, &mut piece_digests)?;
        // A last chunk that is short has nothing after it.
        if piece.offset != at || at >= size || piece_digests.is_empty() {
            return Err(STRANGE);
        }
        let end = at.saturating_add(piece_digests.len() as u64 * CHUNK as u64);
        into.extend_from_slice(&piece_digests);
        if end >= size.saturating_add(CHUNK as u64) || into.len() > WINDOW as usize {
            return Err(STRANGE);
        }
        at = end.min(size);
        Ok(())
    })?;
    match code {
        Some(Code::Sums) => {}
        Some(Code::Changed) => return Err(Halt::Changed),
        _ => return Err(conn.refusal().into()),
    }
    let summed: Summed<'_> = conn.reply()?;
    if summed.end != at { Err(STRANGE.into()) } else { Ok(at) }
}

/// Digests the content of a buffer into `digests`, which is cleared first, and into the whole.
pub(super) fn digest(
    algorithm: Algorithm,
    content: &[u8],
    digests: &mut Vec<Digest>,
    whole: Option<&mut WholeDigest>,
) {
    digests.clear();
    chunk_digests(algorithm, content, CHUNK, digests);
    if let Some(whole) = whole {
        digests.iter().for_each(|digest| whole.push(digest));
    }
}

/// Reads a span of a file piece by piece into `buffer`, and gives each piece's offset and the
/// digests of its chunks, until `each` says `false`. Before each piece `alive` may end it.
pub(super) fn digest_pieces(
    file: &mut dyn Content,
    algorithm: Algorithm,
    (mut at, end): (u64, u64),
    buffer: &mut [u8],
    alive: &mut dyn FnMut() -> Result<()>,
    each: &mut dyn FnMut(u64, &[Digest]) -> bool,
) -> Result<(), Halt> {
    let mut digests = Vec::new();
    while at < end {
        alive()?;
        let len = piece_len(at, end);
        let piece = buffer.get_mut(..len).unwrap_or_default();
        file.read(at, piece)?;
        digest(algorithm, piece, &mut digests, None);
        if !each(at, &digests) {
            return Ok(());
        }
        at += len as u64;
    }
    Ok(())
}

/// The runs of chunks for which `differs` holds, as ranges of bytes in a buffer of `len` bytes.
pub(super) fn runs(
    len: usize,
    differs: impl Fn(usize) -> bool,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let chunks = len.div_ceil(CHUNK);
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = (next..chunks).find(|&i| differs(i))?;
        next = (start..chunks).find(|&i| !differs(i)).unwrap_or(chunks);
        Some(start * CHUNK..(next * CHUNK).min(len))
    })
}

/// The length of the piece that is worked on at once, from `at` on.
pub(super) fn piece_len(at: u64, end: u64) -> usize {
    end.saturating_sub(at).min(FRAME_DATA as u64) as usize
}

/// How much of what is held can be compared: whole chunks, and the short last one of a whole file.
pub(super) fn comparable(held: u64, size: u64) -> u64 {
    if held >= size { size } else { held - held % CHUNK as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_what_differs_and_nothing_else() {
        let bad = [true, false, true, true, false, true];
        let found: Vec<_> = runs(5 * CHUNK + 7, |i| bad[i]).collect();
        assert_eq!(found, [0..CHUNK, 2 * CHUNK..4 * CHUNK, 5 * CHUNK..5 * CHUNK + 7]);
        assert_eq!(runs(3 * CHUNK, |_| false).count(), 0);
        assert_eq!(runs(0, |_| true).count(), 0);
    }

    #[test]
    fn a_short_chunk_is_compared_only_at_the_end_of_the_file() {
        let chunk = CHUNK as u64;
        for (held, size, want) in [
            (0, 0, 0),
            (5, 10, 0),
            (10, 10, 10),
            (20, 10, 10),
            (chunk + 5, 2 * chunk, chunk),
            (chunk + 5, chunk + 5, chunk + 5),
        ] {
            assert_eq!(comparable(held, size), want);
        }
    }
}
