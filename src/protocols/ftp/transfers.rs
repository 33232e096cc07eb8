//! Content: RETR, STOR, APPE, STOU, REST, ABOR.

use std::time::Duration;

use super::FtpConnection;
use super::ascii::{Decoder, Encoder};
use super::attention::WithoutClient;
use super::control::Input;
use super::data::Data;
use super::pump::Broken;
use crate::error::{Error, Fate, Result};
use crate::scram::random_bytes;
use crate::session::{Source, Start, StreamingUpload, TransferEntry, UploadOptions, Verb, Way};

/// What is said of an encrypted upload whose end anybody could have made.
const CUT_OFF: &str = "the data connection ended without the end of its encryption, so something \
                       may be missing; say ALLO before, or close it properly";

/// Names that `STOU` tries.
const UNIQUE_TRIES: u32 = 1000;

pub(super) fn rest(conn: &mut FtpConnection, arg: &str) -> Result<()> {
    match number(arg) {
        Some(offset) => {
            conn.rest = offset;
            conn.control.reply(350, &format!("the next transfer begins at {offset}"));
        }
        None => conn.control.reply(501, "a number of bytes"),
    }
    Ok(())
}

/// A number of bytes: digits and nothing else.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// There is no transfer here to end: one that runs is ended where it is pumped.
pub(super) fn abor(conn: &mut FtpConnection, _: &str) -> Result<()> {
    conn.control.plan = super::plan::DataPlan::None;
    conn.control.reply(226, "no transfer is running");
    Ok(())
}

pub(super) fn retr(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let offset = std::mem::take(&mut conn.rest);
    if offset > 0 && !conn.is_image() {
        // An offset into the text form is none into the file.
        conn.control.reply(554, "REST is for TYPE I only");
        return Ok(());
    }
    let (source, mut note) = conn.session.send(path, offset)?;
    if !conn.is_image() {
        note.as_text();
    }
    note.because("there was no data connection");
    let Some(mut data) = conn.open_data(WithoutClient::Ends)? else { return Ok(()) };
    let size = source.size();
    let opening = format!("sending {} bytes", size - offset);
    let begun = conn.begin_transfer(&mut data, &opening, WithoutClient::Ends).map_err(Stop::from);
    let sent = begun
        .and_then(|()| send(conn, &mut data, (path, &source), offset, &mut note))
        .and_then(|()| Ok(conn.finish_sending(&mut data)?));
    if let (Err(_), Some(arrived)) = (&sent, data.arrived()) {
        note.arrived(arrived);
    }
    match sent {
        Ok(()) => {
            note.done(size - offset);
            conn.control.reply(226, "the file was sent");
            Ok(())
        }
        Err(Stop::Broken(broken)) => {
            drop(data);
            note.because(broken.why());
            drop(note);
            conn.reply_broken(broken)
        }
        Err(Stop::Refused(e)) => {
            drop(data);
            note.refused(&e);
            Err(e)
        }
    }
}

/// Why a transfer ended before its time.
enum Stop {
    /// On the side of the client or the line.
    Broken(Broken),
    /// On this side.
    Refused(Error),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Stop {
        Stop::Broken(broken)
    }
}

impl From<Error> for Stop {
    fn from(e: Error) -> Stop {
        match e.fate() {
            Fate::Answer => Stop::Refused(e),
            Fate::Close => Stop::Broken(e.into()),
        }
    }
}

fn send(
    conn: &mut FtpConnection,
    data: &mut Data,
    (path, source): (&str, &Source),
    offset: u64,
    note: &mut TransferEntry,
) -> Result<(), Stop> {
    let mut block = std::mem::take(&mut conn.block).again();
    let mut text = Vec::new();
    let mut encoder = (!conn.is_image()).then(Encoder::default);
    let mut at = offset;
    while at < source.size() {
        let left = usize::try_from(source.size() - at).unwrap_or(usize::MAX);
        let n = source.read_at(block.room(left), at)?;
        if n == 0 {
            let path = conn.session.resolve(path)?.as_str().to_owned();
            return Err(Error::Changed { path }.into());
        }
        let bytes = block.bytes(n);
        match &mut encoder {
            Some(encoder) => {
                text.clear();
                encoder.encode(bytes, &mut text);
                conn.send_content(data, &text)?;
            }
            None => conn.send_content(data, bytes)?,
        }
        at += n as u64;
        block.moved(n, None);
        note.moved(n as u64);
    }
    conn.block = block;
    Ok(())
}

pub(super) fn stor(conn: &mut FtpConnection, path: &str) -> Result<()> {
    let offset = std::mem::take(&mut conn.rest);
    let start = if offset == 0 { Start::Fresh } else { Start::At(offset) };
    receive(conn, path, start)
}

