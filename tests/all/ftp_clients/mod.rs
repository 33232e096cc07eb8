//! The FTP clients that people bring, each against the real server. What they stored and what they
//! fetched is compared byte by byte, and they themselves must be content.
//!
//! A client that is not installed is named on standard error and its tests are passed over; CI
//! installs them all.

mod aria2;
mod busybox;
mod curl;
mod curl_refused;
mod ffmpeg;
mod lftp;
mod ncftp;
mod python;
mod rclone;
mod tnftp;
mod wget;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Daemon, Miniftp, Output, Site, bytes, password, snapshot, write_file};

/// The account that most tests use.
pub const USER: &str = "ann";

/// A server with one account, and a folder for the client, which is its home too.
pub struct Ground {
    /// Dropped before the directory that it works in.
    pub daemon: Daemon,
    pub site: Site,
}

/// Whether all these programs are installed; those that are not are named where it is seen.
pub fn installed(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| !runs(name)).collect();
    if !missing.is_empty() {
        // Not by `eprintln`, which nobody sees of a test that passes.
        let _ = writeln!(std::io::stderr(), "!! SKIPPED, not installed: {}", missing.join(", "));
    }
    missing.is_empty()
}

fn runs(program: &str) -> bool {
    let mut look = Command::new("sh");
    look.args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null());
    look.status().is_ok_and(|status| status.success())
}

impl Ground {
    /// The ground for tests of a client, if it is there.
    #[track_caller]
    pub fn of(program: &str) -> Option<Ground> {
        installed(&[program]).then(|| Ground::with_quota("unlimited"))
    }

    /// The same where not everything has room.
    #[track_caller]
    pub fn with_quota(quota: &str) -> Ground {
        let site = Site::new();
        site.account(USER, quota);
        let daemon = site.start();
        Ground { daemon, site }
    }

    /// The FTP door.
    pub fn addr(&self) -> SocketAddr {
        self.daemon.ftp_addr()
    }

    /// Its port, as programs want it.
    pub fn port(&self) -> String {
        self.addr().port().to_string()
    }

    /// The address of something in the account's home; what is odd in it is encoded.
    pub fn url(&self, path: &str) -> String {
        url(self.addr(), path)
    }

    /// A file of the client.
    pub fn local(&self, path: &str) -> PathBuf {
        self.site.local().join(path)
    }

    /// A file of the server.
    pub fn stored(&self, path: &str) -> PathBuf {
        self.site.stored(USER, path)
    }

    /// Writes a file of the client.
    #[track_caller]
    pub fn write(&self, path: &str, content: &[u8]) {
        write_file(self.local(path), content);
    }

    /// Writes a file into the account's home, as if it had been stored.
    #[track_caller]
    pub fn plant(&self, path: &str, content: &[u8]) {
        write_file(self.stored(path), content);
    }

    /// A program in the client's folder.
    pub fn program(&self, program: &str) -> Miniftp {
        Miniftp::foreign(program, &self.site.local())
    }

    /// Runs it with these words to its end.
    #[track_caller]
    pub fn run(&self, program: &str, words: &[&str]) -> Output {
        self.program(program).run(words)
    }

    /// The file of the server is this content to the byte.
    #[track_caller]
    pub fn assert_stored(&self, path: &str, content: &[u8]) {
        same(&self.stored(path), content);
    }

    /// The file of the client is this content to the byte.
    #[track_caller]
    pub fn assert_local(&self, path: &str, content: &[u8]) {
        same(&self.local(path), content);
    }

    /// A folder of the client with all that makes trees hard: odd names, empty folders and files,
    /// a file that does not fit into memory at once.
    #[track_caller]
    pub fn write_tree(&self, path: &str) {
        for (i, name) in NAMES.iter().enumerate() {
            self.write(&format!("{path}/{name}"), &bytes(i as u64, i * 1000));
            self.write(&format!("{path}/in {i}/{name}"), name.as_bytes());
        }
        self.write(&format!("{path}/deep/er/and/deep er/large"), &bytes(99, 700_001));
        for empty in ["empty", "in 0/empty too"] {
            std::fs::create_dir_all(self.local(&format!("{path}/{empty}"))).unwrap();
        }
    }
}

/// Names that clients stumble over.
pub const NAMES: [&str; 12] = [
    "plain",
    "with two  blanks",
    "\"quoted\"",
    "it's",
    "-dash",
    "ünï中文",
    "per%20cent%",
    "semi;colon&and#hash",
    "$HOME",
    "back\\slash",
    "star*[x]?",
    "trailing.",
];

/// `ftp://ann:...@127.0.0.1:2121/path`, the path encoded as RFC 3986 wants it.
pub fn url(addr: SocketAddr, path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' => encoded.push(byte.into()),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    format!("ftp://{USER}:{}@{addr}/{encoded}", password(USER))
}

/// The file is this content to the byte.
#[track_caller]
pub fn same(path: &Path, content: &[u8]) {
    let there = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(
        there == content,
        "{} has {} bytes, {} were expected; they part at {}",
        path.display(),
        there.len(),
        content.len(),
        there.iter().zip(content).take_while(|(a, b)| a == b).count()
    );
}

/// Both folders hold the same: folders, empty ones too, files and their bytes.
#[track_caller]
pub fn same_tree(left: &Path, right: &Path) {
    let (a, b) = (tree(left), tree(right));
    let names = |tree: &BTreeMap<PathBuf, Option<Vec<u8>>>| -> Vec<PathBuf> {
        tree.keys().cloned().collect()
    };
    assert_eq!(names(&a), names(&b), "{} and {}", left.display(), right.display());
    for (path, content) in &a {
        assert!(content == &b[path], "{} differs", path.display());
    }
}

/// What a folder holds by its path in there; `None` is a folder.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let all = snapshot(folder).into_iter();
    all.map(|(path, (_, content))| {
        let is_folder = path.is_dir();
        let path = path.strip_prefix(folder).unwrap().to_path_buf();
        (path, (!is_folder).then_some(content))
    })
    .collect()
}
