//! What an admin, or the operator, may do with accounts, requests and sessions.
//!
//! The framed door and the terminal of the server come here; each act leaves one line in the audit.
//! Never: lets anybody change their own role, or lock themselves out; leaves no admin where there
//! was one.
//! Invariant: an act that was told to be done is on the disk.

mod bans;
mod removal;
pub mod spoken;
pub mod stranger;
mod why;

use std::io;
use std::sync::Arc;

use crate::accounts::register::Request;
use crate::accounts::{
    Account, AccountName, Accounts, Draft, NAME_FORM, Role, State, StoreError, quota_text,
};
use crate::audit::{self, Actor, Event, Place, Verb};
use crate::conffile::FileError;
use crate::error::{Error, Result};
use crate::quota::{Charge, Entries, Limits, Usage};
use crate::scram::Verifier;
use crate::site::{Guest, Site};
use crate::transfer::{Alive, Claimant, credit};
use crate::vfs::{Adopt, PartNote, VPath, Vfs};

/// Somebody with the rights of an admin, at work.
#[derive(Clone, Copy, Debug)]
pub struct Admin<'a> {
    site: &'a Arc<Site>,
    by: Actor<'a>,
    /// The number of the session that asks, if one does.
    session: Option<u64>,
}

/// An account with what the server knows of it now.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The account.
    pub account: Account,
    /// What it stores; known since its first login.
    pub usage: Option<Usage>,
    /// What it may store.
    pub limits: Limits,
    /// Its sessions.
    pub sessions: u32,
}

impl<'a> Admin<'a> {
    /// The operator at the server's own terminal.
    pub fn operator(site: &'a Arc<Site>) -> Admin<'a> {
        Admin { site, by: Actor::operator(Place::Terminal), session: None }
    }

    /// The operator at the command line, while no server runs.
    pub fn at_the_command_line(site: &'a Arc<Site>) -> Admin<'a> {
        Admin { site, by: Actor::operator(Place::CommandLine), session: None }
    }

    /// An account that was found to be an admin's, in its session.
    pub fn of_session(site: &'a Arc<Site>, by: Actor<'a>, session: u64) -> Admin<'a> {
        Admin { site, by, session: Some(session) }
    }

    /// An act that was done to an account.
    fn act<'e>(&self, verb: Verb, name: &'e str) -> Event<'e>
    where
        'a: 'e,
    {
        Event { name: Some(name), ..Event::new(self.by, verb) }
    }

    fn noted<T>(&self, event: &Event<'_>, result: Result<T>) -> Result<T> {
        audit::note_result(self.site.log(), event, result.as_ref());
        result
    }

    fn edit<T>(&self, change: impl Fn(&mut Draft) -> Result<T, StoreError>) -> Result<T> {
        self.site
            .store
            .edit(|draft| {
                let before = draft.so_far().has_admin();
                let done = change(draft)?;
                draft.keep_an_admin(before)?;
                Ok(done)
            })
            .map_err(told_of_edit)
    }

    /// Refuses what nobody may do to themselves.
    fn check_other(&self, name: &str, what: &'static str) -> Result<()> {
        let own = self.session.is_some() && self.by.name == Some(name);
        if own { Err(Error::WrongState { what }) } else { Ok(()) }
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<Overview> {
        let (accounts, guests) = (self.site.accounts(), self.site.guests());
        accounts.iter().map(|account| self.overview(account, &guests)).collect()
    }

    /// One account.
    pub fn account(&self, name: &str) -> Result<Overview> {
        let accounts: Arc<Accounts> = self.site.accounts();
        let account = accounts.require(name).map_err(told)?;
        Ok(self.overview(account, &self.site.guests()))
    }

    fn overview(&self, account: &Account, guests: &[Guest]) -> Overview {
        let own = guests.iter().filter(|guest| guest.account.as_ref() == Some(account.name()));
        Overview {
            usage: self.site.ledger.usage(account.name().as_str()),
            limits: self.site.limits_of(account),
            sessions: u32::try_from(own.count()).unwrap_or(u32::MAX),
            account: account.clone(),
        }
    }

    /// Makes an account; `None` for the quota is the settings' default. `adopt` says whether it
    /// takes over what a removed account of the name has left.
    pub fn create(
        &self,
        name: &str,
        password: &str,
        quota: Option<Option<u64>>,
        role: &str,
        adopt: Adopt,
    ) -> Result<()> {
        let made = || {
            let name = AccountName::parse(name).ok_or(Error::BadArgument { what: NAME_FORM })?;
            let quota_bytes =
                quota.unwrap_or_else(|| Some(self.site.config().accounts.default_quota));
            let mut account = Account::new(name, read_record(self.site, password)?, quota_bytes);
            account.role = read_role(role)?;
            let homes = self.site.homes()?;
            self.edit(|draft| draft.create(account.clone(), adopt, &homes))
        };
        let value = (adopt == Adopt::Yes).then_some("adopt");
        self.noted(&Event { value, ..self.act(Verb::Create, name) }, made())
    }

    /// Lets an account log in no more and ends its sessions, or lets it log in again.
    pub fn set_state(&self, name: &str, state: State) -> Result<()> {
        let verb = match state {
            State::Active => Verb::Open,
            State::Closed => Verb::Close,
        };
        let set = || {
            self.check_other(name, "nobody closes their own account")?;
            self.edit(|draft| {
                draft.account(name)?.state = state;
                Ok(())
            })?;
            if state == State::Closed {
                self.end_sessions_of(name);
            }
            Ok(())
        };
        self.noted(&self.act(verb, name), set())
    }

    fn end_sessions_of(&self, name: &str) -> usize {
        self.site.end(|guest| guest.account.as_ref().is_some_and(|own| own.as_str() == name))
    }

    /// Gives an account a new password, as its record. It is no demo account any more.
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let set = || {
            let verifier = read_record(self.site, password)?;
            self.edit(|draft| {
                let account = draft.account(name)?;
                account.verifier = verifier.clone();
                account.demo = false;
                account.of_md5 = false;
                Ok(())
            })
        };
        self.noted(&self.act(Verb::Passwd, name), set())
    }

