//! `miniftpd account` and its socket.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::harness::{Site, eventually};

fn socket(site: &Site) -> std::path::PathBuf {
    site.home().join(".miniftp/admin.socket")
}

#[test]
fn the_socket_is_the_owners_and_goes_with_the_server() {
    let site = Site::new();
    site.admin("root");
    let mut daemon = site.start();
    let made = fs::symlink_metadata(socket(&site)).unwrap();
    assert!(made.file_type().is_socket());
    assert_eq!(made.mode() & 0o777, 0o600);
    let private = fs::metadata(site.home().join(".miniftp")).unwrap();
    assert_eq!(private.mode() & 0o777, 0o700);
    site.miniftpd(&["account", "sessions"], "").ok().stdout("nobody is connected\n");
    // One that a killed server leaves is in nobody's way.
    daemon.kill9();
    assert!(socket(&site).exists());
    let said = site.miniftpd(&["account", "status"], "");
    said.ok().stdout_has("server    not running\n");
    site.miniftpd(&["account", "list"], "").ok().stdout_has("root  admin");
    daemon.restart();
    site.miniftpd(&["account", "sessions"], "").ok().stdout("nobody is connected\n");
    daemon.term();
    assert!(daemon.wait().success());
    assert!(!socket(&site).exists());
}

#[test]
fn a_home_may_lie_deeper_than_the_name_of_a_socket_is_long() {
    let site = Site::new();
    site.admin("root");
    let deep = site.home().join("x".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    let words = ["--home", deep.to_str().unwrap()];
    let daemon = crate::harness::Daemon::start_with(&site, &words);
    daemon.login("root");
    let said = site.miniftpd(&["account", "sessions"], "");
    // The home of the harness comes last on its command lines.
    said.ok();
    assert!(socket(&site).exists());
}

#[test]
fn somebody_else_is_refused_even_where_the_modes_let_them_in() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let other = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let probe = Command::new("setpriv").args(other).arg("true").status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no setpriv");
        return;
    }
    let site = Site::new();
    site.admin("root");
    let daemon = site.start();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for path in [site.root(), &site.home(), &site.home().join(".miniftp")] {
        open(path, 0o777);
    }
    open(&socket(&site), 0o666);
    let program = env!("CARGO_BIN_EXE_miniftpd");
    let tried = Command::new("setpriv")
        .args(other)
        .args([program, "account", "close", "root"])
        .args(["--conf", site.conf().to_str().unwrap(), "--home", site.home().to_str().unwrap()])
        .output();
    let tried = tried.unwrap();
    assert!(!tried.status.success(), "{tried:?}");
    daemon.wait_for_log("a user who does not own the home tried its socket and was refused");
    site.miniftpd(&["account", "sessions"], "").ok().stdout("nobody is connected\n");
}

#[test]
fn connections_that_say_nothing_keep_nobody_out_for_long() {
    let site = Site::new();
    site.admin("root");
    let daemon = site.start();
    let most = miniftp::limits::LOCAL_CONNECTIONS;
    let silent: Vec<UnixStream> =
        (0..most).map(|_| UnixStream::connect(socket(&site)).unwrap()).collect();
    // One more is ended at once, and the log says why.
    let mut more = UnixStream::connect(socket(&site)).unwrap();
    assert_eq!(more.read(&mut [0]).unwrap_or(0), 0);
    daemon.wait_for_log("too many `miniftpd account` at one time: one was refused");
    drop(silent);
    eventually("there is room again", || {
        site.miniftpd(&["account", "sessions"], "").status.success()
    });
}

#[test]
fn bytes_that_are_no_request_end_only_their_connection() {
    use std::io::Write;
    let site = Site::new();
    site.admin("root");
    let _daemon = site.start();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0; 12]] {
        let mut stream = UnixStream::connect(socket(&site)).unwrap();
        let _ = stream.write_all(bytes);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
    }
    site.miniftpd(&["account", "sessions"], "").ok().stdout("nobody is connected\n");
}

/// It was refused until the account had logged in.
#[test]
fn what_an_account_left_before_the_start_is_dropped() {
    use crate::harness::{CHUNK, bytes};
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let mut daemon = site.start();
    for name in ["ann", "bob"] {
        let mut session = daemon.login(name);
        for path in ["one", "two"] {
            session.put(path, 3 * CHUNK, 0).expect(802);
            session.chunk(0, &bytes(1, CHUNK)).expect(900);
            session.request("DROP", &miniftp::wire::Drop::new(1)).expect(200);
        }
    }
    daemon.restart();
    let dropped = site.miniftpd(&["account", "drop-part", "ann", "/one"], "");
    dropped.ok().stdout("removed the unfinished upload /one of ann: 65536 bytes\n");
    site.miniftpd(&["account", "remove", "bob", "--files"], "").ok();
    daemon.term();
    daemon.wait();
    let parts = || site.miniftpd(&["account", "parts", "ann"], "").ok().out.clone();
    assert!(parts().ends_with("  /two\n") && parts().lines().count() == 2, "{}", parts());
    site.miniftpd(&["account", "drop-part", "ann", "two"], "").ok();
    assert_eq!(parts(), "no unfinished uploads\n");
    assert_eq!(crate::harness::part_files(&site.home(), "ann").len(), 0);
    assert!(!site.home().join("bob").exists());
}
