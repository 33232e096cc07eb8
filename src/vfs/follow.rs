//! Unfinished uploads follow the directory that they are for: they are found under its new name,
//! and go with it when it is removed.
//!
//! Whoever calls this holds the claim on the directory's tree, so that nobody writes any of them.
//! A server that is killed meanwhile leaves some under the old name: whole, counted, and expiring
//! like others.
//!
//! Never: fails what has happened already. What cannot follow is logged.

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, Result as OsResult};

use super::across::Moved;
use super::entry::EntryKind;
use super::freed::Freed;
use super::jail::{NameIn, READ, from_errno};
use super::part::{self, NOTE_END, Note, part_name};
use super::parts::each_account;
use super::path::VPath;
use super::root::OpenRoot;
use super::tree::survey;
use super::view::View;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::Amount;

impl OpenRoot {
    /// Calls `seen` with every account that may have parts for this root, and its directory of
    /// them.
    fn each_parts(
        &self,
        seen: &mut dyn FnMut(&str, BorrowedFd<'_>) -> OsResult<()>,
    ) -> OsResult<()> {
        match &self.volume {
            Some(volume) => each_account(volume.parts(), seen),
            None => match self.parts_if_any()? {
                Some(parts) => seen(&self.account, parts),
                None => Ok(()),
            },
        }
    }
}

/// The parts below a directory, a path inside the root.
fn below(parts: BorrowedFd<'_>, directory: &VPath) -> OsResult<Vec<Note>> {
    let mut found = Vec::new();
    part::each_name(parts, &mut |name| {
        let Some(id) = name.strip_suffix(NOTE_END) else { return Ok(()) };
        if let Some(note) = Note::read(parts, id)?.filter(|note| directory.holds(&note.path)) {
            found.push(note);
        }
        Ok(())
    })?;
    Ok(found)
}

impl View {
    /// What the account itself has in unfinished uploads to files below a directory.
    pub(super) fn own_parts_below(&self, directory: &VPath) -> Result<Amount> {
        let failed = |e| from_errno(e, directory, "looking at the parts");
        let Some(parts) = self.open_root.parts_if_any().map_err(failed)? else {
            return Ok(Amount::NOTHING);
        };
        let mut sum = Amount::NOTHING;
        for note in below(parts, &self.open_root.inside(directory)).map_err(failed)? {
            if let Some(bytes) = part::held(parts, &part::id(&note.path)).map_err(failed)? {
                sum = sum.plus(Amount::file(bytes));
            }
        }
        Ok(sum)
    }

    /// Refuses to give a directory a name under which something in it, or an unfinished upload to
    /// it, would have too deep or too long a path to be found. `alive` is called for every name
    /// in it; its error ends the walk.
    ///
    /// Only where the new name is deeper or longer is there anything to look for.
    pub(super) fn check_reach(
        &self,
        (from, to): (&VPath, &VPath),
        target: &View,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let extent = |path: &VPath| (path.components().count(), path.as_str().len());
        let ((old_names, old_bytes), (names, bytes)) = (extent(from), extent(to));
        if (names <= old_names && bytes <= old_bytes)
            || self.stat(from)?.kind != EntryKind::Directory
        {
            return Ok(());
        }
        let why = "something in that folder would be more than 64 folders deep or have a path of \
                   more than 4096 bytes";
        let too_far = || Error::BadPath { path: to.for_error(), why };
        let top = self.jail().directory(from, READ)?;
        let reach = survey(top, &format!("`{from}`"), None, &mut |_| alive())?;
        if names + reach.names > limits::DEPTH || bytes + reach.bytes > limits::PATH {
            return Err(too_far());
        }
        let here = self.open_root.inside(from);
        let mut fits = true;
        self.each_below(&here, &mut |account, _, note| {
            // The parts of others do not go into another view.
            let goes_along = self.is_same(target) || account == self.account();
            fits &= !goes_along || to.outside(&note.path.inside(&here)).is_ok();
            Ok(())
        });
        if fits { Ok(()) } else { Err(too_far()) }
    }

