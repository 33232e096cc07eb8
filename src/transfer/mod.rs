//! The transfer engine: no protocol, no sockets.
//!
//! An upload claims its path, asks for room, opens its part, takes chunks, and ends as a
//! [`Ready`] file, which the one commit of this program puts in its place:
//!
//! ```text
//! claim -> room (quota, disk) -> part -> chunks, checked -> whole digest -> time, mode, owner
//!   -> sync -> rename -> sync of the folder -> credit for what was replaced -> success is told
//! ```
//!
//! Invariant: until the rename the target is as it was; nothing is asked of the disk before the
//! quota has agreed; whatever ends early leaves the part and the ledger telling the truth.

mod claim;
mod commit;
mod credit;
mod download;
mod group;
mod inflow;
mod paid;
mod row;
mod small;
mod upload;

#[cfg(test)]
mod tests;

pub use claim::{Claim, Claimant, Claims, Held, Scope, Wanted};
pub use commit::{Durability, Ready, Stored, commit};
pub use credit::{credit, give_back};
pub use download::{Download, Sums};
pub use group::Group;
pub use inflow::{Inflow, Start};
pub use paid::check_free;
pub use row::Row;
pub use small::store;
pub use upload::{Spec, Upload};

/// Called now and then by long tasks with how far they are and of how much (0 if not known);
/// its error ends the task.
pub type Alive<'a> = dyn FnMut(u64, u64) -> crate::error::Result<()> + 'a;

/// The chunk that an offset lies in; `None` if the offset is not where a chunk begins.
pub(crate) fn chunk_at(offset: u64) -> Option<u64> {
    const CHUNK: u64 = crate::limits::CHUNK as u64;
    if offset % CHUNK == 0 { Some(offset / CHUNK) } else { None }
}
