//! Descriptors that are there to learn whether what was written has reached the disk.
//!
//! The kernel tells a failure to write something back once to each descriptor that was open when it
//! happened. So a watch is opened before the first byte of what it is to vouch for is written, and
//! nobody else asks through it: otherwise a second reader would be given success.

use rustix::fd::OwnedFd;
use rustix::fs::{fsync, syncfs};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// Since this version of the kernel `syncfs` tells of failures; before it always said that all is
/// well.
const TELLING: (u32, u32) = (5, 8);

/// Whether this kernel tells when a [`DiskWatch`] could not be synced.
pub(super) fn reports_failures() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.is_ok_and(|release| version(&release).is_some_and(|version| version >= TELLING))
}

/// The first two numbers of `6.1.0-18-arm64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

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
pub struct DirWatch {
    directory: OwnedFd,
}

impl DirWatch {
    pub(super) fn new(directory: OwnedFd) -> DirWatch {
        DirWatch { directory }
    }

    /// Waits until the folder's names are on the disk.
    pub fn sync(&self) -> Result<()> {
        match fsync(&self.directory) {
            // File systems whose server keeps names (SMB, 9p) have no such call for directories.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(e) => Err(Error::io("syncing a folder", e.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{FlockOperation, flock};

    use super::super::tests::{POWERS, ann};

    #[test]
    fn releases_are_read_as_numbers() {
        for (release, old) in
            [("4.19.0-27-armmp\n", true), ("5.7.19", true), ("5.8.0", false), ("5.10-rc1", false)]
        {
            assert_eq!(super::version(release).unwrap() < super::TELLING, old, "{release}");
        }
        assert_eq!(super::version("unknown"), None);
    }

    #[test]
    fn a_directory_that_cannot_be_synced_needs_no_sync() {
        let proc = std::fs::File::open("/proc").unwrap();
        assert_eq!(rustix::fs::fsync(&proc), Err(rustix::io::Errno::INVAL));
        super::DirWatch::new(proc.into()).sync().unwrap();
    }

    #[test]
    fn every_watch_is_reported_of_failures_by_itself() {
        let (_fresh, home, _vfs) = ann(POWERS[0]);
        let [one, other] = [0; 2].map(|_| home.watch().unwrap().unwrap());
        one.sync().unwrap();
        // Locks, like the telling of failures, belong to the opening and not to the number: they
        // would not be in each other's way if one watch were a copy of the other.
        flock(&one.root, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(flock(&other.root, FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
