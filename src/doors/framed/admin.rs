//! The handlers of the admin's work. Their rows need [`super::Needs::Admin`].

use super::commands::{done, switch, tell};
use super::{Conn, Outcome, Request};
use crate::error::{Error, Result};
use crate::limits;
use crate::session::{AccountState, Adopt, Entries, Overview};
use crate::wire::{
    AccountLine, Approve, Ban, BanLine, Code, Counted, Create, Kick, Message, Named, NewPassword,
    NewQuota, NewRole, Nothing, Pardon, Part, PathOf, Reason, Reject, Remove, SessionLine, Sink,
    WaitingLine,
};

/// Parts with rows one after the other, and their number.
struct Rows<'a> {
    conn: &'a mut Conn,
    part: Sink,
    count: u64,
}

impl<'a> Rows<'a> {
    fn new(conn: &'a mut Conn) -> Rows<'a> {
        Rows { conn, part: Sink::new(), count: 0 }
    }

    fn push<'m>(&mut self, row: &impl Message<'m>) -> Result<()> {
        row.encode(&mut self.part);
        self.count += 1;
        if self.part.len() >= limits::FRAME_HEAD / 2 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.part.is_empty() {
            self.conn.outbox.more(&self.part, &[])?;
            self.part.clear();
        }
        Ok(())
    }

    fn end(mut self, noun: &str) -> Result<Outcome> {
        self.flush()?;
        tell(Code::Done, format!("{} {noun}", self.count), &Counted::new(self.count))
    }
}

fn line<'a>(seen: &'a Overview) -> AccountLine<'a> {
    let account = &seen.account;
    AccountLine::new(
        account.name().as_str(),
        account.role.as_str(),
        account.state.as_str(),
        account.demo.into(),
        account.quota_bytes.is_some().into(),
        account.quota_bytes.unwrap_or(0),
        seen.usage.is_some().into(),
        seen.usage.map_or(0, |usage| usage.used.bytes),
        seen.usage.map_or(0, |usage| usage.used.entries),
        seen.limits.entries.is_some().into(),
        seen.limits.entries.unwrap_or(0),
        seen.sessions,
        account.remark(),
    )
}

/// A limit on the wire: 0 none, 1 this one, 2 the default.
fn quota(limited: u8, bytes: u64) -> Result<Option<Option<u64>>> {
    match limited {
        0 => Ok(Some(None)),
        1 if i64::try_from(bytes).is_ok() => Ok(Some(Some(bytes))),
        2 => Ok(None),
        _ => Err(Error::BadArgument { what: "limited: 0, 1 or 2, and a limit below 2^63" }),
    }
}

pub(super) fn accounts(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    request.message::<Nothing<'_>>()?;
    let all = conn.session.as_admin(|admin| Ok(admin.accounts()))?;
    let mut rows = Rows::new(conn);
    for seen in &all {
        rows.push(&line(seen))?;
    }
    rows.end("accounts")
}

pub(super) fn account(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let of: Named<'_> = request.message()?;
    let seen = conn.session.as_admin(|admin| admin.account(of.name))?;
    tell(Code::Done, "here it is", &line(&seen))
}

pub(super) fn create(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Create<'_> = request.message()?;
    let quota = quota(what.limited, what.limit_bytes)?;
    let adopt = match switch(what.adopt, "adopt: 0 or 1")? {
        true => Adopt::Yes,
        false => Adopt::No,
    };
    conn.session
        .as_admin(|admin| admin.create(what.name, what.password, quota, what.role, adopt))?;
    done("made")
}

pub(super) fn close(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Named<'_> = request.message()?;
    conn.session.as_admin(|admin| admin.set_state(what.name, AccountState::Closed))?;
    done("closed")
}

pub(super) fn open(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Named<'_> = request.message()?;
    conn.session.as_admin(|admin| admin.set_state(what.name, AccountState::Active))?;
    done("opened")
}

pub(super) fn remove(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Remove<'_> = request.message()?;
    conn.attended(|session, alive| {
        session.as_admin(|admin| admin.remove(what.name, what.files == 1, alive))
    })?;
    done("removed")
}

pub(super) fn set_password(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: NewPassword<'_> = request.message()?;
    conn.session.as_admin(|admin| admin.set_password(what.name, what.password))?;
    done("changed")
}

