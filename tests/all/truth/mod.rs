//! The client reports success only for what happened: what was left out is counted and named, the
//! same command goes on where it said it would, and a refusal describes what was refused.

mod left_out;
mod lost;
mod modes;
mod places;
mod refusals;
mod replacing;
mod scripts;
mod sources;

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

/// The content of all files below a directory, by their path in it.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut left) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_path_buf();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The same as names.
fn names(root: &Path) -> Vec<String> {
    files(root).into_keys().map(|path| path.to_str().unwrap().to_owned()).collect()
}
