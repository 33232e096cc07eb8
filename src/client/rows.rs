//! Answers that come as rows of things in parts.

use super::Client;
use super::commands::{RemoteEntry, WhyReason};
use super::conn::Connection;
use super::error::{Error, Result};
use super::names::check_depth;
use crate::limits::ROWS_KEPT;
use crate::wire::{self, Code, Counted, Fields, ListRow, Message};

/// Gives the fields of each row that comes in parts, up to the answer, which is a success. More
/// than `most_bytes` of them is refused: that is for whoever keeps what comes, since a server may
/// go on for ever.
pub(super) fn parts<'a>(
    conn: &mut Connection,
    name: &str,
    message: &impl Message<'a>,
    most_bytes: u64,
    each: &mut dyn FnMut(&mut Fields<'_>) -> Result<()>,
) -> Result<()> {
    let mut bytes = 0_u64;
    let code = conn.ask_each(name, message, &mut |mut fields| {
        bytes = bytes.saturating_add(fields.len() as u64);
        if bytes > most_bytes {
            return Err(Error::TooMuch { what: "the server lists", most_bytes });
        }
        while !fields.is_empty() {
            each(&mut fields)?;
        }
        Ok(())
    })?;
    if code != Some(Code::Done) {
        return Err(conn.refusal());
    }
    Ok(())
}

/// Gives each message of an answer that is a row of them, then their number.
pub(super) fn list<'a, R: ListRow>(
    conn: &mut Connection,
    name: &str,
    message: &impl Message<'a>,
    most_bytes: u64,
    each: &mut dyn FnMut(R) -> Result<()>,
) -> Result<u64> {
    parts(conn, name, message, most_bytes, &mut |fields| each(R::read_one(fields)?))?;
    Ok(conn.reply::<Counted<'_>>()?.count)
}

/// Gives each entry of a folder. One that lies deeper than any server has folders is refused: only
/// a server that lies could have listed it, and it could go on so for ever.
pub(super) fn list_directory(
    conn: &mut Connection,
    path: &str,
    most_bytes: u64,
    each: &mut dyn FnMut(RemoteEntry) -> Result<()>,
) -> Result<u64> {
    check_depth(path)?;
    list(conn, "LS", &wire::Path::new(path), most_bytes, each)
}

/// All messages of an answer that is a row of them.
pub(super) fn collect<'a, R: ListRow>(
    conn: &mut Connection,
    name: &str,
    message: &impl Message<'a>,
) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    list(conn, name, message, ROWS_KEPT, &mut |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// The rows of `WHY`, escaped.
pub(super) fn reasons<'a>(
    conn: &mut Connection,
    name: &str,
    message: &impl Message<'a>,
) -> Result<Vec<WhyReason>> {
    let reasons: Vec<WhyReason> = collect(conn, name, message)?;
    let shown =
        |r: WhyReason| WhyReason::new(Client::shown(&r.what), r.allowed, Client::shown(&r.why));
    Ok(reasons.into_iter().map(shown).collect())
}
