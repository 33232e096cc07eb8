//! The contents of a folder, one entry at a time in constant memory, in the disk's order, and then
//! what is mounted in it.
//!
//! Never: tells the server's own folder, or what lies behind a mount point.

use rustix::fd::OwnedFd;
use rustix::fs::Dir;
use rustix::io::Errno;

use super::entry::{Entry, FileId};
use super::jail::{At, is_private, told};
use super::path::VPath;
use crate::error::Result;

/// An open folder being listed.
#[derive(Debug)]
pub struct Listing {
    /// `None` once it is read, or where only what is mounted is there.
    dir: Option<Dir>,
    path: VPath,
    private: Option<FileId>,
    mounted: Vec<Entry>,
    told: usize,
}

impl Listing {
    /// Of a folder on the disk; `private` is the server's own folder, where it may lie in it.
    pub(super) fn new(folder: OwnedFd, path: &VPath, private: Option<FileId>) -> Result<Listing> {
        let dir = Dir::new(folder).map_err(|e| told(e, path, "reading a folder"))?;
        let (path, mounted) = (path.clone(), Vec::new());
        Ok(Listing { dir: Some(dir), path, private, mounted, told: 0 })
    }

    /// Of a folder that is not on the disk.
    pub(super) fn of_nothing(path: &VPath) -> Listing {
        let (path, mounted) = (path.clone(), Vec::new());
        Listing { dir: None, path, private: None, mounted, told: 0 }
    }

    /// With what is mounted in the folder, in the place of what has the same names.
    pub(super) fn with(self, mounted: Vec<Entry>) -> Listing {
        Listing { mounted, ..self }
    }

    /// The next entry of the disk. What vanishes between its name and its look is passed over.
    fn of_disk(&mut self) -> Result<Option<Entry>, Errno> {
        let Some(dir) = &mut self.dir else { return Ok(None) };
        while let Some(entry) = dir.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let is_hidden = matches!(name, b"." | b"..")
                || (self.private.is_some() && is_private(name))
                || self.mounted.iter().any(|mounted| mounted.name.as_bytes() == name);
            if is_hidden {
                continue;
            }
            match At::new(dir.fd()?, name).stat() {
                Ok(stat) if self.private == Some(FileId::of(&stat)) => {}
                Ok(stat) => return Ok(Some(Entry::new(name, &stat))),
                Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }
}

impl Iterator for Listing {
    type Item = Result<Entry>;

    /// The next entry; a failure ends the listing.
    fn next(&mut self) -> Option<Result<Entry>> {
        match self.of_disk() {
            Ok(Some(entry)) => return Some(Ok(entry)),
            Ok(None) => self.dir = None,
            Err(e) => {
                (self.dir, self.mounted) = (None, Vec::new());
                return Some(Err(told(e, &self.path, "reading a folder")));
            }
        }
        let next = self.mounted.get(self.told).cloned();
        self.told += 1;
        next.map(Ok)
    }
}
