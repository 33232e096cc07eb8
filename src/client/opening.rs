//! The beginning of a connection: dialling, the greeting, TLS, the version.
//!
//! Never: keeps anything that came before the encryption began; it may be anybody's.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::address::{SOFTWARE, server_address};
use super::apart::apart;
use super::conn::{Connection, harmless};
use super::error::{Error, Result};
use super::limit::RateLimit;
use crate::limits;
use crate::scram::{Binding, Coverage};
use crate::stream::{Patience, Stream};
use crate::tls::{ClientTls, Fingerprint};
use crate::wire::{self, Fields, FrameKind, Greeted, Greeting, Hello, Message, Nothing};

/// How long one address may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a frame of the server may stand still.
const FRAME: Duration = Duration::from_secs(30);
/// What a server said first.
pub(super) struct ServerGreeting {
    /// Its program and version, escaped.
    pub(super) software: String,
    pub(super) offers_tls: bool,
}

impl Connection {
    /// Connects and reads the greeting.
    pub(super) fn open(
        host: &str,
        port: u16,
        interrupt: &Arc<AtomicBool>,
        answer: Duration,
        limit: Arc<RateLimit>,
    ) -> Result<(Connection, ServerGreeting)> {
        let to = server_address(host, port);
        let host = host.to_owned();
        let tcp = apart(interrupt, move || dial(&host, port))?
            .map_err(|source| Error::Connect { to, source })?;
        let patience = Patience { idle: answer, frame: FRAME, login: None };
        let stream =
            Stream::new(tcp, patience)?.interrupted_by(Arc::clone(interrupt)).heeding_life();
        let mut conn = Connection::over(stream, limit);
        let greeting = conn.greeting()?;
        Ok((conn, greeting))
    }

    /// Whether the server is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.stream.peer().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Waits for the greeting.
    pub(super) fn greeting(&mut self) -> Result<ServerGreeting> {
        const STRANGE: Error = Error::Protocol { what: "no greeting; is this another service?" };
        let data = match self.head() {
            Err(Error::Line { source, .. }) if is_no_frame(&source) => return Err(STRANGE),
            other => other?,
        };
        if self.head.first().copied().and_then(FrameKind::of) != Some(FrameKind::Greeting)
            || data != 0
        {
            return Err(self.farewell().unwrap_or(STRANGE));
        }
        let greeting = Greeting::decode(Fields::new(&self.head[1..])).map_err(|_| STRANGE)?;
        if greeting.magic != "miniftp" {
            return Err(STRANGE);
        }
        if greeting.chunk_bytes as usize != limits::CHUNK {
            return Err(Error::Protocol { what: "chunks of another size" });
        }
        let offers_tls = greeting.offers.split(' ').any(|offer| offer == wire::TLS_OFFER);
        Ok(ServerGreeting { software: harmless(greeting.software), offers_tls })
    }

    /// Encrypts the connection; gives the key of whoever is at the other end. The server greets
    /// again after it.
    pub(super) fn encrypt(&mut self, tls: &ClientTls) -> Result<Fingerprint> {
        self.ask("TLS", &Nothing::new())?;
        self.forget_arrived();
        let key = self.stream.encrypt_as_client(tls)?;
        let data = self.stream.binding(Binding::Exporter);
        let data = data.ok_or(Error::Protocol { what: "TLS that exports nothing" })?;
        self.coverage = Coverage::Channel(Binding::Exporter, data);
        Ok(key)
    }

    /// Agrees on the version.
    pub(super) fn hello(&mut self) -> Result<()> {
        self.ask("HELLO", &Hello::new(wire::VERSION, SOFTWARE))?;
        let greeted: Greeted<'_> = self.reply()?;
        if greeted.version != wire::VERSION {
            return Err(Error::Protocol { what: "a version that was not asked for" });
        }
        Ok(())
    }
}

/// Tries each address of the host in turn.
fn dial(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = None;
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(tcp) => return Ok(tcp),
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()))
}

/// Whether what came can have been meant for another kind of client.
fn is_no_frame(error: &crate::error::Error) -> bool {
    use crate::error::Error as E;
    matches!(error, E::Malformed { .. } | E::TooLarge { .. })
}
