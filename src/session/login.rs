//! How a session gets its rights: by challenge and proof here, and by a password in clear in
//! `clear`.
//!
//! Invariant: a refusal reveals nothing. A name that does not exist, one that is
//! closed and one that may not log in from here get the same steps, texts and times; so do names
//! whose attempts wait because they failed too often.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::temporary_login::UsedTemporary;
use super::{Alive, Session, TemporaryLogin, User};
use crate::accounts::bans::{AttemptGuard, LoginAttempt, Ticket};
use crate::accounts::{Account, AccountName, AccountState};
use crate::audit::{Event, Verb};
use crate::error::{Error, Result};
use crate::limits;
use crate::scram::{Channel, ClientFirst, ServerExchange, Verifier};
use crate::shared::{OpenedAccount, Shared};
use crate::vfs::VPath;

/// A login that has begun: who it is for, if that account exists and may log in from here, and the
/// record that its proof will be checked against.
#[derive(Debug)]
pub(super) struct Exchange {
    server: ServerExchange,
    name: String,
    ticket: Ticket,
    /// Or why not, for the log.
    account: Result<(AccountName, Verifier), &'static str>,
}

/// Why a login was refused, for the log only.
pub(super) const UNKNOWN: &str = "no account has that name";
pub(super) const WRONG_PASSWORD: &str = "the password is wrong";
const IMPORTED: &str = "it is imported, so FTP comes first, or passwd";
pub(super) const CHANGED: &str = "the account was changed just now, or its home is open to others";

impl Session {
    /// The first step of a login: the client's first message gives the challenge.
    ///
    /// A name that does not exist gets a challenge all the same, always the same one for the same
    /// name; one that may not log in, or not from here, gets its own and is refused at the end.
    /// `channel` is what the message came through.
    pub fn login_begin(&mut self, client_first: &str, channel: &Channel) -> Result<String> {
        self.end_login();
        let first = ClientFirst::parse(client_first)?;
        self.check_banned(first.name())?;
        let shared = self.shared();
        let mock = shared.mock(first.name());
        let accounts = shared.accounts();
        let known = accounts.account(first.name());
        let verifier = known.map_or(&mock, |account| &account.verifier).clone();
        let allowed = known.ok_or(UNKNOWN).and_then(|account| {
            self.may_log_in(account)?;
            // Only the MD5, which another server kept, would be proof enough here.
            if account.of_md5 { Err(IMPORTED) } else { Ok(()) }?;
            Ok((account.name().clone(), verifier.clone()))
        });
        let begun = ServerExchange::begin(&first, verifier, channel);
        let (server, challenge) = begun.map_err(|e| self.failed(first.name(), e, UNKNOWN))?;
        let (name, ticket) = (first.name().to_string(), first.ticket());
        self.exchange = Some(Box::new(Exchange { server, name, ticket, account: allowed }));
        Ok(challenge)
    }

