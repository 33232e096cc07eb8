//! The framed protocol as values: no sockets, no files, no recursion.
//!
//! ```text
//!  0        4        8        12                    12+H            12+H+D
//!  | H: u32 | D: u32 | check  | head: kind, fields  | data (0 or more) |
//! ```
//!
//! The head carries the fields and is guarded by the check (CRC-32 of the first eight bytes and the
//! head); the data is file content and is guarded by the chunk digests in the head.
//! docs/PROTOCOL.md is the description for people and for other programs.
//!
//! Invariant: nothing here panics, allocates or loops on the word of a peer alone; every length is
//! compared with [`crate::limits`] first.

mod code;
mod fields;
mod frame;
mod message;

pub use code::Code;
pub use fields::{Fields, Sink};
pub use frame::{Arrive, Ceiling, Inbox, Kind, frame, frame_with_data};
pub use message::*;

/// The version of the protocol that this program speaks.
pub const VERSION: u16 = 1;
