//! Taking files away and putting files in their place, so that every byte is counted once.
//!
//! Taking away is a rename into the server's private trash; only what arrived there is measured and
//! unlinked. Putting in place is one rename: onto a free name one that replaces nothing, over a
//! file a plain one, after the old file has got a second name in the trash. That one is removed
//! when nothing can fail any more; a start removes what a killed server left there. Where no rename
//! replaces nothing, a free name is taken by a link and the old one removed, see `intent`.
//!
//! Whoever calls this holds the claims of the names, so that no other session changes them
//! meanwhile; programs beside the server may.
//!
//! Never: replaces or removes a directory. Readers see the old file or the new one and nothing
//! else, and so does whoever starts the server after it was killed at any call.

use std::sync::Arc;

use rustix::fs::{RenameFlags, Stat};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, file_bytes, kind_of};
use super::freed::{Freed, Link, Looked};
use super::home::Home;
use super::intent::{Intent, Route};
use super::jail::{NameIn, from_errno};
use super::path::VPath;
use crate::error::{Error, Result};
use crate::{limits, text};

/// Times that a move tries again because another program changed something there meanwhile.
const TRIES: u32 = 32;
/// Names tried for something whose own name was given away while it was out.
const NAMES: u32 = 8;

/// What came of taking something away.
#[derive(Debug)]
pub(super) enum TakenAway {
    /// It is gone.
    Freed(Freed),
    /// It is a directory and was left, or put back.
    Directory,
    /// It is not the one that was meant and was left, or put back.
    Another,
}

/// Where a thing that is moved comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum MoveOrigin<'a> {
    /// An account's view; how a start that has to finish the move finds both names.
    View(Route<'a>),
    /// The server's private directory, under a name that the next start removes.
    Private,
}

/// Why something must not be taken away.
fn judge(stat: &Stat, only: Option<FileId>) -> Option<TakenAway> {
    if kind_of(stat) == EntryKind::Directory {
        Some(TakenAway::Directory)
    } else if only.is_some_and(|only| only != FileId::of(stat)) {
        Some(TakenAway::Another)
    } else {
        None
    }
}

impl Home {
    /// Takes away what is at `from`, but no directory, and only the file `only` if one is named.
    pub(super) fn take(&self, from: NameIn<'_>, only: Option<FileId>) -> OsResult<TakenAway> {
        self.fence()?;
        if let Some(left) = judge(&from.stat()?, only) {
            return Ok(left);
        }
        let name = self.passing_name();
        let hidden = NameIn::new(self.trash(), name.as_bytes());
        match from.rename(hidden) {
            Ok(()) => {}
            Err(Errno::XDEV) => return self.take_elsewhere(from, only),
            Err(e) => return Err(e),
        }
        let taken = Looked::open(hidden).and_then(|looked| match judge(&looked.stat, only) {
            Some(left) => Ok(left),
            None => looked.take(self, hidden).map(TakenAway::Freed),
        });
        if !matches!(taken, Ok(TakenAway::Freed(_))) {
            // Another program put it there between the look and the rename, or the disk failed.
            self.put_back(hidden, from);
        }
        taken
    }

    /// On another file system (something mounted inside a home) nothing can be renamed into the
    /// trash.
    fn take_elsewhere(&self, from: NameIn<'_>, only: Option<FileId>) -> OsResult<TakenAway> {
        let looked = Looked::open(from)?;
        match judge(&looked.stat, only) {
            Some(left) => Ok(left),
            None => looked.take(self, from).map(TakenAway::Freed),
        }
    }