    /// Changes what an account may store; `None` for the entries leaves them as they are.
    pub fn set_quota(
        &self,
        name: &str,
        quota_bytes: Option<u64>,
        entries: Option<Entries>,
    ) -> Result<()> {
        let set = self.edit(|draft| {
            let account = draft.account(name)?;
            account.quota_bytes = quota_bytes;
            account.entries = entries.unwrap_or(account.entries);
            Ok(())
        });
        let mut shown = quota_bytes.map_or_else(|| "unlimited".to_owned(), |b| b.to_string());
        if let Some(entries) = entries {
            shown.push_str(&format!(" entries={entries}"));
        }
        self.noted(&Event { value: Some(&shown), ..self.act(Verb::Quota, name) }, set)
    }

    /// Changes the role of somebody else.
    pub fn set_role(&self, name: &str, role: &str) -> Result<()> {
        let set = || {
            let role = read_role(role)?;
            self.check_other(name, "nobody changes their own role")?;
            self.edit(|draft| {
                draft.account(name)?.role = role;
                Ok(())
            })
        };
        self.noted(&Event { value: Some(role), ..self.act(Verb::Role, name) }, set())
    }

    /// The requests that wait, by number.
    pub fn pending(&self) -> Result<Vec<Request>> {
        self.site.queue.pending().map_err(told)
    }

    /// Makes the account of a request; `None` for the quota is the settings' default.
    pub fn approve(&self, number: u64, quota: Option<Option<u64>>) -> Result<AccountName> {
        let quota_bytes = quota.unwrap_or_else(|| Some(self.site.config().accounts.default_quota));
        let approved = self.site.homes().map_err(StoreError::Same).and_then(|homes| {
            self.site.queue.approve(&self.site.store, &homes, number, quota_bytes)
        });
        let value = quota_text(quota_bytes);
        self.answered(Verb::Approve, number, approved, (Some(&value), None))
    }

    /// Refuses a request; `reason` is what the applicant is told.
    pub fn reject(&self, number: u64, reason: &str) -> Result<AccountName> {
        let rejected = self.site.queue.reject(&self.site.store, number, reason);
        let why = Some(reason).filter(|reason| !reason.is_empty());
        self.answered(Verb::Reject, number, rejected, (None, why))
    }

    fn answered(
        &self,
        verb: Verb,
        number: u64,
        answer: Result<Request, StoreError>,
        (value, why): (Option<&str>, Option<&str>),
    ) -> Result<AccountName> {
        let name = answer.map(|request| request.name).map_err(told);
        let event = Event { registration: Some(number), value, why, ..Event::new(self.by, verb) };
        let whose = name.as_ref().ok().map(AccountName::as_str);
        audit::note_result(self.site.log(), &Event { name: whose, ..event }, name.as_ref());
        name
    }

    /// Who is here.
    pub fn guests(&self) -> Vec<Guest> {
        self.site.guests()
    }

