//! A small file that travels whole inside one request.
//!
//! Never: leaves a part. Until it is placed it has no name, and its bytes are promised, not spent.

use std::time::Instant;

use super::incoming::Incoming;
use super::{Ready, Spec};
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Amount;

/// A whole small file in one go: checked, charged and written, ready to be committed.
pub fn store(
    spec: &Spec<'_>,
    algorithm: Algorithm,
    digests: &[Digest],
    whole: &[u8],
    data: &[u8],
) -> Result<Ready> {
    let begun = Instant::now();
    let mut is = Vec::with_capacity(digests.len());
    chunk_digests(algorithm, data, limits::CHUNK, &mut is);
    if is.len() != digests.len() {
        return Err(Error::BadArgument { what: "digests: one for each chunk of the data" });
    }
    let damaged = is.iter().zip(digests).enumerate().filter(|(_, (is, said))| is != said);
    let bad = damaged.fold(0u32, |bad, (i, _)| bad | 1 << i);
    if bad != 0 {
        return Err(Error::Mismatch { bad });
    }
    let mut row = WholeDigest::new(algorithm);
    is.iter().for_each(|digest| row.push(digest));
    if row.finish().as_bytes() != whole {
        return Err(Error::WholeMismatch);
    }
    let size = data.len() as u64;
    let (claim, target) = spec.begin(false)?;
    let replacing = target.replacing;
    let new_file = {
        let mut held = claim.hold()?;
        held.needs_no_peer();
        held.charge().cover(Amount::file(size), replacing)?;
        spec.disk().check(Amount::file(size))?;
        // Dropped before it is placed, the file removes itself, and then the claim frees the
        // promise.
        let mut new_file = spec.view.new_small_file(spec.path, Some(target))?;
        new_file.write_at(0, data)?;
        new_file
    };
    let mut incoming = Incoming::new(spec, claim, replacing);
    incoming.note.since(begun);
    incoming.note.is_of(0, Some(size));
    incoming.note.moved(size);
    Ok(incoming.ready(new_file, size, true).with_chunk_digests(algorithm, &is))
}
