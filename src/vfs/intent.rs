//! Moves that take several calls, written down before the first one so that a start can finish
//! them.
//!
//! What moves into a mount gets its new owner before it is renamed. A server that is killed between
//! the first file of a tree and the rename leaves some of it charged to the one account, the rest
//! to the other, so a start gives the rest too and renames it; that there was room for it had been
//! found out before.
//!
//! Where the disk has no rename that replaces nothing, a move to a free name is a link and an
//! unlink. A server that is killed between them leaves one file with both names. The note in the
//! trash says which two names these are; a start that finds the same file at both removes the old
//! one. Whatever else it finds is left: the move was not begun, or it was finished.
//!
//! Never: is made for a name that is taken, or removes a name whose file has not got the other one.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, kind_of};
use super::home::{FILE_MODE, Home};
use super::jail::{Jail, NEW_FILE, NameIn, READ, READ_FILE, errno_of, from_errno, has_openat2};
use super::owners::Owning;
use super::part::each_name;
use super::path::VPath;
use super::root::OpenRoot;
use super::tree::walk;
use crate::limits;

const HEAD: &str = "miniftp move 2";
/// The last line: a note that was cut anywhere lacks it.
const END: &str = "end";
/// The end of the name of such a note.
const MOVE: &str = ".move";
/// Bytes of the longest note: two roots, two paths, and the short lines.
const NOTE: u64 = 4 * limits::PATH as u64 + 256 + limits::ACCOUNT_NAME as u64;

/// From where to where something is moved: the roots, and the paths as their account sees them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route<'a> {
    pub(super) from: (&'a OpenRoot, &'a VPath),
    pub(super) to: (&'a OpenRoot, &'a VPath),
    /// Who gets all of it first, where that takes calls of its own.
    pub(super) gives: Option<Giving<'a>>,
}

/// Who gets what is moved, and whether it may replace a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Giving<'a> {
    pub(super) owner: &'a str,
    pub(super) replace: bool,
}

/// A note, as it was read.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    file: i64,
    from: MoveEnd,
    to: MoveEnd,
    owner: Option<String>,
    replace: bool,
}

/// One end of a move: the directory of a root, relative to the home or absolute, and a path in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MoveEnd {
    root: String,
    path: VPath,
}

/// A move that was written down.
#[derive(Debug)]
pub(super) struct Intent<'a> {
    home: &'a Home,
    name: String,
}

impl Route<'_> {
    /// Writes down that `file` is about to be moved, so that it outlives a power cut. `None` where
    /// that cannot be written: no room for it, or a root whose name is no text.
    pub(super) fn write(self, home: &Home, file: FileId) -> OsResult<Option<Intent<'_>>> {
        let places =
            [self.from, self.to].map(|(open_root, path)| MoveEnd::of(home, open_root, path));
        let [Some(from), Some(to)] = places else { return Ok(None) };
        let name = format!("{}{MOVE}", home.passing_name());
        let at = NameIn::new(home.trash(), name.as_bytes());
        let mut note = File::from(match at.open(NEW_FILE, FILE_MODE) {
            Err(Errno::NOSPC | Errno::DQUOT) => return Ok(None),
            opened => opened?,
        });
        let text = text(file, &from, &to, self.gives);
        match note.write_all(text.as_bytes()).and_then(|()| note.sync_all()) {
            Ok(()) => Ok(Some(Intent { home, name })),
            Err(e) => {
                // A torn note says nothing, and the next start removes it.
                let _ = at.unlink();
                match errno_of(&e) {
                    Errno::NOSPC | Errno::DQUOT => Ok(None),
                    e => Err(e),
                }
            }
        }
    }
}

impl MoveEnd {
    /// `None` if its root cannot be written as a line.
    fn of(home: &Home, open_root: &OpenRoot, path: &VPath) -> Option<MoveEnd> {
        let mounted = open_root.volume.as_ref().map(|volume| volume.path());
        let root = match &mounted {
            Some(path) => path.strip_prefix(home.dir()).unwrap_or(path),
            None => Path::new(&*open_root.account),
        };
        let root = root.to_str().filter(|root| !root.chars().any(char::is_control))?.to_owned();
        Some(MoveEnd { root, path: open_root.inside(path) })
    }

    /// Its root, opened.
    fn jail(&self, home: &Home) -> Option<Jail> {
        let root = File::open(home.dir().join(&self.root)).ok()?;
        let openat2 = has_openat2(home.root());
        Some(Jail::new(root.into(), openat2))
    }
}

impl Intent<'_> {
    /// The move was made, or was not begun.
    pub(super) fn settle(self) {
        if let Err(e) = NameIn::new(self.home.trash(), self.name.as_bytes()).unlink() {
            log::warn!("the note of a move stays in .miniftp/trash until the next start: {e}");
        }
    }
}

/// Finishes the moves that a server that was killed had begun; `trash` keeps their notes, which
/// whoever empties it removes.
pub(super) fn finish_all(home: &Home, trash: BorrowedFd<'_>) -> OsResult<()> {
    each_name(trash, &mut |name| {
        if name.ends_with(MOVE) {
            if let Some(note) = read(NameIn::new(trash, name.as_bytes()))? {
                finish(home, &note)?;
            }
        }
        Ok(())
    })
}

