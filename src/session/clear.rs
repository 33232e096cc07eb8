//! Logging in with a password that arrived as it is, by FTP: the account's own, or a temporary one.
//!
//! Invariant: as in `login`, a refusal reveals nothing. A temporary password has as many iterations
//! as its account's own, so a prefix that exists costs what any other costs.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::login::{CHANGED, UNKNOWN, WRONG_PASSWORD};
use super::temporary_login::UsedTemporary;
use super::{Alive, Session};
use crate::accounts::{Account, AccountName};
use crate::admin;
use crate::audit::{Event, Verb};
use crate::digest::Plain;
use crate::error::{Error, Result};
use crate::scram::{TemporarySecret, Verifier};
use crate::shared::Shared;

const TOO_SLOW: &str = "its record has too many iterations to be checked here; the framed protocol \
                        lets it in, or give it a new password";
const ONLY_TEMPORARY: &str = "no temporary password, and from there no other is taken in clear";

/// Which passwords are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The account's own, and temporary ones.
    Any,
    /// Temporary ones only: others could be read on the way.
    Temporary,
}

/// A password that was right.
struct Checked {
    account: AccountName,
    /// The account's own record.
    proved: Verifier,
    /// Whether that is of the password's MD5.
    of_md5: bool,
    temporary: Option<UsedTemporary>,
}

impl Session {
    /// Logs in with a password in clear, checked against the same record.
    ///
    /// `alive` is called while it waits for its turn to be checked, and while the account's files
    /// are added up.
    pub fn login_plain(
        &mut self,
        name: &str,
        password: &str,
        accepted: Accepted,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        self.log_out();
        self.check_banned(name)?;
        let shared = Arc::clone(self.shared());
        let ticket = shared.plain_checks.ticket(name, password);
        let mut attempt = Some(self.wait_for_turn(&shared, (name, ticket), alive)?);
        let _checking = self.presence.check_begins()?;
        let mut again = true;
        loop {
            let checked = self.check_plain(name, password, accepted, alive);
            // Somebody may have been banned by hand while this one waited for its turn.
            self.check_banned(name)?;
            let Checked { account, proved, of_md5, temporary } =
                checked.map_err(|(e, why)| self.failed(name, e, why))?;
            drop(attempt.take());
            match self.enter(&account, &proved, temporary, alive) {
                Ok(()) if of_md5 => return self.renew(&account, &proved, password, alive),
                Ok(()) => return Ok(()),
                // Another connection with the same password has renewed the record just now.
                Err(Error::LoginRefused) if of_md5 && again => again = false,
                Err(e) => return Err(self.failed(name, e, CHANGED)),
            }
        }
    }

    /// Checks a password. The second half of the error is for the log.
    fn check_plain(
        &self,
        name: &str,
        password: &str,
        accepted: Accepted,
        alive: &mut Alive<'_>,
    ) -> Result<Checked, (Error, &'static str)> {
        let shared = self.shared();
        let accounts = shared.accounts();
        let (mock, most) = (shared.mock(name), shared.checked_iterations());
        let known = accounts.account(name);
        let allowed = known.ok_or(UNKNOWN);
        let allowed = allowed.and_then(|account| self.may_log_in(account).map(|()| account));
        let temporary = allowed.ok().and_then(|account| self.temporary_of(account, password));
        let of_md5 = temporary.is_none() && allowed.is_ok_and(|account| account.of_md5);
        let digest = Zeroizing::new(md5_of(password));
        // Whoever may not log in is refused as late as its challenge lets everybody expect.
        let (key, record, shown) = match (known, allowed, &temporary) {
            (_, Ok(_), Some((used, secret))) => {
                (Shared::temporary_key(name, &used.prefix), used.verifier.clone(), secret.text())
            }
            (_, Ok(account), None) if accepted == Accepted::Any => {
                let shown = if of_md5 { digest.as_str() } else { password };
                (name.to_owned(), account.verifier.clone(), shown)
            }
            (Some(account), ..) => (name.to_owned(), shared.unusable(account), password),
            (None, ..) => (name.to_owned(), mock, password),
        };
        let checks = &shared.plain_checks;
        let from = self.presence.address();
        let right = checks.accepts(&key, &record, shown, most, from, &mut || alive(0, 0));
        let right = right.map_err(|e| (e, WRONG_PASSWORD))?;
        let account = allowed.map_err(|why| (Error::LoginRefused, why))?;
        if !right {
            let why = match (accepted, &temporary) {
                _ if record.iterations() > most => TOO_SLOW,
                (Accepted::Temporary, None) => ONLY_TEMPORARY,
                _ => WRONG_PASSWORD,
            };
            return Err((Error::LoginRefused, why));
        }
        let (account, proved) = (account.name().clone(), account.verifier.clone());
        Ok(Checked { account, proved, of_md5, temporary: temporary.map(|(used, _)| used) })
    }

    /// The temporary password of an account that this could be.
    fn temporary_of(
        &self,
        account: &Account,
        password: &str,
    ) -> Option<(UsedTemporary, TemporarySecret)> {
        let shared = self.shared();
        let secret = TemporarySecret::parse(password)?;
        shared.config().ftp.temporary_days?;
        let found = shared.temporary.find(account, &secret, self.presence.peer)?;
        let (prefix, verifier) = (secret.prefix().to_owned(), found.verifier);
        Some((UsedTemporary { prefix, verifier, rights: found.rights }, secret))
    }

    /// Whether an account of that name has a temporary password that is good from here now.
    pub fn has_temporary(&self, name: &str) -> bool {
        let shared = self.shared();
        let accounts = shared.accounts();
        let has = |account| shared.temporary.has(account, self.presence.peer);
        shared.config().ftp.temporary_days.is_some() && accounts.account(name).is_some_and(has)
    }

    /// Makes the record one of the password itself, now that it is known. What goes wrong here is
    /// tried again at the next login.
    fn renew(
        &self,
        name: &AccountName,
        proved: &Verifier,
        password: &str,
        alive: &mut Alive<'_>,
    ) -> Result<()> {
        let shared = self.shared();
        let is_of_md5 = |account: &Account| account.of_md5 && account.verifier == *proved;
        if !shared.accounts().account(name.as_str()).is_some_and(is_of_md5) {
            return Ok(());
        }
        let iterations = shared.config().accounts.iterations;
        let derived =
            shared
                .plain_checks
                .derive(password, iterations, self.presence.address(), &mut || alive(0, 0));
        let renewed = derived.and_then(|verifier| {
            let edited = shared.store.edit(|edit| {
                let account = edit.account(name.as_str())?;
                if account.verifier == *proved {
                    (account.verifier, account.of_md5) = (verifier.clone(), false);
                }
                Ok(())
            });
            edited.map_err(admin::admin_error)
        });
        let why = Some("it was imported, and has a record of its own now");
        let event = Event { name: Some(name.as_str()), why, ..self.subject.event(Verb::Passwd) };
        self.subject.note_result(&event, renewed.as_ref());
        Ok(())
    }
}

/// The MD5 of a password in small hexadecimal letters, as other servers kept it.
fn md5_of(password: &str) -> String {
    let Some(mut digest) = Plain::from_name("md5") else { return String::new() };
    digest.update(password.as_bytes());
    digest.finish().to_string()
}
