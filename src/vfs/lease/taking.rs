//! Taking the lock of a tree, step by step, so that a start that waits can report it and be
//! stopped.
//!
//! Where one machine has the tree, `flock` decides at once. Where several may have it, `flock` is
//! only the first question, and the file under the lock's name the second:
//!
//! | the file | what a start does |
//! | --- | --- |
//! | is not there (nobody held the tree, or a clean stop) | makes it, exclusively, and settles |
//! | names a process of this machine that has ended | puts its own in the place at once |
//! | names anybody else | watches it for [`limits::LOCK_WATCH`] |
//! | changes while it is watched | is refused |
//! | does not | puts its own in the place and settles |
//!
//! To put a file in the place is one rename. Of two that do so at the same time the later one's
//! file stays, so after [`limits::LOCK_SETTLE`] each looks under the name: one finds itself, the
//! other its rival. Settling is longer than the second within which a holder that lives, and whose
//! file was taken away by mistake, finds out and stops.
//!
//! Never: waits; [`TakeStep::Wait`] says for how long the caller may.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, FlockOperation, OFlags};
use rustix::io::{Errno, Result as OsResult, retry_on_intr};

use super::held_lock::{HeldLock, READ, RenewError, content, millis};
use super::record::LockRecord;
use super::{Holder, LOCK, Lease, Loss};
use crate::limits;
use crate::scram;
use crate::vfs::entry::FileId;
use crate::vfs::file_system::FileSystem;
use crate::vfs::jail::{KEPT_FILE, NEW_FILE, NameIn, PRIVATE, errno_of};
use crate::vfs::opening::Unopened;

/// Mode of the lock's file.
const MODE: u32 = 0o600;
/// Times that the file is opened again because it was replaced while it was being locked.
const TRIES: u32 = 16;
/// How long a look at the file counts when it is to be replaced.
const STILL_TRUE: Duration = Duration::from_millis(500);
/// How often a file is looked at that is watched, and how often one renews that settles.
const LOOK: Duration = Duration::from_millis(250);

/// What has come of a step.
#[derive(Debug)]
pub(in crate::vfs) enum TakeStep {
    /// The tree is this server's.
    Taken(Lease),
    /// Nothing yet; the next step is due after so long.
    Wait(Duration),
    /// Another server holds it. Further steps tell when it has gone.
    InUse(Holder),
}

/// A try to take the lock.
#[derive(Debug)]
pub(in crate::vfs) struct Taking {
    place: Box<str>,
    private: OwnedFd,
    is_shared: bool,
    refusal: Errno,
    ours: LockRecord,
    stage: TakeStage,
}

#[derive(Debug)]
enum TakeStage {
    /// The file says this since then.
    Watching(Vec<u8>, u64),
    /// Our file is in the place since then; whether it was another's before.
    Settling(Box<HeldLock>, u64, bool),
    /// Nothing is known.
    Begun,
}

impl Taking {
    /// Begins a try for the tree whose private directory this is. `is_shared` says whether other
    /// machines may have it; where it is `None` the file system tells. `refusal` is what the fence
    /// says when it is closed.
    pub(in crate::vfs) fn begin(
        place: &Path,
        private: OwnedFd,
        is_shared: Option<bool>,
        refusal: Errno,
    ) -> Result<Taking, Unopened> {
        let found = FileSystem::of(&private);
        let is_shared = is_shared.unwrap_or(found.many_machines);
        let place = place.display().to_string();
        if is_shared {
            let kind = found.name;
            log::info!("other machines may use {place} ({kind}): its lock is renewed every second");
        }
        let run = scram::random_bytes().map_err(|e| Unopened::System {
            doing: "drawing a random number",
            source: std::io::Error::other(e.to_string()),
        })?;
        Ok(Taking {
            place: place.into(),
            private,
            is_shared,
            refusal,
            ours: LockRecord::of_this_process(u64::from_le_bytes(run)),
            stage: TakeStage::Begun,
        })
    }

    /// The random number of this start.
    pub(in crate::vfs) fn run(&self) -> u64 {
        self.ours.run
    }

