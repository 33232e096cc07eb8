//! What a session changes but for the content of files: folders, names, times, removal.
//!
//! Invariant: what becomes free is credited to who paid for it, and each act leaves a line.

use super::{Alive, Entry, Kind, Mtime, Session, User, VPath};
use crate::admin;
use crate::audit::Verb;
use crate::error::{Error, Result};
use crate::quota::{Charge, Purse};
use crate::transfer::{Claimant, give_back};
use crate::vfs::{Act, Freed, Payer, View, names_beside};

impl Session {
    /// Sets a file's time.
    pub fn set_mtime(&self, path: &str, mtime: Mtime) -> Result<()> {
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mtime(&path, mtime));
        self.noted(Verb::Time, path, set, |_, _| ())
    }

    /// Makes a folder, and with `parents` those above it that are missing.
    pub fn mkdir(&self, path: &str, parents: bool) -> Result<()> {
        let mut is_there = false;
        let made = self.at(path).and_then(|(user, path)| {
            let folder = |there: &Entry| there.kind == Kind::Folder;
            is_there = parents && user.vfs.stat(&path).is_ok_and(|there| folder(&there));
            if is_there { Ok(()) } else { user.vfs.mkdir(&path, parents) }
        });
        if is_there {
            return made;
        }
        self.noted(Verb::Mkdir, path, made, |_, _| ())
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        let removed = self.at(path).and_then(|(user, path)| user.vfs.rmdir(&path));
        self.noted(Verb::Rmdir, path, removed, |_, _| ())
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str) -> Result<()> {
        self.note_removal(path, self.remove_file(path))
    }

    fn note_removal(&self, path: &str, freed: Result<u64>) -> Result<()> {
        self.noted(Verb::Rm, path, freed, |freed, event| event.bytes = Some(*freed)).map(drop)
    }

    fn remove_file(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        let (view, purse) = self.changing(user, &path)?;
        let freed = user.vfs.remove(&path)?;
        give_back(self.site().ledger(), &purse, view.payer(), &freed);
        Ok(freed.bytes)
    }

    /// Removes a file, or the unfinished upload of a path where no file is: `true`.
    pub fn remove_or_forget(&self, path: &str) -> Result<bool> {
        let removed = self.remove_file(path);
        if let Err(missing @ Error::NotFound { .. }) = removed {
            return match self.forget_part(path) {
                Err(Error::NotFound { .. }) => self.note_removal(path, Err(missing)).map(|()| true),
                dropped => self.note_drop(path, dropped).map(|()| true),
            };
        }
        self.note_removal(path, removed).map(|()| false)
    }

    /// Removes a file or a folder with all that it holds.
    pub fn remove_tree(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let (mut count, mut bytes) = (0u64, 0u64);
        let removed = self.at(path).and_then(|(user, path)| {
            let (view, purse) = self.changing(user, &path)?;
            let ledger = self.site().ledger();
            user.vfs.remove_tree(&path, &mut |freed| {
                give_back(ledger, &purse, view.payer(), &freed);
                count += 1;
                bytes = bytes.saturating_add(freed.bytes);
                alive(count, 0)
            })
        });
        self.note_tree(path, (count, bytes), &removed);
        removed
    }

    /// Refuses what could not be given another name.
    pub fn check_rename(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.may(Act::Rename, &path)
    }

    /// Renames or moves; `replace` lets it replace a file.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let moved = self.do_rename(from, to, replace);
        self.note_move(from, to, &moved);
        moved.map(drop)
    }

    /// Tells the bytes of what was replaced.
    fn do_rename(&self, from: &str, to: &str, replace: bool) -> Result<u64> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let (view, purse) = self.changing(user, &from)?;
        if user.vfs.is_across(&from, &to)? {
            if user.vfs.to_write(&to)?.is_drop_box() {
                return self.drop_into(user, (&from, &to));
            }
            return self.rename_across(user, (&from, &to), replace);
        }
        let freed = user.vfs.rename(&from, &to, replace)?;
        give_back(self.site().ledger(), &purse, view.payer(), &freed);
        Ok(freed.bytes)
    }

    /// Moves a file into a drop box, under a name that is free there.
    fn drop_into(&self, user: &User, (from, to): (&VPath, &VPath)) -> Result<u64> {
        for name in names_beside(to) {
            let name = name?;
            match self.rename_across(user, (from, &name), false) {
                Err(Error::Exists { path, .. } | Error::Busy { path, .. })
                    if path == name.as_str() => {}
                moved => return moved,
            }
        }
        Err(Error::Changed { path: to.as_str().to_owned() })
    }

    /// Moves a file into another view: charged to who pays there before, credited here after.
    fn rename_across(
        &self,
        user: &User,
        (from, to): (&VPath, &VPath),
        replace: bool,
    ) -> Result<u64> {
        let (ours, left) = self.changing(user, from)?;
        let theirs = user.vfs.to_write(to)?;
        let charged = self.site().purse(theirs, &user.purse)?;
        let (ledger, claims) = (self.site().ledger(), self.site().claims());
        let who = Claimant { by: &user.by, session: self.presence.id() };
        // Nobody puts another file into either place meanwhile.
        let take = |view: &View, path: &VPath, purse: &Purse| {
            let charge = Charge::open(ledger, purse, 0);
            claims.take(&view.key(path), path.as_str(), who, charge)
        };
        let _source = take(ours, from, &left)?;
        let target = take(theirs, to, &charged)?;
        let mut target = target.hold()?;
        target.needs_no_peer();
        // Between two places that the same purse pays for nothing changes but the place.
        let is_own = |freed: &Freed| {
            charged == left
                && (ours.payer() != Payer::Writer || freed.owner.as_deref() == user.account())
        };
        let moved = user.vfs.rename_across(from, to, replace, &mut |freed, replacing| {
            if is_own(freed) { Ok(()) } else { target.charge().cover(freed.bytes, replacing) }
        })?;
        if !is_own(&moved.left) {
            target.charge().settle(moved.left.bytes);
            give_back(ledger, &left, ours.payer(), &moved.left);
        }
        give_back(ledger, &charged, theirs.payer(), &moved.replaced);
        Ok(moved.replaced.bytes)
    }

    /// The view in which something is about to change, and who pays for what is there.
    fn changing<'a>(&self, user: &'a User, path: &VPath) -> Result<(&'a View, Purse)> {
        let view = user.vfs.to_change(path)?;
        Ok((view, self.site().purse(view, &user.purse)?))
    }

    /// Removes the unfinished upload of a path.
    pub fn forget(&self, path: &str) -> Result<()> {
        self.note_drop(path, self.forget_part(path))
    }

    fn note_drop(&self, path: &str, freed: Result<u64>) -> Result<()> {
        self.noted(Verb::Drop, path, freed, |freed, event| event.bytes = Some(*freed)).map(drop)
    }

    fn forget_part(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        if user.name.is_guest() {
            return Err(Error::Denied { path: path.as_str().to_string() });
        }
        let who = Claimant { by: &user.by, session: self.presence.id() };
        admin::forget(self.site(), &user.vfs, &user.purse, who, &path)
    }
}
