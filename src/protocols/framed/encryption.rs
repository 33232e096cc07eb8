//! TLS: begun by a request, before any login; after it the connection is as fresh as a new one.
//!
//! Invariant: nothing that came in clear has an effect on what comes encrypted.

use super::connection::FramedConnection;
use crate::error::{Error, Result};
use crate::scram::{Binding, Channel};
use crate::tls::TlsUse;

/// Why TLS does not begin.
const NOT_OFFERED: &str = "TLS, which this server does not offer";

impl FramedConnection {
    /// Whether TLS can begin on this connection.
    pub(super) fn can_encrypt(&self) -> bool {
        !self.outbox.stream.is_encrypted() && self.shared().tls().is_some()
    }

    /// Refuses what may only come encrypted.
    pub(super) fn check_encrypted(&self) -> Result<()> {
        let is_local = self.session.peer().to_canonical().is_loopback();
        if !self.outbox.stream.is_encrypted() && self.shared().needs_tls(is_local) {
            return Err(Error::NeedTls);
        }
        Ok(())
    }

    /// What a login has to name.
    pub(super) fn channel(&self) -> Channel {
        let stream = &self.outbox.stream;
        match (stream.binding(Binding::Exporter), stream.binding(Binding::ServerEndPoint)) {
            (Some(exporter), Some(server_end_point)) => Channel::Tls { exporter, server_end_point },
            _ => Channel::Clear { is_offered: self.is_tls_offered },
        }
    }

    /// Takes note that TLS begins when the answer has left.
    pub(super) fn begin_tls(&mut self) -> Result<()> {
        if self.session.account().is_some() {
            return Err(Error::WrongState { what: "TLS comes before the login" });
        }
        if self.outbox.stream.is_encrypted() {
            return Err(Error::WrongState { what: "this connection is encrypted already" });
        }
        if !self.can_encrypt() {
            return Err(Error::Unsupported { what: NOT_OFFERED });
        }
        self.encrypts_next = true;
        Ok(())
    }

    /// The answer to `TLS` leaves, and the handshake follows.
    pub(super) fn encrypt(&mut self) -> Result<()> {
        self.outbox.flush()?;
        let tls = self.shared().tls().ok_or(Error::Unsupported { what: NOT_OFFERED })?;
        self.outbox.stream.encrypt_as_server(&tls, TlsUse::Framed)?;
        self.session.log_out();
        self.greeted = false;
        Ok(())
    }
}
