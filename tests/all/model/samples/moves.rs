//! Moves that carried what nobody had inspected, and replacements that showed something in between.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use miniftp::wire;

use super::{ALL, bytes_in, mount, owner_of, section};
use crate::harness::{Frames, Raise, Site, bytes};

/// Requests in flight at one time.
const IN_FLIGHT: usize = 10;

/// Moves `/small` into the mount while other connections put larger files in its place.
fn move_while_replaced(site: &Site, size: &str) -> std::path::PathBuf {
    site.account("ann", "40M");
    mount(site, &section("pool", "pool", ALL, size));
    let daemon = site.start();
    let (small, large) = (bytes(1, 1_000), bytes(2, 200_000));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Raise(&over);
        for other in 0..2 {
            let (mut ann, large, over) = (daemon.login("ann"), &large, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    for number in 0..IN_FLIGHT {
                        let name = format!("large-{other}-{number}");
                        send(&mut ann, large, (&name, "small"));
                    }
                    (0..2 * IN_FLIGHT).for_each(|_| drop(ann.read_answer()));
                }
            });
        }
        let mut ann = daemon.login("ann");
        for _ in 0..150 {
            for number in 0..IN_FLIGHT {
                send(&mut ann, &small, ("small", &format!("/pool/{number}")));
            }
            (0..2 * IN_FLIGHT).for_each(|_| drop(ann.read_answer()));
        }
    });
    site.home().join("pool")
}

/// Sends a `STORE` and a `MV` of it, and waits for neither.
fn send(ann: &mut Frames, content: &[u8], (from, to): (&str, &str)) {
    let (row, whole) = (crate::harness::row(content), crate::harness::whole(content));
    ann.send_with_data(
        "STORE",
        &wire::Store::new(from, 0, 0, wire::NO_MODE, 1, &whole, &row),
        content,
    );
    ann.send("MV", &wire::Move::new(from, to, 1));
}

/// With two connections a 2 MiB mount held 7.2 MB after two seconds.
#[test]
fn what_a_move_carries_is_what_was_charged() {
    let site = Site::new();
    let pool = move_while_replaced(&site, "1M");
    let held = bytes_in(&pool);
    assert!(held <= 1024 * 1024, "{held} bytes in a mount of 1 MiB");
}

/// Files arrived in a mount whose writers pay without saying whose they are.
#[test]
fn what_a_move_carries_says_whose_it_is() {
    let site = Site::new();
    let pool = move_while_replaced(&site, "account");
    for entry in std::fs::read_dir(pool).unwrap().flatten() {
        assert_eq!(owner_of(&entry.path()).as_deref(), Some("ann"), "{:?}", entry.path());
    }
}

/// Between two steps of a replacement the source's name led to the old content of the target.
#[test]
fn readers_of_a_source_never_find_the_old_content_of_the_target() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let over = AtomicBool::new(false);
    let put = |frames: &mut Frames, name: &str, byte: u8| {
        frames.store(name, &[byte; 20_000], 1).expect(900);
    };
    thread::scope(|scope| {
        let _over = Raise(&over);
        let (mut writer, over) = (daemon.login("ann"), &over);
        scope.spawn(move || {
            put(&mut writer, "target", b't');
            while !over.load(Ordering::Relaxed) {
                put(&mut writer, "source", b's');
                writer.mv("source", "target", true);
                // What is at the target is never the same as what was at the source.
                writer.rm("target", false);
                put(&mut writer, "target", b't');
            }
        });
        let mut reader = daemon.login("ann");
        for _ in 0..6_000 {
            let answer = reader.get("source");
            let bytes = answer.parts.iter().flat_map(|part| part.data.iter());
            if answer.code == 257 {
                assert!(bytes.into_iter().all(|byte| *byte == b's'), "the target's content");
            }
        }
    });
}

#[test]
fn a_tree_moves_between_mounts_and_is_charged_where_it_goes() {
    let site = Site::new();
    site.account("ann", "10M");
    mount(&site, &section("pool", "pool", ALL, "400000"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("d/e", true).expect(200);
    ann.store("d/f", &bytes(1, 100_000), 0).expect(900);
    ann.store("d/e/f", &bytes(2, 200_000), 0).expect(900);
    ann.mv("d", "/pool/d", false).expect(200);
    assert_eq!(ann.quota().used, 0);
    ann.store("/pool/x", &bytes(3, 100_001), 0)
        .expect(270)
        .says("97.7 KiB (100000 bytes) left of 390.6 KiB (400000 bytes)");
    ann.mv("/pool/d", "back", false).expect(200);
    assert_eq!(ann.quota().used, 300_000);
    assert_eq!(ann.fetch("back/e/f"), bytes(2, 200_000));
    ann.store("large", &bytes(4, 500_000), 0).expect(900);
    ann.mkdir("big", false).expect(200);
    ann.mv("large", "big/large", false).expect(200);
    ann.mv("big", "/pool/big", false).expect(270);
    assert_eq!(ann.fetch("big/large"), bytes(4, 500_000), "put back");
}

#[test]
fn a_directory_in_a_mount_needs_the_right_to_modify() {
    let site = Site::new();
    site.account("ann", "10M");
    mount(&site, &section("pool", "pool", "read, write", "400000"));
    let daemon = site.start();
    daemon.login("ann").mkdir("/pool/d", false).expect(261);
    daemon.ftp("ann").ask("MKD /pool/d").expect(550);
    mount(&site, &section("pool", "pool", ALL, "400000"));
    daemon.login("ann").mkdir("/pool/d", false).expect(200);
}
