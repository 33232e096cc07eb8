//! The server ends: asked to, told to, killed; and what was under way goes on where it was.

mod crowded;

use std::fs;
use std::path::PathBuf;

use miniftp::wire;

use crate::harness::{CHUNK, Frames, Site, bytes, part_files};

#[test]
fn asked_to_stop_it_tells_everybody_and_ends_well() {
    let site = Site::new();
    site.account("ann", "64M");
    let mut daemon = site.start();
    let content = bytes(1, 20 * CHUNK + 99);
    let stranger = daemon.connect();
    let (idle, mut uploading) = (daemon.login("ann"), daemon.login("ann"));
    uploading.put("f", content.len(), 0).expect(802);
    uploading.chunk(0, &content[..16 * CHUNK]).expect(900);
    daemon.term();
    for frames in [stranger, idle, uploading] {
        frames.expect_bye(421).says("the server is stopping");
    }
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(part_files(&site.home(), "ann").len(), 1);
    assert!(!site.stored("ann", "f").exists());
    let port = daemon.port();
    daemon.restart();
    assert_eq!(daemon.port(), port);
    let mut ann = daemon.login("ann");
    ann.put("f", content.len(), 0).expect(800);
    assert_eq!(ann.go_on(&content, 16), [16, 17, 18, 19, 20]);
    ann.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
}

/// Begins to fetch `/large` and reads its first piece.
fn begin_fetching(ann: &mut Frames) {
    ann.send("GET", &wire::Get::new("large", 0, u64::MAX, 0));
    let len = ann.read_frame().unwrap().data.len();
    assert!(len > 0 && len % CHUNK == 0, "{len} bytes");
}

/// A sparse file that is much larger than what sockets buffer.
fn plant_large(site: &Site) {
    fs::create_dir_all(site.stored("ann", "")).unwrap();
    fs::File::create(site.stored("ann", "large")).unwrap().set_len(64 << 20).unwrap();
}

#[test]
fn a_download_under_way_ends_at_a_whole_piece() {
    let site = Site::new();
    site.account("ann", "100M");
    plant_large(&site);
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    begin_fetching(&mut ann);
    daemon.term();
    daemon.wait_for_log("stopping: 1 connections are being closed");
    ann.expect_bye(421);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn told_twice_it_stops_at_once() {
    let site = Site::new();
    site.setting("server", "drain_secs", "3600").account("ann", "100M");
    plant_large(&site);
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    // Somebody who takes nothing any more would hold the server up for as long as it drains.
    begin_fetching(&mut ann);
    daemon.term();
    daemon.wait_for_log("stopping: 1 connections are being closed");
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_request_that_was_heard_is_answered_before_the_goodbye() {
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("f", b"before the end", 0).expect(900);
    daemon.term();
    ann.expect_bye(421);
    assert_eq!(daemon.wait().code(), Some(0));
    daemon.restart();
    assert_eq!(daemon.login("ann").fetch("f"), b"before the end");
}

#[test]
fn killed_at_any_point_the_upload_goes_on_where_it_was() {
    let content = bytes(2, 24 * CHUNK + 1);
    // Chunks that were answered before the end came, and chunks more that may have arrived.
    for (answered, in_flight) in [(0, 0), (1, 0), (5, 3), (16, 8), (24, 0), (25, 0)] {
        let site = Site::new();
        site.account("ann", "64M");
        let mut daemon = site.start();
        let mut ann = daemon.login("ann");
        ann.put("f", content.len(), 0).expect(802);
        let mut chunks = content.chunks(CHUNK).enumerate();
        for (number, data) in chunks.by_ref().take(answered) {
            ann.chunk(number * CHUNK, data).expect(900);
        }
        for (number, data) in chunks.take(in_flight) {
            ann.send_chunk(number * CHUNK, data);
        }
        daemon.kill9();
        daemon.restart();
        let what = format!("killed after {answered} and {in_flight}");
        assert!(!site.stored("ann", "f").exists(), "{what}");
        let mut ann = daemon.login("ann");
        let answer = ann.put("f", content.len(), 0);
        assert_eq!(answer.code, if answered + in_flight == 0 { 802 } else { 800 }, "{what}");
        let sent = ann.go_on(&content, 16);
        assert!(sent.len() <= 25 - answered, "{what}: {sent:?} were sent");
        assert!(sent.len() >= 25 - answered - in_flight, "{what}: {sent:?} were sent");
        ann.done(&content).expect(900);
        assert!(fs::read(site.stored("ann", "f")).unwrap() == content, "{what}");
        assert_eq!(ann.quota().used, content.len() as u64);
        assert_eq!(part_files(&site.home(), "ann"), Vec::<PathBuf>::new());
    }
}

#[test]
fn killed_while_it_replaces_the_file_is_the_old_one_or_the_new_one() {
    let (old, new) = (bytes(3, 5 * CHUNK), bytes(4, 6 * CHUNK));
    for answered in [false, true] {
        let site = Site::new();
        site.account("ann", "64M");
        let mut daemon = site.start();
        let mut ann = daemon.login("ann");
        ann.upload("f", &old, 0).expect(900);
        ann.put("f", new.len(), 1).expect(802);
        ann.send_from(&new, 0);
        ann.send("DONE", &wire::Done::new(&crate::harness::whole(&new)));
        if answered {
            ann.read_answer().expect(900);
        }
        daemon.kill9();
        daemon.restart();
        let is = fs::read(site.stored("ann", "f")).unwrap();
        assert!(is == new || (is == old && !answered), "answered: {answered}");
        let mut ann = daemon.login("ann");
        assert_eq!(ann.quota().used, crate::harness::stored_bytes(&site.home(), "ann"));
        let answer = ann.put("f", new.len(), 1);
        assert!(matches!(answer.code, 800 | 802));
        ann.go_on(&new, 16);
        ann.done(&new).expect(900);
        assert!(ann.fetch("f") == new);
    }
}

#[test]
fn a_second_server_on_the_same_homes_is_told_who_holds_them() {
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = site.start();
    let pid = daemon.pid();
    let output = site.miniftpd(&["--listen", "127.0.0.1:0"], "");
    output.fails(1).stdout("").stderr_has(&format!("is in use by miniftpd with pid {pid}"));
    assert_eq!(daemon.login("ann").pwd(), "/", "the first one is unmoved");
    let address = daemon.addr().to_string();
    let elsewhere = site.root().join("other-home");
    let words = ["--home", elsewhere.to_str().unwrap(), "--listen", &address];
    let second = Site::new();
    let output = second.miniftpd(&words[2..], "");
    output.fails(1).stderr_has(&format!("cannot listen on {address}"));
    // The lock goes with the process, however it ended.
    daemon.kill9();
    daemon.restart();
    assert_eq!(daemon.login("ann").pwd(), "/");
}
