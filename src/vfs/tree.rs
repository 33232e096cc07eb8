//! Walking whole trees: of any depth and width, one open directory at a time, without recursion.
//!
//! Going down is an open of one name that follows no link; going up is checked to lead where the
//! walk came from. For each level the walk keeps some names of the directories still to visit, and
//! where in the directory to read on when these are done, so that its memory is bounded whatever
//! the tree ([`limits::WALK_NAMES`], [`limits::WALK_DEPTH`]).
//!
//! Never: follows a link, or holds more than three descriptors, however deep an operator's tree is.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir, FileType, SeekFrom, fstat, seek};
use rustix::io::{Errno, Result as OsResult};

use super::entry::{EntryKind, FileId, kind_of};
use super::jail::{NameIn, READ, above, from_errno, reopen};
use super::path::VPath;
use crate::error::Result;
use crate::{limits, text};

/// What a walk comes by.
pub(super) struct WalkStep<'a> {
    /// Where it is.
    pub(super) at: NameIn<'a>,
    /// Whether it is a directory, whose contents have all been visited; the topmost one is not
    /// visited.
    pub(super) is_directory: bool,
    levels: &'a [Level],
}

impl WalkStep<'_> {
    /// The path from the top, without a slash in front.
    pub(super) fn path(&self) -> Vec<u8> {
        let above = self.levels.iter().skip(1).map(|level| level.name.as_slice());
        above.chain(Some(self.at.name())).collect::<Vec<_>>().join(&b'/')
    }
}

/// A directory on the way from the top to where the walk is.
struct Level {
    id: FileId,
    name: Vec<u8>,
    /// Names of its directories still to visit, each ended by a NUL.
    pending: Vec<u8>,
    /// Where in the directory the names go on that have not been read.
    rest: Option<i64>,
    /// Bytes of the path from the top to here, with a slash before each name.
    bytes: usize,
}

/// How far a tree reaches below its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Names on the longest way down.
    pub(super) names: usize,
    /// Bytes of the longest path below it, with a slash before each name.
    pub(super) bytes: usize,
}

/// What a walk does about a directory that cannot be read, or that is moved while it is inside.
enum Trouble<'a> {
    /// The walk ends.
    Ends(&'a VPath),
    /// It is logged below this name, and counts as empty.
    Logged(&'a str),
    /// It is passed on, with its path from the top, and counts as empty.
    PassedOn(&'a mut dyn FnMut(&[u8], Errno)),
}

struct Walk<'a> {
    here: Dir,
    levels: Vec<Level>,
    trouble: Trouble<'a>,
    /// Bytes of all names that are kept.
    kept: usize,
    reach: Reach,
    visit: &'a mut dyn FnMut(WalkStep<'_>) -> Result<()>,
}

