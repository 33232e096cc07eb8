//! The user's view of the disk: what an account can list, read, write, move and remove.
//!
//! This is the only room for host paths, and on the server's side for what only Unix has. Errors
//! carry the virtual path; what the system said is their source, for the log alone.
//!
//! Never: asks who may do something (that is the session's) or whether there is room (the
//! ledger's). Everything that frees or moves bytes tells how many, so that the caller can settle
//! the ledger.
//! Invariant: nothing outside the account's folder is ever reached; links are listed, not followed.

use std::sync::Arc;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::fstat;
use rustix::io::Errno;

use self::entry::{FileId, file_bytes, kind_of};
use self::home::FOLDER_MODE;
use self::jail::{At, Jail, READ, STAND, told};
use self::moves::{Origin, Taken};
use self::tree::{Step, walk};
use crate::error::{Error, Result};

mod draft;
mod entry;
mod home;
mod jail;
mod listing;
mod moves;
mod part;
mod path;
mod source;
mod tree;
mod watch;

#[cfg(test)]
mod tests;

pub use self::draft::{Draft, Keep};
pub use self::entry::{Entry, Kind, Mtime};
pub use self::home::{Home, Powers, Unopened};
pub use self::listing::Listing;
pub use self::part::PartNote;
pub use self::path::VPath;
pub use self::source::Source;
pub use self::watch::{DiskWatch, FolderWatch};

/// Mode of a folder that a user makes, before the umask.
const USER_FOLDER_MODE: u32 = 0o755;
/// Times that a tree is walked again because something was put into it while it was removed.
const REMOVAL_PASSES: u32 = 4;

/// What all views and drafts of one opening of an account share.
#[derive(Debug)]
struct Account {
    home: Arc<Home>,
    jail: Jail,
    parts: OwnedFd,
    parts_id: FileId,
}

impl Account {
    fn parts(&self) -> BorrowedFd<'_> {
        self.parts.as_fd()
    }
}

/// One account's view of the home. A clone shares its two descriptors.
#[derive(Clone, Debug)]
pub struct Vfs {
    account: Arc<Account>,
}

