//! Uploads that end before their time: a new name stays free and its part is kept, an old file
//! stays as it was, and nobody ever finds half of one under its name.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use super::Scene;
use crate::harness::{FtpTalk, Site, bytes, eventually, part_files, reset};

/// How an upload ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The client's whole process goes, and each of its connections ends as one that is done. Where
    /// nothing is replaced that is the end of the file.
    Killed,
    /// The same, with a reset of both connections.
    Reset,
    /// The data connection alone is reset.
    DataReset,
    /// `ABOR`.
    Aborted,
}

const CUTS: [Cut; 4] = [Cut::Killed, Cut::Reset, Cut::DataReset, Cut::Aborted];

/// Sends `some` and then ends it so. The server has seen the end when this returns.
#[track_caller]
fn cut(scene: &Scene, mut ann: FtpTalk, mut data: TcpStream, some: &[u8], how: Cut) {
    data.write_all(some).unwrap();
    ann.until_moved(some.len());
    let kept = format!("{} bytes are kept", some.len());
    match how {
        Cut::Killed => panic!("a new file is stored then"),
        Cut::Reset => {
            reset(ann.tcp().try_clone().unwrap());
            drop(ann);
            reset(data);
        }
        Cut::DataReset => {
            reset(data);
            ann.reply().expect(426).says("broke");
            ann.ask("PWD").expect(257);
        }
        Cut::Aborted => {
            ann.ask("ABOR").expect(426);
            ann.reply().expect(226);
            ann.ask("PWD").expect(257);
        }
    }
    scene.daemon.wait_for_log(&kept);
}

#[test]
fn an_upload_that_was_cut_leaves_no_file_and_can_be_finished() {
    for how in [Cut::Reset, Cut::DataReset, Cut::Aborted] {
        for appe in [true, false] {
            let scene = Scene::new();
            // One that waits in memory, one that has its part already.
            for (name, kept) in [("small", 10_000), ("large", 300_000)] {
                let content = bytes(kept as u64, kept + 123_456);
                let mut ann = scene.ann();
                let data = ann.begin(&format!("STOR {name}"));
                cut(&scene, ann, data, &content[..kept], how);
                assert_eq!(scene.stored(name), None, "{how:?}");
                let mut ann = scene.ann();
                assert!(!ann.listed("NLST").contains(name), "{how:?}");
                ann.ask(&format!("RETR {name}")).expect(550);
                ann.ask(&format!("SIZE {name}")).expect(213).says(&kept.to_string());
                let before = ann.used_bytes();
                let end = if appe {
                    ann.transmit(&format!("APPE {name}"), &content[kept..])
                } else {
                    ann.ask(&format!("REST {kept}")).expect(350);
                    ann.store(name, &content[kept..])
                };
                end.expect(226).says(&format!("{} bytes", content.len()));
                assert!(scene.stored(name).unwrap() == content, "{how:?} {name}");
                assert_eq!(ann.used_bytes(), before + 123_456);
            }
            assert!(part_files(&scene.site.home(), "ann").is_empty());
        }
    }
}

#[test]
fn a_part_is_begun_anew_by_a_plain_stor_and_cut_back_by_a_smaller_rest() {
    let scene = Scene::new();
    let content = bytes(5, 400_000);
    let leave = |kept: usize| {
        let mut ann = scene.ann();
        let data = ann.begin("STOR f");
        cut(&scene, ann, data, &content[..kept], Cut::Aborted);
    };
    leave(200_001);
    let mut ann = scene.ann();
    ann.ask("REST 200002").expect(350);
    ann.ask("STOR f").expect(554).says("200001 would be right");
    ann.ask("REST 150000").expect(350);
    ann.store("f", &content[150_000..]).expect(226);
    assert!(scene.stored("f").unwrap() == content);
    ann.ask("DELE f").expect(250);
    // A new beginning, once longer and once shorter than what is kept in memory.
    for (kept, size) in [(200_003, 100_000), (200_004, 10)] {
        leave(kept);
        ann.store("f", &content[..size]).expect(226);
        assert!(scene.stored("f").unwrap() == content[..size]);
        assert_eq!(part_files(&scene.site.home(), "ann").len(), 0, "{kept}");
        assert_eq!(ann.used_bytes(), size as u64, "{kept}");
        ann.ask("DELE f").expect(250);
        assert_eq!(ann.used_bytes(), 0);
        ann.ask("SIZE f").expect(550);
    }
}

