//! While a file is replaced, whoever reads it sees all of the old one or all of the new one.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::{Raise, Site, bytes};

/// Replacements during which the readers read.
const TIMES: usize = 30;

#[test]
fn readers_see_the_old_file_or_the_new_one_at_every_moment() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let versions = [bytes(1, 700_000), bytes(2, 900_000)];
    let known = |content: &[u8]| versions.iter().any(|version| version == content);
    let mut writer = daemon.login("ann");
    writer.upload("f", &versions[0], 0).expect(900);
    let on_disk = site.stored("ann", "f");
    let over = AtomicBool::new(false);
    let (fetched, read) = thread::scope(|scope| {
        let raise = Raise(&over);
        let through_the_door = scope.spawn(|| {
            let (mut reader, mut count) = (daemon.login("ann"), 0);
            while !over.load(Ordering::Relaxed) {
                assert!(known(&reader.fetch("f")), "torn through the door");
                count += 1;
            }
            count
        });
        let from_the_disk = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                assert!(known(&fs::read(&on_disk).unwrap()), "torn on the disk");
                count += 1;
            }
            count
        });
        for i in 1..=TIMES {
            let content = &versions[i % 2];
            match i % 3 {
                0 => writer.store("f", content, 1).expect(900),
                _ => writer.upload("f", content, 1).expect(900),
            };
            assert!(fs::read(&on_disk).unwrap() == *content, "stored is stored");
        }
        drop(raise);
        (through_the_door.join().unwrap(), from_the_disk.join().unwrap())
    });
    assert!(fetched > 0 && read > 0);
    let usage = writer.quota();
    assert_eq!((usage.used, usage.reserved), (versions[0].len() as u64, 0));
}
