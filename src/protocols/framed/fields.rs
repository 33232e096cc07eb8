//! Values of the transfer engine as fields of messages, and the other way round.

use super::reply::Response;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::session::Mtime;
use crate::transfer::Stored as StoredFile;
use crate::wire::{self, Code, Message, Piece, Sink, Stored};

/// The answer for a small file's commit.
pub(super) fn stored(result: Result<StoredFile>) -> Response {
    match result {
        Ok(file) => Response::with(
            Code::Verified,
            format!("stored, {} bytes", file.size),
            &Stored::new(file.size),
        ),
        Err(e) => Response::refusal(&e),
    }
}

pub(super) fn mtime(secs: i64, nanos: u32) -> Result<Mtime> {
    if nanos >= 1_000_000_000 {
        return Err(Error::BadArgument { what: "mtime_nanos: under 1,000,000,000" });
    }
    Ok(Mtime { secs, nanos })
}

/// Permission bits, or that none are given.
pub(super) fn mode(bits: u16) -> Result<Option<u16>> {
    match bits {
        wire::NO_MODE => Ok(None),
        0..=0o777 => Ok(Some(bits)),
        _ => Err(Error::BadArgument { what: "mode: nine bits, or 65535" }),
    }
}

/// The fields of a piece.
pub(super) fn piece(sink: &mut Sink, offset: u64, digests: &[Digest]) {
    sink.clear();
    Piece::new(offset, &[]).encode(sink);
    for digest in digests {
        sink.raw(digest.as_bytes());
    }
}

/// A field that is 0 or 1.
pub(super) fn switch(value: u8, what: &'static str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::BadArgument { what }),
    }
}
