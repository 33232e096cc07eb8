//! Unfinished uploads and the notes beside them.
//!
//! A part is `<id>.part` in the account's folder of parts, its note `<id>.note`; the id is made
//! from the virtual path, so account and path find it again. The note is written whole and renamed
//! before the part is made; a part without a readable note is no part and goes away.
//!
//! Never: judges whether a part's bytes are right (the digests of its chunks do), or whose turn it
//! is.

use std::fs::File;
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fd::BorrowedFd;
use rustix::fs::Dir;
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, Mtime, file_bytes, kind_of};
use super::freed::Freed;
use super::home::{FILE_MODE, Home};
use super::jail::{NEW_FILE, NameIn, READ_FILE, errno_of, reopen};
use super::moves::TakenAway;
use super::path::{VPath, as_name};
use crate::error::{Error, Result};
use crate::limits;

const HEAD: &str = "miniftp part 1";
/// The last line: a note that was cut anywhere lacks it.
const END: &str = "end";
/// Bytes of the longest note: a path and the short lines.
const NOTE: u64 = limits::PATH as u64 + 256;
/// The end of the name of a part.
pub(super) const PART: &str = ".part";
pub(super) const NOTE_END: &str = ".note";

/// An unfinished upload, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartNote {
    /// Where the file would be.
    pub path: VPath,
    /// Bytes on the disk, which count as used.
    pub held_bytes: u64,
    /// Bytes that the whole file is to have, where that was said.
    pub declared_bytes: Option<u64>,
    /// When the upload began, in seconds since 1970.
    pub started_secs: i64,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) path: VPath,
    pub(super) declared: Option<u64>,
    pub(super) mtime: Option<Mtime>,
    pub(super) started: i64,
    /// Bytes from the beginning that are known to be those of one file; `None`: all that are held.
    /// Who cannot compare what lies behind them must not go on there.
    pub(super) sound: Option<u64>,
}

impl Note {
    /// One `key=value` a line. A path holds no control character, so it cannot end its line.
    fn text(&self) -> String {
        let declared = self.declared.map_or_else(String::new, |bytes| bytes.to_string());
        let mtime = self.mtime.map_or_else(String::new, |at| format!("{}.{}", at.secs, at.nanos));
        let sound = self.sound.map_or_else(String::new, |bytes| bytes.to_string());
        let (path, started) = (self.path.as_str(), self.started);
        format!(
            "{HEAD}\npath={path}\ndeclared={declared}\nmtime={mtime}\nstarted={started}\n\
             sound={sound}\n{END}\n"
        )
    }

    /// Reads exactly what [`Note::text`] writes; anything else is `None`.
    fn parse(text: &str) -> Option<Note> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut value = |key: &str| lines.next()?.strip_prefix(key);
        value(HEAD).filter(|rest| rest.is_empty())?;
        let path = value("path=")?;
        let declared = value("declared=")?;
        let mtime = value("mtime=")?;
        let started = value("started=")?.parse().ok()?;
        let sound = value("sound=")?;
        value(END).filter(|rest| rest.is_empty())?;
        let note = Note {
            path: VPath::root().join(path).ok()?,
            declared: if declared.is_empty() { None } else { Some(declared.parse().ok()?) },
            mtime: if mtime.is_empty() { None } else { Some(parse_mtime(mtime)?) },
            started,
            sound: if sound.is_empty() { None } else { Some(sound.parse().ok()?) },
        };
        (note.text() == text).then_some(note)
    }

    /// Writes the note under a passing name and renames it, so that it is there whole or not at
    /// all.
    pub(super) fn write(&self, home: &Home, parts: BorrowedFd<'_>) -> OsResult<()> {
        let passing = home.passing_name();
        let passing = NameIn::new(parts, passing.as_bytes());
        let mut file = File::from(passing.open(NEW_FILE, FILE_MODE)?);
        let written = file.write_all(self.text().as_bytes());
        let name = note_name(&id(&self.path));
        let done = match written {
            Ok(()) => passing.rename(NameIn::new(parts, name.as_bytes())),
            Err(e) => Err(errno_of(&e)),
        };
        if done.is_err() {
            let _ = passing.unlink();
        }
        done
    }

    /// Reads the note of an id; `None` when there is none or it cannot be read.
    pub(super) fn read(parts: BorrowedFd<'_>, id: &str) -> OsResult<Option<Note>> {
        let name = note_name(id);
        let file = match NameIn::new(parts, name.as_bytes()).open(READ_FILE, 0) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut text = String::new();
        let read = file.take(NOTE).read_to_string(&mut text);
        let note = read.ok().and_then(|_| Note::parse(&text));
        Ok(note.filter(|note| self::id(&note.path) == id))
    }

    /// Removes the note of an id, if there is one.
    pub(super) fn remove(parts: BorrowedFd<'_>, id: &str) -> OsResult<()> {
        match NameIn::new(parts, note_name(id).as_bytes()).unlink() {
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }
}

