//! How a session gets its rights: by challenge and proof, or by a password in clear.
//!
//! Invariant: a stranger learns nothing from a refusal. A name that does not exist, one that is
//! closed and one that may not log in from here get the same steps, texts and times.

use super::{Session, User};
use crate::accounts::{Account, AccountName, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::scram::{ClientFirst, ServerExchange, Verifier};
use crate::text::Escaped;
use crate::vfs::VPath;

/// A login that has begun: who it is for, if that account exists and may log in from here.
#[derive(Debug)]
pub(super) struct Exchange {
    server: ServerExchange,
    name: String,
    account: Option<AccountName>,
}

impl Session {
    /// The first step of a login: the client's first message gives the challenge.
    ///
    /// A name that does not exist, or may not log in from here, gets a challenge all the same,
    /// always the same one for the same name.
    pub fn login_begin(&mut self, client_first: &str) -> Result<String> {
        self.user = None;
        let first = ClientFirst::parse(client_first)?;
        let site = self.site();
        let mock = Verifier::mock(site.secret(), first.name(), site.iterations());
        let accounts = site.accounts();
        let allowed = accounts.account(first.name()).filter(|account| self.may_log_in(account));
        let (verifier, account) = match allowed {
            Some(account) => (account.verifier.clone(), Some(account.name().clone())),
            None => (mock, None),
        };
        let (server, challenge) = ServerExchange::begin(&first, verifier)?;
        self.exchange = Some(Exchange { server, name: first.name().to_string(), account });
        Ok(challenge)
    }

    fn may_log_in(&self, account: &Account) -> bool {
        let here = self.presence.peer;
        let why = if account.state != State::Active {
            "the account is closed"
        } else if account.demo && !here.to_canonical().is_loopback() {
            "a demo account logs in from this machine only"
        } else {
            return true;
        };
        log::warn!("{} from {here} is refused: {why}", account.name());
        false
    }

    /// The second step: the client's proof gives the server's own, and the session its rights.
    /// After [`limits::LOGIN_TRIES`] failures the connection must end: [`Error::TooMany`].
    pub fn login_finish(&mut self, client_final: &str) -> Result<String> {
        let begun = self.exchange.take();
        let Exchange { server, name, account } =
            begun.ok_or(Error::WrongState { what: "LOGIN comes before PROOF" })?;
        let proved = server.finish(client_final).and_then(|signature| match account {
            Some(account) => Ok((signature, account)),
            None => Err(Error::LoginRefused),
        });
        match proved {
            Ok((signature, account)) => {
                self.enter(&account)?;
                Ok(signature)
            }
            Err(e) => {
                self.tries += 1;
                log::warn!("login as {} from {} refused", Escaped(&name), self.presence.peer);
                Err(e)
            }
        }
    }

    /// Whether so many attempts failed that the connection should end.
    pub fn is_out_of_tries(&self) -> bool {
        self.tries >= limits::LOGIN_TRIES
    }

    fn enter(&mut self, name: &AccountName) -> Result<()> {
        let accounts = self.site().accounts();
        let account = accounts.account(name.as_str()).ok_or(Error::LoginRefused)?;
        let (vfs, purse) = self.site().open_views(account, &self.presence)?;
        let cwd = VPath::root();
        let (name, rights, mounts) = (name.clone(), account.rights, self.site().mounts());
        self.user = Some(User { name, accounts, rights, mounts, vfs, purse, cwd });
        log::info!("{} logged in", self.who());
        Ok(())
    }

    /// Logs in with a password in clear, checked against the same record.
    pub fn login_plain(&mut self, name: &str, password: &str) -> Result<()> {
        self.log_out();
        let site = self.site();
        let accounts = site.accounts();
        let mock = Verifier::mock(site.secret(), name, site.iterations());
        let allowed = accounts.account(name).filter(|account| self.may_log_in(account));
        let verifier = allowed.map_or(&mock, |account| &account.verifier);
        let right = site.plain_checks().accepts(name, verifier, password)?;
        match allowed {
            Some(account) if right => self.enter(&account.name().clone()),
            _ => {
                self.tries += 1;
                log::warn!("login as {} from {} refused", Escaped(name), self.presence.peer);
                Err(Error::LoginRefused)
            }
        }
    }

    /// Failed attempts of this connection.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Takes all rights away, as at the beginning.
    pub fn log_out(&mut self) {
        self.user = None;
        self.exchange = None;
        self.presence.log_out();
    }
}
