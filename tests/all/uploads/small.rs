//! Small files in one request: equal, different, damaged, many in flight.

use std::fs;

use miniftp::digest::Algorithm;
use miniftp::wire;

use crate::harness::{CHUNK, Site, bytes, digests, row, whole};

#[test]
fn an_equal_file_is_left_alone_and_another_is_not_replaced_unasked() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let (content, other) = (bytes(1, 100_000), bytes(2, 100_000));
    ann.store("f", &content, 0).expect(900).says("stored, 100000 bytes");
    let version = ann.on("STAT", "f").entry().version;
    ann.store("f", &content, 0).expect(801).says("equal");
    for different in [&other[..], &content[..99_999], b""] {
        let answer = ann.store("f", different, 0);
        assert_eq!(answer.expect(262).message::<wire::There<'_>>().size, 100_000);
    }
    assert_eq!(ann.on("STAT", "f").entry().version, version, "not touched");
    ann.store("f", &other, 1).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == other);
    // The same by PUT, which only asks and sends nothing.
    let mut put = |size: u64, digest: &[u8], flags: u8| {
        let answer =
            ann.request("PUT", &wire::Put::new("f", size, 0, 0, wire::NO_MODE, flags, digest));
        if answer.code == 802 {
            ann.drop_part(false).expect(200);
        }
        answer
    };
    put(100_000, &whole(&other), 0).expect(801);
    put(100_000, &whole(&other), 1).expect(801);
    put(100_000, &whole(&content), 0).expect(262);
    put(99_999, &whole(&other), 0).expect(262);
    put(100_000, b"not a digest", 0).expect(262);
    let answer = put(100_000, &[], 0);
    assert_eq!(answer.expect(262).message::<wire::There<'_>>().size, 100_000);
    put(100_000, &whole(&content), 1).expect(802);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == other);
}

#[test]
fn damage_is_found_before_anything_is_stored() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(3, 3 * CHUNK + 9);
    let mut hurt = content.clone();
    hurt[2 * CHUNK] ^= 1;
    hurt[3 * CHUNK + 8] ^= 1;
    let (digest, rows) = (whole(&content), row(&content));
    let store = wire::Store::new("f", 0, 0, wire::NO_MODE, 0, &digest, &rows);
    let answer = ann.request_with_data("STORE", &store, &hurt);
    assert_eq!(answer.expect(901).message::<wire::Bad<'_>>().bad, 1 << 2 | 1 << 3);
    let lie = wire::Store::new("f", 0, 0, wire::NO_MODE, 0, &digest[1..], &rows);
    ann.request_with_data("STORE", &lie, &content).expect(901).says("nothing was stored");
    let few = wire::Store::new("f", 0, 0, wire::NO_MODE, 0, &digest, &rows[16..]);
    ann.request_with_data("STORE", &few, &content).expect(252);
    let late = wire::Store::new("f", 0, 1_000_000_000, wire::NO_MODE, 0, &digest, &rows);
    ann.request_with_data("STORE", &late, &content).expect(252);
    assert!(!site.stored("ann", "f").exists());
    assert_eq!((ann.quota().used, ann.quota().reserved), (0, 0));
    ann.request_with_data("STORE", &store, &content).expect(900);
    assert!(ann.fetch("f") == content);
}

#[test]
fn three_hundred_in_flight_are_answered_in_order_and_are_on_the_disk() {
    let site = Site::new();
    site.setting("storage", "durability", "full").account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("there", b"and different", 0).expect(900);
    let content = |i: usize| bytes(i as u64, 40 + i);
    let send = |ann: &mut crate::harness::Frames, name: &str, content: &[u8]| {
        let (rows, digest) = digests(Algorithm::Md5, content);
        let store =
            wire::Store::new(name, 1_700_000_000, 0, wire::NO_MODE, 0, digest.as_bytes(), &rows);
        ann.send_with_data("STORE", &store, content);
    };
    for i in 0..300 {
        let name = if i == 123 { "there".to_owned() } else { format!("{i}") };
        send(&mut ann, &name, &content(i));
    }
    for i in 0..300 {
        let answer = ann.read_answer();
        match i {
            123 => answer.expect(262),
            _ => answer.expect(900).says(&format!("stored, {} bytes", 40 + i)),
        };
    }
    for i in (0..300).filter(|i| *i != 123) {
        assert_eq!(fs::read(site.stored("ann", &format!("{i}"))).unwrap(), content(i));
    }
    assert_eq!(fs::read(site.stored("ann", "there")).unwrap(), b"and different");
}

