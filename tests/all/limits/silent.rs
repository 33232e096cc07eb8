//! Connections that say nothing before their login, or too much: one address has a small share of
//! the places before login, a newcomer takes the place of the one that has waited longest where
//! most are held, and whoever is there has a moment to log in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use miniftp::limits;
use miniftp::scram::Verifier;
use miniftp::wire::Nothing;

use crate::harness::{Daemon, Frames, FtpTalk, Site, connect_from, eventually, let_in, password};

const FULL: &str = "connections from one address before login at most; try again later";
const DISPLACED: &str = "this connection had not logged in, and a newer one took its place";

fn local(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

fn framed(last: u8, to: SocketAddr) -> Frames {
    let mut frames = Frames::over(connect_from(local(last), to));
    frames.read_frame().expect("a greeting");
    frames
}

fn by_ftp(last: u8, to: SocketAddr) -> FtpTalk {
    let mut talk = FtpTalk::over(connect_from(local(last), to));
    talk.reply().expect(220);
    talk
}

/// A server with so many places before login, and so many of them for one address.
fn scene(before_login: &str, of_address: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "1M");
    site.setting("server", "connections_before_login", before_login);
    site.setting("server", "connections_before_login_per_address", of_address);
    let daemon = site.start();
    (site, daemon)
}

#[test]
fn four_addresses_that_say_nothing_keep_nobody_out_with_the_shipped_limits() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut silent = Vec::new();
    for last in 2..6 {
        for n in 0..50 {
            let to = if n % 2 == 0 { daemon.addr() } else { daemon.ftp_addr() };
            silent.push(connect_from(local(last), to));
        }
    }
    for _ in 0..3 {
        daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
        daemon.ftp("ann").ask("PWD").expect(257);
        site.miniftp("ann", &["pwd"]).ok();
    }
}

#[test]
fn on_this_machine_too_a_newcomer_takes_the_place_of_whoever_has_waited_longest() {
    let (_site, daemon) = scene("100", "2");
    let mut honest = daemon.login("ann");
    let begun = Instant::now();
    let mut oldest = by_ftp(1, daemon.ftp_addr());
    let mut second = by_ftp(1, daemon.ftp_addr());
    // Each protocol has places of its own, and so has each address.
    let mut others = [framed(1, daemon.addr()), framed(1, daemon.addr()), framed(9, daemon.addr())];
    // They are kept for a moment: a flood of newcomers is told to try again.
    let mut early = FtpTalk::over(connect_from(local(1), daemon.ftp_addr()));
    match early.reply() {
        told if told.code == 421 => drop(told.says(FULL).clone()),
        told => assert!(begun.elapsed() >= limits::SLOT_KEPT, "{told:?}"),
    }
    drop(early);
    let mut third = let_in(local(1), daemon.ftp_addr());
    oldest.reply().expect(421).says(DISPLACED);
    oldest.expect_end();
    // The others are still here, and can log in.
    for frames in &mut others {
        frames.log_in("ann", &password("ann")).expect(254);
    }
    second.log_in("ann", &password("ann")).expect(230);
    third.log_in("ann", &password("ann")).expect(230);
    honest.request("PWD", &Nothing::new()).expect(200);
}

/// Sixty logins that wait to have their passwords checked kept out everybody else of their address.
#[test]
fn a_flood_of_logins_keeps_nobody_out_of_its_address() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    site.setting("accounts", "iterations", &limits::ITERATIONS_MOST.to_string());
    site.setting("server", "sessions_per_account", "100");
    let edit = |draft: &mut miniftp::accounts::AccountsEdit| {
        draft.account("bob")?.verifier = slow_record();
        Ok(())
    };
    site.accounts().edit(edit).unwrap();
    let daemon = site.start();
    // As many as may be checked at once, each for seconds.
    let mut slow: Vec<FtpTalk> = (0..limits::derivations())
        .map(|_| {
            let mut talk = by_ftp(1, daemon.ftp_addr());
            talk.ask("USER bob").expect(331);
            talk.send("PASS guess");
            talk
        })
        .collect();
    eventually("the checks have begun", || {
        daemon.priorities_of("derive").len() == limits::derivations()
    });
    let mut flood = Vec::new();
    for n in 0..60 {
        let mut talk = by_ftp(1, daemon.ftp_addr());
        talk.ask("USER ann").expect(331);
        talk.send(&format!("PASS {}", password("ann")));
        flood.push(talk);
        if n % 20 == 0 {
            // No password travels here, so nothing is waited for.
            daemon.login("ann").request("PWD", &Nothing::new()).expect(200);
            site.miniftp("ann", &["pwd"]).ok();
        }
    }
    // All that wait are looked at, in their order.
    for talk in &mut slow {
        talk.reply().expect(530);
    }
    for talk in &mut flood {
        talk.reply().expect(230);
        talk.ask("QUIT").expect(221);
    }
    daemon.ftp("ann").ask("PWD").expect(257);
}

