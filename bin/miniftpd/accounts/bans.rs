//! Bans and pardons, beside a running server, which takes them over from the file.

use miniftp::accounts::bans::Who;
use miniftp::text::{Escaped, parse_span};

use super::{Desk, Failure, Request, line};

fn who(text: &str) -> Result<Who, Failure> {
    Who::parse(text).map_err(|what| Failure::Usage(format!("{what}, got `{}`", Escaped(text))))
}

pub(super) fn bans(desk: &Desk<'_>, _: &Request) -> Result<String, Failure> {
    if let Some(fault) = desk.bans.fault() {
        return Err(Failure::Failed(format!("{fault}; mend it, or put bans.ini.previous there")));
    }
    let mut text = String::new();
    for one in desk.bans.in_force() {
        line(&mut text, &one.to_string());
    }
    Ok(text)
}

pub(super) fn ban(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let (who, time) = (who(&request.words[0])?, &request.words[1]);
    let secs = match time.as_str() {
        "ever" => None,
        text => Some(parse_span(text).ok_or_else(|| {
            let expected = "expected a time like 30m, 2h or 7d, or ever";
            Failure::Usage(format!("{expected}, got `{}`", Escaped(text)))
        })?),
    };
    if let Who::Account(name) = &who {
        desk.store.current().require(name.as_str())?;
    }
    let reason = request.words[2..].join(" ");
    desk.bans.ban(desk.store, who.clone(), secs, "operator", &reason)?;
    let kind = who.kind();
    Ok(format!("{kind} {who} is banned; a running server ends its sessions within a second\n"))
}

pub(super) fn pardon(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let who = who(&request.words[0])?;
    desk.bans.pardon(desk.store, &who)?;
    Ok(format!("{} {who} is pardoned\n", who.kind()))
}
