//! Failed logins: answered later and later, and an address that fails for several accounts is
//! banned.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use miniftp::scram::ClientExchange;
use miniftp::wire::{FrameKind, Login, Nothing};

use super::waits;
use crate::harness::{
    Daemon, Frames, FtpTalk, Site, connect_from, eventually, outer_address, password,
};

/// A server that bans an address after six failures, and listens everywhere.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").admin("root");
    site.setting("login", "ban_address_after", "6");
    site.setting("server", "connections_per_address", "1000");
    site
}

fn start(site: &Site) -> Daemon {
    Daemon::start(site, SocketAddr::new("0.0.0.0".parse().unwrap(), 0))
}

/// Guesses from an address as these names, once each, and does not wait for the answers.
fn guess_from(outer: SocketAddr, names: &[&str]) -> Vec<Frames> {
    let guess = |name: &&str| {
        let mut frames = Frames::connect(outer);
        frames.hello();
        frames.send_login(name, "guess");
        frames
    };
    names.iter().map(guess).collect()
}

/// The same until the address is banned; what it is told then.
fn be_banned(outer: SocketAddr, names: &[&str]) -> String {
    let _guesses = guess_from(outer, names);
    eventually("the address is banned", || !comes_in(outer));
    Frames::raw(outer).expect_bye(428).text
}

fn comes_in(outer: SocketAddr) -> bool {
    Frames::raw(outer).read_frame().is_some_and(|frame| frame.kind == FrameKind::Greeting)
}

const SIX: [&str; 6] = ["ann", "bob", "n1", "n2", "n3", "n4"];

/// What a login as this name with a wrong password is told, in the framed door.
fn guess(daemon: &Daemon, name: &str) -> (u16, String) {
    let mut frames = daemon.connect();
    frames.hello();
    let (exchange, first) = ClientExchange::begin(name).unwrap();
    drop(exchange);
    let begun = frames.request("LOGIN", &Login::new(&first));
    if begun.code != 280 {
        return (begun.code, begun.text);
    }
    let answer = frames.prove(name, "guess");
    (answer.code, answer.text)
}

#[test]
fn each_failure_is_answered_later_over_all_connections_and_holds_up_nobody() {
    let site = site();
    let (first, most) = (Duration::from_millis(40), Duration::from_millis(500));
    site.setting("login", "delay_millis", "40").setting("login", "delay_most_millis", "500");
    let daemon = site.start();
    for failures in 0..5u32 {
        let begun = Instant::now();
        // By turns through both doors, each time on a new connection.
        if failures % 2 == 0 {
            assert_eq!(guess(&daemon, "ann").0, 253);
        } else {
            FtpTalk::connect(daemon.ftp_addr()).log_in("ann", "guess").expect(530);
        }
        assert!(begun.elapsed() >= (first * 2u32.pow(failures)).min(most), "failure {failures}");
    }
    // While one waits for its answer, others come in. An edit counts for the next failure.
    site.setting("login", "delay_millis", "60000").setting("login", "delay_most_millis", "60000");
    let mut slow = daemon.connect();
    slow.hello();
    slow.send_login("ann", "guess");
    let log = "?@127.0.0.1 login ann refused: the password is wrong";
    eventually("it is refused", || daemon.log().matches(log).count() == 6);
    daemon.login("bob").request("PWD", &Nothing::new()).expect(200);
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    assert!(waits(slow.tcp()));
}

#[test]
fn neither_a_stop_nor_the_deadline_of_the_login_waits_for_an_answer_that_is_held_back() {
    let site = site();
    site.setting("login", "delay_millis", "60000").setting("login", "delay_most_millis", "60000");
    site.setting("server", "login_secs", "2");
    let mut daemon = site.start();
    let mut late = daemon.connect();
    late.hello();
    late.send_login("ann", "guess");
    late.expect_bye(420).says("waited 2 s for the login");
    site.setting("server", "login_secs", "60").setting("server", "drain_secs", "600");
    let mut slow = daemon.connect();
    slow.hello();
    slow.send_login("ann", "guess");
    daemon.wait_for_log("?@127.0.0.1 login ann refused: the password is wrong");
    let begun = Instant::now();
    daemon.term();
    assert!(daemon.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn an_address_that_fails_too_often_is_refused_at_both_doors_and_others_are_not() {
    let Some(outer) = outer_address() else { return };
    let site = site();
    site.setting("ftp", "clear_passwords", "anywhere");
    let daemon = start(&site);
    let far = SocketAddr::new(outer, daemon.port());
    let told = "this address is banned: 6 failed logins within 10 min; try again in ";
    assert!(be_banned(far, &SIX).starts_with(told));
    daemon.wait_for_log(&format!("address {outer} is banned until "));
    // The FTP door of this test is this machine's own; an address that comes to it is loopback.
    let mut near = FtpTalk::connect(daemon.ftp_addr());
    near.log_in("ann", &password("ann")).expect(230);
    let near = SocketAddr::new("127.0.0.1".parse().unwrap(), daemon.port());
    Frames::connect(near).log_in("ann", &password("ann")).expect(254);

    // By FTP the same ban says 421.
    let file = site.conf().join("bans.ini");
    eventually("it is written", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains(&format!("[address {outer}]")))
    });
    drop(daemon);
    let daemon = Daemon::start_ftp_on(&site, outer);
    let mut talk = FtpTalk::raw(daemon.ftp_addr());
    talk.reply().expect(421).says(told);
    talk.expect_end();
    site.miniftpd(&["account", "pardon", &outer.to_string()], "").ok();
    eventually("the pardon counts", || FtpTalk::raw(daemon.ftp_addr()).reply().code == 220);
}

