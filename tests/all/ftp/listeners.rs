//! Both doors at once: one store, one writer for a path, and parts that either can finish.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use miniftp::{limits, wire};

use super::Scene;
use crate::harness::{CHUNK, Frames, FtpTalk, Raise, bytes, eventually, part_files, row};

/// Leaves a part of so many bytes through the FTP door.
#[track_caller]
fn leave_by_ftp(scene: &Scene, path: &str, some: &[u8]) {
    let mut ann = scene.ann();
    let mut data = ann.begin(&format!("STOR {path}"));
    data.write_all(some).unwrap();
    ann.until_moved(some.len());
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
}

#[test]
fn what_one_door_stores_the_other_gives_back() {
    let scene = Scene::new();
    let content = bytes(1, 3 * CHUNK + 7);
    let (mut ftp, mut framed) = (scene.ann(), scene.daemon.login("ann"));
    ftp.store("a", &content).expect(226);
    assert!(framed.fetch("a") == content);
    framed.upload("b", &content, 0).expect(900);
    assert!(ftp.fetch("b") == content);
    assert_eq!(ftp.used_bytes(), framed.quota().used);
    ftp.ask("RNFR b").expect(350);
    ftp.ask("RNTO c").expect(250);
    assert!(framed.fetch("c") == content);
    framed.rm("c", false).expect(200);
    ftp.ask("SIZE c").expect(550);
    assert_eq!((ftp.used_bytes(), framed.quota().used), (content.len() as u64, ftp.used_bytes()));
}

#[test]
fn a_part_that_ftp_began_is_compared_and_finished_by_the_framed_door() {
    for (kept, hurt) in [(10 * CHUNK, None), (10 * CHUNK + 77, None), (300_000, Some(70_000))] {
        let scene = Scene::new();
        let content = bytes(2, 20 * CHUNK + 5);
        let mut sent = content[..kept].to_vec();
        if let Some(at) = hurt {
            // The source changed after it was sent.
            sent[at] ^= 0xff;
        }
        leave_by_ftp(&scene, "f", &sent);
        let mut framed = scene.daemon.login("ann");
        assert_eq!(framed.parts(), [("/f".to_owned(), kept as u64)]);
        framed.put("f", content.len(), 0).expect(800);
        let sent = framed.go_on(&content, 16);
        let mut expected: Vec<usize> = hurt.map(|at| at / CHUNK).into_iter().collect();
        expected.extend(kept / CHUNK..=20);
        assert_eq!(sent, expected, "{kept}");
        framed.done(&content).expect(900);
        assert!(scene.stored("f").unwrap() == content);
        assert_eq!(framed.quota().used, content.len() as u64);
    }
}

#[test]
fn a_part_that_the_framed_door_began_is_finished_by_ftp() {
    for appe in [true, false] {
        let scene = Scene::new();
        let content = bytes(3, 20 * CHUNK + 5);
        let mut framed = scene.daemon.login("ann");
        framed.put("f", content.len(), 2).expect(802);
        framed.chunk(0, &content[..8 * CHUNK]).expect(900);
        framed.drop_part(true).expect(200);
        let mut ann = scene.ann();
        let told = ann.ask("SIZE f").expect(213).text();
        assert_eq!(told, (8 * CHUNK).to_string());
        if !appe {
            ann.ask(&format!("REST {told}")).expect(350);
        }
        let command = if appe { "APPE f" } else { "STOR f" };
        ann.transmit(command, &content[8 * CHUNK..]).expect(226);
        assert!(scene.stored("f").unwrap() == content);
        assert_eq!(framed.quota().used, content.len() as u64);
        assert!(part_files(&scene.site.home(), "ann").is_empty());
    }
}

