//! Taking files away and putting files in their place, so that every byte is counted once.
//!
//! Taking away is a rename into the server's private trash; only what arrived there is measured and
//! unlinked. Of two that remove the same file one finds it gone, so nobody counts it twice.
//! Putting in place is a rename that replaces nothing, or, over a file, an exchange after which the
//! old one is taken away. Where the disk knows neither, plain renames wait for each other.
//!
//! Never: replaces or removes a folder. Readers see the old file or the new one and nothing else.

use rustix::fd::AsFd;
use rustix::fs::{RenameFlags, Stat, XattrFlags, fgetxattr, fsetxattr};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{FileId, Kind, file_bytes, kind_of};
use super::home::{FILE_MODE, Home};
use super::jail::{At, NEW_FILE, READ_FILE, told};
use super::path::VPath;
use crate::error::{Error, Result};
use crate::{limits, text};

/// Times that a move tries again because somebody else moved something there meanwhile.
const TRIES: u32 = 32;
/// Names tried for a folder whose own name was given away while it was out.
const NAMES: u32 = 8;

/// The name under which a file says who stored it, where that is kept.
const OWNER: &str = "user.miniftp.owner";

/// What became free because a file went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Its bytes.
    pub bytes: u64,
    /// Names that have gone.
    pub entries: u64,
    /// Who stored it, where its disk keeps that.
    pub owner: Option<Box<str>>,
}

/// What came of taking something away.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is gone.
    Freed(Freed),
    /// It is a folder and was left, or put back.
    Folder,
    /// It is not the one that was meant and was put back.
    Another,
}

impl Taken {
    fn judge(stat: &Stat, only: Option<FileId>) -> Taken {
        if kind_of(stat) == Kind::Folder {
            Taken::Folder
        } else if only.is_some_and(|only| only != FileId::of(stat)) {
            Taken::Another
        } else {
            Taken::Freed(Freed { bytes: file_bytes(stat), entries: 1, owner: None })
        }
    }
}

/// Where a thing that is moved comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// An account's view, where its other sessions move things too.
    View,
    /// The server's private folder.
    Private,
}

impl Home {
    /// Takes away what is at `from`, but no folder, and only the file `only` if one is named.
    pub(super) fn take(&self, from: At<'_>, only: Option<FileId>) -> OsResult<Taken> {
        let there = Taken::judge(&from.stat()?, only);
        if !matches!(there, Taken::Freed(_)) {
            return Ok(there);
        }
        let _turn = self.turn();
        let name = self.passing_name();
        let hidden = At::new(self.trash(), name.as_bytes());
        match from.rename(hidden) {
            Ok(()) => {}
            Err(Errno::XDEV) => return take_elsewhere(from, only),
            Err(e) => return Err(e),
        }
        let mut taken = Taken::judge(&hidden.stat()?, only);
        if let Taken::Freed(freed) = &mut taken {
            if self.keeps_owners() {
                freed.owner = owner_at(hidden);
            }
            hidden.unlink()?;
        } else {
            // Somebody put it there between the look and the rename.
            self.put_back(hidden, from);
        }
        Ok(taken)
    }