/// The client waits for a place that it does not have yet.
#[test]
fn the_client_tries_again_where_its_address_has_no_place() {
    let (site, daemon) = scene("100", "1");
    let silent = framed(1, daemon.addr());
    site.miniftp("ann", &["pwd"]).ok().stdout("/\n");
    silent.expect_bye(422).says(DISPLACED);
}

#[test]
fn when_all_places_are_taken_the_address_that_holds_most_gives_one_up() {
    let (_site, daemon) = scene("6", "4");
    let mut few = [framed(2, daemon.addr()), framed(3, daemon.addr())];
    let mut many: Vec<FtpTalk> = (0..4).map(|_| by_ftp(4, daemon.ftp_addr())).collect();
    let mut newcomers = [by_ftp(5, daemon.ftp_addr()), by_ftp(6, daemon.ftp_addr())];
    for talk in &mut many[..2] {
        talk.reply().expect(421).says(DISPLACED);
    }
    for talk in &mut many[2..] {
        talk.ask("USER ann").expect(331);
    }
    for talk in &mut newcomers {
        talk.log_in("ann", &password("ann")).expect(230);
    }
    for frames in &mut few {
        frames.log_in("ann", &password("ann")).expect(254);
    }
}

#[test]
fn whose_password_is_being_checked_keeps_its_place_and_runs_at_low_priority() {
    let (site, daemon) = scene("100", "2");
    site.setting("accounts", "iterations", &limits::ITERATIONS_MOST.to_string());
    let edit = |draft: &mut miniftp::accounts::AccountsEdit| {
        draft.account("ann")?.verifier = slow_record();
        Ok(())
    };
    site.account("bob", "1M").accounts().edit(edit).unwrap();
    // So many before it that it lasts longer than anybody keeps a place without it.
    let mut slow: Vec<FtpTalk> = (11..19)
        .chain([1])
        .map(|last| {
            let mut talk = by_ftp(last, daemon.ftp_addr());
            talk.ask("USER ann").expect(331);
            talk.send("PASS guess");
            talk
        })
        .collect();
    let slow = slow.pop().unwrap();
    eventually("the check has begun", || !daemon.priorities_of("derive").is_empty());
    eventually("at low priority", || daemon.priorities_of("derive") == [10]);
    let mut idle = by_ftp(1, daemon.ftp_addr());
    let mut newest = let_in(local(1), daemon.ftp_addr());
    idle.reply().expect(421).says(DISPLACED);
    // One thread after the other, each of which begins at the priority of all.
    eventually("checks still run", || daemon.priorities_of("derive") == [10]);
    slow.tcp().set_nonblocking(true).unwrap();
    let told = slow.tcp().peek(&mut [0]).unwrap_err();
    assert_eq!(told.kind(), std::io::ErrorKind::WouldBlock);
    newest.ask("NOOP").expect(200);
}

/// A record whose check takes as long as any may.
fn slow_record() -> Verifier {
    let key = "A".repeat(43) + "=";
    let text =
        format!("SCRAM-SHA-256${}:c2FsdHNhbHRzYWx0c2E=${key}:{key}", limits::ITERATIONS_MOST);
    Verifier::parse(&text).expect("a record")
}

/// Whoever logs out and stays is before its login again, and needs a place there.
#[test]
fn a_logout_takes_a_place_as_a_newcomer_does() {
    let (_site, daemon) = scene("100", "1");
    for out in ["REIN", "USER ann"] {
        let mut stays = daemon.ftp("ann");
        let mut waits = by_ftp(1, daemon.ftp_addr());
        stays.ask(out);
        waits.reply().expect(421).says(DISPLACED);
        stays.log_in("ann", &password("ann")).expect(230);
    }
}
