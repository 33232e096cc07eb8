//! The handlers of content that comes or goes in one request: small files, downloads, copies, and
//! the comparisons before them.

use super::connection::FramedConnection;
use super::fields::{mode, mtime, piece, stored, switch};
use super::outbox::SignsOfLife;
use super::reply::Response;
use super::request::{Handled, Request, respond};
use crate::digest::Digest;
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::session::{Mtime, TransferEntry, UploadOptions, Verb, Way};
use crate::transfer::{Download, Group, Ready, Stored};
use crate::wire::{self, Code, Copy, Get, Got, Message, Sink, Store, Summed, SumsOf};

const CHUNK: u64 = limits::CHUNK as u64;

pub(super) fn respond_equal() -> Result<Handled> {
    Ok(Handled::Answer(Response::new(Code::AlreadyThere, "the file exists, equal")))
}

/// Whether an equal file is in the place already.
pub(super) fn is_there(
    conn: &mut FramedConnection,
    wanted: &UploadOptions<'_>,
    size: u64,
    whole: &[u8],
) -> Result<bool> {
    let FramedConnection { session, outbox, algorithm, block, .. } = conn;
    let mut progress = SignsOfLife::new(outbox, session.ending());
    let mut alive = |done, total| progress.report(done, total);
    let (said, block) = ((size, whole), block.whole(*algorithm));
    match session.is_equal(wanted.path, *algorithm, said, block, &mut alive) {
        // What cannot be read cannot be equal; the upload itself will say what is in its way.
        Err(e) if e.fate() == Fate::Answer => Ok(false),
        other => other,
    }
}

pub(super) fn store(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let store = Store::decode(request.fields)?;
    if store.flags & !wire::REPLACE != 0 {
        return Err(Error::BadArgument { what: "flags: 0 or 1" });
    }
    let mut digests = Vec::new();
    wire::digests(conn.algorithm, store.digests, &mut digests)?;
    let beside = conn.group.as_ref().and_then(Group::beside);
    let wanted = UploadOptions {
        beside: beside.as_ref(),
        path: store.path,
        mtime: Some(mtime(store.mtime_secs, store.mtime_nanos)?),
        mode: mode(store.mode)?,
        replace: store.flags & wire::REPLACE != 0,
    };
    let inline = conn.take_inline()?;
    let data = inline.get(..request.data_len).unwrap_or_default();
    let handled = store_inline(conn, &wanted, (&digests, store.digest, data));
    conn.inline = inline;
    handled
}

/// Stores a small file that is here: the digests of its chunks and of the whole, and its bytes.
fn store_inline(
    conn: &mut FramedConnection,
    wanted: &UploadOptions<'_>,
    said: (&[Digest], &[u8], &[u8]),
) -> Result<Handled> {
    let mut taken = take_small(conn, wanted, said);
    if taken.is_err() && conn.has_waiting_files() {
        // Those who wait come first, in the answers as well as on the disk: one of them may hold
        // this very path, or replace a file whose room is wanted here, or the last descriptor.
        conn.settle_group()?;
        taken = take_small(conn, wanted, said);
    }
    let ready = match taken {
        Ok(Some(ready)) => ready,
        Ok(None) => {
            conn.settle_group()?;
            return respond_equal();
        }
        Err(e) => {
            conn.group = None;
            let (_, whole, data) = said;
            let size = data.len() as u64;
            let there = matches!(e, Error::Exists { size: there, .. } if there == size);
            if there && is_there(conn, wanted, size, whole)? {
                return respond_equal();
            }
            conn.session.refused(Verb::Put, wanted.path, &e);
            return Err(e);
        }
    };
    if conn.group.as_ref().is_some_and(|group| !group.suits(&ready)) {
        conn.settle_group()?;
    }
    let Some(group) = &mut conn.group else {
        return Ok(Handled::Answer(stored(commit(conn, ready))));
    };
    group.push(ready);
    if group.is_full() {
        conn.settle_group()?;
    }
    Ok(Handled::Grouped)
}

