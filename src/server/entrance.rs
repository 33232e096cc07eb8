//! A connection that has come becomes a session with a thread of its own, or is refused.
//!
//! Invariant: whoever it is of was looked at, bans and limits first, before it has a session; where
//! a proxy stands in between, that is whom the proxy names.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::error::Error;
use crate::limits::{self, PROXY_WAITING};
use crate::protocols::{self, framed, ftp, proxy};
use crate::session::Session;
use crate::shared::Shared;
use crate::stream::Stream;

/// What there are too many of where proxies say nothing.
const WAITING: &str = "connections of proxies that have said nothing";

/// What a listener of a protocol does with a connection.
#[derive(Debug)]
pub(super) struct ListenerKind {
    pub(super) name: &'static str,
    serve: fn(Stream, Session),
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
    pub(super) fn new(shared: &Arc<Shared>, kind: &'static ListenerKind) -> Entrance {
        Entrance { shared: Arc::clone(shared), kind, waiting: Arc::default() }
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
        let handle = match stream.try_clone_tcp() {
            Ok(handle) => handle,
            Err(e) => {
                log::error!("{from} is refused: no descriptors left: {e}");
                return (self.kind.refuse)(stream, &self.full("connections (no descriptors left)"));
            }
        };
        let presence = match self.shared.join(handle, from.ip(), self.kind.name) {
            Ok(presence) => presence,
            Err(e) => {
                log::warn!("{from} is refused: {e}");
                return (self.kind.refuse)(stream, &e);
            }
        };
        let name = format!("{}-{}", self.kind.name, presence.id());
        log::debug!("{from} came in as {name}");
        let session = Session::new(presence);
        let serve = self.kind.serve;
        let thread = thread::Builder::new().name(name).stack_size(limits::THREAD_STACK);
        // Without a thread the connection is taken back, to send the reason.
        let connection = Arc::new(Mutex::new(Some((stream, session))));
        let take = |connection: &Mutex<Option<_>>| {
            connection.lock().ok().and_then(|mut connection| connection.take())
        };
        let handed_over = Arc::clone(&connection);
        let spawned = thread.spawn(move || {
            if let Some((stream, session)) = take(&handed_over) {
                serve(stream, session);
            }
        });
        if let Err(e) = spawned {
            log::error!("no thread for {from}: {e}");
            if let Some((stream, ..)) = take(&connection) {
                (self.kind.refuse)(stream, &self.full("connections (no threads left)"));
            }
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
