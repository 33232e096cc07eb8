//! What an upload is to be, and what it holds while it lives, in whichever of the three ways its
//! bytes come: in chunks, in one stream, or as a small file in one request.
//!
//! Never: decides who may write where; that is the session's.

use std::sync::Arc;

use super::charged::Disk;
use super::credit::credit;
use super::{Claim, ClaimGuard, Claimant, Claims, Ready, claim_upload};
use crate::audit::{Subject, TransferEntry, Verb};
use crate::error::Result;
use crate::quota::{Amount, Charge, Charged, Ledger};
use crate::vfs::{Freed, Mtime, NewFile, ParentDir, VPath, View, WriteTarget};

/// What is to be written, where, and at whose cost.
#[derive(Debug)]
pub struct Spec<'a> {
    /// The root that it is put into, as the account sees it.
    pub view: &'a View,
    /// What each quota owner has used and may use.
    pub ledger: &'a Arc<Ledger>,
    /// Who writes, in a refusal to others.
    pub by: &'a str,
    /// What the file is charged to.
    pub charged: &'a Charged,
    /// Who writes what.
    pub claims: &'a Arc<Claims>,
    /// The number of the session that writes.
    pub session: u64,
    /// Who writes, in the log.
    pub subject: &'a Arc<Subject>,
    /// Where to.
    pub path: &'a VPath,
    /// The file that it is a copy of, where its content does not travel.
    pub from: Option<&'a VPath>,
    /// The file's time, where the sender gives it.
    pub mtime: Option<Mtime>,
    /// Its permission bits, where the sender gives them.
    pub mode: Option<u16>,
    /// Whether a file that is there may be replaced.
    pub replace: bool,
    /// The folder of a file that waits for its commit, which may be the same.
    pub beside: Option<&'a ParentDir>,
    /// What must stay free on the disk.
    pub min_free: Amount,
}

impl Spec<'_> {
    /// Takes the path, and refuses what may not be replaced, before anything is made. What a stream
    /// is and whom it pushes aside says [`Claimant`].
    pub(super) fn begin(&self, is_stream: bool) -> Result<(Claim, WriteTarget)> {
        let who = Claimant { by: self.by, session: self.session, is_stream };
        let mut charge = Charge::open(self.ledger, self.charged)?;
        if !self.view.keeps_parts() {
            charge.gives_all_back();
        }
        let claim = claim_upload(self.claims, (self.view, self.path), who, charge)?;
        let target = self.view.may_store(self.path, self.replace, self.beside)?;
        Ok((claim, target))
    }

    /// Whether it may replace what comes to be there meanwhile.
    fn may_replace(&self) -> bool {
        self.replace && self.view.rights().modify
    }

    /// The disk that it is written on.
    pub(super) fn disk(&self) -> Disk {
        Disk::new(self.view, self.min_free)
    }
}

/// What every upload holds from its beginning through the commit. Its file is dropped before it, so
/// that the path is free only when the bytes are settled.
#[derive(Debug)]
pub(super) struct Incoming {
    /// The exclusive right to write the path, and the charge in it.
    pub(super) claim: Claim,
    pub(super) disk: Disk,
    pub(super) ledger: Arc<Ledger>,
    /// Where the file will be.
    pub(super) path: VPath,
    /// The time that the sender gave; without one it is the time of the last write.
    pub(super) mtime: Option<Mtime>,
    /// The permission bits that the sender gave; without them it has those of all files here.
    pub(super) mode: Option<u16>,
    /// Whether it may replace what is there when it is put in its place.
    pub(super) replace: bool,
    /// Its line in the log.
    pub(super) note: TransferEntry,
}

impl Incoming {
    /// For an upload that has begun: from now on it leaves a line. `replacing` is whether a file is
    /// there.
    pub(super) fn new(spec: &Spec<'_>, claim: Claim, replacing: bool) -> Incoming {
        let mut note = match spec.from {
            Some(from) => TransferEntry::copy(spec.subject, from, spec.path),
            None => TransferEntry::begin(spec.subject, Verb::Put, spec.path),
        };
        note.replaces(replacing);
        let disk = spec.disk();
        note.is_kept(disk.keeps_parts());
        Incoming {
            claim,
            disk,
            ledger: Arc::clone(spec.ledger),
            path: spec.path.clone(),
            mtime: spec.mtime,
            mode: spec.mode,
            replace: spec.may_replace(),
            note,
        }
    }

    /// Notes in its line what came of taking more bytes, where they ended in the file if they come
    /// in order, and what the part holds by now.
    pub(super) fn note_taken(
        &mut self,
        bytes: usize,
        taken: &Result<()>,
        (end, held_bytes): (Option<u64>, u64),
    ) {
        match taken {
            Ok(()) => {
                self.note.moved(bytes as u64);
                end.into_iter().for_each(|end| self.note.reaches(end));
            }
            Err(e) => self.note.refused(e),
        }
        self.note.holds(held_bytes);
    }

    /// Credits what became free to what the upload is charged to.
    pub(super) fn credit(&self, held: &mut ClaimGuard<'_>, freed: Freed) {
        credit(&self.ledger, &held.charge().charged().clone(), freed);
    }

    /// Removes bytes that are counted, and credits them.
    pub(super) fn discard(&self, held: &mut ClaimGuard<'_>, new_file: NewFile) -> Result<()> {
        let freed = new_file.discard()?;
        held.charge().disown();
        self.credit(held, freed);
        Ok(())
    }

    /// All of it is here: `size` bytes in `new_file`, which has no name yet if it is `small`.
    pub(super) fn ready(self, new_file: NewFile, size: u64, small: bool) -> Ready {
        Ready::new(new_file, self, size, small)
    }
}