pub(super) fn appe(conn: &mut FtpConnection, path: &str) -> Result<()> {
    conn.rest = 0;
    receive(conn, path, Start::End)
}

pub(super) fn stou(conn: &mut FtpConnection, path: &str) -> Result<()> {
    if std::mem::take(&mut conn.rest) > 0 {
        conn.control.reply(550, "STOU begins a new file; REST cannot come before it");
        return Ok(());
    }
    let announced = conn.take_announced();
    let directory = path.is_empty() || path.ends_with('/');
    let base = if directory { format!("{path}file") } else { path.to_owned() };
    let dropped = conn.session.is_drop_box(&base)?;
    for number in 0..UNIQUE_TRIES {
        let name = match number {
            // The reply shows this name, so it must not show which names others have.
            _ if dropped => format!("{base}.{:016x}", u64::from_be_bytes(random_bytes()?)),
            0 => base.clone(),
            number => format!("{base}.{number}"),
        };
        // An unfinished upload has its name too, and somebody may want to go on with it.
        if conn.session.resumable(&name)?.is_some() {
            continue;
        }
        let wanted =
            UploadOptions { path: &name, mtime: None, mode: None, beside: None, replace: false };
        let begun = conn.attended_upload("entries", |session, alive| {
            session.streaming(&wanted, Start::Fresh, announced, alive)
        });
        match begun {
            // RFC 1123, section 4.1.2.9: the name is reported in this form.
            Ok(streaming) => return take(conn, streaming, announced, &format!("FILE: {name}")),
            Err(Error::Exists { .. } | Error::IsDirectory { .. } | Error::NotRegular { .. }) => {}
            Err(Error::Busy { .. }) => {}
            Err(e) => {
                conn.session.refused(Verb::Put, &name, &e);
                return Err(e);
            }
        }
    }
    let e = Error::TooMany { what: "files of this name", max: UNIQUE_TRIES.into() };
    conn.session.refused(Verb::Put, &base, &e);
    Err(e)
}

impl FtpConnection {
    /// The size that was announced for the next upload: as text it says nothing about the file.
    fn take_announced(&mut self) -> Option<u64> {
        std::mem::take(&mut self.announced).filter(|_| self.is_image())
    }
}

/// An upload to a name that the client chose.
fn receive(conn: &mut FtpConnection, path: &str, start: Start) -> Result<()> {
    let announced = conn.take_announced();
    if matches!(start, Start::At(_)) && !conn.is_image() {
        conn.control.reply(554, "REST is for TYPE I only");
        return Ok(());
    }
    let wanted = UploadOptions { path, mtime: None, mode: None, beside: None, replace: true };
    let begun = conn.attended_upload("entries", |session, alive| {
        session.streaming(&wanted, start, announced, alive)
    });
    let streaming = begun.inspect_err(|e| conn.session.refused(Verb::Put, path, e))?;
    take(conn, streaming, announced, "ready to receive")
}

/// The common way of all uploads, once claim and room are had: data connection, bytes, commit.
fn take(
    conn: &mut FtpConnection,
    mut streaming: StreamingUpload,
    announced: Option<u64>,
    opening: &str,
) -> Result<()> {
    if !conn.is_image() {
        streaming.as_text();
    }
    streaming.because("there was no data connection");
    let Some(mut data) = conn.open_data(WithoutClient::GoesOn)? else { return Ok(()) };
    let begun = conn.begin_transfer(&mut data, opening, WithoutClient::GoesOn);
    let came = begun
        .map_err(Stop::from)
        .and_then(|()| take_all(conn, &mut data, &mut streaming))
        .or_else(
            |stop| if is_all_the_same(&stop, &streaming, announced) { Ok(()) } else { Err(stop) },
        )
        .and_then(|()| check_end(conn, &streaming, announced).map_err(Stop::from));
    if let Err(Stop::Refused(_)) = came {
        data.turn_away();
    } else {
        data.answer_end();
        drop(data);
    }
    match came {
        Ok(()) => {
            // What has changed since it began counts for the commit.
            conn.session.refresh()?;
            conn.session.refresh_mounts()?;
            if let Err(e) = conn.session.check_mounted(&streaming) {
                return Err(keep_unmounted(streaming, e));
            }
            let stored = conn.attended_upload("bytes", |session, alive| {
                session.commit(streaming.finish(alive)?, alive)
            })?;
            conn.control.reply(226, &format!("stored, {} bytes", stored.size));
            Ok(())
        }
        Err(Stop::Broken(broken)) => {
            streaming.because(broken.why());
            match (broken, streaming.keep()) {
                // ABOR has an answer of its own, whatever became of what came.
                (Broken::Aborted, Err(e)) if e.fate() != Fate::Close => {
                    let text = format!("aborted, and not all that came is kept: {e}");
                    conn.control.reply(426, &text);
                    conn.control.reply(226, "ABOR is done");
                    Ok(())
                }
                (broken, kept) => kept.and_then(|_| conn.reply_broken(broken)),
            }
        }
        Err(Stop::Refused(e @ Error::Unmounted)) => Err(keep_unmounted(streaming, e)),
        Err(Stop::Refused(e)) => {
            // Where the size was announced the client can go on when there is room again; where
            // nobody knows it, what came would only be in the way of others.
            if announced.is_none() && is_no_room(&e) {
                conn.session.no_room(streaming, &e);
            }
            Err(e)
        }
    }
}

