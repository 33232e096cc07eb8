//! The FTP door from outside: raw control lines and data connections against the real server.

mod aborts;
mod cases;
mod cuts;
mod data;
mod easy;
mod ends;
mod file_cases;
mod lines;
mod listeners;
mod lists;
mod login;
mod names;
mod places;
mod quota;
mod rules;
mod secrets;
mod site;
mod stops;
mod temporary;
mod transfers;
mod verbs;
mod waits;

use std::fs::{self, File};

use crate::harness::{Daemon, FtpTalk, Site, write_file};

/// Bytes of a file that no buffers on the way can hold.
const LARGE: usize = 64 << 20;

/// The `from`th and the next of ten ports for the tests that look whether one was closed. They are
/// below those that the system gives out: such a port is another test's as soon as it is free, and
/// then somebody answers there.
fn own_ports(from: u16) -> String {
    let first = 20_000 + u16::try_from(std::process::id() % 1000).unwrap() * 10 + from;
    format!("{first}-{}", first + 1)
}

/// A server and an account with 10 MB and a few files.
struct Scene {
    // The server goes before its directory.
    daemon: Daemon,
    site: Site,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(&[])
    }

    /// One with these settings of a section changed.
    fn with(settings: &[(&str, &str, &str)]) -> Scene {
        let site = Site::new();
        site.account("ann", "10M");
        for (section, key, value) in settings {
            site.setting(section, key, value);
        }
        let daemon = site.start();
        Scene { daemon, site }
    }

    /// A session of the account; files travel as they are.
    #[track_caller]
    fn ann(&self) -> FtpTalk {
        self.daemon.ftp("ann")
    }

    /// Puts a file where the account finds it, behind the server's back.
    #[track_caller]
    fn put(&self, path: &str, content: &[u8]) {
        write_file(self.site.stored("ann", path), content);
    }

    /// Puts a file of holes there, larger than all the buffers on the way.
    #[track_caller]
    fn put_large(&self, path: &str) {
        self.put(path, b"");
        let file = File::options().write(true).open(self.site.stored("ann", path)).unwrap();
        file.set_len(LARGE as u64).unwrap();
    }

    /// What the disk has under a path of the account; `None` if nothing is there.
    fn stored(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.site.stored("ann", path)).ok()
    }
}
