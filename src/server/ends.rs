//! Why a server cannot start, and why one ended that nobody stopped.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::vfs::Loss;

/// Why a server cannot start; for the operator's terminal.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be bound.
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { address, source } => {
                write!(f, "cannot listen on {address}: {source}")?;
                if source.kind() == io::ErrorKind::AddrInUse {
                    f.write_str("; another program does, or another miniftpd")?;
                }
                Ok(())
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