#[test]
fn loopback_of_another_address_counts_as_this_machine() {
    let site = site();
    let daemon = site.start();
    for n in 0..8 {
        let mut frames = Frames::over(connect_from("127.0.0.9".parse().unwrap(), daemon.addr()));
        frames.read_frame().expect("a greeting");
        frames.log_in(&format!("name{n}"), "guess").expect(253);
    }
    let mut frames = Frames::over(connect_from("127.0.0.9".parse().unwrap(), daemon.addr()));
    frames.read_frame().expect("a greeting");
    frames.log_in("ann", &password("ann")).expect(254);
}

/// Ten wrong passwords of one account are slowed, and are no reason to keep the address out: its
/// owner may be there too.
#[test]
fn whoever_fails_for_one_account_alone_is_slowed_and_not_banned() {
    let Some(outer) = outer_address() else { return };
    let site = site();
    site.setting("login", "slow_after", "3").setting("login", "slow_secs", "1");
    let daemon = start(&site);
    let far = SocketAddr::new(outer, daemon.port());
    let mut guesses = guess_from(far, &["ann"; 7]);
    for frames in &mut guesses {
        frames.read_last().expect(253);
    }
    Frames::connect(far).log_in("ann", &password("ann")).expect(254);
    // What others are tried for counts on, and what was slowed does not.
    let others = ["bob", "bob", "bob", "n1", "n2", "n3"];
    be_banned(far, &others);
    assert!(!daemon.log().contains("account ann is banned"));
}

#[test]
fn bans_survive_a_restart_and_end_by_themselves() {
    let Some(outer) = outer_address() else { return };
    let site = site();
    site.setting("login", "ban_secs", "3");
    let mut daemon = start(&site);
    let far = SocketAddr::new(outer, daemon.port());
    be_banned(far, &SIX);
    eventually("the ban ends", || comes_in(far));
    // The next one is twice as long, and outlives a server that is killed once it is written.
    be_banned(far, &SIX);
    let file = site.conf().join("bans.ini");
    eventually("it is written", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("times = 2"))
    });
    daemon.kill9();
    site.setting("login", "ban_secs", "60");
    daemon.restart();
    eventually("it ends after a restart too", || comes_in(far));
    be_banned(far, &SIX);
    daemon.term();
    assert!(daemon.wait().success());
    // Third time: four times the first, written before a server leaves that was told to.
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&format!("[address {outer}]")) && text.contains("times = 3"), "{text}");
    daemon.restart();
    let told = Frames::raw(far).expect_bye(428).text;
    assert!(told.contains("try again in 3 min ") || told.ends_with("in 4 min"), "{told}");
}

#[test]
fn a_faulty_file_stops_no_server_and_is_not_written_over() {
    let Some(outer) = outer_address() else { return };
    let site = site();
    let file = site.conf().join("bans.ini");
    fs::write(&file, "[account ann]\nuntil = never\n").unwrap();
    let daemon = start(&site);
    let far = SocketAddr::new(outer, daemon.port());
    daemon.wait_for_log("bans.ini:1: [account ann] since: missing; expected a moment such as");
    Frames::connect(far).log_in("ann", &password("ann")).expect(254);
    be_banned(far, &SIX);
    daemon.wait_for_log("the bans count and are not kept yet");
    assert_eq!(fs::read_to_string(&file).unwrap(), "[account ann]\nuntil = never\n");
    // Mended, it counts, and what could not be kept is kept.
    let mended = "generation = 1\n[account ann]\nsince = 2026-01-01 00:00:00\nuntil = never\n\
        by = me\n[end]\ngeneration = 1\n";
    fs::write(&file, mended).unwrap();
    let near = SocketAddr::new("127.0.0.1".parse().unwrap(), daemon.port());
    eventually("the edit counts", || {
        let mut frames = Frames::connect(near);
        let (_, first) = ClientExchange::begin("ann").unwrap();
        frames.hello();
        frames.request("LOGIN", &Login::new(&first)).code == 288
    });
    eventually("what was only in memory is written", || {
        let text = fs::read_to_string(&file).unwrap();
        text.contains(&format!("[address {outer}]")) && text.contains("[account ann]")
    });
}
