//! The one type over a TCP socket, for both protocols and the client.
//!
//! Every wait has a deadline with a name: for the next frame, for the rest of one, for the peer to
//! take what is sent, and for the login as a whole. A peer that dribbles is as late as a silent
//! one.
//! Invariant: no system call here waits longer than the deadline that is meant, give or take a
//! second.

mod encrypted;
mod looking;
mod pace;
mod socket;

use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, Wait};
use crate::limits;
use crate::wire::Arrive;

pub use self::looking::Peer;
pub(crate) use self::pace::Pace;
pub(crate) use self::socket::Socket;

/// How long one system call may wait before the clocks are looked at.
const SLICE: Duration = limits::REST_AFTER;
/// Waits where the wait may be interrupted: a signal can come just before the call.
const LOOK: Duration = Duration::from_millis(250);
/// The shortest wait that is asked for: zero would mean for ever.
const SHORTEST: Duration = Duration::from_millis(1);
/// Slices that one system call writes at most.
const SLICES: usize = 16;

/// How long the other side may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the next frame to begin.
    pub idle: Duration,
    /// In each span of this length inside a frame [`limits::PACE`] bytes a second must move.
    pub frame: Duration,
    /// When the login must be over, all attempts together, and how long that is in all.
    pub login: Option<(Instant, Duration)>,
}

/// A TCP connection whose every wait is bounded, encrypted or not.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    patience: Patience,
    /// What the socket's read timeout was last set to.
    read_timeout: Option<Duration>,
    /// Since when the next frame is waited for.
    idle: Option<Instant>,
    pace: Pace,
    interrupt: Option<Arc<AtomicBool>>,
    /// When a wait for the peer ends early, with nothing read.
    alarm: Option<Instant>,
    /// Until then the flag is not looked at: what is under way may be brought to an end.
    grace: Option<Instant>,
    /// Whether a peer that takes nothing but still says something is waited for.
    heeds_life: bool,
    /// Where the client came to, if that was a proxy.
    reached: Option<SocketAddr>,
}

impl Stream {
    /// Takes a connected socket over.
    ///
    /// # Errors
    /// [`Error::Gone`] if the socket takes no options any more.
    pub fn new(tcp: TcpStream, patience: Patience) -> Result<Stream> {
        // A small frame must not wait for the answer to the one before it.
        tcp.set_nodelay(true).map_err(|_| Error::Gone)?;
        tcp.set_write_timeout(Some(SLICE)).map_err(|_| Error::Gone)?;
        Ok(Stream {
            socket: Socket::new(tcp),
            patience,
            read_timeout: None,
            idle: None,
            pace: Pace::default(),
            interrupt: None,
            alarm: None,
            grace: None,
            heeds_life: false,
            reached: None,
        })
    }

    /// Looks at this flag whenever something was read or written, and several times a second while
    /// it waits, and stops with [`Error::Interrupted`].
    pub fn interrupted_by(mut self, flag: Arc<AtomicBool>) -> Stream {
        self.interrupt = Some(flag);
        // A socket that takes no options has gone, which the first write says.
        let _ = self.socket.tcp().set_write_timeout(Some(LOOK));
        self
    }

    /// Does not look at the flag for so long, so that what is under way can be brought to an end.
    pub fn wind_down(&mut self, grace: Duration) {
        self.grace.get_or_insert_with(|| Instant::now() + grace);
    }

