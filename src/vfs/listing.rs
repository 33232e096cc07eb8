//! The contents of a folder, one entry at a time in bounded memory, with what is mounted in it.
//!
//! Names are read in runs, and each run is given in the order of its names: short ones, or, for
//! whoever wants the whole folder in order, as long ones as [`limits::LISTING_RUN`] allows.
//! Never: tells the server's own folder, or what lies behind a mount point.

use std::vec::IntoIter;

use rustix::fd::OwnedFd;
use rustix::fs::Dir;
use rustix::io::Errno;

use super::entry::{Entry, FileId};
use super::jail::{NameIn, from_errno, is_private};
use super::path::VPath;
use crate::error::Result;
use crate::limits;

/// An open folder being listed.
#[derive(Debug)]
pub struct Listing {
    /// `None` where only what is mounted is there.
    dir: Option<Dir>,
    /// Whether all names of the folder have been read, or one of them could not be.
    is_read: bool,
    path: VPath,
    private: Option<FileId>,
    mounted: Vec<Entry>,
    run: IntoIter<ReadName>,
    /// Bytes of names that a run takes.
    run_bytes: usize,
}

/// A name that was read.
#[derive(Debug)]
enum ReadName {
    /// On the disk.
    OnDisk(Box<[u8]>),
    /// Of a mount point.
    Mounted(Entry),
}

impl ReadName {
    fn name(&self) -> &[u8] {
        match self {
            ReadName::OnDisk(name) => name,
            ReadName::Mounted(entry) => entry.name.as_bytes(),
        }
    }
}

impl Listing {
    /// Of a folder on the disk; `private` is the server's own folder, where it may lie in it.
    pub(super) fn new(
        directory: OwnedFd,
        path: &VPath,
        private: Option<FileId>,
    ) -> Result<Listing> {
        let dir = Dir::new(directory).map_err(|e| from_errno(e, path, "reading a folder"))?;
        Ok(Listing { dir: Some(dir), private, ..Listing::of_nothing(path) })
    }

    /// Of a folder that is not on the disk.
    pub(super) fn of_nothing(path: &VPath) -> Listing {
        Listing {
            dir: None,
            is_read: false,
            path: path.clone(),
            private: None,
            mounted: Vec::new(),
            run: Vec::new().into_iter(),
            run_bytes: limits::BUSY_BUFFER,
        }
    }

    /// Of entries that are known.
    pub fn of_entries(path: &VPath, entries: Vec<Entry>) -> Listing {
        Listing::of_nothing(path).with(entries)
    }

    /// With more entries, which are not in the directory that is read, if one is.
    pub fn and(mut self, entries: Vec<Entry>) -> Listing {
        self.mounted.extend(entries);
        self
    }

    /// In the order of the names, as far as memory goes.
    pub fn by_name(self) -> Listing {
        Listing { run_bytes: limits::LISTING_RUN, ..self }
    }

    /// With what is mounted in the folder, in the place of what has the same names.
    pub(super) fn with(self, mounted: Vec<Entry>) -> Listing {
        Listing { mounted, ..self }
    }

    /// Reads as many names as are kept at once, or all that are left.
    fn read_run(&mut self) -> Result<(), Errno> {
        let mut run = Vec::new();
        let mut held_bytes = 0;
        while let Some(entry) = self.dir.as_mut().and_then(Dir::read) {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let is_hidden = matches!(name, b"." | b"..")
                || (self.private.is_some() && is_private(name))
                || self.mounted.iter().any(|mounted| mounted.name.as_bytes() == name);
            if is_hidden {
                continue;
            }
            held_bytes += name.len() + NAME_BESIDE;
            run.push(ReadName::OnDisk(name.into()));
            if held_bytes >= self.run_bytes {
                break;
            }
        }
        self.is_read = held_bytes < self.run_bytes;
        if self.is_read {
            run.extend(self.mounted.iter().cloned().map(ReadName::Mounted));
        }
        run.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        self.run = run.into_iter();
        Ok(())
    }

    /// The entry to list for a name; nothing of one that has vanished since it was read.
    fn look(&self, found: ReadName) -> Result<Option<Entry>, Errno> {
        let name = match found {
            ReadName::Mounted(entry) => return Ok(Some(entry)),
            ReadName::OnDisk(name) => name,
        };
        let Some(dir) = &self.dir else { return Ok(None) };
        match NameIn::new(dir.fd()?, &name).stat() {
            Ok(stat) if self.private == Some(FileId::of(&stat)) => Ok(None),
            Ok(stat) => Ok(Some(Entry::new(&name, &stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn step(&mut self) -> Result<Option<Entry>, Errno> {
        loop {
            while let Some(found) = self.run.next() {
                if let Some(entry) = self.look(found)? {
                    return Ok(Some(entry));
                }
            }
            if self.is_read {
                return Ok(None);
            }
            self.read_run()?;
        }
    }
}

/// Bytes that a name takes beside its own, in the run and in the allocator.
const NAME_BESIDE: usize = 48;

impl Iterator for Listing {
    type Item = Result<Entry>;

    /// The next entry; a failure ends the listing.
    fn next(&mut self) -> Option<Result<Entry>> {
        self.step().transpose().map(|entry| {
            entry.map_err(|e| {
                (self.is_read, self.run) = (true, Vec::new().into_iter());
                from_errno(e, &self.path, "reading a folder")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::tests::Fresh;
    use super::*;

    /// A folder of more names than are kept at once is listed whole, each name once.
    #[test]
    fn a_directory_of_any_size_is_reported_in_runs_by_name() {
        let fresh = Fresh::new();
        let many = 2 * limits::LISTING_RUN / (200 + NAME_BESIDE) + 100;
        for number in 0..many {
            File::create(fresh.path().join(format!("{number:0200}"))).unwrap();
        }
        let dir =
            rustix::fs::open(fresh.path(), super::super::jail::READ, rustix::fs::Mode::empty());
        let listing = Listing::new(dir.unwrap(), &VPath::root(), None).unwrap();
        let names: Vec<String> = listing.by_name().map(|entry| entry.unwrap().name).collect();
        let breaks = names.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(breaks <= 2, "{breaks}");
        let mut all = names;
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), many);
    }
}
