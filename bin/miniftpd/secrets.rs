//! Files that decide who gets in, and whether others on this machine can read or write them.
//!
//! Never: changes a mode; it says how.

use std::path::Path;

use miniftp::conffile::secrets::{
    Exposed, readable_by_others, usable_by_others, writable_by_others,
};
use rustix::fs::{Stat, stat};

use crate::own_group::is_own_group;
use crate::search::Directories;

/// Passwords' records, names and addresses.
const RECORDS: &[&str] = &[
    "accounts.ini",
    "bans.ini",
    "class.csv",
    "ftp-passwords.ini",
    "invites.ini",
    "networks.ini",
    "registrations.ini",
];
/// What decides which programs are run and which directories are shown.
const SETTINGS: &[&str] = &["server.ini", "mounts.ini"];

/// What others can do.
#[derive(Debug, Default)]
pub(crate) struct SecretFindings {
    /// What no server starts with.
    pub(crate) refused: Vec<Exposed>,
    /// What should be looked at: a fresh clone has some of it.
    pub(crate) warnings: Vec<Exposed>,
}

/// Looks at the modes of everything in the directories that others may not read or write, for a
/// server that runs as this process does.
pub(crate) fn look(dirs: &Directories) -> SecretFindings {
    let mut found = SecretFindings::default();
    let Directories { conf, home } = dirs;
    let written = |path: &Path, stat: &Stat| writable_by_others(path, stat, &is_own_group);
    found.refused.extend(at(conf, written));
    for name in RECORDS.iter().chain(SETTINGS) {
        for path in [conf.join(name), conf.join(format!("{name}.previous"))] {
            found.refused.extend(at(&path, written));
            if RECORDS.contains(name) {
                found.warnings.extend(at(&path, readable_by_others));
            }
        }
    }
    let private = home.join(".miniftp");
    for path in [private.join("secret"), private] {
        found.refused.extend(at(&path, usable_by_others));
    }
    found
}

/// What is found at a path, if anything is there.
fn at(path: &Path, look: impl Fn(&Path, &Stat) -> Option<Exposed>) -> Option<Exposed> {
    look(path, &stat(path).ok()?)
}
