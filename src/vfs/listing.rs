//! The contents of a folder, one entry at a time in constant memory, in the disk's order.

use rustix::fd::OwnedFd;
use rustix::fs::Dir;
use rustix::io::Errno;

use super::entry::Entry;
use super::jail::{At, told};
use super::path::VPath;
use crate::error::Result;

/// An open folder being listed.
#[derive(Debug)]
pub struct Listing {
    dir: Dir,
    path: VPath,
    failed: bool,
}

impl Listing {
    pub(super) fn new(folder: OwnedFd, path: &VPath) -> Result<Listing> {
        let dir = Dir::new(folder).map_err(|e| told(e, path, "reading a folder"))?;
        Ok(Listing { dir, path: path.clone(), failed: false })
    }
}

impl Iterator for Listing {
    type Item = Result<Entry>;

    /// The next entry. What vanishes between its name and its look is passed over; a failure ends
    /// the listing.
    fn next(&mut self) -> Option<Result<Entry>> {
        while !self.failed {
            let entry = match self.dir.read()? {
                Ok(entry) => entry,
                Err(e) => return self.fail(e),
            };
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            match self.dir.fd().and_then(|folder| At::new(folder, name).stat()) {
                Ok(stat) => return Some(Ok(Entry::new(name, &stat))),
                Err(Errno::NOENT) => {}
                Err(e) => return self.fail(e),
            }
        }
        None
    }
}

impl Listing {
    fn fail(&mut self, errno: Errno) -> Option<Result<Entry>> {
        self.failed = true;
        Some(Err(told(errno, &self.path, "reading a folder")))
    }
}
