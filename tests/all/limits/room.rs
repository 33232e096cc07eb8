//! Too many at once: connections in all, from one address, before login; accounts; settings.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;

use miniftp::limits;
use miniftp::wire::{Drop, FrameKind, Hello, Nothing, Put};

use super::Scene;
use crate::harness::{Daemon, Frames, Site, eventually, own_address, password, request};

/// The first words that a connection which finds no place is told.
fn refused_with(addr: SocketAddr, words: &str) {
    Frames::raw(addr).expect_bye(422).says(words);
}

/// Whether a new connection is let in.
fn is_let_in(addr: SocketAddr) -> bool {
    Frames::raw(addr).read_frame().is_some_and(|frame| frame.kind == FrameKind::Greeting)
}

#[test]
fn connections_in_all_are_counted_and_places_come_back() {
    let mut scene = Scene::with(&[("connections", "3")]);
    let addr = scene.daemon.addr();
    let (guest, other) = (scene.guest(), scene.guest());
    for _ in 0..20 {
        refused_with(addr, "3 connections at most");
        // Who speaks without waiting for the greeting is told as well.
        let mut hasty = Frames::raw(addr);
        hasty.send("HELLO", &Hello::new(1, "hasty"));
        hasty.expect_bye(422).says("3 connections at most");
    }
    scene.honest.request("PING", &Nothing::new()).expect(200);
    drop(other);
    eventually("a place that was left is free", || is_let_in(addr));
    drop(guest);
    eventually("both places are free", || {
        let mut first = Frames::raw(addr);
        let greeting = first.read_frame();
        greeting.is_some_and(|frame| frame.kind == FrameKind::Greeting)
            && first.log_in("ann", "ann-secret").code == 254
            && is_let_in(addr)
    });
}

#[test]
fn connections_from_one_address_are_counted_but_not_on_this_machine() {
    let site = Site::new();
    site.account("ann", "1M").setting("server", "connections_per_address", "2");
    let Some(ip) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let daemon = Daemon::start(&site, SocketAddr::from(([0, 0, 0, 0], 0)));
    let from_outside = SocketAddr::from((ip, daemon.port()));
    let _far = [(); 2].map(|()| {
        let mut frames = Frames::connect(from_outside);
        frames.log_in("ann", "ann-secret").expect(254);
        frames
    });
    refused_with(from_outside, "2 connections from one address at most");
    let from_here = SocketAddr::from(([127, 0, 0, 1], daemon.port()));
    let _near = [(); 5].map(|()| Frames::connect(from_here));
}

/// With the shipped limits one account had as many sessions as its address had connections.
#[test]
fn one_account_does_not_fill_the_address_that_others_share_with_it() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let Some(ip) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let daemon = Daemon::start(&site, SocketAddr::from(([0, 0, 0, 0], 0)));
    let addr = SocketAddr::from((ip, daemon.port()));
    let (mut keys, mut all) = (None, Vec::new());
    while let Ok(session) = Frames::attempt_login(addr, "bob", &mut keys) {
        all.push(session);
    }
    let others: Vec<Frames> = (0..all.len())
        .map(|_| {
            let mut frames = Frames::connect(addr);
            frames.log_in("ann", &password("ann")).expect(254);
            frames
        })
        .collect();
    assert!(!others.is_empty() && others.len() == all.len());
    // It was not the address that had no more places for bob.
    let mut bob = Frames::connect(addr);
    bob.hello();
    bob.send_login("bob", &password("bob"));
    bob.expect_bye(422).says("sessions of one account at most");
}

#[test]
fn unfinished_uploads_are_counted_though_they_may_be_empty() {
    let mut scene = Scene::new();
    let mut guest = scene.guest();
    let leave = |n: usize| {
        let path = format!("part {n}");
        let put = request("PUT", &Put::new(&path, 9, 0, 0, miniftp::wire::NO_MODE, 0, &[]), &[]);
        [put, request("DROP", &Drop::new(1), &[])].concat()
    };
    for from in (0..limits::PARTS).step_by(100) {
        guest.send_bytes(&(from..from + 100).map(leave).collect::<Vec<_>>().concat());
        for _ in 0..100 {
            guest.read_answer().expect(802);
            guest.read_answer().expect(200);
        }
    }
    guest.put("one more", 9, 0).expect(276).says("too many unfinished uploads: the limit is 1000");
    assert_eq!(guest.parts().len(), limits::PARTS);
    // Whoever is there already goes on, and who ends one may begin one.
    guest.put("part 7", 9, 0).expect(802);
    guest.chunk(0, b"nine here").expect(900);
    guest.done(b"nine here").expect(900);
    guest.put("one more", 9, 0).expect(802);
    guest.drop_part(false).expect(200);
    guest.rm("part 7", false).expect(200);
    scene.others_are_served();
}

#[test]
fn files_of_the_operator_are_bounded_too() {
    let mut scene = Scene::new();
    let accounts = scene.site.conf().join("accounts.ini");
    let good = fs::read(&accounts).unwrap();
    let mut file = OpenOptions::new().append(true).open(&accounts).unwrap();
    file.write_all(&vec![b'\n'; limits::ACCOUNTS_FILE as usize]).unwrap();
    drop(file);
    // Whoever is in force stays in force while the file is wrong.
    scene.others_are_served();
    scene.daemon.wait_for_log("at most 4194304 bytes");
    fs::write(&accounts, good).unwrap();
    scene.others_are_served();

    let site = Site::new();
    let settings = site.conf().join("server.ini");
    let mut text = fs::read(&settings).unwrap();
    text.resize(limits::SETTINGS_FILE as usize + 1, b'\n');
    fs::write(&settings, text).unwrap();
    site.miniftpd(&["--listen", "127.0.0.1:0"], "").fails(1).stderr_has("server.ini");
}
