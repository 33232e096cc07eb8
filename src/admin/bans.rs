//! The commands about bans.
//!
//! Never: lets anybody ban themselves or the address that they come from.

use super::grammar::Arguments;
use super::sessions::ended;
use super::{AdminDesk, AdminResult};
use crate::accounts::StoreError;
use crate::accounts::bans::{ActiveBan, BanTarget};
use crate::answer::{Answer, Cell};
use crate::audit::ActorOrigin;
use crate::error::Error;
use crate::transfer::Alive;

pub(super) fn bans(desk: &AdminDesk<'_>, _: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    desk.bans.refresh();
    if let Some(mistake) = desk.bans.mistake().filter(|_| desk.is_operator()) {
        let what = format!("{mistake}; fix it, or put bans.ini.previous there");
        return Err(StoreError::Refused(what));
    }
    let row = |ActiveBan { ban, left_secs }: ActiveBan| {
        vec![
            ban.target.kind().into(),
            Cell::Text(ban.target.to_string()),
            Cell::Moment(ban.since_secs),
            ban.until_secs.map_or_else(|| Cell::from("ever"), Cell::Moment),
            Cell::known(left_secs, Cell::Span),
            Cell::Name(ban.by.unwrap_or_else(|| "the server".to_owned())),
            Cell::Name(ban.why),
        ]
    };
    let rows = desk.bans.in_force().into_iter().map(row).collect();
    let columns = ["kind", "who", "since", "until", "left", "by", "why"];
    Ok(Answer::table(&columns, rows, "nobody is banned"))
}

pub(super) fn ban(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let who = required(arguments)?;
    check_ban(desk, who)?;
    let by = desk.by.name.unwrap_or_default();
    let (secs, reason) = (arguments.secs("time"), arguments.text("reason"));
    desk.bans.ban(desk.store, (who.clone(), secs), by, reason, &|| {
        let accounts = desk.store.current();
        desk.check_admin_left(&accounts, &accounts, Some(who))
    })?;
    let kind = who.kind();
    let Some(shared) = desk.shared else {
        let text = format!("{kind} {who} is banned; a running server ends its sessions");
        return Ok(Answer::line(text, vec![("who", Cell::Text(who.to_string()))]));
    };
    let count = shared.end(|guest| {
        who.covers(guest.account.as_ref(), guest.peer) && Some(guest.id) != desk.session
    });
    let facts = vec![("who", Cell::Text(who.to_string())), ("sessions", Cell::Count(count as u64))];
    Ok(Answer::line(format!("{kind} {who} is banned; {}", ended(count)), facts))
}

fn required(arguments: &Arguments) -> Result<&BanTarget, Error> {
    arguments.who("who").ok_or(Error::BadArgument { what: "who" })
}

fn check_ban(desk: &AdminDesk<'_>, who: &BanTarget) -> Result<(), StoreError> {
    match who {
        BanTarget::Account(name) => {
            desk.check_other(name.as_str(), "you cannot ban yourself")?;
            desk.store.current().require(name.as_str()).map(drop)
        }
        BanTarget::Address(_) => match desk.by.from {
            ActorOrigin::Protocol(own, ..) if who.covers(None, own) => {
                let what = "you are connected from this address";
                Err(Error::WrongState { what }.into())
            }
            _ => Ok(()),
        },
    }
}

pub(super) fn pardon(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let who = required(arguments)?;
    desk.bans.pardon(desk.store, who)?;
    let text = format!("{} {who} is pardoned", who.kind());
    Ok(Answer::line(text, vec![("who", Cell::Text(who.to_string()))]))
}
