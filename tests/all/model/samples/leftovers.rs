//! What was left behind: bytes of removed files that are still read, parts of refused uploads, and
//! parts whose directory has gone elsewhere.

use std::fs;
use std::io::Read;

use miniftp::accounts::AccountsEdit;
use miniftp::wire;

use super::{ALL, mount, section};
use crate::harness::{CHUNK, Frames, FtpTalk, Site, bytes, eventually, part_files};

/// Twelve stalled downloads of removed files made an account of 8 MiB occupy 84 MiB.
#[test]
fn a_removed_file_is_charged_until_nobody_reads_it() {
    let site = Site::new();
    site.account("ann", "20M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    // More than the sockets take in of what nobody reads.
    let content = bytes(1, 12_000_000);
    ann.upload("f", &content, 0).expect(900);
    for removed in ["removed", "replaced", "moved over"] {
        let mut talk = FtpTalk::attempt_login(daemon.ftp_addr(), "ann").ok().unwrap();
        let mut data = talk.attempt_begin("RETR f", Some(4096)).ok().unwrap();
        match removed {
            "removed" => drop(ann.rm("f", false).expect(200)),
            "replaced" => drop(ann.store("f", b"small", 1).expect(900)),
            _ => {
                ann.store("small", b"small", 1).expect(900);
                ann.mv("small", "f", true).expect(200);
            }
        }
        ann.put("g", 10_000_000, 2).expect(270);
        let mut all = Vec::new();
        data.read_to_end(&mut all).unwrap();
        assert!(all == content, "{removed}");
        talk.reply().expect(226);
        eventually("the bytes are credited", || ann.quota().used <= 5);
        ann.rm("f", false);
        ann.upload("f", &content, 1).expect(900);
    }
}

/// Takes over an upload of this path as soon as its session is taken to be stuck.
fn take_over(frames: &mut Frames, path: &str, size: usize, flags: u8) -> u16 {
    let mut code = 0;
    eventually("the upload is taken over", || {
        code = frames.put(path, size, flags).code;
        code != 267
    });
    code
}

#[test]
fn a_superseded_upload_is_charged_until_its_session_lets_go() {
    let site = Site::new();
    site.account("ann", "2M");
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(1, 20 * CHUNK);
    old.put("f", content.len(), 2).expect(802);
    old.send_from(&content, 0);
    let code = take_over(&mut new, "f", content.len(), 3);
    assert!(matches!(code, 270 | 802), "{code}");
    if code == 802 {
        new.send_from(&content, 0);
    }
    let deleted = super::super::walk::nameless(daemon.pid());
    let nameless: u64 = deleted.iter().map(|item| item.bytes).sum();
    let parts = part_files(&site.home(), "ann");
    let named: u64 = parts.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(nameless + named <= 2 * 1024 * 1024, "{nameless} without a name and {named} with one");
    old.drop_part(true);
}

#[test]
fn a_superseded_session_does_not_change_what_is_known_of_the_part() {
    let site = Site::new();
    site.account("ann", "2M");
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(1, 3 * CHUNK);
    old.put("f", content.len(), 2).expect(802);
    old.chunk(0, &content[..CHUNK]).expect(900);
    assert_eq!(take_over(&mut new, "f", content.len(), 0), 800);
    new.chunk(CHUNK, &content[CHUNK..2 * CHUNK]);
    old.request("DONE", &wire::Done::new(&[0; 16])).expect(268);
    new.drop_part(true).expect(200);
    daemon.ftp("ann").ask("SIZE f").expect(213);
}

/// 16 refused uploads used up the rest of an account.
#[test]
fn a_refused_upload_leaves_nothing_and_is_refused_sooner_the_next_time() {
    let site = Site::new();
    site.account("ann", "1000000");
    let daemon = site.start();
    let mut talk = daemon.ftp("ann");
    talk.store("there", &bytes(1, 600_000)).expect(226);
    for number in 0..16 {
        talk.store(&format!("large-{number}"), &bytes(2, 500_000)).expect(552);
    }
    assert_eq!(talk.used_bytes(), 600_000);
    assert_eq!(part_files(&site.home(), "ann").len(), 0);
    let _data = talk.data();
    talk.ask("STOR large-3").expect(552);
    talk.ask("ALLO 1000").expect(200);
    talk.store("large-3", &bytes(3, 1_000)).expect(226);
    for number in 0..20 {
        talk.store(&format!("small-{number}"), &bytes(4, 19_000)).expect(226);
    }
}

/// ABOR is answered itself, whatever became of the upload.
#[test]
fn an_abort_has_two_replies_even_if_what_came_cannot_be_kept() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut talk = daemon.ftp("ann");
    let mut data = talk.begin("STOR f");
    std::io::Write::write_all(&mut data, &bytes(1, 40_000)).unwrap();
    talk.until_moved(40_000);
    let lower = |draft: &mut AccountsEdit| {
        draft.account("ann")?.quota_bytes = Some(10);
        Ok(())
    };
    site.accounts().edit(lower).unwrap();
    // From the next command of any session on it counts.
    assert_eq!(daemon.login("ann").quota().limit, Some(10));
    talk.send("ABOR\r\nNOOP");
    assert!(talk.reply().code >= 400);
    talk.reply().expect(226);
    talk.reply().expect(200).says("");
}

