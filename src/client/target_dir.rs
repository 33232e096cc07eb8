//! A file that is being fetched and its part: two names in one directory, which is opened once.
//!
//! Invariant: where the system can open a directory, everything happens in the one that was opened,
//! however it is called by now and whatever has taken its old name.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Result;
use super::names::{part_name, remote_name};

/// The directory of a file that is being fetched, and the file's two names in it.
pub(super) struct TargetDir {
    #[cfg(unix)]
    dir: std::os::fd::OwnedFd,
    /// What the directory was called when it was opened.
    #[cfg(unix)]
    parent: PathBuf,
    /// Relative to the directory, or whole where none can be opened.
    part: PathBuf,
    target: PathBuf,
}

/// What has the target's name.
#[derive(Clone, Copy, Debug)]
pub(super) enum InPlace {
    /// A file, and its permission bits where the system has them.
    File(Option<u16>),
    Directory,
    Link,
    Other,
}

/// Which file an open one is, whatever it is called, and how long it was.
#[cfg(unix)]
pub(super) type Identity = rustix::fs::Stat;
#[cfg(not(unix))]
pub(super) type Identity = std::fs::Metadata;

#[cfg(unix)]
mod system {
    use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, statat, unlinkat};
    use rustix::io::Errno;

    use super::*;
    use crate::client::Error;

    /// A directory that may be entered but not read is good enough, where the system says so.
    #[cfg(target_os = "linux")]
    const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    #[cfg(not(target_os = "linux"))]
    const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    fn parent(target: &Path) -> &Path {
        match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    impl TargetDir {
        /// Opens the directory that `target` is, or will be, in.
        pub(in crate::client) fn open(target: &Path) -> Result<TargetDir> {
            let name = remote_name(target)?;
            let parent = parent(target);
            let dir = open(parent, DIRECTORY, Mode::empty())
                .map_err(|e| Error::local(target, "write it", e.into()))?;
            let parent = parent.to_owned();
            Ok(TargetDir { dir, parent, part: part_name(name).into(), target: name.into() })
        }

        /// The same directory for another file, if that is in it.
        pub(in crate::client) fn and(self, target: &Path) -> Result<Option<TargetDir>> {
            let name = remote_name(target)?;
            let (part, target_name) = (part_name(name).into(), name.into());
            let is_same = parent(target) == self.parent;
            Ok(is_same.then(|| TargetDir { part, target: target_name, ..self }))
        }

        /// Makes the part; it must not be there. A `private` one is readable only by its owner.
        pub(in crate::client) fn create(&self, private: bool) -> io::Result<File> {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(if private { 0o600 } else { 0o666 });
            Ok(openat(&self.dir, &self.part, flags, mode).map(File::from)?)
        }

        /// Opens a part that is there; `None` if it is something else.
        pub(in crate::client) fn reopen(&self) -> io::Result<Option<File>> {
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = match openat(&self.dir, &self.part, flags, Mode::empty()) {
                Ok(file) => file,
                Err(Errno::LOOP | Errno::NXIO) => return Ok(None),
                Err(e) => return Err(e.into()),
            };
            let stat = fstat(&file)?;
            let plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            Ok((plain && stat.st_nlink == 1).then(|| File::from(file)))
        }

        /// Which file it is, and its length.
        pub(in crate::client) fn identify(file: &File) -> io::Result<(Identity, u64)> {
            let stat = fstat(file)?;
            Ok((stat, u64::try_from(stat.st_size).unwrap_or(0)))
        }

        /// Removes what has the part's name.
        pub(in crate::client) fn remove(&self) -> io::Result<()> {
            Ok(unlinkat(&self.dir, &self.part, AtFlags::empty())?)
        }

        /// Whether the part's name still leads to this file.
        pub(in crate::client) fn leads_to(&self, open: &Identity) -> bool {
            let named = statat(&self.dir, &self.part, AtFlags::SYMLINK_NOFOLLOW);
            named.is_ok_and(|named| (named.st_dev, named.st_ino) == (open.st_dev, open.st_ino))
        }

        /// What has the target's name; `None` if nothing has.
        pub(in crate::client) fn in_place(&self) -> Option<InPlace> {
            let stat = statat(&self.dir, &self.target, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => InPlace::File(u16::try_from(stat.st_mode & 0o777).ok()),
                FileType::Directory => InPlace::Directory,
                FileType::Symlink => InPlace::Link,
                _ => InPlace::Other,
            })
        }

        /// Gives the part the target's name, whatever has it.
        pub(in crate::client) fn rename(&self) -> io::Result<()> {
            Ok(rustix::fs::renameat(&self.dir, &self.part, &self.dir, &self.target)?)
        }

        /// Renames it if nothing has that name, in one step; `None` where the system cannot do
        /// that.
        #[cfg(target_os = "linux")]
        pub(in crate::client) fn rename_to_free(&self) -> Option<io::Result<()>> {
            use rustix::fs::{RenameFlags, renameat_with};
            let (dir, flags) = (&self.dir, RenameFlags::NOREPLACE);
            match renameat_with(dir, &self.part, dir, &self.target, flags) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => None,
                renamed => Some(renamed.map_err(io::Error::from)),
            }
        }

        #[cfg(not(target_os = "linux"))]
        pub(in crate::client) fn rename_to_free(&self) -> Option<io::Result<()>> {
            None
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{self, OpenOptions};

    use super::*;

    impl TargetDir {
        /// The names beside `target`.
        pub(in crate::client) fn open(target: &Path) -> Result<TargetDir> {
            let part = target.with_file_name(part_name(remote_name(target)?));
            Ok(TargetDir { part, target: target.to_owned() })
        }

        /// Makes the part; it must not be there.
        pub(in crate::client) fn create(&self, _private: bool) -> io::Result<File> {
            OpenOptions::new().read(true).write(true).create_new(true).open(&self.part)
        }

        /// Opens a part that is there; `None` if it is something else.
        pub(in crate::client) fn reopen(&self) -> io::Result<Option<File>> {
            if !fs::symlink_metadata(&self.part)?.is_file() {
                return Ok(None);
            }
            OpenOptions::new().read(true).write(true).open(&self.part).map(Some)
        }

        /// Removes what has the part's name.
        pub(in crate::client) fn remove(&self) -> io::Result<()> {
            fs::remove_file(&self.part)
        }

        /// Names are whole here, so nothing of another file's is of use.
        pub(in crate::client) fn and(self, _: &Path) -> Result<Option<TargetDir>> {
            Ok(None)
        }

        /// Which file it is, and its length.
        pub(in crate::client) fn identify(file: &File) -> io::Result<(Identity, u64)> {
            let meta = file.metadata()?;
            let len = meta.len();
            Ok((meta, len))
        }

        /// Elsewhere an open file keeps its name.
        pub(in crate::client) fn leads_to(&self, _: &Identity) -> bool {
            true
        }

        /// What has the target's name; `None` if nothing has.
        pub(in crate::client) fn in_place(&self) -> Option<InPlace> {
            let meta = fs::symlink_metadata(&self.target).ok()?;
            Some(match meta.file_type() {
                kind if kind.is_file() => InPlace::File(None),
                kind if kind.is_dir() => InPlace::Directory,
                kind if kind.is_symlink() => InPlace::Link,
                _ => InPlace::Other,
            })
        }

        /// Gives the part the target's name, whatever has it.
        pub(in crate::client) fn rename(&self) -> io::Result<()> {
            fs::rename(&self.part, &self.target)
        }

        /// Renames it if nothing has that name, in one step: this system cannot do that.
        pub(in crate::client) fn rename_to_free(&self) -> Option<io::Result<()>> {
            None
        }
    }
}
