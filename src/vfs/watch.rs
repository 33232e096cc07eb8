//! Descriptors that are there to learn whether what was written has reached the disk.
//!
//! The kernel tells a failure to write something back once to each descriptor that was open when it
//! happened. So a watch is opened before the first byte of what it is to vouch for is written, and
//! nobody else asks through it: otherwise a second asker would be told that all is well.

use std::fs::File;

use rustix::fd::OwnedFd;
use rustix::fs::syncfs;

use crate::error::{Error, Result};

/// Vouches for everything that is written to the home's file system after it was opened.
#[derive(Debug)]
pub struct DiskWatch {
    root: OwnedFd,
}

impl DiskWatch {
    pub(super) fn new(root: OwnedFd) -> DiskWatch {
        DiskWatch { root }
    }

    /// Waits until everything written so far is on the disk. After a failure everything written
    /// since the watch was opened is in doubt.
    pub fn sync(&self) -> Result<()> {
        syncfs(&self.root).map_err(|e| Error::io("syncing the disk", e.into()))
    }
}

/// Vouches for the names that are put into one folder after it was opened.
#[derive(Debug)]
pub struct FolderWatch {
    folder: File,
}

impl FolderWatch {
    pub(super) fn new(folder: OwnedFd) -> FolderWatch {
        FolderWatch { folder: File::from(folder) }
    }

    /// Waits until the folder's names are on the disk.
    pub fn sync(&self) -> Result<()> {
        self.folder.sync_all().map_err(|e| Error::io("syncing a folder", e))
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FlockOperation, flock};

    use super::super::tests::{POWERS, ann};

    #[test]
    fn every_watch_is_told_of_failures_by_itself() {
        let (_fresh, home, _vfs) = ann(POWERS[0]);
        let [one, other] = [home.watch().unwrap(), home.watch().unwrap()];
        one.sync().unwrap();
        // Locks, like the telling of failures, belong to the opening and not to the number: they
        // would not be in each other's way if one watch were a copy of the other.
        flock(&one.root, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(flock(&other.root, FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
