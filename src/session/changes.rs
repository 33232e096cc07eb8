//! What a session changes but for the content of files: folders, names, times, removal.
//!
//! Invariant: what becomes free is credited to who paid for it, and each act leaves a line.

use super::{Alive, Mtime, Session, User, VPath};
use crate::admin;
use crate::audit::Verb;
use crate::error::{Error, Result};
use crate::quota::{Amount, Charge, Charged};
use crate::transfer::{Claim, Claimant, check_free, give_back};
use crate::vfs::{Act, View};

impl Session {
    /// Sets a file's time.
    pub fn set_mtime(&self, path: &str, mtime: Mtime) -> Result<()> {
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mtime(&path, mtime));
        self.noted(Verb::Time, path, set, |_, _| ())
    }

    /// Makes a directory, and with `parents` those above it that are missing.
    pub fn mkdir(&self, path: &str, parents: bool) -> Result<()> {
        let mut count = 0;
        let made = self.at(path).and_then(|(user, path)| {
            if !parents {
                return self.make_directory(user, &path).map(|()| count = 1);
            }
            let mut here = VPath::root();
            for name in path.components() {
                here = here.join(name)?;
                if user.vfs.check_folder(&here).is_ok() {
                    continue;
                }
                match self.make_directory(user, &here) {
                    Ok(()) => count += 1,
                    // Somebody else was faster.
                    Err(Error::Exists { .. }) if user.vfs.check_folder(&here).is_ok() => {}
                    Err(Error::Exists { .. }) if here != path => {
                        return Err(Error::NotDirectory { path: here.as_str().to_owned() });
                    }
                    Err(e) => return Err(e),
                }
            }
            Ok(())
        });
        if made.is_ok() && count == 0 {
            return made;
        }
        self.noted(Verb::Mkdir, path, made, |_, _| ())
    }

    /// One entry is reserved before the directory is made, and counted when it is there.
    fn make_directory(&self, user: &User, path: &VPath) -> Result<()> {
        user.vfs.may(Act::Folder, path)?;
        let view = user.vfs.view(path)?;
        let claim = self.claim(user, view, path)?;
        let mut held = claim.hold()?;
        held.needs_no_peer();
        held.charge().cover(Amount::ENTRY, false)?;
        check_free(view, self.site().min_free(), Amount::ENTRY)?;
        user.vfs.mkdir(path)?;
        held.charge().settle(Amount::ENTRY);
        Ok(())
    }

    /// Claims a name for a change of it.
    fn claim(&self, user: &User, view: &View, path: &VPath) -> Result<Claim> {
        let charged = self.site().charged(&user.vfs, view, &mut self.waiting())?;
        let charge = Charge::open(self.site().ledger(), &charged)?;
        let who = Claimant { by: &user.by, session: self.presence.id() };
        self.site().claims().take(&view.key(path), path.as_str(), who, charge)
    }

    /// Removes an empty directory.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        let removed = self.at(path).and_then(|(user, path)| {
            let (_, charged) = self.changing(user, &path)?;
            let freed = user.vfs.rmdir(&path)?;
            give_back(self.site().ledger(), charged.directory, &freed);
            Ok(())
        });
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
        let (_, charged) = self.changing(user, &path)?;
        let freed = user.vfs.remove(&path)?;
        give_back(self.site().ledger(), charged.directory, &freed);
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
            let (_, charged) = self.changing(user, &path)?;
            let ledger = self.site().ledger();
            user.vfs.remove_tree(&path, &mut |freed| {
                give_back(ledger, charged.directory, &freed);
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
        let (_, charged) = self.changing(user, &from)?;
        if user.vfs.is_across(&from, &to)? {
            return self.rename_across(user, (&from, &to), replace);
        }
        let freed = user.vfs.rename(&from, &to, replace)?;
        give_back(self.site().ledger(), charged.directory, &freed);
        Ok(freed.bytes)
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
        let charged = self.site().charged(&user.vfs, theirs, &mut self.waiting())?;
        let (ledger, claims) = (self.site().ledger(), self.site().claims());
        let who = Claimant { by: &user.by, session: self.presence.id() };
        // Nobody puts another file into either place meanwhile.
        let take = |view: &View, path: &VPath, charged: &Charged| {
            claims.take(&view.key(path), path.as_str(), who, Charge::open(ledger, charged)?)
        };
        let _source = take(ours, from, &left)?;
        let target = take(theirs, to, &charged)?;
        let mut target = target.hold()?;
        target.needs_no_peer();
        let moved = user.vfs.rename_across(from, to, replace, &mut |freed, replacing| {
            target.charge().cover(Amount::file(freed.bytes), replacing)
        })?;
        target.charge().settle(Amount::file(moved.left.bytes));
        give_back(ledger, left.directory, &moved.left);
        give_back(ledger, charged.directory, &moved.replaced);
        Ok(moved.replaced.bytes)
    }

    /// The view in which something is about to change, and what is charged there.
    fn changing<'a>(&self, user: &'a User, path: &VPath) -> Result<(&'a View, Charged)> {
        let view = user.vfs.to_change(path)?;
        Ok((view, self.site().charged(&user.vfs, view, &mut self.waiting())?))
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
        admin::forget(self.site(), &user.vfs, who, &path)
    }
}
