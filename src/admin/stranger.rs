//! What a stranger may do: ask for an account, and ask how the request stands.

use std::net::IpAddr;

use super::{read_record, told};
use crate::accounts::register::{Application, Standing, Taken};
use crate::accounts::{AccountName, NAME_FORM, StoreError};
use crate::audit::{self, Actor};
use crate::error::{Error, Result};
use crate::site::Site;
use crate::text::Escaped;

/// Takes a request for an account.
pub fn register(
    site: &Site,
    name: &str,
    password: &str,
    code: &str,
    from: IpAddr,
) -> Result<Taken> {
    let asked = || {
        let name = AccountName::parse(name).ok_or(Error::BadArgument { what: NAME_FORM })?;
        let application = Application { name, verifier: read_record(password)?, code, from };
        site.register(&application).map_err(|e| {
            if let StoreError::NoInvitation { why } = e {
                log::warn!("an invitation from {from} is refused: {why}");
            }
            told(e)
        })
    };
    let (taken, from) = (asked(), from.to_string());
    let number = taken.as_ref().map_or(String::new(), |taken| format!(" as {}", taken.number));
    let by = Actor { name: "a stranger", from: &from };
    audit::note(by, format_args!("register {}{number}", Escaped(name)), &taken);
    taken
}

/// How a request stands.
pub fn standing(site: &Site, number: u64, name: &str) -> Result<Standing> {
    let standing = site.queue().standing(site.store(), number, name).map_err(told)?;
    standing.ok_or_else(|| Error::Unknown { what: "registration", name: number.to_string() })
}
