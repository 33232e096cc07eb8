//! What became free because a name went, and when the disk has it back.

use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{OFlags, Stat, fstat};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, file_bytes, kind_of};
use super::home::Home;
use super::jail::NameIn;
use super::opened::Mark;
use super::owners::owner_at;
use crate::quota::Amount;

/// To hold a file and look at it, whatever it is.
const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What became free because a name went. Whoever gets it credits its quota owner, with
/// [`Freed::when_closed`].
#[derive(Debug, Default)]
#[must_use = "what became free is credited to its quota owner"]
pub struct Freed {
    /// The bytes of the file.
    pub bytes: u64,
    /// Names that went: 1, or 0 where there was nothing.
    pub entries: u64,
    /// Who stored it, where its disk keeps that.
    pub owner: Option<Box<str>>,
    left: Remainder,
}

/// What still stands between a file that went and its bytes.
#[derive(Debug, Default)]
enum Remainder {
    #[default]
    Nothing,
    /// The server has it open somewhere.
    Open(Mark),
    /// It has a last name in the trash.
    Linked(Link),
}

/// The last name of a file that was replaced, out of everybody's view; dropped, it is removed.
#[derive(Debug)]
pub(super) struct Link {
    home: Arc<Home>,
    /// `None` once it is gone.
    name: Option<String>,
}

impl Freed {
    /// How much that is.
    pub fn amount(&self) -> Amount {
        Amount { bytes: self.bytes, entries: self.entries }
    }

    /// Lets go of `credit` when the disk has the bytes back: now, or when the server has closed the
    /// last descriptor of the file. Until then what was replaced can still be put back, so it
    /// comes after everything that may fail.
    pub fn when_closed(self, credit: Box<dyn Send>) {
        match self.left {
            Remainder::Nothing => drop(credit),
            Remainder::Open(mark) => mark.keep(credit),
            Remainder::Linked(mut link) => match link.remove() {
                Ok(None) => drop(credit),
                Ok(Some(mark)) => mark.keep(credit),
                Err(e) => {
                    log::error!("a replaced file stays in .miniftp/trash, and counted: {e}");
                    // The next start removes it and counts again.
                    std::mem::forget(credit);
                }
            },
        }
    }

    /// A directory that was removed.
    pub(super) fn directory(owner: Option<Box<str>>) -> Freed {
        Freed { entries: 1, owner, ..Freed::default() }
    }

    /// A file whose last name is in the trash.
    pub(super) fn linked(stat: &Stat, owner: Option<Box<str>>, link: Link) -> Freed {
        Freed { bytes: file_bytes(stat), entries: 1, owner, left: Remainder::Linked(link) }
    }

    /// Says who paid, where that is not written down in the file.
    pub(super) fn owned_by(self, owner: &str) -> Freed {
        Freed { owner: Some(owner.into()), ..self }
    }

    /// The link to what was replaced, if that can still be put back.
    pub(super) fn into_link(self) -> Option<Link> {
        match self.left {
            Remainder::Linked(link) => Some(link),
            _ => None,
        }
    }
}

impl Link {
    /// One more name, in the trash, for the file at `of`.
    pub(super) fn make(home: &Arc<Home>, of: NameIn<'_>) -> OsResult<Link> {
        let name = home.passing_name();
        of.link(NameIn::new(home.trash(), name.as_bytes()))?;
        Ok(Link { home: Arc::clone(home), name: Some(name) })
    }

    /// Its name in the trash.
    pub(super) fn at(&self) -> NameIn<'_> {
        NameIn::new(self.home.trash(), self.name.as_deref().unwrap_or(".").as_bytes())
    }

    /// Gives the file the name `to` instead, over what is there.
    pub(super) fn put_back(mut self, to: NameIn<'_>) -> OsResult<()> {
        self.at().rename(to)?;
        self.name = None;
        Ok(())
    }

    /// Removes it, and says who has the file open.
    fn remove(&mut self) -> OsResult<Option<Mark>> {
        let held = Looked::open(self.at())?;
        let mark = held.unlink(&self.home, self.at())?;
        self.name = None;
        Ok(mark)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.name.is_none() {
            return;
        }
        match self.at().unlink() {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => log::warn!("a name in .miniftp/trash waits for the next start: {e}"),
        }
    }
}

/// Something held by a descriptor, so that its number is not given to another file while it goes.
pub(super) struct Looked {
    held: OwnedFd,
    pub(super) stat: Stat,
}

impl Looked {
    pub(super) fn open(at: NameIn<'_>) -> OsResult<Looked> {
        let held = at.open(LOOK, 0)?;
        let stat = fstat(&held)?;
        Ok(Looked { held, stat })
    }

    /// Removes its name `at`, and says who has it open.
    pub(super) fn unlink(self, home: &Home, at: NameIn<'_>) -> OsResult<Option<Mark>> {
        at.unlink()?;
        Ok(self.let_go(home))
    }

    /// Its name went, by removal or because another thing took it: who has it open.
    pub(super) fn let_go(self, home: &Home) -> Option<Mark> {
        let was_last = fstat(&self.held).is_ok_and(|stat| stat.st_nlink == 0);
        if was_last {
            home.digests().forget(&self.stat);
        }
        home.open_files().removed(FileId::of(&self.stat), was_last)
        // Only now is the descriptor closed, and with it, if nobody else has it open, the file.
    }

    /// Removes its name `at`, and tells what became free.
    pub(super) fn take(self, home: &Home, at: NameIn<'_>) -> OsResult<Freed> {
        let owner = self.owner(home, at)?;
        let bytes = file_bytes(&self.stat);
        let mark = self.unlink(home, at)?;
        Ok(Freed {
            bytes,
            entries: 1,
            owner,
            left: mark.map_or(Remainder::Nothing, Remainder::Open),
        })
    }

    /// Opens one whose name another thing took already.
    pub(super) fn taken(self, home: &Home, owner: Option<Box<str>>) -> Freed {
        let bytes = file_bytes(&self.stat);
        let left = self.let_go(home).map_or(Remainder::Nothing, Remainder::Open);
        Freed { bytes, entries: 1, owner, left }
    }

    /// Who stored what is at `at`, where that is kept.
    pub(super) fn owner(&self, home: &Home, at: NameIn<'_>) -> OsResult<Option<Box<str>>> {
        let kept = home.keeps_owners() && kind_of(&self.stat) == EntryKind::File;
        if kept { owner_at(at) } else { Ok(None) }
    }
}
