//! The digests that the server keeps of what it stores. A slot is read and forged here as the form
//! of `src/vfs/digests/slot.rs` has it: an answer that is the forged one was not made by reading.

mod changed;
mod kept;
mod verify;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::harness::{Daemon, Site};

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    (site, daemon)
}

/// The file and the byte at which the slot of a stored file is.
fn slot_of(site: &Site, kind: &str, stored: &Path) -> (PathBuf, u64) {
    let inode = fs::metadata(stored).unwrap().ino();
    let page = format!(".miniftp/digests/{kind}/{:x}", inode / 1024);
    (site.home().join(page), inode % 1024 * 128)
}

/// What is kept of a stored file; `None` if nothing is.
fn slot(site: &Site, kind: &str, stored: &Path) -> Option<[u8; 128]> {
    let (page, at) = slot_of(site, kind, stored);
    let mut slot = [0; 128];
    File::open(page).ok()?.read_exact_at(&mut slot, at).ok()?;
    slot.starts_with(b"dig1").then_some(slot)
}

/// Changes what is kept of a stored file, so that its checksum is right again.
#[track_caller]
fn forge(site: &Site, kind: &str, stored: &Path, change: impl FnOnce(&mut [u8; 128])) {
    let mut bytes = slot(site, kind, stored).expect("nothing is kept of it");
    change(&mut bytes);
    let checksum = crc32fast::hash(&bytes[..124]);
    bytes[124..].copy_from_slice(&checksum.to_be_bytes());
    let (page, at) = slot_of(site, kind, stored);
    File::options().write(true).open(page).unwrap().write_all_at(&bytes, at).unwrap();
}

/// Where the digests are in a slot.
const DIGESTS: std::ops::Range<usize> = 56..120;

/// Makes what the disk says of a file the state in which it was stored, as if its bytes had changed
/// by themselves.
fn settle_damage(site: &Site, kind: &str, stored: &Path) {
    let meta = fs::metadata(stored).unwrap();
    forge(site, kind, stored, |slot| {
        slot[20..28].copy_from_slice(&meta.mtime().to_be_bytes());
        slot[28..32].copy_from_slice(&(meta.mtime_nsec() as u32).to_be_bytes());
        slot[32..40].copy_from_slice(&meta.ctime().to_be_bytes());
        slot[40..44].copy_from_slice(&(meta.ctime_nsec() as u32).to_be_bytes());
    });
}

/// Changes one byte of a file in its place, and sets its time back, as bad programs do.
fn change_byte(stored: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(stored).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    file.set_modified(modified).unwrap();
}

/// The lists of the digests of longer files.
fn lists(site: &Site, kind: &str) -> usize {
    let Ok(all) = fs::read_dir(site.home().join(".miniftp/digests").join(kind)) else { return 0 };
    all.filter(|entry| entry.as_ref().unwrap().path().extension().is_some()).count()
}
