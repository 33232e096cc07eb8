//! Failed logins: answered later and later, and banned, by account and by address.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use miniftp::limits;
use miniftp::scram::ClientExchange;
use miniftp::wire::{Login, Nothing};

use crate::harness::{Daemon, Frames, FtpTalk, Site, connect_from, eventually, password};

/// A server that bans an account after four failures, and an address after six.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").admin("root");
    site.setting("login", "ban_after", "4").setting("login", "ban_address_after", "6");
    site
}

/// An address of this machine that is not its own alone.
fn outer_address() -> Option<IpAddr> {
    // No packet is sent: the system only chooses the address that it would be sent from.
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("198.51.100.1", 9)).ok()?;
    let ip = Some(socket.local_addr().ok()?.ip());
    let ip = ip.filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    if ip.is_none() {
        eprintln!("skipped: this machine has no address but its own");
    }
    ip
}

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

/// The text without the time that is left, which is not the same a second later.
fn before_the_time(text: &str) -> &str {
    text.split("; try again in ").next().unwrap()
}

const FOUR: &str = "this account is banned: 4 failed logins within 10 min";

#[test]
fn a_name_that_fails_too_often_is_banned_on_both_doors_known_or_not() {
    let site = site();
    let daemon = site.start();
    let mut live = daemon.login("ann");
    for name in ["ann", "nobody"] {
        assert_eq!(guess(&daemon, name).0, 253);
        let mut talk = FtpTalk::connect(daemon.ftp_addr());
        talk.log_in(name, "guess").expect(530).says("wrong name or password");
        talk.log_in(name, "guess").expect(530).says("wrong name or password");
        assert_eq!(guess(&daemon, name).0, 253);
        // The fifth is not looked at, whatever the password is.
        let (code, text) = guess(&daemon, name);
        assert_eq!((code, before_the_time(&text)), (288, FOUR));
        assert!(text.ends_with(" 10 min") || text.contains("; try again in 9 min "), "{text}");
        let told = talk.log_in(name, &password(name));
        assert_eq!(before_the_time(&told.expect(530).text()), FOUR);
    }
    daemon.wait_for_log("account ann is banned until ");
    daemon.wait_for_log("a name that no account has is banned for a while");
    // Others, and who is inside, notice nothing; this machine's address is never banned.
    live.request("PWD", &Nothing::new()).expect(200);
    daemon.login("bob").request("PWD", &Nothing::new()).expect(200);
    daemon.ftp("bob").ask("PWD").expect(257);
    // The client says so, with the exit code of a login that was refused.
    site.miniftp("ann", &["ls"]).fails(4).stderr_has(FOUR);
}

#[test]
fn a_proof_that_was_begun_before_the_ban_is_refused_too() {
    let site = site();
    let daemon = site.start();
    let mut early = daemon.connect();
    early.hello();
    let (exchange, first) = ClientExchange::begin("ann").unwrap();
    let answer = early.request("LOGIN", &Login::new(&first));
    for _ in 0..4 {
        guess(&daemon, "ann");
    }
    let challenge: miniftp::wire::Challenge<'_> = answer.expect(280).message();
    let challenge = exchange.challenge(challenge.server_first).unwrap();
    let keys = challenge.derive(&password("ann")).unwrap();
    let (_, last) = challenge.prove(&keys).unwrap();
    early.request("PROOF", &miniftp::wire::Proof::new(&last)).expect(288).says(FOUR);
    early.request("PWD", &Nothing::new()).expect(260);
}

#[test]
fn each_failure_is_answered_later_over_all_connections_and_holds_up_nobody() {
    let site = site();
    site.setting("login", "ban_after", "1000");
    let daemon = site.start();
    for failures in 0..5u32 {
        let begun = Instant::now();
        // By turns through both doors, each time on a new connection.
        if failures % 2 == 0 {
            assert_eq!(guess(&daemon, "ann").0, 253);
        } else {
            FtpTalk::connect(daemon.ftp_addr()).log_in("ann", "guess").expect(530);
        }
        let least = limits::LOGIN_DELAY * 2u32.pow(failures);
        assert!(begun.elapsed() >= least.min(limits::LOGIN_DELAY_MOST), "failure {failures}");
    }
    // While one waits for its answer, others come in.
    let mut slow = daemon.connect();
    slow.hello();
    slow.send_login("ann", "guess");
    let begun = Instant::now();
    daemon.login("bob").request("PWD", &Nothing::new()).expect(200);
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    assert!(begun.elapsed() < limits::LOGIN_DELAY_MOST, "{:?}", begun.elapsed());
    assert_eq!(slow.read_last().code, 253);
    // The right password from here has cleared what failed here.
    let begun = Instant::now();
    assert_eq!(guess(&daemon, "ann").0, 253);
    assert!(begun.elapsed() < limits::LOGIN_DELAY_MOST, "{:?}", begun.elapsed());
}

