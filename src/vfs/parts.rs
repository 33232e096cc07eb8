//! The parts of all accounts together: swept at the start, expired later, added up.
//!
//! Never: touches a part that somebody writes, or counts a note.

use std::time::SystemTime;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, Result as OsResult};

use super::entry::mtime_of;
use super::freed::Freed;
use super::home::{Home, MOUNTS, PASSING};
use super::jail::{NameIn, READ, from_errno};
use super::part::{
    NOTE_END, Note, PART, drop_part, each_name, held, note_name, part_name, since_1970,
};
use super::path::VPath;
use crate::error::Result;
use crate::text::Escaped;

/// At the start: removes what only lasted for a step, parts without a note and notes without a
/// part.
pub(super) fn sweep(directory: BorrowedFd<'_>) -> OsResult<()> {
    each_account(directory, &mut |_, parts| {
        each_name(parts, &mut |name| {
            let at = NameIn::new(parts, name.as_bytes());
            let useless = if let Some(id) = name.strip_suffix(PART) {
                Note::read(parts, id)?.is_none()
            } else if let Some(id) = name.strip_suffix(NOTE_END) {
                Note::read(parts, id)?.is_none() || held(parts, id)?.is_none()
            } else {
                name.ends_with(PASSING)
            };
            if useless { at.unlink() } else { Ok(()) }
        })
    })
}

/// At the start: the same for the parts of all that was ever mounted from the home's disk, in a
/// directory of their own each. What is empty goes.
pub(super) fn sweep_mounts(private: BorrowedFd<'_>) -> OsResult<()> {
    each_mount(private, &mut |mounts, name, directory| {
        sweep(directory)?;
        each_name(directory, &mut |account| {
            remove_empty(NameIn::new(directory, account.as_bytes()))
        })?;
        remove_empty(NameIn::new(mounts, name.as_bytes()))
    })
}

fn remove_empty(at: NameIn<'_>) -> OsResult<()> {
    match at.remove_directory() {
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
        removed => removed,
    }
}

/// Calls `seen` with the directory of all mounts' parts, and the name and descriptor of each in it.
fn each_mount(
    private: BorrowedFd<'_>,
    seen: &mut dyn FnMut(BorrowedFd<'_>, &str, BorrowedFd<'_>) -> OsResult<()>,
) -> OsResult<()> {
    let mounts = match NameIn::new(private, MOUNTS).open(READ, 0) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    each_account(mounts.as_fd(), &mut |name, directory| seen(mounts.as_fd(), name, directory))
}

impl Home {
    /// Drops the old parts for directories that are not mounted: `mounted` are the names of the
    /// others' directories of parts. They are nobody's to pay for, and nobody sees them.
    pub fn expire_unmounted(&self, mounted: &[&str], older_than: SystemTime) {
        let expired = each_mount(self.private(), &mut |_, name, directory| {
            if !mounted.contains(&name) {
                for account in accounts_in(directory) {
                    expire((self, directory), &account, older_than, &uncounted);
                }
            }
            Ok(())
        });
        if let Err(e) = expired {
            log::error!("old parts for what is not mounted are left as they are: {e}");
        }
    }

    /// Drops the old parts in the home of an account that was removed: nobody pays for them.
    pub fn expire_left(&self, account: &str, older_than: SystemTime) {
        expire((self, self.parts()), account, older_than, &uncounted);
    }

    /// The accounts that have, or had, unfinished uploads.
    pub fn accounts_with_parts(&self) -> Vec<String> {
        accounts_in(self.parts())
    }

    /// Drops an account's parts on which nothing was written since `older_than`. `claimed` is
    /// called with the path of each and what drops it, and does so under a claim of that path or
    /// not at all. What fails is logged and left for the next time.
    pub fn expire_parts(&self, account: &str, older_than: SystemTime, claimed: &Claimed<'_>) {
        expire((self, self.parts()), account, older_than, claimed);
    }
}

/// Drops a part that counts for nobody.
fn uncounted(_: &VPath, drop_part: &mut dyn FnMut() -> Result<Freed>) -> Result<()> {
    drop_part().map(|freed| freed.when_closed(Box::new(())))
}

/// Drops a part, if its path can be claimed; see [`Home::expire_parts`].
pub type Claimed<'a> = dyn Fn(&VPath, &mut dyn FnMut() -> Result<Freed>) -> Result<()> + 'a;

/// The accounts with parts in a folder of parts.
pub(super) fn accounts_in(directory: BorrowedFd<'_>) -> Vec<String> {
    let mut accounts = Vec::new();
    let listed = each_name(directory, &mut |account| {
        accounts.push(account.to_owned());
        Ok(())
    });
    if let Err(e) = listed {
        log::error!("looking for old parts failed: {e}");
    }
    accounts
}

/// [`Home::expire_parts`] for any folder of parts, and the home on whose disk it is.
pub(super) fn expire(
    (home, directory): (&Home, BorrowedFd<'_>),
    account: &str,
    older_than: SystemTime,
    claimed: &Claimed<'_>,
) {
    let expired = match NameIn::new(directory, account.as_bytes()).open(READ, 0) {
        Ok(parts) => expire_account(home, parts.as_fd(), since_1970(older_than), claimed),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
        Err(e) => Err(e),
    };
    if let Err(e) = expired {
        log::error!("old parts of `{}` are left as they are: {e}", Escaped(account));
    }
}

fn expire_account(
    home: &Home,
    parts: BorrowedFd<'_>,
    oldest: i64,
    claimed: &Claimed<'_>,
) -> OsResult<()> {
    each_name(parts, &mut |name| {
        // Without a note it is nobody's, and is removed at the next start.
        let Some(id) = name.strip_suffix(NOTE_END) else { return Ok(()) };
        if !is_old(parts, id, oldest)? {
            return Ok(());
        }
        let Some(note) = Note::read(parts, id)? else { return Ok(()) };
        let mut expire = || {
            // It may have been gone on with until it was claimed.
            let dropped = match is_old(parts, id, oldest) {
                Ok(true) => drop_part(home, parts, id),
                other => other.map(|_| Freed::default()),
            };
            dropped.map_err(|e| from_errno(e, &note.path, "dropping a part"))
        };
        if let Err(e) = claimed(&note.path, &mut expire) {
            log::info!("the old part of `{}` stays for now: {e}", note.path);
        }
        Ok(())
    })
}

/// Whether nothing was written since `oldest`, neither to the part nor to its note: a note is
/// written once and a part often.
fn is_old(parts: BorrowedFd<'_>, id: &str, oldest: i64) -> OsResult<bool> {
    let written = |name: String| match NameIn::new(parts, name.as_bytes()).stat() {
        Ok(stat) => Ok(mtime_of(&stat).secs),
        Err(Errno::NOENT) => Ok(i64::MIN),
        Err(e) => Err(e),
    };
    let started = Note::read(parts, id)?.map_or(i64::MIN, |note| note.started);
    Ok(written(part_name(id))?.max(written(note_name(id))?).max(started) < oldest)
}

/// Calls `seen` with every account that has a folder of parts.
pub(super) fn each_account(
    directory: BorrowedFd<'_>,
    seen: &mut dyn FnMut(&str, BorrowedFd<'_>) -> OsResult<()>,
) -> OsResult<()> {
    each_name(directory, &mut |account| match NameIn::new(directory, account.as_bytes())
        .open(READ, 0)
    {
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
