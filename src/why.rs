//! Why something may be done at a path or not: which account, mount, right or limit decides.
//!
//! Never: tells whoever asks for himself what a refusal would not tell. Nothing is changed, and the
//! answers come from the same steps that the commands take.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::mounts::{self, Mounts};
use crate::quota::{Amount, ChargeRule, Usage};
use crate::scram::random_bytes;
use crate::shared::Shared;
use crate::text::Size;
use crate::transfer::{Claimant, check_free};
use crate::vfs::{AccessKind, EntryKind, VPath, Vfs, View};

/// One thing that decides, or one thing that may be done or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `place`, `room`, or what might be done: one of [`AccessKind::ALL`].
    pub what: &'static str,
    /// Whether it may be done; for a place whether anything may, for room whether there is any.
    pub allowed: bool,
    /// What decides it.
    pub why: String,
}

/// Whom it is about.
#[derive(Debug)]
pub struct Requester<'a> {
    /// The account; `None` is a guest.
    pub account: Option<&'a str>,
    /// Whether it is an admin's.
    pub is_admin: bool,
    /// Whether it may log in at all.
    pub is_open: bool,
    /// Whether who asks may know for which other accounts something is mounted.
    pub reports_others: bool,
    /// What is mounted.
    pub mounts: &'a Mounts,
    /// Its views of the disk.
    pub vfs: &'a Vfs,
    /// How it stands.
    pub usage: Usage,
    /// As whom it would write.
    pub writer: Claimant<'a>,
}

/// Everything that decides at a path: the place, the room, and each of [`AccessKind::ALL`]. Of a
/// directory that may be looked at it is what may be done in it.
pub fn reasons(
    shared: &Arc<Shared>,
    requester: &Requester<'_>,
    path: &VPath,
) -> Result<Vec<Reason>> {
    let view = requester.vfs.view(path)?;
    let (place, giver) = describe(requester, view, path);
    let rights = view.rights();
    let anything = requester.is_open && (rights.read || rights.changes());
    let mut reasons = vec![Reason { what: "place", allowed: anything, why: place }];
    let room = room(shared, requester, view)?;
    let has_room = room.allowed;
    reasons.push(room);
    let inside = inside(requester, path)?;
    for act in AccessKind::ALL {
        let may = match (act, &inside) {
            _ if !requester.is_open => Err(Error::WrongState { what: "the account is closed" }),
            (AccessKind::List, _) | (_, None) => may(shared, requester, act, path, has_room),
            (_, Some(Inside::Name(name))) => may_in(shared, requester, act, name, has_room),
            // Reasons are for people, so this one is worded as for whoever tried.
            (_, Some(Inside::TooDeep)) => path.join("x").map(drop),
        };
        let why = match &may {
            Ok(()) => format!("{giver} {rights}"),
            Err(Error::Denied { .. }) => {
                format!("{giver} {rights}, and it takes {}", needed(act, path, view, &inside))
            }
            Err(e) => e.to_string(),
        };
        reasons.push(Reason { what: act.name(), allowed: may.is_ok(), why });
    }
    Ok(reasons)
}

/// What is in a directory.
enum Inside {
    /// A name in it that nothing has.
    Name(VPath),
    /// Nothing can be: its path would be too long or too deep.
    TooDeep,
}

/// What would be in `path`, if that is a directory and whoever asks may know that.
fn inside(requester: &Requester<'_>, path: &VPath) -> Result<Option<Inside>> {
    if !requester.vfs.stat(path).is_ok_and(|there| there.kind == EntryKind::Directory) {
        return Ok(None);
    }
    let name = format!("{:016x}", u64::from_be_bytes(random_bytes()?));
    Ok(Some(path.join(&name).map_or(Inside::TooDeep, Inside::Name)))
}

/// Whether something may be done at a path as it is.
fn may(
    shared: &Arc<Shared>,
    requester: &Requester<'_>,
    act: AccessKind,
    path: &VPath,
    has_room: bool,
) -> Result<()> {
    match act {
        AccessKind::Add | AccessKind::Replace => may_store(shared, requester, act, path, has_room),
        _ => requester.vfs.may(act, path),
    }
}

/// Whether something may be done in a directory: to a new name, or to a file that would be there.
fn may_in(
    shared: &Arc<Shared>,
    requester: &Requester<'_>,
    act: AccessKind,
    name: &VPath,
    has_room: bool,
) -> Result<()> {
    let denied = || Error::Denied { path: name.as_str().to_owned() };
    let rights = requester.vfs.view(name)?.rights();
    match act {
        AccessKind::List | AccessKind::Get => {
            if rights.read {
                Ok(())
            } else {
                Err(denied())
            }
        }
        AccessKind::Add | AccessKind::Directory => may(shared, requester, act, name, has_room),
        AccessKind::Remove | AccessKind::Rename => requester.vfs.to_change(name).map(drop),
        AccessKind::Replace if !rights.modify => Err(denied()),
        AccessKind::Replace if !has_room => Err(NO_ROOM),
        AccessKind::Replace => {
            check_free(requester.vfs.to_write(name)?, shared.config().min_free(), Amount::file(1))
        }
    }
}

