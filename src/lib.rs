//! miniftp: a file server and its client whose word can be relied on.
//!
//! What it says is stored is stored; what it says is the limit is the limit; what breaks goes on
//! where it was.
//!
//! Read in this order: [`limits`], [`error`].
//! docs/ARCHITECTURE.md has the map, the layers and the invariants.

pub mod error;
pub mod limits;
#[cfg(unix)]
pub mod quota;
pub mod text;
#[cfg(unix)]
pub mod vfs;
