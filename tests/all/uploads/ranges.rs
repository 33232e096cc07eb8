//! A file of which several sessions of one account send ranges.

use std::fs;

use miniftp::wire;

use crate::harness::{CHUNK, Frames, Site, bytes, row};

const MIB: usize = 1 << 20;

/// Opens an upload, lets others join, and gives the token.
#[track_caller]
fn split(frames: &mut Frames, path: &str, size: usize) -> u64 {
    frames.put(path, size, 0).expect(802);
    frames.request("SPLIT", &wire::Nothing::new()).expect(200).message::<wire::Split>().token
}

#[track_caller]
fn join(frames: &mut Frames, token: u64) -> u16 {
    frames.request("JOIN", &wire::Join::new(token)).code
}

#[test]
fn two_sessions_write_one_file_in_any_order() {
    let site = Site::new();
    site.account("ann", "8M");
    let daemon = site.start();
    let (mut ann, mut other) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(5, 4 * MIB + 77);
    let token = split(&mut ann, "f", content.len());
    assert_eq!(join(&mut other, token), 200);
    // From the end to the beginning, the short last chunk first, and a damaged one in between.
    other.chunk(4 * MIB, &content[4 * MIB..]).expect(900);
    ann.chunk(2 * MIB, &content[2 * MIB..3 * MIB]).expect(900);
    let digests = row(&content[3 * MIB..4 * MIB]);
    let mut hurt = content[3 * MIB..4 * MIB].to_vec();
    hurt[5 * CHUNK] ^= 1;
    let message = wire::Chunk::new(3 * MIB as u64, &digests);
    let answer = other.request_with_data("CHUNK", &message, &hurt);
    assert_eq!(answer.expect(901).message::<wire::Bad>().bad, 1 << 5);
    // Twice, as after a connection that broke before it had its answer.
    for _ in 0..2 {
        other.chunk(0, &content[..MIB]).expect(900);
    }
    // As long as something is missing it is not stored, and it can be sent.
    let at = 3 * MIB + 5 * CHUNK;
    other.chunk(at, &content[at..at + CHUNK]).expect(900);
    ann.chunk(MIB, &content[MIB..2 * MIB]).expect(900);
    let quota = ann.quota();
    assert_eq!((quota.used, quota.reserved), (content.len() as u64, 0));
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
    // It is one upload in the log, of all that has travelled.
    daemon.wait_for_log("put /f 4194381 bytes");
    // Whoever joined has nothing to write any more, and is free for something else.
    other.chunk(0, &content[..MIB]).expect(269).says("the upload is over");
    other.drop_part(false).expect(200);
    other.upload("g", &content[..MIB], 0).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
    assert_eq!(ann.quota().used, content.len() as u64 + MIB as u64);
}

/// A token is worth something to the account only, as long as the upload is open, and whoever
/// joined can neither store the file nor drop it.
#[test]
fn only_the_account_may_join_and_only_the_first_session_ends_it() {
    let site = Site::new();
    site.account("ann", "8M");
    site.account("bob", "8M");
    let daemon = site.start();
    let (mut ann, mut other, mut bob) =
        (daemon.login("ann"), daemon.login("ann"), daemon.login("bob"));
    let content = bytes(6, 2 * MIB);
    ann.request("SPLIT", &wire::Nothing::new()).expect(269).says("PUT comes first");
    let token = split(&mut ann, "f", content.len());
    let again = ann.request("SPLIT", &wire::Nothing::new());
    assert_eq!(again.expect(200).message::<wire::Split>().token, token);
    assert_eq!(join(&mut bob, token), 269);
    assert_eq!(join(&mut other, token ^ 1), 269);
    assert_eq!(join(&mut ann, token), 269, "it has one open");
    assert_eq!(join(&mut other, token), 200);
    other.put("g", 5, 0).expect(269);
    other.request("SPLIT", &wire::Nothing::new()).expect(269);
    other.request("HELD", &wire::Held::new(0, 16)).expect(269);
    other.request("EXPECT", &wire::Expect::new(1)).expect(269);
    other.done(&content).expect(269).says("only the session that opened");
    other.send_from(&content, 0);
    other.drop_part(false).expect(200).says("out of it");
    // It comes and goes as it likes.
    assert_eq!(join(&mut other, token), 200);
    drop(other);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
    let mut late = daemon.login("ann");
    assert_eq!(join(&mut late, token), 269);
}

/// What a break leaves has gaps: what lies before the first counts for whoever cannot compare, and
/// whoever can sends the gaps only.
#[test]
fn a_part_with_gaps_goes_on_with_what_is_missing() {
    let site = Site::new();
    site.account("ann", "8M");
    let content = bytes(7, 4 * MIB);
    let mut daemon = site.start();
    for (name, is_killed) in [("ended", false), ("killed", true)] {
        let (mut ann, mut other) = (daemon.login("ann"), daemon.login("ann"));
        let token = split(&mut ann, name, content.len());
        join(&mut other, token);
        ann.chunk(0, &content[..MIB]).expect(900);
        ann.chunk(MIB, &content[MIB..MIB + CHUNK]).expect(900);
        other.chunk(2 * MIB, &content[2 * MIB..3 * MIB]).expect(900);
        if is_killed {
            daemon.restart();
        } else {
            ann.request("BYE", &wire::Nothing::new()).expect(221);
            assert!(ann.read_frame().is_none());
            // The upload has ended with its session.
            other.chunk(MIB, &content[MIB..MIB + CHUNK]).expect(269).says("the upload is over");
        }
        let mut ann = daemon.login("ann");
        assert_eq!(ann.parts(), [(format!("/{name}"), 3 * MIB as u64)]);
        let sound = (MIB + CHUNK).to_string();
        daemon.ftp("ann").ask(&format!("SIZE {name}")).expect(213).says(&sound);
        ann.put(name, content.len(), 0).expect(800);
        let sent = ann.go_on(&content, 1024);
        let missing: Vec<usize> = (17..32).chain(48..64).collect();
        assert_eq!(sent, missing, "{name}");
        ann.done(&content).expect(900);
        assert!(fs::read(site.stored("ann", name)).unwrap() == content, "{name}");
        ann.request("RM", &wire::Switched::new(name, 0)).expect(200);
        assert_eq!(ann.quota().used, 0);
    }
}

/// What waits behind a gap is bounded, as behind a damaged chunk.
#[test]
fn ranges_reach_no_further_than_the_server_keeps_digests() {
    let site = Site::new();
    site.account("ann", "unlimited");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let chunk = bytes(8, CHUNK);
    let size = 3 << 30;
    split(&mut ann, "f", size);
    ann.chunk((1 << 30) - CHUNK, &chunk).expect(900);
    ann.chunk(1 << 30, &chunk).expect(276);
    ann.drop_part(false).expect(200);
}
