//! Content: RETR, STOR, APPE, STOU, REST, ABOR.

use std::time::Duration;

use super::Conn;
use super::ascii::{Decoder, Encoder};
use super::attention::WithoutClient;
use super::control::Said;
use super::data::Data;
use super::pump::Broken;
use crate::error::{Error, Fate, Result};
use crate::limits;
use crate::scram::random_bytes;
use crate::session::{Inflow, Ongoing, Source, Start, Verb, Wanted, Way};

/// Names that `STOU` tries.
const UNIQUE_TRIES: u32 = 1000;

pub(super) fn rest(conn: &mut Conn, arg: &str) -> Result<()> {
    match number(arg) {
        Some(offset) => {
            conn.rest = offset;
            conn.control.say(350, &format!("the next transfer begins at {offset}"));
        }
        None => conn.control.say(501, "a number of bytes"),
    }
    Ok(())
}

/// A number of bytes: digits and nothing else.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// There is no transfer here to end: one that runs is ended where it is pumped.
pub(super) fn abor(conn: &mut Conn, _: &str) -> Result<()> {
    conn.control.plan = super::data::Plan::None;
    conn.control.say(226, "no transfer is running");
    Ok(())
}

pub(super) fn retr(conn: &mut Conn, path: &str) -> Result<()> {
    let offset = std::mem::take(&mut conn.rest);
    if offset > 0 && !conn.is_image() {
        // An offset into the text form is none into the file.
        conn.control.say(554, "REST is for TYPE I only");
        return Ok(());
    }
    let (source, mut note) = conn.session.send(path, offset)?;
    if !conn.is_image() {
        note.as_text();
    }
    note.because("there was no data connection");
    let Some(mut data) = conn.open_data(WithoutClient::Ends)? else { return Ok(()) };
    let size = source.size();
    conn.control.say(150, &format!("sending {} bytes", size - offset));
    conn.control.flush()?;
    let sent = send(conn, &mut data, (path, &source), offset, &mut note)
        .and_then(|()| Ok(conn.finish_sending(&mut data)?));
    if let (Err(_), Some(arrived)) = (&sent, data.arrived()) {
        note.arrived(arrived);
    }
    match sent {
        Ok(()) => {
            note.done(size - offset);
            conn.control.say(226, "the file was sent");
            Ok(())
        }
        Err(Stop::Broken(broken)) => {
            drop(data);
            note.because(broken.why());
            drop(note);
            conn.say_broken(broken)
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
    conn: &mut Conn,
    data: &mut Data,
    (path, source): (&str, &Source),
    offset: u64,
    note: &mut Ongoing,
) -> Result<(), Stop> {
    let most = usize::try_from(source.size().saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut block = vec![0; most.min(limits::FRAME_DATA)];
    let mut text = Vec::new();
    let mut encoder = (!conn.is_image()).then(Encoder::default);
    let mut at = offset;
    while at < source.size() {
        let n = source.read_at(&mut block, at)?;
        if n == 0 {
            let path = conn.session.resolve(path)?.as_str().to_owned();
            return Err(Error::Changed { path }.into());
        }
        let bytes = block.get(..n).unwrap_or_default();
        match &mut encoder {
            Some(encoder) => {
                text.clear();
                encoder.encode(bytes, &mut text);
                conn.send_content(data, &text)?;
            }
            None => conn.send_content(data, bytes)?,
        }
        at += n as u64;
        note.moved(n as u64);
    }
    Ok(())
}

pub(super) fn stor(conn: &mut Conn, path: &str) -> Result<()> {
    let offset = std::mem::take(&mut conn.rest);
    let start = if offset == 0 { Start::Fresh } else { Start::At(offset) };
    receive(conn, path, start)
}

pub(super) fn appe(conn: &mut Conn, path: &str) -> Result<()> {
    conn.rest = 0;
    receive(conn, path, Start::End)
}

pub(super) fn stou(conn: &mut Conn, path: &str) -> Result<()> {
    conn.rest = 0;
    let announced = conn.take_announced();
    let folder = path.is_empty() || path.ends_with('/');
    let base = if folder { format!("{path}file") } else { path.to_owned() };
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
        let wanted = Wanted { path: &name, mtime: None, mode: None, beside: None, replace: false };
        let begun = conn.attended_upload("entries", |session, alive| {
            session.inflow(&wanted, Start::Fresh, announced, alive)
        });
        match begun {
            // RFC 1123, section 4.1.2.9: the name is told in this form.
            Ok(inflow) => return take(conn, inflow, announced, &format!("FILE: {name}")),
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

impl Conn {
    /// The size that was announced for the next upload: as text it says nothing about the file.
    fn take_announced(&mut self) -> Option<u64> {
        std::mem::take(&mut self.announced).filter(|_| self.is_image())
    }
}

/// An upload to a name that the client chose.
fn receive(conn: &mut Conn, path: &str, start: Start) -> Result<()> {
    let announced = conn.take_announced();
    if matches!(start, Start::At(_)) && !conn.is_image() {
        conn.control.say(554, "REST is for TYPE I only");
        return Ok(());
    }
    let wanted = Wanted { path, mtime: None, mode: None, beside: None, replace: true };
    let begun = conn.attended_upload("entries", |session, alive| {
        session.inflow(&wanted, start, announced, alive)
    });
    let inflow = begun.inspect_err(|e| conn.session.refused(Verb::Put, path, e))?;
    take(conn, inflow, announced, "ready to receive")
}

/// The common way of all uploads, once claim and room are had: data connection, bytes, commit.
fn take(conn: &mut Conn, mut inflow: Inflow, announced: Option<u64>, opening: &str) -> Result<()> {
    if !conn.is_image() {
        inflow.as_text();
    }
    inflow.because("there was no data connection");
    let Some(mut data) = conn.open_data(WithoutClient::GoesOn)? else { return Ok(()) };
    conn.control.say(150, opening);
    match conn.control.flush() {
        // It may have sent everything already, and have left.
        Ok(()) | Err(Error::Gone) => {}
        Err(e) => return Err(e),
    }
    let came = take_all(conn, &mut data, &mut inflow)
        .or_else(|stop| if is_all_the_same(&stop, &inflow, announced) { Ok(()) } else { Err(stop) })
        .and_then(|()| check_end(conn, &inflow, announced).map_err(Stop::from));
    if let Err(Stop::Refused(_)) = came {
        data.turn_away();
    } else {
        drop(data);
    }
    match came {
        Ok(()) => {
            // What has changed since it began counts for the commit.
            conn.session.refresh()?;
            conn.session.refresh_mounts()?;
            if let Err(e) = conn.session.check_mounted(&inflow) {
                return Err(keep_unmounted(inflow, e));
            }
            let stored = conn.attended_upload("bytes", |session, alive| {
                session.commit(inflow.finish(alive)?, alive)
            })?;
            conn.control.say(226, &format!("stored, {} bytes", stored.size));
            Ok(())
        }
        Err(Stop::Broken(broken)) => {
            inflow.because(broken.why());
            match (broken, inflow.keep()) {
                // ABOR has an answer of its own, whatever became of what came.
                (Broken::Aborted, Err(e)) if e.fate() != Fate::Close => {
                    let text = format!("aborted, and not all that came is kept: {e}");
                    conn.control.say(426, &text);
                    conn.control.say(226, "ABOR is done");
                    Ok(())
                }
                (broken, kept) => kept.and_then(|_| conn.say_broken(broken)),
            }
        }
        Err(Stop::Refused(e @ Error::Unmounted)) => Err(keep_unmounted(inflow, e)),
        Err(Stop::Refused(e)) => {
            // Where the size was announced the client can go on when there is room again; where
            // nobody knows it, what came would only be in the way of others.
            if announced.is_none() && is_no_room(&e) {
                conn.session.no_room(inflow, &e);
            }
            Err(e)
        }
    }
}

/// Whether an upload whose data connection broke is whole all the same: every byte of a file whose
/// size is known has come, so there is nothing left that could be missing.
fn is_all_the_same(stop: &Stop, inflow: &Inflow, announced: Option<u64>) -> bool {
    // What a client that goes on announced may be the whole or the rest.
    let is_known = announced.is_none() || inflow.kept() == 0;
    matches!(stop, Stop::Broken(Broken::Line(_) | Broken::Late(_))) && is_known && inflow.is_whole()
}

/// Keeps what came for a mount that is none any more: it may come back.
fn keep_unmounted(mut inflow: Inflow, e: Error) -> Error {
    inflow.because("the mount was taken away");
    if let Err(e) = inflow.keep() {
        log::warn!("what came for a mount that was taken away is lost: {e}");
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

fn take_all(conn: &mut Conn, data: &mut Data, inflow: &mut Inflow) -> Result<(), Stop> {
    // Most files are small, and small ones should not cost a large buffer.
    let mut block = vec![0; limits::BUSY_BUFFER];
    let mut plain = Vec::new();
    let mut decoder = (!conn.is_image()).then(Decoder::default);
    let mut n = 0;
    conn.control.said = Said::Nothing;
    loop {
        let paid = conn.pay(Way::Up, block.len(), data, Some(inflow))?;
        let room = block.get_mut(..paid).unwrap_or_default();
        let ended = conn.receive_data(data, room, &mut n);
        conn.session.put_back(Way::Up, paid.saturating_sub(n));
        let bytes = block.get(..n).unwrap_or_default();
        plain.clear();
        match &mut decoder {
            Some(decoder) if n == 0 && ended.is_ok() => decoder.finish(&mut plain),
            Some(decoder) => decoder.decode(bytes, &mut plain),
            None => {}
        }
        let bytes = if decoder.is_some() { &plain } else { bytes };
        let written = conn.attended_upload("bytes", |_, alive| inflow.write(bytes, alive));
        if !matches!(ended, Err(Broken::Aborted)) {
            written?;
        }
        ended?;
        if n == 0 {
            return Ok(());
        }
        // A stream without a pause must not keep an abort from being heard, and what was said
        // before the end of the data is heard before it.
        conn.attend(WithoutClient::GoesOn)?;
        if n == block.len() && n < limits::FRAME_DATA {
            block = vec![0; limits::FRAME_DATA];
        }
    }
}

/// A client that was killed ends its data as one that is done, and one that is done may hang up
/// without a word. What it announced decides, or what is known of a part since it was begun; where
/// nothing is known and a file would be replaced, the control connection is watched for a moment.
fn check_end(conn: &mut Conn, inflow: &Inflow, announced: Option<u64>) -> Result<(), Broken> {
    if inflow.is_short() {
        let why = match inflow.keeps_part() {
            true => "fewer bytes came than were announced; what came is kept",
            false => "fewer bytes came than were announced; nothing is kept",
        };
        return Err(Broken::Line(why));
    }
    // What a client that goes on announced may be the whole or the rest.
    let decided = announced.is_some() && inflow.kept() == 0;
    let grace = if inflow.is_replacing() && !decided {
        Duration::from_millis(conn.site().config().ftp.grace_millis)
    } else {
        Duration::ZERO
    };
    conn.attend_grace(grace)
}
