//! The one commit of this program: both protocols and all sizes end here.
//!
//! Invariant: success is returned only after all bytes are in place under their name, by a server
//! that holds the tree, and, with [`Durability::Full`], after file and folder were synced. A failed
//! sync fails the transfer and the bytes are thrown away: after it the kernel calls pages clean
//! that never reached the disk, so a second sync would lie.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::Alive;
use super::credit::{credit, give_back};
use super::drop_box::DropBoxNames;
use super::incoming::Incoming;
use crate::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use crate::error::{Error, Result};
use crate::limits;
use crate::quota::{Amount, Charged};
use crate::vfs::{DigestBatch, DigestRecord, FileState, Freed, NewFile, ParentDir, VPath, View};

/// What success means for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// File and folder are synced before success is reported.
    Full,
    /// The system writes when it likes: whole files or none after a crash of the program, perhaps
    /// neither after a loss of power.
    None,
}

/// A file that is whole and checked and waits to be put in its place.
#[derive(Debug)]
pub struct Ready {
    pub(super) new_file: NewFile,
    /// After the file, so that its reservation is free only when its bytes are gone.
    pub(super) incoming: Incoming,
    pub(super) size: u64,
    /// A small file without a named part: it vanishes unless it is placed, and until then its
    /// bytes are promised, not spent.
    pub(super) small: bool,
    /// The digests of its chunks and over them, where they are known.
    digests: Vec<(DigestRecord, Digest)>,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Bytes of the file.
    pub size: u64,
    /// Where it is, if it went into a drop box: that may be another name than it was meant for.
    pub dropped_at: Option<VPath>,
    /// Whether the digests of its chunks are known.
    pub is_digested: bool,
}

impl Ready {
    pub(super) fn new(new_file: NewFile, incoming: Incoming, size: u64, small: bool) -> Ready {
        Ready { new_file, incoming, size, small, digests: Vec::new() }
    }

    /// Once it is stored the digests of its chunks are kept; `whole` is the one over them.
    pub(super) fn with_digests(mut self, record: DigestRecord, whole: Digest) -> Ready {
        self.digests.push((record, whole));
        self
    }

    /// Digests the content, which is here.
    pub(super) fn digested(self, content: &[u8], algorithm: Algorithm) -> Ready {
        let mut digests = Vec::new();
        chunk_digests(algorithm, content, limits::CHUNK, &mut digests);
        self.with_chunk_digests(algorithm, &digests)
    }