    /// The error is for the log.
    pub(super) fn may_log_in(&self, account: &Account) -> Result<(), &'static str> {
        let here = self.presence.peer;
        if account.state != AccountState::Active {
            return Err("the account is closed");
        }
        if account.demo && !here.to_canonical().is_loopback() {
            return Err("a demo account logs in from this machine only");
        }
        Ok(())
    }

    /// The second step: the client's proof gives the server's own, and the session its rights.
    /// After [`limits::LOGIN_TRIES`] failures the connection must end: [`Error::TooMany`].
    ///
    /// `alive` is called while it waits for its turn, and while the account's files are added up.
    pub fn login_finish(&mut self, client_final: &str, alive: &mut Alive<'_>) -> Result<String> {
        let begun = self.exchange.take();
        let Exchange { server, name, ticket, account } =
            *begun.ok_or(Error::WrongState { what: "LOGIN comes before PROOF" })?;
        let shared = Arc::clone(self.shared());
        let attempt = self.wait_for_turn(&shared, (&name, ticket), alive)?;
        self.check_banned(&name)?;
        let _checking = self.presence.check_begins()?;
        // What cannot be parsed is refused before it matters whether the account exists.
        let (signature, (account, proved)) = match (server.finish(client_final), account) {
            (Ok(signature), Ok(account)) => (signature, account),
            (Err(e), Err(why)) => return Err(self.failed(&name, e, why)),
            (Err(e), Ok(_)) => return Err(self.failed(&name, e, WRONG_PASSWORD)),
            (Ok(_), Err(why)) => return Err(self.failed(&name, Error::LoginRefused, why)),
        };
        drop(attempt);
        let entered = self.enter(&account, &proved, None, alive);
        entered.map_err(|e| self.failed(&name, e, CHANGED))?;
        Ok(signature)
    }

    /// Counts and logs a failed attempt. The client receives `e`; where that is one
    /// text for all, the log has `why`.
    pub(super) fn failed(&mut self, name: &str, e: Error, why: &str) -> Error {
        match &e {
            Error::LoginRefused => self.login_refused(name, why),
            e => self.login_refused(name, &e.to_string()),
        }
        match &e {
            Error::LoginRefused | Error::BadArgument { .. } | Error::BadField { .. } => {
                self.count_failure(name);
            }
            // Nobody guessed.
            _ => self.tries += 1,
        }
        e
    }

    /// Waits until an attempt as this name may be looked at: at once, but where too many have
    /// failed. While the result lives, others may have to wait for it. Nobody keeps the place of
    /// the connection meanwhile; the place in line is kept for a while for the same attempt, made
    /// again by whatever connection.
    ///
    /// # Errors
    /// [`Error::Slowed`] if its turn does not come; those of `alive`.
    pub(super) fn wait_for_turn<'a>(
        &mut self,
        shared: &'a Shared,
        (name, ticket): (&str, Ticket),
        alive: &mut Alive<'_>,
    ) -> Result<AttemptGuard<'a>> {
        let attempt = shared.bans.attempt(&self.guess(name), ticket);
        let until = Instant::now() + limits::ATTEMPT_WAIT;
        while let Err(wait) = attempt.begin(&shared.config().bans()) {
            if Instant::now() >= until {
                self.login_refused(name, &Error::Slowed.to_string());
                self.tries += 1;
                return Err(Error::Slowed);
            }
            alive(0, 0)?;
            thread::sleep(wait.min(limits::OPERATION_LOOK));
        }
        Ok(attempt)
    }

    fn guess<'a>(&self, name: &'a str) -> LoginAttempt<'a> {
        let (shared, from) = (self.shared(), self.presence.peer);
        let known = shared.accounts().account(name).is_some();
        LoginAttempt { name, known, familiar: shared.is_familiar(name, from), from }
    }

    /// Counts a guess that was wrong: for the connection, the address, and the account whose name
    /// it was, if it was one. Its answer is held back the longer the more there were.
    pub(super) fn count_failure(&mut self, name: &str) {
        self.tries += 1;
        let shared = Arc::clone(self.shared());
        let failures = shared.bans.failed(&shared.config().bans(), &self.guess(name));
        self.hold_back_for(failures.max(self.tries));
        shared.bans.save(&shared.store);
    }

    pub(super) fn hold_back_for(&mut self, failures: u32) {
        self.held_back = self.shared().config().login_delay(failures);
    }

    /// Refuses who is banned before any password is looked at.
    pub(super) fn check_banned(&mut self, name: &str) -> Result<()> {
        let shared = Arc::clone(self.shared());
        shared.bans.refresh();
        let allowed = shared.bans.check_address(self.presence.peer);
        allowed.and_then(|()| shared.bans.check_account(name)).inspect_err(|e| {
            self.tries += 1;
            self.hold_back_for(self.tries);
            self.login_refused(name, &e.to_string());
        })
    }

    /// For how long the answer to the last request is held back; given once.
    pub fn take_held_back(&mut self) -> Duration {
        std::mem::take(&mut self.held_back)
    }

    /// Whether so many attempts failed that the connection should end.
    pub fn is_out_of_tries(&self) -> bool {
        self.tries >= limits::LOGIN_TRIES
    }

    /// Lets the account in, if it still may log in and the record is still the one that was proved,
    /// or was the account's when its temporary password was.
    pub(super) fn enter(
        &mut self,
        name: &AccountName,
        proved: &Verifier,
        temporary: Option<UsedTemporary>,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        let may =
            |account: &Account| account.verifier == *proved && self.may_log_in(account).is_ok();
        self.shared().store.current_as_read()?;
        self.shared().mounts_as_read()?;
        let OpenedAccount { accounts, rights, mounts, vfs } =
            self.shared().open_views(name, &self.presence, &may, alive)?;
        let temporary = temporary.map(|used| self.spend(used)).transpose();
        let temporary = temporary.inspect_err(|_| self.presence.log_out())?;
        let (name, cwd) = (name.clone(), VPath::root());
        let by = name.to_string();
        self.shared().bans.succeeded(&name, self.presence.peer);
        self.subject = self.subject.becomes(Some(name.clone()));
        let with = temporary.as_ref().map(TemporaryLogin::described);
        let user = User { name, by, accounts, rights, mounts, vfs, cwd, temporary };
        let vfs = user.vfs.bounded_by(user.most());
        self.user = Some(User { vfs, ..user });
        let why = with.as_deref();
        self.subject.note(&Event { why, ..self.subject.event(Verb::Login) });
        Ok(())
    }

    /// Lets a guest in, where the settings allow it.
    pub fn login_guest(&mut self) -> Result<()> {
        self.log_out();
        self.check_banned(AccountName::guest().as_str())?;
        let opened = self.shared().open_guest(&self.presence);
        let opened = opened.map_err(|e| self.failed("anonymous", e, CHANGED))?;
        let OpenedAccount { accounts, rights, mounts, vfs } = opened;
        // Guests have one name and are many: none takes over what another one writes.
        let by = format!("guest {}", self.presence.id());
        let (name, cwd) = (AccountName::guest(), VPath::root());
        self.subject = self.subject.becomes(Some(name.clone()));
        let temporary = None;
        self.user = Some(User { name, by, accounts, rights, mounts, vfs, cwd, temporary });
        self.subject.note(&self.subject.event(Verb::Login));
        Ok(())
    }

    /// Takes all rights away, as at the beginning.
    pub fn log_out(&mut self) {
        self.end_login();
        self.exchange = None;
        self.reproof = None;
    }

    /// The rights end, what its turns hold goes back, and the line of the login is written.
    fn end_login(&mut self) {
        self.presence.log_out();
        self.give_permits_back();
        if self.user.take().is_some() {
            self.subject.goes(Verb::Logout, None);
            self.subject = self.subject.becomes(None);
        }
    }
}
