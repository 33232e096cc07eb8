//! The handshake of a connection, and what is known of it afterwards.

use std::time::{Duration, Instant};

use super::{SHORTEST, Stream, late};
use crate::error::{Error, Result, Wait};
#[cfg(feature = "client")]
use crate::tls::ClientTls;
use crate::tls::{Binding, Channel, Fingerprint, TlsError};
#[cfg(feature = "server")]
use crate::tls::{ServerTls, TlsUse};

impl Stream {
    /// Encrypts the connection from here on, as its server. Whatever came before this was not
    /// encrypted, and whoever calls has to throw it away.
    ///
    /// # Errors
    /// [`Error::Handshake`], [`Error::TimedOut`], [`Error::Gone`]. The connection is of no
    /// more use.
    #[cfg(feature = "server")]
    pub fn encrypt_as_server(&mut self, tls: &ServerTls, what_for: TlsUse) -> Result<()> {
        self.encrypt(tls.channel(what_for))
    }

    /// Encrypts the connection from here on, as its client; gives the key of the server, which may
    /// be anybody's.
    ///
    /// # Errors
    /// As [`Stream::encrypt_as_server`].
    #[cfg(feature = "client")]
    pub fn encrypt_as_client(&mut self, tls: &ClientTls) -> Result<Fingerprint> {
        self.encrypt(tls.channel())?;
        let why = "the server has shown no key that can be read".to_owned();
        self.peer_fingerprint().ok_or(Error::Handshake { why })
    }

    fn encrypt(&mut self, channel: Result<Channel, TlsError>) -> Result<()> {
        let failed = |e: TlsError| Error::Handshake { why: e.to_string() };
        self.socket.encrypt(channel.map_err(failed)?);
        let begun = Instant::now();
        loop {
            let span = self.patience.frame;
            let left = span.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(late(Wait::Handshake, span));
            }
            self.wait_to_read_for(left.min(self.slice()))?;
            if self.socket.handshake().map_err(failed)? {
                return Ok(());
            }
            self.check_interrupt()?;
        }
    }

    /// Sets how long a read may wait, which is never beyond the login.
    pub(super) fn wait_to_read_for(&mut self, wait: Duration) -> Result<()> {
        let wait = match self.check_login()? {
            Some(left) => wait.min(left),
            None => wait,
        };
        let wait = Some(wait.max(SHORTEST));
        if self.read_timeout != wait {
            self.socket.tcp().set_read_timeout(wait).map_err(|_| Error::Gone)?;
            self.read_timeout = wait;
        }
        Ok(())
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.socket.is_encrypted()
    }

    /// Which version of TLS it is, if it is encrypted.
    pub fn encryption(&self) -> Option<&'static str> {
        self.socket.encryption()
    }

    /// The key of the server at the other end, if it is encrypted.
    pub fn peer_fingerprint(&self) -> Option<Fingerprint> {
        self.socket.peer_fingerprint()
    }

    /// What a proof on this connection covers, if it is encrypted.
    pub fn binding(&self, binding: Binding) -> Option<Vec<u8>> {
        self.socket.binding(binding)
    }

    /// Whether something may be read that a wait for the socket would not see.
    pub fn has_unread(&self) -> bool {
        self.socket.has_unread()
    }

    /// Whether the other side said that nothing more comes, so that nothing was cut off. Without
    /// encryption nobody can tell.
    pub fn ended_cleanly(&self) -> bool {
        self.socket.ended_cleanly()
    }
}
