//! The files of the server's key and certificate: those of the settings, or its own.
//!
//! Never: makes one; that is for a start, which may write.

use std::path::{Path, PathBuf};

use super::Config;
use crate::conffile::secrets::check_key;
use crate::conffile::{FileError, ParseErrors, read_secret};
use crate::limits;
use crate::tls::{Credentials, CredentialsError, ServerTls, TlsMode};

/// What the server's own files in the directory of settings are called.
pub const OWN: (&str, &str) = ("tls-cert.pem", "tls-key.pem");

/// Where key and certificate are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    /// The certificate, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
    /// Whether the server makes them where they are not there.
    pub is_own: bool,
    conf: PathBuf,
}

impl CredentialFiles {
    /// Where they are by these settings in this directory; `None` where encryption is off.
    ///
    /// # Errors
    /// A certificate without a key, or the other way round.
    pub fn of(conf: &Path, config: &Config) -> Result<Option<CredentialFiles>, String> {
        let server = &config.server;
        if server.tls == TlsMode::Off {
            return Ok(None);
        }
        let (certificate, key, is_own) = match (&server.certificate, &server.key) {
            (Some(certificate), Some(key)) => (certificate.as_path(), key.as_path(), false),
            (None, None) => (Path::new(OWN.0), Path::new(OWN.1), true),
            _ => {
                return Err(
                    "[server] certificate and key belong together: set both, or neither".to_owned()
                );
            }
        };
        Ok(Some(CredentialFiles {
            certificate: conf.join(certificate),
            key: conf.join(key),
            is_own,
            conf: conf.to_path_buf(),
        }))
    }

    /// Reads them, and looks whether they can be used.
    ///
    /// # Errors
    /// A file that cannot be read, or is of no use.
    pub fn read(&self) -> Result<ServerTls, FileError> {
        check_key(&self.key, &self.conf)?;
        let certificate = read_secret(&self.certificate, limits::CREDENTIALS_FILE)?.to_string();
        let key = read_secret(&self.key, limits::CREDENTIALS_FILE)?;
        ServerTls::new(&Credentials { certificate, key }).map_err(|e| {
            let file = match e {
                CredentialsError::Certificate(_) => &self.certificate,
                CredentialsError::Key(_) => &self.key,
            };
            FileError::parse(file, ParseErrors::whole(e.to_string()))
        })
    }
}