/// Whether an upload whose data connection broke is whole all the same: every byte of a file whose
/// size is known has come, so there is nothing left that could be missing.
fn is_all_the_same(stop: &Stop, streaming: &StreamingUpload, announced: Option<u64>) -> bool {
    // What a client that goes on announced may be the whole or the rest.
    let is_known = announced.is_none() || streaming.kept() == 0;
    matches!(stop, Stop::Broken(Broken::Line(_) | Broken::Late(_)))
        && is_known
        && streaming.is_whole()
}

/// Keeps what came for a mount or home that is none any more: it may come back.
fn keep_unmounted(mut streaming: StreamingUpload, e: Error) -> Error {
    let what = if matches!(e, Error::Unmounted) { "mount" } else { "home" };
    streaming.because(&format!("the {what} was taken away"));
    if let Err(e) = streaming.keep() {
        log::warn!("what came for a {what} that was taken away is lost: {e}");
    }
    e
}

fn is_no_room(e: &Error) -> bool {
    matches!(
        e,
        Error::OverQuota { .. }
            | Error::TooManyEntries { .. }
            | Error::DiskFull
            | Error::DiskReserve { .. }
    )
}

fn take_all(
    conn: &mut FtpConnection,
    data: &mut Data,
    streaming: &mut StreamingUpload,
) -> Result<(), Stop> {
    let mut block = std::mem::take(&mut conn.block).again();
    let mut plain = Vec::new();
    let mut decoder = (!conn.is_image()).then(Decoder::default);
    let mut n = 0;
    conn.control.input = Input::Nothing;
    loop {
        let paid = conn.pay(Way::Up, block.size(), data, Some(streaming))?;
        let ended = conn.receive_data(data, block.room(paid), &mut n);
        conn.session.put_back(Way::Up, paid.saturating_sub(n));
        let bytes = block.bytes(n);
        plain.clear();
        match &mut decoder {
            Some(decoder) if n == 0 && ended.is_ok() => decoder.finish(&mut plain),
            Some(decoder) => decoder.decode(bytes, &mut plain),
            None => {}
        }
        let bytes = if decoder.is_some() { &plain } else { bytes };
        let written = conn.attended_upload("bytes", |_, alive| streaming.write(bytes, alive));
        if !matches!(ended, Err(Broken::Aborted)) {
            written?;
        }
        ended?;
        if n == 0 {
            conn.block = block;
            return match data.is_cut_off() {
                false => Ok(()),
                true => Err(Broken::Line(CUT_OFF).into()),
            };
        }
        // A stream without a pause must not keep an abort from being read, and what was sent
        // before the end of the data is read before it.
        conn.attend(WithoutClient::GoesOn)?;
        block.moved(n, None);
    }
}

/// A client that was killed ends its data as one that is done, and one that is done may hang up
/// without a word. What it announced decides, or what is known of a part since it was begun; where
/// nothing is known and a file would be replaced, the control connection is watched for a moment.
fn check_end(
    conn: &mut FtpConnection,
    streaming: &StreamingUpload,
    announced: Option<u64>,
) -> Result<(), Broken> {
    if streaming.is_short() {
        let why = match streaming.keeps_part() {
            true => "fewer bytes came than were announced; what came is kept",
            false => "fewer bytes came than were announced; nothing is kept",
        };
        return Err(Broken::Line(why));
    }
    // What a client that goes on announced may be the whole or the rest.
    let decided = announced.is_some() && streaming.kept() == 0;
    let grace = if streaming.is_replacing() && !decided {
        Duration::from_millis(conn.shared().config().ftp.grace_millis)
    } else {
        Duration::ZERO
    };
    conn.attend_grace(grace)
}
