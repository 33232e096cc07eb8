//! Adding up what a root holds: bytes and entries of files, directories and unfinished uploads, for
//! each owner of a file.
//!
//! Never: fails because others are at work there, or because one directory cannot be read.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

use super::entry::{EntryKind, FileId, file_bytes, kind_of};
use super::home::PASSING;
use super::jail::{NameIn, READ, from_errno, reopen};
use super::owners::owner_at;
use super::part::{PART, each_name};
use super::path::VPath;
use super::tree::survey;
use super::view::View;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Amount, DirectoryId, FileOwner};

/// What a root holds, by the owner that each file names.
pub type OwnerTotals = HashMap<FileOwner, Amount>;

impl From<FileId> for DirectoryId {
    fn from(id: FileId) -> DirectoryId {
        let [device, inode] = id.bytes().map(u64::from_le_bytes);
        DirectoryId { device, inode }
    }
}

impl View {
    /// Adds up all that the root of this view holds, of every account. `alive` is called for each
    /// entry; its error ends the walk.
    pub fn count(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<OwnerTotals> {
        if let Some(volume) = self.volume() {
            return volume.count(alive);
        }
        let root = VPath::root();
        let top = self.jail().directory(&root, READ)?;
        let mut held = OwnerTotals::new();
        survey(top, &format!("home/{}", self.account()), None, &mut |step| {
            add(&mut held, None, amount_at(step.at));
            alive()
        })?;
        let failed = |e| from_errno(e, &root, "adding up unfinished uploads");
        if let Some(parts) = self.parts_if_any().map_err(failed)? {
            add(&mut held, None, parts_in(parts).map_err(failed)?);
        }
        Ok(held)
    }
}

impl Volume {
    /// Adds up what is stored in it, unfinished uploads included.
    pub fn count(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<OwnerTotals> {
        let failed = |e| from_errno(e, &VPath::root(), "adding up a mounted directory");
        let top = reopen(self.root()).map_err(failed)?;
        let mut held = OwnerTotals::new();
        let name = self.path().display().to_string();
        survey(top, &name, self.private(), &mut |step| {
            let at = step.at;
            // What cannot be asked is nobody's, and what vanishes is counted no more.
            alive()?;
            let Ok(stat) = at.stat() else { return Ok(()) };
            // Pipes and devices are not opened.
            let is_owned = matches!(kind_of(&stat), EntryKind::File | EntryKind::Directory);
            let owner = Some(at).filter(|_| is_owned && self.keeps_owners());
            let owner = owner.and_then(|at| owner_at(at).ok().flatten());
            let owner = known(&held, owner.as_deref());
            add(&mut held, owner, Amount::file(file_bytes(&stat)));
            Ok(())
        })?;
        let counted = each_name(self.parts(), &mut |account| {
            let parts = match NameIn::new(self.parts(), account.as_bytes()).open(READ, 0) {
                Ok(parts) => parts,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
                Err(e) => return Err(e),
            };
            let owner = Some(account).filter(|_| self.keeps_owners());
            let owner = known(&held, owner);
            add(&mut held, owner, parts_in(parts.as_fd())?);
            Ok(())
        });
        counted.map_err(failed)?;
        Ok(held)
    }
}

/// Adds up what lies below a directory, whoever owns it. `alive` is called for each entry; its
/// error ends the walk.
///
/// # Errors
/// What the system refuses.
pub fn held_below(dir: &Path, alive: &mut dyn FnMut() -> Result<()>) -> Result<Amount> {
    let open = File::open(dir).map_err(|e| Error::io("opening a directory", e))?;
    let mut held = Amount::NOTHING;
    survey(open.into(), &dir.display().to_string(), None, &mut |step| {
        alive()?;
        held = held.plus(amount_at(step.at));
        Ok(())
    })?;
    Ok(held)
}

#[cfg(test)]
impl View {
    /// The bytes of all that the root holds.
    pub fn used_bytes(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<u64> {
        Ok(self.count(alive)?.values().map(|held| held.bytes).sum())
    }
}

/// Adds up the unfinished uploads in one account's directory of them.
fn parts_in(parts: BorrowedFd<'_>) -> Result<Amount, Errno> {
    let mut sum = Amount::NOTHING;
    each_name(parts, &mut |name| {
        if name.ends_with(PART) || name.ends_with(PASSING) {
            sum = sum.plus(amount_at(NameIn::new(parts, name.as_bytes())));
        }
        Ok(())
    })?;
    Ok(sum)
}

fn add(held: &mut OwnerTotals, owner: FileOwner, amount: Amount) {
    if amount != Amount::NOTHING {
        let sum = held.entry(owner).or_default();
        *sum = sum.plus(amount);
    }
}

/// The owner as it is in the sums already, so that a name is in memory once. When there are more
/// owners than there can be accounts the names are no accounts', and nobody's.
fn known(held: &OwnerTotals, owner: Option<&str>) -> FileOwner {
    let owner: FileOwner = owner.map(Arc::from);
    match held.get_key_value(&owner) {
        Some((known, _)) => known.clone(),
        None if held.len() >= limits::FILE_OWNERS => None,
        None => owner,
    }
}

/// What the quota counts of a name; nothing when it has gone.
fn amount_at(at: NameIn<'_>) -> Amount {
    at.stat().map_or(Amount::NOTHING, |stat| Amount::file(file_bytes(&stat)))
}