/// Why a file cannot be stored when the quota is used up.
const NO_ROOM: Error = Error::WrongState { what: "the room is used up, see there" };

/// Everything that can refuse a file, in the order in which an upload finds it: the rights, another
/// writer, what is there, the limit, the disk.
fn may_store(
    shared: &Arc<Shared>,
    requester: &Requester<'_>,
    act: AccessKind,
    path: &VPath,
    has_room: bool,
) -> Result<()> {
    let view = requester.vfs.to_write(path)?;
    let key = view.upload_key(path, requester.writer.by);
    shared.claims.check(&key, path.as_str(), requester.writer)?;
    requester.vfs.may(act, path)?;
    if !has_room {
        return Err(NO_ROOM);
    }
    check_free(view, shared.config().min_free(), Amount::file(1))
}

/// Who pays in a view, and how much is left.
pub fn room(shared: &Arc<Shared>, requester: &Requester<'_>, view: &View) -> Result<Reason> {
    if !view.rights().changes() {
        let why = "nothing can be stored here".to_owned();
        return Ok(Reason { what: "room", allowed: false, why });
    }
    let mut alive = |_, _| shared.check_running();
    let charged = shared.charged(requester.vfs, view, &mut alive)?;
    let (charge_rule, usage) = match shared.ledger.charge_rule(charged.directory) {
        ChargeRule::Account(_) => ("the account pays", Some(requester.usage)),
        ChargeRule::Writer => {
            ("whoever stores something pays; here the account", Some(requester.usage))
        }
        ChargeRule::Directory | ChargeRule::Nobody => {
            ("the mount pays out of a limit of its own", shared.ledger.usage_of(&charged))
        }
    };
    let Usage { used, reserved, limits } = usage.unwrap_or(Usage::NONE);
    let left = usage.unwrap_or(Usage::NONE).left();
    let of = |limit: Option<u64>, shown: &dyn Fn(u64) -> String| match limit {
        Some(limit) => format!("of {}", shown(limit)),
        None => "without limit".to_owned(),
    };
    let bytes = of(limits.bytes, &|limit| format!("{limit} bytes ({})", Size(limit)));
    let entries = of(limits.entries, &|limit| format!("{limit} entries"));
    let why = format!(
        "{charge_rule}: {} bytes used and {} reserved {bytes}, {} entries {entries}",
        used.bytes,
        reserved.bytes,
        used.entries.saturating_add(reserved.entries)
    );
    Ok(Reason { what: "room", allowed: left.bytes > 0 && left.entries > 0, why })
}

/// Where a path lies, and who gives the rights there.
fn describe(requester: &Requester<'_>, view: &View, path: &VPath) -> (String, &'static str) {
    let who = match requester.account {
        Some(name) if !requester.is_open => format!("account {name} (closed)"),
        Some(name) if requester.is_admin => format!("account {name} (admin)"),
        Some(name) => format!("account {name}"),
        None => "a guest".to_owned(),
    };
    let (account, reports_others) = (requester.account, requester.reports_others);
    match requester.mounts.at(account, view.mount_point()) {
        Some(mount) if view.volume().is_some() => {
            let (name, at, requester) = (&mount.name, &mount.at, &mount.audience);
            // For whom else it is, is an admin's to know.
            let them = match requester {
                mounts::MountAudience::Named(names) if !reports_others && names.len() > 1 => {
                    format!("{} and others", account.unwrap_or_default())
                }
                requester => requester.to_string(),
            };
            let place = format!("{who}: {path} is in the mount {name} at {at}, for {them}");
            (place, "the mount gives")
        }
        _ => (format!("{who}: {path} is in the home"), "the home gives"),
    }
}

/// The right that was missing.
fn needed(act: AccessKind, path: &VPath, view: &View, inside: &Option<Inside>) -> &'static str {
    match act {
        AccessKind::List | AccessKind::Get => "read",
        AccessKind::Directory if view.volume().is_some() => "modify",
        AccessKind::Add | AccessKind::Directory => "write",
        AccessKind::Replace if view.is_drop_box() || inside.is_some() => "modify",
        // Without the permission to list, the answer does not say whether something is there.
        AccessKind::Replace if !view.rights().changes() => "write or modify",
        AccessKind::Replace => match view.may_store(path, true, None) {
            Err(_) if view.rights().write => "modify",
            _ => "write",
        },
        AccessKind::Remove | AccessKind::Rename => "modify",
    }
}
