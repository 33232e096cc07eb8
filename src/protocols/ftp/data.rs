//! The data connection: bytes through it, encrypted or not, while the control connection is read,
//! and when the other side has them.

use std::io::{self, ErrorKind, IoSlice};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::arrived::{Acknowledged, Arrived};
use crate::error::{Error, Result};
use crate::limits;
use crate::stream::{Pace, Socket, Stream};
use crate::tls::{ServerTls, TlsError, TlsUse};

/// The most content of one record of TLS (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;

/// What woke a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The data connection is ready.
    Data,
    /// The control line has something to say.
    Control,
    /// The time is over.
    Late,
}

/// How long and how slow a data connection may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In each span of this length so many bytes a second must move.
    pub(super) patience: Duration,
    /// Those bytes.
    pub(super) least: u64,
}

/// An open data connection.
#[derive(Debug)]
pub(super) struct Data {
    socket: Socket,
    bounds: Bounds,
    pace: Pace,
    /// Bytes that were handed to the system.
    sent: u64,
    arrived: Arrived,
    /// Bytes that had arrived when it was last asked whether the client stands still.
    judged: u64,
    /// The client has closed its side.
    is_closed: bool,
    /// All that it has sent was read.
    is_read: bool,
    /// Since when everything has arrived at the client's system.
    whole_since: Option<Instant>,
}

impl Data {
    pub(super) fn new(tcp: TcpStream, bounds: Bounds) -> io::Result<Data> {
        tcp.set_nonblocking(true)?;
        tcp.set_nodelay(true)?;
        let (pace, arrived) = (Pace::of(bounds.least), Arrived::default());
        let socket = Socket::new(tcp);
        Ok(Data {
            socket,
            bounds,
            pace,
            sent: 0,
            arrived,
            judged: 0,
            is_closed: false,
            is_read: false,
            whole_since: None,
        })
    }

    /// Encrypts it from here on: the handshake comes next.
    pub(super) fn encrypt(&mut self, tls: &ServerTls) -> Result<(), TlsError> {
        self.socket.encrypt(tls.channel(TlsUse::FtpData)?);
        Ok(())
    }

    /// Takes the handshake further; `true` when it is over.
    pub(super) fn handshake(&mut self) -> Result<bool, TlsError> {
        self.socket.handshake()
    }

    /// Waits for what the handshake waits for, or for the control connection.
    pub(super) fn wait_to_agree(&mut self, control: Option<(&Stream, PollFlags)>) -> Result<Woken> {
        let events = if self.socket.has_unsent() { PollFlags::OUT } else { PollFlags::IN };
        self.wait_for(events, control, Duration::MAX)
    }

    /// Whether it resumes an earlier one.
    pub(super) fn is_resumed(&self) -> bool {
        self.socket.is_resumed()
    }

    /// Answers the end of what was sent encrypted: some clients wait for that before they read the
    /// reply.
    pub(super) fn answer_end(&mut self) {
        if self.socket.is_encrypted() {
            self.socket.finish_sending();
        }
    }

    /// Whether it ended in a way that anybody on the way could have made.
    pub(super) fn is_cut_off(&self) -> bool {
        !self.socket.ended_cleanly()
    }

    /// This side has waited for itself: the client has not stood still for so long.
    pub(super) fn has_rested(&mut self) {
        self.pace.reset();
    }

    /// Lets the client stand still for no longer than this from now on.
    pub(super) fn hurry(&mut self, most: Duration) {
        self.bounds.patience = self.bounds.patience.min(most);
    }

