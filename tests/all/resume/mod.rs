//! What breaks goes on where it was: cuts, kills, damage and changes, through the real programs.

mod cuts;
mod damage;
mod kills;
mod matrix;
mod rivals;

use std::fs;
use std::path::PathBuf;

use miniftp::digest::Algorithm;
use miniftp::limits::CHUNK;
use miniftp::wire::{Chunk, Drop as DropUpload, Put};

use crate::harness::{Daemon, Output, Proxy, Site, Way, bytes, digests, write_file};

const MIB: usize = 1 << 20;
/// Bytes of everything besides content, of a few connections: less than a chunk.
const TALK: u64 = 60 * 1024;

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited");
    // What waits for bytes that a turned bit announced shall not wait for long.
    site.setting("server", "frame_secs", "1");
    let daemon = site.start();
    (site, daemon)
}

/// Bytes of the farewell, which ends every session.
const BYE: u64 = 17;

/// What passes in a session that does nothing, both ways.
fn idle(site: &Site, daemon: &Daemon) -> (u64, u64) {
    let proxy = Proxy::to(daemon.addr());
    site.client("ann").in_clear().at(proxy.addr()).input("").run(&["--digest", "md5"]).ok();
    (proxy.count(Way::Up), proxy.count(Way::Down))
}

/// Leaves an unfinished upload of `path` whose part on the disk is exactly this.
fn plant_upload(site: &Site, daemon: &Daemon, path: &str, size: usize, held: &[u8]) {
    let mut guest = daemon.login("ann");
    guest
        .request("PUT", &Put::new(path, size as u64, 0, 0, miniftp::wire::NO_MODE, 0, &[]))
        .expect(802);
    let first = bytes(0, CHUNK.min(size));
    let (row, _) = digests(Algorithm::Md5, &first);
    guest.request_with_data("CHUNK", &Chunk::new(0, &row), &first).expect(900);
    guest.request("DROP", &DropUpload::new(1)).expect(200);
    write_file(upload_part(site), held);
}

/// The part of the only unfinished upload.
fn upload_part(site: &Site) -> PathBuf {
    let folder = site.home().join(".miniftp/parts/ann");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let parts: Vec<PathBuf> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "part")).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts[0].clone()
}

/// Where a client keeps what it has of a file that it fetches.
fn download_part(site: &Site, name: &str) -> PathBuf {
    site.local().join(format!(".{name}.miniftp-part"))
}

/// `put` or `get` of one file, in a place where both directions are told alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Put,
    Get,
}

impl Verb {
    const BOTH: [Verb; 2] = [Verb::Put, Verb::Get];

    fn word(self) -> &'static str {
        match self {
            Verb::Put => "put",
            Verb::Get => "get",
        }
    }

    /// The way that content goes.
    fn way(self) -> Way {
        match self {
            Verb::Put => Way::Up,
            Verb::Get => Way::Down,
        }
    }

    fn source(self, site: &Site, name: &str) -> PathBuf {
        match self {
            Verb::Put => site.local().join(name),
            Verb::Get => site.stored("ann", name),
        }
    }

    fn target(self, site: &Site, name: &str) -> PathBuf {
        match self {
            Verb::Put => site.stored("ann", name),
            Verb::Get => site.local().join(name),
        }
    }

    /// Leaves a part of `name` at the target that holds exactly this.
    fn plant(self, site: &Site, daemon: &Daemon, name: &str, size: usize, held: &[u8]) {
        match self {
            Verb::Put => plant_upload(site, daemon, name, size, held),
            Verb::Get => write_file(download_part(site, name), held),
        }
    }

    /// Runs it with md5 through the proxy.
    fn run(self, site: &Site, proxy: &Proxy, name: &str) -> Output {
        let client = site.client("ann").in_clear().at(proxy.addr());
        client.run(&["--digest", "md5", self.word(), name])
    }

    /// The target is whole, and nothing else is left of it.
    #[track_caller]
    fn is_done(self, site: &Site, name: &str, content: &[u8], said: &Output) {
        said.ok().stdout("");
        let target = self.target(site, name);
        assert!(fs::read(&target).unwrap() == content, "{} differs: {}", name, said.tell());
        assert!(!download_part(site, name).exists(), "{}", said.tell());
    }
}

/// Nobody has an unfinished upload.
#[track_caller]
fn no_upload_is_left(site: &Site) {
    site.miniftp("ann", &["parts"]).ok().stdout("");
}