    /// As [`Ready::with_digests`], where all of them are here.
    pub(super) fn with_chunk_digests(self, algorithm: Algorithm, digests: &[Digest]) -> Ready {
        let mut whole = WholeDigest::new(algorithm);
        let mut record = self.new_file.record_digests(algorithm);
        for (digest, chunk) in digests.iter().zip(0..) {
            whole.push(digest);
            record.put(chunk, digest);
        }
        let whole = whole.finish();
        self.with_digests(record, whole)
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is to be.
    pub fn path(&self) -> &VPath {
        self.new_file.path()
    }

    /// Takes the rights that there are now at its path: [`Error::Changed`] if another root is there
    /// by now.
    pub fn ask_again(&mut self, view: Result<&View>) -> Result<()> {
        self.incoming.note.holds(if self.small { 0 } else { self.size });
        let may = view.and_then(|view| self.may_be_stored(view));
        may.inspect_err(|e| self.incoming.note.refused(e))
    }

    fn may_be_stored(&mut self, view: &View) -> Result<()> {
        if !self.new_file.is_in(view) {
            return Err(Error::Changed { path: self.path().as_str().to_string() });
        }
        let rights = view.rights();
        self.incoming.replace &= rights.modify;
        if !rights.write && !self.incoming.replace {
            return Err(Error::Denied { path: self.path().as_str().to_string() });
        }
        Ok(())
    }

    /// Closes the file, once it lacks nothing. Where it does it is held on to: the failure comes
    /// again in [`Ready::dressed`].
    pub(super) fn close(&mut self) {
        if self.new_file.dress(self.incoming.mtime, self.incoming.mode).is_ok() {
            self.new_file.close();
        }
    }

    /// Gives the file its time, mode and owner, if it has not got them yet.
    pub(super) fn dressed(mut self) -> Result<Ready> {
        if !self.new_file.is_dressed() {
            let (mtime, mode) = (self.incoming.mtime, self.incoming.mode);
            self.new_file.dress(mtime, mode).inspect_err(|e| self.incoming.note.refused(e))?;
        }
        Ok(self)
    }

    fn sync(self) -> Result<Ready> {
        match self.new_file.sync() {
            Ok(()) => Ok(self),
            Err(e) => Err(self.throw_away(e)),
        }
    }

    /// Leaves what was received as a part: its session had to go.
    pub(super) fn leave(mut self, why: &str) {
        self.incoming.note.because(why);
    }

    /// Removes the bytes of a file that could not be made sure of.
    pub(super) fn throw_away(mut self, e: Error) -> Error {
        self.incoming.note.refused(&e);
        self.incoming.note.holds(0);
        remove(self.new_file, &self.incoming, !self.small);
        e
    }

    /// Renames the file into its place, and tells what it replaced and what both are charged to.
    fn place(&mut self) -> Result<(Freed, Charged)> {
        let mut held = self.incoming.claim.hold()?;
        let charged = held.charge().charged().clone();
        let replaced = if self.new_file.is_dropped() {
            let names = DropBoxNames {
                claim: &self.incoming.claim,
                ledger: &self.incoming.ledger,
                charged: &charged,
            };
            let replaced = names.place(&mut self.new_file)?;
            self.incoming.note.is_at(self.new_file.path());
            replaced
        } else {
            self.new_file.rename_into_place(self.incoming.replace)?
        };
        held.charge().lasts();
        if self.small {
            held.charge().settle(Amount::file(self.size));
        }
        Ok((replaced, charged))
    }
}

/// Removes the bytes of a file that is not to be stored; credits them where they were counted.
fn remove(new_file: NewFile, incoming: &Incoming, is_counted: bool) {
    let removed = incoming.claim.hold().and_then(|mut held| match is_counted {
        true => incoming.discard(&mut held, new_file),
        false => new_file.discard().map(drop),
    });
    if let Err(e) = removed {
        log::error!("the bytes of a file that was not stored stay: {e}");
    }
}

/// Whether somebody still waits for work that was begun on a thread of its own.
#[derive(Debug, Default)]
pub(super) struct Abandonment(OnceLock<String>);

impl Abandonment {
    /// Why nobody waits any more.
    pub(super) fn why(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Does something that may wait long for the disk, on a thread of its own if there is much to
/// write, and shows life meanwhile: a slow card takes minutes for what was received in seconds.
///
/// No sync can be interrupted. Where `alive` says that the session has to go, the thread is left
/// alone with it and learns that from [`Abandonment`]; so whatever must not be touched before the
/// sync has ended belongs to the work.
pub(super) fn watched<T: Send + 'static>(
    bytes: u64,
    alive: &mut Alive<'_>,
    work: impl FnOnce(&Abandonment) -> T + Send + 'static,
) -> Result<T> {
    let left = Arc::<Abandonment>::default();
    if bytes < limits::SYNC_UNWATCHED {
        return Ok(work(&left));
    }
    let (done, finished) = bounded(1);
    // Whichever thread comes to it does the work.
    let work = Arc::new(Mutex::new(Some(work)));
    let (theirs, seen) = (Arc::clone(&work), Arc::clone(&left));
    let helper = thread::Builder::new().name("sync".into()).stack_size(limits::THREAD_STACK);
    let helper = helper.spawn(move || {
        if let Some(work) = take(&theirs) {
            // Nobody takes it if nobody waits any more.
            let _ = done.send(work(&seen));
        }
    });
    let lost = Error::Io { doing: "syncing", source: io::ErrorKind::Other.into() };
    if helper.is_err() {
        return take(&work).map(|work| work(&left)).ok_or(lost);
    }
    loop {
        match finished.recv_timeout(limits::OPERATION_LOOK) {
            Ok(done) => return Ok(done),
            // The thread panicked.
            Err(RecvTimeoutError::Disconnected) => return Err(lost),
            Err(RecvTimeoutError::Timeout) => {}
        }
        match alive(0, 0) {
            // A peer that has gone changes nothing: all of its bytes are here.
            Ok(()) | Err(Error::Gone) => {}
            Err(e) => {
                let _ = left.0.set(e.to_string());
                return Err(e);
            }
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().ok().and_then(|mut place| place.take())
}

/// Commits one file.
pub fn commit(ready: Ready, durability: Durability, alive: &mut Alive<'_>) -> Result<Stored> {
    let ready = ready.dressed()?;
    let home = Arc::clone(ready.new_file.home());
    if durability == Durability::None {
        return place(ready, home.confirm())?
            .checked()?
            .settle(home.confirm(), &mut DigestBatch::default());
    }
    watched(ready.size, alive, move |left| {
        let ready = ready.sync()?;
        if let Some(why) = left.why() {
            ready.leave(why);
            return Err(Error::Ended);
        }
        let directory = ready.new_file.directory()?;
        let placed = place(ready, home.confirm())?.checked()?;
        let confirmed = directory.sync().and_then(|()| home.confirm());
        placed.settle(confirmed, &mut DigestBatch::default())
    })?
}

/// A file in its place, whose success is not reported yet. What it replaced is still there, out of
/// sight, and counted.
#[derive(Debug)]
pub(super) struct Placed {
    size: u64,
    /// `None` once it is known that its path leads to it.
    new_file: Option<NewFile>,
    /// The path that it was meant for, where an earlier attempt may have left a part.
    meant: Option<VPath>,
    dropped_at: Option<VPath>,
    charged: Charged,
    replaced: Freed,
    digests: Vec<(DigestRecord, Digest)>,
    /// In which its digests count; known when its path is known to lead to it.
    state: Option<FileState>,
    /// Its claim is held until what was replaced is credited.
    incoming: Incoming,
}

impl Placed {
    /// Whether it was put into the same folder as another that is about to be.
    pub(super) fn is_beside(&self, other: &Ready) -> bool {
        self.new_file.as_ref().is_some_and(|new_file| new_file.is_beside(&other.new_file))
    }

    /// The folder that it was put into.
    pub(super) fn beside(&self) -> Option<ParentDir> {
        self.new_file.as_ref().and_then(NewFile::beside)
    }

    /// Whether its path leads to the folder that it was put into.
    pub(super) fn is_where_its_path_leads(&self) -> bool {
        self.new_file.as_ref().is_none_or(NewFile::is_where_its_path_leads)
    }

    /// Takes it back where its path leads elsewhere: another program moved its folder away.
    pub(super) fn check(&mut self, is_there: bool) -> Result<()> {
        let Some(mut new_file) = self.new_file.take() else { return Ok(()) };
        match new_file.check_place(std::mem::take(&mut self.replaced), is_there) {
            Ok(replaced) => {
                self.replaced = replaced;
                self.state = if self.digests.is_empty() { None } else { new_file.state() };
            }
            Err(e) => {
                self.incoming.note.refused(&e);
                if !new_file.is_part() {
                    self.incoming.note.holds(0);
                    remove(new_file, &self.incoming, true);
                }
                return Err(e);
            }
        }
        // What an earlier attempt at this path left is of no use to anybody now.
        if let Some(meant) = &self.meant {
            match new_file.drop_older_part(meant) {
                Ok(freed) => credit(&self.incoming.ledger, &self.charged, freed),
                Err(e) => log::warn!("the older part of a stored file stays: {e}"),
            }
        }
        Ok(())
    }

    fn checked(mut self) -> Result<Placed> {
        let is_there = self.is_where_its_path_leads();
        self.check(is_there).map(|()| self)
    }

    /// Reports it as stored, or why it is not: its name must be on the disk, and the tree still be
    /// this server's.
    pub(super) fn settle(
        mut self,
        confirmed: Result<()>,
        kept: &mut DigestBatch,
    ) -> Result<Stored> {
        give_back(&self.incoming.ledger, &self.charged, self.replaced);
        match confirmed {
            Ok(()) => {
                let is_digested = self.state.is_some() || self.size == 0;
                if let Some(state) = self.state {
                    self.digests
                        .into_iter()
                        .for_each(|(record, whole)| record.finish_in(state, &whole, kept));
                }
                let Incoming { mut note, disk, .. } = self.incoming;
                note.lies_at(|path| disk.view().host_path(path));
                note.done(self.size);
                Ok(Stored { size: self.size, dropped_at: self.dropped_at, is_digested })
            }
            Err(e) => {
                self.incoming.note.refused(&e);
                Err(e)
            }
        }
    }
}

/// Puts a file in its place, if the tree is still this server's; it is to be checked then.
pub(super) fn place(mut ready: Ready, confirmed: Result<()>) -> Result<Placed> {
    let meant = ready.small.then(|| ready.new_file.path().clone());
    match confirmed.and_then(|()| ready.place()) {
        Ok((replaced, charged)) => {
            let Ready { size, new_file, incoming, digests, .. } = ready;
            let dropped_at = new_file.is_dropped().then(|| new_file.path().clone());
            let new_file = Some(new_file);
            let state = None;
            Ok(Placed {
                size,
                new_file,
                meant,
                dropped_at,
                charged,
                replaced,
                digests,
                state,
                incoming,
            })
        }
        Err(e) => {
            ready.incoming.note.refused(&e);
            Err(e)
        }
    }
}
