//! A mount's own limit is the limit, whoever writes; and of two who write one file, one does.

use std::fs;
use std::thread;

use super::{mount, plant, section};
use crate::harness::{Site, bytes};

/// Bytes of the files below a folder.
fn stored(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap();
    // What goes away between its name and the look counts for nothing.
    let lens = entries.map(|entry| entry.unwrap().metadata().map_or(0, |meta| meta.len()));
    lens.sum()
}

#[test]
fn two_accounts_race_for_the_last_bytes_of_a_mount() {
    let site = Site::new();
    site.account("ann", "1k").account("bob", "1k");
    plant(&site, "shared/there", &"x".repeat(10_000));
    mount(&site, &section("shared", "shared", "all", "read, write, modify", "200000"));
    let daemon = site.start();
    let stored_by = |name: &'static str, seed: usize| {
        let mut frames = daemon.login(name);
        let mut fine = 0_u64;
        for i in 0..150 {
            let size = 500 + (i * 37 + seed * 91) % 3_000;
            let path = format!("/shared/{name}{}", i % 40);
            let answer = frames.store(&path, &bytes(seed as u64, size), 1);
            assert!(matches!(answer.code, 900 | 270), "{} {}", answer.code, answer.text);
            fine += u64::from(answer.code == 900);
            if i % 7 == 0 {
                let _ = frames.rm(&path, false);
            }
            assert!(stored(&site.home().join("shared")) <= 200_000);
        }
        assert_eq!(frames.quota().used, 0, "the mount pays, not the account");
        fine
    };
    let fine = thread::scope(|scope| {
        let ann = scope.spawn(|| stored_by("ann", 1));
        ann.join().unwrap() + stored_by("bob", 2)
    });
    let both = thread::scope(|scope| {
        let ann = scope.spawn(|| stored_by("ann", 3));
        stored_by("bob", 4) + ann.join().unwrap()
    });
    assert!(fine > 10 && both > 10);
    // The ledger has counted right: exactly the rest fits.
    let left = 200_000 - stored(&site.home().join("shared"));
    let mut ann = daemon.login("ann");
    ann.store("/shared/rest", &vec![0; left as usize + 1], 0).expect(270);
    ann.store("/shared/rest", &vec![0; left as usize], 0).expect(900);
    ann.store("/shared/one", b"1", 0).expect(270).says("0 bytes left of 195.3 KiB (200000 bytes)");
}

#[test]
fn a_mount_is_counted_from_the_disk_after_a_restart_parts_included() {
    let site = Site::new();
    site.account("ann", "1k");
    mount(&site, &section("shared", "shared", "all", "read, write, modify", "300000"));
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(1, 200_000);
    ann.put("/shared/part", content.len(), 2).expect(802);
    ann.chunk(0, &content[..131_072]).expect(900);
    ann.drop_part(true).expect(200);
    ann.store("/shared/f", &content[..100_000], 0).expect(900);
    daemon.restart();
    let mut ann = daemon.login("ann");
    ann.store("/shared/g", &content[..68_929], 0)
        .expect(270)
        .says("67.3 KiB (68928 bytes) left of 293.0 KiB (300000 bytes)");
    ann.on("FORGET", "/shared/part").expect(200);
    ann.store("/shared/g", &content, 0).expect(900);
    ann.store("/shared/h", b"x", 0).expect(270);
    ann.rm("/shared/f", false).expect(200);
    ann.store("/shared/h", &content[..100_000], 0).expect(900);
}

#[test]
fn of_two_accounts_that_write_one_file_the_second_is_told_who_does() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    mount(&site, &section("shared", "shared", "all", "read, write, modify", "10M"));
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.put("/shared/f", 100_000, 2).expect(802);
    bob.put("/shared/f", 5, 2).expect(267).says("being written by ann");
    bob.store("/shared/./f", b"x", 1).expect(267);
    bob.store("/f", b"x", 1).expect(900);
    ann.drop_part(false).expect(200);
    bob.store("/shared/f", b"x", 1).expect(900);
}

#[test]
fn where_the_writer_pays_each_file_knows_who_stored_it() {
    let site = Site::new();
    site.account("ann", "1000").account("bob", "1000");
    plant(&site, "shared/nobodys", &"x".repeat(5_000));
    mount(&site, &section("shared", "shared", "all", "read, write, modify", "account"));
    let mut daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.store("/shared/a", &bytes(1, 600), 0).expect(900);
    bob.store("/shared/b", &bytes(2, 900), 0).expect(900);
    ann.store("/own", &bytes(3, 300), 0).expect(900);
    assert_eq!((ann.quota().used, bob.quota().used), (900, 900));
    ann.store("/shared/c", &bytes(4, 101), 0).expect(270);
    // Who removes or replaces a file of another one credits that one.
    bob.rm("/shared/a", false).expect(200);
    assert_eq!((ann.quota().used, bob.quota().used), (300, 900));
    ann.store("/shared/b", &bytes(5, 500), 1).expect(900);
    assert_eq!((ann.quota().used, bob.quota().used), (800, 0));
    ann.rm("/shared/nobodys", false).expect(200);
    assert_eq!((ann.quota().used, bob.quota().used), (800, 0));
    // Moving another one's file home makes it one's own.
    bob.mv("/shared/b", "/b", false).expect(200);
    assert_eq!((ann.quota().used, bob.quota().used), (300, 500));
    bob.mv("/b", "/shared/b", false).expect(200);
    daemon.restart();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    assert_eq!((ann.quota().used, bob.quota().used), (300, 500));
}