    /// Goes as far as it can without a wait.
    pub(in crate::vfs) fn step(&mut self) -> Result<TakeStep, Unopened> {
        let stepped = match std::mem::replace(&mut self.stage, TakeStage::Begun) {
            TakeStage::Settling(held, since, was_held) => self.settle(held, since, was_held),
            stage if self.is_shared => self.look_around(stage),
            _ => self.take_here(),
        };
        stepped.map_err(|e| Unopened::System { doing: "taking the lock", source: e.into() })
    }

    /// On a file system of this machine.
    fn take_here(&mut self) -> OsResult<TakeStep> {
        for _ in 0..TRIES {
            let at = NameIn::new(self.private.as_fd(), LOCK);
            let file = File::from(at.open(KEPT_FILE, MODE)?);
            match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(TakeStep::InUse(holder_in(&file))),
                Err(e) => return Err(e),
            }
            // A server that stopped has removed the file that was just locked, or it was replaced.
            let is_there = at.stat().map(|stat| FileId::of(&stat));
            if is_there != Ok(FileId::of(&fs::fstat(&file)?)) {
                continue;
            }
            let line = self.ours.line();
            // Written before it is cut, so that whoever reads meanwhile finds a line.
            let written = file
                .write_all_at(line.as_bytes(), 0)
                .and_then(|()| file.set_len(line.len() as u64));
            written.map_err(|e| errno_of(&e))?;
            let held = self.held(file)?;
            return taken(held, false);
        }
        Ok(TakeStep::InUse(Holder::UNKNOWN))
    }

    /// Where other machines may have the tree as well.
    fn look_around(&mut self, stage: TakeStage) -> OsResult<TakeStep> {
        let looked = millis();
        let at = NameIn::new(self.private.as_fd(), LOCK);
        let file = match at.open(KEPT_FILE.difference(OFlags::CREATE), MODE) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return self.make(),
            Err(e) => return Err(e),
        };
        // Whoever else only watches is in nobody's way.
        if !locks(&file, FlockOperation::NonBlockingLockShared)? {
            return Ok(TakeStep::InUse(holder_in(&file)));
        }
        let bytes = content(&file).map_err(|e| errno_of(&e))?;
        if LockRecord::parse(&bytes).is_some_and(|record| record.has_ended(&self.ours)) {
            return self.succeed(&file, looked);
        }
        match stage {
            TakeStage::Watching(seen, since) if seen == bytes => {
                if Duration::from_millis(looked.saturating_sub(since)) >= limits::LOCK_WATCH {
                    return self.replace(looked, true, true);
                }
                self.stage = TakeStage::Watching(seen, since);
                Ok(TakeStep::Wait(LOOK))
            }
            TakeStage::Watching(..) => {
                let holder = Holder::read(&bytes);
                self.stage = TakeStage::Watching(bytes, looked);
                Ok(TakeStep::InUse(holder))
            }
            _ => {
                let holder = Holder::read(&bytes);
                let secs = limits::LOCK_WATCH.as_secs();
                log::info!("the lock of {} names {holder}: watching for {secs} s", self.place);
                self.stage = TakeStage::Watching(bytes, looked);
                Ok(TakeStep::Wait(LOOK))
            }
        }
    }

    /// After a process of this machine that has ended. Of two that come at the same time the kernel
    /// lets one lock the file, and the other finds that it is not the lock any more.
    fn succeed(&mut self, file: &File, looked: u64) -> OsResult<TakeStep> {
        let is_alone = fs::flock(file, FlockOperation::NonBlockingLockExclusive);
        if is_alone == Err(Errno::WOULDBLOCK) {
            return Ok(TakeStep::Wait(LOOK));
        }
        let is_there = NameIn::new(self.private.as_fd(), LOCK).stat().map(|stat| FileId::of(&stat));
        if is_there != Ok(FileId::of(&fs::fstat(file)?)) {
            return Ok(TakeStep::Wait(LOOK));
        }
        self.replace(looked, is_alone.is_err(), false)
    }

    /// Where there is no file.
    fn make(&mut self) -> OsResult<TakeStep> {
        let at = NameIn::new(self.private.as_fd(), LOCK);
        let file = match at.open(NEW_FILE, MODE) {
            Err(Errno::EXIST) => return Ok(TakeStep::Wait(Duration::ZERO)),
            file => self.filled(file?)?,
        };
        self.stage = TakeStage::Settling(Box::new(self.held(file)?), millis(), false);
        Ok(TakeStep::Wait(LOOK))
    }

    /// Puts our file in the place of another's.
    fn replace(&mut self, looked: u64, settles: bool, may_run_still: bool) -> OsResult<TakeStep> {
        let name = format!("lock.{:016x}", self.ours.run).into_bytes();
        let new = NameIn::new(self.private.as_fd(), &name);
        let placed = new.open(NEW_FILE, MODE).and_then(|file| self.filled(file)).and_then(|file| {
            // If this took long, another may have been faster.
            if Duration::from_millis(millis().saturating_sub(looked)) > STILL_TRUE {
                return Err(Errno::AGAIN);
            }
            new.rename(NameIn::new(self.private.as_fd(), LOCK)).map(|()| file)
        });
        let file = match placed {
            Ok(file) => file,
            Err(e) => {
                let _ = new.unlink();
                return if e == Errno::AGAIN { Ok(TakeStep::Wait(LOOK)) } else { Err(e) };
            }
        };
        let held = self.held(file)?;
        if !settles {
            return taken(held, may_run_still);
        }
        self.stage = TakeStage::Settling(Box::new(held), millis(), may_run_still);
        Ok(TakeStep::Wait(LOOK))
    }

    fn settle(&mut self, held: Box<HeldLock>, since: u64, was_held: bool) -> OsResult<TakeStep> {
        match held.renew() {
            Ok(()) => {}
            Err(RenewError::Lost(Loss::Taken(holder))) => return Ok(TakeStep::InUse(holder)),
            Err(RenewError::Lost(_)) => return Ok(TakeStep::Wait(LOOK)),
            Err(RenewError::System(e)) => return Err(e),
        }
        if Duration::from_millis(millis().saturating_sub(since)) < limits::LOCK_SETTLE {
            self.stage = TakeStage::Settling(held, since, was_held);
            return Ok(TakeStep::Wait(LOOK));
        }
        taken(*held, was_held)
    }

    /// A new file of ours, with its line on the disk.
    fn filled(&self, file: OwnedFd) -> OsResult<File> {
        let file = File::from(file);
        locks(&file, FlockOperation::NonBlockingLockExclusive)?;
        let written = file.write_all_at(self.ours.line().as_bytes(), 0);
        written.and_then(|()| file.sync_data()).map_err(|e| errno_of(&e))?;
        Ok(file)
    }

    fn held(&self, file: File) -> OsResult<HeldLock> {
        let private = retry_on_intr(|| rustix::io::dup(&self.private))?;
        let whose = (&*self.place, private);
        HeldLock::new(whose, (file, self.ours.clone()), self.is_shared, self.refusal)
    }
}

