//! The commands about what accounts do now, and may do: sessions, temporary passwords, unfinished
//! uploads, reasons.

use std::sync::Arc;

use super::grammar::Arguments;
use super::{AdminDesk, AdminResult};
use crate::accounts::{AccountName, AccountState, Role, StoreError};
use crate::answer::{Answer, Cell};
use crate::audit::TransferSeen;
use crate::error::{Error, Result};
use crate::quota::{Charge, Usage};
use crate::rights::Rights;
use crate::shared::{OnlineConnection, Shared};
use crate::transfer::{Alive, Claimant, credit};
use crate::vfs::{PartNote, VPath, Vfs};
use crate::why::{self, Reason, Requester};

impl AdminDesk<'_> {
    /// All connections.
    pub(super) fn online(&self) -> Vec<OnlineConnection> {
        self.shared.map(|shared| shared.online()).unwrap_or_default()
    }

    /// An account's unfinished uploads.
    pub(super) fn parts_of(
        &self,
        shared: &Arc<Shared>,
        name: &str,
    ) -> Result<Vec<PartNote>, StoreError> {
        let mut notes = Vec::new();
        let vfs = shared.views_of(self.store.current().require(name)?)?;
        vfs.parts(&mut |note| {
            notes.push(note);
            Ok(())
        })?;
        Ok(notes)
    }

    /// Removes an unfinished upload of any account, unless it is being written; its bytes.
    pub(super) fn drop_one(
        &self,
        shared: &Arc<Shared>,
        (name, path): (&str, &VPath),
        alive: &mut Alive<'_>,
    ) -> Result<u64, StoreError> {
        let accounts = self.store.current();
        let account = accounts.require(name)?;
        let vfs = shared.views_of(account)?;
        // One that has not logged in since the start is not counted yet, and could not be credited.
        shared.usage_of(account, alive)?;
        // Under a name that no account has, so that nobody's upload is taken over.
        let session = self.session.unwrap_or(0);
        let who = Claimant { by: "an admin", session, is_stream: false };
        Ok(forget(shared, &vfs, who, path, alive)?)
    }
}

/// How many sessions end, in words.
pub(super) fn ended(count: usize) -> String {
    match count {
        1 => "one session ends".to_owned(),
        count => format!("{count} sessions end"),
    }
}

pub(super) fn sessions(desk: &AdminDesk<'_>, _: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let row = |one: OnlineConnection| {
        // Of a transfer the path that its bytes belong to; the command may be a later one.
        let transfer = one.transfer.as_ref();
        let path = transfer.map_or(one.path.as_str(), |transfer| transfer.path.as_str());
        vec![
            Cell::Count(one.id),
            Cell::known(one.account, |name| Cell::Name(name.to_string())),
            Cell::Text(one.peer.to_string()),
            one.protocol.into(),
            Cell::Moment(one.since_secs),
            match (transfer, one.doing) {
                // By either protocol, also between two requests of one upload.
                (Some(transfer), _) => transfer.verb.name().into(),
                (None, "") => "idle".into(),
                (None, doing) => doing.into(),
            },
            Cell::known(transfer.and_then(TransferSeen::percent), Cell::Count),
            Cell::known(transfer, |transfer| Cell::Bytes(transfer.rate)),
            Cell::known(transfer, |transfer| Cell::Span(transfer.took.as_secs())),
            Cell::known(Some(path).filter(|path| !path.is_empty()), |path| {
                Cell::Name(path.to_owned())
            }),
        ]
    };
    let rows = desk.online().into_iter().map(row).collect();
    let columns =
        ["id", "account", "from", "protocol", "since", "doing", "percent", "rate", "time", "path"];
    Ok(Answer::table(&columns, rows, "nobody is connected"))
}

pub(super) fn kick(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let who = arguments.text("name");
    let online = desk.online();
    // Accounts may be called by numbers, as students are, and small ones are sessions' too.
    let is_account = desk.store.current().account(who).is_some();
    let id = who.parse().ok().filter(|id| online.iter().any(|connection| connection.id == *id));
    let id = id.filter(|_| !is_account);
    if id.is_some() && id == desk.session {
        return Err(Error::WrongState { what: "this is your own session" }.into());
    }
    let picked = |connection: &OnlineConnection| match id {
        Some(id) => connection.id == id,
        None => connection.account.as_ref().is_some_and(|name| name.as_str() == who),
    };
    let end =
        |connection: &OnlineConnection| picked(connection) && Some(connection.id) != desk.session;
    match desk.shared.map_or(0, |shared| shared.end(end)) {
        0 => Err(Error::Unknown { what: "session of", name: who.to_owned() }.into()),
        count => Ok(Answer::line(ended(count), vec![("sessions", Cell::Count(count as u64))])),
    }
}

