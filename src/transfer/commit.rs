//! The one commit of this program: both doors and all sizes end here.
//!
//! Invariant: success is returned only after all bytes are in place under their name and, with
//! [`Durability::Full`], after file and folder were synced. A failed sync fails the transfer and
//! the bytes are thrown away: after it the kernel calls pages clean that never reached the disk, so
//! a second sync would lie.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::credit::{credit, give_back};
use super::{Alive, Claim};
use crate::audit::Ongoing;
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Amount, Charged, Ledger};
use crate::vfs::{Draft, Freed, Mtime, VPath, View};

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
    /// After the draft, so that its promise is free only when its bytes are gone.
    pub(super) claim: Claim,
    pub(super) ledger: Arc<Ledger>,
    pub(super) size: u64,
    /// The time that the sender gave; without one it is the time of the last write.
    pub(super) mtime: Option<Mtime>,
    pub(super) replace: bool,
    /// A small file without a named part: it vanishes unless it is placed, and until then its
    /// bytes are promised, not spent.
    pub(super) small: bool,
    /// Its line.
    pub(super) note: Ongoing,
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

    /// Where it is to be.
    pub fn path(&self) -> &VPath {
        self.draft.path()
    }

    /// Takes the rights that there are now at its path: [`Error::Changed`] if another root is there
    /// by now.
    pub fn ask_again(&mut self, view: Result<&View>) -> Result<()> {
        self.note.holds(if self.small { 0 } else { self.size });
        let may = view.and_then(|view| self.may_be_stored(view));
        may.inspect_err(|e| self.note.refused(e))
    }

    fn may_be_stored(&mut self, view: &View) -> Result<()> {
        if !self.draft.is_in(view) {
            return Err(Error::Changed { path: self.path().as_str().to_string() });
        }
        let rights = view.rights();
        self.replace &= rights.modify;
        if !rights.write && !self.replace {
            return Err(Error::Denied { path: self.path().as_str().to_string() });
        }
        Ok(())
    }

    /// Lets go of what the file holds open, once it lacks nothing. Where it does it is held on to:
    /// the failure comes again in [`Ready::dressed`].
    pub(super) fn close(&mut self) {
        if self.draft.dress(self.mtime).is_ok() {
            self.draft.close();
        }
    }

    /// Gives the file its time, mode and owner, if it has not got them yet.
    pub(super) fn dressed(mut self) -> Result<Ready> {
        if !self.draft.is_dressed() {
            self.draft.dress(self.mtime).inspect_err(|e| self.note.refused(e))?;
        }
        Ok(self)
    }

    fn sync(self, alive: &mut Alive<'_>) -> Result<Ready> {
        match watched(self.size, alive, || self.draft.sync()) {
            Ok(()) => Ok(self),
            Err(e) => Err(self.throw_away(e)),
        }
    }

    /// Removes the bytes of a file that could not be made sure of.
    pub(super) fn throw_away(mut self, e: Error) -> Error {
        self.note.refused(&e);
        self.note.holds(0);
        let thrown = self.claim.hold().and_then(|mut held| {
            let freed = self.draft.discard()?;
            if !self.small {
                let charged = held.charge().charged().clone();
                held.charge().disown();
                credit(&self.ledger, &charged, freed);
            }
            Ok(())
        });
        if let Err(e) = thrown {
            log::error!("a part whose sync failed stays: {e}");
        }
        e
    }

    /// Renames the file into its place, and tells what it replaced and what both are charged to.
    fn place(&mut self) -> Result<(Freed, Charged)> {
        let mut held = self.claim.hold()?;
        let replaced = self.draft.place(self.replace)?;
        let charged = held.charge().charged().clone();
        if self.small {
            held.charge().settle(Amount::file(self.size));
            // What an earlier attempt at this path left is of no use to anybody now.
            match self.draft.drop_older_part() {
                Ok(freed) => credit(&self.ledger, &charged, freed),
                Err(e) => log::warn!("the older part of a stored file stays: {e}"),
            }
        }
        Ok((replaced, charged))
    }
}

/// Does something that may wait long for the disk, on a thread of its own if there is much to
/// write, and shows life meanwhile: a slow card takes minutes for what was received in seconds.
pub(super) fn watched(
    bytes: u64,
    alive: &mut Alive<'_>,
    work: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    if bytes < limits::SYNC_UNWATCHED {
        return work();
    }
    let (done, finished) = bounded::<()>(0);
    // Whichever thread comes to it does the work.
    let work = Mutex::new(Some(work));
    let run = || work.lock().ok().and_then(|mut work| work.take()).map(|work| work());
    let result = thread::scope(|scope| {
        let helper = thread::Builder::new().name("sync".into()).stack_size(limits::THREAD_STACK);
        let helper = helper.spawn_scoped(scope, || {
            // Dropped at the end, which is what is waited for below.
            let _done = done;
            run()
        });
        let helper = helper.ok()?;
        while finished.recv_timeout(limits::SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
            // A peer that has gone changes nothing: all of its bytes are here.
            let _ = alive(0, 0);
        }
        helper.join().ok().flatten()
    });
    // No thread could be had, so the work is still to be done; or it panicked, which is a failure.
    let lost = Error::Io { doing: "syncing", source: io::ErrorKind::Other.into() };
    result.or_else(run).unwrap_or(Err(lost))
}

/// Commits one file.
pub fn commit(ready: Ready, durability: Durability, alive: &mut Alive<'_>) -> Result<Stored> {
    let ready = ready.dressed()?;
    if durability == Durability::None {
        return place(ready)?.settle(Ok(()));
    }
    let ready = ready.sync(alive)?;
    let folder = ready.draft.folder()?;
    let placed = place(ready)?;
    placed.settle(folder.sync())
}

/// A file in its place, of which success is not told yet. What it replaced is still there, out of
/// sight, and counted.
#[derive(Debug)]
pub(super) struct Placed {
    size: u64,
    note: Ongoing,
    ledger: Arc<Ledger>,
    charged: Charged,
    replaced: Freed,
    /// Until what was replaced is credited.
    _claim: Claim,
}

impl Placed {
    /// Tells it, or why not.
    pub(super) fn settle(mut self, synced: Result<()>) -> Result<Stored> {
        give_back(&self.ledger, &self.charged, self.replaced);
        match synced {
            Ok(()) => {
                self.note.done(self.size);
                Ok(Stored { size: self.size })
            }
            Err(e) => {
                self.note.refused(&e);
                Err(e)
            }
        }
    }
}

/// Puts a file in its place.
pub(super) fn place(mut ready: Ready) -> Result<Placed> {
    match ready.place() {
        Ok((replaced, charged)) => {
            let Ready { size, note, ledger, claim, .. } = ready;
            Ok(Placed { size, note, ledger, charged, replaced, _claim: claim })
        }
        Err(e) => {
            ready.note.refused(&e);
            Err(e)
        }
    }
}
