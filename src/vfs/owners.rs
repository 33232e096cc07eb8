//! Who stored what, written down with each file and directory where whoever stores something pays.
//!
//! Never: opens a link, a pipe or a device.

use rustix::fd::AsFd;
use rustix::fs::{Mode, XattrFlags, fchmod, fgetxattr, fremovexattr, fsetxattr, fstat};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, kind_of};
use super::home::{FILE_MODE, Home};
use super::jail::{NEW_FILE, NameIn, READ_FILE};
use crate::error::{Error, Result};
use crate::limits;

/// The attribute that names the account.
const OWNER: &str = "user.miniftp.owner";

/// Writes down who stored a file or directory.
pub(super) fn set_owner(file: impl AsFd, owner: &str) -> OsResult<()> {
    let set = || fsetxattr(&file, OWNER, owner.as_bytes(), XattrFlags::empty());
    changing(&file, &set)
}

/// Does something to a file's attributes that takes the right to write it, which the file need not
/// give to its own user.
fn changing(file: impl AsFd, change: &dyn Fn() -> OsResult<()>) -> OsResult<()> {
    match change() {
        Err(Errno::ACCESS) => {}
        done => return done,
    }
    let mode = Mode::from_raw_mode(fstat(&file)?.st_mode);
    fchmod(&file, mode | Mode::WUSR)?;
    let done = change();
    fchmod(&file, mode)?;
    done
}

/// Who stored what is there; `None` if nothing says.
pub(super) fn owner_at(at: NameIn<'_>) -> OsResult<Option<Box<str>>> {
    match at.open(READ_FILE, 0) {
        Ok(file) => owner_of(file),
        // The operator put it there, as somebody else.
        Err(Errno::ACCESS | Errno::PERM) => Ok(None),
        Err(e) => Err(e),
    }
}

fn owner_of(file: impl AsFd) -> OsResult<Option<Box<str>>> {
    let mut name = [0; limits::ACCOUNT_NAME];
    match fgetxattr(&file, OWNER, &mut name) {
        Ok(len) => {
            let name = name.get(..len).and_then(|name| std::str::from_utf8(name).ok());
            Ok(name.map(Box::from))
        }
        // Nothing says, or what does is no account's name.
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::RANGE) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether a disk keeps who stored a file.
pub(super) fn try_owners(home: &Home) -> OsResult<()> {
    let name = home.passing_name();
    let at = NameIn::new(home.trash(), name.as_bytes());
    let file = at.open(NEW_FILE, FILE_MODE)?;
    let kept = set_owner(&file, "a");
    at.unlink()?;
    kept
}

/// Gives files and directories another owner, and can give them back.
pub(super) struct Owning<'a> {
    owner: &'a str,
    /// Everybody who owned something before.
    names: Vec<Box<str>>,
    /// What was given to the new owner, with the place of the old one in `names`.
    given: Vec<(FileId, Option<u32>)>,
}

impl<'a> Owning<'a> {
    pub(super) fn to(owner: &'a str) -> Owning<'a> {
        Owning { owner, names: Vec::new(), given: Vec::new() }
    }

    /// Writes the new owner down in what is there; links and the like have none.
    pub(super) fn give(&mut self, at: NameIn<'_>) -> Result<()> {
        let failed = |e: Errno| Error::io("writing down who owns a file", e.into());
        let stat = at.stat().map_err(failed)?;
        if !matches!(kind_of(&stat), EntryKind::File | EntryKind::Directory) {
            return Ok(());
        }
        let file = at.open(READ_FILE, 0).map_err(failed)?;
        let before = owner_of(&file).map_err(failed)?;
        if before.as_deref() == Some(self.owner) {
            return Ok(());
        }
        if self.given.len() >= limits::MOVED_ENTRIES {
            let max = limits::MOVED_ENTRIES as u64;
            return Err(Error::TooMany { what: "files to move into this mount at once", max });
        }
        let place = before.map(|name| self.place_of(name));
        self.given.push((FileId::of(&stat), place));
        set_owner(&file, self.owner).map_err(failed)
    }

    fn place_of(&mut self, name: Box<str>) -> u32 {
        let place = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Makes ready for [`Owning::take_back`]; `false` if there is nothing to take back.
    pub(super) fn give_up(&mut self) -> bool {
        self.given.sort_unstable();
        !self.given.is_empty()
    }

    /// Writes the old owner down again in what is there, if it was given to the new one.
    pub(super) fn take_back(&self, at: NameIn<'_>) -> OsResult<()> {
        let id = FileId::of(&at.stat()?);
        let Ok(found) = self.given.binary_search_by_key(&id, |(id, _)| *id) else { return Ok(()) };
        let place = self.given.get(found).and_then(|(_, place)| *place);
        let before = place.and_then(|place| self.names.get(place as usize));
        let file = at.open(READ_FILE, 0)?;
        match before {
            Some(owner) => set_owner(&file, owner),
            None => changing(&file, &|| fremovexattr(&file, OWNER)),
        }
    }
}