pub(super) fn ftp_passwords(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let name = Some(arguments.text("name")).filter(|name| !name.is_empty());
    if let Some(name) = name {
        desk.store.current().require(name)?;
    }
    let rows = desk.temporary.list(name)?.into_iter().map(|(prefix, one)| {
        vec![
            Cell::Text(prefix),
            Cell::Name(one.account.to_string()),
            Cell::Moment(one.since_secs),
            Cell::Moment(one.until_secs),
            one.uses.map_or_else(|| "any".into(), |uses| Cell::Count(uses.into())),
            if one.rights == Rights::ALL {
                "all".into()
            } else {
                Cell::Text(one.rights.to_string())
            },
            one.from.map_or_else(|| "anywhere".into(), |from| Cell::Text(from.to_string())),
        ]
    });
    let columns = ["prefix", "account", "since", "until", "logins", "rights", "from"];
    Ok(Answer::table(&columns, rows.collect(), "there are no temporary passwords"))
}

pub(super) fn ftp_revoke(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    _: &mut Alive<'_>,
) -> AdminResult {
    let prefix = arguments.text("prefix");
    let one = desk.temporary.revoke(desk.store, prefix, None)?;
    let mut facts = vec![("account", Cell::Name(one.account.to_string()))];
    let text = format!("the temporary password {prefix} of {} is good no longer", one.account);
    let Some(shared) = desk.shared else { return Ok(Answer::line(text, facts)) };
    let count = shared.end_temporary(prefix);
    facts.push(("sessions", Cell::Count(count as u64)));
    Ok(Answer::line(format!("{text}; {}", ended(count)), facts))
}

pub(super) fn parts(desk: &AdminDesk<'_>, arguments: &Arguments, _: &mut Alive<'_>) -> AdminResult {
    let name = arguments.text("name");
    desk.store.current().require(name)?;
    let shared = desk.tree()?;
    let row = |note: &PartNote| {
        vec![
            Cell::Bytes(note.held_bytes),
            Cell::known(note.declared_bytes, Cell::Bytes),
            Cell::Moment(note.started_secs),
            Cell::Name(note.path.as_str().to_owned()),
        ]
    };
    let rows = desk.parts_of(&shared, name)?.iter().map(row).collect();
    Ok(Answer::table(&["held", "of", "begun", "path"], rows, "no unfinished uploads"))
}

pub(super) fn drop_part(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    alive: &mut Alive<'_>,
) -> AdminResult {
    let (name, path) = (arguments.text("name"), VPath::root().join(arguments.text("path"))?);
    desk.store.current().require(name)?;
    let bytes = desk.drop_one(&desk.tree()?, (name, &path), alive)?;
    let text = format!("removed the unfinished upload {path} of {name}: {bytes} bytes");
    Ok(Answer::line(text, vec![("freed", Cell::Bytes(bytes))]))
}

/// Removes the unfinished upload of a path, and credits it. Returns how many bytes it had.
pub fn forget(
    shared: &Arc<Shared>,
    vfs: &Vfs,
    who: Claimant<'_>,
    path: &VPath,
    alive: &mut Alive<'_>,
) -> Result<u64> {
    let view = vfs.view(path)?;
    let charged = shared.charged(vfs, view, alive)?;
    let charge = Charge::open(&shared.ledger, &charged)?;
    // By whoever it is dropped, it is a part of the account.
    let key = view.upload_key(path, view.account());
    let claim = shared.claims.take(&key, path.as_str(), who, charge)?;
    let mut claim = claim.hold()?;
    let held = view.part_held(path)?;
    let held = held.ok_or(Error::NotFound { path: path.as_str().to_string() })?;
    claim.needs_no_peer();
    credit(&shared.ledger, &charged, view.drop_part(path)?);
    Ok(held)
}

/// What an account, or a guest by the name that guests have, may do at a path from its root. The
/// one trace is the account's home, which is made if it is not there yet.
pub(super) fn why(
    desk: &AdminDesk<'_>,
    arguments: &Arguments,
    alive: &mut Alive<'_>,
) -> AdminResult {
    let (name, path) = (arguments.text("name"), VPath::root().join(arguments.text("path"))?);
    let (accounts, is_guest) = (desk.store.current(), name == AccountName::guest().as_str());
    let account = if is_guest { None } else { Some(accounts.require(name)?) };
    let shared = &desk.tree()?;
    let vfs = match account {
        Some(account) => shared.views_of(account)?,
        None => {
            let nobody = || Error::Unknown { what: "account", name: name.to_owned() };
            shared.views_of_guest()?.ok_or_else(nobody)?
        }
    };
    let whom = Requester {
        account: account.map(|_| name),
        is_admin: account.is_some_and(|account| account.role == Role::Admin),
        reports_others: true,
        is_open: account.is_none_or(|account| account.state == AccountState::Active),
        mounts: &shared.mounts(),
        vfs: &vfs,
        usage: account.map_or(Ok(Usage::NONE), |account| shared.usage_of(account, alive))?,
        // As a new session of the account would find it.
        writer: Claimant { by: name, session: 0, is_stream: false },
    };
    let row = |reason: Reason| {
        vec![reason.what.into(), Cell::YesNo(reason.allowed), Cell::Text(reason.why)]
    };
    let rows = why::reasons(shared, &whom, &path)?.into_iter().map(row).collect();
    Ok(Answer::table(&["what", "allowed", "why"], rows, ""))
}
