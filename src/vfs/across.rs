//! Moving a file or a tree from one view into another one on the same disk.
//!
//! Whoever calls this holds the claims on both names, so that no other session changes anything in
//! the tree while it is inspected in its place, charged and given to its new owner; then one rename
//! takes all of it. So nothing is ever out of sight, and what a server that is killed has begun to
//! give away, the next start moves (`intent`).
//!
//! Never: copies, or replaces a directory.

use std::sync::Arc;

use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, file_bytes, kind_of};
use super::freed::Freed;
use super::intent::{Giving, Intent, Route};
use super::jail::{NameIn, READ, errno_of, from_errno};
use super::moves::MoveOrigin;
use super::owners::{Owning, owner_at};
use super::path::VPath;
use super::table::Vfs;
use super::tree::walk;
use super::view::View;
use crate::error::{Error, Result};
use crate::quota::{Amount, FileOwner};

/// What is moved, by who stored it: `None` where nothing says.
#[derive(Debug, Default)]
pub struct MovedContent {
    /// Each owner once.
    pub owned: Vec<(FileOwner, Amount)>,
}

/// What came of a move.
#[derive(Debug, Default)]
pub struct Moved {
    /// What went into another view, and is not paid for any more where it was.
    pub left: MovedContent,
    /// What became free because it was replaced.
    pub replaced: Freed,
    /// Unfinished uploads that could not go along.
    pub dropped: Vec<Freed>,
    /// Unfinished uploads that were left where it went, from before it had that name.
    pub stale: Vec<Freed>,
}

impl MovedContent {
    pub(super) fn add(&mut self, owner: Option<&str>, amount: Amount) {
        match self.owned.iter_mut().find(|(known, _)| known.as_deref() == owner) {
            Some((_, sum)) => *sum = sum.plus(amount),
            None => self.owned.push((owner.map(Arc::from), amount)),
        }
    }

    /// All of it.
    pub fn total(&self) -> Amount {
        self.owned.iter().fold(Amount::NOTHING, |sum, (_, amount)| sum.plus(*amount))
    }
}

/// A move that is being made.
struct Move<'a> {
    source: &'a View,
    target: &'a View,
    from: &'a VPath,
    /// Where it is now.
    at: NameIn<'a>,
    kind: EntryKind,
}

