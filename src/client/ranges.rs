//! A large download of which several connections take ranges. Whoever has the file gives the ranges
//! out, in order, so that what is missing after a break lies close together.
//!
//! Invariant: a range is checked chunk by chunk before it is written, as everything is; one that
//! was not fetched to its end is given out again.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Client;
use super::apart::LOOK;
use super::error::{Error, Result};
use super::fetch::{ByteRange, ChunkTarget, Remote};
use super::halt::Halt;
use super::progress::{FileProgress, Progress};
use crate::lock::lock;

/// Bytes of a range: long enough that asking for it costs nothing, short enough that connections
/// end together.
const RANGE: u64 = 8 * 1024 * 1024;
/// Bytes of a file from which on it is shared.
pub(super) const SHARED_FROM: u64 = 2 * RANGE;

/// The downloads that are being shared.
#[derive(Default)]
pub(super) struct Board(Mutex<Vec<Arc<SharedDownload>>>);

impl Board {
    pub(super) fn add(&self, download: &Arc<SharedDownload>) {
        lock(&self.0).push(Arc::clone(download));
    }

    pub(super) fn remove(&self, download: &Arc<SharedDownload>) {
        lock(&self.0).retain(|other| !Arc::ptr_eq(other, download));
    }

    /// A download of which a range can be had.
    pub(super) fn any(&self) -> Option<Arc<SharedDownload>> {
        lock(&self.0).iter().find(|download| download.has_more()).cloned()
    }
}

/// A download that is being shared.
pub(super) struct SharedDownload {
    path: String,
    version: u64,
    size: u64,
    target: PathBuf,
    file: File,
    ranges: Mutex<Ranges>,
    /// Bytes that have come and are right.
    pub(super) done: Arc<AtomicU64>,
    /// Bytes that came over other connections.
    pub(super) helped: AtomicU64,
}

struct Ranges {
    next: u64,
    returned: Vec<ByteRange>,
    /// Ranges that others are fetching.
    out: usize,
    /// The file is not what it was.
    is_over: bool,
}

impl SharedDownload {
    /// Everything of a file from `from` on is missing.
    pub(super) fn new(
        remote: &Remote<'_>,
        from: u64,
        target: PathBuf,
        file: File,
    ) -> SharedDownload {
        SharedDownload {
            path: remote.path.to_owned(),
            version: remote.version,
            size: remote.size,
            target,
            file,
            ranges: Mutex::new(Ranges { next: from, returned: Vec::new(), out: 0, is_over: false }),
            done: Arc::new(AtomicU64::new(from)),
            helped: AtomicU64::new(0),
        }
    }

    /// Whether a range is left that nobody has.
    pub(super) fn has_more(&self) -> bool {
        let ranges = lock(&self.ranges);
        !ranges.is_over && (ranges.next < self.size || !ranges.returned.is_empty())
    }

    /// The next range that nobody has.
    pub(super) fn take(&self) -> Option<ByteRange> {
        let mut ranges = lock(&self.ranges);
        if ranges.is_over {
            return None;
        }
        let range = ranges.returned.pop().or_else(|| {
            let from = ranges.next;
            (from < self.size).then(|| {
                ranges.next = from.saturating_add(RANGE).min(self.size);
                (from, ranges.next)
            })
        })?;
        ranges.out += 1;
        Some(range)
    }

    /// A range was fetched, or has to be fetched again.
    pub(super) fn give_back(&self, range: ByteRange, target: &RangeTarget<'_>, is_done: bool) {
        let mut ranges = lock(&self.ranges);
        ranges.out = ranges.out.saturating_sub(1);
        if !is_done {
            self.done.fetch_sub(target.written, Ordering::Relaxed);
            ranges.returned.push(range);
        }
    }

    /// Whether it was given up.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.ranges).is_over
    }

    /// Nothing of it is to be fetched any more.
    pub(super) fn close(&self) {
        lock(&self.ranges).is_over = true;
    }

    /// Whether nobody is fetching anything of it.
    pub(super) fn is_quiet(&self) -> bool {
        lock(&self.ranges).out == 0
    }
}

/// A download that others may help with, as long as this lives.
pub(super) struct Sharing<'a> {
    board: &'a Board,
    pub(super) download: Arc<SharedDownload>,
}

impl<'a> Sharing<'a> {
    pub(super) fn begin(board: &'a Board, download: SharedDownload) -> Sharing<'a> {
        let download = Arc::new(download);
        board.add(&download);
        Sharing { board, download }
    }
}

impl Drop for Sharing<'_> {
    /// Until nobody writes any more: what has been given up is compared, or goes.
    fn drop(&mut self) {
        self.download.close();
        self.board.remove(&self.download);
        while !self.download.is_quiet() {
            // Whoever still fetches has the deadlines of its line.
            std::thread::sleep(LOOK / 10);
        }
    }
}

/// What writes the ranges of a shared download.
pub(super) struct RangeTarget<'a> {
    download: &'a SharedDownload,
    written: u64,
}

impl<'a> RangeTarget<'a> {
    pub(super) fn new(download: &'a SharedDownload) -> RangeTarget<'a> {
        RangeTarget { download, written: 0 }
    }
}

impl ChunkTarget for RangeTarget<'_> {
    fn take(&mut self, offset: u64, content: &[u8]) -> Result<bool> {
        let SharedDownload { file, target, done, .. } = self.download;
        if self.download.is_over() {
            // Whoever has the file compares it by now.
            return Ok(false);
        }
        write_at(file, content, offset).map_err(|e| Error::local(target, "write it", e))?;
        done.fetch_add(content.len() as u64, Ordering::Relaxed);
        self.written = self.written.saturating_add(content.len() as u64);
        Ok(true)
    }
}

impl Client {
    /// Fetches ranges of somebody else's download, as long as there are any.
    pub(super) fn help_with(
        &mut self,
        download: &SharedDownload,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while let Some(range) = download.take() {
            let mut remote = Remote::new(&download.path);
            (remote.version, remote.size) = (download.version, download.size);
            // It is not this connection's to show.
            let mut bar = FileProgress::new(progress, Client::shown(&download.path));
            let tools = self.line().map(drop).and_then(|()| self.tools());
            let mut target = RangeTarget::new(download);
            let fetched = tools
                .map_err(Halt::from)
                .and_then(|mut tools| remote.fetch(&mut tools, &mut target, range, &mut bar));
            download.helped.fetch_add(remote.received, Ordering::Relaxed);
            download.give_back(range, &target, fetched.is_ok());
            match fetched {
                Ok(()) => {}
                Err(Halt::Failed(e)) => return Err(e),
                // Whoever has the file notices it too.
                Err(_) => {
                    download.close();
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at(file: &File, mut content: &[u8], mut offset: u64) -> std::io::Result<()> {
    while !content.is_empty() {
        match rustix::io::pwrite(file, content, offset) {
            Ok(written) => {
                content = content.get(written..).unwrap_or_default();
                offset = offset.saturating_add(written as u64);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Elsewhere the handles of one file share a position.
#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
