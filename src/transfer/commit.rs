//! The one commit of this program: both doors and all sizes end here.
//!
//! Invariant: success is returned only after all bytes are in place under their name and, with
//! [`Durability::Full`], after file and folder were synced. A failed sync fails the transfer and the
//! bytes are thrown away: after it the kernel calls pages clean that never reached the disk, so a
//! second sync would lie.

use std::sync::Arc;

use super::Claim;
use crate::error::{Error, Result};
use crate::quota::{Charge, Ledger, Purse};
use crate::vfs::{Draft, Home, Mtime};

/// What success means for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// File and folder are synced before success is told.
    Full,
    /// The system writes when it likes: whole files or none after a crash of the program, perhaps
    /// neither after a loss of power.
    None,
}

/// A file that is whole and checked and waits to be put in its place.
#[derive(Debug)]
pub struct Ready {
    pub(super) draft: Draft,
    pub(super) charge: Charge,
    pub(super) claim: Claim,
    pub(super) ledger: Arc<Ledger>,
    pub(super) purse: Purse,
    pub(super) size: u64,
    pub(super) mtime: Mtime,
    pub(super) replace: bool,
    /// A small file without a named part: it vanishes unless it is placed, and until then its
    /// bytes are promised, not spent.
    pub(super) small: bool,
}

/// What was stored.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Bytes of the file.
    pub size: u64,
}

impl Ready {
    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn sync(self) -> Result<Ready> {
        match self.draft.sync() {
            Ok(()) => Ok(self),
            Err(e) => Err(self.throw_away(e)),
        }
    }

    /// Removes the bytes of a file that could not be made sure of.
    fn throw_away(mut self, e: Error) -> Error {
        match self.draft.discard() {
            Ok(_) => self.charge.settle(0),
            Err(e) => log::error!("a part whose sync failed stays: {e}"),
        }
        e
    }

    /// Renames the file into its place and credits what it replaced.
    fn place(&mut self) -> Result<()> {
        let _held = self.claim.hold()?;
        let freed = self.draft.place(self.replace, Some(self.mtime))?;
        if self.small {
            self.charge.settle(self.size);
        }
        self.ledger.give_back(&self.purse, freed);
        Ok(())
    }
}

/// Commits one file.
pub fn commit(ready: Ready, durability: Durability) -> Result<Stored> {
    let mut ready = match durability {
        Durability::Full => ready.sync()?,
        Durability::None => ready,
    };
    ready.place()?;
    if durability == Durability::Full {
        ready.draft.sync_folder()?;
    }
    Ok(Stored { size: ready.size })
}

/// Commits several small files with two syncs of the file system for all of them; one result each,
/// in order.
pub fn commit_group(group: Vec<Ready>, home: &Home) -> Vec<Result<Stored>> {
    if group.len() < 2 {
        return group.into_iter().map(|ready| commit(ready, Durability::Full)).collect();
    }
    if let Err(e) = home.sync_all() {
        log::error!("a group of {} files could not be synced: {e}", group.len());
        let fail = |ready: Ready| {
            let e = Error::Io { doing: "syncing", source: std::io::ErrorKind::Other.into() };
            Err(ready.throw_away(e))
        };
        return group.into_iter().map(fail).collect();
    }
    let mut placed = Vec::with_capacity(group.len());
    for mut ready in group {
        placed.push(ready.place().map(|()| Stored { size: ready.size }));
    }
    if let Err(e) = home.sync_all() {
        log::error!("the names of a group of {} files could not be synced: {e}", placed.len());
        let fail = |one: Result<Stored>| {
            one.and(Err(Error::Io { doing: "syncing", source: std::io::ErrorKind::Other.into() }))
        };
        return placed.into_iter().map(fail).collect();
    }
    placed
}