#[test]
fn the_old_file_stays_whole_during_a_cut_and_after_it() {
    for how in CUTS {
        for command in ["STOR f", "APPE f", "REST"] {
            let scene = Scene::with(&[("ftp", "grace_millis", "300")]);
            let (old, new) = (bytes(1, 1_000_000), bytes(2, 1_234_567));
            scene.put("f", &old);
            let mut ann = scene.ann();
            if command == "REST" {
                ann.ask("REST 500000").expect(350);
            }
            let data = ann.begin(if command == "REST" { "STOR f" } else { command });
            let mut reader = scene.ann();
            assert!(reader.fetch("f") == old);
            let sent = new.get(..300_000).unwrap();
            cut_any(&scene, ann, data, sent, how);
            assert!(scene.stored("f").unwrap() == old, "{how:?} {command}");
            assert!(reader.fetch("f") == old, "{how:?} {command}");
            reader.ask("SIZE f").expect(213).says("1000000");
            // And then it is replaced after all.
            reader.store("f", &new).expect(226);
            assert!(scene.stored("f").unwrap() == new);
            assert_eq!(reader.used_bytes(), new.len() as u64);
        }
    }
}

/// As [`cut`], whatever was there before what is sent.
#[track_caller]
fn cut_any(scene: &Scene, mut ann: FtpTalk, mut data: TcpStream, some: &[u8], how: Cut) {
    data.write_all(some).unwrap();
    ann.until_moved(some.len());
    match how {
        Cut::Killed | Cut::Reset => drop((ann, data)),
        Cut::DataReset => {
            reset(data);
            ann.reply().expect(426);
        }
        Cut::Aborted => {
            ann.ask("ABOR").expect(426);
            ann.reply().expect(226);
        }
    }
    scene.daemon.wait_for_log("bytes are kept");
}

/// A server that watches the control line for long before it replaces a file.
fn watchful() -> Scene {
    let scene = Scene::with(&[("ftp", "grace_millis", "10000")]);
    scene.put("f", b"the old file, whole and good");
    scene
}

#[test]
fn a_killed_client_never_replaces_a_file_with_a_piece() {
    for (how, size) in [("end", 10), ("end", 300_000), ("reset", 10), ("reset", 300_000)] {
        let scene = watchful();
        let mut ann = scene.ann();
        let mut data = ann.begin("STOR f");
        data.write_all(&bytes(1, size)).unwrap();
        ann.until_moved(size);
        // As the system closes a killed program's sockets: each ends as one that is done.
        drop(data);
        if how == "reset" {
            reset(ann.tcp().try_clone().unwrap());
        }
        drop(ann);
        scene.daemon.wait_for_log("bytes are kept");
        assert_eq!(scene.stored("f").unwrap(), b"the old file, whole and good", "{how} {size}");
    }
}

#[test]
fn not_even_one_that_had_said_more_already() {
    for (line, size) in [("PWD", 10), ("PWD", 300_000), ("SIZE f", 10)] {
        let scene = watchful();
        let mut ann = scene.ann();
        let mut data = ann.begin("STOR f");
        ann.send(line);
        data.write_all(&bytes(3, size)).unwrap();
        drop(data);
        drop(ann);
        scene.daemon.wait_for_log("bytes are kept");
        assert_eq!(scene.stored("f").unwrap(), b"the old file, whole and good", "{line}");
    }
}

