//! What was seen last of the directory of an open mount, for whoever must not wait for a file
//! system that stands still: logins, listings of what holds the mount, comparisons with homes.
//!
//! Never: waits longer than [`limits::MOUNT_WAIT`], or again while an earlier look has not ended.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Stat, fstat};
use rustix::io::{Errno, Result as OsResult, fcntl_dupfd_cloexec};

use super::entry::FileId;
use super::file_system::FileSystem;
use super::homes::all_above;
use super::timely::Threads;
use crate::limits;

/// A directory at one moment.
#[derive(Clone, Debug)]
pub(super) struct SeenDirectory {
    pub(super) stat: Stat,
    /// The directory and all that it lies in.
    pub(super) above: Vec<FileId>,
}

/// What was seen last of a mount's directory.
#[derive(Debug)]
pub(super) struct LastSeen {
    /// Whether looking cannot take long: it is on a disk of this machine.
    is_local: bool,
    threads: Threads,
    state: Mutex<LookState>,
}

#[derive(Debug)]
struct LookState {
    seen: Arc<SeenDirectory>,
    /// A look that was given up, and whether there is one, in whoever's hands.
    pending: Option<Receiver<OsResult<SeenDirectory>>>,
    is_late: bool,
}

impl SeenDirectory {
    fn at(root: BorrowedFd<'_>) -> OsResult<SeenDirectory> {
        Ok(SeenDirectory { stat: fstat(root)?, above: all_above(dup(root)?)? })
    }
}

impl LastSeen {
    /// Looks for the first time.
    pub(super) fn begin(root: BorrowedFd<'_>, threads: &Threads) -> OsResult<LastSeen> {
        let seen = Arc::new(SeenDirectory::at(root)?);
        let is_local = !FileSystem::of(root).many_machines;
        let state = Mutex::new(LookState { seen, pending: None, is_late: false });
        Ok(LastSeen { is_local, threads: threads.clone(), state })
    }

    /// The directory as it is now, or as it was seen last where its file system does not answer in
    /// time. That is logged once, with the `path`.
    pub(super) fn look(&self, root: BorrowedFd<'_>, path: &Path) -> Arc<SeenDirectory> {
        if self.is_local {
            let now = SeenDirectory::at(root).map(Arc::new);
            let mut state = self.state();
            if let Ok(now) = now {
                state.seen = now;
            }
            return Arc::clone(&state.seen);
        }
        let (pending, is_late) = {
            let mut state = self.state();
            (state.pending.take(), state.is_late)
        };
        let (looked, wait) = match pending {
            Some(pending) => (Some(pending), Duration::ZERO),
            None if is_late => (None, Duration::ZERO),
            None => (self.begin_look(root, path), limits::MOUNT_WAIT),
        };
        let Some(looked) = looked else { return Arc::clone(&self.state().seen) };
        let answer = looked.recv_timeout(wait);
        let mut state = self.state();
        let was_late = state.is_late;
        state.is_late = matches!(answer, Err(RecvTimeoutError::Timeout));
        if state.is_late {
            state.pending = Some(looked);
        }
        if let Ok(Ok(now)) = answer {
            state.seen = Arc::new(now);
        }
        let (seen, is_late) = (Arc::clone(&state.seen), state.is_late);
        drop(state);
        match (was_late, is_late) {
            (false, true) => log::error!(
                "the mounted directory {} does not answer: its file system does not respond",
                path.display()
            ),
            (true, false) => log::info!("the mounted directory {} answers again", path.display()),
            _ => {}
        }
        seen
    }

    /// Whether nothing of it can take long.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    fn begin_look(
        &self,
        root: BorrowedFd<'_>,
        path: &Path,
    ) -> Option<Receiver<OsResult<SeenDirectory>>> {
        let root = dup(root).ok()?;
        self.threads.begin(path, move || SeenDirectory::at(root.as_fd()))
    }

    /// Poison is ignored: what is under the lock is assigned whole.
    fn state(&self) -> MutexGuard<'_, LookState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more descriptor, for which the file system is not asked.
pub(super) fn dup(root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    fcntl_dupfd_cloexec(root, 0)
}
