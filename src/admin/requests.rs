//! The commands about requests for accounts.

use super::grammar::Arguments;
use super::{AdminDesk, AdminResult};
use crate::accounts::register::AccountRequest;
use crate::answer::{Answer, Cell};
use crate::transfer::Alive;

/// A request as it is announced.
pub fn described(request: &AccountRequest) -> String {
    format!("registration {}: {} from {}", request.number, request.name, request.from)
}

pub(super) fn pending(desk: &AdminDesk<'_>, _: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let row = |one: &AccountRequest| {
        vec![
            Cell::Count(one.number),
            Cell::Name(one.name.to_string()),
            Cell::Text(one.from.to_string()),
            Cell::Moment(one.asked_secs),
        ]
    };
    let rows = desk.queue.pending()?.iter().map(row).collect();
    Ok(Answer::table(&["number", "name", "from", "asked"], rows, "no registrations wait"))
}

fn answered(text: String, request: &AccountRequest) -> Answer {
    let account = Cell::Name(request.name.to_string());
    Answer::line(text, vec![("number", Cell::Count(request.number)), ("account", account)])
}

pub(super) fn approve(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let number = arguments.number("number");
    let default = Some(desk.config.accounts.default_quota);
    let quota_bytes = arguments.size("quota").unwrap_or(default);
    let request = desk.queue.approve(desk.store, &desk.homes()?, number, quota_bytes)?;
    let text = format!("approved registration {number}: {} can log in now", request.name);
    Ok(answered(text, &request))
}

pub(super) fn reject(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let number = arguments.number("number");
    let request = desk.queue.reject(desk.store, number, arguments.text("reason"))?;
    let text = format!("refused registration {number}: {} is shown the reason", request.name);
    Ok(answered(text, &request))
}