#[test]
fn one_path_twice_in_flight_is_as_one_after_the_other() {
    let site = Site::new();
    site.account("ann", "100");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let rows: [(&str, &[u8], u8, u16); 6] = [
        ("f", &[1; 40], 0, 900),
        ("f", &[1; 40], 0, 801),
        ("f", &[2; 40], 0, 262),
        ("f", &[2; 40], 1, 900),
        // There is room for this one only once the second has replaced the first.
        ("g", &[3; 60], 0, 900),
        ("h", &[4; 1], 0, 270),
    ];
    for (name, content, flags, _) in rows {
        let (digest, each) = (whole(content), row(content));
        let store = wire::Store::new(name, 0, 0, wire::NO_MODE, flags, &digest, &each);
        ann.send_with_data("STORE", &store, content);
    }
    for (i, (.., code)) in rows.into_iter().enumerate() {
        let answer = ann.read_answer();
        assert_eq!(answer.code, code, "row {i}: {}", answer.text);
    }
    assert_eq!(ann.fetch("f"), [2; 40]);
    assert_eq!(ann.quota().used, 100);
}

#[test]
fn without_durability_the_answers_are_the_same() {
    let site = Site::new();
    site.setting("storage", "durability", "none").account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(4, 5 * CHUNK + 1);
    ann.store("f", &content, 0).expect(900);
    ann.store("f", &content, 0).expect(801);
    ann.store("f", b"other", 0).expect(262);
    ann.upload("f", b"other", 1).expect(900);
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"other");
    assert_eq!(ann.quota().used, 5);
}

#[test]
fn both_digests_carry_files_in_and_out() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let content = bytes(5, 18 * CHUNK + 7);
    for algorithm in Algorithm::ALL {
        let mut ann = daemon.login("ann");
        let answer = ann.request("USE", &wire::Use::new(algorithm.name(), 1, 1));
        assert_eq!(answer.expect(200).message::<wire::Using<'_>>().digest, algorithm.name());
        let (rows, digest) = digests(algorithm, &content);
        let each = algorithm.len();
        let path = algorithm.name();
        let put =
            wire::Put::new(path, content.len() as u64, 1, 2, wire::NO_MODE, 0, digest.as_bytes());
        ann.request("PUT", &put).expect(802);
        for (i, data) in content.chunks(16 * CHUNK).enumerate() {
            let row = &rows[i * 16 * each..rows.len().min((i + 1) * 16 * each)];
            let chunk = wire::Chunk::new((i * 16 * CHUNK) as u64, row);
            ann.request_with_data("CHUNK", &chunk, data).expect(900);
        }
        ann.request("USE", &wire::Use::new("auto", 1, 1)).expect(269);
        ann.request("DONE", &wire::Done::new(digest.as_bytes())).expect(900);
        ann.request("PUT", &put).expect(801);
        let answer = ann.get(path);
        let got: wire::Got<'_> = answer.expect(257).message();
        assert_eq!(got.digest, digest.as_bytes());
        assert_eq!((got.mtime_secs, got.mtime_nanos), (1, 2));
        let (mut told, mut data) = (Vec::new(), Vec::new());
        for part in &answer.parts {
            assert_eq!(part.fields[..8], (data.len() as u64).to_be_bytes());
            told.extend_from_slice(&part.fields[8..]);
            data.extend_from_slice(&part.data);
        }
        assert!(told == rows && data == content, "{path}");
    }
}
