//! A thousand guests at once, on little memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Daemon, Frames, FtpTalk, Site, eventually, heavy, password};

const GUESTS: usize = 1_000;
/// Memory that all of them may add to the server's, logged in and at rest: 10 MiB framed, 11 FTP in
/// an optimised build. A thread each would be 16 MiB of stacks alone. The program's own pages do
/// not count: how many of them are in memory is up to the system.
const MEMORY: u64 = 14 << 20;
/// Threads that a server has for itself, and some for sessions that were just spoken to.
const THREADS: usize = 30;
/// Descriptors that this process needs for its ends of the connections, and for other tests.
const DESCRIPTORS: u64 = GUESTS as u64 + 1_000;

/// A server that lets so many in, as ten accounts.
fn many() -> (Site, Daemon) {
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
    (site, daemon)
}

/// Waits until all rest, and looks at what they need.
#[track_caller]
fn assert_cheap(daemon: &Daemon, before: u64) {
    eventually("resting sessions have no thread", || daemon.threads() < THREADS);
    let memory = daemon.own_bytes().saturating_sub(before);
    assert!(memory < MEMORY, "{} KiB for {GUESTS} sessions", memory / 1024);
}

/// The first, the last and any between.
fn some() -> impl Iterator<Item = usize> {
    (0..GUESTS).step_by(37).chain([GUESTS - 1])
}

#[test]
fn a_thousand_idle_framed_sessions_need_little_memory() {
    let _turn = heavy();
    let (_site, daemon) = many();
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
    assert_cheap(&daemon, before);
    for number in some() {
        assert_eq!(guests[number].pwd(), "/", "guest {number}");
    }
    guests[500].store("f", b"one of many", 0).expect(900);
    assert_eq!(guests[510].fetch("f"), b"one of many", "of the same account");
    guests[610].get("f").expect(256);
}

#[test]
fn a_thousand_idle_ftp_sessions_need_little_memory() {
    let _turn = heavy();
    let (_site, daemon) = many();
    let before = daemon.own_bytes();
    let guest = |number| FtpTalk::login(daemon.ftp_addr(), &format!("guest{}", number % 10));
    let mut guests: Vec<FtpTalk> = (0..GUESTS).map(guest).collect();
    assert_cheap(&daemon, before);
    for number in some() {
        guests[number].ask("PWD").expect(257).says("\"/\"");
    }
    guests[500].store("f", b"one of many").expect(226);
    assert_eq!(guests[510].fetch("f"), b"one of many", "of the same account");
    guests[511].ask("SIZE f").expect(550);
}
