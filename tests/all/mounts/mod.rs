//! Folders that are mounted: rights, limits, guests, and what decides, on both doors.

mod drop_box;
mod ftp;
mod guests;
mod ledger;
mod limits;
mod live;
mod own_drops;
mod places;
mod replaced;
mod rights;
mod same;
mod standing;
pub mod why;
mod why_words;

use std::fs;

use crate::harness::{Frames, Site};

/// A section of mounts.ini.
pub(crate) fn section(name: &str, dir: &str, whom: &str, rights: &str, size: &str) -> String {
    let size = if size.is_empty() { String::new() } else { format!("size = {size}\n") };
    format!("[{name}]\nat = /{name}\ndir = {dir}\nfor = {whom}\nrights = {rights}\n{size}\n")
}

/// Writes conf/mounts.ini.
pub(crate) fn mount(site: &Site, text: &str) {
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
}

/// Puts a file on the disk, below the home folder of the server.
fn plant(site: &Site, path: &str, content: &str) {
    let path = site.home().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The names in a folder, or the refusal's number.
#[track_caller]
fn ls(frames: &mut Frames, path: &str) -> Result<Vec<String>, u16> {
    let answer = frames.on("LS", path);
    if answer.code == 200 { Ok(answer.names()) } else { Err(answer.code) }
}
