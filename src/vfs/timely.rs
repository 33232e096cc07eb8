//! Looks at directories whose file system may stand still, such as one on a server that has gone:
//! on a thread of their own, and given up in time.
//!
//! A system call that hangs cannot be ended, so its thread stays until the file system answers.
//! Never: has more than [`limits::MOUNT_THREADS`] threads, or two that wait for the same path.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::limits;

/// The threads of one server. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Threads(Arc<Mutex<ThreadState>>);

#[derive(Debug, Default)]
struct ThreadState {
    running: usize,
    /// What was given up and has not come back.
    late: HashSet<PathBuf>,
}

impl Threads {
    /// What `look` returns of what is at `path`; `None` if that takes longer than
    /// [`limits::MOUNT_WAIT`], and at once while an earlier look at it has not ended.
    pub fn within<T: Send + 'static>(
        &self,
        path: &Path,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.within_for(path, limits::MOUNT_WAIT, look)
    }

    /// Does it with another wait.
    pub fn within_for<T: Send + 'static>(
        &self,
        path: &Path,
        wait: Duration,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.is_late(path) {
            return None;
        }
        let looked = self.begin(path, look)?;
        if let Ok(seen) = looked.recv_timeout(wait) {
            return Some(seen);
        }
        self.state().late.insert(path.to_owned());
        // It may have ended just before that.
        let seen = looked.try_recv().ok();
        if seen.is_some() {
            self.state().late.remove(path);
        }
        seen
    }

    /// Whether a look at `path` was given up and has not ended.
    pub fn is_late(&self, path: &Path) -> bool {
        self.state().late.contains(path)
    }

    /// Begins work on what is at `path`, which may never end; `None` if too much of it has not.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Receiver<T>> {
        let (done, result) = bounded(1);
        {
            let mut state = self.state();
            if state.running >= limits::MOUNT_THREADS {
                return None;
            }
            state.running += 1;
        }
        let running = RunningThread(self.clone(), path.to_owned());
        let thread = thread::Builder::new().name("mount".into()).stack_size(limits::THREAD_STACK);
        let spawned = thread.spawn(move || {
            // Whoever asked may have given up; then this is the end of what came of it.
            drop(done.send(work()));
            drop(running);
        });
        spawned.ok().map(|_| result)
    }

    /// Poison is ignored: what is under the lock is assigned whole.
    fn state(&self) -> MutexGuard<'_, ThreadState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread, until it ends, however that is.
struct RunningThread(Threads, PathBuf);

impl Drop for RunningThread {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running = state.running.saturating_sub(1);
        state.late.remove(&self.1);
    }
}
