//! When the holder of a lock has to look at its file: every second, or when the kernel says that
//! something has become of it, so that a server with nothing to do is not woken for it.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::{Errno, Result as OsResult};

use crate::limits;

/// What can become of a lock's file: written or emptied; renamed, or given other attributes, which
/// the number of its names is one of, so that its removal and its replacement are among them.
const CHANGES: WatchFlags =
    WatchFlags::MODIFY.union(WatchFlags::ATTRIB).union(WatchFlags::MOVE_SELF);

/// How long after a change the look is: whoever empties the file to write it has written it.
const SETTLE: Duration = Duration::from_millis(50);

/// Dropped, it ends whoever waits for the alarm.
#[derive(Debug)]
pub(super) struct End(Arc<OwnedFd>);

impl Drop for End {
    fn drop(&mut self) {
        // It holds nothing yet, so this neither blocks nor fails.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

#[derive(Debug)]
pub(super) struct Alarm {
    end: Arc<OwnedFd>,
    /// Where changes of the file are reported; without it a look is due every second.
    changes: Option<OwnedFd>,
}

impl Alarm {
    /// An alarm that goes off every second or, where there is a file whose changes the kernel can
    /// report, with these.
    pub(super) fn new(file: Option<&File>) -> io::Result<(End, Alarm)> {
        let end = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        // Watches are limited for each user; without one there is the clock.
        let changes = file.and_then(|file| changes_of(file).ok());
        Ok((End(Arc::clone(&end)), Alarm { end, changes }))
    }

    /// Waits until a look is due; `false` when the lease has ended. While looks fail they are due
    /// every second.
    pub(super) fn wait(&self, is_failing: bool) -> bool {
        let second = Timespec::try_from(limits::LOCK_RENEWAL).ok();
        let timeout = second.filter(|_| is_failing || self.changes.is_none());
        loop {
            let watched = self.changes.iter().map(|changes| PollFd::new(changes, PollFlags::IN));
            let mut fds: Vec<PollFd<'_>> =
                Some(PollFd::new(&*self.end, PollFlags::IN)).into_iter().chain(watched).collect();
            match poll(&mut fds, timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                // For want of memory: the next look is a second later all the same.
                Err(_) => thread::sleep(limits::LOCK_RENEWAL),
                Ok(_) => {}
            }
            let is_over = fds.first().is_some_and(|end| !end.revents().is_empty());
            if let Some(changes) = self.changes.as_ref().filter(|_| !is_over) {
                thread::sleep(SETTLE);
                read_all(changes);
            }
            return !is_over;
        }
    }
}

/// Where changes of a file are reported from now on.
fn changes_of(file: &File) -> OsResult<OwnedFd> {
    let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    // The kernel takes a path only, and the file may have another name by now.
    inotify::add_watch(&changes, format!("/proc/self/fd/{}", file.as_raw_fd()), CHANGES)?;
    Ok(changes)
}

/// Takes what was reported, so that the next wait is for something new.
fn read_all(changes: &OwnedFd) {
    let mut buffer = [MaybeUninit::uninit(); 512];
    let mut reports = Reader::new(changes, &mut buffer);
    while reports.next().is_ok() {}
}
