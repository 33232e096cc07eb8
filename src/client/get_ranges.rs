//! A large download of which several connections fetch ranges.
//!
//! Invariant: a range is checked chunk by chunk before it is written, as everything is.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Client;
use super::error::{Error, Result};
use super::fetch::{ByteRange, ChunkTarget, Remote};
use super::halt::Halt;
use super::progress::{FileProgress, Progress};
use super::ranges::{Ranges, SharedFile};
use super::tools::Tools;

/// A download that is being shared.
pub(super) struct SharedDownload {
    path: String,
    version: u64,
    size: u64,
    target: PathBuf,
    file: File,
    ranges: Ranges,
}

impl SharedDownload {
    /// Everything of a file from `from` on is missing.
    pub(super) fn new(
        remote: &Remote<'_>,
        from: u64,
        target: PathBuf,
        file: File,
    ) -> SharedDownload {
        let Remote { path, version, size, .. } = *remote;
        let ranges = Ranges::new((from, size), size);
        SharedDownload { path: path.to_owned(), version, size, target, file, ranges }
    }

    /// Fetches a range that was taken; one that did not come whole is given out again.
    pub(super) fn fetch(
        &self,
        remote: &mut Remote<'_>,
        tools: &mut Tools<'_>,
        range: ByteRange,
        bar: &mut FileProgress<'_>,
    ) -> Result<(), Halt> {
        let mut target = RangeTarget { download: self, written: 0 };
        let fetched = remote.fetch(tools, &mut target, range, bar);
        match fetched {
            Ok(()) => self.ranges.finish(),
            Err(_) => self.ranges.give_back(range, target.written),
        }
        fetched
    }
}

impl SharedFile for SharedDownload {
    fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    fn help(self: Arc<Self>, client: &mut Client, progress: &mut dyn Progress) -> Result<()> {
        client.line()?;
        while let Some(range) = self.ranges.take(false) {
            let mut remote = Remote::new(&self.path);
            (remote.version, remote.size) = (self.version, self.size);
            // It is not this connection's to show.
            let mut bar = FileProgress::new(progress, Client::shown(&self.path));
            let fetched = self.fetch(&mut remote, &mut client.tools()?, range, &mut bar);
            self.ranges.helped.fetch_add(remote.received, Ordering::Relaxed);
            match fetched {
                Ok(()) => {}
                Err(Halt::Failed(e)) => return Err(e),
                Err(_) => {
                    // Whoever has the file notices it too.
                    self.ranges.close();
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// What writes the ranges of a shared download.
struct RangeTarget<'a> {
    download: &'a SharedDownload,
    /// Bytes of the range that were counted.
    written: u64,
}

impl ChunkTarget for RangeTarget<'_> {
    fn take(&mut self, offset: u64, content: &[u8]) -> Result<bool> {
        let SharedDownload { file, target, ranges, .. } = self.download;
        if ranges.is_over() {
            // Whoever has the file compares it by now.
            return Ok(false);
        }
        write_at(file, content, offset).map_err(|e| Error::local(target, "write it", e))?;
        ranges.moved(content.len() as u64);
        self.written = self.written.saturating_add(content.len() as u64);
        Ok(true)
    }
}

#[cfg(unix)]
fn write_at(file: &File, content: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, content, offset)
}

/// Elsewhere the handles of one file share a position.
#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
