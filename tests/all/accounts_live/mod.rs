//! Changes of the accounts while the server runs: who is let in, what is allowed, from now on.

mod commands;
mod faults;

use std::fs;
use std::path::Path;

use crate::harness::{CHUNK, Frames, Site, bytes, part_files, stored_bytes};

#[test]
fn a_changed_quota_counts_from_the_next_command_on() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.store("f", &bytes(1, 60_000), 0).expect(900);
    site.miniftpd(&["account", "quota", "ann", "100000"], "").ok();
    assert_eq!(ann.quota().limit, Some(100_000));
    let text = "over quota: needs 39.1 KiB (40001 bytes), 39.1 KiB (40000 bytes) left of 97.7 KiB \
        (100000 bytes)";
    assert_eq!(ann.put("g", 40_001, 0).expect(270).text, text);
    // Below what is stored: nothing is taken away and nothing is added.
    site.miniftpd(&["account", "quota", "ann", "10K"], "").ok();
    assert_eq!(ann.quota().used, 60_000);
    ann.store("g", b"x", 0).expect(270).says("0 bytes left of 10.0 KiB (10240 bytes)");
    assert_eq!(ann.fetch("f").len(), 60_000);
    ann.rm("f", false).expect(200);
    ann.store("g", b"x", 0).expect(900);
    site.miniftpd(&["account", "quota", "ann", "unlimited"], "").ok();
    assert_eq!(ann.quota().limit, None);
    assert_eq!(bob.quota().limit, Some(1 << 20), "nobody else's changed");
}

#[test]
fn an_upload_stops_at_a_limit_that_was_lowered_under_it() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(2, 10 * CHUNK);
    let (limit, fits) = (4 * CHUNK as u64 + 100, 4);
    ann.put("f", content.len(), 0).expect(802);
    ann.send_chunk(0, &content[..2 * CHUNK]);
    ann.read_answer().expect(900);
    site.miniftpd(&["account", "quota", "ann", &limit.to_string()], "").ok();
    for (number, data) in content.chunks(CHUNK).enumerate().skip(2) {
        let answer = ann.chunk(number * CHUNK, data);
        assert_eq!(answer.code, if number < fits { 900 } else { 270 }, "chunk {number}");
        assert!(stored_bytes(&site.home(), "ann") <= limit);
    }
    assert_eq!(ann.quota().used, 4 * CHUNK as u64);
    ann.done(&content).expect(270);
    assert!(!site.stored("ann", "f").exists());
    // The part stays, and with room again it goes on where it was.
    assert_eq!(ann.parts(), [("/f".to_owned(), 4 * CHUNK as u64)]);
    site.miniftpd(&["account", "quota", "ann", "1M"], "").ok();
    ann.put("f", content.len(), 0).expect(800);
    assert_eq!(ann.go_on(&content, 16), [4, 5, 6, 7, 8, 9]);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}

#[test]
fn a_closed_or_removed_account_is_sent_away_and_nobody_else() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").account("col", "1M");
    let daemon = site.start();
    let (mut ann, mut bob, mut col) =
        (daemon.login("ann"), daemon.login("bob"), daemon.login("col"));
    let mut second = daemon.login("ann");
    ann.store("f", b"stays", 0).expect(900);
    bob.put("g", 2 * CHUNK, 0).expect(802);
    bob.chunk(0, &bytes(3, CHUNK)).expect(900);
    site.miniftpd(&["account", "close", "ann"], "").ok();
    site.miniftpd(&["account", "remove", "bob"], "").ok();
    let ask = |frames: &mut Frames| frames.send("PWD", &miniftp::wire::Nothing::new());
    ask(&mut ann);
    ann.expect_bye(425).says("this account has been closed");
    second.send_chunk(0, b"x");
    second.expect_bye(425);
    ask(&mut bob);
    bob.expect_bye(425);
    assert_eq!(col.pwd(), "/");
    col.store("f", b"unaffected", 0).expect(900);
    for name in ["ann", "bob"] {
        let mut frames = daemon.connect();
        frames.log_in(name, &crate::harness::password(name)).expect(253);
    }
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"stays");
    assert_eq!(part_files(&site.home(), "bob").len(), 1);
    site.miniftpd(&["account", "open", "ann"], "").ok();
    assert_eq!(daemon.login("ann").fetch("f"), b"stays");
}

#[test]
fn a_new_password_counts_for_the_next_login() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    site.miniftpd(&["account", "passwd", "ann"], "a new secret\n").ok();
    assert_eq!(ann.pwd(), "/", "who is in stays in");
    daemon.connect().log_in("ann", "ann-secret").expect(253);
    daemon.connect().log_in("ann", "a new secret").expect(254);
    assert!(!daemon.whole_log().contains("secret"), "no password in the log");
}

#[test]
fn the_shipped_accounts_work_from_this_machine() {
    let site = Site::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/accounts.ini");
    fs::copy(shipped, site.conf().join("accounts.ini")).unwrap();
    let daemon = site.start();
    daemon.wait_for_log("demo accounts with published passwords (admin, alex, wenjie)");
    for (name, limit) in [("alex", 10 << 20), ("wenjie", 10 << 20), ("admin", 100 << 20)] {
        let mut frames = daemon.connect();
        frames.log_in(name, &format!("{name}-demo")).expect(254);
        assert_eq!(frames.quota().limit, Some(limit));
    }
    let show = || site.miniftpd(&["account", "show", "alex"], "");
    show().ok().stdout_has("demo      yes\n");
    site.miniftpd(&["account", "passwd", "alex"], "a real one\n")
        .ok()
        .stdout("changed the password of alex; it is no demo account any more\n");
    show().ok().stdout_has("demo      no\n");
    daemon.connect().log_in("alex", "alex-demo").expect(253);
    daemon.connect().log_in("alex", "a real one").expect(254);
}
