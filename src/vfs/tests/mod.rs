//! The tests of this room that need more than one file, and what all of them share: fresh
//! directories, planted things, both kinds of jail.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::jail::Jail;
use super::{Freed, Home, Keep, Mtime, NewFile, Powers, VPath, View};

mod across;
mod faults;
mod follow;
mod new_files;
mod races;
mod view;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A directory of a test's own, removed when dropped.
pub(super) struct Fresh(PathBuf);

impl Fresh {
    pub(super) fn new() -> Fresh {
        Fresh::under(&std::env::temp_dir())
    }

    /// In memory where the system has a place for that, for what makes thousands of files.
    pub(super) fn in_memory() -> Fresh {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Fresh::under(memory) } else { Fresh::new() }
    }

    fn under(directory: &Path) -> Fresh {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("vfs-test-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Fresh(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What every test of a home runs with: all that the kernel and the disk can do, and less and less
/// of it.
pub(super) const POWERS: [Powers; 4] = [
    Powers::ALL,
    Powers { openat2: false, ..Powers::ALL },
    Powers { noreplace: false, ..Powers::ALL },
    Powers { openat2: false, noreplace: false, links: false },
];

/// A home in a fresh directory, and the view of the account `ann`.
pub(super) fn ann(powers: Powers) -> (Fresh, Arc<Home>, View) {
    ann_in(Fresh::new(), powers)
}

pub(super) fn ann_in(fresh: Fresh, powers: Powers) -> (Fresh, Arc<Home>, View) {
    let home = Arc::new(Home::open_with(fresh.path(), powers).unwrap());
    let vfs = View::open(&home, "ann").unwrap();
    (fresh, home, vfs)
}

pub(super) fn path(text: &str) -> VPath {
    VPath::root().join(text).unwrap()
}

/// Stores a file the short way.
pub(super) fn put(vfs: &View, at: &str, bytes: &[u8]) -> crate::error::Result<u64> {
    let mut new_file = vfs.new_small_file(&path(at), None)?;
    new_file.write_at(0, bytes)?;
    place(&mut new_file, true, None).map(|freed| freed.bytes)
}

/// Ends a new file as a commit does that need not outlive a power cut.
pub(super) fn place(
    new_file: &mut NewFile,
    replace: bool,
    mtime: Option<Mtime>,
) -> crate::error::Result<Freed> {
    if !new_file.is_dressed() {
        new_file.dress(mtime, None)?;
    }
    new_file.place(replace)
}

/// Makes a folder and those above it.
pub(super) fn mkdir(vfs: &View, at: &str) {
    for here in vfs.missing(&path(at)).unwrap() {
        vfs.mkdir(&here, None).unwrap();
    }
}

/// Leaves a part behind, as a cut upload does.
pub(super) fn leave_part(vfs: &View, at: &str, bytes: &[u8]) {
    let mut new_file = vfs.new_file(&path(at), Keep::Fresh, Some(1_000), None).unwrap();
    new_file.write_at(0, bytes).unwrap();
}

pub(super) fn both_jails(root: &Path) -> [Jail; 2] {
    [true, false].map(|openat2| Jail::new(File::open(root).unwrap().into(), openat2))
}

pub(super) fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

pub(super) fn text_of(file: OwnedFd) -> String {
    let mut text = String::new();
    File::from(file).read_to_string(&mut text).unwrap();
    text
}
