//! What a session changes but for the content of files: folders, names, times, removal.
//!
//! Invariant: every change of a name happens while its claim is held, what becomes free is credited
//! to who paid for it before that ends, and each act leaves a line.

use super::{Alive, Mtime, Session, User, VPath};
use crate::admin;
use crate::audit::Verb;
use crate::error::{Error, Result};
use crate::quota::{Amount, Charge, Charged};
use crate::transfer::{Claim, Claimant, Scope, Wanted, check_free, give_back};
use crate::vfs::{Act, Cargo, View};

impl Session {
    /// Sets a file's time.
    pub fn set_mtime(&self, path: &str, mtime: Mtime) -> Result<()> {
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mtime(&path, mtime));
        self.noted(Verb::Time, path, set, |_, _| ())
    }

    /// Makes a folder, and with `parents` those above it that are missing.
    pub fn mkdir(&self, path: &str, parents: bool) -> Result<()> {
        match self.make_folders(path, parents) {
            Ok(0) => Ok(()),
            made => self.noted(Verb::Mkdir, path, made, |_, _| ()).map(drop),
        }
    }

    /// Tells how many were made.
    fn make_folders(&self, path: &str, parents: bool) -> Result<usize> {
        let (user, path) = self.at(path)?;
        let mut made = 0;
        for here in user.vfs.to_make(&path, parents)? {
            let view = user.vfs.view(&here)?;
            let charged = self.charged(user, view)?;
            let claims = self.claim(user, [(view, &here, &charged, Scope::Name)])?;
            let mut claim = first(&claims)?.hold()?;
            claim.charge().cover(Amount::ENTRY, false)?;
            check_free(view, self.site().min_free(), Amount::ENTRY)?;
            match user.vfs.mkdir(&here) {
                Ok(()) => claim.charge().settle(Amount::ENTRY),
                // Somebody else made it meanwhile.
                Err(Error::Exists { .. }) if parents && view.check_folder(&here).is_ok() => {}
                Err(e) => return Err(e),
            }
            made += 1;
        }
        Ok(made)
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        self.noted(Verb::Rmdir, path, self.remove_folder(path), |(), _| ())
    }

    fn remove_folder(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        let (view, charged) = self.changing(user, &path)?;
        let _claims = self.claim(user, [(view, &path, &charged, Scope::Tree)])?;
        for freed in user.vfs.rmdir(&path)? {
            give_back(self.site().ledger(), &charged, freed);
        }
        Ok(())
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str) -> Result<()> {
        self.note_removal(path, self.remove_file(path))
    }

    fn note_removal(&self, path: &str, bytes: Result<u64>) -> Result<()> {
        self.noted(Verb::Rm, path, bytes, |bytes, event| event.bytes = Some(*bytes)).map(drop)
    }

    fn remove_file(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        let (view, charged) = self.changing(user, &path)?;
        let _claims = self.claim(user, [(view, &path, &charged, Scope::Name)])?;
        let freed = user.vfs.remove(&path)?;
        let bytes = freed.bytes;
        give_back(self.site().ledger(), &charged, freed);
        Ok(bytes)
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
            let (view, charged) = self.changing(user, &path)?;
            let _claims = self.claim(user, [(view, &path, &charged, Scope::Tree)])?;
            let ledger = self.site().ledger();
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

    /// Refuses what could not be given another name.
    pub fn check_rename(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.may(Act::Rename, &path)
    }

    /// Renames or moves; `replace` lets it replace a file. `alive` is called for every name of a tree
    /// that goes into another mount.
    pub fn rename(&self, from: &str, to: &str, replace: bool, alive: &mut Alive<'_>) -> Result<()> {
        let moved = self.do_rename(from, to, replace, alive);
        self.note_move(from, to, &moved);
        moved.map(drop)
    }

    /// Tells the bytes of what was replaced.
    fn do_rename(&self, from: &str, to: &str, replace: bool, alive: &mut Alive<'_>) -> Result<u64> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let (view, charged) = self.changing(user, &from)?;
        if user.vfs.is_across(&from, &to)? {
            return self.rename_across(user, (&from, &to), replace, alive);
        }
        let name = |path| (view, path, &charged, Scope::Tree);
        let _claims = self.claim(user, [name(&from), name(&to)])?;
        let moved = user.vfs.rename(&from, &to, replace)?;
        let bytes = moved.replaced.bytes;
        for freed in [moved.replaced].into_iter().chain(moved.dropped).chain(moved.stale) {
            give_back(self.site().ledger(), &charged, freed);
        }
        Ok(bytes)
    }

    /// Moves something into another view: what arrives is charged to who pays there before it
    /// moves, and credited here after.
    fn rename_across(
        &self,
        user: &User,
        (from, to): (&VPath, &VPath),
        replace: bool,
        alive: &mut Alive<'_>,
    ) -> Result<u64> {
        let (ours, left) = self.changing(user, from)?;
        let theirs = user.vfs.to_write(to)?;
        let charged = self.charged(user, theirs)?;
        let ledger = self.site().ledger();
        let names = [(ours, from, &left, Scope::Tree), (theirs, to, &charged, Scope::Tree)];
        let claims = self.claim(user, names)?;
        let target = claims.last().ok_or(NOTHING_CLAIMED)?;
        let mut target = target.hold()?;
        // Who has paid for each part of it.
        let payers = |cargo: &Cargo| -> Vec<(Charged, Amount)> {
            let payer = |(owner, load): &(Option<Box<str>>, Amount)| {
                let owner = left.owner.as_ref().and(owner.as_deref()).map(Into::into);
                (Charged { directory: left.directory, owner }, *load)
            };
            cargo.owned.iter().map(payer).collect()
        };
        // For what the same quota owner pays already nothing changes but the place.
        let arriving = |cargo: &Cargo| {
            let payers = payers(cargo).into_iter();
            let new = payers.filter(|(payer, _)| !ledger.is_same_payer(payer, &charged));
            new.fold(Amount::NOTHING, |sum, (_, load)| sum.plus(load))
        };
        let (mut names, mut covered) = (0, Amount::NOTHING);
        let moved = user.vfs.rename_across(
            (from, to),
            replace,
            &mut |cargo, replacing| {
                covered = arriving(cargo);
                target.charge().cover(covered, replacing)
            },
            &mut || {
                names += 1;
                alive(names, 0)
            },
        )?;
        // What was reserved is taken by what has come.
        target.charge().release();
        for (payer, load) in payers(&moved.left) {
            ledger.shift(&payer, &charged, load);
        }
        let bytes = moved.replaced.bytes;
        moved.dropped.into_iter().for_each(|freed| give_back(ledger, &left, freed));
        for freed in [moved.replaced].into_iter().chain(moved.stale) {
            give_back(ledger, &charged, freed);
        }
        Ok(bytes)
    }

    /// Claims all names that an operation changes, each with who pays there. They are held until
    /// what became free is credited.
    fn claim<const N: usize>(
        &self,
        user: &User,
        names: [(&View, &VPath, &Charged, Scope); N],
    ) -> Result<Vec<Claim>> {
        let site = self.site();
        let who = Claimant { by: &user.by, session: self.presence.id() };
        let mut wanted = Vec::with_capacity(N);
        for (view, path, charged, scope) in names {
            let charge = Charge::open(site.ledger(), charged)?;
            wanted.push(Wanted { key: view.key(path), path: path.as_str(), scope, charge });
        }
        site.claims().take_all(wanted, who)
    }

    /// What is charged in a view, once that is known.
    fn charged(&self, user: &User, view: &View) -> Result<Charged> {
        self.site().charged(&user.vfs, view, &mut self.waiting())
    }

    /// The view in which something is about to change, and what is charged there.
    fn changing<'a>(&self, user: &'a User, path: &VPath) -> Result<(&'a View, Charged)> {
        let view = user.vfs.to_change(path)?;
        Ok((view, self.charged(user, view)?))
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

/// A fault of this program: an operation that claims no name.
const NOTHING_CLAIMED: Error = Error::WrongState { what: "nothing was claimed" };

fn first(claims: &[Claim]) -> Result<&Claim> {
    claims.first().ok_or(NOTHING_CLAIMED)
}
