//! Guessing an account's password: it is slowed where the guesses come from, and the owner gets in.
//! Networks of loopback stand for those of the world.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use miniftp::wire::Nothing;

use crate::harness::{
    Daemon, Frames, FtpTalk, Reply, Site, connect_from, eventually, let_in, password,
};

/// A server that slows an account's logins after three failures in a network.
fn site(slow_secs: &str) -> Site {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M").admin("root");
    site.setting("login", "slow_after", "3").setting("login", "slow_secs", slow_secs);
    site
}

/// A connection from an address of a network: 1.7 is 127.0.1.7.
fn framed(daemon: &Daemon, (network, host): (u8, u8)) -> Frames {
    let from = Ipv4Addr::new(127, 0, network, host).into();
    let mut frames = Frames::over(connect_from(from, daemon.addr()));
    frames.read_frame().expect("a greeting");
    frames.hello();
    frames
}

fn by_ftp(daemon: &Daemon, (network, host): (u8, u8)) -> FtpTalk {
    let from = Ipv4Addr::new(127, 0, network, host).into();
    let mut talk = FtpTalk::over(connect_from(from, daemon.ftp_addr()));
    talk.reply().expect(220);
    talk
}

/// Fails three times as a name in a network, by turns through both protocols.
fn fail_three_times(daemon: &Daemon, name: &str, network: u8) {
    framed(daemon, (network, 1)).prove(name, "guess").expect(253);
    by_ftp(daemon, (network, 1)).log_in(name, "guess").expect(530).says("wrong name or password");
    framed(daemon, (network, 1)).prove(name, "guess").expect(253);
}

/// A login whose answer is not read yet.
fn pass(daemon: &Daemon, from: (u8, u8), name: &str, password: &str) -> FtpTalk {
    let mut talk = by_ftp(daemon, from);
    talk.ask(&format!("USER {name}")).expect(331);
    talk.send(&format!("PASS {password}"));
    talk
}

/// Whether the answer has not come yet.
fn waits(talk: &FtpTalk) -> bool {
    super::waits(talk.tcp())
}

/// Ten wrong passwords from anywhere kept the owner out everywhere.
#[test]
fn wrong_passwords_elsewhere_do_not_keep_the_owner_out() {
    let site = site("30");
    let daemon = site.start();
    let mut live = daemon.login("ann");
    for network in [7, 8] {
        fail_three_times(&daemon, "ann", network);
    }
    // Both networks are slowed now, and nobody else is.
    let slowed = [7, 8].map(|network| pass(&daemon, (network, 2), "ann", &password("ann")));
    daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
    daemon.ftp("ann").ask("PWD").expect(257);
    site.miniftp("ann", &["pwd"]).ok();
    by_ftp(&daemon, (9, 1)).log_in("ann", &password("ann")).expect(230);
    // In the slowed networks other accounts log in as ever.
    by_ftp(&daemon, (7, 1)).log_in("bob", &password("bob")).expect(230);
    live.request("PWD", &Nothing::new()).expect(200);
    assert!(slowed.iter().all(waits));
    assert!(!daemon.log().contains("is banned"));
}

#[test]
fn in_the_same_network_a_right_password_is_accepted_after_a_wait_and_names_look_alike() {
    let site = site("2");
    let daemon = site.start();
    let slow = Duration::from_secs(2);
    for name in ["ann", "nobody"] {
        // One at a time: three wrong ones take three waits, through whichever protocol. The first
        // wait begins with the last of these failures.
        let begun = Instant::now();
        fail_three_times(&daemon, name, 7);
        let mut first = framed(&daemon, (7, 1));
        first.send_login(name, "guess");
        let mut second = pass(&daemon, (7, 1), name, "guess");
        let mut third = framed(&daemon, (7, 1));
        third.send_login(name, "guess");
        for frames in [&mut first, &mut third] {
            frames.read_last().expect(253).says("wrong name or password");
        }
        second.reply().expect(530).says("wrong name or password");
        assert!(begun.elapsed() >= 3 * slow, "{name}: {:?}", begun.elapsed());
    }
    // The owner comes next, whoever waits already: there is no failure at this address.
    let guesses: Vec<FtpTalk> = (0..4).map(|_| pass(&daemon, (7, 1), "ann", "guess")).collect();
    let mut owner = by_ftp(&daemon, (7, 9));
    owner.log_in("ann", &password("ann")).expect(230);
    let waiting = guesses.iter().filter(|talk| waits(talk)).count();
    assert!(waiting >= 3, "{waiting} still wait");
    let mut owner = framed(&daemon, (7, 9));
    owner.prove("ann", &password("ann")).expect(254);
}

