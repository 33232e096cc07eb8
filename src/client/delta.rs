//! Whether a file that replaces another one is mostly the same, so that only what differs travels.
//!
//! Chunks are compared where they are, so what is inserted moves all that follows: a log that has
//! grown, a disk image or a database profits, a text in which a line was added at its beginning
//! does not.

use super::compare::{Content, digest, sums};
use super::error::Error;
use super::halt::Halt;
use super::tools::Tools;
use crate::limits::CHUNK;
use crate::wire::SumsOf;

/// Bytes from which on it is asked at all: below it the answer costs about what it saves.
pub(super) const DELTA_FROM: u64 = 1024 * 1024;
/// Chunks that are compared, spread over what both have.
const SAMPLES: u64 = 16;
/// How many of them must be equal: what differs comes in pieces, and each takes a while.
const ENOUGH: u64 = 14;

/// Whether most of the first `both` bytes of a file here and one on the server, which has `size`,
/// are equal, as far as a sample tells. What may not be read there is not.
pub(super) fn is_mostly_equal(
    tools: &mut Tools<'_>,
    (remote, version, size): (&str, u64, u64),
    here: &mut dyn Content,
    both: u64,
) -> Result<bool, Halt> {
    let chunks = both / CHUNK as u64;
    if both < DELTA_FROM || chunks < SAMPLES {
        return Ok(false);
    }
    let (mut equal, mut theirs, mut ours) = (0, Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        // The first chunk and the last one are often a head and a table that always change.
        let at = (sample * 2 + 1) * chunks / (SAMPLES * 2) * CHUNK as u64;
        let message = SumsOf::new(remote, at, 1, version);
        match sums(tools.conn, "SUMS", &message, tools.algorithm, (at, size), &mut theirs) {
            Ok(_) => {}
            Err(Halt::Failed(Error::Refused { .. }) | Halt::Changed) => return Ok(false),
            Err(e) => return Err(e),
        }
        let chunk = tools.buffer.get_mut(..CHUNK).unwrap_or_default();
        here.read(at, chunk)?;
        digest(tools.algorithm, chunk, &mut ours, None);
        equal += u64::from(ours == theirs);
        if equal + (SAMPLES - sample - 1) < ENOUGH {
            return Ok(false);
        }
    }
    Ok(true)
}
