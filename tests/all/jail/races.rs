//! Somebody on the host swaps folders and links while files are read and written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::harness::{Daemon, Raise, Site, snapshot};

/// Tries of each race. An escape without the wall shows within a few dozen.
const TRIES: usize = 1_500;

const INSIDE: &[u8] = b"inside";
const OUTSIDE: &[u8] = b"outside!";

/// Exchanges two names until told to stop.
fn swap(a: &Path, b: &Path, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).unwrap();
        thread::yield_now();
    }
}

/// Runs `attack` while `real` and `trap` in ann's home are exchanged for each other.
fn race(site: &Site, daemon: &Daemon, attack: impl FnOnce(&Daemon)) {
    let (real, trap) = (site.stored("ann", "real"), site.stored("ann", "trap"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _raise = Raise(&stop);
        scope.spawn(|| swap(&real, &trap, &stop));
        attack(daemon);
    });
}

fn prepare() -> Site {
    let site = Site::new();
    site.account("ann", "10M");
    let outside = site.root().join("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), OUTSIDE).unwrap();
    fs::create_dir_all(site.stored("ann", "")).unwrap();
    site
}

#[test]
fn a_folder_swapped_for_a_link_never_lets_a_reader_out() {
    let site = prepare();
    fs::create_dir(site.stored("ann", "real")).unwrap();
    fs::write(site.stored("ann", "real/secret"), INSIDE).unwrap();
    symlink(site.root().join("outside"), site.stored("ann", "trap")).unwrap();
    let daemon = site.start();
    let mut read = 0;
    race(&site, &daemon, |daemon| {
        let mut ann = daemon.login("ann");
        for _ in 0..TRIES {
            let answer = ann.get("real/secret");
            match answer.code {
                257 => assert_eq!(answer.parts[0].data, INSIDE),
                code => assert!(matches!(code, 256 | 264 | 266), "{code} {}", answer.text),
            }
            read += usize::from(answer.code == 257);
            let listed = ann.on("LS", "real");
            assert!(matches!(listed.code, 200 | 256 | 264), "{} {}", listed.code, listed.text);
        }
    });
    assert!(read > 0, "the race was run");
}

#[test]
fn a_file_swapped_for_a_link_is_read_itself_or_not_at_all() {
    let site = prepare();
    fs::write(site.stored("ann", "real"), INSIDE).unwrap();
    symlink(site.root().join("outside/secret"), site.stored("ann", "trap")).unwrap();
    let daemon = site.start();
    race(&site, &daemon, |daemon| {
        let mut ann = daemon.login("ann");
        for _ in 0..TRIES {
            let answer = ann.get("real");
            match answer.code {
                257 => assert_eq!(answer.parts[0].data, INSIDE),
                code => assert!(matches!(code, 256 | 266), "{code} {}", answer.text),
            }
        }
    });
}

#[test]
fn nothing_is_written_or_removed_through_a_link_that_is_swapped_in() {
    let site = prepare();
    fs::create_dir(site.stored("ann", "real")).unwrap();
    symlink(site.root().join("outside"), site.stored("ann", "trap")).unwrap();
    let daemon = site.start();
    let before = snapshot(&site.root().join("outside"));
    race(&site, &daemon, |daemon| {
        let mut ann = daemon.login("ann");
        for i in 0..TRIES / 3 {
            for answer in [
                ann.store("real/new", &[i as u8; 64], 1),
                ann.mkdir(&format!("real/d{i}"), true),
                ann.rm("real/secret", false),
                ann.on("RMDIR", &format!("real/d{i}")),
                ann.mv("real/new", "real/secret", true),
            ] {
                let passing = matches!(answer.code, 200 | 256 | 262 | 264 | 265 | 273 | 900);
                assert!(passing, "{} {}", answer.code, answer.text);
            }
        }
    });
    assert_eq!(snapshot(&site.root().join("outside")), before);
}
