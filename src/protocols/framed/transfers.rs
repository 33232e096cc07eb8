//! The handlers of content: uploads, downloads, comparisons.

use super::commands::{done as answered, respond, switch};
use super::fields::{mode, mtime, piece, stored};
use super::outbox::SignsOfLife;
use super::reply::{Response, code_of};
use super::{FramedConnection, Handled, Request};
use crate::digest::Digest;
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::session::{Mtime, TransferEntry, UploadOptions, Verb, Way};
use crate::transfer::{Block, Download, Group, Ready, Stored};
use crate::wire::{
    self, Chunk, Code, Copy, Done, Drop, Expect, Get, Got, Held, Message, Opened, Put, Sink, Store,
    Summed, SumsOf,
};

const CHUNK: u64 = limits::CHUNK as u64;

/// Nothing is open to which the request could belong.
const NONE_OPEN: Error = Error::WrongState { what: "no upload is open; PUT comes first" };

pub(super) fn put(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let put: Put<'_> = request.message()?;
    if conn.upload.is_some() {
        return Err(Error::WrongState { what: "an upload is open; DONE or DROP ends it" });
    }
    if put.flags & !(wire::REPLACE | wire::FRESH | wire::FROM_OLD) != 0 {
        return Err(Error::BadArgument { what: "flags: 1, 2 and 4, or a sum of them" });
    }
    let wanted = UploadOptions {
        path: put.path,
        mtime: Some(mtime(put.mtime_secs, put.mtime_nanos)?),
        mode: mode(put.mode)?,
        beside: None,
        replace: put.flags & wire::REPLACE != 0,
    };
    if !put.digest.is_empty() && is_there(conn, &wanted, put.size, put.digest)? {
        return respond_equal();
    }
    let (algorithm, fresh) = (conn.algorithm, put.flags & wire::FRESH != 0);
    let upload =
        conn.attended(|session, alive| session.upload(&wanted, algorithm, put.size, fresh, alive))?;
    let held = upload.held();
    log::debug!("{} puts {}: {held} of {} bytes", conn.session.who(), upload.path(), put.size);
    conn.upload = Some(Box::new(upload));
    if held == 0 {
        let old = if put.flags & wire::FROM_OLD != 0 { begin_with_old(conn)? } else { 0 };
        return respond(Code::Ready, "ready to receive", &Opened::new(old));
    }
    let text = format!("the file exists, but not enough: {held} of {} bytes", put.size);
    respond(Code::PartThere, text, &Opened::new(held))
}

/// Begins the open upload with what the file in its place holds, and gives how many bytes that is.
fn begin_with_old(conn: &mut FramedConnection) -> Result<u64> {
    let FramedConnection { session, outbox, upload, .. } = conn;
    let open = upload.as_mut().ok_or(NONE_OPEN)?;
    let mut progress = SignsOfLife::new(outbox, session.ending());
    let mut alive = |done, total| progress.report(done, total);
    let begun = session.begin_with_old(open, &mut alive);
    match (begun, upload.take()) {
        (Ok(held), open) => {
            *upload = open;
            Ok(held)
        }
        (Err(e), Some(open)) => {
            if let Err(kept) = open.fail(&e) {
                log::warn!("part of a copy stays: {kept}");
            }
            Err(e)
        }
        (Err(e), None) => Err(e),
    }
}

fn respond_equal() -> Result<Handled> {
    Ok(Handled::Answer(Response::new(Code::AlreadyThere, "the file exists, equal")))
}

