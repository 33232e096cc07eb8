//! Files on their way in: stored byte for byte or not at all, and going on where they were.

mod holders;
mod ranges;
mod readers;
mod resume;
mod small;

use std::fs;
use std::os::unix::fs::MetadataExt;

use miniftp::wire;

use crate::harness::{CHUNK, Site, bytes, part_files, row, whole};

const MIB: usize = 1 << 20;

#[test]
fn every_size_is_stored_byte_for_byte_with_its_time() {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5];
    for (seed, size) in sizes.into_iter().enumerate() {
        let content = bytes(seed as u64, size);
        let name = format!("file of {size}");
        ann.upload(&name, &content, 0).expect(900).says("stored");
        let on_disk = site.stored("ann", &name);
        assert!(fs::read(&on_disk).unwrap() == content, "{name}");
        let meta = fs::metadata(&on_disk).unwrap();
        assert_eq!((meta.mtime(), meta.mtime_nsec()), (1_600_000_000, 7), "{name}");
        assert_eq!(meta.mode() & 0o777, 0o644);
        assert!(ann.fetch(&name) == content, "{name} comes back");
    }
    assert_eq!(part_files(&site.home(), "ann"), [""; 0].map(std::path::PathBuf::from));
    let sum: usize = sizes.iter().sum();
    assert_eq!((ann.quota().used, ann.quota().reserved), (sum as u64, 0));
}

#[test]
fn a_damaged_chunk_is_named_the_others_count_and_it_can_be_sent_again() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(1, 2 * MIB + 100);
    ann.put("f", content.len(), 0).expect(802);
    let mut hurt = content[..MIB].to_vec();
    hurt[3 * CHUNK] ^= 1;
    hurt[8 * CHUNK - 1] ^= 0x80;
    let digests = row(&content[..MIB]);
    let answer = ann.request_with_data("CHUNK", &wire::Chunk::new(0, &digests), &hurt);
    answer.expect(901).says("2 chunks damaged on the way");
    assert_eq!(answer.message::<wire::Bad<'_>>().bad, 1 << 3 | 1 << 7);
    // The others go on meanwhile, the last short one damaged too.
    ann.chunk(MIB, &content[MIB..2 * MIB]).expect(900);
    let tail = row(&content[2 * MIB..]);
    let answer =
        ann.request_with_data("CHUNK", &wire::Chunk::new(2 * MIB as u64, &tail), &[0; 100]);
    assert_eq!(answer.expect(901).message::<wire::Bad<'_>>().bad, 1);
    for number in [7, 3] {
        let at = number * CHUNK;
        ann.chunk(at, &content[at..at + CHUNK]).expect(900);
    }
    ann.chunk(2 * MIB, &content[2 * MIB..]).expect(900);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}

#[test]
fn a_whole_that_differs_is_not_stored_and_its_part_stays() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(2, 3 * CHUNK);
    // Chunks that never came again after damage, chunks that lack, and another digest.
    let spoil: [(&str, usize, &[u8]); 3] =
        [("hurt", 3, b"other"), ("short", 2, &content), ("lie", 3, b"x")];
    for (name, chunks, said) in spoil {
        ann.put(name, content.len(), 0).expect(802);
        for number in 0..chunks {
            let at = number * CHUNK;
            ann.chunk(at, &content[at..at + CHUNK]).expect(900);
        }
        ann.done(said).expect(901).says("nothing was stored");
        assert!(!site.stored("ann", name).exists());
        ann.done(&content).expect(269);
        ann.put(name, content.len(), 0).expect(800);
        let sent = ann.go_on(&content, 16);
        assert_eq!(sent.len(), 3 - chunks, "{name}");
        ann.done(&content).expect(900);
        assert!(fs::read(site.stored("ann", name)).unwrap() == content, "{name}");
    }
}

