//! A protocol's listening socket and its thread: who is let in, and who is refused.
//!
//! Invariant: whatever `accept` or a new thread meets (no descriptors, no memory), the listener
//! goes on, and the client is informed if that is possible.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::error::Error;
use crate::limits;
use crate::protocols::{self, framed, ftp};
use crate::session::Session;
use crate::shared::Shared;
use crate::stream::Stream;

/// How a protocol serves a connection, and how it refuses one.
pub(super) type Served = (fn(Stream, Session), fn(Stream, &Error));

pub(super) const FRAMED: Served = (framed::serve, framed::refuse);
pub(super) const FTP: Served = (ftp::serve, ftp::refuse);

/// One listening socket and its thread.
pub(super) struct Listener {
    pub(super) shared: Arc<Shared>,
    pub(super) name: &'static str,
    pub(super) served: Served,
    pub(super) listener: TcpListener,
    /// A descriptor to give up when there are no others, so that a client can still be sent the
    /// reason.
    pub(super) spare: Option<TcpListener>,
}

impl Listener {
    pub(super) fn accept(mut self) {
        loop {
            let accepted = self.listener.accept();
            if self.shared.is_stopping() {
                if let Ok((tcp, _)) = accepted {
                    self.refuse(tcp, &Error::Stopping);
                }
                return;
            }
            match accepted {
                Ok((tcp, from)) => self.let_in(tcp, from),
                Err(e) if is_passing(&e) => {}
                Err(e) => {
                    log::error!("cannot accept a connection: {e}");
                    self.refuse_with_the_spare();
                    thread::sleep(limits::ACCEPT_PAUSE);
                }
            }
        }
    }

    /// Without descriptors a guest would wait in the queue and the loop would spin.
    fn refuse_with_the_spare(&mut self) {
        if self.spare.take().is_none() {
            self.spare = self.listener.try_clone().ok();
            return;
        }
        if self.listener.set_nonblocking(true).is_ok() {
            if let Ok((tcp, _)) = self.listener.accept() {
                self.refuse(tcp, &self.full("connections (no descriptors left)"));
            }
        }
        let _ = self.listener.set_nonblocking(false);
        self.spare = self.listener.try_clone().ok();
    }

    fn let_in(&self, tcp: TcpStream, from: SocketAddr) {
        self.shared.refresh_settings();
        self.shared.bans.refresh();
        if let Err(e) = self.shared.bans.check_address(from.ip()) {
            // Not a warning each: the ban was one, and a banned client may come very often.
            log::debug!("{from} is refused: {e}");
            return self.refuse(tcp, &e);
        }
        self.start(tcp, from);
    }

    fn start(&self, tcp: TcpStream, from: SocketAddr) {
        let Ok(stream) = Stream::new(tcp, protocols::patience(&self.shared)) else { return };
        let handle = match stream.try_clone_tcp() {
            Ok(handle) => handle,
            Err(e) => {
                log::error!("{from} is refused: no descriptors left: {e}");
                return self.served.1(stream, &self.full("connections (no descriptors left)"));
            }
        };
        let presence = match self.shared.join(handle, from.ip(), self.name) {
            Ok(presence) => presence,
            Err(e) => {
                log::warn!("{from} is refused: {e}");
                return self.served.1(stream, &e);
            }
        };
        let name = format!("{}-{}", self.name, presence.id());
        log::debug!("{from} came in as {name}");
        let session = Session::new(presence);
        let serve = self.served.0;
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
                self.served.1(stream, &self.full("connections (no threads left)"));
            }
        }
    }

    /// What a client is sent when the system has no resources left.
    fn full(&self, what: &'static str) -> Error {
        Error::Full { what, max: self.shared.config().server.connections as u64 }
    }

    fn refuse(&self, tcp: TcpStream, e: &Error) {
        if let Ok(stream) = Stream::new(tcp, protocols::patience(&self.shared)) {
            self.served.1(stream, e);
        }
    }
}

/// Failures of one connection that say nothing about the next.
fn is_passing(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    )
}