#[test]
fn a_path_that_the_framed_door_writes_is_450_here() {
    let scene = Scene::new();
    let over = AtomicBool::new(false);
    let content = bytes(4, 140 * CHUNK);
    thread::scope(|scope| {
        let raise = Raise(&over);
        let mut framed = scene.daemon.login("ann");
        framed.put("f", content.len(), 2).expect(802);
        framed.chunk(0, &content[..CHUNK]).expect(900);
        let (over, content) = (&over, &content);
        let busy = scope.spawn(move || {
            let mut at = CHUNK;
            // It shows life all the time, so that nobody may think it stuck.
            while !over.load(Ordering::Relaxed) && at < content.len() {
                framed.chunk(at, &content[at..at + CHUNK]).expect(900);
                at += CHUNK;
                thread::park_timeout(Duration::from_millis(20));
            }
            framed.send_from(content, at);
            framed.done(content).expect(900);
        });
        let mut ann = scene.ann();
        for line in ["STOR f", "APPE f"] {
            ann.epsv();
            ann.ask(line).expect(450).says("is being written by ann");
        }
        // Elsewhere there is room for everybody.
        ann.store("g", b"hello").expect(226);
        drop(raise);
        busy.join().unwrap();
        assert!(ann.fetch("f") == *content);
    });
}

#[test]
fn a_path_that_ftp_writes_is_busy_for_the_framed_door() {
    let scene = Scene::new();
    let over = AtomicBool::new(false);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    let written = thread::scope(|scope| {
        let raise = Raise(&over);
        let over = &over;
        let busy = scope.spawn(move || {
            let mut written = 0;
            while !over.load(Ordering::Relaxed) && written < 9_000_000 {
                // Enough at a time that it is passed on at once.
                data.write_all(&[7; 300_000]).unwrap();
                written += 300_000;
                thread::park_timeout(Duration::from_millis(20));
            }
            written
        });
        let mut framed = scene.daemon.login("ann");
        framed.put("f", 10, 0).expect(267).says("is being written by ann");
        drop(raise);
        busy.join().unwrap()
    });
    ann.reply().expect(226);
    assert_eq!(scene.stored("f").unwrap().len(), written);
}

#[test]
fn an_upload_that_stands_still_is_taken_over_and_told_so() {
    let scene = Scene::new();
    let content = bytes(5, 5 * CHUNK);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(&content[..2 * CHUNK]).unwrap();
    ann.until_moved(2 * CHUNK);
    let mut framed = scene.daemon.login("ann");
    eventually("the silent one is given up", || framed.put("f", content.len(), 2).code == 802);
    framed.send_from(&content, 0);
    // Whatever the old one still says comes too late.
    data.write_all(b"late").unwrap();
    drop(data);
    ann.reply().expect(450).says("took over");
    framed.done(&content).expect(900);
    assert!(scene.stored("f").unwrap() == content);
    assert_eq!(ann.used_bytes(), content.len() as u64);

    // And between two sessions of this door.
    let mut old = scene.ann();
    let mut stuck = old.begin("STOR g");
    stuck.write_all(b"old").unwrap();
    old.until_moved(3);
    let mut new = scene.ann();
    eventually("the silent one is given up", || {
        let mut data = new.data();
        let code = new.ask("STOR g").code;
        if code == 150 {
            data.write_all(b"new").unwrap();
            drop(data);
            new.reply().expect(226);
        }
        code == 150
    });
    drop(stuck);
    old.reply().expect(450);
    assert_eq!(scene.stored("g").unwrap(), b"new");
    const { assert!(limits::CLAIM_STUCK.as_secs() < 10, "the waits above would be long") };
}

/// Replacements during which the readers read.
const TIMES: usize = 20;

