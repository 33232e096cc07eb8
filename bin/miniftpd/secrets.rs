//! Files that decide who gets in, and whether others on this machine can read or write them.
//!
//! Never: changes a mode or an owner; it says how.

use std::path::Path;

use miniftp::conffile::secrets::{
    Exposed, owned_by_others, readable_by_others, usable_by_others, writable_by_others,
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
    let written = |path: &Path, stat: &Stat| writable_by_others(path, stat, &is_own_group);
    let owners = found.look_at_directory(conf);
    for name in RECORDS.iter().chain(SETTINGS) {
        for path in [conf.join(name), conf.join(format!("{name}.previous"))] {
            found.refused.extend(at(&path, written));
            found.refused.extend(at(&path, |path, stat| owned_by_others(path, stat, &owners)));
            if RECORDS.contains(name) {
                found.warnings.extend(at(&path, readable_by_others).map(|one| one.to_string()));
            }
        }
    }
    // Whoever can change these is the server, or runs what they like as the server.
    let certificate = CredentialFiles::of(conf, config).ok().flatten();
    let certificate = certificate.map(|files| files.certificate);
    let programs = config.hooks.plan(conf).commands.into_iter().flatten();
    let programs = programs.map(|command| command.program);
    for path in certificate.into_iter().chain(programs) {
        found.refused.extend(at(&path, written));
    }
    let owners = found.look_at_directory(home);
    let private = home.join(".miniftp");
    for path in [private.join("secret"), private] {
        found.refused.extend(at(&path, usable_by_others));
        found.refused.extend(at(&path, |path, stat| owned_by_others(path, stat, &owners)));
    }
    found
}

impl SecretFindings {
    /// Looks at a directory in which everything can be replaced by whoever can write in it. Gives
    /// the users that what is in it may belong to, beside root.
    fn look_at_directory(&mut self, dir: &Path) -> Vec<u32> {
        let server = geteuid().as_raw();
        self.refused.extend(at(dir, |path, stat| writable_by_others(path, stat, &is_own_group)));
        let foreign = at(dir, |path, stat| owned_by_others(path, stat, &[server]));
        match foreign {
            // Root in a user's directory, as in a container or by sudo: it is that user's server.
            Some(foreign) if server == 0 => {
                let owner = stat(dir).map(|stat| stat.st_uid);
                self.warnings.push(format!("{foreign}, or leave it: that user runs this server"));
                [server].into_iter().chain(owner).collect()
            }
            foreign => {
                self.refused.extend(foreign);
                vec![server]
            }
        }
    }
}

/// What is found at a path, if anything is there.
fn at(path: &Path, look: impl Fn(&Path, &Stat) -> Option<Exposed>) -> Option<Exposed> {
    look(path, &stat(path).ok()?)
}
