//! Registering, asking how a request stands, and one's own passwords.
//!
//! Never: sends a password. What travels is the record that the server will check it against.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::apart::{apart, derive};
use super::commands::TemporaryPassword;
use super::error::{Error, Result};
use super::login::login_step;
use super::rows::collect;
use super::{Client, LoggedInAccount};
use crate::limits;
use crate::scram::{ClientExchange, ScramKeys, TemporarySecret};
use crate::wire::{self, Code, Login, Nothing};

/// How often a request that waits is asked about.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Who can register, in the server's words, escaped.
pub type RegistrationTerms = wire::Rules<'static>;

/// A request that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its number, to ask about it later.
    pub number: u64,
    /// Whether the account is there already.
    pub admitted: bool,
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationState {
    /// It waits for an answer.
    Pending,
    /// The account is there.
    Approved,
    /// It was refused; why, escaped, if that was said.
    Refused(String),
}

/// What a temporary password for FTP is to be good for.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryTerms<'a> {
    /// For how many seconds.
    pub secs: u64,
    /// For how many logins; `None` is any number.
    pub uses: Option<u32>,
    /// Whether nothing is to be changed with it.
    pub is_read_only: bool,
    /// An address or network from which; empty for anywhere.
    pub from: &'a str,
}

/// A temporary password for FTP, as it is shown once.
#[derive(Debug)]
pub struct MadeTemporary {
    /// The whole.
    pub password: Zeroizing<String>,
    /// Until when it is good, seconds since 1970.
    pub until_secs: i64,
}

impl Client {
    /// Makes a temporary password for FTP. It never travels: its record does.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::NotLoggedIn`], also for a guest.
    pub fn ftp_password(&mut self, terms: &TemporaryTerms<'_>) -> Result<MadeTemporary> {
        let keys = self.account.as_ref().and_then(|account| account.keys.as_ref());
        let iterations = keys.ok_or(Error::NotLoggedIn)?.iterations();
        loop {
            let secret = TemporarySecret::fresh()?;
            let text = Zeroizing::new(secret.text().to_owned());
            let derived =
                apart(&self.options.interrupt, move || ScramKeys::fresh(&text, iterations))?;
            let record = derived?.verifier().to_string();
            let (uses, is_read_only) = (terms.uses.unwrap_or(0), terms.is_read_only.into());
            let message = wire::FtpPass::new(
                secret.prefix(),
                &record,
                terms.secs,
                uses,
                is_read_only,
                terms.from,
            );
            let made = self.once("ftp-password", |conn| {
                conn.ask("FTPPASS", &message)?;
                Ok(conn.reply::<wire::FtpPassMade<'_>>()?.until_secs)
            });
            match made {
                // One of a million is in use.
                Err(e) if e.is_refusal(Code::NameTaken) => {}
                made => return Ok(MadeTemporary { password: secret.shown(), until_secs: made? }),
            }
        }
    }

    /// The account's temporary passwords for FTP.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn ftp_passwords(&mut self) -> Result<Vec<TemporaryPassword>> {
        self.again(|conn| collect(conn, "FTPPASSES", &Nothing::new()))
    }

