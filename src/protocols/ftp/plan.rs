//! How the next data connection is to come about: the client comes to a port, or the server goes
//! to the client.
//!
//! Invariant: the other end is always the address of the control connection. Anyone else who comes
//! to a passive port is turned away, and the wait for the client goes on.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::config::Proxies;
use crate::protocols::proxy;
use crate::scram;

/// Ports of a range that are tried before a passive listener is refused.
const PORT_TRIES: u32 = 64;
/// The range where the operator named none: the ports that are assigned to nobody (RFC 6335). The
/// system's own choice passes over every port whose last connection ended within a minute, one by
/// one; after some thousand small files that takes longer than a file.
const PORTS: RangeInclusive<u16> = 49152..=65535;

/// How the next data connection is to come about.
#[derive(Debug, Default)]
pub(super) enum DataPlan {
    /// Nobody said.
    #[default]
    None,
    /// The client comes to us, until this moment.
    Passive(TcpListener, Instant),
    /// The client has come, and the port was closed behind it.
    Came(TcpStream),
    /// The client did not come in time.
    Late,
    /// We go to the client.
    Active(SocketAddr),
}

impl DataPlan {
    /// Listens for a passive data connection on the address that the client came to, for so long.
    pub(super) fn listen(
        own: IpAddr,
        range: Option<&RangeInclusive<u16>>,
        patience: Duration,
    ) -> io::Result<(DataPlan, SocketAddr)> {
        let listener = match range {
            Some(range) => DataPlan::listen_within(own, range),
            None => DataPlan::listen_within(own, &PORTS).or_else(|_| TcpListener::bind((own, 0))),
        }?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((DataPlan::Passive(listener, Instant::now() + patience), address))
    }

    /// When a port is to be closed that nobody came to.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            DataPlan::Passive(_, until) => Some(*until),
            DataPlan::None | DataPlan::Came(_) | DataPlan::Late | DataPlan::Active(_) => None,
        }
    }

    /// Closes a port whose time is over. A client that waits there already is let in.
    pub(super) fn expire(&mut self, client: &Awaited) {
        let DataPlan::Passive(listener, until) = self else { return };
        if *until <= Instant::now() {
            *self = match accept(listener, client) {
                Ok(Some(tcp)) => DataPlan::Came(tcp),
                Ok(None) | Err(_) => DataPlan::Late,
            };
        }
    }

    fn listen_within(own: IpAddr, range: &RangeInclusive<u16>) -> io::Result<TcpListener> {
        let (first, last) = (*range.start(), *range.end());
        let count = u32::from(last.saturating_sub(first)) + 1;
        // Begun at a place that cannot be foretold, so that nobody can wait for the next port.
        let random = scram::random_bytes::<4>().map_err(io::Error::other)?;
        let begin = u32::from_be_bytes(random) % count;
        let mut failed = io::Error::from(ErrorKind::AddrInUse);
        for step in 0..count.min(PORT_TRIES) {
            let port = u32::from(first) + (begin + step) % count;
            let port = u16::try_from(port).unwrap_or(first);
            match TcpListener::bind((own, port)) {
                Ok(listener) => return Ok(listener),
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }
}

/// Begins to go to the client: the connection is there, or has failed, when the socket can be
/// written to. It leaves from the address that the client came to, the only one that firewalls and
/// clients expect.
pub(super) fn begin_connect(own: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Without it every port is taken whose last connection ended within a minute.
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddr::new(own, 0))?;
    match connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(e) => Err(e.into()),
    }
}

/// Who may come to a passive port.
#[derive(Clone, Debug)]
pub(super) struct Awaited {
    /// The address of the client.
    pub(super) peer: IpAddr,
    /// Whose connections begin with whose they are.
    pub(super) proxies: Option<Proxies>,
}

impl Awaited {
    /// Whether a connection from this address is the client's. A proxy says so itself, at once.
    fn is_from(&self, tcp: &TcpStream, from: SocketAddr) -> bool {
        let from = match &self.proxies {
            Some(proxies) if proxies.hold(from.ip()) => {
                proxy::read_header(tcp).ok().map(|origin| origin.through(from).0)
            }
            _ => Some(from),
        };
        from.is_some_and(|from| from.ip().to_canonical() == self.peer.to_canonical())
    }
}

/// Takes the client's connection, or `None` if nobody is in the queue. Anyone else is turned away.
pub(super) fn accept(listener: &TcpListener, client: &Awaited) -> io::Result<Option<TcpStream>> {
    loop {
        match listener.accept() {
            Ok((tcp, from)) if client.is_from(&tcp, from) => return Ok(Some(tcp)),
            Ok((_, from)) => {
                log::warn!("refused a connection from {from} to a passive port of {}", client.peer)
            }
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
