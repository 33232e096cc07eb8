//! The key and the certificate that the server proves itself with.
//!
//! Invariant: what is in force was read whole and could be used; a file that is of no use leaves
//! the one before it in force.

use super::Shared;
use crate::accounts::StoreError;
use crate::conffile::{FileError, ParseErrors, read_secret};
use crate::config::CredentialFiles;
use crate::limits;
use crate::lock::lock;
use crate::tls::{self, ServerTls, TlsMode};

/// Why a server cannot encrypt that has to, in words for the operator.
pub type EncryptionError = String;

impl Shared {
    /// What connections are encrypted with; `None` where encryption is off.
    pub fn tls(&self) -> Option<ServerTls> {
        lock(&self.tls).clone()
    }

    /// Whether a connection, from this machine or not, has to be encrypted before a login.
    pub fn needs_tls(&self, is_local: bool) -> bool {
        self.config().server.tls.is_required(is_local, self.tls().is_some())
    }

    /// Reads key and certificate, and makes the server's own where there are none yet.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn begin_tls(&self) -> Result<(), EncryptionError> {
        self.take_tls(self.load_tls()?);
        Ok(())
    }

    /// Takes over other files, or what is in them now.
    pub(super) fn read_tls_again(&self) {
        match self.load_tls() {
            Ok(tls) => self.take_tls(tls),
            Err(e) => log::error!("{e}; until then the key stays as it was"),
        }
    }

    fn take_tls(&self, tls: Option<ServerTls>) {
        let key = |tls: &Option<ServerTls>| tls.as_ref().map(ServerTls::fingerprint);
        let mut now = lock(&self.tls);
        let (before, after) = (key(&now), key(&tls));
        match (after, tls::IS_BUILT) {
            (Some(after), _) if before != Some(after) => {
                let mode = self.config().server.tls.words();
                log::info!("encryption is {mode}; the server's key is {after}");
            }
            (None, true) => {
                log::warn!("[server] tls is off: what travels can be read on the way");
            }
            (None, false) => {
                log::warn!("{}: what travels can be read on the way", tls::NOT_BUILT);
            }
            _ => {}
        }
        *now = tls;
    }

    fn load_tls(&self) -> Result<Option<ServerTls>, EncryptionError> {
        let config = self.config();
        if !tls::IS_BUILT {
            return match config.server.tls {
                TlsMode::Required => {
                    Err(format!("{}, and [server] tls requires it", tls::NOT_BUILT))
                }
                _ => Ok(None),
            };
        }
        let Some(files) = CredentialFiles::of(&self.conf, &config)? else { return Ok(None) };
        // While a key is in force nothing is made: a file that is missing then is a mistake.
        if files.is_own && self.tls().is_none() {
            self.make_credentials(&files).map_err(|e| {
                format!(
                    "the server's own key cannot be made: {e}; let the server write in its \
                     directory of settings, set [server] certificate and key, or set [server] tls \
                     to off"
                )
            })?;
        }
        files.read().map(Some).map_err(|e| format!("{e}; fix it, or set [server] tls to off"))
    }

    /// Makes a key with a certificate where there is none, or the certificate alone: clients know
    /// the server by its key. What is no whole key was never used: whoever made it was interrupted.
    fn make_credentials(&self, files: &CredentialFiles) -> Result<(), StoreError> {
        let is_there = |path: &std::path::Path| path.try_exists().unwrap_or(true);
        if is_there(&files.certificate) {
            return Ok(());
        }
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if !host.is_empty() && host != "localhost" && host.chars().all(is_name) {
            names.push(host);
        }
        let begun = read_secret(&files.key, limits::CREDENTIALS_FILE).ok();
        let for_it = begun.as_ref().and_then(|key| tls::certificate_for(key, &names).ok());
        let (made, what) = match for_it {
            Some(made) => (made, "a certificate for the server's key"),
            None => {
                let made = tls::fresh_credentials(&names)
                    .map_err(|e| FileError::parse(&files.key, ParseErrors::whole(e.to_string())))?;
                let begun = begun.as_ref().map(|begun| begun.as_bytes());
                self.store.replace_beside(&files.key, begun, made.key.as_bytes())?;
                (made, "a key and a certificate")
            }
        };
        self.store.replace_beside(&files.certificate, None, made.certificate.as_bytes())?;
        log::info!("made {what}: {}", files.certificate.display());
        Ok(())
    }
}
