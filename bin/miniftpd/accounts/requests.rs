//! Registrations, answered beside a running server.

use std::path::Path;

use miniftp::accounts::parse_quota;
use miniftp::accounts::register::{Imported, Request as Waiting};
use miniftp::text::Escaped;

use super::{Desk, Failure, Request, import, line};

fn number(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        let text = Escaped(text);
        Failure::Usage(format!("expected the number of a registration, got `{text}`"))
    })
}

pub(super) fn pending(desk: &Desk<'_>, _: &Request) -> Result<String, Failure> {
    let mut text = String::new();
    for one in desk.queue.pending()? {
        line(&mut text, &format!("registration {}: {} from {}", one.number, one.name, one.from));
    }
    Ok(text)
}

pub(super) fn approve(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let number = number(&request.words[0])?;
    let quota_bytes = match request.quota.as_deref() {
        None => Some(desk.config.accounts.default_quota),
        Some(text) => parse_quota(text)
            .map_err(|expected| Failure::Usage(format!("{expected}, got `{}`", Escaped(text))))?,
    };
    let approved = desk.queue.approve(desk.store, &desk.homes()?, number, quota_bytes)?;
    Ok(format!("approved registration {number}: {} can log in now\n", approved.name))
}

pub(super) fn reject(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let number = number(&request.words[0])?;
    let rejected = desk.queue.reject(desk.store, number, &request.words[1])?;
    Ok(format!("refused registration {number}: {} is told why\n", rejected.name))
}

pub(super) fn import(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let list = import::read(Path::new(&request.words[0]))?;
    let quota = Some(desk.config.accounts.default_quota);
    let Imported { class, approved, refused } =
        desk.queue.import(desk.store, &desk.homes()?, list.as_bytes(), quota)?;
    let mut text = format!("{} on the class list\n", class.len());
    for one in &approved {
        line(&mut text, &format!("approved registration {}: {}", one.number, one.name));
    }
    let waits = |(one, why): &(_, _)| {
        let Waiting { number, name, .. } = one;
        format!("registration {number} waits on: {name}: {why}")
    };
    match refused.is_empty() {
        true => Ok(text),
        false => {
            let missing = refused.iter().map(waits).collect();
            Err(Failure::Incomplete { done: text, missing, code: 3 })
        }
    }
}
