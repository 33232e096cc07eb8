//! Nothing that a few guests do, or that runs out, stops the server for the others.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use miniftp::wire;

use crate::harness::{CHUNK, Daemon, Frames, Site, bytes, eventually};

/// Descriptors for a handful of guests. Each guest takes two: with one of these counts the last
/// guest gets none, with the other one only the first of them, whatever the program inherited.
const DESCRIPTORS: [u32; 2] = [40, 41];
/// Guests that want in.
const GUESTS: usize = 80;

#[test]
fn without_descriptors_it_neither_spins_nor_dies_and_serves_again() {
    for most in DESCRIPTORS {
        crowd_out(most);
    }
}

fn crowd_out(descriptors: u32) {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = Daemon::start_with_descriptors(&site, descriptors);
    let mut first = daemon.login("ann");
    first.store("f", b"stays", 0).expect(900);
    let before = daemon.cpu_time();
    let crowd: Vec<TcpStream> =
        (0..GUESTS).map(|_| TcpStream::connect(daemon.addr()).unwrap()).collect();
    daemon.wait_for_log_of(&["cannot accept a connection", "no descriptors left"]);
    // Those who are in are served; what needs a descriptor is refused at worst.
    for _ in 0..50 {
        assert_eq!(first.pwd(), "/");
        let answer = first.get("f");
        assert!(matches!(answer.code, 257 | 272), "{} {}", answer.code, answer.text);
    }
    let used = daemon.cpu_time() - before;
    assert!(used < Duration::from_secs(1), "{used:?} of the processor");
    drop(crowd);
    eventually("it serves again", || {
        let mut frames = Frames::raw(daemon.addr());
        match frames.read_frame() {
            Some(frame) if frame.kind == wire::FrameKind::Greeting => {}
            _ => return false,
        }
        frames.log_in("ann", "ann-secret").code == 254 && frames.get("f").code == 257
    });
    assert_eq!(first.fetch("f"), b"stays");
    assert!(!daemon.log().contains("panicked"));
}

#[test]
fn who_never_reads_holds_up_nobody_else() {
    let site = Site::new();
    site.account("ann", "unlimited").account("bob", "unlimited");
    fs::create_dir_all(site.stored("ann", "")).unwrap();
    fs::File::create(site.stored("ann", "large")).unwrap().set_len(256 << 20).unwrap();
    let daemon = site.start();
    let stuck: Vec<Frames> = (0..8)
        .map(|_| {
            let mut ann = daemon.login("ann");
            ann.send("GET", &wire::Get::new("large", 0, u64::MAX, 0));
            ann
        })
        .collect();
    let content = bytes(1, 40 * CHUNK + 3);
    for name in ["ann", "bob"] {
        let mut frames = daemon.login(name);
        frames.store("small", b"small", 0).expect(900);
        frames.upload("f", &content, 0).expect(900);
        assert!(frames.fetch("f") == content, "{name}");
        assert_eq!(frames.on("LS", "").expect(200).code, 200);
    }
    // The slow ones lose nothing: whoever reads at last gets all of it.
    let answer = stuck.into_iter().next().unwrap().read_answer();
    let bytes: usize = answer.expect(257).parts.iter().map(|part| part.data.len()).sum();
    assert_eq!(bytes, 256 << 20);
}

#[test]
fn the_door_is_shut_at_the_limit_and_opens_when_somebody_leaves() {
    let site = Site::new();
    site.setting("server", "connections", "4").account("ann", "1M");
    let daemon = site.start();
    let mut inside: Vec<Frames> = (0..4).map(|_| daemon.login("ann")).collect();
    let refused = Frames::raw(daemon.addr());
    refused.expect_bye(422).says("4 connections at most");
    let mut leaving = inside.pop().unwrap();
    leaving.request("BYE", &wire::Nothing::new()).expect(221);
    drop(leaving);
    eventually("a place is free", || {
        let mut frames = Frames::raw(daemon.addr());
        frames.read_frame().is_some_and(|frame| frame.kind == wire::FrameKind::Greeting)
    });
    assert_eq!(inside[0].pwd(), "/");
}