    /// Whether the flag was set.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check_interrupt(&self) -> Result<()> {
        match &self.interrupt {
            Some(flag) if flag.load(Ordering::Relaxed) => match self.grace {
                Some(until) if Instant::now() < until => Ok(()),
                _ => Err(Error::Interrupted),
            },
            _ => Ok(()),
        }
    }

    /// Waits on while the peer takes nothing if it says something meanwhile: a server that holds
    /// content back for its rate's sake shows signs of life.
    pub fn heeding_life(mut self) -> Stream {
        self.heeds_life = true;
        self
    }

    /// Bytes that have come and were not read.
    #[cfg(unix)]
    fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(self.socket.tcp()).unwrap_or(0)
    }

    #[cfg(not(unix))]
    fn unread(&self) -> u64 {
        0
    }

    /// Changes how long the next frame may be waited for.
    pub fn set_idle(&mut self, idle: Duration) {
        self.patience.idle = idle;
    }

    /// Changes the span in which a frame must move.
    pub fn set_frame(&mut self, frame: Duration) {
        self.patience.frame = frame;
    }

    /// The login is over in time: its deadline no longer counts.
    pub fn logged_in(&mut self) {
        self.patience.login = None;
    }

    /// Whether no login is due.
    pub fn is_logged_in(&self) -> bool {
        self.patience.login.is_none()
    }

    /// A login is due again, until this moment; that is so long in all.
    pub fn logged_out(&mut self, deadline: Option<(Instant, Duration)>) {
        self.patience.login = deadline;
    }

    /// The socket, for whoever may have to end this connection from outside.
    pub fn handle(&self) -> Arc<TcpStream> {
        self.socket.handle()
    }

    /// Ends one or both directions. A peer that has gone already is no error.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = self.socket.tcp().shutdown(how);
    }

    /// Whether data that the peer marked as urgent comes in its place, as a telnet end expects.
    #[cfg(unix)]
    pub fn take_urgent_inline(&self) {
        // Without it one byte of an urgent line is lost; the line is then refused as unreadable.
        let _ = rustix::net::sockopt::set_socket_oobinline(self.socket.tcp(), true);
    }

    /// What came since then was no request: the next one is still waited for.
    pub fn waits_since(&mut self, since: Instant) {
        self.idle.get_or_insert(since);
    }

    /// Lets a wait for the peer end with nothing read when this moment has come.
    pub fn wake_at(&mut self, alarm: Option<Instant>) {
        self.alarm = alarm;
    }

    /// When the wait for the next frame ends although nothing came: at its deadline, that of the
    /// login, or the moment that was asked for.
    #[cfg(feature = "server")]
    pub(crate) fn waits_until(&self) -> Instant {
        let since = self.idle.unwrap_or_else(Instant::now);
        let login = self.patience.login.map(|(deadline, _)| deadline);
        let others = [self.alarm, login].into_iter().flatten();
        others.fold(since + self.patience.idle, Instant::min)
    }

    /// What is left until then, and whether that is nothing.
    fn until_alarm(&self) -> (Duration, bool) {
        let left = self.alarm.map(|alarm| alarm.saturating_duration_since(Instant::now()));
        (left.unwrap_or(Duration::MAX), left.is_some_and(|left| left.is_zero()))
    }

    /// Sends all parts, one after the other, in as few system calls as the socket allows.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if the peer does not take it, [`Error::Gone`] if it went,
    /// [`Error::Interrupted`] by the flag.
    pub fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        self.send_while(parts, &mut || {})
    }

    /// Sends as above, and calls `meanwhile` several times while the peer takes little or nothing.
    ///
    /// # Errors
    /// As [`Stream::send`].
    pub fn send_while(&mut self, parts: &[&[u8]], meanwhile: &mut dyn FnMut()) -> Result<()> {
        let (mut pace, mut received) = (Pace::default(), 0);
        for group in parts.chunks(SLICES) {
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (slice, part) in slices.iter_mut().zip(group) {
                *slice = IoSlice::new(part);
            }
            let mut left = &mut slices[..group.len()];
            // Empty parts would look like a peer that takes nothing.
            IoSlice::advance_slices(&mut left, 0);
            while !left.is_empty() || self.socket.has_unsent() {
                let start = Instant::now();
                // What is encrypted and has not left goes first, and last without anything more.
                let sent = match left.is_empty() {
                    true => self.socket.flush().map(|()| 0),
                    false => self.socket.write(left),
                };
                let n = match sent {
                    Ok(0) if !left.is_empty() => return Err(Error::Gone),
                    Ok(n) => n,
                    Err(e) => self.waited_only(&e)?,
                };
                IoSlice::advance_slices(&mut left, n);
                if !left.is_empty() || self.socket.has_unsent() {
                    meanwhile();
                    // A peer that takes a little now and then never lets a write run out.
                    self.check_interrupt()?;
                    self.check_login()?;
                    if n == 0 && self.heeds_life && self.unread() > received {
                        (pace, received) = (Pace::default(), self.unread());
                    } else if !pace.step(start.elapsed(), n, self.patience.frame) {
                        return Err(late(Wait::Send, self.patience.frame));
                    }
                }
            }
        }
        Ok(())
    }

    /// Holds an answer back, though not beyond the login, nor when `over` says that nobody is
    /// to wait any more.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when the login is over, [`Error::Gone`].
    pub fn hold_back(&self, wait: Duration, over: &mut dyn FnMut() -> bool) -> Result<()> {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if left.is_zero() || over() {
                break;
            }
            if self.peer_seen() == Peer::Gone {
                return Err(Error::Gone);
            }
            let step = left.min(limits::PENDING_LOOK);
            std::thread::sleep(self.check_login()?.map_or(step, |login| step.min(login)));
        }
        Ok(())
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) {
        if !self.socket.finish_sending() {
            // Whoever does not read does not read this either.
            self.shutdown(Shutdown::Write);
        }
    }

    /// Reads and throws away what the peer still sends, for at most [`limits::LINGER`], so that
    /// closing the socket does not destroy the last words before the peer has read them.
    pub fn linger(&mut self) {
        let until = Instant::now() + limits::LINGER;
        let mut thrown_away = [0; 4096];
        self.patience.login = None;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            // An error ends it: the peer has gone, which is what is waited for.
            if self.read_within(left, &mut thrown_away).is_err() {
                return;
            }
        }
    }

    /// Waits for a frame to begin. `Ok(0)` when none has begun for [`limits::REST_AFTER`].
    fn arrive_between(&mut self, into: &mut [u8]) -> Result<usize> {
        self.pace = Pace::default();
        loop {
            self.check_interrupt()?;
            let since = *self.idle.get_or_insert_with(Instant::now);
            let left = self.patience.idle.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(late(Wait::Idle, self.patience.idle));
            }
            let wait = left.min(self.slice()).min(self.until_alarm().0);
            let n = self.read_within(wait, into)?;
            if n > 0 {
                self.idle = None;
                return Ok(n);
            }
            if self.until_alarm().1 || since.elapsed() >= limits::REST_AFTER {
                return Ok(0);
            }
        }
    }

    /// Waits for more of a frame.
    fn arrive_within(&mut self, into: &mut [u8]) -> Result<usize> {
        self.idle = None;
        loop {
            // A peer that never stops sending never lets a read run out.
            self.check_interrupt()?;
            let start = Instant::now();
            let left = self.pace.left(self.patience.frame);
            let n = self.read_within(left.min(self.slice()).min(self.until_alarm().0), into)?;
            if !self.pace.step(start.elapsed(), n, self.patience.frame) {
                return Err(late(Wait::Frame, self.patience.frame));
            }
            if n > 0 || self.until_alarm().1 {
                return Ok(n);
            }
        }
    }

    /// How long one read may wait before the clocks and the flag are looked at.
    fn slice(&self) -> Duration {
        if self.interrupt.is_some() { LOOK } else { SLICE }
    }

    /// Reads once, waiting about as long as `step`, never beyond the login. 0: nothing came.
    fn read_within(&mut self, wait: Duration, into: &mut [u8]) -> Result<usize> {
        self.wait_to_read_for(wait)?;
        match self.socket.read(into) {
            Ok(0) => Err(Error::Gone),
            Ok(n) => Ok(n),
            Err(e) => self.waited_only(&e),
        }
    }

    /// What is left until the login must be over.
    fn check_login(&self) -> Result<Option<Duration>> {
        let Some((deadline, whole)) = self.patience.login else { return Ok(None) };
        match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(late(Wait::Login, whole)),
        }
    }

    /// `Ok(0)` if the system only says that the slice is over; the flag is looked at here.
    fn waited_only(&self, error: &io::Error) -> Result<usize> {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                self.check_interrupt().map(|()| 0)
            }
            _ => Err(Error::Gone),
        }
    }
}

/// A deadline passed: which, and how long it was.
fn late(wait: Wait, limit: Duration) -> Error {
    Error::TimedOut { wait, secs: limit.as_secs() }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.tcp().as_fd()
    }
}

impl Arrive for Stream {
    fn arrive(&mut self, into: &mut [u8], begun: bool) -> Result<usize> {
        if begun { self.arrive_within(into) } else { self.arrive_between(into) }
    }
}

#[cfg(test)]
mod tests;
