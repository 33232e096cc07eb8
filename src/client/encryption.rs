//! How a client's connections are encrypted, as values.

use std::path::PathBuf;

use super::error::{Error, NoTls, Result};
use crate::tls::{self, ClientTls, Fingerprint, TlsMode};

/// What a client knows of its server's key, and how much it asks of it.
#[derive(Clone, Debug)]
pub(super) struct Security {
    pub(super) mode: TlsMode,
    pub(super) tls: Option<ClientTls>,
    pub(super) known_hosts: Option<PathBuf>,
    /// The key that a login of this client was made with.
    pub(super) seen: Option<Fingerprint>,
    /// Of the connection that there is now.
    pub(super) now: Option<Encryption>,
}

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encryption {
    /// The version of TLS.
    pub version: &'static str,
    /// The fingerprint of the server's key.
    pub key: Fingerprint,
    /// What was known of that key before.
    pub standing: KeyStanding,
}

/// What was known of a server's key before this client logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStanding {
    /// It is the one that was known.
    Known,
    /// There was none, and nobody has logged in yet.
    Unproven,
    /// There was none; from now on this one is known.
    Remembered,
    /// There was none, and this one could not be written down: why.
    NotKept(String),
}

impl Security {
    /// As this client's user wants it.
    pub(super) fn new(mode: TlsMode, known_hosts: Option<PathBuf>) -> Result<Security> {
        let tls =
            match mode {
                TlsMode::Off => None,
                TlsMode::Required if !tls::IS_BUILT => return Err(Error::NoTls(NoTls::NotBuilt)),
                _ if !tls::IS_BUILT => None,
                _ => Some(ClientTls::new().map_err(|e| {
                    Error::from(crate::error::Error::Handshake { why: e.to_string() })
                })?),
            };
        Ok(Security { mode, tls, known_hosts, seen: None, now: None })
    }
}
