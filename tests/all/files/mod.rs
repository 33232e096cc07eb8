//! Folders and files by their names, through raw frames: what is answered and what is on the disk.

mod copies;
mod listing;
mod names;
mod refusals;
mod trees;

use std::fs;
use std::os::unix::fs::MetadataExt;

use miniftp::wire;

use crate::harness::{Frames, Site, bytes};

#[test]
fn folders_are_made_entered_left_and_removed() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    assert_eq!(ann.pwd(), "/");
    ann.mkdir("docs", false).expect(200).says("made");
    ann.mkdir("docs", false).expect(262).says("`/docs` exists already");
    ann.mkdir("a/b/c", false).expect(256);
    ann.mkdir("a/b/c", true).expect(200);
    ann.mkdir("a/b/c", true).expect(200);
    assert!(site.stored("ann", "a/b/c").is_dir());
    let here = ann.on("CD", "a/b");
    assert_eq!(here.expect(200).says("you are in /a/b").message::<wire::Here<'_>>().path, "/a/b");
    ann.mkdir("made-from-here", false).expect(200);
    assert!(site.stored("ann", "a/b/made-from-here").is_dir());
    ann.on("CD", "..").expect(200);
    assert_eq!(ann.pwd(), "/a");
    ann.on("RMDIR", "b").expect(265).says("the folder `/a/b` is not empty");
    ann.on("RMDIR", "b/c").expect(200).says("removed");
    ann.on("RMDIR", "/a/b/made-from-here/").expect(200);
    ann.on("RMDIR", "b").expect(200);
    // Out of a folder that is gone there is a way.
    ann.mkdir("gone", false).expect(200);
    ann.on("CD", "gone").expect(200);
    ann.on("RMDIR", "/a/gone").expect(200);
    ann.on("LS", "").expect(256);
    ann.on("CD", "..").expect(200);
    assert_eq!(ann.on("LS", "").names(), [""; 0]);
}

#[test]
fn above_the_root_there_is_nothing_and_the_place_stays() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("a/b", true).expect(200);
    for (from, to, stays) in [
        ("/", "..", "/"),
        ("/", "../..", "/"),
        ("/a", "../..", "/a"),
        ("/a/b", "../../../a", "/a/b"),
        ("/a/b", "/..", "/a/b"),
        ("/a", "b/../../..", "/a"),
    ] {
        ann.on("CD", from).expect(200);
        ann.on("CD", to).expect(261).says("permission denied");
        assert_eq!(ann.pwd(), stays, "{from} and then {to}");
    }
    for (from, to, arrives) in
        [("/a/b", "../..", "/"), ("/a", "./b//.", "/a/b"), ("/a/b", "", "/a/b"), ("/a", "/", "/")]
    {
        ann.on("CD", from).expect(200);
        ann.on("CD", to).expect(200);
        assert_eq!(ann.pwd(), arrives, "{from} and then {to}");
    }
}

#[test]
fn a_file_is_told_removed_and_moved() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("sub", false).expect(200);
    ann.store("one", b"first", 0).expect(900).says("stored, 5 bytes");
    ann.store("two", b"the second", 0).expect(900);
    let one = ann.on("STAT", "one").entry();
    assert_eq!((one.kind, one.odd, one.size, one.mtime), ('f', false, 5, (1_700_000_000, 5)));
    assert_eq!(one.name, "one");
    assert_ne!(one.version, 0);
    let again = ann.on("STAT", "/one").entry();
    assert_eq!(one, again, "nothing changed");
    assert_eq!(ann.on("STAT", "sub").entry().kind, 'd');
    assert_eq!(ann.on("STAT", "/").entry().name, "/");

    ann.mv("one", "two", false).expect(262).says("`/two` exists already");
    assert_eq!(fs::read(site.stored("ann", "two")).unwrap(), b"the second");
    ann.mv("one", "two", true).expect(200).says("moved");
    assert_eq!(ann.fetch("two"), b"first");
    assert_eq!(ann.quota().used, 5, "what was replaced is free");
    ann.on("STAT", "one").expect(256);
    ann.mv("two", "sub/three", false).expect(200);
    ann.mv("sub", "folder", false).expect(200);
    assert_eq!(ann.fetch("folder/three"), b"first");
    ann.mv("folder/three", "folder/three", true).expect(200);
    assert_eq!(ann.fetch("folder/three"), b"first", "moved onto itself");
    ann.rm("folder/three", false).expect(200).says("removed");
    assert!(!site.stored("ann", "folder/three").exists());
    assert_eq!(ann.quota().used, 0);
}