/// Visits everything below an open directory, contents before their directory.
///
/// What vanishes meanwhile is passed over; a directory that is moved while the walk is inside ends
/// it with [`crate::error::Error::Changed`]. `path` is the directory's name in errors.
pub(super) fn walk(
    top: OwnedFd,
    path: &VPath,
    visit: &mut dyn FnMut(WalkStep<'_>) -> Result<()>,
) -> Result<()> {
    let here = Dir::new(top).map_err(|e| from_errno(e, path, "walking through a directory"))?;
    let trouble = Trouble::Ends(path);
    let reach = Reach::default();
    Walk { here, levels: Vec::new(), trouble, kept: 0, reach, visit }.run(None, None).map(drop)
}

/// Visits everything below an open directory but what is in `but` right below it, and comes to an
/// end whatever it finds: a directory that cannot be read is logged, with `name` in front, and
/// passed over. Only an error of `visit` ends it. Tells how far down it came.
pub(super) fn survey(
    top: OwnedFd,
    name: &str,
    but: Option<FileId>,
    visit: &mut dyn FnMut(WalkStep<'_>) -> Result<()>,
) -> Result<Reach> {
    let opened = reopen(top.as_fd()).and_then(|again| Ok((Dir::new(top)?, again)));
    let (here, again) = match opened {
        Ok(opened) => opened,
        Err(e) => {
            log::warn!("{name} cannot be read and counts as empty: {e}");
            return Ok(Reach::default());
        }
    };
    let trouble = Trouble::Logged(name);
    let reach = Reach::default();
    Walk { here, levels: Vec::new(), trouble, kept: 0, reach, visit }.run(but, Some(&again))
}

/// The same for whoever has to know what could not be read: `missed` is called with its path from
/// the top.
pub(super) fn survey_telling(
    top: OwnedFd,
    but: Option<FileId>,
    missed: &mut dyn FnMut(&[u8], Errno),
    visit: &mut dyn FnMut(WalkStep<'_>) -> Result<()>,
) -> Result<Reach> {
    let opened = reopen(top.as_fd()).and_then(|again| Ok((Dir::new(top)?, again)));
    let (here, again) = match opened {
        Ok(opened) => opened,
        Err(e) => {
            missed(b"", e);
            return Ok(Reach::default());
        }
    };
    let (trouble, reach) = (Trouble::PassedOn(missed), Reach::default());
    Walk { here, levels: Vec::new(), trouble, kept: 0, reach, visit }.run(but, Some(&again))
}

impl Walk<'_> {
    /// `top` is the topmost directory once more, to find the way again where it was lost.
    fn run(&mut self, but: Option<FileId>, top: Option<&OwnedFd>) -> Result<Reach> {
        let id = match id_of(&self.here) {
            Ok(id) => id,
            Err(e) => return self.met(e, b"").map(|()| self.reach),
        };
        let (name, pending) = (Vec::new(), Vec::new());
        self.levels.push(Level { id, name, pending, rest: None, bytes: 0 });
        self.read_names()?;
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = pop_name(&mut level.pending) {
                self.kept = self.kept.saturating_sub(name.len() + 1);
                let but = but.filter(|_| self.levels.len() == 1);
                self.enter(name, but)?;
            } else if let Some(rest) = level.rest.take() {
                match self.go_on_at(rest) {
                    Ok(()) => self.read_names()?,
                    Err(e) => self.met(e, b"")?,
                }
            } else {
                self.leave(top)?;
            }
        }
        Ok(self.reach)
    }

    /// Goes back to where the names of the current directory were left. A new descriptor is opened,
    /// because reading can be moved only where pointers have 64 bits.
    fn go_on_at(&mut self, rest: i64) -> OsResult<()> {
        let again = reopen(self.here.fd()?)?;
        let rest = u64::try_from(rest).map_err(|_| Errno::INVAL)?;
        seek(&again, SeekFrom::Start(rest))?;
        self.here = Dir::new(again)?;
        Ok(())
    }

    /// Reads names of the current directory: its leaves are visited at once, its directories noted,
    /// until there are so many that the rest has to wait.
    fn read_names(&mut self) -> Result<()> {
        // Half of what is left, so that a deep tree can go on with less and less.
        let most = limits::WALK_NAMES.saturating_sub(self.kept) / 2;
        while let Some(entry) = self.here.read() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => return self.met(e, b""),
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let fd = match self.here.fd() {
                Ok(fd) => fd,
                Err(e) => return self.met(e, b""),
            };
            let at = NameIn::new(fd, name.to_bytes());
            let bytes = self.levels.last().map_or(0, |level| level.bytes);
            self.reach.names = self.reach.names.max(self.levels.len());
            self.reach.bytes = self.reach.bytes.max(bytes + 1 + name.to_bytes().len());
            if !is_directory(at, entry.file_type()) {
                (self.visit)(WalkStep { at, is_directory: false, levels: &self.levels })?;
                continue;
            }
            let Some(level) = self.levels.last_mut() else { return Ok(()) };
            level.pending.extend_from_slice(name.to_bytes_with_nul());
            self.kept += name.to_bytes_with_nul().len();
            if level.pending.len() >= most {
                level.rest = Some(entry.offset());
                return Ok(());
            }
        }
        Ok(())
    }

    /// Goes down into a directory, unless it is `but`, has gone, or is none any more.
    fn enter(&mut self, name: Vec<u8>, but: Option<FileId>) -> Result<()> {
        let entered = self.here.fd().and_then(|fd| NameIn::new(fd, &name).open(READ, 0));
        let entered = entered.and_then(Dir::new).and_then(|below| Ok((id_of(&below)?, below)));
        match entered {
            Ok((id, _)) if but == Some(id) => Ok(()),
            Ok(_) if self.levels.len() >= limits::WALK_DEPTH => self.met(Errno::NAMETOOLONG, &name),
            Ok((id, below)) => {
                self.here = below;
                let above = self.levels.last().map_or(0, |level| level.bytes);
                let (bytes, pending) = (above + 1 + name.len(), Vec::new());
                self.levels.push(Level { id, name, pending, rest: None, bytes });
                self.read_names()
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(e) => {
                self.met(e, &name)?;
                let Ok(fd) = self.here.fd() else { return Ok(()) };
                let at = NameIn::new(fd, &name);
                (self.visit)(WalkStep { at, is_directory: true, levels: &self.levels })
            }
        }
    }

    /// Goes up from a directory that is done, and visits it.
    fn leave(&mut self, top: Option<&OwnedFd>) -> Result<()> {
        let Some(done) = self.levels.pop() else { return Ok(()) };
        self.kept = self.kept.saturating_sub(done.pending.len());
        let Some(level) = self.levels.last() else { return Ok(()) };
        let up = self.here.fd().and_then(|fd| above(fd.as_fd(), level.id)).and_then(Dir::new);
        match (up, top) {
            (Ok(up), _) => self.here = up,
            (Err(_), Some(top)) => return self.find_way(top),
            (Err(e), None) => return self.met(e, b""),
        }
        let fd = match self.here.fd() {
            Ok(fd) => fd,
            Err(e) => return self.met(e, b""),
        };
        let at = NameIn::new(fd, &done.name);
        (self.visit)(WalkStep { at, is_directory: true, levels: &self.levels })
    }

    /// After a directory was moved away by somebody while the walk was inside: goes on with the
    /// deepest one that is still where it was.
    fn find_way(&mut self, top: &OwnedFd) -> Result<()> {
        let Ok(mut here) = reopen(top.as_fd()).and_then(Dir::new) else {
            self.levels.clear();
            return self.met(Errno::STALE, b"");
        };
        let mut found = 1;
        for level in self.levels.get(1..).unwrap_or_default() {
            let below = here.fd().and_then(|fd| NameIn::new(fd, &level.name).open(READ, 0));
            let below = below.and_then(Dir::new);
            match below {
                Ok(below) if id_of(&below) == Ok(level.id) => here = below,
                _ => break,
            }
            found += 1;
        }
        self.levels.truncate(found);
        self.kept = self.levels.iter().map(|level| level.pending.len()).sum();
        self.here = here;
        Ok(())
    }

    /// What becomes of a directory that cannot be read: the one at `name` below the current one,
    /// or, without a name, the rest of the current one.
    fn met(&mut self, e: Errno, name: &[u8]) -> Result<()> {
        match &mut self.trouble {
            Trouble::Ends(path) => Err(from_errno(e, path, "walking through a directory")),
            Trouble::PassedOn(missed) => {
                let inner = self.levels.iter().skip(1).map(|level| level.name.as_slice());
                let names = inner.chain(Some(name)).filter(|name| !name.is_empty());
                missed(&names.collect::<Vec<_>>().join(&b'/'), e);
                Ok(())
            }
            Trouble::Logged(top) => {
                let mut path = (*top).to_owned();
                let inner = self.levels.iter().skip(1).map(|level| level.name.as_slice());
                for name in inner.chain(Some(name)).filter(|name| !name.is_empty()) {
                    path.push('/');
                    path.push_str(&text::escape_bytes(name));
                }
                log::warn!("{path} cannot be read and counts as empty: {e}");
                Ok(())
            }
        }
    }
}

/// Whether a name is a directory's. Not every file system says so along with the name.
fn is_directory(at: NameIn<'_>, kind: FileType) -> bool {
    match kind {
        FileType::Directory => true,
        FileType::Unknown => at.stat().is_ok_and(|stat| kind_of(&stat) == EntryKind::Directory),
        _ => false,
    }
}

fn id_of(dir: &Dir) -> OsResult<FileId> {
    Ok(FileId::of(&fstat(dir.fd()?)?))
}

/// Takes the last name off a list of names that each end with a NUL.
fn pop_name(names: &mut Vec<u8>) -> Option<Vec<u8>> {
    names.pop()?;
    let begin = names.iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1);
    Some(names.split_off(begin))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Fresh;
    use super::*;
    use std::fs::File;

    /// How many things a survey finds, and whether it was asked to end.
    fn counted(fresh: &Fresh, but: Option<FileId>) -> u32 {
        let top = OwnedFd::from(File::open(fresh.path()).unwrap());
        let mut count = 0;
        survey(top, "top", but, &mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap();
        count
    }

    #[test]
    fn every_directory_is_visited_once_though_not_all_names_fit() {
        let fresh = Fresh::new();
        let wide = fresh.path().join("wide");
        // Three times as many bytes of names as are kept at once, on two levels.
        let name = |n: usize| format!("{n:0>250}");
        let many = 3 * limits::WALK_NAMES / 250;
        for n in 0..many {
            std::fs::create_dir_all(wide.join(name(n))).unwrap();
        }
        let inner = wide.join(name(7));
        for n in 0..200 {
            std::fs::create_dir(inner.join(name(n))).unwrap();
            std::fs::write(inner.join(name(n)).join("f"), "").unwrap();
        }
        assert_eq!(counted(&fresh, None) as usize, 1 + many + 400);
        let but = FileId::of(&rustix::fs::stat(&wide).unwrap());
        assert_eq!(counted(&fresh, Some(but)), 0);
        let top = OwnedFd::from(File::open(&wide).unwrap());
        walk(top, &VPath::root(), &mut |step| {
            let at = step.at;
            let gone = if step.is_directory { at.remove_directory() } else { at.unlink() };
            gone.map_err(|e| from_errno(e, &VPath::root(), "removing"))
        })
        .unwrap();
        assert_eq!(counted(&fresh, None), 1, "all but the topmost one was removed");
    }

    #[test]
    fn a_directory_that_is_moved_away_does_not_end_a_survey() {
        let fresh = Fresh::new();
        for name in ["a/b/c", "d"] {
            std::fs::create_dir_all(fresh.path().join(name)).unwrap();
        }
        std::fs::write(fresh.path().join("a/b/c/f"), "").unwrap();
        let away = Fresh::new();
        let top = OwnedFd::from(File::open(fresh.path()).unwrap());
        let mut leaves = 0;
        survey(top, "top", None, &mut |step| {
            if !step.is_directory {
                assert_eq!(step.path(), b"a/b/c/f");
                leaves += 1;
                std::fs::rename(fresh.path().join("a/b"), away.path().join("b")).unwrap();
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(leaves, 1);
    }
}