/// Whoever guessed at the owner's own address always had the newest attempt, which came first.
#[test]
fn a_steady_guesser_at_the_owners_address_does_not_keep_the_owner_out() {
    let site = site("1");
    let daemon = site.start();
    fail_three_times(&daemon, "ann", 7);
    let mut guesses: Vec<FtpTalk> =
        (0..3).map(|n| pass(&daemon, (7, 1), "ann", &format!("before {n}"))).collect();
    let mut by_password = pass(&daemon, (7, 1), "ann", &password("ann"));
    let mut by_proof = framed(&daemon, (7, 1));
    by_proof.send_login("ann", &password("ann"));
    // A new guess for each turn, as long as the owner waits.
    let mut number = 0;
    while waits(&by_password) {
        number += 1;
        assert!(number < 50, "the owner is kept out");
        let mut guess = pass(&daemon, (7, 1), "ann", &format!("after {number}"));
        guess.ask("NOOP").expect(200).says("the command is running");
        guesses.push(guess);
        // The oldest is answered next; at most two of those before the owner's.
        let answered = guesses.remove(0).reply();
        answered.expect(530).says("wrong name or password");
    }
    by_password.reply().expect(230);
    by_proof.read_last().expect(254);
    // Those that came later still wait, or come after.
    assert!(guesses.len() >= 2, "{}", guesses.len());
}

/// The real clients wait as well, and come in.
#[test]
fn the_client_and_curl_wait_for_their_turn() {
    let site = site("3");
    let daemon = site.start();
    fail_three_times(&daemon, "ann", 0);
    let begun = Instant::now();
    site.miniftp("ann", &["pwd"]).ok().stdout("/\n");
    fail_three_times(&daemon, "bob", 0);
    let url = format!("ftp://bob:{}@{}/", password("bob"), daemon.ftp_addr());
    let curl = Command::new("curl").args(["-sS", "--list-only", &url]).output();
    match curl {
        Ok(out) => assert!(out.status.success(), "{out:?}"),
        Err(e) => eprintln!("without curl: {e}"),
    }
    assert!(begun.elapsed() >= Duration::from_secs(3));
}

/// A hundred that came together were all answered before the first of them was counted.
#[test]
fn guesses_that_come_together_are_no_more_than_those_that_come_one_after_the_other() {
    let site = site("30");
    let daemon = site.start();
    let mut talks: Vec<FtpTalk> = (0..30).map(|_| by_ftp(&daemon, (7, 1))).collect();
    for talk in &mut talks {
        talk.ask("USER ann").expect(331);
    }
    for talk in &talks {
        talk.send("PASS guess");
    }
    eventually("three are answered", || talks.iter().filter(|talk| !waits(talk)).count() == 3);
    // The others wait; whoever is not one of them is served.
    daemon.ftp("ann").ask("PWD").expect(257);
    // Lines of the log come a moment after the answers, and those of a fourth would be there too.
    let refused = || daemon.log().matches("login ann refused: the password is wrong").count();
    eventually("three are in the log", || refused() >= 3);
    assert_eq!(refused(), 3);
}

/// Of invented names as many seem to have logged in from a network as of accounts: here all.
#[test]
fn all_networks_together_are_limited_but_where_the_account_has_logged_in() {
    let site = site("1");
    site.setting("login", "failures_per_minute", "3");
    let mut daemon = site.start();
    for name in ["ann", "bob", "root"] {
        framed(&daemon, (1, 1)).prove(name, &password(name)).expect(254);
    }
    by_ftp(&daemon, (2, 1)).log_in("ann", &password("ann")).expect(230);
    let file = site.conf().join("networks.ini");
    let written = ["[ann]\nnetworks = 127.0.1.0/24 20", "[bob]", "[root]", "127.0.2.0/24 20"];
    eventually("it is written down", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        written.iter().all(|part| text.contains(part))
    });
    // Also after a restart.
    daemon.kill9();
    daemon.restart();
    for name in ["ann", "nobody"] {
        for network in [11, 12, 13] {
            framed(&daemon, (network, 1)).prove(name, "guess").expect(253);
        }
        let stranger = pass(&daemon, (14, 1), name, &password(name));
        let near = framed(&daemon, (1, 9)).prove(name, "guess");
        near.expect(253).says("wrong name or password");
        assert!(waits(&stranger), "the stranger has to wait for the next minute");
    }
    framed(&daemon, (1, 9)).prove("ann", &password("ann")).expect(254);
    by_ftp(&daemon, (2, 9)).log_in("ann", &password("ann")).expect(230);
}

