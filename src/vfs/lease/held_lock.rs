//! The holder's side of a lock: renewing it, looking at it, letting it go.
//!
//! Invariant: the file that is written is the holder's own, whatever is under the lock's name.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, FlockOperation, OFlags, Stat};
use rustix::io::{Errno, Result as OsResult};
use rustix::time::{ClockId, clock_gettime};

use super::alarm::Alarm;
use super::record::{self, LockRecord};
use super::{Holder, LOCK, Loss};
use crate::limits;
use crate::vfs::entry::{FileId, wide};
use crate::vfs::file_system::FileSystem;
use crate::vfs::jail::{NameIn, errno_of};

/// To read the lock's file.
pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// How often a lease that ends tries to remove its file while a renewal is under way, and the
/// pause between two tries: half a second together.
const RELEASE_TRIES: u32 = 50;
const RELEASE_PAUSE: Duration = Duration::from_millis(10);

/// Why one renewal did not succeed.
#[derive(Debug)]
pub(super) enum RenewError {
    /// For good.
    Lost(Loss),
    /// Perhaps the next one does.
    System(Errno),
}

impl From<Errno> for RenewError {
    fn from(e: Errno) -> RenewError {
        RenewError::System(e)
    }
}

impl From<io::Error> for RenewError {
    fn from(e: io::Error) -> RenewError {
        RenewError::System(errno_of(&e))
    }
}

/// What the lease shares with the thread that renews it.
#[derive(Debug)]
pub(super) struct HeldLock {
    /// What it is the lock of, for the log.
    place: Box<str>,
    private: OwnedFd,
    /// Locked with `flock`, where that is possible.
    file: File,
    id: FileId,
    /// Whether it is renewed by writing.
    is_shared: bool,
    /// What the fence says when it is closed.
    refusal: Errno,
    line: Mutex<LockLine>,
    /// When the last renewal that succeeded had begun, in milliseconds of a clock that goes on
    /// while the machine sleeps.
    renewed_millis: AtomicU64,
    is_closed: AtomicBool,
    lost: OnceLock<Loss>,
    news: (Sender<Loss>, Receiver<Loss>),
}

/// What is in the file, as far as this holder knows.
#[derive(Debug)]
struct LockLine {
    record: LockRecord,
    /// What the file looked like when it was written, or read last.
    seen: LockStamp,
}

/// What changes when a file is written.
type LockStamp = [i64; 5];

impl HeldLock {
    pub(super) fn new(
        (place, private): (&str, OwnedFd),
        (file, record): (File, LockRecord),
        is_shared: bool,
        refusal: Errno,
    ) -> OsResult<HeldLock> {
        let stat = fs::fstat(&file)?;
        let now = millis();
        Ok(HeldLock {
            place: place.into(),
            private,
            file,
            id: FileId::of(&stat),
            is_shared,
            refusal,
            line: Mutex::new(LockLine { record, seen: stamp(&stat) }),
            renewed_millis: AtomicU64::new(now),
            is_closed: AtomicBool::new(false),
            lost: OnceLock::new(),
            news: bounded(1),
        })
    }

    /// The file, where it is enough to look at it when something has become of it: the kernel sees
    /// nothing of what another machine does, also where the operator says that there is none.
    pub(super) fn watched(&self) -> Option<&File> {
        let is_seen = !self.is_shared && !FileSystem::of(&self.file).many_machines;
        is_seen.then_some(&self.file)
    }

    /// Renews whenever the alarm says so, until the lease ends or the lock is lost.
    pub(super) fn keep(&self, alarm: &Alarm) {
        let mut failing_since: Option<u64> = None;
        while alarm.wait(failing_since.is_some()) {
            match self.renew() {
                Ok(()) => {
                    if failing_since.take().is_some() {
                        log::info!("the lock of {} is renewed again", self.place);
                    }
                }
                Err(RenewError::Lost(_)) => return,
                // Let go, or lost as somebody else saw.
                Err(RenewError::System(_)) if self.is_closed.load(Ordering::SeqCst) => return,
                Err(RenewError::System(e)) => {
                    let since = *failing_since.get_or_insert_with(|| {
                        log::error!("the lock of {} cannot be renewed: {e}", self.place);
                        millis()
                    });
                    let failing = Duration::from_millis(millis().saturating_sub(since));
                    if failing >= limits::LOCK_UNREACHABLE {
                        // Whoever does not listen any more has been informed already.
                        let _ = self.news.0.try_send(Loss::Unreachable(e.to_string()));
                    }
                }
            }
        }
    }