impl Vfs {
    /// Opens the folder of an account (a name that was checked before), making it if it is missing.
    pub fn open(home: &Arc<Home>, account: &str) -> Result<Vfs> {
        let plain = account.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !plain || account.contains(['/', '\0']) {
            let why = "an account's name begins with a letter or digit and has no slash";
            return Err(Error::BadPath { path: account.to_owned(), why });
        }
        let root = VPath::root();
        let failed = |e| told(e, &root, "opening the account's folder");
        let at = At::new(home.root(), account.as_bytes());
        match at.make_folder(FOLDER_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e)),
        }
        let jail = Jail::new(at.open(STAND, 0).map_err(failed)?, home.powers().openat2);
        let parts = home::own_folder(home.parts(), account.as_bytes()).map_err(failed)?;
        Vfs::of(home, jail, parts).map_err(failed)
    }

    fn of(home: &Arc<Home>, jail: Jail, parts: OwnedFd) -> Result<Vfs, Errno> {
        let (home, parts_id) = (Arc::clone(home), FileId::of(&fstat(&parts)?));
        Ok(Vfs { account: Arc::new(Account { home, jail, parts, parts_id }) })
    }

    /// What is at `path`; a link is told as a link.
    pub fn stat(&self, path: &VPath) -> Result<Entry> {
        let failed = |e| told(e, path, "looking at a file");
        let Some(name) = path.name() else {
            let stat = fstat(self.jail().root()).map_err(failed)?;
            return Ok(Entry { name: "/".to_owned(), odd: false, ..Entry::new(b"/", &stat) });
        };
        let spot = self.jail().spot(path)?;
        let stat = self.jail().at(&spot).stat().map_err(failed)?;
        Ok(Entry::new(name.as_bytes(), &stat))
    }

    /// Refuses unless `path` is a folder that can be entered.
    pub fn check_folder(&self, path: &VPath) -> Result<()> {
        self.jail().folder(path, STAND).map(drop)
    }

    /// Begins to list a folder.
    pub fn list(&self, path: &VPath) -> Result<Listing> {
        Listing::new(self.jail().folder(path, READ)?, path)
    }

    /// Makes a folder; with `parents` also those above it, and then one that is there is fine.
    pub fn mkdir(&self, path: &VPath, parents: bool) -> Result<()> {
        if !parents {
            return self.make_folder(path);
        }
        let mut here = VPath::root();
        for name in path.components() {
            here = here.join(name)?;
            match self.make_folder(&here) {
                Ok(()) => {}
                Err(Error::Exists { .. }) if self.check_folder(&here).is_ok() => {}
                Err(Error::Exists { .. }) if here != *path => {
                    return Err(Error::NotDirectory { path: here.told() });
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &VPath) -> Result<()> {
        let spot = self.changeable(path)?;
        match self.jail().at(&spot).remove_folder() {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(Error::NotEmpty { path: path.told() }),
            Err(e) => Err(told(e, path, "removing a folder")),
        }
    }

    /// Removes a file, link, pipe or device, but no folder, and tells the bytes that became free.
    pub fn remove(&self, path: &VPath) -> Result<u64> {
        let spot = self.jail().spot(path)?;
        match self.account.home.take(self.jail().at(&spot), None) {
            Ok(Taken::Freed(bytes)) => Ok(bytes),
            Ok(_) => Err(Error::IsDirectory { path: path.told() }),
            Err(e) => Err(told(e, path, "removing a file")),
        }
    }

    /// Removes a folder with all that is in it, or a file. `alive` is called after each thing
    /// removed with the bytes that became free by it; its error ends the removal.
    pub fn remove_tree(
        &self,
        path: &VPath,
        alive: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let spot = self.changeable(path)?;
        let failed = |e| told(e, path, "removing a folder");
        let home = &self.account.home;
        let top = self.jail().at(&spot);
        if let Taken::Freed(bytes) = home.take(top, None).map_err(failed)? {
            return alive(bytes);
        }
        for _ in 0..REMOVAL_PASSES {
            let folder = match top.open(READ, 0) {
                Err(Errno::NOENT) => return Ok(()),
                opened => opened.map_err(failed)?,
            };
            walk(folder, path, &mut |step| match step {
                Step::Leaf(at) => match home.take(at, None) {
                    Ok(Taken::Freed(bytes)) => alive(bytes),
                    // Somebody else was faster, or made something else of it: the next pass sees.
                    Ok(_) | Err(Errno::NOENT) => Ok(()),
                    Err(e) => Err(failed(e)),
                },
                Step::Left(at) => match at.remove_folder() {
                    Ok(()) => alive(0),
                    Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
                    Err(e) => Err(failed(e)),
                },
            })?;
            match top.remove_folder() {
                Ok(()) => return alive(0),
                Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Err(Error::NotEmpty { path: path.told() })
    }

    /// Moves a file, folder or link, and tells the bytes that became free because it replaced a
    /// file. Only a file is ever replaced, and never by a folder.
    pub fn rename(&self, from: &VPath, to: &VPath, replace: bool) -> Result<u64> {
        let (source, target) = (self.changeable(from)?, self.changeable(to)?);
        if from.holds(to) {
            let why = "a folder cannot be moved into itself";
            return Err(Error::BadPath { path: to.told(), why });
        }
        let (source, target) = (self.jail().at(&source), self.jail().at(&target));
        let stat = source.stat().map_err(|e| told(e, from, "moving a file"))?;
        if from == to && replace {
            return Ok(0);
        }
        let coming = kind_of(&stat);
        self.account.home.move_over((source, Origin::View), coming, (target, to), replace)
    }

    /// Sets the time of a regular file.
    pub fn set_mtime(&self, path: &VPath, mtime: Mtime) -> Result<()> {
        let spot = self.jail().spot(path)?;
        Source::open(self.jail().at(&spot), path)?.set_mtime(mtime)
    }

    /// Opens a regular file for reading.
    pub fn source(&self, path: &VPath) -> Result<Source> {
        let spot = self.jail().spot(path)?;
        Source::open(self.jail().at(&spot), path)
    }

    /// Begins or goes on with a file that may take several sessions. Nothing is made when it could
    /// not be put in place: the folder missing, a folder or something that is no file at `path`.
    ///
    /// `declared` bytes and `mtime` are what the sender says of its file, where it does.
    pub fn draft(
        &self,
        path: &VPath,
        keep: Keep,
        declared: Option<u64>,
        mtime: Option<Mtime>,
    ) -> Result<Draft> {
        Draft::of_part(&self.account, path, keep, declared, mtime)
    }

    /// Begins a file that is written and placed in one go; dropped before, it leaves nothing.
    pub fn draft_small(&self, path: &VPath) -> Result<Draft> {
        Draft::small(&self.account, path)
    }

    /// Bytes held of an unfinished upload to `path`, if there is one.
    pub fn part_held(&self, path: &VPath) -> Result<Option<u64>> {
        let (id, parts) = (part::id(path), self.account.parts());
        let failed = |e| told(e, path, "looking at a part");
        let Some(held) = part::held(parts, &id).map_err(failed)? else { return Ok(None) };
        Ok(part::Note::read(parts, &id).map_err(failed)?.map(|_| held))
    }

    /// Bytes that the unfinished upload to `path` is to have in the end, where that was said.
    pub fn part_declared(&self, path: &VPath) -> Result<Option<u64>> {
        let note = part::Note::read(self.account.parts(), &part::id(path));
        let note = note.map_err(|e| told(e, path, "looking at a part"))?;
        Ok(note.and_then(|note| note.declared))
    }

    /// Calls `seen` with each of the account's unfinished uploads, in no order; its error ends the
    /// listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        part::list(self.account.parts(), seen)
    }

    /// Drops an unfinished upload and tells the bytes that became free.
    pub fn drop_part(&self, path: &VPath) -> Result<u64> {
        part::drop_part(&self.account.home, self.account.parts(), &part::id(path))
            .map_err(|e| told(e, path, "dropping a part"))
    }

    /// Adds up what the account stores: the bytes of all its files and of its unfinished uploads.
    /// `alive` is called for each file; its error ends the walk.
    pub fn used_bytes(&self, alive: &mut dyn FnMut() -> Result<()>) -> Result<u64> {
        let root = VPath::root();
        let failed = |e| told(e, &root, "adding up the files");
        let mut used = 0_u64;
        walk(self.jail().folder(&root, READ)?, &root, &mut |step| {
            if let Step::Leaf(at) = step {
                used = used.saturating_add(bytes_at(at).map_err(failed)?);
                alive()?;
            }
            Ok(())
        })?;
        let parts = self.account.parts();
        part::each_name(parts, &mut |name| {
            if name.ends_with(part::PART) || name.ends_with(home::PASSING) {
                used = used.saturating_add(bytes_at(At::new(parts, name.as_bytes()))?);
            }
            Ok(())
        })
        .map_err(failed)?;
        Ok(used)
    }

    /// Bytes that may still be written on the disk.
    pub fn free_bytes(&self) -> Result<u64> {
        self.account.home.free_bytes()
    }

    fn jail(&self) -> &Jail {
        &self.account.jail
    }

    /// The spot of something that is to be moved or removed: anything but the root.
    fn changeable(&self, path: &VPath) -> Result<jail::Spot> {
        if path.is_root() {
            return Err(Error::Denied { path: path.told() });
        }
        self.jail().spot(path)
    }

    fn make_folder(&self, path: &VPath) -> Result<()> {
        if path.is_root() {
            return Err(Error::Exists { path: path.told(), size: 0 });
        }
        let spot = self.jail().spot(path)?;
        let at = self.jail().at(&spot);
        match at.make_folder(USER_FOLDER_MODE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let size = bytes_at(at).unwrap_or(0);
                Err(Error::Exists { path: path.told(), size })
            }
            Err(e) => Err(told(e, path, "making a folder")),
        }
    }
}

/// What the quota counts of a name; nothing when it has gone.
fn bytes_at(at: At<'_>) -> Result<u64, Errno> {
    match at.stat() {
        Ok(stat) => Ok(file_bytes(&stat)),
        Err(Errno::NOENT) => Ok(0),
        Err(e) => Err(e),
    }
}
