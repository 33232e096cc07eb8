//! What all views and new files of one opened root share: the jail, the disk, and where the
//! account's unfinished uploads to it lie.
//!
//! Invariant: parts and trash are on the root's own file system, outside every view of it.

use std::sync::{Arc, OnceLock};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Stat, fstat};
use rustix::io::{Errno, Result as OsResult};

use super::entry::FileId;
use super::home::Home;
use super::jail::{DIRECTORY_MODE, Jail, NameIn, READ, STAND, from_errno, own_directory};
use super::path::VPath;
use super::volume::Volume;
use crate::error::{Error, Result};
use crate::quota::{DirectoryId, FileOwner};

#[derive(Debug)]
pub(super) struct OpenRoot {
    /// Where the trash is.
    pub(super) home: Arc<Home>,
    pub(super) jail: Jail,
    /// The account that the parts belong to.
    pub(super) account: Box<str>,
    /// Which directory the root is.
    pub(super) id: DirectoryId,
    /// Who is written down as the owner of what is stored in it, where that is kept.
    pub(super) owner: FileOwner,
    /// What is mounted; `None` is the account's own home.
    pub(super) volume: Option<Arc<Volume>>,
    parts: OnceLock<(OwnedFd, FileId)>,
}

impl OpenRoot {
    /// The home of an account, made if it is missing.
    pub(super) fn of_account(home: &Arc<Home>, account: &str) -> Result<OpenRoot> {
        let plain = account.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !plain || account.contains(['/', '\0']) {
            let why = "an account's name begins with a letter or digit and has no slash";
            return Err(Error::BadPath { path: account.to_owned(), why });
        }
        let root = VPath::root();
        let failed = |e| from_errno(e, &root, "opening the account's folder");
        let at = NameIn::new(home.root(), account.as_bytes());
        let opened = home.fence().and_then(|()| at.open_made(STAND, DIRECTORY_MODE));
        let jail = Jail::new(opened.map_err(failed)?, home.powers().openat2);
        let parts = own_directory(home.parts(), account.as_bytes()).map_err(failed)?;
        OpenRoot::of(home, account, jail, parts).map_err(failed)
    }

    pub(super) fn of(
        home: &Arc<Home>,
        account: &str,
        jail: Jail,
        parts: OwnedFd,
    ) -> OsResult<OpenRoot> {
        let id = FileId::of(&fstat(jail.root())?).into();
        Ok(OpenRoot {
            home: Arc::clone(home),
            jail,
            account: account.into(),
            id,
            owner: None,
            volume: None,
            parts: OnceLock::from(with_id(parts)?),
        })
    }

    /// What an account has mounted at `at`.
    pub(super) fn of_volume(volume: &Arc<Volume>, account: &str, at: &VPath) -> Result<OpenRoot> {
        let failed = |e| from_errno(e, at, "opening a mounted folder");
        let root = volume.stand().map_err(failed)?;
        let jail = Jail::new(root, volume.home().powers().openat2);
        Ok(OpenRoot {
            home: Arc::clone(volume.home()),
            jail: jail.mounted(at.clone(), volume.private()),
            account: account.into(),
            id: volume.directory(),
            owner: volume.keeps_owners().then(|| account.into()),
            volume: Some(Arc::clone(volume)),
            parts: OnceLock::new(),
        })
    }

    /// Whether the root is still what its name leads to: that of the account among the homes, or
    /// the path of what is mounted. A look that fails says nothing.
    pub(super) fn is_in_place(&self) -> bool {
        match &self.volume {
            Some(volume) => volume.is_in_place(),
            None => leads_to(self.at().stat(), self.id),
        }
    }

    /// The home's name among the homes.
    pub(super) fn at(&self) -> NameIn<'_> {
        NameIn::new(self.home.root(), self.account.as_bytes())
    }

    /// The folder of the account's parts, made when it is first needed.
    pub(super) fn parts(&self) -> OsResult<BorrowedFd<'_>> {
        Ok(self.opened()?.0.as_fd())
    }

    /// Which folder that is; what is put in place from there must lie on the same disk.
    pub(super) fn parts_id(&self) -> OsResult<FileId> {
        Ok(self.opened()?.1)
    }

    fn opened(&self) -> OsResult<&(OwnedFd, FileId)> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let opened = own_directory(self.parts_of_all(), self.account.as_bytes())?;
        let opened = with_id(opened)?;
        Ok(self.parts.get_or_init(|| opened))
    }

    /// Opens it if it is there; asking alone makes nothing.
    pub(super) fn parts_if_any(&self) -> OsResult<Option<BorrowedFd<'_>>> {
        if self.parts.get().is_none() {
            match NameIn::new(self.parts_of_all(), self.account.as_bytes()).open(READ, 0) {
                Ok(opened) => drop(self.parts.set(with_id(opened)?)),
                Err(Errno::NOENT) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        Ok(self.parts.get().map(|(parts, _)| parts.as_fd()))
    }

    fn parts_of_all(&self) -> BorrowedFd<'_> {
        self.volume.as_ref().map_or(self.home.parts(), |volume| volume.parts())
    }

    /// What tells this path from all others of the server, whatever it is called by whom.
    pub(super) fn key(&self, path: &VPath) -> String {
        super::view::key(self.id, &self.inside(path))
    }

    /// The path as it is called from this root: what parts and claims are named after.
    pub(super) fn inside(&self, path: &VPath) -> VPath {
        path.inside(self.jail.mount_point())
    }
}

/// Whether a look at a path found this directory, or cannot tell.
pub(super) fn leads_to(found: OsResult<Stat>, id: DirectoryId) -> bool {
    match found {
        Ok(stat) => id == FileId::of(&stat).into(),
        Err(e) => !matches!(e, Errno::NOENT | Errno::NOTDIR),
    }
}

fn with_id(directory: OwnedFd) -> OsResult<(OwnedFd, FileId)> {
    let id = FileId::of(&fstat(&directory)?);
    Ok((directory, id))
}
