//! What anyone may do before logging in: ask for an account, and ask about that request.

use std::net::IpAddr;

use super::{admin_error, read_record};
use crate::accounts::register::{Application, Registration, RequestState};
use crate::accounts::{AccountName, NAME_FORM, StoreError};
use crate::audit::{Event, Outcome, Subject, Verb};
use crate::error::{Error, Result};
use crate::shared::Shared;

/// Takes a request for an account. What cannot be a name is not noted: it may be anything, a
/// password too.
pub fn register(
    subject: &Subject,
    shared: &Shared,
    name: &str,
    password: &str,
    code: &str,
    from: IpAddr,
) -> Result<Registration> {
    let parsed = AccountName::parse(name);
    let event =
        Event { name: parsed.as_ref().map(AccountName::as_str), ..subject.event(Verb::Register) };
    let mut invitation = None;
    let mut asked = || {
        let name = parsed.clone().ok_or(Error::BadArgument { what: NAME_FORM })?;
        let application =
            Application { name, verifier: read_record(&shared.config(), password)?, code, from };
        shared.register(&application).map_err(|e| {
            invitation = match &e {
                StoreError::NoInvitation(_) => Some(e.to_string()),
                _ => None,
            };
            match admin_error(e) {
                // Whose files there are, or what is mounted, is not shown before a login.
                Error::Home { name, .. } => Error::NameTaken { name },
                other => other,
            }
        })
    };
    let taken = asked();
    match (&taken, &invitation) {
        // What is wrong with an invitation is only logged.
        (Err(_), Some(why)) => {
            subject.note(&Event { outcome: Outcome::Refused, why: Some(why), ..event });
        }
        (Ok(Registration { number, admitted }), _) => {
            let why = admitted.then_some("let in at once");
            subject.note(&Event { registration: Some(*number), why, ..event });
        }
        (Err(e), None) => subject.note_result::<()>(&event, Err(e)),
    }
    taken
}

/// How a request stands.
pub fn standing(shared: &Shared, number: u64, name: &str) -> Result<RequestState> {
    let standing = shared.queue.standing(&shared.store, number, name).map_err(admin_error)?;
    standing.ok_or_else(|| Error::Unknown { what: "registration", name: number.to_string() })
}
