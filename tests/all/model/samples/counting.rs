//! Figures that were wrong: a mount counted again and again, a removal during a count, a count
//! that others or one directory made impossible.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{ALL, belongs_to, bytes_in, mount, section};
use crate::harness::{Daemon, Frames, Raise, Site, bytes, eventually, write_file};

/// Removed and added three times it was charged five times over.
#[test]
fn a_mount_that_comes_back_is_charged_once() {
    let site = Site::new();
    site.account("ann", "10M");
    let text = section("pool", "pool", ALL, "account");
    mount(&site, &text);
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("/pool/f", &bytes(1, 900_000), 0).expect(900);
    for _ in 0..3 {
        mount(&site, "");
        eventually("the mount is gone", || ann.on("LS", "/pool").code == 256);
        assert_eq!(ann.quota().used, 0, "what is not mounted is not charged");
        mount(&site, &text);
        eventually("the mount is back", || ann.on("LS", "/pool").code == 200);
        assert_eq!(ann.quota().used, 900_000);
    }
    daemon.restart();
    assert_eq!(daemon.login("ann").quota().used, 900_000);
}

/// After `dir =` was changed a full directory accepted as much again.
#[test]
fn a_mount_that_points_elsewhere_has_the_figures_of_that_directory() {
    let site = Site::new();
    site.account("ann", "10M");
    write_file(site.home().join("full/there"), &bytes(1, 1_000_000));
    mount(&site, &section("pool", "empty", ALL, "1000000"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("/pool/f", b"x", 0).expect(900);
    mount(&site, &section("pool", "full", ALL, "1000000"));
    ann.store("/pool/g", &bytes(2, 1_000_000), 0)
        .expect(270)
        .says("0 bytes left of 976.6 KiB (1000000 bytes)");
    mount(&site, &section("other", "full", ALL, "1000001"));
    ann.store("/other/g", b"xy", 0).expect(270).says("1 byte left of 976.6 KiB (1000001 bytes)");
    ann.store("/other/g", b"x", 0).expect(900);
}

#[test]
fn who_pays_for_a_mount_changes_at_once() {
    let site = Site::new();
    site.account("ann", "10M");
    mount(&site, &section("pool", "pool", ALL, "account"));
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("/pool/f", &bytes(1, 300_000), 0).expect(900);
    mount(&site, &section("pool", "pool", ALL, "400000"));
    ann.store("/pool/g", &bytes(2, 100_001), 0)
        .expect(270)
        .says("97.7 KiB (100000 bytes) left of 390.6 KiB (400000 bytes)");
    assert_eq!(ann.quota().used, 0);
    mount(&site, &section("pool", "pool", ALL, "account"));
    ann.on("LS", "/pool").expect(200);
    assert_eq!(ann.quota().used, 300_000);
    daemon.restart();
    assert_eq!(daemon.login("ann").quota().used, 300_000);
}

/// A file that came home from a mount still says whose it is; in a home nobody asks for that.
#[test]
fn a_file_that_came_home_from_a_mount_is_credited_when_it_goes() {
    let site = Site::new();
    site.account("ann", "10M");
    mount(&site, &section("pool", "pool", ALL, "1000000"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    for gone in ["removed", "replaced", "moved over"] {
        ann.store("/pool/f", &bytes(1, 300_000), 0).expect(900);
        ann.mv("/pool/f", "/f", false).expect(200);
        match gone {
            "removed" => drop(ann.rm("f", false).expect(200)),
            "replaced" => drop(ann.store("f", b"", 1).expect(900)),
            _ => {
                ann.store("g", b"", 0).expect(900);
                ann.mv("g", "f", true).expect(200);
            }
        }
        assert_eq!(ann.quota().used, 0, "{gone}");
        ann.rm("f", false);
    }
    assert!(!daemon.whole_log().contains("ledger:"));
}

/// Makes a directory whose count takes a while, with a few large files before and behind the many
/// small ones that belong to bob.
fn slow_to_count(site: &Site) {
    let dir = site.home().join("pool");
    for number in 0..8 {
        if number == 4 {
            (0..6_000).for_each(|n| write_file(dir.join(format!("many/{n}")), b"x"));
        }
        let path = dir.join(format!("large-{number}"));
        write_file(&path, &bytes(number, 500_000));
        belongs_to(&path, "bob");
    }
}

/// Whether the server has the small files' directory open, so that it counts them.
fn counts(daemon: &Daemon) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten();
    let mut targets = open.filter_map(|fd| fs::read_link(fd.path()).ok());
    targets.any(|target| target.ends_with("pool/many"))
}

/// Removes bob's large files while `count` makes the server count them; gives what is told of bob,
/// and what is there.
fn remove_meanwhile(site: &Site, daemon: &Daemon, count: impl FnOnce() + Send) -> (u64, u64) {
    let mut ann = daemon.login("ann");
    thread::scope(|scope| {
        let counting = scope.spawn(count);
        while !counts(daemon) && !counting.is_finished() {
            thread::yield_now();
        }
        for number in 0..8 {
            ann.rm(&format!("/pool/large-{number}"), false).expect(200);
        }
        counting.join().unwrap();
    });
    (daemon.login("bob").quota().used, bytes_in(&site.home().join("pool")))
}

/// A server that was told to stop called the count that it broke off an error.
#[test]
fn a_count_that_a_stop_breaks_off_is_no_error() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    mount(&site, &section("pool", "pool", ALL, "account"));
    slow_to_count(&site);
    let log = site.root().join("server.log");
    // A count may end before the stop is heard.
    let was_cut_off = (0..20).any(|_| {
        let mut daemon = Daemon::start_with(&site, &["--log", log.to_str().unwrap()]);
        thread::scope(|scope| {
            let addr = daemon.addr();
            let login = scope.spawn(move || drop(Frames::attempt_login(addr, "bob", &mut None)));
            while !counts(&daemon) && !login.is_finished() {
                thread::yield_now();
            }
            daemon.term();
        });
        let _ = daemon.wait();
        fs::read_to_string(&log).unwrap().contains("counting a directory: the server is stopping")
    });
    assert!(was_cut_off);
    let text = fs::read_to_string(&log).unwrap();
    assert!(!text.contains("ERROR"), "{text}");
}

/// bob was charged 5,000,001 bytes for 1 after another account removed his file during his login.
#[test]
fn a_removal_during_the_count_of_a_login_is_credited_once() {
    for _ in 0..3 {
        let site = Site::new();
        site.account("ann", "10M").account("bob", "10M");
        mount(&site, &section("pool", "pool", ALL, "account"));
        slow_to_count(&site);
        let daemon = site.start();
        let told = remove_meanwhile(&site, &daemon, || drop(daemon.login("bob")));
        assert_eq!(told, (0, 0));
    }
}

/// A removal during the count of a new mount was credited although it had never been charged.
#[test]
fn a_removal_during_the_count_of_a_new_mount_is_credited_once() {
    for _ in 0..3 {
        let site = Site::new();
        site.account("ann", "10M").account("bob", "10M");
        slow_to_count(&site);
        let daemon = site.start();
        let mut bob = daemon.login("bob");
        bob.store("own", &bytes(9, 1_000_000), 0).expect(900);
        mount(&site, &section("pool", "pool", ALL, "account"));
        let told = remove_meanwhile(&site, &daemon, || drop(bob.on("LS", "/pool")));
        assert_eq!(told, (1_000_000, 0));
    }
}

/// Directories that move back and forth kept other logins of the account out for a minute.
#[test]
fn logins_count_a_home_in_which_directories_move() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    mount(&site, &section("pool", "pool", ALL, "account"));
    for number in 0..300 {
        write_file(site.home().join(format!("pool/one/{number}/in/deep/f")), b"x");
    }
    fs::create_dir(site.home().join("pool/two")).unwrap();
    let mut daemon = site.start();
    for _ in 0..4 {
        let (over, moving) = (AtomicBool::new(false), daemon.login("ann"));
        thread::scope(|scope| {
            let _over = Raise(&over);
            let (over, mut ann) = (&over, moving);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    for number in 0..300 {
                        let (from, to) =
                            (format!("/pool/one/{number}/in"), format!("/pool/two/{number}"));
                        ann.mv(&from, &to, false);
                        ann.mv(&to, &from, false);
                    }
                }
            });
            for _ in 0..5 {
                let mut frames = daemon.connect();
                frames.log_in("bob", &crate::harness::password("bob")).expect(254);
            }
        });
        daemon.restart();
    }
}

/// A directory that the server cannot read locked its owner out and closed a mount to everybody.
#[test]
fn a_directory_that_cannot_be_read_counts_as_empty_and_is_logged() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    site.account("ann", "10M");
    mount(&site, &section("pool", "pool", ALL, "1000000"));
    write_file(site.stored("ann", "f"), b"12345");
    write_file(site.home().join("pool/f"), b"123");
    let closed = [site.stored("ann", "closed"), site.home().join("pool/lost+found")];
    for dir in &closed {
        write_file(dir.join("inside"), b"1234567");
        fs::set_permissions(dir, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let Some(daemon) = Daemon::start_without_capabilities(&site) else { return };
    let mut ann = daemon.login("ann");
    assert_eq!(ann.quota().used, 5);
    ann.store("/pool/g", &bytes(1, 999_998), 0)
        .expect(270)
        .says("976.6 KiB (999997 bytes) left of 976.6 KiB (1000000 bytes)");
    ann.store("/pool/g", b"x", 0).expect(900);
    daemon.wait_for_log("closed");
    daemon.wait_for_log("lost+found");
    for dir in &closed {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    }
}