    /// Drops all parts below a directory that was removed.
    pub(super) fn drop_parts_below(&self, directory: &VPath, freed: &mut dyn FnMut(Freed)) {
        let directory = self.open_root.inside(directory);
        self.each_below(&directory, &mut |account, parts, note| {
            freed(drop_one(&self.open_root, (account, parts), note)?);
            Ok(())
        });
    }

    /// Gives the parts below a directory that was renamed their new names.
    pub(super) fn rename_parts(&self, (from, to): (&VPath, &VPath), moved: &mut Moved) {
        let (from, to) = (self.open_root.inside(from), self.open_root.inside(to));
        self.each_below(&from, &mut |account, parts, note| {
            move_one(&self.open_root, (account, parts), note, (&from, &to, parts), moved)
        });
    }

    /// Takes the account's parts below a directory along that was moved into another view, and
    /// drops those of others: they would not be found there.
    pub(super) fn carry_parts(
        &self,
        (from, to): (&VPath, &VPath),
        target: &View,
        moved: &mut Moved,
    ) {
        let (from, to) = (self.open_root.inside(from), target.open_root.inside(to));
        self.each_below(&from, &mut |account, parts, note| {
            if account != self.account() {
                moved.dropped.push(drop_one(&self.open_root, (account, parts), note)?);
                return Ok(());
            }
            let there = target.open_root.parts()?;
            move_one(&self.open_root, (account, parts), note, (&from, &to, there), moved)
        });
    }

    /// Calls `seen` with every part below a directory; what fails is logged.
    fn each_below(
        &self,
        directory: &VPath,
        seen: &mut dyn FnMut(&str, BorrowedFd<'_>, &Note) -> OsResult<()>,
    ) {
        let done = self.open_root.each_parts(&mut |account, parts| {
            for note in below(parts, directory)? {
                if let Err(e) = seen(account, parts, &note) {
                    log::error!("an unfinished upload of `{}` stays behind: {e}", note.path);
                }
            }
            Ok(())
        });
        if let Err(e) = done {
            log::error!("the unfinished uploads below `{directory}` stay behind: {e}");
        }
    }
}

/// Drops a part; what became free is its account's, where owners are kept.
fn drop_one(
    open_root: &OpenRoot,
    (account, parts): (&str, BorrowedFd<'_>),
    note: &Note,
) -> OsResult<Freed> {
    let freed = part::drop_part(&open_root.home, parts, &part::id(&note.path))?;
    Ok(freed.owned_by(account))
}

/// Moves a part, whose path lies below `from`, to where the same path below `to` looks for it.
///
/// The new note comes first: without its part it is none, and until the part has moved the old
/// one holds.
fn move_one(
    open_root: &OpenRoot,
    (account, parts): (&str, BorrowedFd<'_>),
    note: &Note,
    (from, to, there): (&VPath, &VPath, BorrowedFd<'_>),
    moved: &mut Moved,
) -> OsResult<()> {
    let Ok(path) = to.outside(&note.path.inside(from)) else {
        // Longer than any path can be.
        moved.dropped.push(drop_one(open_root, (account, parts), note)?);
        return Ok(());
    };
    let (old, new) = (part::id(&note.path), part::id(&path));
    // Left by an upload to a directory that had this name before.
    moved.stale.push(part::drop_part(&open_root.home, there, &new)?.owned_by(account));
    Note { path, ..note.clone() }.write(&open_root.home, there)?;
    let (from, to) = (part_name(&old), part_name(&new));
    match NameIn::new(parts, from.as_bytes()).rename(NameIn::new(there, to.as_bytes())) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => {
            let _ = Note::remove(there, &new);
            return Err(e);
        }
    }
    Note::remove(parts, &old)
}
