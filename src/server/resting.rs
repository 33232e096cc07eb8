//! Connections that rest: nothing has come on them for a while, so they have no thread. One thread
//! waits for all of them, and one on which something comes, or whose time is over, gets a thread
//! again.
//!
//! A thread that only waits keeps four pages of its stack, and more than that in the kernel; all
//! else of a connection is smaller. docs/ARCHITECTURE.md has the figures.
//!
//! Invariant: a connection is either here or on a thread, and one that is here is watched.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;

use crate::limits;
use crate::lock::lock;
use crate::protocols::RestingConnection;

/// What the watching thread is woken by, among the numbers of connections: they begin at 1.
const WAKE: u64 = 0;
/// How many are taken up at one look.
const EVENTS: usize = 64;

/// The connections that rest.
#[derive(Debug)]
pub(super) struct Resting {
    epoll: OwnedFd,
    wake: OwnedFd,
    waiting: Mutex<Waiting>,
    is_closed: AtomicBool,
    /// Whether the last one that was to go on got no thread, which is in the log once.
    is_short: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    connections: HashMap<u64, Box<dyn RestingConnection>>,
    /// When the watching thread looks at all of them: no later than the first deadline.
    look_at: Option<Instant>,
}

impl Resting {
    /// Nobody rests yet.
    ///
    /// # Errors
    /// No descriptors left.
    pub(super) fn new() -> io::Result<Resting> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let woken = epoll::EventData::new_u64(WAKE);
        epoll::add(&epoll, &wake, woken, epoll::EventFlags::IN)?;
        let (is_closed, is_short) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Resting { epoll, wake, waiting: Mutex::default(), is_closed, is_short })
    }

    /// Keeps a connection that rests, if it does: it leaves the thread that it was on. One that
    /// cannot be watched waits on its thread.
    pub(super) fn look_after(&self, mut rests: Option<Box<dyn RestingConnection>>) {
        while let Some(connection) = rests {
            rests = match self.keep(connection) {
                Ok(()) => None,
                Err((e, connection)) => {
                    log::debug!("{} waits on a thread: {e}", connection.session().who());
                    connection.go_on()
                }
            };
        }
    }

    fn keep(
        &self,
        connection: Box<dyn RestingConnection>,
    ) -> Result<(), (Errno, Box<dyn RestingConnection>)> {
        let (id, until) = (connection.session().connection(), connection.stream().waits_until());
        let mut waiting = lock(&self.waiting);
        // What comes is found only once it is in the table: the lock is held for that long.
        let events = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ONESHOT;
        let data = epoll::EventData::new_u64(id);
        if let Err(e) = epoll::add(&self.epoll, connection.stream(), data, events) {
            return Err((e, connection));
        }
        waiting.connections.insert(id, connection);
        if waiting.look_at.is_none_or(|look_at| until < look_at) {
            waiting.look_at = Some(until);
            drop(waiting);
            self.wake();
        }
        Ok(())
    }

    fn wake(&self) {
        // If it is full, the thread is about to wake anyway.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Watches until [`ClosedAtEnd`] is dropped.
    pub(super) fn watch(self: &Arc<Self>) {
        let mut events = Vec::with_capacity(EVENTS);
        while !self.is_closed.load(Ordering::SeqCst) {
            events.clear();
            let look_at = lock(&self.waiting).look_at;
            let left = look_at.map(|at| at.saturating_duration_since(Instant::now()));
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                left.map(timespec).as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => {
                    log::error!("connections that rest cannot be watched: {e}");
                    thread::sleep(limits::ACCEPT_PAUSE);
                }
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => drop(rustix::io::read(&self.wake, &mut [0; 8])),
                    id => self.resume(id),
                }
            }
            for id in self.due(Instant::now()) {
                self.resume(id);
            }
        }
    }

    /// Whose time is over; notes when the next one's is.
    fn due(&self, now: Instant) -> Vec<u64> {
        let mut waiting = lock(&self.waiting);
        if waiting.look_at.is_none_or(|look_at| now < look_at) {
            return Vec::new();
        }
        let (mut due, mut next) = (Vec::new(), None);
        for (id, connection) in &waiting.connections {
            let until = connection.stream().waits_until();
            if until <= now {
                due.push(*id);
            } else if next.is_none_or(|next| until < next) {
                next = Some(until);
            }
        }
        waiting.look_at = next;
        due
    }

    /// Gives a connection a thread again.
    fn resume(self: &Arc<Self>, id: u64) {
        let Some(connection) = lock(&self.waiting).connections.remove(&id) else { return };
        if let Err(e) = epoll::delete(&self.epoll, connection.stream()) {
            log::error!("{} is still watched: {e}", connection.session().who());
        }
        let name = connection.session().connection_name();
        let this = Arc::clone(self);
        let spawned = spawn_with(name, connection, move |connection| {
            this.look_after(connection.go_on());
        });
        let Err((e, connection)) = spawned else {
            self.is_short.store(false, Ordering::Relaxed);
            return;
        };
        if !self.is_short.swap(true, Ordering::Relaxed) {
            log::error!("{} waits for a thread: {e}", connection.session().who());
        }
        thread::sleep(limits::ACCEPT_PAUSE);
        if let Err((e, connection)) = self.keep(connection) {
            log::error!("{} is closed: {e}", connection.session().who());
        }
    }

    /// Nobody is watched any more.
    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.wake();
    }
}

fn timespec(time: Duration) -> Timespec {
    let tv_sec = time.as_secs().try_into().unwrap_or(i64::MAX);
    Timespec { tv_sec, tv_nsec: time.subsec_nanos().into() }
}

/// Connections that rest, until it is dropped: then nobody is watched any more.
pub(super) struct ClosedAtEnd(pub(super) Arc<Resting>);

impl Drop for ClosedAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Starts a thread of this name that works with a value. Where there is none the value comes back.
pub(super) fn spawn_with<T: Send + 'static>(
    name: String,
    value: T,
    work: impl FnOnce(T) + Send + 'static,
) -> Result<(), (io::Error, T)> {
    let handed_over = Arc::new(Mutex::new(Some(value)));
    let taken = Arc::clone(&handed_over);
    let thread = thread::Builder::new().name(name).stack_size(limits::THREAD_STACK);
    let spawned = thread.spawn(move || {
        let value = lock(&taken).take();
        drop(taken);
        if let Some(value) = value {
            work(value);
        }
    });
    spawned.map(drop).or_else(|e| match lock(&handed_over).take() {
        Some(value) => Err((e, value)),
        None => Ok(()),
    })
}
