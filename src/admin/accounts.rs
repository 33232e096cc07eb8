//! The commands about accounts.

use std::sync::Arc;

use super::grammar::Arguments;
use super::{AdminDesk, AdminResult};
use crate::accounts::{Account, AccountName, AccountState, NAME_FORM, Role, StoreError};
use crate::answer::{Answer, Cell};
use crate::error::Error;
use crate::quota::Amount;
use crate::shared::{OnlineConnection, Shared};
use crate::text::Size;
use crate::transfer::Alive;
use crate::vfs::{Adopt, Homes};

fn quota_shown(quota_bytes: Option<u64>) -> String {
    quota_bytes.map_or_else(|| "unlimited".to_owned(), |bytes| Size(bytes).to_string())
}

fn name_cell(name: &str) -> Cell {
    Cell::Name(name.to_owned())
}

/// What accounts store. Those that have not logged in since the server started are counted for it,
/// and where no server runs all of them; an account without a home stores nothing, and gets no home
/// by being looked at.
struct Stores {
    homes: Option<Homes>,
    /// `None` where no account has a home, or the home is in use by a server that is not reached.
    shared: Option<Arc<Shared>>,
}

impl Stores {
    fn open<'a>(desk: &AdminDesk<'_>, accounts: impl Iterator<Item = &'a Account>) -> Stores {
        let homes = match desk.shared {
            Some(shared) => Some(shared.home.homes()),
            None => desk.homes().ok(),
        };
        let mut names = accounts.map(|account| account.name().as_str());
        let is_any = homes.as_ref().is_some_and(|homes| names.any(|name| homes.has(name)));
        Stores { homes, shared: if is_any { desk.tree().ok() } else { None } }
    }

    /// What an account has stored, if that can be found out.
    fn used(&self, account: &Account, alive: &mut Alive<'_>) -> Result<Option<Amount>, StoreError> {
        let Some(homes) = &self.homes else { return Ok(None) };
        if !homes.has(account.name().as_str()) {
            return Ok(Some(Amount::NOTHING));
        }
        let Some(shared) = &self.shared else { return Ok(None) };
        match shared.usage_of(account, alive) {
            Ok(usage) => Ok(Some(usage.used)),
            Err(e @ (Error::Stopping | Error::Ended | Error::Interrupted)) => Err(e.into()),
            Err(_) => Ok(None),
        }
    }
}

/// What is known of an account, by column.
fn facts(
    desk: &AdminDesk<'_>,
    account: &Account,
    used: Option<Amount>,
    guests: &[OnlineConnection],
) -> Vec<(&'static str, Cell)> {
    let name = account.name();
    let sessions = guests.iter().filter(|guest| guest.account.as_ref() == Some(name)).count();
    let limit = account.entries.limit(desk.config.storage.entries);
    vec![
        ("name", name_cell(name.as_str())),
        ("role", account.role.as_str().into()),
        ("state", account.state.as_str().into()),
        ("demo", Cell::YesNo(account.demo)),
        ("used", Cell::known(used, |used| Cell::Bytes(used.bytes))),
        ("quota", Cell::limit(account.quota_bytes, Cell::Bytes)),
        ("entries", Cell::known(used, |used| Cell::Count(used.entries))),
        ("of", Cell::limit(limit, Cell::Count)),
        ("sessions", Cell::known(desk.shared, |_| Cell::Count(sessions as u64))),
        ("remark", name_cell(account.remark())),
    ]
}

pub(super) fn list(desk: &AdminDesk<'_>, _: &Arguments, alive: &mut Alive<'_>) -> AdminResult {
    let (accounts, guests) = (desk.store.current(), desk.online());
    let stores = Stores::open(desk, accounts.iter());
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for account in accounts.iter() {
        let facts = facts(desk, account, stores.used(account, alive)?, &guests);
        let (names, cells): (Vec<_>, Vec<_>) = facts.into_iter().unzip();
        columns = names;
        rows.push(cells);
    }
    Ok(Answer::table(&columns, rows, "no accounts"))
}

pub(super) fn show(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    alive: &mut Alive<'_>,
) -> AdminResult {
    let accounts = desk.store.current();
    let account = accounts.require(arguments.text("name"))?;
    let used = Stores::open(desk, std::iter::once(account)).used(account, alive)?;
    let mut facts = facts(desk, account, used, &desk.online());
    let of_md5 = if account.of_md5 { " of its MD5" } else { "" };
    let password = format!("SCRAM-SHA-256{of_md5}, {} iterations", account.verifier.iterations());
    let remark = facts.pop();
    facts.push(("rights", Cell::Text(account.rights.to_string())));
    facts.push(("password", Cell::Text(password)));
    facts.extend(remark);
    Ok(Answer::record(facts))
}

