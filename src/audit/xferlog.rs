//! Transfers as wu-ftpd, vsftpd and ProFTPD log them, for the tools that read that: 14 fields with
//! a blank between, of which the time is five words.
//!
//! Never: a blank or anything invisible inside a field, so that none shifts.

use super::event::{ActorOrigin, Event, Outcome, Verb};
use super::time::LogTime;

use crate::text::is_harmful;

/// The line of a transfer that began; `None` for every other act.
pub(super) fn event(now: LogTime, event: &Event<'_>) -> Option<String> {
    let direction = match event.verb {
        Verb::Put => 'i',
        Verb::Get => 'o',
        _ => return None,
    };
    let (took, path, name) = (event.took?, event.path?, event.by.name?);
    let ActorOrigin::Protocol(_, protocol, _) = event.by.from else { return None };
    // Whole seconds, and at least one, as vsftpd has it: readers divide by it.
    let secs = took.as_millis().div_ceil(1000).max(1);
    let bytes = event.bytes.or(event.kept_bytes).unwrap_or(0);
    let path: String = path.chars().map(in_a_field).collect();
    let kind = if event.is_text { 'a' } else { 'b' };
    let mode = if name == crate::accounts::AccountName::guest().as_str() { 'a' } else { 'r' };
    let service = if protocol == "ftp" { "ftp" } else { "miniftp" };
    let status = if event.outcome == Outcome::Done { 'c' } else { 'i' };
    let (from, time) = (event.by.from, now.ctime());
    Some(format!(
        "{time} {secs} {from} {bytes} {path} {kind} _ {direction} {mode} {name} {service} 0 * \
         {status}\n"
    ))
}

/// As vsftpd does it: what could end a field, or is not seen, becomes `_`.
fn in_a_field(c: char) -> char {
    if c.is_whitespace() || is_harmful(c) { '_' } else { c }
}
