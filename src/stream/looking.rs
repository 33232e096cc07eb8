//! What can be learned of the peer, and of what it has sent, without a wait.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::Stream;
#[cfg(unix)]
use crate::error::{Error, Result};

/// What can be seen of the peer without reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It may say something at any time.
    Here,
    /// It says nothing more. It may still be reading, or have gone without a word.
    Silent,
    /// It has gone: nothing that is sent arrives any more.
    Gone,
}

impl Stream {
    /// The other side's address, if it is still known.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.socket.tcp().peer_addr().ok()
    }

    /// The client came to this address, which is that of a proxy.
    #[cfg(feature = "server")]
    pub(crate) fn set_reached(&mut self, address: SocketAddr) {
        self.reached = Some(address);
    }

    /// The address that the client came to: this side's, or that of the proxy between.
    pub fn reached(&self) -> Option<SocketAddr> {
        self.reached.or_else(|| self.own_address())
    }

    /// This side's address.
    pub fn own_address(&self) -> Option<SocketAddr> {
        self.socket.tcp().local_addr().ok()
    }

    /// Whether the peer has said nothing since the last read and has not hung up. Never waits.
    pub fn is_quiet(&self) -> bool {
        let tcp = self.socket.tcp();
        if self.has_unread() || tcp.set_nonblocking(true).is_err() {
            return false;
        }
        let peeked = tcp.peek(&mut [0]);
        tcp.set_nonblocking(false).is_ok()
            && matches!(peeked, Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    /// Reads what is there without waiting; 0 if nothing is, or if the peer has gone, which the
    /// next read that waits will tell.
    #[cfg(unix)]
    pub fn arrive_now(&mut self, into: &mut [u8]) -> usize {
        let n = self.socket.read_now(into).unwrap_or(0);
        if n > 0 {
            self.idle = None;
        }
        n
    }

    /// Looks, and reports when the peer has gone.
    ///
    /// # Errors
    /// [`Error::Gone`].
    #[cfg(unix)]
    pub fn look_now(&mut self, into: &mut [u8]) -> Result<usize> {
        match self.socket.read_now(into) {
            Ok(0) => Err(Error::Gone),
            Ok(n) => {
                self.idle = None;
                Ok(n)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            Err(_) => Err(Error::Gone),
        }
    }

    /// Looks at the peer without waiting and without reading, whatever has come and was not read.
    #[cfg(unix)]
    pub fn peer_seen(&self) -> Peer {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut watched = [PollFd::new(self.socket.tcp(), PollFlags::RDHUP)];
        if poll(&mut watched, Some(&Timespec::default())).is_err() {
            return Peer::Here;
        }
        let seen = watched.first().map_or(PollFlags::empty(), PollFd::revents);
        if seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            Peer::Gone
        } else if seen.contains(PollFlags::RDHUP) {
            Peer::Silent
        } else {
            Peer::Here
        }
    }

    /// Elsewhere it shows when something is sent.
    #[cfg(not(unix))]
    pub fn peer_seen(&self) -> Peer {
        Peer::Here
    }
}
