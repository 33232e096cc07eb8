//! Files of the log: opened anew at HUP without losing or tearing a line, and never in the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::process::Signal;

use super::{Scene, whole};
use crate::harness::{Daemon, Miniftp, Site, eventually};

#[test]
fn files_that_are_moved_away_lose_no_line_and_tear_none() {
    const STORES: usize = 3000;
    let scene = Scene::with("json");
    let conf = scene.site.conf();
    std::thread::scope(|scope| {
        let storing = scope.spawn(|| {
            let mut ann = scene.daemon.login("ann");
            for i in 0..STORES {
                ann.store("/f", i.to_string().as_bytes(), 1).expect(900);
            }
        });
        for turn in 0..5 {
            for name in ["server.log", "xferlog"] {
                eventually("the file is there", || conf.join(name).exists());
                fs::rename(conf.join(name), conf.join(format!("{name}.{turn}"))).unwrap();
            }
            scene.daemon.signal(Signal::HUP);
        }
        storing.join().unwrap();
    });
    eventually("the last files are there", || conf.join("server.log").exists());
    scene.log();
    let (mut puts, mut transfers) = (0, 0);
    for turn in 0..=5 {
        let ending = if turn == 5 { String::new() } else { format!(".{turn}") };
        let log = scene.read(&format!("server.log{ending}"));
        assert!(log.is_empty() || log.ends_with('\n'));
        for line in log.lines() {
            assert!(line.starts_with("{\"time\":\"20") && line.ends_with('}'), "torn: {line}");
            puts += usize::from(line.contains("\"event\":\"put\""));
        }
        let log = scene.read(&format!("xferlog{ending}"));
        for line in log.lines() {
            assert_eq!(line.split_whitespace().count(), 18, "torn: {line}");
            transfers += 1;
        }
    }
    assert_eq!((puts, transfers), (STORES, STORES));
}

#[test]
fn only_the_operator_and_the_group_read_them() {
    let scene = Scene::new();
    scene.daemon.login("ann").store("/f", b"x", 0).expect(900);
    scene.log();
    for name in ["server.log", "xferlog"] {
        let mode = fs::metadata(scene.site.conf().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o137, 0, "{name}: {mode:o}");
    }
}

#[test]
fn a_full_disk_costs_lines_and_no_sessions() {
    let site = Site::new();
    site.account("ann", "1M");
    let log = site.root().join("log");
    symlink("/dev/full", &log).unwrap();
    let daemon = Daemon::start_with(&site, &["--log", log.to_str().unwrap()]);
    daemon.login("ann").store("/f", b"x", 0).expect(900);
    daemon.wait_for_log("cannot be written: No space left on device");
    fs::remove_file(&log).unwrap();
    daemon.signal(Signal::HUP);
    // The line of the reading again is the first that finds room.
    eventually("it is written again", || fs::read_to_string(&log).is_ok_and(|l| !l.is_empty()));
    let said = whole(&daemon, &log);
    assert!(said.contains("the log could not be written for a while: "), "{said}");
    assert_eq!(said.matches("lines are lost").count(), 1, "{said}");
    assert_eq!(daemon.log().matches("cannot be written").count(), 1, "said once");
    daemon.login("ann").store("/f", b"y", 1).expect(900);
    assert!(whole(&daemon, &log).contains("ann@127.0.0.1 put /f 1 bytes in "));
}

#[test]
fn a_folder_that_vanished_costs_lines_and_no_sessions() {
    let site = Site::new();
    site.account("ann", "1M");
    // Below a directory that stays: another one in its place is outside of what a server may open.
    let (dir, log) = (site.conf().join("logs"), site.conf().join("logs/server.log"));
    fs::create_dir(&dir).unwrap();
    let daemon = Daemon::start_with(&site, &["--log", log.to_str().unwrap()]);
    daemon.login("ann").store("/f", b"x", 0).expect(900);
    whole(&daemon, &log);
    fs::remove_dir_all(&dir).unwrap();
    daemon.login("ann").store("/f", b"y", 1).expect(900);
    daemon.wait_for_log("cannot be written: No such file or directory");
    fs::create_dir(&dir).unwrap();
    daemon.login("ann").store("/f", b"z", 1).expect(900);
    // The count of the lost follows the lines that found a file again, in a write of its own.
    eventually("it is said how many are lost", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains(" lines are lost\n"))
    });
}

#[test]
fn a_server_that_cannot_write_its_log_at_the_start_says_so_and_does_not_start() {
    let site = Site::new();
    let missing = site.root().join("no/such.log");
    let said = site.miniftpd(&["--log", missing.to_str().unwrap()], "");
    said.fails(1).stderr_has("such.log: No such file or directory");
    site.miniftpd(&["--log", site.root().to_str().unwrap()], "").fails(1);
    site.setting("log", "file", "accounts.ini");
    site.miniftpd(&[], "").fails(1).stderr_has("is not valid; expected the name of a file, or off");
}