    /// Ends a session by its number, or all sessions of an account but the one that asks; tells how
    /// many.
    pub fn kick(&self, who: &str) -> Result<usize> {
        let kicked = || {
            let guests = self.site.guests();
            let id = who.parse().ok().filter(|id| guests.iter().any(|guest| guest.id == *id));
            if id.is_some() && id == self.session {
                return Err(Error::WrongState { what: "this is your own session" });
            }
            let picked = |guest: &Guest| match id {
                Some(id) => guest.id == id,
                None => guest.account.as_ref().is_some_and(|name| name.as_str() == who),
            };
            let count = self.site.end(|guest| picked(guest) && Some(guest.id) != self.session);
            match count {
                0 => Err(Error::Unknown { what: "session of", name: who.to_owned() }),
                count => Ok(count),
            }
        };
        let kicked = kicked();
        let count = kicked.as_ref().ok().map(|count| *count as u64);
        self.noted(&Event { count, ..self.act(Verb::Kick, who) }, kicked)
    }

    /// An account's views of its files.
    fn views(&self, name: &str) -> Result<Vfs> {
        let accounts = self.site.accounts();
        self.site.views_of(accounts.require(name).map_err(told)?)
    }

    /// Calls `seen` with each of an account's unfinished uploads; its error ends the listing.
    pub fn parts(&self, name: &str, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        self.views(name)?.parts(seen)
    }

    /// Removes an unfinished upload of any account, unless it is being written.
    pub fn drop_part(&self, name: &str, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let mut dropped = || {
            let vfs = self.views(name)?;
            // Under a name that no account has, so that nobody's upload is taken over.
            let who =
                Claimant { by: "an admin", session: self.session.unwrap_or(0), is_stream: false };
            forget(self.site, &vfs, who, &VPath::root().join(path)?, alive)
        };
        let dropped = dropped();
        let bytes = dropped.as_ref().ok().copied();
        let event = Event { path: Some(path), bytes, ..self.act(Verb::Drop, name) };
        self.noted(&event, dropped).map(drop)
    }
}

/// Removes the unfinished upload of a path, and credits it. Returns how many bytes it had.
pub fn forget(
    site: &Arc<Site>,
    vfs: &Vfs,
    who: Claimant<'_>,
    path: &VPath,
    alive: &mut Alive<'_>,
) -> Result<u64> {
    let view = vfs.view(path)?;
    let charged = site.charged(vfs, view, alive)?;
    let charge = Charge::open(&site.ledger, &charged)?;
    // By whoever it is dropped, it is a part of the account.
    let key = view.upload_key(path, view.account());
    let claim = site.claims.take(&key, path.as_str(), who, charge)?;
    let mut claim = claim.hold()?;
    let held = view.part_held(path)?;
    let held = held.ok_or(Error::NotFound { path: path.as_str().to_string() })?;
    claim.needs_no_peer();
    credit(&site.ledger, &charged, view.drop_part(path)?);
    Ok(held)
}

/// A password's record as it travels, made by a client, which may not cost the server more than one
/// that is made here.
pub fn read_record(site: &Site, text: &str) -> Result<Verifier> {
    const WHAT: &str = "password: a whole record SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY";
    let record = Verifier::parse(text).ok_or(Error::BadArgument { what: WHAT })?;
    let most = site.config().accounts.iterations;
    if record.iterations() > most {
        let what = "iterations of a password's record; `RULES` tells how many";
        return Err(Error::TooMany { what, max: most.into() });
    }
    Ok(record)
}

fn read_role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or(Error::BadArgument { what: "role: user or admin" })
}

/// The same for an admin whose edit did not come about; what is wrong with the file is in the log.
fn told_of_edit(error: StoreError) -> Error {
    let StoreError::File(fault) = &error else { return told(error) };
    let what = match fault {
        FileError::Busy { .. } | FileError::Locked { .. } => {
            "the file is being saved by another program; try again"
        }
        FileError::Parse { .. } => {
            "the file has a mistake, which `miniftpd check` names; nothing can be changed"
        }
        FileError::Io { .. } => return told(error),
    };
    log::warn!("an admin's change was refused: {fault}");
    Error::WrongState { what }
}

/// What the store says, in words for a peer; the rest is for the log.
pub fn told(error: StoreError) -> Error {
    match error {
        StoreError::Unknown { name, .. } => Error::Unknown { what: "account", name },
        StoreError::Exists(name) => Error::NameTaken { name: name.as_str().to_owned() },
        StoreError::Same(error) => error,
        StoreError::LastAdmin => Error::WrongState { what: "there would be no admin left" },
        StoreError::NoInvitation(_) => Error::CodeRefused,
        StoreError::NoRequest(number) => {
            Error::Unknown { what: "registration", name: number.to_string() }
        }
        StoreError::NotBanned(who) => Error::Unknown { what: "ban of", name: who.to_string() },
        StoreError::Decided { .. } => {
            Error::WrongState { what: "this registration has been answered" }
        }
        StoreError::Refused(_) => {
            Error::BadArgument { what: "at most 200 bytes, and no control characters" }
        }
        other => {
            let source = io::Error::other(other.to_string());
            Error::Io { doing: "changing the accounts", source }
        }
    }
}
