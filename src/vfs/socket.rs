//! The socket in the private directory, through which `miniftpd account` reaches the server that
//! has the home.
//!
//! Never: lets anybody connect but the owner of the home and root.
//! Invariant: whoever listens holds the home's lock, so a socket that is there already is one that
//! a server which was killed has left.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::net::sockopt::socket_peercred;

use super::home::Home;
use super::jail::{NameIn, PRIVATE};
use crate::error::{Error, Result};

/// Its name.
const NAME: &str = "admin.socket";
/// Its mode.
const MODE: Mode = Mode::from_raw_mode(0o600);

/// The socket's path by the descriptor of its directory: the system takes no path of more than 107
/// bytes for a socket, and a home may lie deeper.
fn through(dir: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", dir.as_raw_fd()))
}

impl Home {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file system has no sockets.
    pub fn listen(&self) -> Result<UnixListener> {
        let listening = |e: io::Error| Error::io("listening for `miniftpd account`", e);
        self.fence().map_err(|e| listening(e.into()))?;
        let at = NameIn::new(self.private(), NAME.as_bytes());
        // One of a server that has gone; where there is none, so much the better.
        let _ = at.unlink();
        let listener = UnixListener::bind(through(self.private())).map_err(listening)?;
        fs::chmodat(self.private(), NAME, MODE, AtFlags::empty())
            .map_err(|e| listening(e.into()))?;
        Ok(listener)
    }

    /// Takes the socket away, so that nobody waits for this server any more.
    pub fn stop_listening(&self) {
        if self.fence().is_ok() {
            let _ = NameIn::new(self.private(), NAME.as_bytes()).unlink();
        }
    }

    /// Whether whoever has connected is the owner of the home, or root.
    pub fn may_connect(&self, stream: &UnixStream) -> bool {
        let owner = fs::fstat(self.private()).map(|stat| stat.st_uid);
        match (socket_peercred(stream), owner) {
            (Ok(peer), Ok(owner)) => peer.uid.is_root() || peer.uid.as_raw() == owner,
            _ => false,
        }
    }
}

/// A connection to the server that has the home at `dir`.
///
/// # Errors
/// What the system says: there is no socket, nobody listens, it is not for this user.
pub fn connect(dir: &Path) -> io::Result<UnixStream> {
    let path = dir.join(std::str::from_utf8(PRIVATE).unwrap_or_default());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let private = fs::open(path, flags, Mode::empty())?;
    UnixStream::connect(through(private.as_fd()))
}