/// The name under which the parts of a path lie: 32 hexadecimal digits.
pub(super) fn id(path: &VPath) -> String {
    let hash = blake3::hash(path.as_str().as_bytes());
    hash.to_hex()[..32].to_owned()
}

pub(super) fn part_name(id: &str) -> String {
    format!("{id}{PART}")
}

pub(super) fn note_name(id: &str) -> String {
    format!("{id}{NOTE_END}")
}

/// Seconds since 1970, by the system's clock.
pub(super) fn now_secs() -> i64 {
    since_1970(SystemTime::now())
}

/// Takes a part and its note away and tells what became free.
pub(super) fn drop_part(home: &Home, parts: BorrowedFd<'_>, id: &str) -> OsResult<Freed> {
    let name = part_name(id);
    let freed = match home.take(NameIn::new(parts, name.as_bytes()), None) {
        Ok(TakenAway::Freed(freed)) => freed,
        Ok(TakenAway::Directory | TakenAway::Another) | Err(Errno::NOENT) => Freed::default(),
        Err(e) => return Err(e),
    };
    if let Err(e) = Note::remove(parts, id) {
        // Without its part it is none, and the next start removes it.
        log::warn!("the note of a part that was dropped stays: {e}");
    }
    Ok(freed)
}

/// Calls `seen` with every file name in an account's folder of parts.
pub(super) fn each_name(
    parts: BorrowedFd<'_>,
    seen: &mut dyn FnMut(&str) -> OsResult<()>,
) -> OsResult<()> {
    let mut dir = Dir::new(reopen(parts)?)?;
    while let Some(entry) = dir.read() {
        let entry = entry?;
        match as_name(entry.file_name().to_bytes()) {
            Some("." | "..") | None => {}
            Some(name) => seen(name)?,
        }
    }
    Ok(())
}

/// How many parts an account has.
pub(super) fn count(parts: BorrowedFd<'_>) -> OsResult<usize> {
    let mut count = 0;
    each_name(parts, &mut |name| {
        count += usize::from(name.ends_with(PART));
        Ok(())
    })?;
    Ok(count)
}

/// Calls `seen` with the parts of one account and what their notes say.
pub(super) fn list(
    parts: BorrowedFd<'_>,
    seen: &mut dyn FnMut(PartNote) -> Result<()>,
) -> Result<()> {
    let mut refused = Ok(());
    let listed = each_name(parts, &mut |name| {
        let Some(id) = name.strip_suffix(PART) else { return Ok(()) };
        let (Some(held_bytes), Some(note)) = (held(parts, id)?, Note::read(parts, id)?) else {
            return Ok(());
        };
        let Note { path, declared, started, .. } = note;
        let (declared_bytes, started_secs) = (declared, started);
        refused = seen(PartNote { path, held_bytes, declared_bytes, started_secs });
        // Any error ends the listing; which it was is reported below.
        if refused.is_ok() { Ok(()) } else { Err(Errno::CANCELED) }
    });
    refused?;
    listed.map_err(|e| Error::io("listing the parts", e.into()))
}

/// Bytes of the part of an id; `None` when there is none. The note is not asked.
pub(super) fn held(parts: BorrowedFd<'_>, id: &str) -> OsResult<Option<u64>> {
    match NameIn::new(parts, part_name(id).as_bytes()).stat() {
        Ok(stat) if kind_of(&stat) == EntryKind::File => Ok(Some(file_bytes(&stat))),
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e),
    }
}

fn parse_mtime(text: &str) -> Option<Mtime> {
    let (secs, nanos) = text.split_once('.')?;
    let at = Mtime { secs: secs.parse().ok()?, nanos: nanos.parse().ok()? };
    (at.nanos < 1_000_000_000).then_some(at)
}

pub(super) fn since_1970(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |secs| -secs),
    }
}