    /// Makes one good no longer, by its prefix; gives the number of sessions that were ended.
    ///
    /// # Errors
    /// [`Error::Refused`] for one that is not known.
    pub fn ftp_revoke(&mut self, prefix: &str) -> Result<u32> {
        self.once("ftp-revoke", |conn| {
            conn.ask("FTPREVOKE", &wire::FtpRevoke::new(prefix))?;
            Ok(conn.reply::<wire::FtpRevoked<'_>>()?.ended)
        })
    }

    /// Who can register here, and how.
    ///
    /// # Errors
    /// [`Error::Line`].
    pub fn rules(&mut self) -> Result<RegistrationTerms> {
        self.again(|conn| {
            conn.ask("RULES", &Nothing::new())?;
            let rules: wire::Rules<'_> = conn.reply()?;
            let iterations = rules.iterations;
            if !(limits::ITERATIONS_LEAST..=limits::ITERATIONS_MOST).contains(&iterations) {
                return Err(Error::Protocol {
                    what: "a password's record that costs too little \
                    or too much",
                });
            }
            Ok(RegistrationTerms::new(
                Client::shown(&rules.mode),
                iterations,
                Client::shown(&rules.names),
            ))
        })
    }

    /// Asks for an account. A line that breaks is no harm: the same request is sent again and gets
    /// the same answer.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's reason; [`Error::Usage`] for what is no password.
    pub fn register(&mut self, name: &str, password: &str, code: &str) -> Result<Registered> {
        let record = self.record(password)?;
        let message = wire::Register::new(name, &record, code);
        self.again(|conn| {
            let answer = conn.ask("REGISTER", &message)?;
            let registered: wire::Registered<'_> = conn.reply()?;
            Ok(Registered { number: registered.number, admitted: answer == Code::Admitted })
        })
    }

    /// How a request stands.
    ///
    /// # Errors
    /// [`Error::Refused`] for a number that is not known together with this name.
    pub fn registration(&mut self, number: u64, name: &str) -> Result<RegistrationState> {
        self.again(|conn| {
            conn.ask("REGISTRATION", &wire::Registration::new(number, name))?;
            let standing: wire::Standing<'_> = conn.reply()?;
            match standing.state {
                "pending" => Ok(RegistrationState::Pending),
                "approved" => Ok(RegistrationState::Approved),
                "refused" => Ok(RegistrationState::Refused(Client::shown(standing.reason))),
                _ => Err(Error::Protocol { what: "a state of a registration that is not known" }),
            }
        })
    }

    /// Asks every few seconds until the request is answered.
    ///
    /// # Errors
    /// As [`Client::registration`]; [`Error::Interrupted`] when the user does not want to wait.
    pub fn wait_for_answer(&mut self, number: u64, name: &str) -> Result<RegistrationState> {
        loop {
            match self.registration(number, name)? {
                RegistrationState::Pending => self.sleep(ASK_AGAIN)?,
                answered => return Ok(answered),
            }
        }
    }

    /// Changes one's own password, with the proof of the old one; gives the number of other
    /// sessions that were ended, which is asked for with `end_others`.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] for a wrong old password; [`Error::Line`] if it is not known whether
    /// it was done.
    pub fn passwd(&mut self, old: &str, new: &str, end_others: bool) -> Result<u32> {
        let Some(LoggedInAccount { name, .. }) = self.account.clone() else {
            return Err(Error::NotLoggedIn);
        };
        let keys = self.new_keys(new)?;
        let record = keys.verifier().to_string();
        let interrupt = Arc::clone(&self.options.interrupt);
        let ended = self.once("passwd", |conn| {
            let (exchange, first) = ClientExchange::begin_over(&name, &conn.coverage)?;
            login_step(conn, "REPROVE", &Login::new(&first))?;
            let challenge: wire::Challenge<'_> = conn.reply()?;
            let challenge = exchange.challenge(challenge.server_first)?;
            let (challenge, old) = derive(&interrupt, challenge, old)?;
            let old = old.map_err(|_| Error::LoginRefused)?;
            let (proof, last) = challenge.prove(&old)?;
            login_step(conn, "PASSWD", &wire::Passwd::new(&last, &record, end_others.into()))?;
            let changed: wire::Changed<'_> = conn.reply()?;
            proof.verify(changed.server_final)?;
            Ok(changed.ended)
        })?;
        self.account = Some(LoggedInAccount { name, keys: Some(keys) });
        Ok(ended)
    }

    /// The record of a new password, as the server would have it.
    pub(super) fn record(&mut self, password: &str) -> Result<String> {
        Ok(self.new_keys(password)?.verifier().to_string())
    }

    fn new_keys(&mut self, password: &str) -> Result<ScramKeys> {
        let iterations = self.rules()?.iterations;
        let password = Zeroizing::new(password.to_owned());
        apart(&self.options.interrupt, move || ScramKeys::fresh(&password, iterations))?
            .map_err(|_| Error::Usage { what: "this cannot be a password" })
    }
}
