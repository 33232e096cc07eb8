//! Small rates: nobody's patience ends for what the server itself holds back.

use std::fs;
use std::thread;

use crate::harness::{CHUNK, Site, bytes, write_file};

/// The client does this in one go.
fn unbroken(site: &Site, words: &[&str]) {
    let output = site.miniftp("ann", words);
    assert!(!output.ok().err.contains("again"), "{}", output.tell());
}

#[test]
fn no_deadline_strikes_for_a_wait_of_the_servers_own() {
    let site = Site::new();
    site.account("ann", "10M");
    // Seven transfers of one account share 8 KiB a second, and everybody's patience is a second.
    site.setting("rates", "account_up", "8K").setting("rates", "account_down", "8K");
    for (section, key) in [("server", "idle_secs"), ("server", "frame_secs"), ("ftp", "stall_secs")]
    {
        site.setting(section, key, "1");
    }
    let contents: Vec<Vec<u8>> = (0..4).map(|i| bytes(i, 9_000)).collect();
    for (i, content) in contents.iter().enumerate() {
        write_file(site.local().join(format!("{i}")), content);
        write_file(site.stored("ann", &format!("there-{i}")), content);
    }
    for i in 0..20 {
        write_file(site.local().join(format!("tree/{i}")), &bytes(i, 400));
    }
    let daemon = site.start();
    thread::scope(|scope| {
        scope.spawn(|| unbroken(&site, &["put", "0"]));
        scope.spawn(|| unbroken(&site, &["put", "-r", "tree"]));
        scope.spawn(|| unbroken(&site, &["get", "there-1"]));
        scope.spawn(|| daemon.ftp("ann").store("2", &contents[2]).expect(226).code);
        scope.spawn(|| assert!(daemon.ftp("ann").fetch("there-3") == contents[3]));
    });
    assert!(fs::read(site.stored("ann", "0")).unwrap() == contents[0]);
    assert!(fs::read(site.local().join("there-1")).unwrap() == contents[1]);
    assert!(fs::read(site.stored("ann", "2")).unwrap() == contents[2]);
    assert!(fs::read(site.stored("ann", "tree/19")).unwrap() == bytes(19, 400));
}

/// A frame that would take longer than a peer waits for one is saved up, with signs of life.
#[test]
fn what_is_too_slow_for_a_frame_comes_at_once_and_the_wait_shows_life() {
    let site = Site::new();
    site.account("ann", "10M").setting("rates", "account_down", "1K");
    let content = bytes(1, 5_000);
    write_file(site.stored("ann", "f"), &content);
    let daemon = site.start();
    let answer = daemon.login("ann").get("f");
    assert!(answer.expect(257).alive >= 2, "{} signs of life", answer.alive);
    assert!(answer.parts[0].data == content);
}

/// Nobody takes over an upload whose only silence is the wait for its turn.
#[test]
fn an_upload_that_waits_is_not_taken_for_one_that_was_given_up() {
    let site = Site::new();
    site.account("ann", "10M").setting("rates", "account_up", "1K");
    let daemon = site.start();
    let mut first = daemon.login("ann");
    first.put("f", 2 * CHUNK, 0).expect(802);
    first.send_chunk(0, &bytes(1, CHUNK));
    let mut stor = daemon.ftp("ann");
    let mut data = stor.begin("STOR g");
    std::io::Write::write_all(&mut data, &bytes(2, CHUNK)).unwrap();
    let begun = std::time::Instant::now();
    let mut second = daemon.login("ann");
    while begun.elapsed() < 3 * miniftp::limits::CLAIM_STUCK {
        second.put("f", 2 * CHUNK, 0).expect(267);
        second.put("g", 2 * CHUNK, 0).expect(267);
        thread::park_timeout(miniftp::limits::CLAIM_STUCK / 10);
    }
}
