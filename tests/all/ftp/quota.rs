//! The limit is the limit at this door too, and the refusal comes as early as it can, in numbers.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Scene;
use crate::harness::{
    FtpTalk, Raise, bytes, eventually, part_files, stored_bytes, stored_bytes_at_once,
};

const LIMIT: u64 = 10 << 20;

/// Sends what may be too much; the server may hang up the data connection in the middle of it.
#[track_caller]
fn store_all(ann: &mut FtpTalk, command: &str, content: &[u8]) -> crate::harness::Reply {
    let mut data = ann.begin(command);
    let _ = data.write_all(content);
    let _ = data.shutdown(std::net::Shutdown::Write);
    let _ = data.read(&mut [0]);
    ann.reply()
}

#[test]
fn an_announced_size_is_refused_before_the_first_byte() {
    let scene = Scene::new();
    scene.put("f", &vec![1; 6 << 20]);
    let mut ann = scene.ann();
    let refused = |ann: &mut FtpTalk, command: &str, bytes: u64, words: &str| {
        ann.ask(&format!("ALLO {bytes}")).expect(200).says("4194304 bytes are free");
        ann.epsv();
        ann.ask(command).expect(552).says(&format!("{bytes} bytes")).says(words);
    };
    refused(
        &mut ann,
        "STOR g",
        (4 << 20) + 1,
        "4.0 MiB (4194304 bytes) left of 10.0 MiB (10485760 bytes)",
    );
    // A replacement needs room for both meanwhile, and says so.
    refused(&mut ann, "STOR f", (4 << 20) + 1, "the old file keeps its room");
    refused(&mut ann, "STOU g", 1 << 50, "(4194304 bytes) left");
    refused(&mut ann, "STOR g", u64::MAX, "(4194304 bytes) left");
    assert_eq!(ann.used_bytes(), 6 << 20);
    assert!(part_files(&scene.site.home(), "ann").is_empty());
    ann.ask("ALLO 4194304").expect(200);
    ann.store("g", &vec![2; 4 << 20]).expect(226);
    assert_eq!(ann.used_bytes(), LIMIT);
    ann.ask("AVBL").expect(213).says("0");
    ann.store("empty", b"").expect(226);
    ann.store("one", b"x").expect(552).says("needs 1 byte, 0 bytes left");
    assert_eq!(scene.stored("one"), None);
    ann.ask("DELE g").expect(250);
    ann.store("one", b"x").expect(226);
}

#[test]
fn an_upload_of_unknown_size_is_refused_in_its_middle_and_the_old_file_stays() {
    let scene = Scene::new();
    let old = bytes(1, 1_000_000);
    scene.put("f", &old);
    let mut ann = scene.ann();
    let told = store_all(&mut ann, "STOR f", &vec![1; 20 << 20]);
    told.expect(552)
        .says("over quota")
        .says("left of 10.0 MiB (10485760 bytes)")
        .says("keeps its room");
    assert!(scene.stored("f").unwrap() == old);
    assert!(ann.fetch("f") == old);
    let nothing_is_left = |ann: &mut FtpTalk| {
        assert_eq!(stored_bytes(&scene.site.home(), "ann"), 1_000_000);
        assert_eq!(ann.used_bytes(), 1_000_000);
    };
    nothing_is_left(&mut ann);
    let told = store_all(&mut ann, "STOR g", &vec![2; 20 << 20]);
    told.expect(552);
    assert_eq!(scene.stored("g"), None);
    nothing_is_left(&mut ann);
    ann.ask("ALLO 1000000").expect(200);
    ann.store("f", &old).expect(226);
    assert!(ann.fetch("f") == old);
    ann.ask("PWD").expect(257);
}

#[test]
fn going_on_is_counted_from_where_it_goes_on() {
    let scene = Scene::new();
    let content = bytes(4, 9 << 20);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&content[..8 << 20]).unwrap();
    ann.until_moved(8 << 20);
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
    assert_eq!(ann.used_bytes(), 8 << 20);
    ann.transmit("APPE f", &content[8 << 20..]).expect(226);
    assert_eq!(ann.used_bytes(), 9 << 20);
    assert!(scene.stored("f").unwrap() == content);
    // What is behind a file is put behind a copy of it: there is no room for that here.
    ann.epsv();
    ann.ask("APPE f").expect(552).says("keeps its room");
    assert_eq!(ann.used_bytes(), 9 << 20);
    assert!(scene.stored("f").unwrap() == content);
    // Nor is anything left behind where nobody comes with more.
    ann.store("g", &content[..1 << 19]).expect(226);
    ann.ask("APPE g").expect(425);
    ann.ask("REST 1000").expect(350);
    ann.ask("STOR g").expect(425);
    assert_eq!(ann.used_bytes(), (9 << 20) + (1 << 19));
    assert!(part_files(&scene.site.home(), "ann").is_empty());
}

