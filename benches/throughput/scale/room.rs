//! How much more a directory may hold.

use std::fs;
use std::path::Path;

use miniftp::text;

use crate::Result;
use crate::machine;

/// Of the machine's memory, what files in memory leave to the programs.
const LEFT_TO_PROGRAMS: u64 = 2 << 30;

/// What there is room for, or what is needed.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) bytes: u64,
    pub(super) files: u64,
}

impl Room {
    /// What there is in a directory.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn of(directory: &Path) -> Result<Room> {
        let about = rustix::fs::statvfs(directory)?;
        let mut bytes = about.f_bavail.saturating_mul(about.f_frsize);
        if machine::file_system(directory) == "tmpfs" {
            bytes = bytes.min(available_memory().saturating_sub(LEFT_TO_PROGRAMS));
        }
        // Some file systems make room for files as they come, and count none.
        let files = if about.f_files == 0 { u64::MAX } else { about.f_favail };
        Ok(Room { bytes, files })
    }

    /// Why something does not fit in here; `None` if it does.
    pub(super) fn lacks(self, needed: Room) -> Option<String> {
        if needed.bytes > self.bytes {
            let [needed, free] = [needed.bytes, self.bytes].map(text::Size);
            return Some(format!("it needs {needed} at a time, and there is room for {free}"));
        }
        (needed.files > self.files).then(|| {
            let (needed, free) = (needed.files, self.files);
            format!("it needs {needed} files at a time, and the file system has {free} left")
        })
    }
}

/// Bytes that programs and files in memory may still take.
fn available_memory() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib * 1024)
}
