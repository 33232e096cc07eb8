//! Edits of conf/server.ini count at once or not at all, for those who are here too.

use std::fs;

use rustix::process::Signal;

use crate::harness::{Frames, Site, eventually};

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    site
}

#[test]
fn an_edit_counts_for_newcomers_and_for_those_who_are_here() {
    let site = site();
    let daemon = site.start();
    let (mut ann, mut ftp) = (daemon.login("ann"), daemon.ftp("ann"));
    site.setting("server", "connections", "2");
    Frames::raw(daemon.addr()).expect_bye(422).says("2 connections at most");
    daemon.wait_for_log("[server] connections = 2, was 2000");
    // Both were let in with ten minutes of rest; the next command gives them one second.
    site.setting("server", "idle_secs", "1");
    assert_eq!(ann.pwd(), "/");
    ann.expect_bye(420).says("the next request");
    ftp.ask("NOOP").expect(200);
    ftp.reply().expect(421);
}

#[test]
fn a_file_with_a_fault_changes_nothing_and_is_told_with_its_line() {
    let site = site();
    let daemon = site.start();
    let path = site.conf().join("server.ini");
    let good = fs::read_to_string(&path).unwrap();
    let bad = good.replace("connections = 2000", "connections = 1").replace("ask", "aks");
    fs::write(&path, &bad).unwrap();
    daemon.login("ann");
    let line = 1 + bad.lines().position(|line| line == "mode = aks").unwrap();
    let fault = format!(
        "server.ini:{line}: [registration] mode: \"aks\" is not valid; expected open or ask or"
    );
    daemon.wait_for_log(&fault);
    daemon.wait_for_log("the settings stay as they were until it is fixed");
    daemon.login("ann");
    assert_eq!(daemon.log().matches(&fault).count(), 1, "said once, not at each look");
    fs::write(&path, good.replace("connections = 2000", "connections = 1")).unwrap();
    daemon.wait_for_log("[server] connections = 1, was 2000");
    daemon.wait_for_log("server.ini is right again");
}

#[test]
fn a_hangup_reads_again_and_a_door_does_not_move() {
    let site = site();
    let daemon = site.start();
    site.setting("server", "listen", "127.0.0.1:1");
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("[server] listen = 127.0.0.1:1, was 127.0.0.1:2020; it counts at the next");
    daemon.login("ann");
}

/// A file that somebody is still writing is not taken for the whole one.
#[test]
fn a_file_that_is_being_saved_is_waited_for() {
    let site = site();
    site.setting("server", "connections", "3");
    let daemon = site.start();
    let path = site.conf().join("server.ini");
    let text = fs::read_to_string(&path).unwrap();
    let _here: Vec<Frames> = (0..3).map(|_| daemon.login("ann")).collect();
    for _ in 0..5 {
        // An editor's save: nothing for a moment, in which every setting would be its default.
        fs::write(&path, "").unwrap();
        Frames::raw(daemon.addr());
        fs::write(&path, &text).unwrap();
        Frames::raw(daemon.addr()).expect_bye(422).says("3 connections at most");
    }
    assert!(!daemon.log().contains("was 3"), "an empty file has been taken for settings");
}

/// A closed account was here until it said something.
#[test]
fn an_account_that_is_closed_by_hand_leaves_without_a_word() {
    let site = site();
    let daemon = site.start();
    let (ann, mut ftp) = (daemon.login("ann"), daemon.ftp("ann"));
    site.miniftpd(&["account", "close", "ann"], "").ok();
    ann.expect_bye(425);
    ftp.reply().expect(421);
    eventually("both are gone", || daemon.log().matches("ann@127.0.0.1 left").count() == 2);
}

/// A pipe of that name stopped the server for everybody, its stop included; a file that was cut
/// off while it was saved put every default in force.
#[test]
fn a_pipe_and_an_empty_file_are_no_settings() {
    let site = site();
    site.setting("registration", "mode", "closed");
    let mut daemon = site.start();
    let path = site.conf().join("server.ini");
    let mut ann = daemon.login("ann");
    fs::write(&path, "").unwrap();
    daemon.wait_for_log("server.ini: nothing is in it; was it cut off while it was saved?");
    let mut by_ftp = daemon.ftp("ann");
    by_ftp.ask("SITE REGISTER bob his-secret").expect(550).says("registration is closed");
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    daemon.wait_for_log("server.ini: cannot be read: not a regular file");
    assert_eq!(ann.pwd(), "/");
    daemon.login("ann");
    daemon.term();
    assert!(daemon.wait().success());
}

/// Guests who were here stayed when guests were no longer let in.
#[test]
fn guests_leave_when_they_are_no_longer_let_in() {
    let site = site();
    site.setting("guests", "anonymous", "yes");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let mut guest = crate::harness::FtpTalk::connect(daemon.ftp_addr());
    guest.log_in("anonymous", "me@here").expect(230);
    site.setting("guests", "anonymous", "no");
    guest.reply().expect(421);
    assert_eq!(ann.pwd(), "/");
}