    /// Moves `from`, a thing of kind `coming`, to `to`, which the user calls `path`, and tells the
    /// bytes that became free.
    ///
    /// Refuses with `Exists` when something is there and `replace` was not asked for; see
    /// [`replaceable`] for what may be replaced.
    pub(super) fn move_over(
        &self,
        (from, origin): (At<'_>, Origin),
        coming: Kind,
        (to, path): (At<'_>, &VPath),
        replace: bool,
    ) -> Result<Freed> {
        let failed = |e| told(e, path, "moving a file into place");
        for _ in 0..TRIES {
            match self.move_to_free(from, to) {
                Ok(()) => return Ok(Freed::default()),
                Err(Errno::EXIST) => {}
                Err(e) => return Err(failed(e)),
            }
            let old = match to.stat() {
                Ok(old) => old,
                Err(Errno::NOENT) => continue,
                Err(e) => return Err(failed(e)),
            };
            if !replace {
                return Err(Error::Exists { path: path.told(), size: file_bytes(&old) });
            }
            replaceable(kind_of(&old), coming, path)?;
            match self.exchange(from, origin, to, FileId::of(&old)) {
                Ok(Some(freed)) => return Ok(freed),
                Ok(None) | Err(Errno::NOENT) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(Error::Changed { path: path.told() })
    }

    /// Renames to a name that is free; `EXIST` when it is not.
    fn move_to_free(&self, from: At<'_>, to: At<'_>) -> OsResult<()> {
        let _turn = self.turn();
        self.move_to_free_now(from, to)
    }

    /// The same for who has the turn already.
    fn move_to_free_now(&self, from: At<'_>, to: At<'_>) -> OsResult<()> {
        if self.powers().renameat2 {
            return from.rename_with(to, RenameFlags::NOREPLACE);
        }
        match to.stat() {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => from.rename(to),
            Err(e) => Err(e),
        }
    }

    /// Puts `from` where the file `old` is and takes that away; `None` when it was not there.
    ///
    /// Once the two are exchanged the new file is in its place and this succeeds, whatever becomes
    /// of the old one: to exchange again could push out what a third has stored meanwhile.
    fn exchange(
        &self,
        from: At<'_>,
        origin: Origin,
        to: At<'_>,
        old: FileId,
    ) -> OsResult<Option<Freed>> {
        if !self.powers().renameat2 {
            return self.exchange_slowly(from, to, old);
        }
        from.rename_with(to, RenameFlags::EXCHANGE)?;
        let taken = match origin {
            // Where users can reach, another file may lie under the name by now: that is not ours.
            Origin::View => self.take(from, Some(old)),
            Origin::Private => self.take(from, None),
        };
        match taken {
            Ok(Taken::Freed(freed)) => return Ok(Some(freed)),
            Ok(Taken::Folder) if origin == Origin::Private => self.put_back(from, to),
            Ok(_) | Err(Errno::NOENT) => {}
            Err(e) => {
                let name = text::escape_bytes(to.name());
                log::error!("the old `{name}` could not be removed and stays counted: {e}");
            }
        }
        Ok(Some(Freed::default()))
    }

    fn exchange_slowly(&self, from: At<'_>, to: At<'_>, old: FileId) -> OsResult<Option<Freed>> {
        let _turn = self.turn();
        let there = to.stat()?;
        let owner = if self.keeps_owners() { owner_at(to) } else { None };
        if FileId::of(&there) != old {
            return Ok(None);
        }
        if FileId::of(&from.stat()?) == old {
            // Two names of one file: a plain rename would leave both.
            from.unlink()?;
        } else {
            from.rename(to)?;
        }
        Ok(Some(Freed { bytes: file_bytes(&there), entries: 1, owner }))
    }

    /// Gives something that was taken by mistake its place again, or a name beside it when that is
    /// taken by now. The last resort is to leave it in the trash, where a folder stays for good.
    fn put_back(&self, hidden: At<'_>, place: At<'_>) {
        if self.move_to_free_now(hidden, place).is_ok() {
            return;
        }
        for n in 1..=NAMES {
            let mut name = place.name().to_vec();
            let end = format!(".{n}");
            name.truncate(limits::NAME - end.len());
            name.extend_from_slice(end.as_bytes());
            if self.move_to_free_now(hidden, place.beside(&name)).is_ok() {
                return;
            }
        }
        let [name, slot] = [place.name(), hidden.name()].map(text::escape_bytes);
        log::error!("`{name}` could not be put back; it is .miniftp/trash/{slot}");
    }
}

/// Whether a thing of one kind may take the place of what is at `path`: only a file or link over a
/// file may, so that no folder is ever replaced and no pipe or link is written to.
pub(super) fn replaceable(old: Kind, coming: Kind, path: &VPath) -> Result<()> {
    let path = path.told();
    match (old, coming) {
        (Kind::File, Kind::Folder) => Err(Error::NotDirectory { path }),
        (Kind::File, _) => Ok(()),
        (Kind::Folder, Kind::Folder) => Err(Error::Exists { path, size: 0 }),
        (Kind::Folder, _) => Err(Error::IsDirectory { path }),
        (Kind::Link | Kind::Other, _) => Err(Error::NotRegular { path }),
    }
}

/// Writes down in a file who stored it.
pub(super) fn set_owner(file: impl AsFd, owner: &str) -> OsResult<()> {
    fsetxattr(file, OWNER, owner.as_bytes(), XattrFlags::empty())
}

/// Who stored the file that is there; `None` if nothing says.
pub(super) fn owner_at(at: At<'_>) -> Option<Box<str>> {
    let file = at.open(READ_FILE, 0).ok()?;
    let mut name = [0; limits::ACCOUNT_NAME];
    let len = fgetxattr(&file, OWNER, &mut name).ok()?;
    std::str::from_utf8(name.get(..len)?).ok().map(Box::from)
}

/// Whether a disk keeps who stored a file.
pub(super) fn try_owners(home: &Home) -> OsResult<()> {
    let name = home.passing_name();
    let at = At::new(home.trash(), name.as_bytes());
    let file = at.open(NEW_FILE, FILE_MODE)?;
    let kept = set_owner(&file, "a");
    at.unlink()?;
    kept
}

/// On another file system (something mounted inside a home) nothing can be renamed into the trash.
/// The unlink succeeds for one only, and no upload is ever put in place there.
fn take_elsewhere(from: At<'_>, only: Option<FileId>) -> OsResult<Taken> {
    let taken = Taken::judge(&from.stat()?, only);
    if matches!(taken, Taken::Freed(_)) {
        from.unlink()?;
    }
    Ok(taken)
}