#[test]
fn chunks_that_cannot_be_are_refused_and_the_upload_goes_on() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(3, 4 * CHUNK + 10);
    ann.put("f", content.len(), 0).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    let chunk = &content[..CHUNK];
    let table: [(u64, &[u8], &[u8], u16); 9] = [
        (2 * CHUNK as u64, chunk, &row(chunk), 274),
        (0, chunk, &row(chunk), 274),
        (CHUNK as u64 + 1, chunk, &row(chunk), 274),
        (4 * CHUNK as u64, chunk, &row(chunk), 274),
        (u64::MAX - 65_535, chunk, &row(chunk), 274),
        (CHUNK as u64, &chunk[..100], &row(&chunk[..100]), 252),
        (CHUNK as u64, chunk, &[], 252),
        (CHUNK as u64, &[], &[], 252),
        (CHUNK as u64, chunk, &[row(chunk), row(chunk)].concat(), 252),
    ];
    for (i, (offset, data, digests, code)) in table.into_iter().enumerate() {
        let answer = ann.request_with_data("CHUNK", &wire::Chunk::new(offset, digests), data);
        assert_eq!(answer.code, code, "row {i}: {}", answer.text);
    }
    // Half a digest is no digest.
    let answer = ann.request_with_data("CHUNK", &wire::Chunk::new(CHUNK as u64, &[1; 24]), chunk);
    assert!(matches!(answer.code, 250 | 252), "{}", answer.text);
    ann.put("g", 5, 0).expect(269).says("an upload is open");
    ann.send_from(&content, CHUNK);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}

#[test]
fn without_an_open_upload_there_is_nothing_to_send_close_or_drop() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.chunk(0, b"bytes").expect(269).says("PUT comes first");
    ann.done(b"").expect(269);
    ann.drop_part(true).expect(269);
    ann.request("HELD", &wire::Held::new(0, 1)).expect(269);
    assert_eq!(ann.pwd(), "/");
}

#[test]
fn chunks_behind_a_refused_put_are_answered_in_order_and_the_line_lives() {
    let site = Site::new();
    site.account("ann", "1000");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(4, 8 * CHUNK);
    ann.send("PUT", &wire::Put::new("f", content.len() as u64, 0, 0, wire::NO_MODE, 0, &[]));
    for (i, data) in content.chunks(CHUNK).enumerate() {
        ann.send_chunk(i * CHUNK, data);
    }
    ann.send("DONE", &wire::Done::new(&whole(&content)));
    ann.send("PWD", &wire::Nothing::new());
    ann.read_answer().expect(270);
    for _ in 0..9 {
        ann.read_answer().expect(269);
    }
    ann.read_answer().expect(200).says("you are in /");
    ann.store("small", b"fits", 0).expect(900);
}

#[test]
fn what_appears_at_the_target_meanwhile_is_not_replaced_unasked() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(5, 100);
    for (name, code) in [("folder", 263), ("file", 262)] {
        ann.put(name, 100, u8::from(name == "folder")).expect(802);
        ann.chunk(0, &content).expect(900);
        if name == "folder" {
            fs::create_dir(site.stored("ann", "folder")).unwrap();
        } else {
            fs::write(site.stored("ann", "file"), "by somebody else").unwrap();
        }
        let answer = ann.done(&content);
        assert_eq!(answer.code, code, "{}", answer.text);
    }
    assert_eq!(fs::read(site.stored("ann", "file")).unwrap(), b"by somebody else");
    assert_eq!(ann.parts(), [("/file".to_owned(), 100), ("/folder".to_owned(), 100)]);
    // The part outlived the refusal: asked for, it goes into its place without a byte sent again.
    ann.put("file", 100, 1).expect(800);
    assert_eq!(ann.go_on(&content, 16), [0; 0]);
    ann.done(&content).expect(900);
    assert_eq!(fs::read(site.stored("ann", "file")).unwrap(), content);
}

#[test]
fn a_file_whose_folder_is_taken_away_meanwhile_stays_as_a_part() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("a", false).expect(200);
    ann.put("a/f", 5, 0).expect(802);
    ann.chunk(0, b"bytes").expect(900);
    // Not by this server, which keeps it while somebody writes in it.
    ann.mv("a", "b", false).expect(267);
    ann.rm("a", true).expect(267);
    fs::rename(site.stored("ann", "a"), site.stored("ann", "b")).unwrap();
    ann.done(b"bytes").expect(273);
    assert_eq!(ann.parts(), [("/a/f".to_owned(), 5)]);
    ann.put("b/g", 5, 0).expect(802);
    ann.chunk(0, b"bytes").expect(900);
    fs::remove_dir(site.stored("ann", "b")).unwrap();
    ann.done(b"bytes").expect(273);
    assert_eq!(ann.parts(), [("/a/f".to_owned(), 5), ("/b/g".to_owned(), 5)]);
}
