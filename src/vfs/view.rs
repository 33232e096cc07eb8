//! One root as one account sees it, with the rights it has there. All paths are the account's.
//!
//! Never: asks who may do something; that is the table's and, where a file is to be put, the
//! transfer's, who know what is there.
//! Invariant: nothing outside the root is ever reached.

use std::path::PathBuf;
use std::sync::Arc;

use rustix::fd::BorrowedFd;
use rustix::fs::fstat;
use rustix::io::{Errno, Result as OsResult};

use super::access::WriteTarget;
use super::entry::{Entry, Mtime, file_bytes};
use super::freed::Freed;
use super::home::Home;
use super::jail::{Jail, NameIn, READ, STAND, from_errno};
use super::listing::Listing;
use super::new_file::{Keep, NewFile};
use super::part::{self, PartNote};
use super::path::VPath;
use super::root::OpenRoot;
use super::source::Source;
use super::volume::Volume;
use crate::error::{Error, HomeRefused, Result};
use crate::quota::{Amount, Charged, DirectoryId, FileOwner};
use crate::rights::Rights;

/// Times that a tree is walked again because something was put into it while it was removed.
pub(super) const REMOVAL_PASSES: u32 = 4;

/// One root, as one account sees it. A clone shares its descriptors.
#[derive(Clone, Debug)]
pub struct View {
    pub(super) open_root: Arc<OpenRoot>,
    rights: Rights,
    /// Whether what an upload leaves unfinished stays, for another session.
    pub(super) keeps_parts: bool,
}