    /// Writes what can be written now. `None`: it would have to wait.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self.socket.write(&[IoSlice::new(bytes)]) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            done => {
                let written = self.moved(done)?;
                self.sent += written.unwrap_or_default() as u64;
                self.arrived.look_now_and_then(self.socket.tcp(), self.sent_for_sure());
                Ok(written)
            }
        }
    }

    /// Reads what is there now, 0 at the end. `None`: it would have to wait.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        if self.is_read {
            return Ok(Some(0));
        }
        let done = self.socket.read(into);
        self.is_read = matches!(done, Ok(0)) && !into.is_empty();
        self.moved(done)
    }

    fn moved(&mut self, done: io::Result<usize>) -> io::Result<Option<usize>> {
        match done {
            Ok(n) => {
                self.pace.step(Duration::ZERO, n, self.bounds.patience);
                Ok(Some(n))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Waits until it can be written to, or the control connection has something, or is to be
    /// looked at. One that dribbles is as late as one that stands still.
    pub(super) fn wait_to_write(&mut self, control: Option<(&Stream, PollFlags)>) -> Result<Woken> {
        self.wait_for(PollFlags::OUT, control, Duration::MAX)
    }

    /// Waits in the same way until it can be read from, or for so long.
    pub(super) fn wait_to_read(
        &mut self,
        control: Option<(&Stream, PollFlags)>,
        most: Duration,
    ) -> Result<Woken> {
        self.wait_for(PollFlags::IN, control, most)
    }

    fn wait_for(
        &mut self,
        events: PollFlags,
        control: Option<(&Stream, PollFlags)>,
        most: Duration,
    ) -> Result<Woken> {
        // Nobody wakes this wait for a session that is ended when its control connection is not
        // watched.
        let most = if control.is_none() { most.min(limits::OPERATION_LOOK) } else { most };
        let begun = Instant::now();
        let left = self.pace.left(self.bounds.patience);
        let woken = wait(self.socket.tcp(), events, control, left.min(most))?;
        if !self.pace.step(begun.elapsed(), 0, self.bounds.patience) {
            if events != PollFlags::OUT || !self.arrives() {
                return Ok(Woken::Late);
            }
            self.pace.reset();
        }
        Ok(if woken == Woken::Late { Woken::Control } else { woken })
    }

    /// Whether enough has arrived since it was last asked, though nothing more could be written:
    /// the system takes nothing before a third of its buffer is free, which may be a megabyte.
    fn arrives(&mut self) -> bool {
        self.arrived.look(self.socket.tcp(), self.sent_for_sure());
        let before = std::mem::replace(&mut self.judged, self.arrived.bytes());
        let moved = self.arrived.bytes().saturating_sub(before);
        let span = self.bounds.patience.as_secs().max(1);
        moved >= self.bounds.least.saturating_mul(span).max(1)
    }

    /// How long that span is.
    pub(super) fn patience(&self) -> Duration {
        self.bounds.patience
    }

    /// Takes what still comes and throws it away, for a moment: a client whose bytes meet a closed
    /// socket sees a broken line and may not look for the reply that says why.
    pub(super) fn turn_away(mut self) {
        let until = Instant::now() + limits::LINGER;
        let mut block = vec![0; limits::BUSY_BUFFER];
        while Instant::now() < until {
            match self.read(&mut block) {
                Ok(Some(0)) => return self.answer_end(),
                Err(_) => return,
                Ok(Some(_)) => {}
                Ok(None) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if !matches!(
                        wait(self.socket.tcp(), PollFlags::IN, None, left),
                        Ok(Woken::Data)
                    ) {
                        return;
                    }
                }
            }
        }
    }

    /// Says that nothing more comes. Tells whether all has left; where not, it is to be called
    /// again when more can be written.
    pub(super) fn finish_sending(&mut self) -> bool {
        let has_left = self.socket.finish_sending();
        self.arrived.look(self.socket.tcp(), self.sent_for_sure());
        has_left
    }

    /// Bytes of content that were handed to the system, or fewer: what is encrypted takes more
    /// bytes on the way, waits here for a part, and is of no use to the client before a record of
    /// it is whole.
    fn sent_for_sure(&self) -> u64 {
        let waits = if self.socket.has_unsent() { limits::TLS_BLOCK } else { 0 };
        let begun = if self.socket.is_encrypted() { RECORD } else { 0 };
        self.sent.saturating_sub((waits + begun) as u64)
    }

    /// Whether the client has everything that was sent, after [`Data::finish_sending`]: its system
    /// has taken it, and the client has closed its side or had time for it.
    ///
    /// # Errors
    /// That the connection broke.
    pub(super) fn has_arrived(&mut self) -> io::Result<bool> {
        // Whatever a client says here nobody wants.
        match self.socket.read(&mut [0; 512]) {
            Ok(0) => self.is_closed = true,
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
        let before = self.arrived.bytes();
        let looked = self.arrived.look(self.socket.tcp(), self.sent_for_sure());
        // Behind the client's end no read tells of a reset. Asked after the look, so that a
        // connection that is over has reported by then whether it broke.
        if let Some(e) = self.socket.tcp().take_error()? {
            return Err(e);
        }
        let moved = usize::try_from(self.arrived.bytes().saturating_sub(before));
        self.pace.step(Duration::ZERO, moved.unwrap_or(usize::MAX), self.bounds.patience);
        let is_whole = match looked {
            Acknowledged::Left(left) => left == 0,
            // Both ends were taken, ours behind all that was sent.
            Acknowledged::Over => self.is_closed,
            // Once it was known how much is on its way, the next look tells.
            Acknowledged::Unknown => self.arrived.known().is_none(),
        };
        if !is_whole {
            return Ok(false);
        }
        let since = *self.whole_since.get_or_insert_with(Instant::now);
        Ok(self.is_closed || since.elapsed() >= limits::SENT_WAIT)
    }

    /// Waits a moment for more to arrive, or for the control connection.
    pub(super) fn wait_to_arrive(
        &mut self,
        control: Option<(&Stream, PollFlags)>,
    ) -> Result<Woken> {
        if !self.is_closed {
            return self.wait_for(PollFlags::IN, control, limits::SENT_LOOK);
        }
        // A side that is closed would wake every wait.
        std::thread::sleep(limits::SENT_LOOK);
        let in_time = self.pace.step(limits::SENT_LOOK, 0, self.bounds.patience);
        Ok(if in_time { Woken::Control } else { Woken::Late })
    }

    /// Bytes that have arrived at the client's system, as far as is known; `None` if nothing is.
    pub(super) fn arrived(&self) -> Option<u64> {
        self.arrived.known()
    }
}

/// Waits for a socket or the control line, each for what is said.
pub(super) fn wait(
    socket: impl AsFd,
    events: PollFlags,
    control: Option<(&Stream, PollFlags)>,
    left: Duration,
) -> Result<Woken> {
    if left.is_zero() {
        return Ok(Woken::Late);
    }
    // What is decrypted already wakes no wait for its socket.
    if control.is_some_and(|(control, events)| events == PollFlags::IN && control.has_unread()) {
        return Ok(Woken::Control);
    }
    let time = Timespec::try_from(left).ok();
    let mut both = Vec::with_capacity(2);
    both.push(PollFd::from_borrowed_fd(socket.as_fd(), events));
    if let Some((control, events)) = control {
        both.push(PollFd::from_borrowed_fd(control.as_fd(), events));
    }
    match poll(&mut both, time.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(e) => return Err(Error::io("waiting for a connection", e.into())),
    }
    // The control connection first: an abort must be read while data flows.
    if both.get(1).is_some_and(|control| !control.revents().is_empty()) {
        return Ok(Woken::Control);
    }
    if both.first().is_some_and(|socket| !socket.revents().is_empty()) {
        return Ok(Woken::Data);
    }
    Ok(Woken::Late)
}