fn finish(home: &Home, note: &Note) -> OsResult<()> {
    let Note { file, from, to, .. } = note;
    let jails = (from.jail(home), to.jail(home));
    let (Some(source), Some(target)) = jails else { return Ok(()) };
    let spots = (source.spot(&from.path), target.spot(&to.path));
    let (Ok(old), Ok(new)) = spots else { return Ok(()) };
    let (old, new) = (source.at(&old), target.at(&new));
    let Ok(is) = old.stat() else { return Ok(()) };
    if FileId::of(&is).inode() != *file {
        return Ok(());
    }
    let kind = kind_of(&is);
    let is_finished = match new.stat() {
        // It has got the new name and lacks the loss of the old one.
        Ok(other) if FileId::of(&is) == FileId::of(&other) => {
            if kind != EntryKind::Directory {
                old.unlink()?;
            }
            kind != EntryKind::Directory
        }
        Ok(other) => {
            let is_free = note.replace && [kind, kind_of(&other)] == [EntryKind::File; 2];
            is_free && give_and_rename(note, (old, kind), new)
        }
        Err(Errno::NOENT) => give_and_rename(note, (old, kind), new),
        Err(_) => false,
    };
    if is_finished {
        log::info!("a move that was interrupted is finished: `{}` is `{}` now", from.path, to.path);
    }
    Ok(())
}

/// Gives what is moved to whom the note says, and then its new name. `false`: that was not begun,
/// or fails again.
fn give_and_rename(note: &Note, (old, kind): (NameIn<'_>, EntryKind), new: NameIn<'_>) -> bool {
    let Some(owner) = &note.owner else { return false };
    let mut owning = Owning::to(owner);
    let given = match kind {
        EntryKind::Directory => {
            let top = old.open(READ, 0).map_err(|e| from_errno(e, &note.from.path, "moving"));
            top.and_then(|top| walk(top, &note.from.path, &mut |step| owning.give(step.at)))
        }
        _ => Ok(()),
    };
    let given = given.and_then(|()| owning.give(old));
    let moved = given.and_then(|()| {
        old.rename(new).map_err(|e| from_errno(e, &note.to.path, "moving a file into place"))
    });
    if let Err(e) = &moved {
        let from = &note.from.path;
        log::error!("`{from}` was not moved, and some of it has a new owner: {e}");
    }
    moved.is_ok()
}

/// One `key=value` a line: neither a path nor a root has a control character.
fn text(file: FileId, from: &MoveEnd, to: &MoveEnd, gives: Option<Giving<'_>>) -> String {
    let (owner, replace) = gives.map_or(("", false), |gives| (gives.owner, gives.replace));
    format!(
        "{HEAD}\nfile={}\nfrom_root={}\nfrom={}\nto_root={}\nto={}\nowner={owner}\n\
         replace={}\n{END}\n",
        file.inode(),
        from.root,
        from.path.as_str(),
        to.root,
        to.path.as_str(),
        u8::from(replace)
    )
}

/// What a note says; `None` if it was cut.
fn read(at: NameIn<'_>) -> OsResult<Option<Note>> {
    let mut text = String::new();
    let read = File::from(at.open(READ_FILE, 0)?).take(NOTE).read_to_string(&mut text);
    Ok(read.ok().and_then(|_| parse(&text)))
}

fn parse(text: &str) -> Option<Note> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let mut value = |key: &str| lines.next()?.strip_prefix(key);
    value(HEAD).filter(|rest| rest.is_empty())?;
    let file = value("file=")?.parse().ok()?;
    let mut place = |root: &str, path: &str| {
        let root = value(root)?.to_owned();
        let path = VPath::root().join(value(path)?).ok()?;
        Some(MoveEnd { root, path })
    };
    let (from, to) = (place("from_root=", "from=")?, place("to_root=", "to=")?);
    let owner = Some(value("owner=")?.to_owned()).filter(|owner| !owner.is_empty());
    let replace = value("replace=")? == "1";
    value(END).filter(|rest| rest.is_empty())?;
    Some(Note { file, from, to, owner, replace })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_was_written_unless_it_was_cut() {
        let place = |root: &str, path| MoveEnd {
            root: root.to_owned(),
            path: VPath::root().join(path).unwrap(),
        };
        let (from, to) = (place("ann", "/a b/c"), place("/mnt/x=y", "/d"));
        let file = FileId::of(&rustix::fs::stat("/").unwrap());
        for gives in [None, Some(Giving { owner: "ann", replace: true })] {
            let text = text(file, &from, &to, gives);
            let owner = gives.map(|gives| gives.owner.to_owned());
            let (from, to, replace) = (from.clone(), to.clone(), gives.is_some());
            let note = Note { file: file.inode(), from, to, owner, replace };
            assert_eq!(parse(&text), Some(note));
            for end in 0..text.len() {
                assert_eq!(parse(&text[..end]), None, "{end}");
            }
        }
    }
}