/// Leaves one chunk of an upload.
fn leave_part(frames: &mut Frames, path: &str) {
    let content = bytes(1, 3 * CHUNK);
    frames.put(path, content.len(), 2).expect(802);
    frames.chunk(0, &content[..CHUNK]).expect(900);
    frames.drop_part(true).expect(200);
}

#[test]
fn parts_follow_their_directory_and_go_with_it() {
    let site = Site::new();
    site.account("ann", "2M");
    mount(&site, &section("pool", "pool", ALL, "account"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    for (from, to) in [("/d", "/e"), ("/pool/d", "/pool/e"), ("/d", "/pool/f"), ("/pool/d", "/g")] {
        ann.mkdir(from, false).expect(200);
        leave_part(&mut ann, &format!("{from}/f"));
        ann.mv(from, to, false).expect(200);
        let moved = format!("{to}/f");
        assert_eq!(ann.parts(), [(moved.clone(), CHUNK as u64)], "{from} {to}");
        daemon.ftp("ann").ask(&format!("SIZE {moved}")).expect(213).says(&CHUNK.to_string());
        ann.put(&moved, 3 * CHUNK, 0).expect(800);
        assert_eq!(ann.go_on(&bytes(1, 3 * CHUNK), 16), [1, 2]);
        ann.done(&bytes(1, 3 * CHUNK)).expect(900);
        leave_part(&mut ann, &format!("{to}/g"));
        ann.rm(to, true).expect(200);
        assert_eq!(ann.parts(), []);
        assert_eq!(ann.quota().used, 0, "{from} {to}");
    }
    ann.mkdir("d", false).expect(200);
    leave_part(&mut ann, "d/f");
    ann.on("RMDIR", "d").expect(200);
    assert_eq!((ann.parts(), ann.quota().used), (vec![], 0));
}

/// An upload whose directory another program moved away was stored outside and reported as stored.
#[test]
fn an_upload_whose_directory_left_the_tree_is_not_stored_there() {
    let site = Site::new();
    site.account("ann", "2M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(1, 3 * CHUNK);
    ann.mkdir("d", false).expect(200);
    ann.put("d/f", content.len(), 2).expect(802);
    ann.send_from(&content, 0);
    let outside = site.root().join("outside");
    fs::rename(site.stored("ann", "d"), &outside).unwrap();
    let code = ann.done(&content).code;
    assert_ne!(code, 900);
    assert!(!outside.join("f").exists());
    let mut talk = daemon.ftp("ann");
    talk.ask("MKD e").expect(257);
    let mut data = talk.begin("STOR e/f");
    std::io::Write::write_all(&mut data, &content).unwrap();
    talk.until_moved(content.len());
    fs::rename(site.stored("ann", "e"), site.root().join("outside-too")).unwrap();
    drop(data);
    assert!(talk.reply().code >= 400);
    assert!(!site.root().join("outside-too/f").exists());
}
