//! The lock that keeps a second server off a tree, and the fence that stops this one when the lock
//! is lost.
//!
//! The file `.miniftp/lock` is locked with `flock`, which on one machine decides at once and for
//! good: the kernel lets go of it when the process ends, however it ends. On a file system that
//! several machines can reach, `flock` may hold for one machine only. There the file also says who
//! holds the tree ([`record`]), and the holder renews that line every second; [`taking`] tells how
//! it is taken over. The line is written in place, through the descriptor of the holder, and
//! whoever takes over puts another file under the name: so a holder that was frozen and wakes
//! cannot write over the line of its successor, it only finds that its file is the lock no more.
//!
//! On other file systems nothing is written after the start. There the holder only looks whether
//! the file under the name is still its own, when the kernel says that something became of it
//! ([`alarm`]) or else every second, so that an idle machine stays idle.
//!
//! The fence is asked before every change ([`Lease::check`]) and around every commit
//! ([`Lease::confirm`]). It opens only while the last renewal is younger than
//! [`limits::LOCK_FENCE`], which is shorter than the time after which anybody may take over;
//! whoever finds it older renews first, whatever the cause was: a disk that stood still, SIGSTOP, a
//! machine that slept. What remains is one system call that was begun before and ends after a
//! takeover.
//!
//! Never: decides what a lost lock means for the process; [`Home::lost`](super::Home::lost) tells.
//! Invariant: once the lock was found lost the fence never opens again.

mod alarm;
mod held_lock;
mod record;
mod taking;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;
use rustix::io::Result as OsResult;

use crate::limits;

use self::alarm::{Alarm, End};
use self::held_lock::HeldLock;
pub use self::record::Holder;
pub(super) use self::taking::{TakeStep, Taking, runner};

/// The name of the lock's file in the private directory.
pub(super) const LOCK: &[u8] = b"lock";

/// How a lock was lost. It is for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its file was removed or emptied.
    Gone,
    /// Another server's file is in its place.
    Taken(Holder),
    /// It could not be renewed for [`limits::LOCK_UNREACHABLE`]; this is what the system said last.
    Unreachable(String),
}

impl fmt::Display for Loss {
    /// Goes on after "the lock of the home X ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Gone => f.write_str("is gone: somebody removed its file `.miniftp/lock`"),
            Loss::Taken(holder) => write!(f, "was taken over by {holder}"),
            Loss::Unreachable(why) => {
                let secs = limits::LOCK_UNREACHABLE.as_secs();
                write!(f, "could not be renewed for {secs} s: {why}")
            }
        }
    }
}

/// The held lock. Dropped or released, it lets another server in.
#[derive(Debug)]
pub(super) struct Lease {
    held: Arc<HeldLock>,
    /// Whether it was taken from a holder that may run still and only did not renew.
    pub(super) is_uncertain: bool,
    /// Dropped, it ends the thread that renews.
    _end: End,
}

impl Lease {
    /// The lease of a lock that was taken, with a thread that renews it.
    fn begin(held: HeldLock, is_uncertain: bool) -> io::Result<Lease> {
        let (end, alarm) = Alarm::new(held.watched())?;
        let held = Arc::new(held);
        let kept = Arc::clone(&held);
        let thread = thread::Builder::new().name("lock".into()).stack_size(limits::THREAD_STACK);
        thread.spawn(move || kept.keep(&alarm))?;
        Ok(Lease { held, is_uncertain, _end: end })
    }

    /// Refuses unless the lock was renewed a short time ago, or can be now. It is asked before
    /// every change of the tree and costs a look at the clock.
    pub(super) fn check(&self) -> OsResult<()> {
        self.held.check()
    }

    /// Checks it with a look at the lock: before a file is placed, and before it is reported as
    /// stored.
    pub(super) fn confirm(&self) -> OsResult<()> {
        self.held.check()?;
        self.held.confirm()
    }

    /// Tells once that the lock was lost.
    pub(super) fn lost(&self) -> Receiver<Loss> {
        self.held.lost()
    }

    /// When it was renewed last, as a number that only grows, where it is renewed by writing.
    pub(super) fn renewal(&self) -> Option<u64> {
        self.held.renewal()
    }

    /// Closes the fence and lets the next server in without a wait.
    pub(super) fn release(&self) {
        self.held.release();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.held.release();
    }
}
