//! Files and folders through the real client and the real server, there and back, to the last byte.

mod events;
mod files;
mod large;
mod manner;
mod places;
mod streams;
mod trees;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Daemon, Site};

const MIB: usize = 1 << 20;

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    (site, daemon)
}

/// Everything below a folder: the content of files, `None` for folders.
fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                found.insert(name, None);
                folders.push(path);
            } else {
                found.insert(name, Some(fs::read(path).unwrap()));
            }
        }
    }
    found
}
