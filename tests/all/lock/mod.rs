//! One server at a time has a tree: a second one waits or is refused, and one that has lost its
//! lock stops before it changes anything.

pub(crate) mod fuse;
mod mounts;
mod shared;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use miniftp::wire;

use crate::harness::{
    CHUNK, Daemon, Frames, Site, Starting, bytes, eventually, part_files, request, whole,
};

/// The exit code of a server that has lost its lock.
const LOST: Option<i32> = Some(3);

fn lock_of(home: &Path) -> PathBuf {
    home.join(".miniftp/lock")
}

/// Begins an upload of which all but the last word is sent.
fn all_but_done(daemon: &Daemon, content: &[u8]) -> Frames {
    let mut ann = daemon.login("ann");
    ann.put("pending", content.len(), 0).expect(802);
    ann.send_from(content, 0);
    ann
}

/// Says the last word of an upload, and then stores a small file, to a server that may have gone.
fn finish(ann: &mut Frames, content: &[u8]) {
    let done = request("DONE", &wire::Done::new(&whole(content)), b"");
    let _ = ann.tcp().write_all(&done);
}

/// Whatever comes until the connection is over, nothing is reported as stored.
#[track_caller]
fn nothing_is_stored(mut ann: Frames) {
    while let Some(frame) = ann.read_frame() {
        let code = u16::from_be_bytes([frame.fields[0], frame.fields[1]]);
        assert!(code != 900, "{code} {:?}", String::from_utf8_lossy(&frame.fields));
    }
}

#[test]
fn a_standby_names_the_holder_once_and_takes_over_when_it_is_gone() {
    for ends_well in [false, true] {
        let site = Site::new();
        site.account("ann", "1M");
        let mut first = site.start();
        first.login("ann").store("f", b"from the first", 0).expect(900);
        let standby = Starting::begin(&site, &["--wait"]);
        let line = standby.says("miniftpd: waiting: ");
        let home = site.home();
        let want = format!(
            "miniftpd: waiting: the home {} is in use by miniftpd with pid {}",
            home.display(),
            first.pid()
        );
        assert_eq!(line, want);
        assert_eq!(standby.printed(), "", "it has no ports yet");
        if ends_well {
            first.term();
            assert_eq!(first.wait().code(), Some(0));
        } else {
            first.kill9();
        }
        let second = standby.ready();
        assert_eq!(second.login("ann").fetch("f"), b"from the first");
        second.login("ann").store("g", b"from the second", 0).expect(900);
        assert_eq!(second.log().matches("waiting: ").count(), 1);
    }
}

#[test]
fn a_standby_can_be_stopped_at_any_moment() {
    let site = Site::new();
    site.account("ann", "1M");
    let first = site.start();
    let standby = Starting::begin(&site, &["--wait"]);
    standby.says("miniftpd: waiting: ");
    standby.term();
    let (status, _) = standby.wait();
    assert_eq!(status.code(), Some(0));
    first.login("ann").store("f", b"unmoved", 0).expect(900);
}

#[test]
fn the_lock_names_its_holder_and_is_gone_after_a_clean_stop() {
    let site = Site::new();
    let mut daemon = site.start();
    let lock = lock_of(&site.home());
    let line = fs::read_to_string(&lock).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(words[..2], [host.trim(), &daemon.pid().to_string()], "{line}");
    assert_eq!(words.len(), 5, "{line}");
    daemon.kill9();
    assert_eq!(fs::read_to_string(&lock).unwrap(), line);
    daemon.restart();
    assert_ne!(fs::read_to_string(&lock).unwrap(), line);
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!lock.exists());
}

/// What a server says of its lock, and what was done to it.
type Way = (&'static str, fn(&Path));

/// Ways in which somebody could take a lock away from under a server.
const WAYS: [Way; 4] = [
    ("is gone", |lock| fs::remove_file(lock).unwrap()),
    ("is gone", |lock| drop(fs::File::create(lock).unwrap())),
    ("was taken over by miniftpd on `elsewhere` with pid 7", |lock| {
        let beside = lock.with_extension("new");
        fs::write(&beside, "elsewhere 7 00000000000000ff boot/1 00000000000000000001\n").unwrap();
        fs::rename(beside, lock).unwrap();
    }),
    ("was taken over by miniftpd on `elsewhere` with pid 7", |lock| {
        fs::write(lock, "elsewhere 7 00000000000000ff boot/1 00000000000000000001\n").unwrap();
    }),
];

#[test]
fn a_server_whose_lock_is_taken_away_stops_and_stores_nothing_more() {
    let content = bytes(1, 3 * CHUNK + 5);
    for shared in ["auto", "yes"] {
        for (why, way) in WAYS {
            let site = Site::new();
            site.account("ann", "64M").setting("storage", "shared", shared);
            let mut daemon = site.start();
            let mut ann = all_but_done(&daemon, &content);
            daemon.login("ann").store("before", b"stored", 0).expect(900);
            way(&lock_of(&site.home()));
            finish(&mut ann, &content);
            nothing_is_stored(ann);
            assert_eq!(daemon.wait().code(), LOST, "{shared}: {why}");
            let home = site.home();
            let end = format!("miniftpd: stopped: the lock of the home {} {why}", home.display());
            assert!(daemon.log().contains(&end), "{shared}: {end}");
            assert!(!site.stored("ann", "pending").exists(), "{shared}: {why}");
            assert_eq!(part_files(&home, "ann").len(), 1, "the next server goes on with it");
        }
    }
}

/// Three threads woke up every second to look at what the kernel reports by itself.
#[test]
fn an_idle_server_is_woken_once_a_second() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    // Sessions that rest wake nobody either, whatever they wait for.
    let mut ann = daemon.login("ann");
    ann.store("f", b"x", 0).expect(900);
    let mut ftp = daemon.ftp("ann");
    ftp.epsv();
    eventually("they rest", || daemon.served() == 0);
    let after = |looks: u64| {
        let sleeps = || daemon.sleeps();
        let begun = sleeps()["housekeeper"];
        eventually("the housekeeper has looked", || sleeps()["housekeeper"] >= begun + looks);
        sleeps()
    };
    let mut before = after(2);
    let mut now = after(3);
    before.remove("housekeeper");
    now.remove("housekeeper");
    assert_eq!(now, before);
}
