//! Requests for accounts: a numbered queue on the disk, and who approves what.
//!
//! A request holds the record of a password, never the password, and only until it is answered.
//! Answered requests are kept for some days, so that the applicant can ask.
//!
//! Never: loses a request that was acknowledged, or takes one while the file of the queue has a
//! fault. Never makes an account that the settings, an invitation, the class list or an operator
//! did not allow.
//! Invariant: a number is given once; an account is on the disk before its request is reported as
//! approved; every edit holds the lock of the account store.

mod checks;
mod class;
mod invites;
mod queue;
mod record;
mod requests;

use std::net::IpAddr;

use super::AccountName;
use crate::conffile::ParseErrors;
use crate::scram::Verifier;

pub use self::class::{ClassList, FILE as CLASS_FILE, Imported};
pub use self::queue::RequestQueue;
pub use self::requests::{AccountRequest, RequestState};

/// Reads conf/registrations.ini, to check it.
pub(super) fn check_requests(bytes: &[u8]) -> Result<String, ParseErrors> {
    let book = record::read(bytes)?;
    let waiting = book.requests.values().filter(|request| request.is_pending()).count();
    Ok(format!("{} registrations, {waiting} of them wait", book.requests.len()))
}

/// Reads conf/invites.ini, to check it.
pub(super) fn check_invites(bytes: &[u8]) -> Result<String, ParseErrors> {
    invites::read(bytes).map(|all| format!("{} invitations", all.len()))
}

/// Reads conf/class.csv, to check it.
pub(super) fn check_class(bytes: &[u8]) -> Result<String, ParseErrors> {
    class::read(bytes).map(|list| format!("{} names", list.len()))
}

/// Who can register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everybody, at once.
    Open,
    /// Everybody, when the operator approves; who is on the class list or invited, at once.
    Ask,
    /// Anyone with an invitation, at once.
    Invite,
    /// Nobody.
    #[default]
    Closed,
}

impl Mode {
    pub(crate) const WORDS: &[(&str, Mode)] = &[
        (Mode::Open.as_str(), Mode::Open),
        (Mode::Ask.as_str(), Mode::Ask),
        (Mode::Invite.as_str(), Mode::Invite),
        (Mode::Closed.as_str(), Mode::Closed),
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Open => "open",
            Mode::Ask => "ask",
            Mode::Invite => "invite",
            Mode::Closed => "closed",
        }
    }
}

/// What the settings say about registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrationRules {
    /// Who can register.
    pub mode: Mode,
    /// Most requests that wait at one time; where everybody is let in, most of a day.
    pub waiting: usize,
    /// Most requests from one address within a day; this machine is exempt.
    pub per_address: usize,
    /// What a new account may store if nothing else is said.
    pub quota_bytes: Option<u64>,
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Application<'a> {
    /// The name.
    pub name: AccountName,
    /// The record of the password.
    pub verifier: Verifier,
    /// The invitation's code, or nothing.
    pub code: &'a str,
    /// Where it comes from.
    pub from: IpAddr,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The request's number.
    pub number: u64,
    /// Whether the account is there already.
    pub admitted: bool,
}

#[cfg(test)]
mod tests;
