//! Bans and pardons by hand.
//!
//! Never: lets anybody ban themselves or the address that they come from, or the last admin.

use super::{Admin, told};
use crate::accounts::bans::{Seen, Who};
use crate::accounts::{AccountName, Role, State};
use crate::audit::{Event, Place, Verb};
use crate::error::{Error, Result};
use crate::text::{SPAN_MOST_SECS, Span};

impl Admin<'_> {
    /// The bans in force.
    pub fn bans(&self) -> Vec<Seen> {
        self.site.bans.refresh();
        self.site.bans.in_force()
    }

    /// Bans an account or an address for so many seconds, or for ever, and ends its sessions;
    /// tells how many these are.
    pub fn ban(&self, who: &str, secs: Option<u64>, reason: &str) -> Result<usize> {
        let banned = || {
            let parsed = Who::parse(who).map_err(|what| Error::BadArgument { what })?;
            if secs.is_some_and(|secs| !(1..=SPAN_MOST_SECS).contains(&secs)) {
                return Err(Error::BadArgument { what: "the time: up to ten years" });
            }
            self.check_ban(&parsed)?;
            let (bans, by) = (&self.site.bans, self.by.name.unwrap_or_default());
            bans.ban(&self.site.store, parsed.clone(), secs, by, reason).map_err(told)?;
            let mine = self.session;
            Ok(self.site.end(|guest| {
                parsed.covers(guest.account.as_ref(), guest.peer) && Some(guest.id) != mine
            }))
        };
        let time = secs.map_or_else(|| "ever".to_owned(), |secs| Span(secs).to_string());
        let value = format!("for {time}");
        let why = Some(reason).filter(|reason| !reason.is_empty());
        let banned = banned();
        let count = banned.as_ref().ok().map(|count| *count as u64);
        let event = Event { value: Some(&value), count, why, ..self.act(Verb::Ban, who) };
        self.noted(&event, banned)
    }

    fn check_ban(&self, who: &Who) -> Result<()> {
        match who {
            Who::Account(name) => {
                self.check_other(name.as_str(), "nobody bans themselves")?;
                self.site.accounts().require(name.as_str()).map_err(told)?;
                self.check_last_admin(name)
            }
            Who::Address(_) => {
                let own = match self.by.from {
                    Place::Door(own, ..) => who.covers(None, own),
                    Place::Terminal | Place::CommandLine | Place::Server => false,
                };
                let what = "this is the address that you come from";
                if own { Err(Error::WrongState { what }) } else { Ok(()) }
            }
        }
    }

    /// Of the admins one must be left who can log in.
    fn check_last_admin(&self, name: &AccountName) -> Result<()> {
        let (accounts, bans) = (self.site.accounts(), &self.site.bans);
        let mut admins =
            accounts.iter().filter(|one| one.role == Role::Admin && one.state == State::Active);
        let is_one = accounts.account(name.as_str()).is_some_and(|one| one.role == Role::Admin);
        let is_left =
            admins.any(|one| one.name() != name && bans.check_account(one.name().as_str()).is_ok());
        let what = "there would be no admin left";
        if is_one && !is_left { Err(Error::WrongState { what }) } else { Ok(()) }
    }

    /// Lets an account or an address in again, and forgets its failed logins.
    pub fn pardon(&self, who: &str) -> Result<()> {
        let pardoned = || {
            let who = Who::parse(who).map_err(|what| Error::BadArgument { what })?;
            self.site.bans.pardon(&self.site.store, &who).map_err(told)
        };
        self.noted(&self.act(Verb::Pardon, who), pardoned())
    }
}