/// Takes a small file: the digests of its chunks and of the whole, and its bytes; `None` if it
/// would replace its equal. Where files are grouped the group is there before the first of them.
fn take_small(
    conn: &mut FramedConnection,
    wanted: &UploadOptions<'_>,
    (digests, whole, data): (&[Digest], &[u8], &[u8]),
) -> Result<Option<Ready>> {
    let size = data.len() as u64;
    let may_be_equal = wanted.replace && conn.session.is_settled(wanted.path, size);
    if may_be_equal && is_there(conn, wanted, size, whole)? {
        return Ok(None);
    }
    if conn.group.is_none() {
        conn.group = Some(conn.session.group()?);
    }
    let algorithm = conn.algorithm;
    let stored = conn
        .attended(|session, alive| session.store(wanted, algorithm, digests, whole, data, alive));
    stored.map(Some)
}

pub(super) fn commit(conn: &mut FramedConnection, ready: Ready) -> Result<Stored> {
    conn.attended(|session, alive| session.commit(ready, alive))
}

pub(super) fn cp(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Copy<'_> = request.message()?;
    let replace = switch(what.replace, "replace: 0 or 1")?;
    let file = conn.attended(|session, alive| session.copy(what.from, what.to, replace, alive))?;
    Ok(Handled::Answer(stored(Ok(file))))
}

pub(super) fn sums(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let of: SumsOf<'_> = request.message()?;
    let range = (of.from, u64::from(of.count) * CHUNK);
    let mut sums = conn.session.download(of.path, conn.algorithm, range, of.version)?;
    let (mut digests, mut part) = (Vec::<Digest>::new(), Sink::new());
    let mut end = of.from;
    let bound = conn.session.digest_bound();
    let FramedConnection { session, outbox, block, algorithm, .. } = conn;
    let block = block.whole(*algorithm);
    let mut progress = SignsOfLife::new(outbox, session.ending());
    while sums.left() > 0 {
        bound.check()?;
        progress.report(end, 0)?;
        let (at, got) = sums.next_digests(block, &mut digests)?;
        piece(&mut part, at, &digests);
        progress.outbox.more(&part, &[])?;
        end = at + got as u64;
    }
    sums.finish()?;
    respond(Code::Sums, "these are the digests", &Summed::new(end))
}

pub(super) fn get(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let get: Get<'_> = request.message()?;
    let range = (get.offset, get.length);
    let opened = conn.session.get(get.path, conn.algorithm, range, get.version)?;
    let (mut download, mut note) = opened;
    let bytes = download.left();
    let sent = send(conn, &mut download, &mut note).and_then(|()| download.finish());
    let (source, digest) = sent.inspect_err(|e| note.refused(e))?;
    note.done(bytes);
    let Mtime { secs, nanos } = source.mtime();
    let got = Got::new(source.size(), secs, nanos, source.version(), digest.as_bytes());
    respond(Code::Sent, "sent", &got)
}

/// All that is left of a download, in pieces.
fn send(
    conn: &mut FramedConnection,
    download: &mut Download,
    note: &mut TransferEntry,
) -> Result<()> {
    let mut block = std::mem::take(&mut conn.block);
    let (mut digests, mut part) = (Vec::<Digest>::new(), Sink::new());
    while download.left() > 0 {
        conn.session.ending().check()?;
        let left = usize::try_from(download.left()).unwrap_or(usize::MAX).min(block.size());
        let paid = conn.pay(Way::Down, left)?;
        let len = conn.part_len(paid, left);
        let (at, got) = download.next(block.room(len), &mut digests)?;
        piece(&mut part, at, &digests);
        conn.send_content(&part, block.bytes(got), paid)?;
        block.moved(got, Some(conn.algorithm));
        note.moved(got as u64);
    }
    conn.block = block;
    Ok(())
}