impl Vfs {
    /// Moves a file or a tree from one view into another. `pay` is called with what it is and
    /// whether it replaces a file, before anything happens; its error ends the move. `alive` is
    /// called for every name in a tree; its error ends the move too, while nothing has happened.
    ///
    /// Refused are moves to another disk: they could not be made in one step. Whoever moves a file
    /// takes its content along, so it must be readable where it was.
    pub fn rename_across(
        &self,
        (from, to): (&VPath, &VPath),
        replace: bool,
        pay: &mut dyn FnMut(&MovedContent, bool) -> Result<()>,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Moved> {
        let (source, target) = (self.to_change(from)?, self.to_write(to)?);
        if !source.rights().read {
            return Err(Error::Denied { path: from.for_error() });
        }
        let kind = source.stat(from)?.kind;
        if !matches!(kind, EntryKind::File | EntryKind::Directory) {
            let what = "moving anything but files and folders into another mount";
            return Err(Error::Unsupported { what });
        }
        if !source.shares_disk(target) {
            return Err(other_disk());
        }
        let replacing = match kind {
            EntryKind::Directory => target.may_make_directory(to).map(|()| false)?,
            _ => target.may_store(to, replace, None)?.replacing,
        };
        let spots = (source.jail().spot(from)?, target.jail().spot(to)?);
        let place = target.jail().at(&spots.1);
        let moving = Move { source, target, from, at: source.jail().at(&spots.0), kind };
        source.check_reach((from, to), target, alive)?;
        let cargo = moving.inspect(alive)?;
        pay(&cargo, replacing)?;
        let new_owner = target.file_owner();
        let is_given = cargo.owned.iter().any(|(owner, _)| *owner != new_owner);
        let new_owner = new_owner.filter(|_| is_given);
        let replace = replace && target.rights().modify;
        let replaced = moving.make((place, to), new_owner.as_deref(), replace, alive)?;
        let mut moved = Moved { left: cargo, replaced, ..Moved::default() };
        if kind == EntryKind::Directory {
            source.carry_parts((from, to), target, &mut moved);
        }
        Ok(moved)
    }
}

fn other_disk() -> Error {
    Error::Unsupported { what: "moving to another disk; fetch the file and store it there" }
}

impl Move<'_> {
    /// Calls `visit` with everything that is moved, the topmost last.
    fn each(&self, visit: &mut dyn FnMut(NameIn<'_>) -> Result<()>) -> Result<()> {
        if self.kind == EntryKind::Directory {
            let failed = |e| from_errno(e, self.from, "moving a folder");
            let top = self.at.open(READ, 0).map_err(failed)?;
            walk(top, self.from, &mut |step| visit(step.at))?;
        }
        visit(self.at)
    }

    /// What there is, by who stored it; unfinished uploads that go along included.
    fn inspect(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<MovedContent> {
        let failed = |e| from_errno(e, self.from, "looking at what is moved");
        let mut cargo = MovedContent::default();
        let asks = self.source.file_owner().is_some();
        self.each(&mut |at| {
            alive()?;
            let stat = at.stat().map_err(failed)?;
            let kept = asks && matches!(kind_of(&stat), EntryKind::File | EntryKind::Directory);
            let owner = if kept { owner_at(at).map_err(failed)? } else { None };
            cargo.add(owner.as_deref(), Amount::file(file_bytes(&stat)));
            Ok(())
        })?;
        if self.kind == EntryKind::Directory {
            let parts = self.source.own_parts_below(self.from)?;
            if parts != Amount::NOTHING {
                cargo.add(self.source.file_owner().as_deref(), parts);
            }
        }
        Ok(cargo)
    }

    /// Gives everything to its new owner, where that is written down, and moves it.
    fn make(
        &self,
        (to, path): (NameIn<'_>, &VPath),
        owner: Option<&str>,
        replace: bool,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Freed> {
        let failed = |e| from_errno(e, path, "moving a file into place");
        self.target.home().fence().map_err(failed)?;
        let (home, mut owning) = (self.source.home(), Owning::to(owner.unwrap_or_default()));
        let (from, to_root) = ((&*self.source.open_root, self.from), &self.target.open_root);
        let route = Route { from, to: (to_root, path), gives: None };
        let mut intent = None;
        let owned = match owner {
            Some(owner) => {
                let gives = Some(Giving { owner, replace });
                let file = FileId::of(&self.at.stat().map_err(failed)?);
                intent = Route { gives, ..route }.write(home, file).map_err(failed)?;
                self.each(&mut |at| {
                    alive()?;
                    owning.give(at)
                })
            }
            None => Ok(()),
        };
        let from = (self.at, MoveOrigin::View(route));
        let moved = owned.and_then(|()| home.move_over(from, self.kind, (to, path), replace));
        let moved = moved.inspect_err(|_| {
            if owning.give_up() {
                self.give_back(&owning);
            }
        });
        intent.into_iter().for_each(Intent::settle);
        moved.map_err(|e| match e {
            Error::Io { source, .. } if errno_of(&source) == Errno::XDEV => other_disk(),
            e => e,
        })
    }

    /// Nothing was moved: everything gets its old owner again.
    fn give_back(&self, owning: &Owning<'_>) {
        let given_back = self.each(&mut |at| {
            let back: OsResult<()> = owning.take_back(at);
            back.map_err(|e| from_errno(e, self.from, "writing down who owns a file"))
        });
        if let Err(e) = given_back {
            log::error!("`{}` was not moved, and some of it has a new owner: {e}", self.from);
        }
    }
}