#[test]
fn readers_through_both_doors_see_the_old_file_or_the_new_one() {
    let scene = Scene::with(&[("ftp", "grace_millis", "1")]);
    let versions = [bytes(1, 700_000), bytes(2, 900_000)];
    let known = |content: &[u8]| versions.iter().any(|version| version == content);
    let mut writer = scene.ann();
    writer.store("f", &versions[0]).expect(226);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let raise = Raise(&over);
        let by_ftp = scope.spawn(|| {
            let (mut reader, mut count) = (scene.ann(), 0);
            while !over.load(Ordering::Relaxed) {
                assert!(known(&reader.fetch("f")), "torn through FTP");
                count += 1;
            }
            count
        });
        let framed = scope.spawn(|| {
            let (mut reader, mut count) = (scene.daemon.login("ann"), 0);
            while !over.load(Ordering::Relaxed) {
                assert!(known(&reader.fetch("f")), "torn through frames");
                count += 1;
            }
            count
        });
        for i in 1..=TIMES {
            replace(&mut writer, i, &versions[i % 2]);
            assert!(scene.stored("f").unwrap() == versions[i % 2], "stored is stored");
        }
        drop(raise);
        assert!(by_ftp.join().unwrap() > 0 && framed.join().unwrap() > 0);
    });
    assert_eq!(writer.used_bytes(), versions[0].len() as u64);
}

/// As a new file, and from the middle with bytes that begin alike.
#[track_caller]
fn replace(writer: &mut FtpTalk, i: usize, content: &[u8]) {
    if i % 3 == 0 {
        writer.ask("REST 0").expect(350);
    }
    writer.store("f", content).expect(226);
}

/// How a framed session leaves a part behind.
type Leave<'a> = dyn Fn(&mut Frames) + 'a;

/// FTP goes on behind a length and compares nothing. So what a framed upload left behind a damaged
/// chunk, or of an older version of the file, must not count as a length.
#[test]
fn ftp_goes_on_only_behind_what_is_known_to_be_of_one_file() {
    let old = bytes(5, 20 * CHUNK);
    let mut new = old.clone();
    new[3 * CHUNK + 9] ^= 0xff;
    new[15 * CHUNK + 9] ^= 0xff;
    // A gap: the fourth chunk came damaged and nobody sent it again.
    let leave_a_gap = |framed: &mut Frames| {
        framed.put("f", new.len(), 0).expect(802);
        framed.chunk(0, &new[..3 * CHUNK]).expect(900);
        let mut digests = row(&new[3 * CHUNK..4 * CHUNK]);
        digests[0] ^= 1;
        let chunk = wire::Chunk::new(3 * CHUNK as u64, &digests);
        framed.send_with_data("CHUNK", &chunk, &new[3 * CHUNK..4 * CHUNK]);
        framed.read_answer().expect(901);
        framed.chunk(4 * CHUNK, &new[4 * CHUNK..10 * CHUNK]).expect(900);
    };
    // A stale tail: a part of the old file, of which only the first difference was replaced.
    let leave_a_stale_tail = |framed: &mut Frames| {
        framed.put("f", old.len(), 0).expect(802);
        framed.chunk(0, &old[..16 * CHUNK]).expect(900);
        framed.drop_part(true).expect(200);
        framed.put("f", new.len(), 0).expect(800);
        framed.held(0, 16);
        framed.chunk(3 * CHUNK, &new[3 * CHUNK..4 * CHUNK]).expect(900);
    };
    let stories: [(&Leave<'_>, usize); 2] = [(&leave_a_gap, 3), (&leave_a_stale_tail, 4)];
    for (leave, sound) in stories {
        let scene = Scene::new();
        let mut framed = scene.daemon.login("ann");
        leave(&mut framed);
        framed.drop_part(true).expect(200);
        let mut ftp = scene.ann();
        ftp.ask("SIZE f").expect(213).says(&(sound * CHUNK).to_string());
        ftp.ask(&format!("REST {}", 10 * CHUNK)).expect(350);
        ftp.pasv();
        ftp.ask("STOR f").expect(554);
        ftp.transmit("APPE f", &new[sound * CHUNK..]).expect(226);
        assert!(ftp.fetch("f") == new, "sound to {sound}");
        assert_eq!(ftp.used_bytes(), new.len() as u64);
    }
}
