//! Registrations, answered beside a running server.

use std::fs::File;
use std::io::Read;

use miniftp::accounts::parse_quota;
use miniftp::limits;
use miniftp::text::Escaped;

use super::{Desk, Failure, Request, line};

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
        None => Some(desk.config.default_quota_bytes),
        Some(text) => parse_quota(text)
            .map_err(|expected| Failure::Usage(format!("{expected}, got `{}`", Escaped(text))))?,
    };
    let approved = desk.queue.approve(desk.store, number, quota_bytes)?;
    Ok(format!("approved registration {number}: {} can log in now\n", approved.name))
}

pub(super) fn reject(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let number = number(&request.words[0])?;
    let rejected = desk.queue.reject(desk.store, number, &request.words[1])?;
    Ok(format!("refused registration {number}: {} is told why\n", rejected.name))
}

pub(super) fn import(desk: &Desk<'_>, request: &Request) -> Result<String, Failure> {
    let path = &request.words[0];
    let cannot = |e| Failure::Failed(format!("`{}` cannot be read: {e}", Escaped(path)));
    let mut list = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(limits::LIST_FILE + 1).read_to_end(&mut list).map_err(cannot)?;
    let (class, approved) =
        desk.queue.import(desk.store, &list, Some(desk.config.default_quota_bytes))?;
    let mut text = format!("{} on the class list\n", class.len());
    for one in &approved {
        line(&mut text, &format!("approved registration {}: {}", one.number, one.name));
    }
    Ok(text)
}