impl View {
    /// Whether it has the same descriptors.
    pub fn shares_root(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.open_root, &other.open_root)
    }

    /// Opens the folder of an account (a name that was checked before), making it if it is missing.
    pub fn open(home: &Arc<Home>, account: &str) -> Result<View> {
        Ok(View {
            open_root: Arc::new(OpenRoot::of_account(home, account)?),
            rights: Rights::ALL,
            keeps_parts: true,
        })
    }

    /// A view with a jail and parts of a test's choice.
    #[cfg(test)]
    pub(super) fn of(
        home: &Arc<Home>,
        jail: Jail,
        parts: rustix::fd::OwnedFd,
    ) -> Result<View, Errno> {
        let open_root = Arc::new(OpenRoot::of(home, "ann", jail, parts)?);
        Ok(View { open_root, rights: Rights::ALL, keeps_parts: true })
    }

    /// What an account has mounted at `at`.
    pub fn mounted(
        volume: &Arc<Volume>,
        account: &str,
        at: &VPath,
        rights: Rights,
    ) -> Result<View> {
        let open_root = Arc::new(OpenRoot::of_volume(volume, account, at)?);
        Ok(View { open_root, rights, keeps_parts: true })
    }

    /// Returns this view with other permissions.
    pub fn with(&self, rights: Rights) -> View {
        View { rights, ..self.clone() }
    }

    /// What may be done in it.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Where the account sees it.
    pub fn mount_point(&self) -> &VPath {
        self.jail().mount_point()
    }

    /// What is mounted; `None` is the account's own home.
    pub fn volume(&self) -> Option<&Arc<Volume>> {
        self.open_root.volume.as_ref()
    }

    /// Which directory the root is, whatever it is called.
    pub fn directory(&self) -> DirectoryId {
        self.open_root.id
    }

    /// Who is written down as the owner of what is stored in it, where that is kept.
    pub fn file_owner(&self) -> FileOwner {
        self.open_root.owner.clone()
    }

    /// What a file that the account stores in it is charged to.
    pub fn charged(&self) -> Charged {
        Charged { directory: self.directory(), owner: self.file_owner() }
    }

    /// The account whose view it is.
    pub fn account(&self) -> &str {
        &self.open_root.account
    }

    /// What tells this path from all others of the server, whatever it is called by whom.
    pub fn key(&self, path: &VPath) -> String {
        self.open_root.key(path)
    }

    /// What is at `path`; a link is reported as a link.
    pub fn stat(&self, path: &VPath) -> Result<Entry> {
        let failed = |e| from_errno(e, path, "looking at a file");
        let name = path.name().unwrap_or("/");
        if path == self.mount_point() {
            let stat = match self.volume() {
                // Whoever only looks at what is around it waits for no mount.
                Some(volume) => volume.seen().stat,
                None => fstat(self.jail().root()).map_err(failed)?,
            };
            return Ok(Entry { name: name.to_owned(), odd: false, ..Entry::new(b"/", &stat) });
        }
        let spot = self.jail().spot(path)?;
        let stat = self.jail().at(&spot).stat().map_err(failed)?;
        Ok(Entry::new(name.as_bytes(), &stat))
    }

    /// Refuses unless `path` is a folder that can be entered.
    pub fn check_directory(&self, path: &VPath) -> Result<()> {
        self.jail().directory(path, STAND).map(drop)
    }

    /// Begins to list a folder.
    pub fn list(&self, path: &VPath) -> Result<Listing> {
        let private = self.jail().private().filter(|_| path == self.mount_point());
        Listing::new(self.jail().directory(path, READ)?, path, private)
    }

    /// Sets the time of a regular file. `version` is the one that is meant, or 0 for any.
    ///
    /// # Errors
    /// [`Error::Changed`] if another version is there.
    pub fn set_mtime(&self, path: &VPath, mtime: Mtime, version: u64) -> Result<()> {
        let spot = self.jail().spot(path)?;
        self.home().fence().map_err(|e| from_errno(e, path, "setting a file's time"))?;
        let file = Source::open(self.home(), self.jail().at(&spot), path)?;
        if version != 0 && version != file.version() {
            return Err(Error::Changed { path: path.for_error() });
        }
        file.set_mtime(mtime)
    }

    /// Where on the machine a path lies, as long as nobody moves it: for programs of the operator.
    pub fn host_path(&self, path: &VPath) -> PathBuf {
        let root = match self.volume() {
            Some(volume) => volume.path().to_path_buf(),
            None => self.home().dir().join(self.account()),
        };
        root.join(path.beneath(self.mount_point()))
    }

    /// Whether its root is still what its name leads to; another program may have moved it away.
    pub fn is_in_place(&self) -> bool {
        self.open_root.is_in_place()
    }

    /// The error for a directory that was moved away: a mount, or a home.
    pub fn displaced(&self) -> Error {
        match self.volume() {
            Some(_) => Error::Unmounted,
            None => Error::Home { name: self.account().to_owned(), why: HomeRefused::Moved },
        }
    }

    /// Refuses to change a mounted directory that was moved away, or that another disk covers:
    /// whoever looks for it at its path would not find what is stored in it.
    ///
    /// # Errors
    /// [`Error::Unmounted`].
    pub(super) fn check_mounted(&self) -> Result<()> {
        match self.volume() {
            Some(volume) if !volume.is_in_place() => {
                volume.report_displaced();
                Err(self.displaced())
            }
            _ => Ok(()),
        }
    }

    /// Refuses where nothing is under the home's name.
    ///
    /// # Errors
    /// [`Error::Home`]; what the system refuses.
    pub fn check_name(&self) -> Result<()> {
        match self.open_root.at().stat() {
            Ok(_) => Ok(()),
            Err(Errno::NOENT) => Err(self.displaced()),
            Err(e) => Err(from_errno(e, &VPath::root(), "looking at a home")),
        }
    }

    /// Whether two views show the same root to the same account at the same place.
    pub fn is_same(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.open_root, &other.open_root)
    }

    /// Whether a file can be moved from one root to the other in one step.
    pub(super) fn shares_disk(&self, other: &View) -> bool {
        Arc::ptr_eq(self.home(), other.home())
    }

    /// The home whose trash serves it.
    pub(super) fn home(&self) -> &Arc<Home> {
        &self.open_root.home
    }

    /// Opens a regular file for reading.
    pub fn source(&self, path: &VPath) -> Result<Source> {
        let spot = self.jail().spot(path)?;
        Source::open(self.home(), self.jail().at(&spot), path)
    }

    /// Begins or goes on with a file that may take several sessions. Nothing is made when it could
    /// not be put in place: the folder missing, a folder or something that is no file at `path`.
    ///
    /// `declared` bytes and `mtime` are what the sender says of its file, where it does.
    pub fn new_file(
        &self,
        path: &VPath,
        keep: Keep,
        declared: Option<u64>,
        mtime: Option<Mtime>,
    ) -> Result<NewFile> {
        if !self.keeps_parts {
            return self.new_small_file(path, None);
        }
        let meant = (path, self.is_drop_box());
        NewFile::of_part(&self.open_root, meant, keep, declared, mtime)
    }

    /// Begins a file that is written and placed in one go; dropped before, it leaves nothing.
    /// `target` is what [`View::may_store`] found just now, if it was asked.
    pub fn new_small_file(&self, path: &VPath, target: Option<WriteTarget>) -> Result<NewFile> {
        let spot = target.and_then(|target| target.spot);
        NewFile::small(&self.open_root, (path, self.is_drop_box()), spot)
    }

    /// Bytes held of an unfinished upload to `path`, if there is one.
    pub fn part_held(&self, path: &VPath) -> Result<Option<u64>> {
        let failed = |e| from_errno(e, path, "looking at a part");
        let id = part::id(&self.open_root.inside(path));
        let Some(parts) = self.parts_if_any().map_err(failed)? else { return Ok(None) };
        let Some(held) = part::held(parts, &id).map_err(failed)? else { return Ok(None) };
        let name = part::part_name(&id);
        let is_stored = |spot| NameIn::new(parts, name.as_bytes()).is_same(self.jail().at(&spot));
        // What is the stored file too is no part: nobody may go on with it.
        if self.jail().spot(path).is_ok_and(is_stored) {
            return Ok(None);
        }
        Ok(part::Note::read(parts, &id).map_err(failed)?.map(|_| held))
    }

    /// Bytes of an unfinished upload to `path` behind which one can go on without comparing.
    pub fn part_sound(&self, path: &VPath) -> Result<Option<u64>> {
        let Some(held) = self.part_held(path)? else { return Ok(None) };
        let note = self.part_note(path)?;
        Ok(Some(note.and_then(|note| note.sound).map_or(held, |sound| held.min(sound))))
    }

    fn part_note(&self, path: &VPath) -> Result<Option<part::Note>> {
        let failed = |e| from_errno(e, path, "looking at a part");
        let Some(parts) = self.parts_if_any().map_err(failed)? else { return Ok(None) };
        part::Note::read(parts, &part::id(&self.open_root.inside(path))).map_err(failed)
    }

    /// Bytes that the unfinished upload to `path` is to have in the end, where that was said.
    pub fn part_declared(&self, path: &VPath) -> Result<Option<u64>> {
        Ok(self.part_note(path)?.and_then(|note| note.declared))
    }

    /// Calls `seen` with each of the account's unfinished uploads, in no order; its error ends the
    /// listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        let failed = |e: Errno| Error::io("listing the parts", e.into());
        let Some(parts) = self.parts_if_any().map_err(failed)? else { return Ok(()) };
        part::list(parts, &mut |note| match self.mount_point().outside(&note.path) {
            Ok(path) => seen(PartNote { path, ..note }),
            // What would be too long a path where the mount is seen now cannot be named here.
            Err(_) => Ok(()),
        })
    }

    /// Drops an unfinished upload and tells what became free.
    pub fn drop_part(&self, path: &VPath) -> Result<Freed> {
        let failed = |e| from_errno(e, path, "dropping a part");
        let Some(parts) = self.parts_if_any().map_err(failed)? else {
            return Ok(Freed::default());
        };
        part::drop_part(&self.open_root.home, parts, &part::id(&self.open_root.inside(path)))
            .map_err(failed)
    }

    /// Bytes that may still be written on the disk, and entries that may still be made.
    pub fn free(&self) -> Result<Amount> {
        self.open_root.home.free()
    }

    /// The directory of the parts that this view may go on with.
    pub(super) fn parts_if_any(&self) -> OsResult<Option<BorrowedFd<'_>>> {
        if self.keeps_parts { self.open_root.parts_if_any() } else { Ok(None) }
    }

    pub(super) fn jail(&self) -> &Jail {
        &self.open_root.jail
    }
}

/// What tells a path inside a root from all others of the server.
pub fn key(directory: DirectoryId, inside: &VPath) -> String {
    let DirectoryId { device, inode } = directory;
    format!("{device:x}.{inode:x}{}", inside.as_str())
}

/// What the quota counts of a name; nothing when it has gone.
pub(super) fn bytes_at(at: NameIn<'_>) -> Result<u64, Errno> {
    match at.stat() {
        Ok(stat) => Ok(file_bytes(&stat)),
        Err(Errno::NOENT) => Ok(0),
        Err(e) => Err(e),
    }
}
