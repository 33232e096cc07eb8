//! `miniftpd share`: one command, a printed line in another terminal, and the file is there.

mod ends;
mod lines;
mod picture;
mod refused;
mod trees;
mod writing;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::harness::{Miniftp, Output, Running, Site, snapshot};

/// The last words of what is printed before the first transfer.
const LAST: &str = "shows the password.\n";

/// To this machine only.
const BIND: [&str; 2] = ["--bind", "127.0.0.1"];

/// A share that runs.
struct Share {
    running: Running,
    /// The lines to copy: one for miniftp and one for curl for each address.
    lines: Vec<String>,
    text: String,
}

/// The directory for temporary files of a site's programs.
fn temporary(site: &Site) -> PathBuf {
    let dir = site.root().join("tmp");
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The program, ready to be run in the directory above the shared one.
fn program(site: &Site) -> Miniftp {
    let dir = temporary(site);
    Miniftp::server_program(&site.local()).env("TMPDIR", dir.to_str().unwrap())
}

/// The lines that can be copied from a text.
fn lines_of(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    let lines = lines.filter(|line| line.starts_with("MINIFTP_") || line.starts_with("curl "));
    lines.map(str::to_owned).collect()
}

impl Share {
    #[track_caller]
    fn begin(program: Miniftp, words: &[&str]) -> Share {
        let running = program.spawn(&[&["share"], words].concat());
        let text = running.out().wait_for(|text| text.contains(LAST).then(|| text.to_owned()));
        let text = text.unwrap_or_else(|| panic!("{}", running.err().text()));
        let lines = lines_of(&text);
        Share { running, lines, text }
    }

    /// Shares a directory to this machine only.
    #[track_caller]
    fn here(site: &Site, words: &[&str]) -> Share {
        Share::begin(program(site), &[&BIND, words].concat())
    }

    /// The word behind a title in what was printed.
    #[track_caller]
    fn word(&self, title: &str) -> String {
        let rest = self.text.split(title).nth(1).unwrap_or_else(|| panic!("{}", self.text));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Where it listens for miniftp.
    #[track_caller]
    fn address(&self) -> SocketAddr {
        let line = &self.lines[0];
        let server = line.split('@').nth(1).and_then(|rest| rest.split('/').next());
        server.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    }

    /// The client of the account.
    #[track_caller]
    fn client(&self, dir: &Path) -> Miniftp {
        let client = Miniftp::new(dir, self.address(), &self.word("user: "));
        client.password(&self.word("password: "))
    }

    /// The address for FTP, with user and password.
    #[track_caller]
    fn url(&self) -> String {
        let login = format!("{}:{}@", self.word("user: "), self.word("password: "));
        let rest = self.text.split("ftp://127.0.0.1").nth(1).unwrap();
        let rest = rest.split(['\'', '\n']).next().unwrap();
        format!("ftp://{login}127.0.0.1{rest}")
    }

    /// Waits until it has shown these words.
    #[track_caller]
    fn shows(&self, words: &str) {
        let shown = self.running.out().wait_for(|text| text.contains(words).then_some(()));
        assert!(shown.is_some(), "`{words}` was not shown: {}", self.running.out().text());
    }

    /// Ends it as Ctrl-C does.
    #[track_caller]
    fn end(self) -> Output {
        self.running.signal(rustix::process::Signal::INT);
        let said = self.running.wait();
        said.ok().stderr("");
        said
    }
}

/// Runs a line as a shell does, in a directory.
fn shell(dir: &Path, line: &str) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_miniftp")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", programs.display());
    Miniftp::foreign("/bin/sh", dir).env("PATH", &path).run(&["-c", line])
}

fn has_curl() -> bool {
    let has = std::process::Command::new("curl").arg("--version").output().is_ok();
    if !has {
        eprintln!("skipped: there is no curl");
    }
    has
}

/// A tree below [`Site::local`], and what it is before anything happens.
fn tree(site: &Site, name: &str) -> PathBuf {
    let dir = site.local().join(name);
    fs::create_dir_all(dir.join("sub/deeper")).unwrap();
    fs::write(dir.join("a b.txt"), "content").unwrap();
    fs::write(dir.join("sub/deeper/c"), vec![7; 100_000]).unwrap();
    fs::write(dir.join(".hidden"), "").unwrap();
    dir
}

/// Nothing is left of any share but what was there before.
#[track_caller]
fn nothing_is_left(site: &Site) {
    let left: Vec<_> = fs::read_dir(temporary(site)).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[track_caller]
fn same_tree(one: &Path, other: &Path) {
    let relative = |dir: &Path| -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let all = snapshot(dir).into_iter();
        all.map(|(path, what)| (path.strip_prefix(dir).unwrap().to_owned(), what)).collect()
    };
    let (one, other) = (relative(one), relative(other));
    let names = |tree: &BTreeMap<PathBuf, _>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert!(one == other, "a content or a mode differs");
}