    pub(super) fn check(&self) -> OsResult<()> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(self.refusal);
        }
        if age(&self.renewed_millis) <= limits::LOCK_FENCE {
            return Ok(());
        }
        self.refuse(self.renew())
    }

    /// Checks it with a look at the file.
    pub(super) fn confirm(&self) -> OsResult<()> {
        self.check()?;
        self.refuse(self.look_again())
    }

    /// Tells once that the lock was lost.
    pub(super) fn lost(&self) -> Receiver<Loss> {
        self.news.1.clone()
    }

    /// When the last renewal had begun, where it is one by writing.
    pub(super) fn renewal(&self) -> Option<u64> {
        self.is_shared.then(|| self.renewed_millis.load(Ordering::SeqCst))
    }

    fn refuse(&self, renewed: Result<(), RenewError>) -> OsResult<()> {
        renewed.map_err(|_| self.refusal)
    }

    /// Writes the next count where that is to be done, and looks whether the file is the lock.
    pub(super) fn renew(&self) -> Result<(), RenewError> {
        let mut line = self.open_line()?;
        let begun = millis();
        let written = self.write_next(&mut line.record);
        // A file that was replaced cannot be written on every file system: the look says why.
        let renewed = match self.look(&mut line) {
            Err(RenewError::Lost(loss)) => Err(RenewError::Lost(loss)),
            looked => written.and(looked),
        };
        self.judged(renewed)?;
        self.renewed_millis.store(begun, Ordering::SeqCst);
        Ok(())
    }

    fn look_again(&self) -> Result<(), RenewError> {
        let mut line = self.open_line()?;
        let looked = self.look(&mut line);
        self.judged(looked)
    }

    /// Notes that the lock was lost, if it was.
    fn judged(&self, looked: Result<(), RenewError>) -> Result<(), RenewError> {
        if let Err(RenewError::Lost(loss)) = &looked {
            self.lose(loss);
        }
        looked
    }

    fn write_next(&self, record: &mut LockRecord) -> Result<(), RenewError> {
        if self.is_shared {
            record.count = record.count.wrapping_add(1);
            self.file.write_all_at(record.line().as_bytes(), 0)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Where other machines write, the file is opened by its name: that is what makes network file
    /// systems ask their server.
    fn look(&self, line: &mut LockLine) -> Result<(), RenewError> {
        let at = NameIn::new(self.private.as_fd(), LOCK);
        if !self.is_shared {
            return self.look_here(at, line);
        }
        let opened = match at.open(READ, 0) {
            Err(Errno::NOENT) => return Err(RenewError::Lost(Loss::Gone)),
            // No more descriptors are to be had; that is no reason to give the tree up.
            Err(Errno::MFILE | Errno::NFILE) => return self.look_here(at, line),
            opened => File::from(opened?),
        };
        let found = judge(&content(&opened)?, &line.record)?;
        // Its own line, but an old one: a copy of the file, or a cache that lags behind.
        if found.count == line.record.count { Ok(()) } else { Err(Errno::STALE.into()) }
    }

    /// Where no other machine writes, and what is here is all that there is. The file is read only
    /// when it has changed.
    fn look_here(&self, at: NameIn<'_>, line: &mut LockLine) -> Result<(), RenewError> {
        let stat = match at.stat() {
            Err(Errno::NOENT) => return Err(RenewError::Lost(Loss::Gone)),
            stat => stat?,
        };
        if FileId::of(&stat) != self.id {
            let holder = at.open(READ, 0).map(File::from).ok().and_then(|file| content(&file).ok());
            let holder = Holder::read(&holder.unwrap_or_default());
            return Err(RenewError::Lost(Loss::Taken(holder)));
        }
        let stamp = stamp(&stat);
        if line.seen != stamp {
            judge(&content(&self.file)?, &line.record)?;
            line.seen = stamp;
        }
        Ok(())
    }

    fn lose(&self, loss: &Loss) {
        self.is_closed.store(true, Ordering::SeqCst);
        if self.lost.set(loss.clone()).is_ok() {
            log::error!("the lock of {} {loss}; nothing is written there any more", self.place);
            let _ = self.news.0.try_send(loss.clone());
        }
    }

    pub(super) fn release(&self) {
        if self.is_closed.swap(true, Ordering::SeqCst) {
            return;
        }
        // A renewal may hold the line, for long if the disk does not respond. Without the line the
        // file stays, and the next start finds that of a process that has ended.
        for _ in 0..RELEASE_TRIES {
            if let Ok(mut line) = self.line.try_lock() {
                if self.look(&mut line).is_ok() {
                    let _ = NameIn::new(self.private.as_fd(), LOCK).unlink();
                }
                break;
            }
            thread::sleep(RELEASE_PAUSE);
        }
        let _ = fs::flock(&self.file, FlockOperation::Unlock);
    }

    /// The line, unless the lock was let go or lost: what becomes of its file then says nothing.
    fn open_line(&self) -> Result<MutexGuard<'_, LockLine>, RenewError> {
        let line = self.line();
        match self.is_closed.load(Ordering::SeqCst) {
            true => Err(RenewError::System(self.refusal)),
            false => Ok(line),
        }
    }

    /// Poison is ignored: the line is what was written last, or was to be.
    fn line(&self) -> MutexGuard<'_, LockLine> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The record in a lock's file, if it is of the same run.
fn judge(bytes: &[u8], ours: &LockRecord) -> Result<LockRecord, RenewError> {
    match LockRecord::parse(bytes) {
        Some(found) if found.run == ours.run => Ok(found),
        _ if bytes.is_empty() => Err(RenewError::Lost(Loss::Gone)),
        _ => Err(RenewError::Lost(Loss::Taken(Holder::read(bytes)))),
    }
}

/// What a lock's file says.
pub(super) fn content(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; record::MOST];
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn stamp(stat: &Stat) -> LockStamp {
    [
        wide(stat.st_size),
        wide(stat.st_mtime),
        wide(stat.st_mtime_nsec),
        wide(stat.st_ctime),
        wide(stat.st_ctime_nsec),
    ]
}

/// Milliseconds since the machine was started, its sleep included.
pub(super) fn millis() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    Duration::try_from(now).map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

fn age(since: &AtomicU64) -> Duration {
    Duration::from_millis(millis().saturating_sub(since.load(Ordering::SeqCst)))
}
