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
use crate::limits;
use crate::protocols::proxy::{self, NoHeader};
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
    /// The client comes to us.
    Passive(PassivePort),
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
        let until = Instant::now() + patience;
        Ok((DataPlan::Passive(PassivePort { listener, until, unnamed: Vec::new() }), address))
    }

    /// When a port is to be closed that nobody came to.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            DataPlan::Passive(port) => Some(port.until),
            DataPlan::None | DataPlan::Came(_) | DataPlan::Late | DataPlan::Active(_) => None,
        }
    }

    /// Closes a port whose time is over. A client that waits there already is let in.
    pub(super) fn expire(&mut self, client: &Awaited) {
        let DataPlan::Passive(port) = self else { return };
        if port.until <= Instant::now() {
            *self = match port.accept(client) {
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
    /// Whether whoever comes from this address has to say first whose the connection is.
    fn is_proxy(&self, from: SocketAddr) -> bool {
        self.proxies.as_ref().is_some_and(|proxies| proxies.hold(from.ip()))
    }

    /// Whether it is the client that comes from this address.
    fn is(&self, from: SocketAddr) -> bool {
        from.ip().to_canonical() == self.peer.to_canonical()
    }
}

/// A port where the client is awaited.
#[derive(Debug)]
pub(super) struct PassivePort {
    listener: TcpListener,
    /// When it is closed if nobody came.
    until: Instant,
    /// Connections of proxies that have not said whose they are, and how long each may take for
    /// that. None of them holds up the session.
    unnamed: Vec<(TcpStream, SocketAddr, Instant)>,
}

impl PassivePort {
    /// Takes the client's connection, or `None` if it has not come. Anyone else is turned away.
    pub(super) fn accept(&mut self, client: &Awaited) -> io::Result<Option<TcpStream>> {
        loop {
            match self.listener.accept() {
                Ok((tcp, from)) if client.is_proxy(from) => {
                    self.unnamed.push((tcp, from, Instant::now() + limits::PROXY_WAIT));
                    if self.unnamed.len() > limits::PROXY_UNNAMED {
                        turned_away(client, self.unnamed.remove(0).1, &NoHeader::Missing);
                    }
                }
                Ok((tcp, from)) if client.is(from) => return Ok(Some(tcp)),
                Ok((_, from)) => turned_away(client, from, &"it is not the client's"),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(self.named(client)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The client's connection among those of proxies, if one is.
    fn named(&mut self, client: &Awaited) -> Option<TcpStream> {
        for (tcp, from, until) in std::mem::take(&mut self.unnamed) {
            match proxy::header_that_came(&tcp) {
                None if Instant::now() < until => self.unnamed.push((tcp, from, until)),
                None => turned_away(client, from, &NoHeader::Missing),
                Some(Err(none)) => turned_away(client, from, &none),
                Some(Ok(origin)) => match origin.through(from).0 {
                    named if client.is(named) => return Some(tcp),
                    named => turned_away(client, named, &"it is not the client's"),
                },
            }
        }
        None
    }

    /// When it is closed if nobody came.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// What wakes a wait for the client.
    pub(super) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// How long a wait for it may be: whoever was let in already wakes none.
    pub(super) fn longest_wait(&self) -> Duration {
        if self.unnamed.is_empty() { Duration::MAX } else { limits::PROXY_LOOK }
    }
}

fn turned_away(client: &Awaited, from: SocketAddr, why: &dyn std::fmt::Display) {
    log::warn!("refused a connection from {from} to a passive port of {}: {why}", client.peer);
}

/// The IPv4 form of an address, if it has one.
pub(super) fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address.to_canonical() {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}
