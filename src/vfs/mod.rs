//! The user's view of the disk: what an account can list, read, write, move and remove.
//!
//! This is the only room for host paths, and on the server's side for what only Unix has. Errors
//! carry the virtual path; what the system said is their source, for the log alone.
//!
//! A [`View`] is one root with its disk; a [`Vfs`] is the table of an account's views, its home and
//! what is mounted in it, and the one place where a path is led to its root and rights are asked.
//!
//! Never: asks whether there is room (that is the ledger's), or who else changes the same names
//! (that is what claims are for). Everything that frees or moves bytes tells how many, so that the
//! caller can settle the ledger.
//! Invariant: nothing outside the account's roots is ever reached; links are listed, not followed.

mod across;
mod aside;
mod changes;
mod draft;
mod drop_box;
mod entry;
mod fault;
mod file_system;
mod follow;
mod former;
mod freed;
mod home;
mod homes;
mod intent;
mod jail;
mod kept;
mod lease;
mod listing;
mod may;
mod moves;
mod opened;
mod opening;
mod owners;
mod part;
mod parts;
mod path;
mod room;
mod socket;
mod source;
mod standing;
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

pub use self::across::{Cargo, Moved};
pub use self::draft::{Beside, Draft, Keep};
pub use self::drop_box::{dropped_key, names_beside};
pub use self::entry::{Entry, Kind, Mtime};
pub use self::freed::Freed;
pub use self::home::{Home, Powers, free_at};
pub use self::homes::{Adopt, Homes, Place};
pub use self::kept::{kept, leave, runner};
pub use self::lease::{Holder, Loss};
pub use self::listing::Listing;
pub use self::opening::{OpenStep, Opening, Unopened};

pub use self::may::{Act, Target};
pub use self::part::PartNote;
pub use self::parts::Claimed;
pub use self::path::VPath;
pub use self::socket::connect;
pub use self::source::Source;
pub use self::survey::Held;
pub use self::table::Vfs;
pub use self::timely::Threads;
pub use self::view::{View, key};
pub use self::volume::Volume;
pub use self::watch::{DiskWatch, FolderWatch};
