//! What is charged for a mount follows its directory and not its name, and edits count at once.

use std::fs;

use super::{mount, plant, section};
use crate::harness::{CHUNK, Daemon, Frames, Site, bytes, eventually};

const ALL: &str = "read, write, modify";

/// A server with the account ann, and mounts.ini as it is.
fn start(text: &str) -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    mount(&site, text);
    let daemon = site.start();
    (site, daemon)
}

fn used(frames: &mut Frames) -> (u64, u64) {
    let usage = frames.quota();
    (usage.used, usage.entries)
}

/// A mount with `size = account` that was removed and added three times charged 900,000 bytes five
/// times over.
#[test]
fn a_mount_that_is_taken_away_and_brought_back_is_charged_once() {
    let section = section("pool", "pool", "all", ALL, "account");
    let (site, mut daemon) = start(&section);
    let mut ann = daemon.login("ann");
    ann.mkdir("/pool/d", false).expect(200);
    ann.store("/pool/d/f", &bytes(1, 300_000), 0).expect(900);
    for _ in 0..3 {
        mount(&site, "");
        // A file that has lost so much might be half saved, so it is looked at for a moment.
        eventually("the mount is gone", || ann.on("LS", "/pool").code == 256);
        assert_eq!(used(&mut ann), (0, 0));
        // While it is not mounted the operator may change what is in it.
        fs::write(site.home().join("pool/his"), "x").unwrap();
        mount(&site, &section);
        eventually("the mount is back", || ann.on("LS", "/pool").code == 200);
        assert_eq!(used(&mut ann), (300_000, 2));
        assert_eq!(used(&mut daemon.login("ann")), (300_000, 2));
    }
    daemon.restart();
    assert_eq!(used(&mut daemon.login("ann")), (300_000, 2));
}

/// After a section was renamed, or its `dir` changed, a full mount accepted as much again.
#[test]
fn a_section_that_is_renamed_or_points_elsewhere_has_the_figures_of_its_directory() {
    let one = section("one", "pool", "all", ALL, "100000");
    let (site, mut daemon) = start(&one);
    let mut ann = daemon.login("ann");
    let full = bytes(1, 100_000);
    ann.store("/one/f", &full, 0).expect(900);
    mount(&site, &one.replace("one", "two"));
    ann.store("/two/g", b"x", 0)
        .expect(270)
        .says("0 bytes left of 97.7 KiB (100000 bytes) of this mount");
    ann.store("/one/g", b"x", 0).expect(256);
    plant(&site, "other/theirs", &"x".repeat(60_000));
    mount(&site, &one.replace("dir = pool", "dir = other"));
    ann.store("/one/g", &full, 0)
        .expect(270)
        .says("39.1 KiB (40000 bytes) left of 97.7 KiB (100000 bytes)");
    ann.store("/one/g", &full[..40_000], 0).expect(900);
    // The directory itself under another name, with an unfinished upload in it.
    mount(&site, &one.replace("100000", "1M"));
    ann.put("/one/part", 3 * CHUNK, 0).expect(802);
    ann.chunk(0, &bytes(2, CHUNK)).expect(900);
    ann.drop_part(true).expect(200);
    fs::rename(site.home().join("pool"), site.home().join("renamed")).unwrap();
    let renamed = one.replace("dir = pool", "dir = renamed").replace("100000", "165536");
    mount(&site, &renamed);
    let taken = "0 bytes left of 161.7 KiB (165536 bytes)";
    ann.store("/one/g", b"x", 0).expect(270).says(taken);
    assert_eq!(ann.parts(), [("/one/part".to_owned(), CHUNK as u64)]);
    daemon.restart();
    let mut ann = daemon.login("ann");
    ann.store("/one/g", b"x", 0).expect(270).says(taken);
    assert_eq!(ann.parts(), [("/one/part".to_owned(), CHUNK as u64)]);
}

#[test]
fn who_pays_in_a_mount_changes_while_it_is_in_use() {
    let own = section("pool", "pool", "all", ALL, "1M");
    let account = own.replace("size = 1M", "size = account");
    let (site, mut daemon) = start(&own);
    plant(&site, "pool/nobodys", &"x".repeat(1_000));
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.store("/pool/a", &bytes(1, 20_000), 0).expect(900);
    bob.store("/pool/b", &bytes(2, 3_000), 0).expect(900);
    // An upload that runs meanwhile is charged to whoever pays at each moment.
    ann.put("/pool/big", 3 * CHUNK, 0).expect(802);
    ann.chunk(0, &bytes(3, CHUNK)).expect(900);
    let chunk = CHUNK as u64;
    let mut watch = daemon.login("ann");
    for _ in 0..2 {
        mount(&site, &account);
        watch.on("LS", "/").expect(200);
        let usage = watch.quota();
        assert_eq!((usage.used, usage.reserved), (20_000 + chunk, 2 * chunk));
        assert_eq!(used(&mut bob), (3_000, 1));
        mount(&site, &own);
        watch.on("LS", "/").expect(200);
        assert_eq!((watch.quota().used, watch.quota().reserved, used(&mut bob).0), (0, 0, 0));
        watch.on("STAT", "/pool").expect(200).says(&format!("{} bytes used", 24_000 + chunk));
    }
    mount(&site, &account);
    ann.chunk(CHUNK, &bytes(3, CHUNK)).expect(900);
    ann.drop_part(true).expect(200);
    assert_eq!(used(&mut watch), (20_000 + 2 * chunk, 2));
    bob.rm("/pool/a", false).expect(200);
    assert_eq!(used(&mut watch), (2 * chunk, 1));
    daemon.restart();
    assert_eq!(used(&mut daemon.login("ann")), (2 * chunk, 1));
    assert_eq!(used(&mut daemon.login("bob")), (3_000, 1));
}
