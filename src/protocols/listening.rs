//! A listening socket beside those of the protocols, and the thread that accepts on it until it is
//! stopped.
//!
//! Never: ends because one connection could not be accepted.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use rustix::fd::AsFd;

use crate::limits;
use crate::shared::Shared;

/// A kind of socket that connections come to.
pub(super) trait Accepts: AsFd + Sized + Send + 'static {
    type Stream;

    fn accept_one(&self) -> io::Result<Self::Stream>;
    fn again(&self) -> io::Result<Self>;
}

impl Accepts for UnixListener {
    type Stream = UnixStream;

    fn accept_one(&self) -> io::Result<UnixStream> {
        self.accept().map(|(stream, _)| stream)
    }

    fn again(&self) -> io::Result<UnixListener> {
        self.try_clone()
    }
}

impl Accepts for TcpListener {
    type Stream = TcpStream;

    fn accept_one(&self) -> io::Result<TcpStream> {
        self.accept().map(|(stream, _)| stream)
    }

    fn again(&self) -> io::Result<TcpListener> {
        self.try_clone()
    }
}

/// The socket, and its thread once it is served.
#[derive(Debug)]
pub(super) struct Listening<L> {
    listener: L,
    thread: Option<thread::JoinHandle<()>>,
}

impl<L: Accepts> Listening<L> {
    /// Whoever connects from now on is served once it is started.
    pub(super) fn new(listener: L) -> Listening<L> {
        Listening { listener, thread: None }
    }

    pub(super) fn listener(&self) -> &L {
        &self.listener
    }

    /// Gives each connection to `serve`, on a thread called `name`, until it is stopped; `whose`
    /// says in the log which connections cannot be accepted.
    ///
    /// # Errors
    /// A thread or a descriptor that cannot be had.
    pub(super) fn start(
        &mut self,
        shared: &Arc<Shared>,
        (name, whose): (&str, &'static str),
        serve: impl Fn(&Arc<Shared>, L::Stream) + Send + 'static,
    ) -> io::Result<()> {
        let (shared, listener) = (Arc::clone(shared), self.listener.again()?);
        let thread = thread::Builder::new().name(name.into()).stack_size(limits::THREAD_STACK);
        self.thread = Some(thread.spawn(move || {
            loop {
                let accepted = listener.accept_one();
                if shared.is_stopping() {
                    return;
                }
                match accepted {
                    Ok(stream) => serve(&shared, stream),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => {
                        log::error!("cannot accept a connection {whose}: {e}");
                        thread::sleep(limits::ACCEPT_PAUSE);
                    }
                }
            }
        })?);
        Ok(())
    }

    /// Listens no more. The server must be stopping.
    pub(super) fn stop(self) {
        // On Linux this wakes the thread that waits in accept.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
    }
}