#[test]
fn four_sessions_at_once_cannot_store_more_than_one_may() {
    let scene = Scene::new();
    let over = AtomicBool::new(false);
    let stored = thread::scope(|scope| {
        let raise = Raise(&over);
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                let stored = stored_bytes_at_once(&scene.site.home(), "ann");
                most = most.max(stored.unwrap_or_default());
            }
            most
        });
        let sessions: Vec<_> = (0..4)
            .map(|number| {
                let mut ann = scene.ann();
                scope.spawn(move || {
                    store_all(&mut ann, &format!("STOR f{number}"), &vec![number; 9_000_000]).code
                })
            })
            .collect();
        let codes: Vec<u16> = sessions.into_iter().map(|one| one.join().unwrap()).collect();
        drop(raise);
        let most = watcher.join().unwrap();
        assert!(most <= LIMIT, "{most} bytes were on the disk");
        assert!(codes.iter().all(|code| [226, 552].contains(code)), "{codes:?}");
        codes.iter().filter(|code| **code == 226).count()
    });
    assert!(stored <= 1);
    let mut ann = scene.ann();
    assert_eq!(ann.used_bytes(), stored_bytes(&scene.site.home(), "ann"));
}

#[test]
fn a_limit_that_was_lowered_counts_for_a_running_upload() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&vec![1; 1 << 20]).unwrap();
    ann.until_moved(1 << 20);
    set_quota(&scene, 2 << 20);
    // Some command of some session of the account makes it count.
    let mut other = scene.ann();
    other.ask("SITE QUOTA").expect(200).says("limit 2097152 bytes");
    let _ = data.write_all(&vec![2; 5 << 20]);
    let _ = data.shutdown(std::net::Shutdown::Write);
    ann.reply().expect(552).says("of 2.0 MiB (2097152 bytes)");
    assert!(stored_bytes(&scene.site.home(), "ann") <= 2 << 20);
    ann.ask("ALLO 1").expect(200);
    set_quota(&scene, 1 << 30);
    ann.ask("SITE QUOTA").expect(200).says("limit 1073741824 bytes");
}

#[track_caller]
fn set_quota(scene: &Scene, bytes: u64) {
    let edit = |draft: &mut miniftp::accounts::AccountsEdit| {
        draft.account("ann")?.quota_bytes = Some(bytes);
        Ok(())
    };
    scene.site.accounts().edit(edit).unwrap();
}

#[test]
fn a_disk_that_must_keep_more_free_than_it_has_takes_nothing() {
    let scene = Scene::with(&[("storage", "min_free", "1000000G")]);
    scene.put("f", b"old");
    let mut ann = scene.ann();
    ann.ask("ALLO 5").expect(200).says("0 bytes are free");
    ann.epsv();
    ann.ask("STOR f").expect(452).says("disk is full");
    ann.ask("AVBL").expect(213).says("0");
    assert_eq!(ann.fetch("f"), b"old");
    // Without ALLO it is the new name for which there is no room.
    ann.epsv();
    ann.ask("STOR g").expect(452).says("disk is full");
    assert_eq!(scene.stored("g"), None);
    eventually("nothing is promised any more", || ann.used_bytes() == 3);
}

/// Room was reserved ahead for uploads whose size nobody knows, and refused to others who fitted.
#[test]
fn what_an_upload_has_not_sent_yet_is_room_for_others() {
    let scene = Scene::new();
    set_quota(&scene, 10 << 20);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&[7; 200_000]).unwrap();
    ann.until_moved(200_000);
    let rest = vec![8; (10 << 20) - 200_000];
    scene.daemon.login("ann").upload("/g", &rest, 0).expect(900);
    data.shutdown(std::net::Shutdown::Write).unwrap();
    ann.reply().expect(226);
    assert_eq!(scene.ann().used_bytes(), 10 << 20);
}

/// One command may take an hour; the limit that was lowered under it does not wait for the next,
/// nor for a look of the server: from the answer to the command on it holds.
#[test]
fn an_upload_stops_at_a_limit_that_was_lowered_under_it() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&[7; 3 << 20]).unwrap();
    ann.until_moved(3 << 20);
    scene.site.miniftpd(&["account", "quota", "ann", "4M"], "").ok();
    // What does not fit is not taken; the sending fails as soon as the server hangs up.
    let _ = data.write_all(&[7; 6 << 20]);
    let _ = data.shutdown(std::net::Shutdown::Write);
    ann.reply().expect(552).says("of 4.0 MiB (4194304 bytes)");
    let mut other = scene.ann();
    assert_eq!(other.used_bytes(), 0, "nobody knows how much it would have been");
}
