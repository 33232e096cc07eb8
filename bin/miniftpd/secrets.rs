//! Files that decide who gets in, and whether others on this machine can read or write them.
//!
//! Never: changes a mode or an owner; it says how.

use std::path::Path;

use miniftp::conffile::secrets::{
    Exposed, left_by_root, owned_by_others, readable_by_others, replaceable_by_others,
    usable_by_others, writable_by_others,
};
use miniftp::config::{Config, CredentialFiles};
use rustix::fs::{Stat, stat};
use rustix::process::geteuid;

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
    pub(crate) warnings: Vec<String>,
}

/// Looks at the modes and owners of everything that others may not read or write, for a server that
/// runs as this process does.
pub(crate) fn look(dirs: &Directories, config: &Config) -> SecretFindings {
    let mut found = SecretFindings::default();
    let Directories { conf, home } = dirs;
    found.refused.extend(at(conf, written));
    let owners = found.look_at_owner(conf, geteuid().is_root());
    for name in RECORDS.iter().chain(SETTINGS) {
        for path in [conf.join(name), conf.join(format!("{name}.previous"))] {
            found.look_at_file(&path, conf, &owners);
            if RECORDS.contains(name) {
                found.warnings.extend(at(&path, readable_by_others).map(|one| one.to_string()));
            }
        }
    }
    // Whoever can change these is the server, or runs what they like as the server.
    if let Ok(Some(files)) = CredentialFiles::of(conf, config) {
        found.look_at_file(&files.certificate, conf, &owners);
        found.look_around(&files.key, conf, &owners);
    }
    for command in config.hooks.plan(conf).commands.into_iter().flatten() {
        found.look_at_file(&command.program, conf, &owners);
    }
    found.look_at_homes(home);
    for dir in [conf, home] {
        found.look_above(dir);
    }
    found
}

impl SecretFindings {
    /// Looks whose a directory is, in which everything can be replaced by its owner. Gives the
    /// users that what is in it may belong to, beside root.
    fn look_at_owner(&mut self, dir: &Path, is_allowed: bool) -> Vec<u32> {
        let server = geteuid().as_raw();
        let owner = stat(dir).ok().map(|stat| stat.st_uid).filter(|_| is_allowed);
        match at(dir, |path, stat| owned_by_others(path, stat, &[server])) {
            // As in a container, by sudo, or on another machine's disk: it is that user's server.
            Some(foreign) if is_allowed => {
                self.warnings.push(format!("{foreign}, or leave it: that user runs this server"));
            }
            foreign => self.refused.extend(foreign),
        }
        [server].into_iter().chain(owner).collect()
    }

    /// Looks at a file, and at what it is in.
    fn look_at_file(&mut self, path: &Path, conf: &Path, owners: &[u32]) {
        self.refused.extend(at(path, written));
        self.refused.extend(at(path, |path, stat| owned_by_others(path, stat, owners)));
        self.look_around(path, conf, owners);
    }

    /// Looks at the directory that a file really is in, if that is not the one of the settings.
    fn look_around(&mut self, path: &Path, conf: &Path, owners: &[u32]) {
        let real = path.canonicalize().ok();
        let Some(dir) = real.as_deref().and_then(Path::parent) else { return };
        if conf.canonicalize().is_ok_and(|conf| conf == dir) {
            return;
        }
        let owned = at(dir, |path, stat| owned_by_others(path, stat, owners));
        for exposed in at(dir, replaceable_by_others).into_iter().chain(owned) {
            if !self.refused.contains(&exposed) {
                self.refused.push(exposed);
            }
        }
    }

    /// The homes may be on another machine's disk, which says what it likes of owners, and a group
    /// of this machine may share them.
    fn look_at_homes(&mut self, home: &Path) {
        match at(home, replaceable_by_others) {
            Some(exposed) => self.refused.push(exposed),
            None => self.warnings.extend(at(home, written).map(|exposed| exposed.to_string())),
        }
        let owners = self.look_at_owner(home, true);
        let private = home.join(".miniftp");
        for path in [private.join("secret"), private.clone()] {
            self.refused.extend(at(&path, usable_by_others));
            self.refused.extend(at(&path, |path, stat| owned_by_others(path, stat, &owners)));
        }
        let server = geteuid().as_raw();
        self.refused.extend(at(&private, |path, stat| left_by_root(path, stat, server, home)));
    }

    /// Looks at what is above a directory, where another one could be put in its place.
    fn look_above(&mut self, dir: &Path) {
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
        for above in real.ancestors().skip(1) {
            let line = at(above, replaceable_by_others).map(|exposed| {
                format!("{exposed}, since whoever can write there can replace what is below")
            });
            if let Some(line) = line.filter(|line| !self.warnings.contains(line)) {
                self.warnings.push(line);
            }
        }
    }
}

fn written(path: &Path, stat: &Stat) -> Option<Exposed> {
    writable_by_others(path, stat, &is_own_group)
}

/// What is found at a path, if anything is there.
fn at(path: &Path, look: impl Fn(&Path, &Stat) -> Option<Exposed>) -> Option<Exposed> {
    look(path, &stat(path).ok()?)
}
