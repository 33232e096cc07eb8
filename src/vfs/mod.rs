//! The user's view of the disk: what an account can list, read, write, move and remove.
//!
//! Nowhere else does a user's path lead to a path of the host. Errors carry the virtual path; what
//! the system said is their source, and only for the log.
//!
//! A [`View`] is one root with its disk; a [`Vfs`] is the table of an account's views, its home and
//! what is mounted in it, and the one place where a path is led to its root and rights are asked.
//!
//! Never: asks whether there is room (that is the ledger's), or who else changes the same names
//! (that is what claims are for). Everything that frees or moves bytes tells how many, so that the
//! caller can settle the ledger.
//! Invariant: nothing outside the account's roots is ever reached; links are listed, not followed.

mod access;
mod across;
mod aside;
mod changes;
mod counts;
mod digests;
mod drop_box;
mod entry;
mod errno;
mod fault;
mod file_system;
mod follow;
mod freed;
mod home;
mod homes;
mod intent;
mod jail;
mod kept;
mod last_seen;
mod lease;
mod listing;
mod moves;
mod new_file;
mod opened;
mod opening;
mod owners;
mod part;
mod parts;
mod path;
mod root;
mod socket;
mod source;
mod survey;
mod table;
mod takeover;
mod timely;
mod tree;
mod view;
mod volume;
mod watch;

#[cfg(test)]
mod tests;

pub use self::across::{Moved, MovedContent};
pub use self::counts::{KeptCount, KeptCounts};
pub use self::digests::{
    DigestBatch, DigestKind, DigestRecord, FileState, Finding, StoredDigests, Verification,
    VerifiedTotals, VerifyObserver,
};
pub use self::drop_box::{dropped_key, names_beside};
pub use self::entry::{Entry, EntryKind, Mtime};
pub use self::freed::Freed;
pub use self::home::{Home, Powers, free_at};
pub use self::homes::{Adopt, DirLocation, Homes};
pub use self::kept::{kept, leave, runner};
pub use self::lease::{Holder, Loss};
pub use self::listing::Listing;
pub use self::new_file::{Keep, NewFile, ParentDir};
pub use self::opening::{OpenStep, Opening, Unopened};

pub use self::access::{AccessKind, WriteTarget};
pub use self::part::PartNote;
pub use self::parts::Claimed;
pub use self::path::VPath;
pub use self::socket::connect;
pub use self::source::Source;
pub use self::survey::{OwnerTotals, held_below};
pub use self::table::Vfs;
pub use self::timely::Threads;
pub use self::view::{View, key};
pub use self::volume::Volume;
pub use self::watch::{DirWatch, DiskWatch};
