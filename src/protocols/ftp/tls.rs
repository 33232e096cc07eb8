//! Encryption: RFC 4217, and implicit TLS on a listener of its own.
//!
//! Invariant: nothing that came before the switch is looked at after it, and no login lasts across
//! it. Where encryption is required, nothing of an encrypted session leaves or comes in clear.

use super::FtpConnection;
use super::attention::WithoutClient;
use super::data::Data;
use super::login::TWO_WAYS;
use super::pump::Broken;
use super::reply::Clean;
use crate::error::{Error, Result};
use crate::scram;
use crate::tls::{ServerTls, TlsMode};

/// Bytes of a session's name in its tickets.
const NAME: usize = 16;

/// How an encrypted connection is protected. It keeps what it began with, so that a key that is
/// exchanged meanwhile does not make its tickets worthless.
#[derive(Debug)]
pub(super) struct Protection {
    tls: ServerTls,
    /// What the tickets of its client say.
    session: [u8; NAME],
    /// Whether it was encrypted from the first byte.
    is_implicit: bool,
    /// Whether `PBSZ` was said, without which `PROT` is not.
    has_size: bool,
    /// Whether data connections are encrypted.
    pub(super) is_private: bool,
}

impl FtpConnection {
    /// Encrypts the control connection from here on.
    ///
    /// # Errors
    /// [`Error::Gone`] if it could not: a client that has not agreed on anything cannot be sent
    /// why.
    pub(super) fn encrypt(&mut self, tls: ServerTls, is_implicit: bool) -> Result<()> {
        let session = scram::random_bytes()?;
        self.control.stream.encrypt_for_ftp(&tls, &session).map_err(|e| match e {
            Error::Handshake { .. } => {
                log::info!("{}: {e}", self.session.who());
                self.session.sent_away(&e);
                Error::Gone
            }
            e => e,
        })?;
        let (has_size, is_private) = (is_implicit, is_implicit);
        self.protection = Some(Protection { tls, session, is_implicit, has_size, is_private });
        Ok(())
    }

    /// Whether the client is on this machine.
    pub(super) fn is_near(&self) -> bool {
        self.session.peer().to_canonical().is_loopback()
    }

    /// Whether data connections of this one have to be encrypted: what is logged in without
    /// encryption was let in knowingly.
    fn needs_private(&self) -> bool {
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
        if let Some(one) = &mut self.protection {
            (one.has_size, one.is_private) = (one.is_implicit, one.is_implicit);
        }
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

    /// Refuses a data connection that could be somebody else's.
    fn check_session(&self, data: &Data) -> Result<(), Broken> {
        let own = self.protection.as_ref().map(|one| &one.session[..]);
        let is_own = data.resumes().is_some_and(|session| Some(session) == own);
        match is_own || !self.shared().config().ftp.resumption {
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

    /// Why no password is taken here in clear, and what to do.
    pub(super) fn no_clear_password(&self) -> String {
        let where_from = match self.shared().config().server.tls {
            TlsMode::Required => "passwords in clear are not taken here",
            _ => "passwords in clear are taken from this machine only",
        };
        let tls =
            if self.shared().tls().is_some() { "connect with TLS (AUTH TLS), or " } else { "" };
        format!("{where_from}; {tls}{TWO_WAYS}")
    }
}

const NOT_ENCRYPTED: &str = "the data connection could not be encrypted";

pub(super) fn auth(conn: &mut FtpConnection, mechanism: &str) -> Result<()> {
    if conn.protection.is_some() {
        conn.control.reply(503, "this connection is encrypted already");
        return Ok(());
    }
    let Some(tls) = conn.shared().tls() else {
        conn.control.reply(502, "the line is not encrypted here");
        return Ok(());
    };
    let is_private = match mechanism.to_ascii_uppercase().as_str() {
        "TLS" | "TLS-C" => false,
        // Older than RFC 4217, and with it data connections are encrypted at once.
        "SSL" | "TLS-P" => true,
        _ => {
            conn.control.reply(504, "only AUTH TLS is known");
            return Ok(());
        }
    };
    conn.begin_again()?;
    // Whoever is between may have put something behind this command.
    conn.control.forget_input()?;
    conn.control.reply(234, "both sides agree now");
    conn.control.flush()?;
    conn.encrypt(tls, false)?;
    if let Some(one) = &mut conn.protection {
        (one.has_size, one.is_private) = (is_private, is_private);
    }
    Ok(())
}

/// TLS makes its own blocks.
pub(super) fn pbsz(conn: &mut FtpConnection, size: &str) -> Result<()> {
    let Some(one) = &mut conn.protection else {
        conn.control.reply(503, "AUTH TLS comes first");
        return Ok(());
    };
    match size.parse::<u32>() {
        Ok(_) => {
            one.has_size = true;
            conn.control.reply(200, "PBSZ=0");
        }
        Err(_) => conn.control.reply(501, "PBSZ 0"),
    }
    Ok(())
}

pub(super) fn prot(conn: &mut FtpConnection, level: &str) -> Result<()> {
    let needs_private = conn.needs_private();
    let Some(one) = &mut conn.protection else {
        conn.control.reply(503, "AUTH TLS comes first");
        return Ok(());
    };
    if !one.has_size {
        conn.control.reply(503, "PBSZ 0 comes first");
        return Ok(());
    }
    match level.to_ascii_uppercase().as_str() {
        "P" => {
            one.is_private = true;
            conn.control.reply(200, "files and listings are encrypted");
        }
        "C" if needs_private => {
            conn.control.reply(534, "files and listings must be encrypted here; PROT P does that");
        }
        "C" => {
            one.is_private = false;
            conn.control.reply(200, "files and listings travel in clear");
        }
        "S" | "E" => conn.control.reply(536, "TLS knows C and P only"),
        _ => conn.control.reply(504, &format!("no level `{}`; C or P", Clean(level))),
    }
    Ok(())
}

/// What has logged in encrypted stays so.
pub(super) fn ccc(conn: &mut FtpConnection, _: &str) -> Result<()> {
    let text = match conn.protection {
        Some(_) => "the control connection stays encrypted",
        None => "the control connection is not encrypted",
    };
    conn.control.reply(533, text);
    Ok(())
}
