//! Encryption: RFC 4217, and implicit TLS on a listener of its own.
//!
//! Invariant: nothing that came before the switch is looked at after it, and no login lasts across
//! it. Where encryption is required, nothing of an encrypted session leaves or comes in clear.

use super::FtpConnection;
use super::attention::WithoutClient;
use super::data::Data;
use super::login::TWO_WAYS;
use super::protection::Protection;
use super::pump::Broken;
use crate::error::{Error, Result};
use crate::tls::{ServerTls, TlsMode, TlsUse};

impl FtpConnection {
    /// Encrypts the control connection from here on.
    ///
    /// # Errors
    /// [`Error::Gone`] if it could not: a client that has not agreed on anything cannot be sent
    /// why.
    pub(super) fn encrypt(&mut self, tls: ServerTls, is_implicit: bool) -> Result<()> {
        let tls = tls.for_session().map_err(|e| Error::Handshake { why: e.to_string() })?;
        let agreed = self.control.stream.encrypt_as_server(&tls, TlsUse::FtpControl);
        agreed.map_err(|e| match e {
            Error::Handshake { .. } => {
                log::info!("{}: {e}", self.session.who());
                self.session.sent_away(&e);
                Error::Gone
            }
            e => e,
        })?;
        // In this order a build without TLS has no code behind a value that there cannot be.
        self.protection = Some(tls).map(|tls| Protection::new(tls, is_implicit));
        Ok(())
    }

    /// Whether the client is on this machine.
    pub(super) fn is_near(&self) -> bool {
        self.session.peer().to_canonical().is_loopback()
    }

    /// Whether data connections of this one have to be encrypted: what is logged in without
    /// encryption was let in knowingly.
    pub(super) fn needs_private(&self) -> bool {
        self.protection.is_some() && self.shared().needs_tls(self.is_near())
    }

    /// Refuses a transfer that would not be encrypted and has to be; tells whether it did.
    pub(super) fn refuses_clear_data(&mut self) -> bool {
        let is_private = self.protection.as_ref().is_some_and(|one| one.is_private);
        let refuses = !is_private && self.needs_private();
        if refuses {
            self.control.reply(521, "data connections must be encrypted here; PROT P comes first");
        }
        refuses
    }

    /// The level of protection is as it was at the beginning.
    pub(super) fn protect_as_at_first(&mut self) {
        self.protection.iter_mut().for_each(Protection::begin_again);
    }

    /// Says that a transfer begins, and has both sides agree on its encryption, if it has one.
    /// Clients begin that when they have read the reply.
    pub(super) fn begin_transfer(
        &mut self,
        data: &mut Data,
        opening: &str,
        without_client: WithoutClient,
    ) -> Result<(), Broken> {
        self.control.reply(150, opening);
        match self.control.flush() {
            // It may have sent everything already, and have left.
            Err(Error::Gone) if without_client == WithoutClient::GoesOn => {}
            flushed => flushed?,
        }
        let Some(Protection { tls, is_private: true, .. }) = &self.protection else {
            return Ok(());
        };
        data.encrypt(tls).map_err(|_| Broken::Line(NOT_ENCRYPTED))?;
        loop {
            match data.handshake() {
                Ok(true) => break,
                Ok(false) => {}
                Err(e) => {
                    log::info!("{}: a data connection: {e}", self.session.who());
                    return Err(Broken::Line(NOT_ENCRYPTED));
                }
            }
            let woken = data.wait_to_agree(self.control.watched())?;
            self.woken(woken, data, without_client)?;
        }
        self.check_session(data)
    }

    /// Refuses a data connection that could be somebody else's. Tickets are good for their own
    /// session only.
    fn check_session(&self, data: &Data) -> Result<(), Broken> {
        match data.is_resumed() || !self.shared().config().ftp.resumption {
            true => Ok(()),
            false => {
                log::warn!("{}: a data connection is not of its session", self.session.who());
                Err(Broken::Foreign)
            }
        }
    }

    /// What `FEAT` says of encryption in this state.
    pub(super) fn tls_features(&self) -> &'static [&'static str] {
        match (&self.protection, self.shared().tls()) {
            (Some(_), _) => &["PBSZ", "PROT"],
            (None, Some(_)) => &["AUTH TLS"],
            (None, None) => &[],
        }
    }

    /// For `STAT`.
    pub(super) fn described_protection(&self) -> String {
        match (self.control.stream.encryption(), &self.protection) {
            (Some(version), Some(Protection { is_private: true, .. })) => {
                format!("This connection is encrypted ({version}), and so are files and listings.")
            }
            (Some(version), _) => format!(
                "This connection is encrypted ({version}); files and listings are not (PROT P)."
            ),
            (None, _) => "Nothing is encrypted.".to_owned(),
        }
    }

    /// From where passwords in clear are taken, where they are not taken from here.
    pub(super) fn where_clear(&self) -> &'static str {
        match self.shared().config().server.tls {
            TlsMode::Required => "passwords in clear are not taken here",
            _ => "passwords in clear are taken from this machine only",
        }
    }

    /// Why no password is taken here in clear, and what to do.
    pub(super) fn no_clear_password(&self) -> String {
        let where_from = self.where_clear();
        let tls =
            if self.shared().tls().is_some() { "connect with TLS (AUTH TLS), or " } else { "" };
        format!("{where_from}; {tls}{TWO_WAYS}")
    }
}

const NOT_ENCRYPTED: &str = "the data connection could not be encrypted";