#[test]
fn a_wait_is_heard_through_and_holds_no_place() {
    let site = site("30");
    site.setting("server", "connections_before_login_per_address", "2");
    site.setting("server", "drain_secs", "600");
    let mut daemon = site.start();
    fail_three_times(&daemon, "ann", 7);
    // Whoever leaves is noticed.
    let mut leaves = pass(&daemon, (7, 1), "ann", "guess");
    leaves.ask("NOOP").expect(200).says("the command is running");
    drop(leaves);
    let mut leaves = framed(&daemon, (7, 1));
    leaves.send_login("ann", "guess");
    drop(leaves);
    eventually("both have gone", || daemon.log().matches("?@127.0.7.1 left").count() == 5);
    // A newcomer takes the place of whoever waits.
    let mut waits = [(); 2].map(|()| pass(&daemon, (7, 1), "ann", "guess"));
    for talk in &mut waits {
        talk.ask("NOOP").expect(200).says("the command is running");
    }
    let mut newcomer = let_in(Ipv4Addr::new(127, 0, 7, 1).into(), daemon.ftp_addr());
    waits[0].reply().expect(421).says("a newer one took its place");
    newcomer.log_in("bob", &password("bob")).expect(230);
    // An aborted one is answered, and may be followed by another.
    waits[1].send("ABOR");
    waits[1].reply().expect(426);
    waits[1].reply().expect(226);
    waits[1].log_in("bob", &password("bob")).expect(230);
    let mut last = pass(&daemon, (7, 1), "ann", "guess");
    last.ask("NOOP").expect(200).says("the command is running");
    daemon.term();
    last.reply().expect(421).says("the server is stopping");
    assert!(daemon.wait().success());
}

/// The old password of an open session can be guessed as well.
#[test]
fn an_open_session_guesses_no_faster() {
    let site = site("2");
    let daemon = site.start();
    let mut ann = framed(&daemon, (7, 1));
    ann.prove("ann", &password("ann")).expect(254);
    let mut talk = by_ftp(&daemon, (7, 1));
    talk.log_in("ann", &password("ann")).expect(230);
    for _ in 0..2 {
        talk.ask("SITE PSWD guess another-one").expect(530);
    }
    // The wait begins with the third failure, which comes after this.
    let begun = Instant::now();
    for _ in 0..2 {
        talk.ask("SITE PSWD guess another-one").expect(530);
    }
    assert!(begun.elapsed() >= Duration::from_secs(2));
    talk.ask(&format!("SITE PSWD {} another-one", password("ann"))).expect(200);
    ann.request("PWD", &Nothing::new()).expect(200);
}

/// Whoever types the password for the name had it in the log and in bans.ini after some tries.
#[test]
fn a_name_that_no_account_has_is_never_written_down() {
    let site = site("1");
    let daemon = site.start();
    let secret = "hunter2.secret";
    let replies: Vec<Reply> = (0..4).map(|_| by_ftp(&daemon, (7, 1)).log_in(secret, "x")).collect();
    for reply in &replies {
        reply.expect(530).says("wrong name or password");
    }
    let told = daemon.ftp("root").ask("SITE BANS").expect(200).text();
    assert!(!told.contains(secret), "{told}");
    daemon.term();
    daemon.wait_for_log("stopped: everybody has left");
    assert!(!daemon.log().contains(secret));
    for file in fs::read_dir(site.conf()).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(secret), "{text}");
    }
}

/// A pardon forgets the failures so far, and a ban by an admin is a ban.
#[test]
fn an_admin_pardons_and_bans() {
    let site = site("30");
    let daemon = site.start();
    fail_three_times(&daemon, "ann", 7);
    daemon.ftp("root").ask("SITE PARDON ann").says("no ban of `ann`");
    by_ftp(&daemon, (7, 1)).log_in("ann", &password("ann")).expect(230);
    daemon.ftp("root").ask("SITE BAN ann 2h").expect(200);
    by_ftp(&daemon, (7, 1)).log_in("ann", &password("ann")).expect(530).says("is banned");
}

/// The key of an older file counts with its new meaning.
#[test]
fn a_server_ini_with_the_former_name_is_still_read() {
    let site = site("30");
    let path = site.conf().join("server.ini");
    let text = fs::read_to_string(&path).unwrap().replace("\nslow_after = 3", "\nban_after = 4");
    fs::write(&path, text).unwrap();
    site.miniftpd(&["check"], "").ok();
    let daemon = site.start();
    fail_three_times(&daemon, "ann", 7);
    by_ftp(&daemon, (7, 1)).log_in("ann", &password("ann")).expect(230);
    framed(&daemon, (7, 1)).prove("ann", "guess").expect(253);
    let slowed = pass(&daemon, (7, 1), "ann", "guess");
    daemon.ftp("bob").ask("PWD").expect(257);
    assert!(waits(&slowed));
}
