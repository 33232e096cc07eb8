//! A connection that has come becomes a session with a thread of its own, or is refused.
//!
//! Invariant: whoever it is of was looked at, bans and limits first, before it has a session; where
//! a proxy stands in between, that is whom the proxy names.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::resting::{Resting, spawn_with};
use crate::error::Error;
use crate::limits::{self, PROXY_WAITING};
use crate::protocols::{self, RestingConnection, framed, ftp, proxy};
use crate::session::Session;
use crate::shared::Shared;
use crate::stream::Stream;

/// What there are too many of where proxies say nothing.
const WAITING: &str = "connections of proxies that have said nothing";

/// What a listener of a protocol does with a connection.
#[derive(Debug)]
pub(super) struct ListenerKind {
    pub(super) name: &'static str,
    serve: fn(Stream, Session) -> Option<Box<dyn RestingConnection>>,
    refuse: fn(Stream, &Error),
}

pub(super) static FRAMED: ListenerKind =
    ListenerKind { name: "framed", serve: framed::serve, refuse: framed::refuse };
pub(super) static FTPS: ListenerKind =
    ListenerKind { name: "ftps", serve: ftp::serve_implicit, refuse: ftp::refuse_implicit };
pub(super) static FTP: ListenerKind =
    ListenerKind { name: "ftp", serve: ftp::serve, refuse: ftp::refuse };

/// Where the connections of one protocol come in.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    shared: Arc<Shared>,
    kind: &'static ListenerKind,
    /// Where connections go that rest.
    resting: Arc<Resting>,
    /// Connections of proxies whose header is waited for.
    waiting: Arc<AtomicUsize>,
}

/// A place among them, until it is dropped.
struct WaitingHeader(Arc<AtomicUsize>);

impl WaitingHeader {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<WaitingHeader> {
        let place = WaitingHeader(Arc::clone(waiting));
        // One too many gives its place back when it is dropped.
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        (before < PROXY_WAITING).then_some(place)
    }
}

impl Drop for WaitingHeader {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Entrance {
    pub(super) fn new(
        shared: &Arc<Shared>,
        kind: &'static ListenerKind,
        resting: &Arc<Resting>,
    ) -> Entrance {
        let (shared, resting) = (Arc::clone(shared), Arc::clone(resting));
        Entrance { shared, kind, resting, waiting: Arc::default() }
    }

    /// Whether nobody is let in any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// Lets a connection in that has just come, or refuses it.
    pub(super) fn let_in(&self, tcp: TcpStream, from: SocketAddr) {
        self.shared.refresh_settings();
        self.shared.bans.refresh();
        let config = self.shared.config();
        match &config.server.proxies {
            Some(proxies) if proxies.hold(from.ip()) => self.ask_proxy(tcp, from),
            _ => self.let_in_from(tcp, from, None),
        }
    }

    /// Waits for whose connection it is on a thread of its own, so that a proxy that says nothing
    /// holds up nobody else.
    fn ask_proxy(&self, tcp: TcpStream, from: SocketAddr) {
        let Some(place) = WaitingHeader::take(&self.waiting) else {
            log::warn!("{from} is refused: too many connections of proxies say nothing");
            return self.refuse(tcp, &Error::Full { what: WAITING, max: PROXY_WAITING as u64 });
        };
        let entrance = self.clone();
        let thread = thread::Builder::new().name("proxy-header".into());
        let thread = thread.stack_size(limits::THREAD_STACK).spawn(move || {
            let origin = proxy::read_header(&tcp);
            drop(place);
            match origin {
                // Nobody looks any more whether somebody was let in.
                Ok(_) if entrance.is_stopping() => entrance.refuse(tcp, &Error::Stopping),
                Ok(origin) => {
                    let (from, reached) = origin.through(from);
                    entrance.let_in_from(tcp, from, reached);
                }
                Err(why) => log::warn!("{from} is one of [server] proxies: {why}"),
            }
        });
        if let Err(e) = thread {
            log::error!("no thread for {from}: {e}");
        }
    }

    /// Lets a connection in whose origin is known, and where it came to if that was a proxy.
    fn let_in_from(&self, tcp: TcpStream, from: SocketAddr, reached: Option<SocketAddr>) {
        if let Err(e) = self.shared.bans.check_address(from.ip()) {
            // Not a warning each: the ban was one, and a banned client may come very often.
            log::debug!("{from} is refused: {e}");
            return self.refuse(tcp, &e);
        }
        self.start(tcp, from, reached);
    }

    fn start(&self, tcp: TcpStream, from: SocketAddr, reached: Option<SocketAddr>) {
        let Ok(mut stream) = Stream::new(tcp, protocols::patience(&self.shared)) else { return };
        if let Some(reached) = reached {
            stream.set_reached(reached);
        }
        let presence = match self.shared.join(stream.handle(), from.ip(), self.kind.name) {
            Ok(presence) => presence,
            Err(e) => {
                log::warn!("{from} is refused: {e}");
                return (self.kind.refuse)(stream, &e);
            }
        };
        let session = Session::new(presence);
        let name = session.connection_name();
        log::debug!("{from} came in as {name}");
        let (serve, resting) = (self.kind.serve, Arc::clone(&self.resting));
        let spawned = spawn_with(name, (stream, session), move |(stream, session)| {
            resting.look_after(serve(stream, session));
        });
        // Without a thread the connection comes back, to be sent the reason.
        if let Err((e, (stream, _))) = spawned {
            log::error!("no thread for {from}: {e}");
            (self.kind.refuse)(stream, &self.full("connections (no threads left)"));
        }
    }

    /// What a client is sent when the system has no resources left.
    pub(super) fn full(&self, what: &'static str) -> Error {
        Error::Full { what, max: self.shared.config().server.connections as u64 }
    }

    /// Sends the reason, without a wait.
    pub(super) fn refuse(&self, tcp: TcpStream, e: &Error) {
        if let Ok(stream) = Stream::new(tcp, protocols::patience(&self.shared)) {
            (self.kind.refuse)(stream, e);
        }
    }
}
