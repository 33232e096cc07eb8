//! Why something may be done at a path or not: which account, mount, right or limit decides.
//!
//! Never: tells what a refusal would not tell. Nothing is changed, and the answers come from the
//! same steps that the commands take.

use super::{Session, User};
use crate::error::{Error, Result};
use crate::text::Size;
use crate::vfs::{Act, Payer, VPath, View};

/// One thing that decides, or one thing that may be done or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `place`, `room`, what might be done (`list`, `get`, `put new`, `replace`, `remove`), or
    /// `rate`, where one counts.
    pub what: &'static str,
    /// Whether it may be done; for a place whether anything may, for room whether there is any.
    pub allowed: bool,
    /// What decides it.
    pub why: String,
}

impl Session {
    /// What may be done at a path as things stand, and what decides it.
    pub fn why(&self, path: &str) -> Result<Vec<Reason>> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.view(&path)?;
        let (place, giver) = describe(user, view, &path);
        let rights = view.rights();
        let anything = rights.read || rights.changes();
        let mut reasons = vec![Reason { what: "place", allowed: anything, why: place }];
        let room = self.room(user, view)?;
        let has_room = room.allowed;
        reasons.push(room);
        for act in Act::ALL {
            let mut may = user.vfs.may(act, &path);
            if may.is_ok() && matches!(act, Act::Add | Act::Replace) {
                may = self.may_be_stored(view, &path, has_room);
            }
            let why = match &may {
                Ok(()) => format!("{giver} {rights}"),
                Err(Error::Denied { .. }) => {
                    format!("{giver} {rights}, and it takes {}", needed(act, &path, view))
                }
                Err(e) => e.to_string(),
            };
            reasons.push(Reason { what: act.name(), allowed: may.is_ok(), why });
        }
        reasons.extend(self.rate()?);
        Ok(reasons)
    }

    /// At a mount point that can be stored in: who pays, and how much is left.
    pub fn mount_figures(&self, path: &str) -> Result<Option<String>> {
        let (user, path) = self.at(path)?;
        if !user.vfs.is_mount_point(&path) {
            return Ok(None);
        }
        let view = user.vfs.view(&path)?;
        Ok(Some(self.room(user, view)?.why))
    }

    /// What else can stand against a file: another writer, the limit, the disk.
    fn may_be_stored(&self, view: &View, path: &VPath, has_room: bool) -> Result<()> {
        if self.site().claims().is_taken(&view.key(path)) {
            return Err(Error::WrongState { what: "somebody is writing it" });
        }
        if !has_room {
            return Err(Error::WrongState { what: "the room is used up, see there" });
        }
        if view.free_bytes()? <= self.site().min_free_bytes() {
            return Err(Error::DiskFull);
        }
        Ok(())
    }

    /// Who pays, and how much is left.
    fn room(&self, user: &User, view: &View) -> Result<Reason> {
        let payer = match view.payer() {
            Payer::Itself if !view.rights().changes() => {
                let why = "nothing can be stored here".to_owned();
                return Ok(Reason { what: "room", allowed: false, why });
            }
            Payer::Itself => "the mount pays out of a limit of its own",
            Payer::Owner => "your account pays",
            Payer::Writer => "whoever stores something pays; here your account",
        };
        let purse = self.site().purse(view, &user.purse)?;
        let missing = Error::WrongState { what: "the ledger does not know this account" };
        let usage = self.site().ledger().usage(&purse).ok_or(missing)?;
        let (used, reserved) = (usage.used_bytes, usage.reserved_bytes);
        let (limit, left) = match usage.limit_bytes {
            Some(limit) => (
                format!("of {limit} bytes ({})", Size(limit)),
                limit.saturating_sub(used).saturating_sub(reserved),
            ),
            None => ("without limit".to_owned(), u64::MAX),
        };
        let why = format!("{payer}: {used} bytes used and {reserved} promised {limit}");
        Ok(Reason { what: "room", allowed: left > 0, why })
    }
}

/// Where a path lies, and who gives the rights there.
fn describe(user: &User, view: &View, path: &VPath) -> (String, &'static str) {
    let who = match user.account() {
        Some(name) => format!("account {name}"),
        None => "a guest".to_owned(),
    };
    match user.mounts.at(user.account(), view.mount_point()) {
        Some(mount) if view.volume().is_some() => {
            let (name, at, whom) = (&mount.name, &mount.at, &mount.whom);
            let place = format!("{who}: {path} is in the mount {name} at {at}, for {whom}");
            (place, "the mount gives")
        }
        _ => (format!("{who}: {path} is in the home"), "the home gives"),
    }
}

/// The right that was missing.
fn needed(act: Act, path: &VPath, view: &View) -> &'static str {
    match act {
        Act::List | Act::Get => "read",
        Act::Add => "write",
        // Who may not look is not told whether something is there.
        Act::Replace if !view.rights().changes() => "write or modify",
        Act::Replace => match view.may_store(path, true) {
            Err(_) if view.rights().write => "modify",
            _ => "write",
        },
        Act::Remove => "modify",
    }
}
