//! The data connection: how it comes about, and bytes through it while the control line is heard.
//!
//! Invariant: its other end is always the address of the control connection. A stranger who comes
//! to a passive port is turned away, and the wait for the client goes on.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::error::{Error, Result};
use crate::limits;
use crate::scram;
use crate::stream::{Pace, Stream};

/// Ports of a range that are tried before a passive listener is refused.
const PORT_TRIES: u32 = 64;
/// The range where the operator named none: the ports that are assigned to nobody (RFC 6335). The
/// system's own choice passes over every port whose last connection ended within a minute, one by
/// one; after some thousand small files that takes longer than a file.
const PORTS: RangeInclusive<u16> = 49152..=65535;

/// How the next data connection is to come about.
#[derive(Debug, Default)]
pub(super) enum Plan {
    /// Nobody said.
    #[default]
    None,
    /// The client comes to us.
    Passive(TcpListener),
    /// We go to the client.
    Active(SocketAddr),
}

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

impl Plan {
    /// Listens for a passive data connection on the address that the client came to.
    pub(super) fn listen(own: IpAddr, range: Option<&RangeInclusive<u16>>) -> io::Result<Plan> {
        match range {
            Some(range) => Plan::listen_within(own, range),
            None => Plan::listen_within(own, &PORTS)
                .or_else(|_| TcpListener::bind((own, 0)).and_then(Plan::passive)),
        }
    }

    fn listen_within(own: IpAddr, range: &RangeInclusive<u16>) -> io::Result<Plan> {
        let (first, last) = (*range.start(), *range.end());
        let count = u32::from(last.saturating_sub(first)) + 1;
        // Begun at a place that cannot be foretold, so that nobody can wait for the next port.
        let random = scram::random_bytes::<4>().map_err(io::Error::other)?;
        let begin = u32::from_be_bytes(random) % count;
        let mut failed = io::Error::from(ErrorKind::AddrInUse);
        for step in 0..count.min(PORT_TRIES) {
            let port = u32::from(first) + (begin + step) % count;
            let port = u16::try_from(port).unwrap_or(first);
            match TcpListener::bind((own, port)).and_then(Plan::passive) {
                Ok(plan) => return Ok(plan),
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }

    fn passive(listener: TcpListener) -> io::Result<Plan> {
        listener.set_nonblocking(true)?;
        Ok(Plan::Passive(listener))
    }
}

/// Begins to go to the client: the connection is there, or has failed, when the socket can be
/// written to.
pub(super) fn begin_connect(target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(e) => Err(e.into()),
    }
}

/// Takes the client's connection, or `None` if nobody is in the queue. Strangers are turned away.
pub(super) fn accept(listener: &TcpListener, peer: IpAddr) -> io::Result<Option<TcpStream>> {
    loop {
        match listener.accept() {
            Ok((tcp, from)) if from.ip().to_canonical() == peer.to_canonical() => {
                return Ok(Some(tcp));
            }
            Ok((_, from)) => log::warn!("a stranger from {from} came to a passive port of {peer}"),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// The IPv4 form of an address, if it has one.
pub(super) fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address.to_canonical() {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// An open data connection.
#[derive(Debug)]
pub(super) struct Data {
    tcp: TcpStream,
    /// In each span of this length [`limits::PACE`] bytes a second must move.
    patience: Duration,
    pace: Pace,
}

impl Data {
    pub(super) fn new(tcp: TcpStream, patience: Duration) -> io::Result<Data> {
        tcp.set_nonblocking(true)?;
        tcp.set_nodelay(true)?;
        Ok(Data { tcp, patience, pace: Pace::default() })
    }

    /// This side has waited for itself: the client has not stood still for so long.
    pub(super) fn has_rested(&mut self) {
        self.pace = Pace::default();
    }

    /// Writes what can be written now. `None`: it would have to wait.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match (&self.tcp).write(bytes) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            done => self.moved(done),
        }
    }

    /// Reads what is there now, 0 at the end. `None`: it would have to wait.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let done = (&self.tcp).read(into);
        self.moved(done)
    }

    fn moved(&mut self, done: io::Result<usize>) -> io::Result<Option<usize>> {
        match done {
            Ok(n) => {
                self.pace.step(Duration::ZERO, n, self.patience);
                Ok(Some(n))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Waits until it can be written to, or read from, or the control line has something. One that
    /// dribbles is as late as one that stands still.
    pub(super) fn wait(&mut self, write: bool, control: (&Stream, PollFlags)) -> Result<Woken> {
        let events = if write { PollFlags::OUT } else { PollFlags::IN };
        let begun = Instant::now();
        let woken = wait(&self.tcp, events, Some(control), self.pace.left(self.patience))?;
        let in_time = self.pace.step(begun.elapsed(), 0, self.patience);
        Ok(if in_time { woken } else { Woken::Late })
    }

    /// How long that span is.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Takes what still comes and throws it away, for a moment: a client whose bytes meet a closed
    /// socket sees a broken line and may not look for the reply that says why.
    pub(super) fn turn_away(mut self) {
        let until = Instant::now() + limits::LINGER;
        let mut block = vec![0; limits::BUSY_BUFFER];
        while Instant::now() < until {
            match self.read(&mut block) {
                Ok(Some(0)) | Err(_) => return,
                Ok(Some(_)) => {}
                Ok(None) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if !matches!(wait(&self.tcp, PollFlags::IN, None, left), Ok(Woken::Data)) {
                        return;
                    }
                }
            }
        }
    }

    /// Says that nothing more comes.
    pub(super) fn finish(self) {
        let _ = self.tcp.shutdown(std::net::Shutdown::Write);
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
    // The control line first: an abort must be heard while data flows.
    if both.get(1).is_some_and(|control| !control.revents().is_empty()) {
        return Ok(Woken::Control);
    }
    if both.first().is_some_and(|socket| !socket.revents().is_empty()) {
        return Ok(Woken::Data);
    }
    Ok(Woken::Late)
}
