//! What a session changes but for the content of files: folders, names, times, removal.
//!
//! Invariant: every change of a name happens while its claim is held, what becomes free is credited
//! to its quota owner before that ends, and each action leaves a line.

use super::{Alive, Mtime, Session, User, VPath};
use crate::admin;
use crate::audit::Verb;
use crate::error::{Error, Result};
use crate::quota::{Amount, Charge, Charged, FileOwner};
use crate::transfer::{Claim, ClaimRequest, Claimant, Scope, check_free, give_back};
use crate::vfs::{AccessKind, MovedContent, View, names_beside};

impl Session {
    /// Sets a file's time. `version` is the one that is meant, or 0 for any.
    pub fn set_mtime(&self, path: &str, mtime: Mtime, version: u64) -> Result<()> {
        if let Some(set) = self.set_dropped_time(path, mtime, version) {
            return self.logged(Verb::Time, path, set, |_, _| ());
        }
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mtime(&path, mtime, version));
        self.logged(Verb::Time, path, set, |_, _| ())
    }

    /// Sets the permission bits of a file or folder.
    pub fn set_mode(&self, path: &str, mode: u16) -> Result<()> {
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mode(&path, mode));
        self.logged(Verb::Mode, path, set, |_, _| ())
    }

    /// Makes a folder, with these permission bits if some are given, and with `parents` those above
    /// it that are missing.
    pub fn mkdir(
        &self,
        path: &str,
        parents: bool,
        mode: Option<u16>,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        match self.make_directories(path, parents, mode, alive) {
            Ok(0) => Ok(()),
            made => self.logged(Verb::Mkdir, path, made, |_, _| ()).map(drop),
        }
    }

    /// Tells how many were made.
    fn make_directories(
        &self,
        path: &str,
        parents: bool,
        mode: Option<u16>,
        alive: &mut Alive<'_>,
    ) -> Result<usize> {
        let (user, path) = self.at(path)?;
        if !parents {
            self.make_way(user, &path, alive)?;
        }
        let mut made = 0;
        for here in user.vfs.to_make(&path, parents)? {
            match self.make_directory(user, &here, mode.filter(|_| here == path), alive) {
                // Somebody else made it meanwhile.
                Err(Error::Exists { .. }) if parents && user.vfs.check_directory(&here).is_ok() => {
                }
                other => other?,
            }
            made += 1;
        }
        Ok(made)
    }

    /// Makes the folder of a path where that only leads to a mount point, and so is shown though
    /// the disk has none: whoever sees it may put something there.
    pub(super) fn make_way(&self, user: &User, path: &VPath, alive: &mut Alive<'_>) -> Result<()> {
        match user.vfs.unmade_above(path)? {
            Some(folder) => self.mkdir(folder.as_str(), true, None, alive),
            None => Ok(()),
        }
    }

    /// One entry is reserved before the directory is made, and counted when it is there.
    fn make_directory(
        &self,
        user: &User,
        path: &VPath,
        mode: Option<u16>,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        user.vfs.may(AccessKind::Directory, path)?;
        let view = user.vfs.view(path)?;
        let claims = self.claim(user, [(view, path, Scope::Name)], alive)?;
        let mut held = charged(&claims)?.hold()?;
        held.charge().cover(Amount::ENTRY, false)?;
        check_free(view, self.shared().config().min_free(), Amount::ENTRY)?;
        user.vfs.mkdir(path, mode)?;
        held.charge().settle(Amount::ENTRY);
        Ok(())
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        self.logged(Verb::Rmdir, path, self.remove_directory(path, alive), |(), _| ())
    }

    fn remove_directory(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.to_change(&path)?;
        let _claims = self.claim(user, [(view, &path, Scope::Tree)], alive)?;
        for freed in user.vfs.rmdir(&path)? {
            give_back(&self.shared().ledger, &view.charged(), freed);
        }
        Ok(())
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        self.note_removal(path, self.remove_file(path, alive))
    }

    fn note_removal(&self, path: &str, bytes: Result<u64>) -> Result<()> {
        self.logged(Verb::Rm, path, bytes, |bytes, event| event.bytes = Some(*bytes)).map(drop)
    }

    fn remove_file(&self, path: &str, alive: &mut Alive<'_>) -> Result<u64> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.to_change(&path)?;
        let _claims = self.claim(user, [(view, &path, Scope::Name)], alive)?;
        let freed = user.vfs.remove(&path)?;
        let bytes = freed.bytes;
        give_back(&self.shared().ledger, &view.charged(), freed);
        Ok(bytes)
    }

    /// Removes a file, or the unfinished upload of a path where no file is: `true`.
    pub fn remove_or_forget(&self, path: &str, alive: &mut Alive<'_>) -> Result<bool> {
        let removed = self.remove_file(path, alive);
        if let Err(missing @ Error::NotFound { .. }) = removed {
            return match self.forget_part(path, alive) {
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
            let view = user.vfs.to_change(&path)?;
            let _claims = self.claim(user, [(view, &path, Scope::Tree)], alive)?;
            let (ledger, charged) = (&self.shared().ledger, view.charged());
            user.vfs.remove_tree(&path, &mut |freed| {
                count += 1;
                bytes = bytes.saturating_add(freed.bytes);
                give_back(ledger, &charged, freed);
                alive(count, 0)
            })
        });
        self.note_tree(path, (count, bytes), &removed);
        removed
    }

    /// Refuses what nobody could give another name: the root, and mount points.
    pub fn check_movable(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.check_movable(&path)
    }

    /// Refuses what could not be given another name.
    pub fn check_rename(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        match user.vfs.may(AccessKind::Rename, &path) {
            Err(e) => self.or_dropped(path.as_str(), e).map(drop),
            may => may,
        }
    }

    /// Renames or moves; `replace` lets it replace a file. `alive` is called for every name of a
    /// tree that goes into another mount.
    pub fn rename(&self, from: &str, to: &str, replace: bool, alive: &mut Alive<'_>) -> Result<()> {
        if let Some(moved) = self.rename_dropped(from, to, alive) {
            let (from, to) = match &moved {
                Ok((from, to)) => (from.as_str().to_owned(), to.as_str().to_owned()),
                Err(_) => (from.to_owned(), to.to_owned()),
            };
            let moved = moved.map(|_| 0);
            self.note_move(&from, &to, &moved);
            return moved.map(drop);
        }
        let own = self.dropped_at(from);
        let moved = self.do_rename(from, to, replace, alive);
        if let (Ok(_), Some(file)) = (&moved, own) {
            self.follow_dropped(&file, to);
        }
        self.note_move(from, to, &moved);
        moved.map(drop)
    }

    /// Tells the bytes of what was replaced.
    fn do_rename(&self, from: &str, to: &str, replace: bool, alive: &mut Alive<'_>) -> Result<u64> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let view = user.vfs.to_change(&from)?;
        if user.vfs.unmade_above(&to)?.is_some() {
            view.stat(&from)?;
            self.make_way(user, &to, alive)?;
        }
        if user.vfs.is_across(&from, &to)? {
            if user.vfs.to_write(&to)?.is_drop_box() {
                return self.drop_into(user, (&from, &to), alive);
            }
            return self.rename_across(user, (&from, &to), replace, alive);
        }
        let names = [(view, &from, Scope::Tree), (view, &to, Scope::Tree)];
        let _claims = self.claim(user, names, alive)?;
        user.vfs.check_reach(&from, &to, &mut || alive(0, 0))?;
        let moved = user.vfs.rename(&from, &to, replace)?;
        let bytes = moved.replaced.bytes;
        for freed in [moved.replaced].into_iter().chain(moved.dropped).chain(moved.stale) {
            give_back(&self.shared().ledger, &view.charged(), freed);
        }
        Ok(bytes)
    }

    /// Moves a file into a drop box, under a name that is free there.
    fn drop_into(
        &self,
        user: &User,
        (from, to): (&VPath, &VPath),
        alive: &mut Alive<'_>,
    ) -> Result<u64> {
        for name in names_beside(to) {
            let name = name?;
            match self.rename_across(user, (from, &name), false, alive) {
                Err(Error::Exists { path, .. } | Error::Busy { path, .. })
                    if path == name.as_str() => {}
                moved => return moved,
            }
        }
        Err(Error::Changed { path: to.as_str().to_owned() })
    }

    /// Moves something into another view: what arrives is charged to the quota owner there before
    /// it moves, and credited here after.
    fn rename_across(
        &self,
        user: &User,
        (from, to): (&VPath, &VPath),
        replace: bool,
        alive: &mut Alive<'_>,
    ) -> Result<u64> {
        let (ours, theirs) = (user.vfs.to_change(from)?, user.vfs.to_write(to)?);
        let (left, arrives) = (ours.charged(), theirs.charged());
        let names = [(ours, from, Scope::Tree), (theirs, to, Scope::Tree)];
        let claims = self.claim(user, names, alive)?;
        let mut target = charged(&claims)?.hold()?;
        let ledger = &self.shared().ledger;
        let there = |owner: &FileOwner| Charged { owner: owner.clone(), ..left.clone() };
        // What is charged to the same owner as before only changes its place.
        let new_here = |cargo: &MovedContent| {
            let is_new = |owner| !ledger.is_paid_alike(&there(owner), &arrives);
            let new = cargo.owned.iter().filter(|(owner, _)| is_new(owner));
            new.fold(Amount::NOTHING, |sum, (_, amount)| sum.plus(*amount))
        };
        let mut names = 0;
        let moved = user.vfs.rename_across(
            (from, to),
            replace,
            &mut |cargo, replacing| target.charge().cover(new_here(cargo), replacing),
            &mut || {
                names += 1;
                alive(names, 0)
            },
        )?;
        let cargo = moved.left.owned.iter().map(|(owner, amount)| (there(owner), *amount));
        target.charge().take_over(&cargo.collect::<Vec<_>>());
        let bytes = moved.replaced.bytes;
        moved.dropped.into_iter().for_each(|freed| give_back(ledger, &left, freed));
        for freed in [moved.replaced].into_iter().chain(moved.stale) {
            give_back(ledger, &arrives, freed);
        }
        Ok(bytes)
    }

    /// Claims all names that an operation changes. They are held until what became free is
    /// credited.
    pub(super) fn claim<const N: usize>(
        &self,
        user: &User,
        names: [(&View, &VPath, Scope); N],
        alive: &mut Alive<'_>,
    ) -> Result<Vec<Claim>> {
        let shared = self.shared();
        let who = Claimant { by: &user.by, session: self.presence.id(), is_stream: false };
        let mut wanted = Vec::with_capacity(N);
        for (view, path, scope) in names {
            let charged = shared.charged(&user.vfs, view, alive)?;
            let charge = Charge::open(&shared.ledger, &charged)?;
            wanted.push(ClaimRequest { key: view.key(path), path: path.as_str(), scope, charge });
        }
        shared.claims.take_all(wanted, who)
    }

    /// Removes the unfinished upload of a path.
    pub fn forget(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        self.note_drop(path, self.forget_part(path, alive))
    }

    fn note_drop(&self, path: &str, freed: Result<u64>) -> Result<()> {
        self.logged(Verb::Drop, path, freed, |freed, event| event.bytes = Some(*freed)).map(drop)
    }

    fn forget_part(&self, path: &str, alive: &mut Alive<'_>) -> Result<u64> {
        let (user, path) = self.at(path)?;
        if user.name.is_guest() || !user.most().changes() {
            return Err(Error::Denied { path: path.as_str().to_string() });
        }
        let who = Claimant { by: &user.by, session: self.presence.id(), is_stream: false };
        admin::forget(self.shared(), &user.vfs, who, &path, alive)
    }
}

/// The claim that is charged: the last of those that were taken.
pub(super) fn charged(claims: &[Claim]) -> Result<&Claim> {
    claims.last().ok_or(Error::WrongState { what: "nothing was claimed" })
}
