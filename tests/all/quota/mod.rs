//! The limit is the limit: at every moment, for any number of sessions, and counted once.

mod books;
mod entries;
mod kept;
mod race;

use std::path::PathBuf;

use crate::harness::{CHUNK, Site, bytes, part_files, stored_bytes};

#[test]
fn what_would_pass_the_limit_is_refused_in_numbers_before_any_byte() {
    let site = Site::new();
    site.account("ann", "100000");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(1, 100_001);
    let text = "over quota: needs 97.7 KiB (100001 bytes), 97.7 KiB (100000 bytes) left of \
        97.7 KiB (100000 bytes)";
    assert_eq!(ann.store("f", &content, 0).expect(270).text, text);
    assert_eq!(ann.put("f", 100_001, 0).expect(270).text, text);
    assert_eq!(ann.put("f", usize::MAX >> 1, 0).expect(270).text.split(',').count(), 2);
    assert_eq!(ann.parts(), []);
    assert_eq!(part_files(&site.home(), "ann"), Vec::<PathBuf>::new());
    assert_eq!(stored_bytes(&site.home(), "ann"), 0);
    ann.store("a", &content[..40_000], 0).expect(900);
    let text = "over quota: needs 58.6 KiB (60001 bytes), 58.6 KiB (60000 bytes) left of \
        97.7 KiB (100000 bytes)";
    assert_eq!(ann.store("b", &content[..60_001], 0).expect(270).text, text);
    ann.upload("b", &content[..60_000], 0).expect(900);
    assert_eq!(
        ann.store("c", b"x", 0).expect(270).text.split(',').next_back(),
        Some(" 0 bytes left of 97.7 KiB (100000 bytes)")
    );
    ann.store("empty", b"", 0).expect(900);
    let usage = ann.quota();
    assert_eq!((usage.used, usage.reserved), (100_000, 0));
}

#[test]
fn a_replacement_needs_room_for_both_and_says_so() {
    let site = Site::new();
    site.account("ann", "100");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", &[1; 60], 0).expect(900);
    let text = "over quota: needs 50 bytes, 40 bytes left of 100 bytes \
                (the old file keeps its room until the new one is whole)";
    assert_eq!(ann.store("f", &[2; 50], 1).expect(270).text, text);
    assert_eq!(ann.put("f", 50, 1).expect(270).text, text);
    assert_eq!(ann.fetch("f"), [1; 60]);
    ann.store("f", &[2; 40], 1).expect(900);
    assert_eq!(ann.quota().used, 40, "the old one's room is free");
    ann.upload("f", &[3; 60], 1).expect(900);
    assert_eq!(ann.quota().used, 60);
    ann.mv("f", "g", true).expect(200);
    ann.store("f", &[4; 40], 0).expect(900);
    ann.mv("f", "g", true).expect(200);
    assert_eq!(ann.quota().used, 40, "what a move replaces is free too");
    ann.rm("g", false).expect(200);
    assert_eq!(ann.quota().used, 0);
}

#[test]
fn parts_count_and_give_their_room_back() {
    let site = Site::new();
    site.account("ann", "300K");
    let daemon = site.start();
    let content = bytes(2, 3 * CHUNK);
    let (one, all) = (CHUNK as u64, content.len() as u64);
    let mut watch = daemon.login("ann");
    let mut leave = |keep: Option<bool>| {
        let mut ann = daemon.login("ann");
        ann.put("f", content.len(), 2).expect(802);
        let open = ann.quota();
        assert_eq!((open.used, open.reserved), (0, all), "promised");
        ann.chunk(0, &content[..CHUNK]).expect(900);
        let begun = ann.quota();
        assert_eq!((begun.used, begun.reserved), (one, all - one), "spent as it comes");
        ann.store("no room", &bytes(3, 120_000), 0).expect(270);
        match keep {
            Some(keep) => drop(ann.drop_part(keep).expect(200)),
            // It says goodbye, so that it is known when the server has noticed.
            None => {
                ann.request("BYE", &miniftp::wire::Nothing::new()).expect(221);
                assert!(ann.read_frame().is_none());
            }
        }
        let left = watch.quota();
        (left.used, left.reserved)
    };
    assert_eq!(leave(Some(false)), (0, 0));
    assert_eq!(leave(Some(true)), (one, 0));
    // The next one begins anew: the old part's room is not lost.
    assert_eq!(leave(None), (one, 0));
    watch.on("FORGET", "f").expect(200);
    assert_eq!(watch.quota().used, 0);
    assert_eq!(stored_bytes(&site.home(), "ann"), 0);
}

#[test]
fn trees_give_back_what_they_held() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("a/b/c", true).expect(200);
    for (path, size) in [("a/1", 1000), ("a/b/2", 2000), ("a/b/c/3", 4000), ("4", 8000)] {
        ann.store(path, &bytes(4, size), 0).expect(900);
    }
    assert_eq!(ann.quota().used, 15_000);
    ann.mv("a/b", "moved", false).expect(200);
    assert_eq!(ann.quota().used, 15_000);
    ann.rm("moved", true).expect(200);
    assert_eq!(ann.quota().used, 9000);
    ann.rm("a", true).expect(200);
    ann.rm("4", true).expect(200);
    assert_eq!(ann.quota().used, 0);
}
