//! One answer for each request, in the order of the requests, however many are under way.

use miniftp::digest::Algorithm;
use miniftp::limits;
use miniftp::wire::{Nothing, Path, Store};

use crate::harness::{Daemon, Site, bytes, digests, request};

fn site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "100M");
    let daemon = site.start();
    (site, daemon)
}

/// The frame of a small file stored with md5.
fn store(path: &str, content: &[u8], flags: u8) -> Vec<u8> {
    let (row, whole) = digests(Algorithm::Md5, content);
    request(
        "STORE",
        &Store::new(path, 0, 0, miniftp::wire::NO_MODE, flags, whole.as_bytes(), &row),
        content,
    )
}

#[test]
fn three_hundred_requests_at_once_are_answered_in_order() {
    let (_site, daemon) = site();
    let mut guest = daemon.login("ann");
    let (mut all, mut codes) = (Vec::new(), Vec::new());
    for i in 0..300 {
        let (frame, code) = match i % 4 {
            0 => (request("PING", &Nothing::new(), &[]), 200),
            1 => (request("STAT", &Path::new(&format!("missing-{i}")), &[]), 256),
            2 => (request(&format!("NO{i}"), &Nothing::new(), &[]), 251),
            _ => (request("STAT", &Path::new("/"), b"data"), 252),
        };
        all.extend(frame);
        codes.push((i, code));
    }
    guest.send_bytes(&all);
    for (i, code) in codes {
        let answer = guest.read_answer();
        answer.expect(code);
        if code == 256 || code == 251 {
            answer.says(&i.to_string());
        }
    }
}

#[test]
fn small_files_wait_for_a_sync_together_and_are_still_answered_in_order() {
    let (site, daemon) = site();
    let mut guest = daemon.login("ann");
    let (mut all, mut codes) = (Vec::new(), Vec::new());
    let mut ask = |frame: Vec<u8>, code: u16| {
        all.extend(frame);
        codes.push(code);
    };
    for i in 0..limits::GROUP_FILES + 44 {
        ask(store(&format!("f{i}"), &bytes(i as u64, i), 0), 900);
        match i % 60 {
            // Each of these is refused at another point of its way.
            10 => ask(request("FLY", &Nothing::new(), &[]), 251),
            20 => ask(store("no/such/folder", b"x", 0), 256),
            30 => ask(store("flags", b"x", 8), 252),
            40 => ask(store(&format!("f{i}"), b"differs", 0), 262),
            45 => ask(store(&format!("f{i}"), &bytes(i as u64, i), 0), 801),
            50 => ask(request("STAT", &Path::new(&format!("f{i}")), &[]), 200),
            55 => ask(request("STORE", &Nothing::new(), &[]), 250),
            _ => {}
        }
    }
    guest.send_bytes(&all);
    let got: Vec<u16> = codes.iter().map(|_| guest.read_answer().code).collect();
    assert_eq!(got, codes);
    for i in 0..limits::GROUP_FILES + 44 {
        let content = std::fs::read(site.stored("ann", &format!("f{i}"))).unwrap();
        assert!(content == bytes(i as u64, i), "f{i}");
    }
}

#[test]
fn what_was_asked_before_a_bye_is_answered_before_it() {
    let (_site, daemon) = site();
    let mut guest = daemon.login("ann");
    let mut all = store("a", b"one", 0);
    all.extend(store("b", b"two", 0));
    let mut damaged = request("PING", &Nothing::new(), &[]);
    damaged[9] ^= 1;
    all.extend(damaged);
    guest.send_bytes(&all);
    guest.read_answer().expect(900);
    guest.read_answer().expect(900);
    guest.expect_bye(423);

    let mut guest = daemon.login("ann");
    guest.send_bytes(&store("c", b"three", 0));
    guest.finish_sending();
    guest.read_answer().expect(900);
    assert!(guest.read_frame().is_none());
    assert_eq!(daemon.login("ann").fetch("c"), b"three");
}