pub(super) fn create(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let text = arguments.text("name");
    let name = AccountName::parse(text).ok_or(Error::BadArgument { what: NAME_FORM })?;
    let adopt = if arguments.has("adopt") { Adopt::Yes } else { Adopt::No };
    // Looked at before the password is asked for, so that nobody types one in vain.
    if desk.store.current().account(text).is_some() {
        return Err(StoreError::Exists(name));
    }
    let homes = desk.homes()?;
    desk.store.check_new(&name, adopt, &homes)?;
    let default = Some(desk.config.accounts.default_quota);
    let quota_bytes = arguments.size("quota").unwrap_or(default);
    let mut account = Account::new(name.clone(), desk.record(text)?, quota_bytes);
    account.role = arguments.role("role").unwrap_or(Role::User);
    account.entries = arguments.entries("entries").unwrap_or_default();
    account.set_remark(arguments.text("remark"))?;
    desk.edit(|edit| edit.create(account.clone(), adopt, &homes))?;
    let role = account.role.as_str();
    Ok(Answer::line(
        format!("added {name}: quota {}, role {role}", quota_shown(quota_bytes)),
        vec![
            ("account", name_cell(text)),
            ("quota", Cell::limit(quota_bytes, Cell::Bytes)),
            ("role", role.into()),
        ],
    ))
}

pub(super) fn passwd(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let name = arguments.text("name");
    desk.store.current().require(name)?;
    let verifier = desk.record(name)?;
    let was_demo = desk.edit(|edit| {
        let account = edit.account(name)?;
        account.verifier = verifier.clone();
        account.of_md5 = false;
        // Its password is no longer the one that everybody can read.
        Ok(std::mem::replace(&mut account.demo, false))
    })?;
    let more = if was_demo { "; it is no demo account any more" } else { "" };
    let text = format!("changed the password of {name}{more}");
    Ok(Answer::line(text, vec![("account", name_cell(name))]))
}

pub(super) fn quota(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let name = arguments.text("name");
    let quota_bytes = arguments.size("size").flatten();
    let entries = arguments.entries("entries");
    desk.edit(|edit| {
        let account = edit.account(name)?;
        account.quota_bytes = quota_bytes;
        account.entries = entries.unwrap_or(account.entries);
        Ok(())
    })?;
    let more = entries.map_or_else(String::new, |entries| format!(", with {entries} entries"));
    Ok(Answer::line(
        format!("the quota of {name} is {}{more} now", quota_shown(quota_bytes)),
        vec![
            ("account", name_cell(name)),
            ("quota", Cell::limit(quota_bytes, Cell::Bytes)),
            ("entries", Cell::known(entries, |entries| Cell::Text(entries.to_string()))),
        ],
    ))
}

pub(super) fn role(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let (name, role) = (arguments.text("name"), arguments.role("role").unwrap_or(Role::User));
    desk.check_other(name, "you cannot change your own role")?;
    desk.edit(|edit| {
        edit.account(name)?.role = role;
        Ok(())
    })?;
    let text = format!("the role of {name} is {} now", role.as_str());
    Ok(Answer::line(text, vec![("account", name_cell(name)), ("role", role.as_str().into())]))
}

pub(super) fn close(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let name = arguments.text("name");
    desk.check_other(name, "you cannot close your own account")?;
    let before = set_state(desk, name, AccountState::Closed)?;
    desk.end_sessions_of(name);
    Ok(Answer::line(
        match before {
            AccountState::Closed => format!("{name} is closed already"),
            AccountState::Active => {
                format!("closed {name}; its files stay, `open {name}` lets it in again")
            }
        },
        vec![("account", name_cell(name)), ("state", AccountState::Closed.as_str().into())],
    ))
}

pub(super) fn open(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let name = arguments.text("name");
    let text = match set_state(desk, name, AccountState::Active)? {
        AccountState::Active => format!("{name} is active already"),
        AccountState::Closed => format!("opened {name}"),
    };
    let state = AccountState::Active.as_str().into();
    Ok(Answer::line(text, vec![("account", name_cell(name)), ("state", state)]))
}

/// Changes whether an account may log in; what it was before.
fn set_state(
    desk: &AdminDesk<'_>,
    name: &str,
    state: AccountState,
) -> Result<AccountState, StoreError> {
    desk.edit(|edit| Ok(std::mem::replace(&mut edit.account(name)?.state, state)))
}

pub(super) fn remove(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    alive: &mut Alive<'_>,
) -> AdminResult {
    let (name, files) = (arguments.text("name"), arguments.has("files"));
    desk.check_other(name, "you cannot remove your own account")?;
    desk.store.current().require(name)?;
    if files && !desk.given.is_sure {
        return Err(Error::NotSure(format!("Remove {name} and all that it stored?")).into());
    }
    let text = if files {
        desk.remove_with_files(name, alive)?;
        format!("removed {name} and its files")
    } else {
        desk.edit(|edit| edit.remove(name))?;
        desk.end_sessions_of(name);
        format!("removed {name}; its files stay in the folder `{name}` among the homes")
    };
    Ok(Answer::line(text, vec![("account", name_cell(name)), ("files_stay", Cell::YesNo(!files))]))
}
