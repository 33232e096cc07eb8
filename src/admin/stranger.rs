//! What a stranger may do: ask for an account, and ask how the request stands.

use std::net::IpAddr;

use super::{read_record, told};
use crate::accounts::register::{Application, Standing, Taken};
use crate::accounts::{AccountName, NAME_FORM, StoreError};
use crate::audit::{Event, Outcome, Party, Verb};
use crate::error::{Error, Result};
use crate::site::Site;

/// Takes a request for an account. What cannot be a name is not noted: it may be anything, a
/// password too.
pub fn register(
    party: &Party,
    site: &Site,
    name: &str,
    password: &str,
    code: &str,
    from: IpAddr,
) -> Result<Taken> {
    let parsed = AccountName::parse(name);
    let event =
        Event { name: parsed.as_ref().map(AccountName::as_str), ..party.event(Verb::Register) };
    let mut invitation = None;
    let mut asked = || {
        let name = parsed.clone().ok_or(Error::BadArgument { what: NAME_FORM })?;
        let application =
            Application { name, verifier: read_record(&site.config(), password)?, code, from };
        site.register(&application).map_err(|e| {
            invitation = match &e {
                StoreError::NoInvitation(_) => Some(e.to_string()),
                _ => None,
            };
            match told(e) {
                // Whose files there are, or what is mounted, is not for strangers.
                Error::Home { name, .. } => Error::NameTaken { name },
                other => other,
            }
        })
    };
    let taken = asked();
    match (&taken, &invitation) {
        // What is wrong with an invitation is for the log alone.
        (Err(_), Some(why)) => {
            party.note(&Event { outcome: Outcome::Refused, why: Some(why), ..event });
        }
        (Ok(Taken { number, admitted }), _) => {
            let why = admitted.then_some("let in at once");
            party.note(&Event { registration: Some(*number), why, ..event });
        }
        (Err(e), None) => party.note_result::<()>(&event, Err(e)),
    }
    taken
}

/// How a request stands.
pub fn standing(site: &Site, number: u64, name: &str) -> Result<Standing> {
    let standing = site.queue.standing(&site.store, number, name).map_err(told)?;
    standing.ok_or_else(|| Error::Unknown { what: "registration", name: number.to_string() })
}
