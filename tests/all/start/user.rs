//! Root starts it, and it runs as somebody else; anybody else stays who it is.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use rustix::process::geteuid;

use crate::harness::{Daemon, Miniftp, Site, eventually, write_file};

/// A user that every system has, and a number that few have.
const NOBODY: u32 = 65534;
const NUMBER: u32 = 48_111;

pub(super) fn give(path: &Path, uid: u32) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give(&path, uid);
        }
        chown(&path, Some(uid), Some(uid)).unwrap();
    }
    chown(path, Some(uid), Some(uid)).unwrap();
}

fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can become somebody else");
    }
    is_root
}

/// A line of the status of each thread of a process.
fn lines(pid: u32, key: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let lines = tasks.map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.collect()
}

/// All threads are the user's, without any right of root's.
#[track_caller]
fn runs_as(daemon: &Daemon, uid: u32, capabilities: u64) {
    let capabilities = format!("{capabilities:016x}");
    for (key, wanted) in [
        ("Uid:", format!("{uid} {uid} {uid} {uid}")),
        ("Gid:", format!("{uid} {uid} {uid} {uid}")),
        ("Groups:", uid.to_string()),
        ("CapPrm:", capabilities.clone()),
        ("CapEff:", capabilities.clone()),
        ("CapInh:", format!("{:016x}", 0)),
    ] {
        let all = lines(daemon.pid(), key);
        assert!(all.len() > 3 && all.iter().all(|line| *line == wanted), "{key} {all:?}");
    }
}

#[test]
fn the_server_becomes_the_user_of_the_settings() {
    if !is_root() {
        return;
    }
    for (user, uid) in [
        ("nobody".to_owned(), NOBODY),
        (NUMBER.to_string(), NUMBER),
        (format!("{NUMBER}:{NUMBER}"), NUMBER),
    ] {
        let site = Site::new();
        site.account("ann", "1M").setting("server", "user", &user);
        give(&site.conf(), uid);
        give(&site.home(), uid);
        let daemon = site.start();
        runs_as(&daemon, uid, 0);
        assert!(!daemon.log().contains("running as root"), "{}", daemon.log());
        write_file(site.local().join("f"), b"content");
        site.miniftp("ann", &["put", "f"]).ok();
        let stored = fs::metadata(site.stored("ann", "f")).unwrap();
        assert_eq!((stored.uid(), stored.gid()), (uid, uid));
        // Root still looks after the accounts, and what it writes stays the server's.
        site.miniftpd(&["account", "quota", "ann", "2M"], "").ok();
        let accounts = fs::metadata(site.conf().join("accounts.ini")).unwrap();
        assert_eq!(accounts.uid(), uid);
    }
}

/// One that listens below 1024 keeps the right to do so, and no other.
#[test]
fn a_port_of_the_system_is_taken_all_the_same() {
    if !is_root() {
        return;
    }
    let port = (600..1024).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    let site = Site::new();
    site.account("ann", "1M").setting("server", "user", "nobody");
    give(&site.conf(), NOBODY);
    give(&site.home(), NOBODY);
    let daemon = Daemon::start(&site, ([127, 0, 0, 1], port).into());
    // CAP_NET_BIND_SERVICE.
    runs_as(&daemon, NOBODY, 1 << 10);
    Miniftp::new(&site.local(), daemon.addr(), "ann").run(&["pwd"]).ok();
}

#[test]
fn what_is_in_the_way_is_said() {
    if !is_root() {
        return;
    }
    let site = Site::new();
    site.setting("server", "user", "no-such-user");
    let said = site.miniftpd(&["--listen", "0", "--ftp", "0"], "");
    said.fails(1)
        .stdout("")
        .stderr("miniftpd: [server] user: there is no user `no-such-user` here\n");
    site.setting("server", "user", "nobody");
    fs::set_permissions(site.conf(), fs::Permissions::from_mode(0o700)).unwrap();
    let said = site.miniftpd(&["--listen", "0", "--ftp", "0"], "");
    let conf = site.conf();
    said.fails(1).stdout("").stderr_has(&format!(
        "miniftpd: [server] user: `nobody` cannot use {}: permission denied; chown -R nobody",
        conf.display()
    ));
    // Without one it says so, and serves.
    site.setting("server", "user", "none");
    let daemon = site.start();
    let words = " WARN  running as root, since [server] user is not set: a user of its own";
    eventually("it warns of root", || daemon.log().contains(words));
}

/// Nobody but root can change, and whoever is somebody already need not.
#[test]
fn an_ordinary_user_stays_who_it_is() {
    let site = Site::new();
    site.setting("server", "user", "nobody");
    if geteuid().is_root() {
        give(&site.conf(), NUMBER);
        give(&site.home(), NUMBER);
        let first = format!("exec setpriv --reuid {NUMBER} --regid {NUMBER} --clear-groups true");
        let tried = Miniftp::foreign("/bin/sh", &site.local()).run(&["-c", &first]);
        if !tried.status.success() {
            return;
        }
        let (conf, home) = (site.conf(), site.home());
        let id = NUMBER.to_string();
        let words = [
            &["--reuid", &id, "--regid", &id, "--clear-groups", env!("CARGO_BIN_EXE_miniftpd")][..],
            &["--conf", conf.to_str().unwrap(), "--home", home.to_str().unwrap()],
            &["--listen", "0", "--ftp", "0"],
        ];
        let server = Miniftp::foreign("setpriv", &site.local()).spawn(&words.concat());
        let ready = server.out().wait_for(|text| text.contains("ready\n").then_some(()));
        assert!(ready.is_some(), "{}", server.err().text());
        assert_eq!(lines(server.pid(), "Uid:")[0], format!("{NUMBER} {NUMBER} {NUMBER} {NUMBER}"));
    } else {
        let daemon = site.start();
        assert!(!daemon.log().contains("running as root"), "{}", daemon.log());
    }
}
