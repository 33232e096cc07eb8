//! The handlers of uploads in chunks: opened, compared, written, stored or given up; and those of
//! sessions that write ranges of an upload which another one has opened.

use super::connection::FramedConnection;
use super::fields::{mode, mtime, piece, stored, switch};
use super::outbox::SignsOfLife;
use super::reply::{Response, code_of};
use super::request::{Handled, Request, done as answered, respond};
use super::transfers::{commit, is_there, respond_equal};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits;
use crate::session::UploadOptions;
use crate::transfer::{Block, OpenUpload};
use crate::wire::{
    self, Chunk, Code, Done, Drop, Expect, Held, Join, Message, Nothing, Opened, Put, Sink, Split,
    Summed,
};

const CHUNK: u64 = limits::CHUNK as u64;

/// Nothing is open to which the request could belong.
const NONE_OPEN: Error = Error::WrongState { what: "no upload is open; PUT comes first" };
/// A session has one upload at a time.
const ONE_OPEN: Error = Error::WrongState { what: "an upload is open; DONE or DROP ends it" };

pub(super) fn put(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let put: Put<'_> = request.message()?;
    if conn.upload.is_some() {
        return Err(ONE_OPEN);
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
    let mut upload =
        conn.attended(|session, alive| session.upload(&wanted, algorithm, put.size, fresh, alive))?;
    let held = upload.held();
    log::debug!("{} puts {}: {held} of {} bytes", conn.session.who(), upload.path(), put.size);
    if held > 0 {
        let text = format!("the file exists, but not enough: {held} of {} bytes", put.size);
        conn.upload = Some(conn.session.hold(upload)?);
        return respond(Code::PartThere, text, &Opened::new(held));
    }
    let mut old = 0;
    if put.flags & wire::FROM_OLD != 0 {
        let begun = conn.attended(|session, alive| session.begin_with_old(&mut upload, alive));
        match begun {
            Ok(bytes) => old = bytes,
            Err(e) => {
                if let Err(kept) = upload.fail(&e) {
                    log::warn!("part of a copy stays: {kept}");
                }
                return Err(e);
            }
        }
    }
    conn.upload = Some(conn.session.hold(upload)?);
    respond(Code::Ready, "ready to receive", &Opened::new(old))
}

pub(super) fn split(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    request.message::<Nothing<'_>>()?;
    let upload = conn.upload.as_mut().ok_or(NONE_OPEN)?;
    let token = conn.session.split(upload)?;
    respond(Code::Done, "sessions of this account may join with this token", &Split::new(token))
}

pub(super) fn join(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let join: Join = request.message()?;
    if conn.upload.is_some() {
        return Err(ONE_OPEN);
    }
    conn.upload = Some(conn.session.join(join.token, conn.algorithm)?);
    answered("send ranges of it")
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
    let held: Held = request.message()?;
    if held.count == 0 || held.count as usize > limits::CHUNKS_UNSETTLED {
        return Err(Error::BadArgument { what: "count: from 1 to 16384 chunks" });
    }
    let FramedConnection { upload, outbox, session, block, algorithm, .. } = conn;
    let block = block.whole(*algorithm);
    let upload = upload.as_mut().ok_or(NONE_OPEN)?;
    upload.with(|upload| {
        let path = upload.path().as_str();
        if upload.is_from_old() && !session.may_compare_and_replace(path).0 {
            // It holds what somebody else may have stored.
            return Err(Error::Denied { path: path.to_owned() });
        }
        upload.accept_before(held.from)
    })?;
    let mut at = held.from;
    let mut left = u64::from(held.count) * CHUNK;
    let (mut digests, mut part) = (Vec::<Digest>::new(), Sink::new());
    let mut progress = SignsOfLife::new(outbox, session.ending());
    while left > 0 {
        progress.report(at, 0)?;
        let want = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let room = block.get_mut(..want).unwrap_or_default();
        let got = upload.with(|upload| upload.held_digests(at, room, &mut digests))?;
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

/// Takes the upload out of the session that opened it.
fn take_own(conn: &mut FramedConnection) -> Result<OpenUpload> {
    conn.upload.as_ref().ok_or(NONE_OPEN)?.with(|_| Ok(()))?;
    conn.upload.take().ok_or(NONE_OPEN)
}

pub(super) fn done(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let done: Done<'_> = request.message()?;
    let upload = take_own(conn)?.end().ok_or(NONE_OPEN)?;
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
    let expected: Expect = request.message()?;
    let upload = conn.upload.as_ref().ok_or(NONE_OPEN)?;
    upload.with(|upload| upload.check_claim())?;
    let path = upload.path().as_str();
    match conn.session.stat(path) {
        Ok((_, version)) if version == expected.version => answered("it is still that version"),
        Ok(_) | Err(Error::NotFound { .. }) => Err(Error::Changed { path: path.to_owned() }),
        Err(e) => Err(e),
    }
}

pub(super) fn give_up(conn: &mut FramedConnection, request: Request<'_>) -> Result<Handled> {
    let drop: Drop = request.message()?;
    let keep = switch(drop.keep, "keep: 0 or 1")?;
    let upload = conn.upload.take().ok_or(NONE_OPEN)?;
    conn.upload_refused = None;
    let Some(upload) = upload.end() else { return answered("you are out of it") };
    if keep && upload.keeps_part() {
        upload.leave();
        return answered("the part stays");
    }
    upload.discard()?;
    answered("the part is removed")
}
