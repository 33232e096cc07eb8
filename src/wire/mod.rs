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
//! Invariant: nothing here panics, allocates or loops only because a peer says so; every length is
//! compared with [`crate::limits`] first.

#[macro_use]
mod rows;

mod answer;
mod code;
mod fields;
mod frame;
mod kept;
mod message;
mod people;

pub use answer::{Rows, put_answer};
pub use code::Code;
pub use fields::{Fields, Sink};
pub use frame::{Arrive, Ceiling, FrameKind, Inbox, frame, frame_with_data};
pub use kept::*;
pub use message::*;
pub use people::*;

/// The version of the protocol that this program speaks.
pub const VERSION: u16 = 1;

/// A message's name and its fields as (name, form, meaning).
pub type MessageRow = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const TABLES: [&[MessageRow]; 3] =
    [message::FILE_MESSAGES, kept::KEPT_MESSAGES, people::PEOPLE_MESSAGES];

/// Every message: the tables of docs/PROTOCOL.md are compared with it.
pub static MESSAGES: [MessageRow; TABLES[0].len() + TABLES[1].len() + TABLES[2].len()] = {
    let mut all = [TABLES[0][0]; TABLES[0].len() + TABLES[1].len() + TABLES[2].len()];
    let (mut table, mut row) = (0, 0);
    let mut i = 0;
    while i < all.len() {
        if row == TABLES[table].len() {
            (table, row) = (table + 1, 0);
        }
        all[i] = TABLES[table][row];
        (row, i) = (row + 1, i + 1);
    }
    all
};
