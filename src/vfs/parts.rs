//! The parts of all accounts together: swept at the start, expired later, added up.
//!
//! Never: touches a part that somebody writes, or counts a note.

use std::time::SystemTime;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, Result as OsResult};

use super::entry::mtime_of;
use super::home::{Home, PASSING};
use super::jail::{At, READ};
use super::part::{NOTE_END, Note, PART, drop_part, each_name, part_name, since_1970};
use super::path::VPath;
use super::view::bytes_at;
use crate::text::Escaped;

/// At the start: removes what only lasted for a step, parts without a note and notes without a
/// part.
pub(super) fn sweep(folder: BorrowedFd<'_>) -> OsResult<()> {
    each_account(folder, &mut |_, parts| {
        each_name(parts, &mut |name| {
            let at = At::new(parts, name.as_bytes());
            let useless = if let Some(id) = name.strip_suffix(PART) {
                Note::read(parts, id)?.is_none()
            } else if let Some(id) = name.strip_suffix(NOTE_END) {
                let part = part_name(id);
                Note::read(parts, id)?.is_none() || at.beside(part.as_bytes()).stat().is_err()
            } else {
                name.ends_with(PASSING)
            };
            if useless { at.unlink() } else { Ok(()) }
        })
    })
}

impl Home {
    /// Drops parts on which nothing was written since `older_than`, but none that is `busy`, and
    /// tells each account's bytes that became free. What fails is logged and left for the next
    /// time.
    pub fn expire_parts(
        &self,
        older_than: SystemTime,
        busy: &dyn Fn(&str, &VPath) -> bool,
    ) -> Vec<(String, u64)> {
        expire(self, self.parts(), older_than, busy)
    }
}

/// The same for another folder of parts on the same disk.
pub(super) fn expire(
    home: &Home,
    folder: BorrowedFd<'_>,
    older_than: SystemTime,
    busy: &dyn Fn(&str, &VPath) -> bool,
) -> Vec<(String, u64)> {
    let oldest = since_1970(older_than);
    let mut freed = Vec::new();
    let done = each_account(folder, &mut |account, parts| {
        let bytes = expire_account(home, parts, oldest, &|path| busy(account, path))?;
        if bytes > 0 {
            freed.push((account.to_owned(), bytes));
        }
        Ok(())
    });
    if let Err(e) = done {
        log::error!("looking for old parts failed: {e}");
    }
    freed
}

/// Adds up the bytes of one account's folder of parts.
pub(super) fn used_bytes(parts: BorrowedFd<'_>) -> OsResult<u64> {
    let mut used = 0_u64;
    each_name(parts, &mut |name| {
        if name.ends_with(PART) || name.ends_with(PASSING) {
            used = used.saturating_add(bytes_at(At::new(parts, name.as_bytes()))?);
        }
        Ok(())
    })?;
    Ok(used)
}

/// The same for all accounts, or for the one that is named.
pub(super) fn used_by(folder: BorrowedFd<'_>, only: Option<&str>) -> OsResult<u64> {
    let mut used = 0_u64;
    each_account(folder, &mut |account, parts| {
        if only.is_none_or(|only| only == account) {
            used = used.saturating_add(used_bytes(parts)?);
        }
        Ok(())
    })?;
    Ok(used)
}

fn expire_account(
    home: &Home,
    parts: BorrowedFd<'_>,
    oldest: i64,
    busy: &dyn Fn(&VPath) -> bool,
) -> OsResult<u64> {
    let mut freed = 0_u64;
    each_name(parts, &mut |name| {
        let Some(id) = name.strip_suffix(PART).or(name.strip_suffix(NOTE_END)) else {
            return Ok(());
        };
        let written = match At::new(parts, name.as_bytes()).stat() {
            Ok(stat) => mtime_of(&stat).secs,
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e),
        };
        let note = Note::read(parts, id)?;
        // A note is written once and a part often: while the part is young, its note stays.
        let part = At::new(parts, part_name(id).as_bytes()).stat();
        let part_written = part.map_or(i64::MIN, |stat| mtime_of(&stat).secs);
        let started = note.as_ref().map_or(i64::MIN, |note| note.started);
        if written.max(part_written).max(started) >= oldest {
            return Ok(());
        }
        if note.is_some_and(|note| busy(&note.path)) {
            return Ok(());
        }
        freed = freed.saturating_add(drop_part(home, parts, id)?);
        Ok(())
    })?;
    Ok(freed)
}

/// Calls `seen` with every account that has a folder of parts.
fn each_account(
    folder: BorrowedFd<'_>,
    seen: &mut dyn FnMut(&str, BorrowedFd<'_>) -> OsResult<()>,
) -> OsResult<()> {
    each_name(folder, &mut |account| match At::new(folder, account.as_bytes()).open(READ, 0) {
        Ok(parts) => {
            if let Err(e) = seen(account, parts.as_fd()) {
                log::error!("the parts of `{}` are left as they are: {e}", Escaped(account));
            }
            Ok(())
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
        Err(e) => Err(e),
    })
}