fn taken(held: HeldLock, may_run_still: bool) -> OsResult<TakeStep> {
    Lease::begin(held, may_run_still).map(TakeStep::Taken).map_err(|e| errno_of(&e))
}

impl Drop for Taking {
    /// Whoever gives up while it settles takes its file away again.
    fn drop(&mut self) {
        if let TakeStage::Settling(held, ..) = &self.stage {
            held.release();
        }
    }
}

/// Whether a file could be locked, or the file system has no `flock`.
fn locks(file: &File, operation: FlockOperation) -> OsResult<bool> {
    match fs::flock(file, operation) {
        Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(e) => Err(e),
    }
}

fn holder_in(file: &File) -> Holder {
    Holder::read(&content(file).unwrap_or_default())
}

/// Who holds the tree at `dir`, by this machine's `flock` or, where other machines may have it, by
/// a line that is not of a process that has ended here; `None` if nobody. Nothing is changed.
pub(in crate::vfs) fn runner(dir: &Path, is_shared: Option<bool>) -> Option<Holder> {
    let private = File::open(dir.join(std::str::from_utf8(PRIVATE).unwrap_or_default())).ok()?;
    let file = File::from(NameIn::new(private.as_fd(), LOCK).open(READ, 0).ok()?);
    let holder = holder_in(&file);
    if fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK) {
        return Some(holder);
    }
    if !is_shared.unwrap_or(FileSystem::of(&file).many_machines) {
        return None;
    }
    let has_ended = |bytes: &[u8]| {
        let ours = LockRecord::of_this_process(0);
        LockRecord::parse(bytes).is_some_and(|record| record.has_ended(&ours))
    };
    let bytes = content(&file).unwrap_or_default();
    (!has_ended(&bytes)).then_some(holder)
}
