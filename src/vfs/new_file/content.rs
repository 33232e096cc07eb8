//! The bytes of a new file that do not come from a peer, and those that go.

use super::{NewFile, length};
use crate::error::{Error, Result};
use crate::vfs::source::Source;

impl NewFile {
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
