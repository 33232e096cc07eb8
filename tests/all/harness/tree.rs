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
    let mut bytes = 0;
    each_stored(home, account, &mut |_, meta| bytes += meta.len());
    bytes
}

/// The same while others store and remove; `None` if something was removed meanwhile, whose room
/// others may have had before they were looked at. What is there to the end has grown at most, so
/// no more than that was on the disk at one moment.
pub fn stored_bytes_at_once(home: &Path, account: &str) -> Option<u64> {
    let (mut bytes, mut open) = (0, Vec::new());
    each_stored(home, account, &mut |path, _| {
        let file = fs::File::open(path).ok();
        bytes += file.as_ref().map_or(0, |file| file.metadata().unwrap().len());
        open.push(file);
    });
    let is_there =
        |file: &Option<fs::File>| file.as_ref().is_some_and(|f| f.metadata().unwrap().nlink() > 0);
    open.iter().all(is_there).then_some(bytes)
}

/// Calls `stored` with each file of an account and each of its unfinished uploads.
fn each_stored(home: &Path, account: &str, stored: &mut dyn FnMut(&Path, &fs::Metadata)) {
    let mut seen = HashSet::new();
    let mut count = |path: &Path, meta: &fs::Metadata| {
        let end = path.extension().and_then(|end| end.to_str());
        // A note is no stored file, nor is it while it is being written under a passing name.
        let note = end == Some("note") || (end == Some("tmp") && is_note(path));
        if meta.is_file() && !note && seen.insert(meta.ino()) {
            stored(path, meta);
        }
    };
    // A file goes from the parts to its place: in this order it is missed by neither look.
    each(&home.join(".miniftp/parts").join(account), &mut count);
    each(&home.join(account), &mut count);
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
