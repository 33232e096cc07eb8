//! Why a server cannot start, and why one ended that nobody stopped.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::shared::EncryptionError;
use crate::text::system_words;
use crate::vfs::Loss;

/// The first port that any program may listen on, where the system is as it comes.
const PRIVILEGED: u16 = 1024;

/// Why there is no listener for implicit TLS.
pub(super) const NO_IMPLICIT: &str =
    "[ftp] implicit needs encryption, and there is none: set [server] tls, or implicit to off";

/// Why a server cannot start; for the operator's terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be bound.
    Bind {
        /// For what: framed, ftp, ftps or metrics.
        protocol: &'static str,
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no key that connections could be encrypted with.
    Encryption(EncryptionError),
}

impl StartError {
    /// The same for a program in which other options name the ports of both protocols.
    pub fn with_options(&self, framed: &'static str, ftp: &'static str) -> String {
        match self {
            StartError::Bind { protocol: "framed", .. } => Described(self, framed).to_string(),
            StartError::Bind { protocol: "ftp", .. } => Described(self, ftp).to_string(),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = match self {
            StartError::Bind { protocol: "framed", .. } => "--listen or [server] listen",
            StartError::Bind { protocol: "ftp", .. } => "--ftp or [ftp] listen",
            StartError::Bind { protocol: "ftps", .. } => "[ftp] implicit",
            _ => "[metrics] listen",
        };
        Described(self, other).fmt(f)
    }
}

/// With the option that names another port.
struct Described<'a>(&'a StartError, &'static str);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Described(error, other) = self;
        match error {
            StartError::Encryption(why) => f.write_str(why),
            StartError::Bind { address, source, .. } => {
                write!(f, "cannot listen on {address}: {}", system_words(source))?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => write!(
                        f,
                        "; another program does, perhaps another miniftpd (`ss -ltnp` lists them): \
                         stop it, or name another port by {other}"
                    ),
                    io::ErrorKind::PermissionDenied if address.port() < PRIVILEGED => write!(
                        f,
                        "; ports below {PRIVILEGED} are for privileged programs: name another \
                         port by {other}, start the server as root with [server] user set, or let \
                         it have CAP_NET_BIND_SERVICE (`setcap cap_net_bind_service=+ep` on the \
                         program, AmbientCapabilities= in a systemd unit)"
                    ),
                    io::ErrorKind::AddrNotAvailable => write!(
                        f,
                        "; no network of this machine has that address (`ip address` lists them): \
                         name another one by {other}"
                    ),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for StartError {}

/// Why a server ended that nobody stopped.
#[derive(Debug)]
pub enum RunError {
    /// A thread or a socket that was needed could not be had.
    System(io::Error),
    /// The lock of the home, and with it the right to change anything in it.
    Lost(Loss),
}

impl From<io::Error> for RunError {
    fn from(e: io::Error) -> RunError {
        RunError::System(e)
    }
}