    /// Moves `from`, a thing of kind `coming`, to `to`, which the user calls `path`, and tells what
    /// became free because it was replaced. Until that is given back it can be put back.
    ///
    /// Refuses with `Exists` when something is there and `replace` was not asked for; see
    /// [`replaceable`] for what may be replaced.
    pub(super) fn move_over(
        self: &Arc<Self>,
        (from, origin): (NameIn<'_>, MoveOrigin<'_>),
        coming: EntryKind,
        (to, path): (NameIn<'_>, &VPath),
        replace: bool,
    ) -> Result<Freed> {
        let failed = |e| from_errno(e, path, "moving a file into place");
        for _ in 0..TRIES {
            self.fence().map_err(failed)?;
            match self.move_to_free((from, origin), coming, to) {
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
                return Err(Error::Exists { path: path.for_error(), size: file_bytes(&old) });
            }
            replaceable(kind_of(&old), coming, path)?;
            match self.replace(from, to, &old) {
                Ok(Some(freed)) => return Ok(freed),
                Ok(None) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(Error::Changed { path: path.for_error() })
    }

    /// Renames to a name that is free; `EXIST` when it is not.
    ///
    /// Where the disk has no rename that replaces nothing, a link does the same for all but
    /// directories. Without either, what the claims keep other sessions from is left to chance
    /// with programs beside the server: one look, and a rename.
    pub(super) fn move_to_free(
        &self,
        (from, origin): (NameIn<'_>, MoveOrigin<'_>),
        coming: EntryKind,
        to: NameIn<'_>,
    ) -> OsResult<()> {
        if self.powers().noreplace {
            match from.rename_with(to, RenameFlags::NOREPLACE) {
                // Something is mounted there whose file system does not know it.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                done => return done,
            }
        }
        if self.powers().links && coming != EntryKind::Directory {
            match self.move_by_link((from, origin), to) {
                Err(e) if cannot_link(e) => {}
                done => return done,
            }
        }
        match to.stat() {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => from.rename(to),
            Err(e) => Err(e),
        }
    }

    /// Takes a free name by a link and removes the old one. Where that is an account's it is
    /// written down first: killed between the two calls, the next start finishes it.
    fn move_by_link(
        &self,
        (from, origin): (NameIn<'_>, MoveOrigin<'_>),
        to: NameIn<'_>,
    ) -> OsResult<()> {
        // A disk may know one file by two spellings of its name, and a start would take them for
        // two names.
        match to.stat() {
            Ok(_) => return Err(Errno::EXIST),
            Err(Errno::NOENT) => {}
            Err(e) => return Err(e),
        }
        let intent = match origin {
            MoveOrigin::Private => None,
            MoveOrigin::View(route) => match route.write(self, FileId::of(&from.stat()?))? {
                Some(intent) => Some(intent),
                None => return Err(Errno::OPNOTSUPP),
            },
        };
        match from.link(to) {
            Ok(()) => unlink_moved(from, intent, to),
            Err(e) => {
                if let Some(intent) = intent {
                    intent.settle();
                }
                Err(e)
            }
        }
    }

    /// Puts `from` where the file `old` is; `None` when that is not there any more.
    fn replace(
        self: &Arc<Self>,
        from: NameIn<'_>,
        to: NameIn<'_>,
        old: &Stat,
    ) -> OsResult<Option<Freed>> {
        let id = FileId::of(old);
        if FileId::of(&from.stat()?) == id {
            return self.replace_itself(from, to, old);
        }
        let link = if self.powers().links { Link::make(self, to).map(Some) } else { Ok(None) };
        let link = match link {
            Ok(link) => link,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) if cannot_link(e) => None,
            Err(e) => return Err(e),
        };
        let looked = Looked::open(link.as_ref().map_or(to, Link::at))?;
        if FileId::of(&looked.stat) != id {
            return Ok(None);
        }
        let owner = looked.owner(self, link.as_ref().map_or(to, Link::at))?;
        from.rename(to)?;
        Ok(Some(match link {
            Some(link) => Freed::linked(&looked.stat, owner, link),
            None => looked.taken(self, owner),
        }))
    }

    /// Moves one name of a file over another one of the same file, which a plain rename does not
    /// do: it leaves both. A disk that does not tell letters of two cases apart has one name only,
    /// and that is what is renamed.
    fn replace_itself(
        &self,
        from: NameIn<'_>,
        to: NameIn<'_>,
        old: &Stat,
    ) -> OsResult<Option<Freed>> {
        if old.st_nlink < 2 {
            // Not every file system tells how many names there are.
            from.rename(to)?;
            if !from.is_listed()? {
                return Ok(Some(Freed::default()));
            }
        }
        match self.take(from, Some(FileId::of(old)))? {
            TakenAway::Freed(freed) => Ok(Some(freed)),
            TakenAway::Directory | TakenAway::Another => Ok(None),
        }
    }

    /// Gives something that was taken by mistake its place again, or a name beside it when that is
    /// taken by now. The last resort is to leave it in the trash, where a directory stays for good.
    fn put_back(&self, hidden: NameIn<'_>, place: NameIn<'_>) {
        let kind = hidden.stat().map_or(EntryKind::File, |stat| kind_of(&stat));
        let moves = |to: NameIn<'_>| self.move_to_free((hidden, MoveOrigin::Private), kind, to);
        if moves(place).is_ok() {
            return;
        }
        for n in 1..=NAMES {
            let mut name = place.name().to_vec();
            let end = format!(".{n}");
            name.truncate(limits::NAME - end.len());
            name.extend_from_slice(end.as_bytes());
            if moves(place.beside(&name)).is_ok() {
                return;
            }
        }
        let [name, slot] = [place.name(), hidden.name()].map(text::escape_bytes);
        log::error!("`{name}` could not be put back; it is .miniftp/trash/{slot}");
    }
}

/// The second half of a move by link: the old name goes.
fn unlink_moved(from: NameIn<'_>, intent: Option<Intent<'_>>, to: NameIn<'_>) -> OsResult<()> {
    let unlinked = from.unlink();
    let Some(intent) = intent else {
        if let Err(e) = unlinked {
            // It is in its place, and nobody sees or opens the other name.
            log::warn!("a file has a second name in .miniftp until the next start: {e}");
        }
        return Ok(());
    };
    if unlinked.is_err() {
        if let Err(e) = to.unlink() {
            let name = text::escape_bytes(to.name());
            log::error!("`{name}` has its old name and the new one until the next start: {e}");
            return unlinked;
        }
    }
    intent.settle();
    unlinked
}

/// Whether a file cannot have a second name: its disk knows no links, it has too many, or the
/// kernel forbids them for files of others.
fn cannot_link(e: Errno) -> bool {
    matches!(
        e,
        Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV
    )
}

/// Whether a thing of one kind may take the place of what is at `path`: only a file or link over a
/// file may, so that no directory is ever replaced and no pipe or link is written to.
pub(super) fn replaceable(old: EntryKind, coming: EntryKind, path: &VPath) -> Result<()> {
    let path = path.for_error();
    match (old, coming) {
        (EntryKind::File, EntryKind::Directory) => Err(Error::NotDirectory { path }),
        (EntryKind::File, _) => Ok(()),
        (EntryKind::Directory, EntryKind::Directory) => Err(Error::Exists { path, size: 0 }),
        (EntryKind::Directory, _) => Err(Error::IsDirectory { path }),
        (EntryKind::Link | EntryKind::Other, _) => Err(Error::NotRegular { path }),
    }
}
