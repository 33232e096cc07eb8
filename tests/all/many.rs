//! A thousand guests at once, on little memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Frames, Site, heavy, password};

const GUESTS: usize = 1_000;
/// Memory that all of them may add to the server's, logged in and idle: 24 MiB in an optimised
/// build; one that is not needs twice the stack, 41 MiB in all. The program's own pages do not
/// count: how many of them are in memory is up to the system.
const MEMORY: u64 = if cfg!(debug_assertions) { 50 << 20 } else { 30 << 20 };
/// Descriptors that this process needs for its ends of the connections, and for other tests.
const DESCRIPTORS: u64 = GUESTS as u64 + 1_000;

#[test]
fn a_thousand_idle_sessions_need_little_memory() {
    let _turn = heavy();
    let now = getrlimit(Resource::Nofile);
    if now.current.is_some_and(|current| current < DESCRIPTORS) {
        let maximum = now.maximum.map(|maximum| maximum.max(DESCRIPTORS));
        setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), maximum }).unwrap();
    }
    let site = Site::new();
    for i in 0..10 {
        site.account(&format!("guest{i}"), "1M");
    }
    site.setting("server", "sessions_per_account", &(GUESTS / 10).to_string());
    let daemon = site.start();
    let before = daemon.own_bytes();
    let mut guests: Vec<Frames> = Vec::with_capacity(GUESTS);
    for i in 0..10 {
        let name = format!("guest{i}");
        let mut keys = None;
        for _ in 0..GUESTS / 10 {
            let mut frames = daemon.connect();
            frames.hello();
            frames.prove_with(&name, &password(&name), &mut keys).expect(254);
            guests.push(frames);
        }
    }
    assert!(daemon.threads() > GUESTS);
    let memory = daemon.own_bytes().saturating_sub(before);
    assert!(memory < MEMORY, "{} KiB for {GUESTS} sessions", memory / 1024);
    // All of them are there: the first, the last and any between.
    for number in (0..GUESTS).step_by(37).chain([GUESTS - 1]) {
        assert_eq!(guests[number].pwd(), "/", "guest {number}");
    }
    guests[500].store("f", b"one of many", 0).expect(900);
    assert_eq!(guests[510].fetch("f"), b"one of many", "of the same account");
    guests[610].get("f").expect(256);
}
