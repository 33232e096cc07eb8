//! What a build without TLS has in its place: the same types, of which there are no values.

use std::io;

use super::{Binding, Fingerprint, NOT_BUILT, TlsError};
#[cfg(feature = "server")]
use super::{Credentials, CredentialsError, TlsUse};

/// The state of an encrypted connection, of which there is none.
#[derive(Debug)]
pub(crate) enum Channel {}

/// What the server proves itself with, of which there is nothing.
#[cfg(feature = "server")]
#[derive(Clone, Debug)]
pub enum ServerTls {}

/// The client's side.
#[cfg(feature = "client")]
#[derive(Clone, Debug)]
pub enum ClientTls {}

/// A new key with a certificate for these names.
///
/// # Errors
/// Always: there is no TLS.
#[cfg(feature = "server")]
pub fn fresh_credentials(_: &[String]) -> Result<Credentials, TlsError> {
    Err(TlsError(NOT_BUILT.to_owned()))
}

#[cfg(feature = "server")]
pub(crate) fn certificate_for(_: &str, _: &[String]) -> Result<Credentials, TlsError> {
    Err(TlsError(NOT_BUILT.to_owned()))
}

#[cfg(feature = "server")]
impl ServerTls {
    /// From the text of PEM files.
    ///
    /// # Errors
    /// Always: there is no TLS.
    pub fn new(_: &Credentials) -> Result<ServerTls, CredentialsError> {
        Err(CredentialsError::Key(NOT_BUILT.to_owned()))
    }

    /// The digest of the server's public key.
    pub fn fingerprint(&self) -> Fingerprint {
        match *self {}
    }

    pub(crate) fn for_session(&self) -> Result<ServerTls, TlsError> {
        match *self {}
    }

    pub(crate) fn channel(&self, _: TlsUse) -> Result<Channel, TlsError> {
        match *self {}
    }
}

#[cfg(feature = "client")]
impl ClientTls {
    /// For connections to servers.
    ///
    /// # Errors
    /// Always: there is no TLS.
    pub fn new() -> Result<ClientTls, TlsError> {
        Err(TlsError(NOT_BUILT.to_owned()))
    }

    pub(crate) fn channel(&self) -> Result<Channel, TlsError> {
        match *self {}
    }
}

impl Channel {
    pub(crate) fn handshake(
        &mut self,
        _: &mut dyn io::Read,
        _: &mut dyn io::Write,
    ) -> Result<bool, TlsError> {
        match *self {}
    }

    pub(crate) fn read(
        &mut self,
        _: &mut [u8],
        _: &mut dyn io::Read,
        _: &mut dyn io::Write,
    ) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write(
        &mut self,
        _: &[io::IoSlice<'_>],
        _: &mut dyn io::Write,
    ) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn flush(&mut self, _: &mut dyn io::Write) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn has_unsent(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_unread(&self) -> bool {
        match *self {}
    }

    pub(crate) fn close(&mut self) {
        match *self {}
    }

    pub(crate) fn ended_cleanly(&self) -> bool {
        match *self {}
    }

    pub(crate) fn binding(&self, _: Binding) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn peer_fingerprint(&self) -> Option<Fingerprint> {
        match *self {}
    }

    pub(crate) fn version(&self) -> &'static str {
        match *self {}
    }

    #[cfg(feature = "server")]
    pub(crate) fn is_resumed(&self) -> bool {
        match *self {}
    }
}
