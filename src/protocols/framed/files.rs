//! The handlers of names: folders, entries, removal, digests, room.

use super::connection::FramedConnection;
use super::fields::{mode, mtime, switch};
use super::outbox::SignsOfLife;
use super::request::{Handled, Request, done, respond};
use crate::error::{Error, Result};
use crate::limits;
use crate::session::{Entry, EntryKind, Mtime};
use crate::text::Size;
use crate::wire::{
    self, Chmod, Code, Counted, Hash, Hashed, Here, Message, Mkdir, Move, Nothing, Part, Path,
    Reason, Sink, Switched, Touch,
};

pub(super) fn pwd(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let here = conn.session.cwd()?;
    respond(Code::Done, format!("you are in {here}"), &Here::new(here.as_str(), ""))
}

pub(super) fn cd(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let to: Path<'_> = request.message()?;
    let words = conn.session.cd(to.path)?.join("\n");
    let here = conn.session.cwd()?;
    respond(Code::Done, format!("you are in {here}"), &Here::new(here.as_str(), &words))
}

/// An entry as the wire has it.
fn entry<'a>(entry: &'a Entry, version: u64) -> wire::Entry<'a> {
    let kind = match entry.kind {
        EntryKind::File => wire::ListedKind::File,
        EntryKind::Directory => wire::ListedKind::Directory,
        EntryKind::Link => wire::ListedKind::Link,
        EntryKind::Other => wire::ListedKind::OTHER,
    };
    let (mtime, mode) = (entry.mtime, (entry.mode & 0o777) as u16);
    let Entry { odd, size, name, .. } = entry;
    wire::Entry::new(kind, (*odd).into(), *size, mtime.secs, mtime.nanos, mode, version, &**name)
}

pub(super) fn ls(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let of: Path<'_> = request.message()?;
    let listing = conn.session.list(of.path)?;
    let mut progress = SignsOfLife::new(&mut conn.outbox, conn.session.ending());
    let (mut part, mut count) = (Sink::new(), 0u64);
    for next in listing {
        entry(&next?, 0).encode(&mut part);
        count += 1;
        progress.report(count, 0)?;
        if part.len() >= limits::FRAME_HEAD / 2 {
            progress.outbox.more(&part, &[])?;
            part.clear();
        }
    }
    if !part.is_empty() {
        conn.outbox.more(&part, &[])?;
    }
    respond(Code::Done, format!("{count} entries"), &Counted::new(count))
}

pub(super) fn stat(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let of: Path<'_> = request.message()?;
    let (is, version) = conn.session.stat(of.path)?;
    let text = conn.attended(|session, alive| session.mount_figures(of.path, alive))?;
    respond(Code::Done, text.unwrap_or("here it is".into()), &entry(&is, version))
}

pub(super) fn mkdir(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Mkdir<'_> = request.message()?;
    let parents = switch(what.parents, "parents: 0 or 1")?;
    let mode = mode(what.mode)?;
    conn.attended(|session, alive| session.mkdir(what.path, parents, mode, alive))?;
    done("made")
}

pub(super) fn rmdir(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Path<'_> = request.message()?;
    conn.attended(|session, alive| session.rmdir(what.path, alive))?;
    done("removed")
}

pub(super) fn rm(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Switched<'_> = request.message()?;
    let tree = switch(what.switch, "switch: 0 or 1")?;
    conn.attended(|session, alive| match tree {
        true => session.remove_tree(what.path, alive),
        false => session.remove(what.path, alive),
    })?;
    done("removed")
}

pub(super) fn mv(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Move<'_> = request.message()?;
    let replace = switch(what.replace, "replace: 0 or 1")?;
    conn.attended(|session, alive| session.rename(what.from, what.to, replace, alive))?;
    done("moved")
}

pub(super) fn chmod(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Chmod<'_> = request.message()?;
    let mode = mode(what.mode)?.ok_or(Error::BadArgument { what: "mode: nine bits" })?;
    conn.session.set_mode(what.path, mode)?;
    done("set")
}

pub(super) fn touch(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Touch<'_> = request.message()?;
    let time = match switch(what.now, "now: 0 or 1")? {
        true => Mtime::now(),
        false => mtime(what.mtime_secs, what.mtime_nanos)?,
    };
    conn.session.set_mtime(what.path, time, what.version)?;
    done("set")
}

pub(super) fn space(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let of: Path<'_> = request.message()?;
    let (free, usage) = conn.attended(|session, alive| session.space(of.path, alive))?;
    let limit = usage.and_then(|usage| usage.limits.bytes);
    let used = usage.map_or(0, |usage| usage.used.plus(usage.reserved).bytes);
    let fields = wire::Space::new(free, used, limit.is_some().into(), limit.unwrap_or(0));
    respond(Code::Done, format!("{} free", Size(free)), &fields)
}

pub(super) fn hash(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Hash<'_> = request.message()?;
    let hashed = conn.attended(|session, alive| session.hash(what.path, what.digest, alive));
    let (hex, size) = hashed?;
    respond(Code::Sums, "here is the digest", &Hashed::new(&*hex, size))
}

pub(super) fn why(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let of: Path<'_> = request.message()?;
    let reasons = conn.attended(|session, alive| session.why(of.path, alive))?;
    let mut part = Sink::new();
    for reason in &reasons {
        Reason::new(reason.what, reason.allowed.into(), &*reason.why).encode(&mut part);
    }
    conn.outbox.more(&part, &[])?;
    respond(Code::Done, "this decides", &Counted::new(reasons.len() as u64))
}

pub(super) fn quota(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let usage = conn.attended(|session, alive| session.usage(alive))?;
    let crate::session::Usage { used, reserved, limits } = usage;
    let text = match limits.bytes {
        Some(limit) => format!("{} used of {}", Size(used.bytes), Size(limit)),
        None => format!("{} used, no limit", Size(used.bytes)),
    };
    let fields = wire::Usage::new(
        used.bytes,
        reserved.bytes,
        limits.bytes.is_some().into(),
        limits.bytes.unwrap_or(0),
        used.entries,
        reserved.entries,
        limits.entries.is_some().into(),
        limits.entries.unwrap_or(0),
    );
    respond(Code::Done, text, &fields)
}

pub(super) fn parts(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let FramedConnection { session, outbox, .. } = conn;
    let (mut part, mut count) = (Sink::new(), 0u64);
    let mut progress = SignsOfLife::new(outbox, session.ending());
    session.parts(&mut |note| {
        // A file of no bytes leaves no part.
        let size = note.declared_bytes.unwrap_or(0);
        let path = note.path.as_str();
        Part::new(path, note.held_bytes, size, note.started_secs).encode(&mut part);
        count += 1;
        progress.report(count, 0)?;
        if part.len() >= limits::FRAME_HEAD / 2 {
            progress.outbox.more(&part, &[])?;
            part.clear();
        }
        Ok(())
    })?;
    if !part.is_empty() {
        conn.outbox.more(&part, &[])?;
    }
    respond(Code::Done, format!("{count} unfinished uploads"), &Counted::new(count))
}

pub(super) fn forget(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Path<'_> = request.message()?;
    if conn.upload.is_some() {
        return Err(Error::WrongState { what: "an upload is open" });
    }
    conn.attended(|session, alive| session.forget(what.path, alive))?;
    done("forgotten")
}
