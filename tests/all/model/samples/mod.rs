//! What the promises of quotas, moves and parts once broke, one test each, apart from the dice.

mod counting;
mod leftovers;
mod moves;

use std::fs;
use std::path::Path;

use crate::harness::Site;

/// What may be done in most mounts here.
const ALL: &str = "read, write, modify";

/// A section of mounts.ini for everybody.
fn section(name: &str, dir: &str, rights: &str, size: &str) -> String {
    format!("[{name}]\nat = /{name}\ndir = {dir}\nfor = all\nrights = {rights}\nsize = {size}\n\n")
}

/// Puts a text in the place of conf/mounts.ini.
fn mount(site: &Site, text: &str) {
    let conf = site.conf();
    fs::write(conf.join("mounts.new"), text).unwrap();
    fs::rename(conf.join("mounts.new"), conf.join("mounts.ini")).unwrap();
}

/// Bytes of the files right in a directory.
fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok()).filter(|meta| meta.is_file());
    files.map(|meta| meta.len()).sum()
}

/// Writes down whose a file is, as the server does.
fn belongs_to(path: &Path, account: &str) {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path, "user.miniftp.owner", account.as_bytes(), flags).unwrap();
}

/// Whose a file says it is.
fn owner_of(path: &Path) -> Option<String> {
    let mut name = [0; 64];
    let len = rustix::fs::getxattr(path, "user.miniftp.owner", &mut name).ok()?;
    Some(String::from_utf8(name[..len].to_vec()).unwrap())
}
