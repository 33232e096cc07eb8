//! Sources of which nobody knows the size before their end: pipes, and files whose size is wrong,
//! as in `/proc` and `/sys`.
//!
//! They are read to their end into a file without a name, which is then as any other: it can be
//! compared, and sent again from anywhere.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::error::{Error, Result};

#[cfg(unix)]
mod system {
    use std::io::{self, ErrorKind, Seek, Write};
    use std::sync::atomic::Ordering;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{FileType, Mode, OFlags, open};
    use rustix::io::{Errno, pread};

    use super::*;
    use crate::client::error::shown;

    /// Looks at a file that grows before its size is taken as it is.
    const LOOKS: usize = 3;
    /// How long a pipe is waited for before a look at the interrupt flag.
    const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    /// Names tried for the file without a name.
    const NAMES: usize = 8;

    /// A pipe that never keeps its reader waiting longer than a [`LOOK`].
    pub(in crate::client) struct PipeReader(File);

    impl Read for PipeReader {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            // Its end comes only after a writer.
            if is_ready(&self.0)? { self.0.read(into) } else { Err(ErrorKind::WouldBlock.into()) }
        }
    }

    /// Opens a pipe for reading; `None` if it is something else. Whoever writes is not waited for.
    pub(in crate::client) fn open_pipe(path: &Path, meta: &Metadata) -> Result<Option<PipeReader>> {
        let failed = |e: Errno| Error::local(path, "read it", e.into());
        let kind = rustix::fs::stat(path).map_err(failed)?.st_mode;
        if meta.is_file() || FileType::from_raw_mode(kind) != FileType::Fifo {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).map(|pipe| Some(PipeReader(pipe.into()))).map_err(failed)
    }

    /// Whether a file ends where the system says that it does, or grows.
    pub(in crate::client) fn is_as_long(file: &File, said: u64) -> bool {
        let mut size = said;
        for _ in 0..LOOKS {
            let mut two = [0; 2];
            let last = size.saturating_sub(1);
            let is = pread(file, &mut two, last).ok();
            if is == Some(usize::from(size > 0)) {
                return true;
            }
            match file.metadata() {
                // It changes; whoever reads it will notice.
                Ok(now) if now.len() != size => size = now.len(),
                _ => return false,
            }
        }
        true
    }

    /// Reads a source to its end. Gives what came, from its beginning on, and its length.
    pub(in crate::client) fn copy(
        path: &Path,
        from: &mut dyn Read,
        interrupt: &AtomicBool,
    ) -> Result<(File, u64)> {
        let unread = |e: io::Error| Error::local(path, "read it", e);
        let dir = std::env::temp_dir();
        let unkept = |source: io::Error| {
            let doing = "keep what is read until it is sent";
            Error::Local { path: shown(&dir), doing, source }
        };
        let mut kept = nameless(&dir).map_err(unkept)?;
        let mut block = vec![0; crate::limits::FRAME_DATA];
        let mut len = 0_u64;
        loop {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            match from.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    kept.write_all(block.get(..n).unwrap_or_default()).map_err(unkept)?;
                    len = len.saturating_add(n as u64);
                }
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(e) => return Err(unread(e)),
            }
        }
        kept.rewind().map_err(unkept)?;
        Ok((kept, len))
    }

    /// Waits a moment for bytes in a pipe, or for its end.
    fn is_ready(pipe: &File) -> io::Result<bool> {
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&LOOK)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// A file that only this program has, and that goes with it.
    fn nameless(dir: &Path) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        for _ in 0..NAMES {
            let random = crate::scram::random_bytes().map_err(io::Error::other)?;
            let path = dir.join(format!(".miniftp-{:016x}", u64::from_be_bytes(random)));
            match open(&path, flags, Mode::from_raw_mode(0o600)) {
                Err(Errno::EXIST) => {}
                Err(e) => return Err(e.into()),
                Ok(file) => {
                    std::fs::remove_file(&path)?;
                    return Ok(file.into());
                }
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    /// Elsewhere pipes are no files.
    pub(in crate::client) fn open_pipe(_: &Path, _: &Metadata) -> Result<Option<File>> {
        Ok(None)
    }

    /// Elsewhere a file is as long as the system says.
    pub(in crate::client) fn is_as_long(_: &File, _: u64) -> bool {
        true
    }

    /// Elsewhere there are no files without a name.
    pub(in crate::client) fn copy(
        path: &Path,
        _: &mut dyn Read,
        _: &AtomicBool,
    ) -> Result<(File, u64)> {
        let unsupported = std::io::ErrorKind::Unsupported.into();
        Err(Error::local(path, "read it", unsupported))
    }
}

pub(super) use system::{copy, is_as_long, open_pipe};
