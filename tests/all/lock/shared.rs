//! Homes that several machines can use: the lock is renewed, watched and taken over.
//!
//! Another machine's server is played by a line in the lock's file that somebody renews, or by a
//! server on this one that cannot see the other's lock, because the file was copied to a new one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::{LOST, all_but_done, finish, lock_of, nothing_is_stored};
use crate::harness::{CHUNK, Daemon, Raise, Site, Starting, bytes, eventually, part_files};

/// A site that other machines can use.
fn shared_site() -> Site {
    let site = Site::new();
    site.account("ann", "64M").setting("storage", "shared", "yes");
    site
}

/// The line of a server on a machine that is called `elsewhere`.
fn line_elsewhere(count: u64) -> String {
    format!("elsewhere 7 00000000000000ff another-boot/1 {count:020}\n")
}

fn count_in(lock: &Path) -> u64 {
    let line = fs::read_to_string(lock).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

/// Makes the directory that the lock's file is in, as a server does.
fn private(lock: &Path) {
    DirBuilder::new().recursive(true).mode(0o700).create(lock.parent().unwrap()).unwrap();
}

#[test]
fn a_lock_that_is_renewed_elsewhere_refuses_a_start_and_stops_a_standby_from_taking_over() {
    let site = shared_site();
    let lock = lock_of(&site.home());
    private(&lock);
    fs::write(&lock, line_elsewhere(1)).unwrap();
    let stop = AtomicBool::new(false);
    let standby = thread::scope(|scope| {
        scope.spawn(|| {
            let mut count = 2;
            while !stop.load(Ordering::Relaxed) {
                fs::write(&lock, line_elsewhere(count)).unwrap();
                count += 1;
                thread::park_timeout(Duration::from_millis(100));
            }
        });
        let _stop = Raise(&stop);
        let holder = "is in use by miniftpd on `elsewhere` with pid 7";
        let (status, said) = Starting::begin(&site, &[]).wait();
        assert_eq!(status.code(), Some(1));
        assert!(said.contains(&format!("the home {} {holder}", site.home().display())), "{said}");
        let standby = Starting::begin(&site, &["--wait"]);
        let line = standby.says("miniftpd: waiting: ");
        assert!(line.ends_with(holder), "{line}");
        let kept = site.miniftpd(&["account", "remove", "ann", "--files"], "");
        kept.fails(1).stderr_has(holder);
        standby
    });
    // The other machine is gone.
    let daemon = standby.ready();
    daemon.login("ann").store("f", b"taken over", 0).expect(900);
}

#[test]
fn a_standby_that_watches_can_be_stopped_at_once() {
    let site = shared_site();
    let lock = lock_of(&site.home());
    private(&lock);
    fs::write(&lock, line_elsewhere(1)).unwrap();
    let standby = Starting::begin(&site, &["--wait"]);
    standby.wait_for_words("watching for");
    standby.term();
    assert_eq!(standby.wait().0.code(), Some(0));
    assert_eq!(fs::read_to_string(&lock).unwrap(), line_elsewhere(1));
}

#[test]
fn after_a_server_of_this_machine_that_was_killed_nobody_watches() {
    let site = shared_site();
    let mut daemon = site.start();
    daemon.kill9();
    daemon.restart();
    let (before, after) = (daemon.log(), "--- restarted\n");
    let after = before.split_once(after).unwrap().1;
    assert!(!after.contains("watching"), "{after}");
}

#[test]
fn only_where_others_may_come_is_the_lock_renewed_by_writing() {
    let (local, others) = (Site::new(), shared_site());
    let _local = local.start();
    let seen = |site: &Site| {
        let meta = fs::metadata(lock_of(&site.home())).unwrap();
        (meta.modified().unwrap(), meta.accessed().unwrap(), meta.len())
    };
    let before = seen(&local);
    let _others = others.start();
    let lock = lock_of(&others.home());
    let first = count_in(&lock);
    eventually("the lock is renewed", || count_in(&lock) >= first + 2);
    assert_eq!(seen(&local), before, "an idle disk stays idle");
}

#[test]
fn of_two_that_take_over_at_the_same_time_one_wins() {
    let site = shared_site();
    let lock = lock_of(&site.home());
    private(&lock);
    for round in 0..2 {
        fs::write(&lock, line_elsewhere(round)).unwrap();
        let both = [0; 2].map(|_| Starting::begin(&site, &[]));
        let (mut ready, mut refused) = (Vec::new(), 0);
        thread::scope(|scope| {
            let ended = both.map(|one| scope.spawn(move || one.end()));
            for thread in ended {
                match thread.join().unwrap() {
                    Ok(daemon) => ready.push(daemon),
                    Err((status, said)) => {
                        assert_eq!(status.code(), Some(1), "{said}");
                        assert!(said.contains("is in use by miniftpd with pid"), "{said}");
                        refused += 1;
                    }
                }
            }
        });
        assert_eq!((ready.len(), refused), (1, 1));
        ready[0].login("ann").store(&format!("f{round}"), b"by one", 0).expect(900);
    }
}

/// Puts a copy of the lock's file in its place, which nobody has locked: so it looks from a machine
/// to which the locks of this one do not reach.
fn forget_the_lock(lock: &Path) {
    let beside = lock.with_extension("copy");
    fs::copy(lock, &beside).unwrap();
    fs::rename(beside, lock).unwrap();
}

/// What was begun on a server that was frozen and taken over ends without a word of success, and
/// what its successor stored stays as it is.
pub(super) fn a_frozen_server_is_taken_over(
    site: &Site,
    mut old: Daemon,
    freeze: &dyn Fn(&Daemon),
    begin_standby: &dyn Fn() -> Starting,
) {
    let content = bytes(2, 5 * CHUNK + 9);
    let mut pending = all_but_done(&old, &content);
    let mut small = old.login("ann");
    freeze(&old);
    let new = begin_standby().ready();
    // Both wait in the sockets of the frozen server.
    finish(&mut pending, &content);
    small.send_store("small", b"from the frozen one", 0);
    let mut ann = new.login("ann");
    ann.store("small", b"from its successor", 0).expect(900);
    ann.put("pending", content.len(), 0).expect(800);
    ann.go_on(&content, 16);
    ann.done(&content).expect(900);
    old.signal(Signal::CONT);
    nothing_is_stored(pending);
    nothing_is_stored(small);
    assert_eq!(old.wait().code(), LOST);
    assert!(old.log().contains("was taken over by miniftpd with pid"));
    assert_eq!(ann.fetch("small"), b"from its successor");
    assert!(ann.fetch("pending") == content);
    ann.store("after", b"the successor goes on", 0).expect(900);
    assert!(part_files(&site.home(), "ann").is_empty());
    assert_eq!(ann.quota().used, crate::harness::stored_bytes(&site.home(), "ann"));
}

#[test]
fn a_server_that_was_frozen_and_taken_over_changes_nothing_when_it_wakes() {
    let site = shared_site();
    let old = site.start();
    let lock = lock_of(&site.home());
    let freeze = |old: &Daemon| {
        old.signal(Signal::STOP);
        eventually("it is frozen", || is_stopped(old));
        forget_the_lock(&lock);
    };
    let standby = || Starting::begin(&site, &["--wait"]);
    a_frozen_server_is_taken_over(&site, old, &freeze, &standby);
}

pub(super) fn is_stopped(daemon: &Daemon) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    stat.rsplit_once(") ").unwrap().1.starts_with('T')
}

#[test]
fn a_server_that_was_frozen_and_not_taken_over_goes_on() {
    let site = shared_site();
    let daemon = site.start();
    let content = bytes(3, 2 * CHUNK);
    let mut ann = all_but_done(&daemon, &content);
    let lock = lock_of(&site.home());
    let other = shared_site();
    let _other = other.start();
    let clock = lock_of(&other.home());
    daemon.signal(Signal::STOP);
    eventually("it is frozen", || is_stopped(&daemon));
    let before = count_in(&lock);
    // Longer than a renewal counts.
    let then = count_in(&clock);
    eventually("time passes", || count_in(&clock) >= then + 5);
    assert_eq!(count_in(&lock), before);
    daemon.signal(Signal::CONT);
    ann.done(&content).expect(900);
    daemon.login("ann").store("f", b"stored", 0).expect(900);
    assert!(count_in(&lock) > before, "it was renewed before anything was stored");
}
