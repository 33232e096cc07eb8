//! Answers that come as rows of things in parts.

use super::Client;
use super::commands::Reason;
use super::conn::Conn;
use super::error::{Error, Result};
use crate::limits::ROWS_KEPT;
use crate::wire::{Code, Counted, Fields, Message};

/// Rows in parts; gives their number.
pub(super) fn list<'a>(
    conn: &mut Conn,
    name: &str,
    message: &impl Message<'a>,
    most_bytes: u64,
    each: &mut dyn FnMut(&mut Fields<'_>) -> Result<()>,
) -> Result<u64> {
    parts(conn, name, message, most_bytes, each)?;
    Ok(conn.reply::<Counted<'_>>()?.count)
}

/// Rows in parts, up to the answer, which is a success. More than `most_bytes` of them is refused:
/// that is for whoever keeps what comes, since a server may go on for ever.
pub(super) fn parts<'a>(
    conn: &mut Conn,
    name: &str,
    message: &impl Message<'a>,
    most_bytes: u64,
    each: &mut dyn FnMut(&mut Fields<'_>) -> Result<()>,
) -> Result<()> {
    let mut bytes = 0_u64;
    let code = conn.ask_each(name, message, &mut |mut fields| {
        let mut left = fields.rest();
        bytes = bytes.saturating_add(left.len() as u64);
        if bytes > most_bytes {
            return Err(Error::TooMuch { what: "the server lists", most_bytes });
        }
        while !left.is_empty() {
            let mut row = Fields::new(left);
            each(&mut row)?;
            left = row.rest();
        }
        Ok(())
    })?;
    if code != Some(Code::Done) {
        return Err(conn.refusal());
    }
    Ok(())
}

/// The rows of `WHY`.
pub(super) fn reasons<'a>(
    conn: &mut Conn,
    name: &str,
    message: &impl Message<'a>,
) -> Result<Vec<Reason>> {
    let mut reasons = Vec::new();
    list(conn, name, message, ROWS_KEPT, &mut |fields| {
        reasons.push(Reason {
            what: Client::shown(fields.text("what")?),
            allowed: fields.u8("allowed")? == 1,
            why: Client::shown(fields.text("why")?),
        });
        Ok(())
    })?;
    Ok(reasons)
}
