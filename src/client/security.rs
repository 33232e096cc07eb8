//! Whether a client's connections are encrypted, and whose key is at their other end.
//!
//! A login proves both ends to each other and covers the channel, so the first connection needs
//! nothing that was agreed on before. The key that it came with is remembered, and another one is
//! never talked to, whatever it could prove.
//!
//! Never: sends anything but the beginning of TLS before the key was compared.

use super::Client;
use super::address::server_address;
use super::conn::Connection;
use super::encryption::{Encryption, KeyStanding, Security};
use super::error::{Error, NoTls, Result};
#[cfg(unix)]
use super::known_hosts::KnownHosts;
use super::opening::ServerGreeting;
use crate::scram::Coverage;
use crate::text::Escaped;
use crate::tls::Fingerprint;

impl Client {
    /// How the connection is encrypted; `None` if it is not, or if there is none.
    pub fn encryption(&self) -> Option<&Encryption> {
        self.security.now.as_ref()
    }

    /// A server is greeted and its key compared: from here on the connection can be used.
    pub(super) fn secure(&mut self, conn: &mut Connection, offered: ServerGreeting) -> Result<()> {
        let known = self.known_key()?;
        self.security.now = None;
        let mut software = offered.software;
        let tls = self.security.tls.clone();
        match tls.filter(|_| offered.offers_tls) {
            Some(tls) => {
                let key = conn.encrypt(&tls)?;
                self.compare(known, key)?;
                let version = conn.stream.encryption().unwrap_or_default();
                let standing =
                    if known.is_some() { KeyStanding::Known } else { KeyStanding::Unproven };
                self.security.now = Some(Encryption { version, key, standing });
                // What was said before may be anybody's.
                software = conn.greeting()?.software;
            }
            None => {
                self.check_goes_without(conn, offered.offers_tls, known.is_some())?;
                if self.security.tls.is_some() {
                    conn.coverage = Coverage::NotOffered;
                }
            }
        }
        conn.hello()?;
        self.software = software;
        Ok(())
    }

    /// Refuses to go on in clear where that is not wanted.
    fn check_goes_without(&self, conn: &Connection, is_offered: bool, known: bool) -> Result<()> {
        let can = self.security.tls.is_some();
        let to = || Escaped(&self.address()).to_string();
        if can && !is_offered && known {
            return Err(Error::NoTls(NoTls::NotAnyMore { to: to() }));
        }
        // A program that cannot encrypt needs it between two machines all the same.
        match self.security.mode.is_required(conn.is_local(), true) {
            true if can => Err(Error::NoTls(NoTls::NotOffered { to: to() })),
            true => Err(Error::NoTls(NoTls::NotBuilt)),
            false => Ok(()),
        }
    }

    fn address(&self) -> String {
        server_address(&self.host, self.port)
    }

    /// The key that the server has to have.
    fn known_key(&self) -> Result<Option<Fingerprint>> {
        #[cfg(unix)]
        if let (Some(path), true) = (&self.security.known_hosts, self.security.tls.is_some()) {
            // The file comes first: another program may have accepted a new key.
            let known = KnownHosts::at(path).key_of(&self.address())?;
            return Ok(known.or(self.security.seen));
        }
        Ok(self.security.seen)
    }

    fn compare(&self, known: Option<Fingerprint>, shown: Fingerprint) -> Result<()> {
        match known {
            Some(known) if known != shown => Err(Error::KeyChanged {
                to: Escaped(&self.address()).to_string(),
                known: Box::new(known),
                shown: Box::new(shown),
            }),
            _ => Ok(()),
        }
    }

    /// Somebody has logged in: the key of this connection is the server's.
    pub(super) fn remember_key(&mut self) -> Result<()> {
        let address = self.address();
        let Security { known_hosts, now, seen, .. } = &mut self.security;
        let Some(now) = now else { return Ok(()) };
        *seen = Some(now.key);
        if now.standing != KeyStanding::Unproven {
            return Ok(());
        }
        // Without a file it is known for as long as this client is there.
        now.standing = KeyStanding::Known;
        #[cfg(unix)]
        if let Some(path) = known_hosts {
            now.standing = match KnownHosts::at(path).remember(&address, now.key) {
                Ok(()) => KeyStanding::Remembered,
                Err(e @ Error::KeyChanged { .. }) => return Err(e),
                // The login itself is as good as any.
                Err(e) => KeyStanding::NotKept(e.to_string()),
            };
        }
        Ok(())
    }
}