pub(super) fn set_quota(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: NewQuota<'_> = request.message()?;
    let bad = Error::BadArgument { what: "limited: 0 or 1" };
    let quota = quota(what.limited, what.limit_bytes)?.ok_or(bad)?;
    let entries = match what.entries {
        "" => None,
        text => Some(Entries::parse(text).ok_or(Error::BadArgument { what: Entries::FORM })?),
    };
    conn.session.as_admin(|admin| admin.set_quota(what.name, quota, entries))?;
    done("changed")
}

pub(super) fn set_role(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: NewRole<'_> = request.message()?;
    conn.session.as_admin(|admin| admin.set_role(what.name, what.role))?;
    done("changed")
}

pub(super) fn pending(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    request.message::<Nothing<'_>>()?;
    let pending = conn.session.as_admin(|admin| admin.pending())?;
    let mut rows = Rows::new(conn);
    for one in &pending {
        let from = one.from.to_string();
        rows.push(&WaitingLine::new(one.number, one.name.as_str(), &from, one.asked_secs))?;
    }
    rows.end("registrations wait")
}

pub(super) fn approve(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Approve<'_> = request.message()?;
    let quota = quota(what.limited, what.limit_bytes)?;
    let name = conn.session.as_admin(|admin| admin.approve(what.number, quota))?;
    done(format!("{name} can log in now"))
}

pub(super) fn reject(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Reject<'_> = request.message()?;
    let name = conn.session.as_admin(|admin| admin.reject(what.number, what.reason))?;
    done(format!("{name} is told"))
}

pub(super) fn sessions(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    request.message::<Nothing<'_>>()?;
    let guests = conn.session.as_admin(|admin| Ok(admin.guests()))?;
    let mut rows = Rows::new(conn);
    for one in &guests {
        let account = one.account.as_ref().map_or("", |name| name.as_str());
        let from = one.peer.to_string();
        let (door, since) = (one.door, one.since_secs);
        rows.push(&SessionLine::new(one.id, account, &from, door, since, &one.doing))?;
    }
    rows.end("sessions")
}

pub(super) fn kick(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Kick<'_> = request.message()?;
    let count = conn.session.as_admin(|admin| admin.kick(what.who))? as u64;
    tell(Code::Done, format!("{count} sessions end"), &Counted::new(count))
}

pub(super) fn bans(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    request.message::<Nothing<'_>>()?;
    let bans = conn.session.as_admin(|admin| Ok(admin.bans()))?;
    let mut rows = Rows::new(conn);
    for one in &bans {
        let (ban, who) = (&one.ban, one.ban.who.to_string());
        rows.push(&BanLine::new(
            ban.who.kind(),
            &who,
            ban.since_secs,
            ban.until_secs.is_some().into(),
            ban.until_secs.unwrap_or(0),
            one.left_secs.unwrap_or(0),
            ban.by.as_deref().unwrap_or(""),
            &ban.why,
        ))?;
    }
    rows.end("bans")
}

pub(super) fn ban(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Ban<'_> = request.message()?;
    let secs = switch(what.ends, "ends: 0 or 1")?.then_some(what.secs);
    let count = conn.session.as_admin(|admin| admin.ban(what.who, secs, what.reason))? as u64;
    tell(Code::Done, format!("banned; {count} sessions end"), &Counted::new(count))
}

pub(super) fn pardon(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: Pardon<'_> = request.message()?;
    conn.session.as_admin(|admin| admin.pardon(what.who))?;
    done("pardoned")
}

pub(super) fn parts(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let of: Named<'_> = request.message()?;
    let mut notes = Vec::new();
    conn.session.as_admin(|admin| {
        admin.parts(of.name, &mut |note| {
            notes.push(note);
            Ok(())
        })
    })?;
    let mut rows = Rows::new(conn);
    for note in &notes {
        let (path, size) = (note.path.as_str(), note.declared_bytes.unwrap_or(0));
        rows.push(&Part::new(path, note.held_bytes, size, note.started_secs))?;
    }
    rows.end("unfinished uploads")
}

pub(super) fn drop_part(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let what: PathOf<'_> = request.message()?;
    conn.attended(|session, alive| {
        session.as_admin(|admin| admin.drop_part(what.account, what.path, alive))
    })?;
    done("removed")
}

pub(super) fn why(conn: &mut Conn, request: Request<'_>) -> Result<Outcome> {
    let of: PathOf<'_> = request.message()?;
    let reasons = conn.attended(|session, alive| {
        session.as_admin(|admin| admin.why(of.account, of.path, alive))
    })?;
    let mut rows = Rows::new(conn);
    for reason in &reasons {
        rows.push(&Reason::new(reason.what, reason.allowed.into(), &*reason.why))?;
    }
    rows.end("reasons")
}