#[test]
fn an_edit_moves_the_log_and_the_command_line_stands_above_it() {
    let scene = Scene::new();
    scene.site.setting("log", "file", "other.log").setting("log", "format", "json");
    scene.daemon.signal(Signal::HUP);
    eventually("it is made", || scene.site.conf().join("other.log").exists());
    scene.daemon.login("ann");
    eventually("it has moved", || scene.read("other.log").contains("\"level\":"));
    assert!(!scene.read("server.log").contains("{\"time\""), "lines of two forms in one file");
    assert!(!scene.read("other.log").lines().any(|line| !line.starts_with("{\"time\"")));
    let site = &scene.site;
    let by_hand = site.root().join("by-hand.log");
    let words = ["--log", by_hand.to_str().unwrap(), "--log-format", "people"];
    let home = site.root().join("another home");
    fs::create_dir(&home).unwrap();
    fs::write(site.conf().join("xferlog"), "").unwrap();
    drop(scene.daemon);
    let daemon = Daemon::start_with(&scene.site, &words);
    daemon.login("ann");
    assert!(whole(&daemon, &by_hand).contains(" ann@127.0.0.1 login\n"));
}

#[test]
fn what_is_done_beside_the_server_is_in_its_log() {
    let scene = Scene::new();
    let (site, secret) = (&scene.site, "a-new-secret\n");
    site.miniftpd(&["account", "quota", "ann", "5M"], "").ok();
    site.miniftpd(&["account", "add", "bob", "--remark", "a\"b"], secret).ok();
    site.miniftpd(&["account", "close", "nobody"], "").fails(1);
    site.miniftpd(&["account", "list"], "").ok();
    let log = scene.log();
    let acts = super::acts(&log, "operator@command-line");
    assert_eq!(acts[..2], ["quota ann 5242880", "create bob remark=a\"b"]);
    assert!(acts[2].starts_with("close nobody refused: no account `nobody`"), "{acts:?}");
    assert_eq!(acts.len(), 3);
    assert!(!log.contains("a-new-secret"));
}

/// Whoever runs the command may be root, and the server may not.
#[test]
fn what_is_done_beside_the_server_makes_no_log() {
    let scene = Scene::new();
    let log = scene.site.conf().join("server.log");
    scene.log();
    fs::rename(&log, log.with_extension("log.1")).unwrap();
    scene.site.miniftpd(&["account", "quota", "ann", "5M"], "").ok().stderr("");
    assert!(!log.exists());
    scene.daemon.signal(Signal::HUP);
    eventually("the server makes it", || log.exists());
    scene.site.miniftpd(&["account", "quota", "ann", "6M"], "").ok().stderr("");
    assert!(scene.log().contains(" quota ann 6291456"));
}

#[test]
fn a_log_that_cannot_be_opened_anew_is_told_of_once() {
    let scene = Scene::new();
    let log = scene.site.conf().join("server.log");
    scene.log();
    fs::rename(&log, log.with_extension("log.1")).unwrap();
    fs::create_dir(&log).unwrap();
    scene.daemon.signal(Signal::HUP);
    scene.daemon.wait_for_log("server.log cannot be reopened: Is a directory");
    scene.daemon.login("ann").store("/f", b"x", 0).expect(900);
    eventually("it goes on", || scene.read("server.log.1").contains(" put /f 1 bytes"));
    scene.daemon.signal(Signal::HUP);
    scene.daemon.login("ann").store("/f", b"y", 1).expect(900);
    fs::remove_dir(&log).unwrap();
    scene.daemon.login("ann").store("/g", b"zz", 0).expect(900);
    assert!(scene.log().contains(" put /g 2 bytes"));
    assert_eq!(scene.daemon.log().matches("cannot be reopened").count(), 1, "said once");
}

/// The file that a package puts into /etc/logrotate.d, by the program that it is for.
#[test]
fn what_is_shipped_for_logrotate_rotates_both_files() {
    if std::process::Command::new("logrotate").arg("--version").output().is_err() {
        eprintln!("skipped: there is no logrotate");
        return;
    }
    let scene = Scene::new();
    let conf = scene.site.conf();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/miniftpd.logrotate");
    let rules = fs::read_to_string(shipped).unwrap();
    let hup = format!("kill -HUP {}", scene.daemon.pid());
    let rules = [
        ("/var/log/miniftp", conf.to_str().unwrap()),
        ("    su miniftp miniftp\n", ""),
        ("systemctl reload miniftpd.service", &hup),
    ]
    .iter()
    .fold(rules, |rules, (from, to)| {
        assert!(rules.contains(from), "{from}");
        rules.replace(from, to)
    });
    let file = scene.site.local().join("rules");
    fs::write(&file, rules).unwrap();
    let state = scene.site.local().join("state");
    let words = ["--force", "--state", state.to_str().unwrap(), file.to_str().unwrap()];
    let mut ann = scene.daemon.login("ann");
    for (round, name) in ["/first", "/second", "/third"].into_iter().enumerate() {
        ann.store(name, b"x", 0).expect(900);
        // Both hold the line before they are rotated: an empty one would not be.
        for log in ["server.log", "xferlog"] {
            eventually("the line is written", || {
                fs::read_to_string(conf.join(log)).is_ok_and(|text| text.contains(name))
            });
        }
        Miniftp::foreign("logrotate", &scene.site.local()).run(&words).ok();
        eventually("both are there again", || {
            ["server.log", "xferlog"].iter().all(|log| conf.join(log).exists())
        });
        for log in ["server.log", "xferlog"] {
            assert!(scene.read(&format!("{log}.1")).contains(name), "{log}");
            assert_eq!(conf.join(format!("{log}.2.gz")).exists(), round > 0, "{log}");
        }
    }
}