/// A killed client says no goodbye after its data.
#[test]
fn whoever_says_goodbye_after_its_data_has_not_been_killed() {
    for line in ["QUIT", "BYE"] {
        for leaves in ["at once", "its own side", "later"] {
            let scene = watchful();
            let mut ann = scene.ann();
            let mut data = ann.begin("STOR f");
            data.write_all(b"the new one").unwrap();
            drop(data);
            ann.send(line);
            match leaves {
                "at once" => drop(ann),
                "its own side" => {
                    ann.tcp().shutdown(Shutdown::Write).unwrap();
                    ann.reply().expect(226);
                    ann.reply().expect(221);
                    ann.expect_end();
                }
                _ => drop(ann.reply().expect(226).says("11 bytes").clone()),
            }
            scene.daemon.wait_for_log("put /f 11 bytes in");
            assert_eq!(scene.stored("f").unwrap(), b"the new one", "{line} {leaves}");
        }
    }
}

#[test]
fn whoever_closes_only_its_own_side_is_told_how_it_ended() {
    let scene = watchful();
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(b"a piece").unwrap();
    drop(data);
    ann.tcp().shutdown(Shutdown::Write).unwrap();
    ann.reply().expect(426).says("the file that is there stays");
    ann.expect_end();
    assert_eq!(scene.stored("f").unwrap(), b"the old file, whole and good");
    scene.put_large("big");
    for command in ["RETR big", "NLST"] {
        let mut ann = scene.ann();
        // Nobody comes to the data connection of the second one.
        let data = if command == "NLST" {
            ann.epsv();
            ann.send(command);
            None
        } else {
            Some(ann.begin(command))
        };
        ann.tcp().shutdown(Shutdown::Write).unwrap();
        ann.reply().expect(426).says("the control connection was closed");
        ann.expect_end();
        drop(data);
    }
}

#[test]
fn within_the_grace_an_abort_counts_too() {
    let scene = watchful();
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(b"a piece").unwrap();
    drop(data);
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
    assert_eq!(scene.stored("f").unwrap(), b"the old file, whole and good");
    // What was announced needs no grace: it decides.
    ann.ask("ALLO 3").expect(200);
    ann.store("f", b"new").expect(226);
    assert_eq!(scene.stored("f").unwrap(), b"new");
}

#[test]
fn what_was_announced_must_come() {
    let scene = Scene::with(&[("ftp", "grace_millis", "0")]);
    let content = bytes(7, 200_000);
    scene.put("old", b"old");
    let mut ann = scene.ann();
    for name in ["new", "old"] {
        ann.ask("ALLO 200000").expect(200);
        let told = ann.store(name, &content[..150_000]);
        told.expect(426).says("fewer bytes came than were announced");
    }
    assert_eq!(scene.stored("new"), None);
    assert_eq!(scene.stored("old").unwrap(), b"old");
    ann.ask("SIZE new").expect(213).says("150000");
    // Some clients announce the whole again when they go on, some the rest.
    ann.ask("ALLO 200000").expect(200);
    ann.ask("REST 150000").expect(350);
    ann.store("new", &content[150_000..199_000]).expect(426).says("fewer");
    ann.ask("ALLO 200000").expect(200);
    ann.ask("REST 199000").expect(350);
    ann.store("new", &content[199_000..]).expect(226).says("200000 bytes");
    assert!(scene.stored("new").unwrap() == content);
    // It is good for one upload.
    ann.store("other", b"short").expect(226);
}

#[test]
fn a_server_that_dies_keeps_what_came_and_goes_on() {
    let site = Site::new();
    site.account("ann", "10M");
    let mut daemon = site.start();
    let content = bytes(9, 2_000_000);
    let mut ann = daemon.ftp("ann");
    let mut data = ann.begin("STOR f");
    data.write_all(&content[..1_200_000]).unwrap();
    ann.until_moved(1_200_000);
    // The last bytes may wait in the server yet.
    eventually("a part is on the disk", || !part_files(&site.home(), "ann").is_empty());
    daemon.restart();
    let mut ann = daemon.ftp("ann");
    let told = ann.ask("SIZE f").expect(213).text();
    let kept: usize = told.parse().unwrap();
    assert!((1..=1_200_000).contains(&kept), "{kept}");
    assert_eq!(ann.used_bytes(), kept as u64);
    ann.ask(&format!("REST {kept}")).expect(350);
    ann.store("f", &content[kept..]).expect(226);
    assert!(std::fs::read(site.stored("ann", "f")).unwrap() == content);
}
