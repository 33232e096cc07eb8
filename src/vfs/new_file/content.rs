//! The bytes of a new file that do not come from a peer, and those that go.

use rustix::fs::{Stat, fstat};

use super::{NewFile, length};
use crate::error::{Error, Result};
use crate::vfs::jail::from_errno;
use crate::vfs::source::Source;

impl NewFile {
    /// What the system tells of it, in its place if it is closed.
    pub(in crate::vfs) fn look(&self) -> Result<Stat> {
        let failed = |e| from_errno(e, &self.path, "looking at a file");
        match (&self.file, &self.spot) {
            (Some((file, _)), _) => fstat(file).map_err(failed),
            (None, Some(spot)) => self.open_root.jail.at(spot).stat().map_err(failed),
            (None, None) => Err(Error::WrongState { what: "the file is closed" }),
        }
    }

    /// Writes `len` bytes that `source` holds from `offset` on at the same offset.
    /// When that fails [`NewFile::held`] tells what is on the disk.
    pub fn copy_from(&mut self, source: &Source, offset: u64, len: u64) -> Result<()> {
        self.fence("copying a file")?;
        let file = self.file()?;
        let copied = source.copy_to(file, offset, len);
        self.len = match &copied {
            Ok(()) => self.len.max(offset.saturating_add(len)),
            Err(_) => length(file).unwrap_or(self.len.max(offset.saturating_add(len))),
        };
        copied
    }

    /// Cuts the file to `len` bytes; it cannot be made longer so.
    pub fn truncate(&mut self, len: u64) -> Result<()> {
        if len > self.len {
            return Err(Error::BadOffset { got: len, want: self.len });
        }
        self.fence("cutting a file")?;
        self.file()?.set_len(len).map_err(|e| Error::io("cutting a file", e))?;
        self.len = len;
        Ok(())
    }
}
