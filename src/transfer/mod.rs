//! The transfer engine: no protocol, no sockets.
//!
//! An upload claims its path, asks for room, opens its part, takes chunks, and ends as a
//! [`Ready`] file, which the one commit of this program puts in its place:
//!
//! ```text
//! claim -> room (quota, disk) -> part -> chunks, checked -> whole digest -> time, mode, owner
//!   -> sync -> rename -> sync of the folder -> credit for what was replaced -> success is reported
//! ```
//!
//! Invariant: until the rename the target is as it was; nothing is asked of the disk before the
//! quota has agreed; whatever ends early leaves the part and the ledger telling the truth.

mod block;
mod charged;
mod checked;
mod chunk_map;
mod claim;
mod commit;
mod copying;
mod credit;
mod download;
mod drop_box;
mod group;
mod incoming;
mod known_content;
mod open_upload;
mod small;
mod streaming;
mod upload;

#[cfg(test)]
mod tests;

pub use block::Block;
pub use charged::check_free;
pub use chunk_map::ChunkMap;
pub use claim::{Claim, ClaimGuard, ClaimRequest, Claimant, Claims, Scope};
pub use commit::{Durability, Ready, Stored, commit};
pub use copying::Copying;
pub use credit::{credit, give_back};
pub use download::{Download, Sums};
pub use group::Group;
pub use incoming::Spec;
pub use open_upload::{OpenUpload, SplitUploads};
pub use small::store;
pub use streaming::{Start, StreamingUpload};
pub use upload::Upload;

use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Charge;
use crate::vfs::{VPath, View};

/// Called now and then by long tasks with how far they are and of how much (0 if not known);
/// its error ends the task.
pub type Alive<'a> = dyn FnMut(u64, u64) -> crate::error::Result<()> + 'a;

/// The chunk that an offset lies in; `None` if the offset is not where a chunk begins.
pub(crate) fn chunk_at(offset: u64) -> Option<u64> {
    const CHUNK: u64 = crate::limits::CHUNK as u64;
    if offset % CHUNK == 0 { Some(offset / CHUNK) } else { None }
}

/// The refusal of an offset where something is asked for that holds `end` bytes, with the nearest
/// one at which a chunk begins.
pub(crate) fn no_chunk_at(offset: u64, end: u64) -> Error {
    let nearest = offset.min(end);
    Error::BadOffset { got: offset, want: nearest - nearest % limits::CHUNK as u64 }
}

/// Takes the path that somebody uploads to: see [`Claims::take`].
pub fn claim_upload(
    claims: &std::sync::Arc<Claims>,
    (view, path): (&View, &VPath),
    who: Claimant<'_>,
    charge: Charge,
) -> Result<Claim> {
    let claim = claims.take(&view.upload_key(path, who.by), path.as_str(), who, charge)?;
    // Behind the taking, so that of two one at least sees the other.
    match view.twin_key(path, who.by) {
        Some(twin) => claims.check_own(&twin, path.as_str(), who).map(|()| claim),
        None => Ok(claim),
    }
}