#[test]
fn the_version_changes_when_the_file_does() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", b"first", 0).expect(900);
    let first = ann.on("STAT", "f").entry().version;
    ann.store("f", b"other", 1).expect(900);
    let second = ann.on("STAT", "f").entry().version;
    assert_ne!(first, second, "same size, same time, another file");
    ann.request("GET", &wire::Get::new("f", 0, u64::MAX, first)).expect(273);
    ann.request("GET", &wire::Get::new("f", 0, u64::MAX, second)).expect(257);
    ann.request("SUMS", &wire::SumsOf::new("f", 0, 9, first)).expect(273);
    // Somebody on the host changes it in its place.
    fs::write(site.stored("ann", "f"), b"third").unwrap();
    ann.request("GET", &wire::Get::new("f", 0, u64::MAX, second)).expect(273);
}

#[test]
fn hashes_are_the_ones_that_other_programs_print() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("abc", b"abc", 0).expect(900);
    for (digest, hex) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ] {
        let answer = ann.request("HASH", &wire::Hash::new("abc", digest));
        let said: wire::Hashed<'_> = answer.expect(258).message();
        assert_eq!((&*said.hex, said.size), (hex, 3));
    }
    ann.request("HASH", &wire::Hash::new("abc", "sha1")).expect(252).says("md5, sha256, blake3");
    let content = bytes(1, 3 << 20);
    ann.upload("large", &content, 0).expect(900);
    let answer = ann.request("HASH", &wire::Hash::new("large", "blake3"));
    let said: wire::Hashed<'_> = answer.expect(258).message();
    assert_eq!(said.hex, blake3::hash(&content).to_hex().as_str());
}

#[test]
fn the_quota_is_told_in_numbers_and_in_words() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "unlimited").account("col", "0");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", &bytes(2, 1536), 0).expect(900);
    let answer = ann.request("QUOTA", &wire::Nothing::new());
    answer.expect(200).says("1.5 KiB used of 10.0 MiB");
    let usage = ann.quota();
    assert_eq!((usage.used, usage.reserved, usage.limit), (1536, 0, Some(10 << 20)));
    let mut bob = daemon.login("bob");
    let answer = bob.request("QUOTA", &wire::Nothing::new());
    answer.expect(200).says("0 B used, no limit");
    assert_eq!(bob.quota().limit, None);
    let mut col = daemon.login("col");
    assert_eq!(col.quota().limit, Some(0), "nothing at all is no lack of a limit");
    col.store("f", b"x", 0).expect(270);
    col.store("empty", b"", 0).expect(900);
}

/// Whoever has compared a file says which version it was, so that no other one gets its time.
#[test]
fn a_time_is_set_for_the_version_that_is_meant() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let set = |ann: &mut Frames, secs, version| {
        ann.request("TOUCH", &wire::Touch::new("f", 0, secs, 7, version))
    };
    let version = |ann: &mut Frames| ann.on("STAT", "f").message::<wire::Entry<'_>>().version;
    let secs = || fs::metadata(site.stored("ann", "f")).unwrap().mtime();
    ann.store("f", b"first", 0).expect(900);
    let first = version(&mut ann);
    set(&mut ann, 1_600_000_000, first).expect(200);
    assert_eq!(secs(), 1_600_000_000);
    // Its time was set, so it is another version.
    set(&mut ann, 1_600_000_001, first).expect(273).says("`/f` changed while it was in use");
    assert_eq!(secs(), 1_600_000_000);
    let second = version(&mut ann);
    ann.store("f", b"other", 1).expect(900);
    let stored = secs();
    set(&mut ann, 1_600_000_001, second).expect(273);
    assert_eq!(secs(), stored, "another file has its name");
    set(&mut ann, 1_600_000_002, 0).expect(200);
    assert_eq!(secs(), 1_600_000_002);
    let third = version(&mut ann);
    set(&mut ann, 1_600_000_003, third).expect(200);
    assert_eq!(secs(), 1_600_000_003);
    daemon.wait_for_log("time /f refused: `/f` changed while it was in use");
}