/// Whether an equal file is in the place already.
fn is_there(
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

fn commit(conn: &mut FramedConnection, ready: Ready) -> Result<Stored> {
    conn.attended(|session, alive| session.commit(ready, alive))
}

pub(super) fn chunk(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let chunk = Chunk::decode(request.fields)?;
    let upload = conn.upload.as_ref().ok_or(NONE_OPEN)?;
    if let Some(refused) = &conn.upload_refused {
        return Ok(Handled::Answer(refused.clone()));
    }
    let mut digests = std::mem::take(&mut conn.digests);
    wire::digests(conn.algorithm, chunk.digests, &mut digests)?;
    // Before anything of it is written.
    upload.check_chunks(chunk.offset, digests.len(), request.data_len)?;
    let mut block = std::mem::take(&mut conn.block);
    let taken = take_chunks(conn, &mut block, chunk.offset, &digests);
    (conn.block, conn.digests) = (block, digests);
    match taken {
        Ok(0) => Ok(Handled::Answer(Response::new(Code::Verified, ""))),
        Ok(bad) => Err(Error::Mismatch { bad }),
        Err(e) => {
            if ends_upload(&e) {
                conn.upload_refused = Some(Response::refusal(&e));
            }
            Err(e)
        }
    }
}

/// Takes the chunks of a frame as they come, so many at once as the block holds. Gives those whose
/// digest is wrong, as bits.
fn take_chunks(
    conn: &mut FramedConnection,
    block: &mut Block,
    offset: u64,
    digests: &[Digest],
) -> Result<u32> {
    let (mut bad, mut done) = (0, 0);
    while conn.content_left > 0 {
        let len = conn.content_left.min(block.size());
        conn.take_content(block.room(len))?;
        let algorithm = conn.algorithm;
        let upload = conn.upload.as_mut().ok_or(NONE_OPEN)?;
        let count = len.div_ceil(limits::CHUNK);
        let said = digests.get(done..done + count).unwrap_or_default();
        match upload.write(offset + done as u64 * CHUNK, said, block.bytes(len)) {
            Ok(()) => {}
            Err(Error::Mismatch { bad: these }) => bad |= these << done,
            Err(e) => return Err(e),
        }
        block.moved(len, Some(algorithm));
        done += count;
    }
    Ok(bad)
}

/// After these an upload can only be closed; its part stays.
fn ends_upload(e: &Error) -> bool {
    matches!(e, Error::Unmounted)
        || matches!(
            code_of(e),
            Code::OverQuota | Code::DiskFull | Code::ServerFault | Code::Superseded | Code::TooMany
        )
}

pub(super) fn held(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let held: Held<'_> = request.message()?;
    if held.count == 0 || held.count as usize > limits::CHUNKS_UNSETTLED {
        return Err(Error::BadArgument { what: "count: from 1 to 16384 chunks" });
    }
    let FramedConnection { upload, outbox, session, block, algorithm, .. } = conn;
    let block = block.whole(*algorithm);
    let upload = upload.as_mut().ok_or(NONE_OPEN)?;
    let path = upload.path().as_str();
    if upload.is_from_old() && !session.may_compare_and_replace(path).0 {
        // It holds what somebody else may have stored.
        return Err(Error::Denied { path: path.to_owned() });
    }
    upload.accept_before(held.from)?;
    let mut at = held.from;
    let mut left = u64::from(held.count) * CHUNK;
    let (mut digests, mut part) = (Vec::<Digest>::new(), Sink::new());
    let mut progress = SignsOfLife::new(outbox, session.ending());
    while left > 0 {
        progress.report(at, 0)?;
        let want = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let got =
            upload.held_digests(at, block.get_mut(..want).unwrap_or_default(), &mut digests)?;
        if got == 0 {
            break;
        }
        piece(&mut part, at, &digests);
        progress.outbox.more(&part, &[])?;
        at += got as u64;
        left = left.saturating_sub(got as u64);
        if got < want {
            // The end, which may lie inside a chunk, where nothing can be asked for.
            break;
        }
    }
    respond(Code::Sums, "this is held", &Summed::new(at))
}

pub(super) fn done(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let done: Done<'_> = request.message()?;
    let upload = conn.upload.take().ok_or(NONE_OPEN)?;
    if let Some(refused) = conn.upload_refused.take() {
        upload.leave();
        return Ok(Handled::Answer(refused));
    }
    let ready = upload.finish(done.digest)?;
    let file = commit(conn, ready)?;
    Ok(Handled::Answer(stored(Ok(file))))
}

/// The upload has its claim on the path, so no session changes the file from here to the commit.
pub(super) fn expect(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let expected: Expect<'_> = request.message()?;
    let upload = conn.upload.as_ref().ok_or(NONE_OPEN)?;
    upload.check_claim()?;
    let path = upload.path().as_str();
    match conn.session.stat(path) {
        Ok((_, version)) if version == expected.version => answered("it is still that version"),
        Ok(_) | Err(Error::NotFound { .. }) => Err(Error::Changed { path: path.to_owned() }),
        Err(e) => Err(e),
    }
}

pub(super) fn cp(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let what: Copy<'_> = request.message()?;
    let replace = switch(what.replace, "replace: 0 or 1")?;
    let file = conn.attended(|session, alive| session.copy(what.from, what.to, replace, alive))?;
    Ok(Handled::Answer(stored(Ok(file))))
}

pub(super) fn give_up(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let drop: Drop<'_> = request.message()?;
    let keep = switch(drop.keep, "keep: 0 or 1")?;
    let upload = conn.upload.take().ok_or(NONE_OPEN)?;
    conn.upload_refused = None;
    if keep && upload.keeps_part() {
        upload.leave();
        return answered("the part stays");
    }
    upload.discard()?;
    answered("the part is removed")
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
