//! What a session does about its account's temporary passwords for FTP: makes, lists and revokes
//! them; and logs in with one.
//!
//! Never: receives a secret. What travels is the record of one that the client has made.

use std::sync::Arc;

use super::temporary_login::{TemporaryLogin, UsedTemporary};
use super::{Rights, Session};
use crate::accounts::AddressRange;
use crate::accounts::temporary::TemporaryPassword;
use crate::admin;
use crate::audit::{Event, Verb};
use crate::error::{Error, Result};
use crate::limits;
use crate::scram::{TemporarySecret, Verifier};
use crate::text::calendar::DAY_SECS;
use crate::text::{Moment, Span};

/// A temporary password that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryRequest<'a> {
    /// The part of it that is no secret.
    pub prefix: &'a str,
    /// Its record.
    pub record: &'a str,
    /// For how long it is to be good.
    pub secs: u64,
    /// Logins that it is to be good for; 0 is any number.
    pub uses: u32,
    /// Whether nothing is to be changed with it.
    pub is_read_only: bool,
    /// An address or network from which it is to be good; empty for anywhere.
    pub from: &'a str,
}

/// A temporary password as its owner is shown it.
pub type TemporaryListed = (String, TemporaryPassword);

impl Session {
    /// Counts the login. Whoever revokes the password meanwhile finds the session, or the session
    /// finds that it is revoked.
    pub(super) fn spend(&self, used: UsedTemporary) -> Result<TemporaryLogin> {
        let shared = self.shared();
        let UsedTemporary { prefix, verifier, rights } = used;
        self.presence.logs_in_with(&prefix);
        let spent = shared.temporary.spend(&shared.store, &prefix, &verifier);
        spent.map_err(admin::admin_error)?;
        Ok(TemporaryLogin { prefix, rights })
    }

    /// Makes a temporary password for the account, and gives the moment until which it is good.
    ///
    /// # Errors
    /// [`Error::WrongState`] where the settings allow none, [`Error::BadArgument`],
    /// [`Error::NameTaken`] for a prefix that another one has, [`Error::TooMany`].
    pub fn make_temporary(&self, asked: &TemporaryRequest<'_>) -> Result<i64> {
        let made = self.temporary(asked).and_then(|new| {
            let shared = self.shared();
            let added = shared.temporary.add(&shared.store, asked.prefix, &new);
            added.map_err(admin::admin_error)?;
            Ok(new.until_secs)
        });
        let mut value = format!("{} for {}", asked.prefix, Span(asked.secs));
        if asked.uses > 0 {
            value += &format!(", {} logins", asked.uses);
        }
        if asked.is_read_only {
            value += ", read-only";
        }
        if !asked.from.is_empty() {
            value += &format!(", from {}", asked.from);
        }
        let event = Event { value: Some(&value), ..self.subject.event(Verb::FtpPassword) };
        self.subject.note_result(&event, made.as_ref());
        made
    }

    fn temporary(&self, asked: &TemporaryRequest<'_>) -> Result<TemporaryPassword> {
        const OFF: Error = Error::WrongState {
            what: "this server takes no temporary passwords ([ftp] temporary_days = off)",
        };
        const PREFIX: Error = Error::BadArgument { what: "prefix: four characters of the table" };
        const FROM: Error = Error::BadArgument {
            what: "from: an address such as 192.0.2.7, or a network such as 192.0.2.0/24",
        };
        const RECORD: Error = Error::BadArgument {
            what: "password: a record of as many iterations as that of your own password",
        };
        let (shared, user) = (self.shared(), self.user()?);
        if user.name.is_guest() {
            return Err(Error::WrongState { what: "a guest has no password" });
        }
        let days = shared.config().ftp.temporary_days.ok_or(OFF)?;
        let most = days.saturating_mul(u64::try_from(DAY_SECS).unwrap_or(0));
        if asked.secs == 0 || asked.secs > most {
            let what = "seconds of a temporary password ([ftp] temporary_days)";
            return Err(Error::TooMany { what, max: most });
        }
        if asked.uses > limits::TEMPORARY_USES {
            let max = limits::TEMPORARY_USES.into();
            return Err(Error::TooMany { what: "logins with a temporary password", max });
        }
        if !TemporarySecret::is_prefix(asked.prefix) {
            return Err(PREFIX);
        }
        let verifier = Verifier::parse(asked.record).ok_or(RECORD)?;
        let account = user.accounts.account(user.name.as_str()).ok_or(Error::AccountClosed)?;
        // Otherwise the time of a refusal would tell which prefixes there are.
        if verifier.iterations() != account.verifier.iterations() {
            return Err(RECORD);
        }
        let since_secs = Moment::now().0;
        let from = match asked.from {
            "" => None,
            text => Some(AddressRange::parse(text).ok_or(FROM)?),
        };
        Ok(TemporaryPassword {
            account: user.name.clone(),
            verifier,
            beside: account.verifier.mark(),
            since_secs,
            until_secs: since_secs.saturating_add(i64::try_from(asked.secs).unwrap_or(0)),
            uses: Some(asked.uses).filter(|uses| *uses > 0),
            rights: if asked.is_read_only { Rights::READ } else { Rights::ALL },
            from,
        })
    }

    /// The account's temporary passwords.
    ///
    /// # Errors
    /// [`Error::Io`] if their file has a mistake.
    pub fn temporary_passwords(&self) -> Result<Vec<TemporaryListed>> {
        let name = self.user()?.name.as_str();
        self.shared().temporary.list(Some(name)).map_err(admin::admin_error)
    }

    /// Makes a temporary password of the account good no longer, and ends the sessions that logged
    /// in with it; gives their number.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn revoke_temporary(&self, prefix: &str) -> Result<usize> {
        let (shared, name) = (Arc::clone(self.shared()), &self.user()?.name);
        let revoked = shared.temporary.revoke(&shared.store, prefix, Some(name));
        let revoked = revoked.map_err(admin::admin_error).map(|_| shared.end_temporary(prefix));
        let count = revoked.as_ref().ok().map(|count| *count as u64);
        let value = TemporarySecret::is_prefix(prefix).then_some(prefix);
        let event = Event { value, count, ..self.subject.event(Verb::FtpRevoke) };
        self.subject.note_result(&event, revoked.as_ref());
        revoked
    }
}
