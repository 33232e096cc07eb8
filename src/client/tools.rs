//! What a transfer borrows from its client, apart from each other, and what both directions do
//! with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Client;
use super::compare::{Content, digest_pieces};
use super::conn::Connection;
use super::error::{Error, Result};
use super::halt::Halt;
use super::local::LocalFile;
use super::stride::Stride;
use crate::digest::{Algorithm, Digest, WholeDigest};
use crate::limits::FRAME_DATA;
use crate::wire::Nothing;

/// The server receives something from this side at least so often, whatever takes long here.
const SIGN_EVERY: Duration = Duration::from_secs(20);

/// What a transfer borrows from its client.
pub(super) struct Tools<'a> {
    pub(super) conn: &'a mut Connection,
    /// One frame's data.
    pub(super) buffer: &'a mut [u8],
    pub(super) interrupt: &'a AtomicBool,
    /// Content bytes confirmed, for the back-off.
    pub(super) moved: &'a mut u64,
    pub(super) algorithm: Algorithm,
    pub(super) stride: &'a mut Stride,
    last_sign: &'a mut Instant,
}

impl Client {
    /// The connection as it is, and what a transfer needs besides.
    pub(super) fn tools(&mut self) -> Result<Tools<'_>> {
        let conn = self.conn.as_mut().ok_or_else(Error::gone)?;
        if self.buffer.len() != FRAME_DATA {
            // From the system, which has zeros; to write them is slow in a build for debugging.
            self.buffer = vec![0; FRAME_DATA];
        }
        Ok(Tools {
            conn,
            buffer: &mut self.buffer,
            interrupt: &self.options.interrupt,
            moved: &mut self.moved,
            algorithm: self.algorithm,
            stride: &mut self.stride,
            last_sign: &mut self.last_sign,
        })
    }
}

impl Tools<'_> {
    /// Whether the user said to stop.
    pub(super) fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Shows the server a sign of life if nothing was sent for long.
    pub(super) fn stay_alive(&mut self) -> Result<()> {
        sign_of_life(self.conn, self.interrupt, self.last_sign)
    }

    /// Reads a span of a file and gives each piece's offset and the digests of its chunks, until
    /// `each` has seen enough and says `false`.
    pub(super) fn digest_pieces(
        &mut self,
        file: &mut dyn Content,
        span: (u64, u64),
        each: &mut dyn FnMut(u64, &[Digest]) -> bool,
    ) -> Result<(), Halt> {
        let Tools { conn, buffer, interrupt, algorithm, last_sign, .. } = self;
        let mut alive = || sign_of_life(conn, interrupt, last_sign);
        digest_pieces(file, *algorithm, span, buffer, &mut alive, each)
    }

    /// The digest of a whole file over its chunks.
    pub(super) fn digest_whole(
        &mut self,
        file: &mut dyn Content,
        size: u64,
    ) -> Result<Digest, Halt> {
        let mut whole = WholeDigest::new(self.algorithm);
        self.digest_pieces(file, (0, size), &mut |_, digests| {
            digests.iter().for_each(|digest| whole.push(digest));
            true
        })?;
        Ok(whole.finish())
    }

    /// Refuses what was read as `whole` unless the file is still that, see [`LocalFile::confirm`].
    pub(super) fn confirm(
        &mut self,
        source: &mut LocalFile,
        whole: &Digest,
        is_last: bool,
    ) -> Result<(), Halt> {
        let size = source.size;
        source.confirm(whole, is_last, |source| self.digest_whole(source, size))
    }
}

/// Looks at the interrupt flag, and shows the server a sign of life when this side has worked long
/// on its own. While answers are still to come the server needs no sign of life.
fn sign_of_life(
    conn: &mut Connection,
    interrupt: &AtomicBool,
    last_sign: &mut Instant,
) -> Result<()> {
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    if conn.is_settled() && last_sign.elapsed() >= SIGN_EVERY {
        *last_sign = Instant::now();
        conn.ask("PING", &Nothing::new())?;
    }
    Ok(())
}
