//! Going on with a part: what is right is not sent again, what is wrong is.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use miniftp::wire;

use crate::harness::{CHUNK, Daemon, Site, bytes, part_files, row};

const CHUNKS: usize = 40;

/// Leaves a part of so many bytes of the content for `/f`.
fn leave_part(daemon: &Daemon, content: &[u8], bytes: usize) {
    let mut ann = daemon.login("ann");
    ann.put("f", content.len(), 2).expect(802);
    for (i, data) in content[..bytes].chunks(16 * CHUNK).enumerate() {
        ann.chunk(i * 16 * CHUNK, data).expect(900);
    }
    ann.drop_part(true).expect(200).says("the part stays");
}

fn part_file(site: &Site) -> File {
    let parts = part_files(&site.home(), "ann");
    assert_eq!(parts.len(), 1, "{parts:?}");
    OpenOptions::new().read(true).write(true).open(&parts[0]).unwrap()
}

#[test]
fn held_windows_tell_the_digests_of_what_is_held() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let content = bytes(1, CHUNKS * CHUNK + 77);
    leave_part(&daemon, &content, 30 * CHUNK);
    let own = row(&content);
    let mut ann = daemon.login("ann");
    let answer = ann.put("f", content.len(), 0);
    let held = answer.expect(800).says("not enough").message::<wire::Opened<'_>>().held_bytes;
    assert_eq!(held, 30 * CHUNK as u64);
    ann.request("HELD", &wire::Held::new(0, 0)).expect(252);
    ann.request("HELD", &wire::Held::new(0, 16_385)).expect(252);
    ann.request("HELD", &wire::Held::new(5, 1)).expect(274);
    ann.request("HELD", &wire::Held::new(CHUNK as u64, 1)).expect(274);
    for (first, count, end) in [(0, 7, 7), (7, 7, 14), (14, 16, 30), (30, 5, 30)] {
        let (digests, to) = ann.held(first * CHUNK as u64, count);
        assert_eq!(to, end * CHUNK as u64);
        assert_eq!(digests, own[first as usize * 16..end as usize * 16], "from {first}");
    }
    ann.send_from(&content, 30 * CHUNK);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}

#[test]
fn only_chunks_that_differ_are_sent_again() {
    let content = bytes(2, CHUNKS * CHUNK - 1000);
    // Bytes of the part that are turned on the disk, and the chunks that must be sent therefore.
    let table: [(&str, &[usize], &[usize]); 5] = [
        ("nothing", &[], &[]),
        ("head", &[0], &[0]),
        ("tail", &[35 * CHUNK - 1], &[34]),
        ("middle", &[10 * CHUNK + 5, 10 * CHUNK + 9, 17 * CHUNK], &[10, 17]),
        ("both sides of a window's edge", &[16 * CHUNK - 1, 16 * CHUNK], &[15, 16]),
    ];
    for (what, hurt, differ) in table {
        let site = Site::new();
        site.account("ann", "8M");
        let daemon = site.start();
        leave_part(&daemon, &content, 35 * CHUNK);
        for at in hurt {
            let byte = [content[*at] ^ 0xff];
            part_file(&site).write_all_at(&byte, *at as u64).unwrap();
        }
        let mut ann = daemon.login("ann");
        ann.put("f", content.len(), 0).expect(800);
        let expected: Vec<usize> = differ.iter().copied().chain(35..CHUNKS).collect();
        assert_eq!(ann.go_on(&content, 16), expected, "{what}");
        ann.done(&content).expect(900);
        assert!(fs::read(site.stored("ann", "f")).unwrap() == content, "{what}");
    }
}

#[test]
fn a_part_is_cut_grown_or_complete_as_it_comes() {
    let content = bytes(3, 10 * CHUNK + 50);
    // Bytes of the part on the disk, whatever put them there; bytes of the file; chunks sent.
    let table = [
        (10 * CHUNK + 50, 10 * CHUNK + 50, 0),
        (10 * CHUNK, 4 * CHUNK, 0),
        (10 * CHUNK, 4 * CHUNK + 20, 0),
        (3 * CHUNK + 1, 5 * CHUNK, 2),
        (CHUNK, 0, 0),
        (100, 10 * CHUNK + 50, 11),
    ];
    for (held, size, sent) in table {
        let site = Site::new();
        site.account("ann", "8M");
        let daemon = site.start();
        leave_part(&daemon, &content, held - held % CHUNK);
        let part = part_file(&site);
        part.set_len(held as u64).unwrap();
        part.write_all_at(&content[..held], 0).unwrap();
        // Sizes that changed by another hand are seen when nobody is there and a server starts.
        drop(daemon);
        let daemon = site.start();
        let mut ann = daemon.login("ann");
        assert_eq!(ann.quota().used, held as u64);
        let content = &content[..size];
        let answer = ann.put("f", size, 0);
        let now = held.min(size) as u64;
        answer.expect(if now == 0 { 802 } else { 800 });
        assert_eq!(answer.message::<wire::Opened<'_>>().held_bytes, now);
        assert_eq!(ann.quota().used, now, "what was cut off is free");
        assert_eq!(ann.go_on(content, 4).len(), sent, "{held} held of {size}");
        ann.done(content).expect(900);
        assert!(fs::read(site.stored("ann", "f")).unwrap() == content, "{held} of {size}");
        assert_eq!(ann.quota().used, size as u64);
    }
}

#[test]
fn a_part_can_be_begun_anew_dropped_and_forgotten() {
    let site = Site::new();
    site.account("ann", "8M").account("bob", "8M");
    let daemon = site.start();
    let content = bytes(4, 5 * CHUNK);
    leave_part(&daemon, &content, 3 * CHUNK);
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    assert_eq!(ann.parts(), [("/f".to_owned(), 3 * CHUNK as u64)]);
    assert_eq!(bob.parts(), [], "parts are their owner's");
    bob.on("FORGET", "f").expect(256);
    bob.put("f", content.len(), 0).expect(802);
    bob.drop_part(false).expect(200);
    ann.put("f", content.len(), 2).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    ann.on("FORGET", "f").expect(269);
    ann.drop_part(false).expect(200).says("removed");
    assert_eq!(ann.parts(), []);
    leave_part(&daemon, &content, CHUNK);
    ann.on("FORGET", "/f").expect(200).says("forgotten");
    ann.on("FORGET", "/f").expect(256);
    assert_eq!((ann.parts(), ann.quota().used), (vec![], 0));
}

#[test]
fn a_part_found_by_its_path_belongs_to_that_path_alone() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let content = bytes(5, 3 * CHUNK);
    let mut ann = daemon.login("ann");
    ann.mkdir("d", false).expect(200);
    ann.on("CD", "d").expect(200);
    ann.put("f", content.len(), 0).expect(802);
    ann.chunk(0, &content[..2 * CHUNK]).expect(900);
    ann.drop_part(true).expect(200);
    ann.put("/f", content.len(), 0).expect(802);
    ann.drop_part(false).expect(200);
    ann.put("/d/../d/./f", content.len(), 0).expect(800);
    assert_eq!(ann.go_on(&content, 16), [2]);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "d/f")).unwrap() == content);
}