#[test]
fn neither_a_stop_nor_the_deadline_of_the_login_waits_for_an_answer_that_is_held_back() {
    let site = site();
    site.setting("login", "ban_after", "1000");
    let mut daemon = site.start();
    for _ in 0..4 {
        guess(&daemon, "ann");
    }
    site.setting("server", "login_secs", "2");
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
    site.setting("server", "connections_per_address", "1000");
    site.setting("ftp", "clear_passwords", "anywhere");
    let daemon = Daemon::start(&site, SocketAddr::new("0.0.0.0".parse().unwrap(), 0));
    let far = SocketAddr::new(outer, daemon.port());
    for n in 0..6 {
        let mut frames = Frames::connect(far);
        frames.log_in(&format!("name{n}"), "guess").expect(253);
    }
    let told = "this address is banned: 6 failed logins within 10 min; try again in ";
    Frames::raw(far).expect_bye(428).says(told);
    daemon.wait_for_log(&format!("address {outer} is banned until "));
    // The FTP door of this test is this machine's own; an address that comes to it is loopback.
    let mut near = FtpTalk::connect(daemon.ftp_addr());
    near.log_in("ann", &password("ann")).expect(230);
    let near = SocketAddr::new("127.0.0.1".parse().unwrap(), daemon.port());
    Frames::connect(near).log_in("ann", &password("ann")).expect(254);

    // By FTP the same ban says 421.
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

#[test]
fn bans_survive_a_restart_and_end_by_themselves() {
    let site = site();
    site.setting("login", "ban_secs", "3");
    let mut daemon = site.start();
    let ban = |daemon: &Daemon| {
        for _ in 0..4 {
            assert_eq!(guess(daemon, "ann").0, 253);
        }
    };
    let comes_in = |daemon: &Daemon| {
        let mut frames = daemon.connect();
        frames.hello();
        let (_, first) = ClientExchange::begin("ann").unwrap();
        frames.request("LOGIN", &Login::new(&first)).code == 280
    };
    ban(&daemon);
    eventually("the ban ends", || comes_in(&daemon));
    // The next one is twice as long, and outlives a server that is killed once it is written.
    ban(&daemon);
    let file = site.conf().join("bans.ini");
    eventually("it is written", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("times = 2"))
    });
    daemon.kill9();
    site.setting("login", "ban_secs", "60");
    daemon.restart();
    eventually("it ends after a restart too", || comes_in(&daemon));
    ban(&daemon);
    daemon.term();
    assert!(daemon.wait().success());
    // Third time: four times the first, written before a server leaves that was told to.
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("[account ann]") && text.contains("times = 3"), "{text}");
    let daemon = site.start();
    let (code, told) = guess(&daemon, "ann");
    assert_eq!((code, before_the_time(&told)), (288, FOUR));
    assert!(told.contains("try again in 3 min ") || told.ends_with("in 4 min"), "{told}");
}

#[test]
fn a_faulty_file_stops_no_server_and_is_not_written_over() {
    let site = site();
    let file = site.conf().join("bans.ini");
    fs::write(&file, "[account ann]\nuntil = never\n").unwrap();
    let daemon = site.start();
    daemon.wait_for_log("bans.ini:1: [account ann] since: missing; expected a moment such as");
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    for _ in 0..4 {
        guess(&daemon, "bob");
    }
    assert_eq!(guess(&daemon, "bob").0, 288);
    daemon.wait_for_log("the bans count and are not kept yet");
    assert_eq!(fs::read_to_string(&file).unwrap(), "[account ann]\nuntil = never\n");
    // Mended, it counts, and what could not be kept is kept.
    let mended = "generation = 1\n[account ann]\nsince = 2026-01-01 00:00:00\nuntil = never\n\
        by = me\n[end]\ngeneration = 1\n";
    fs::write(&file, mended).unwrap();
    eventually("the edit counts", || guess(&daemon, "ann").0 == 288);
    eventually("what was only in memory is written", || {
        let text = fs::read_to_string(&file).unwrap();
        text.contains("[account bob]") && text.contains("[account ann]")
    });
}
