//! Folders on the disk, looked at from outside: everything that is there, and how many bytes.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Everything below a folder: kind, mode and content of each thing, by its path.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    each(folder, &mut |path, meta| {
        let content = if meta.is_file() {
            fs::read(path).unwrap()
        } else if meta.is_symlink() {
            fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            Vec::new()
        };
        all.insert(path.to_path_buf(), (meta.mode(), content));
    });
    all
}

/// Bytes of an account's files and of its unfinished uploads, each file once, even if it is renamed
/// while we look.
pub fn stored_bytes(home: &Path, account: &str) -> u64 {
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    let mut count = |path: &Path, meta: &fs::Metadata| {
        let end = path.extension().and_then(|end| end.to_str());
        // A note is no stored file, nor is it while it is being written under a passing name.
        let note = end == Some("note") || (end == Some("tmp") && is_note(path));
        if meta.is_file() && !note && seen.insert(meta.ino()) {
            bytes += meta.len();
        }
    };
    // A file goes from the parts to its place: in this order it is missed by neither look.
    each(&home.join(".miniftp/parts").join(account), &mut count);
    each(&home.join(account), &mut count);
    bytes
}

fn is_note(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| text.is_empty() || text.starts_with(b"miniftp part"))
}

/// The files of unfinished uploads of an account.
pub fn part_files(home: &Path, account: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    each(&home.join(".miniftp/parts").join(account), &mut |path, _| {
        if path.extension().is_some_and(|end| end == "part") {
            found.push(path.to_path_buf());
        }
    });
    found
}

/// Calls `seen` with everything below a folder; what vanishes meanwhile is passed over.
fn each(folder: &Path, seen: &mut dyn FnMut(&Path, &fs::Metadata)) {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            seen(&entry.path(), &meta);
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
}
