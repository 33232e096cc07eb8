//! Two sessions of one account at one path: one writes, and which one is never in doubt.

use std::fs;

use crate::harness::{CHUNK, Site, bytes, eventually};

/// Rounds in which a busy machine may make a healthy session look silent.
const ROUNDS: usize = 20;

#[test]
fn a_session_that_writes_is_not_pushed_aside() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let (mut holder, mut late) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(1, 2 * CHUNK);
    let refused = (0..ROUNDS).find_map(|round| {
        let path = format!("f{round}");
        holder.put(&path, content.len(), 0).expect(802);
        holder.chunk(0, &content[..CHUNK]).expect(900);
        let answer = late.put(&path, content.len(), 0);
        if answer.code == 267 {
            return Some((path, answer));
        }
        answer.expect(800);
        late.drop_part(true).expect(200);
        holder.drop_part(true);
        None
    });
    let (path, answer) = refused.expect("a healthy holder is respected");
    answer.says(&format!("`/{path}` is being written by ann"));
    // Another path is free.
    late.upload("elsewhere", &content, 0).expect(900);
    holder.chunk(CHUNK, &content[CHUNK..]).expect(900);
    holder.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", &path)).unwrap() == content);
}

#[test]
fn a_silent_session_is_taken_over_and_never_writes_again() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    let (ours, theirs) = (bytes(2, 4 * CHUNK), bytes(3, 4 * CHUNK));
    old.put("f", ours.len(), 0).expect(802);
    old.chunk(0, &ours[..CHUNK]).expect(900);
    eventually("the silent session is taken over", || {
        let answer = new.put("f", theirs.len(), 0);
        assert!(matches!(answer.code, 267 | 800), "{} {}", answer.code, answer.text);
        answer.code == 800
    });
    new.held(0, 16);
    new.chunk(0, &theirs[..CHUNK]).expect(900);
    // The old one comes back to life in the middle of the new one's work.
    for _ in 0..3 {
        old.chunk(CHUNK, &ours[CHUNK..2 * CHUNK]).expect(268).says("a newer session of yours");
    }
    new.chunk(CHUNK, &theirs[CHUNK..2 * CHUNK]).expect(900);
    old.chunk(2 * CHUNK, &ours[2 * CHUNK..]).expect(268);
    new.chunk(2 * CHUNK, &theirs[2 * CHUNK..]).expect(900);
    old.done(&ours).expect(268);
    new.done(&theirs).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == theirs);
    // Both serve on.
    old.upload("g", &ours, 0).expect(900);
    assert_eq!(new.quota().used, 8 * CHUNK as u64);
    assert_eq!(new.quota().reserved, 0);
}

#[test]
fn a_session_that_was_taken_over_cannot_drop_the_other_ones_part() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let content = bytes(4, 3 * CHUNK);
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    old.put("f", content.len(), 0).expect(802);
    old.chunk(0, &content[..CHUNK]).expect(900);
    eventually("the silent session is taken over", || new.put("f", content.len(), 0).code == 800);
    assert_eq!(new.go_on(&content[..2 * CHUNK], 16), [1]);
    old.drop_part(false).expect(268);
    old.drop_part(false).expect(269);
    new.chunk(2 * CHUNK, &content[2 * CHUNK..]).expect(900);
    new.done(&content).expect(900);
    assert!(fs::read(site.stored("ann", "f")).unwrap() == content);
    let usage = old.quota();
    assert_eq!((usage.used, usage.reserved), (content.len() as u64, 0));
}

#[test]
fn what_is_being_written_cannot_be_forgotten_under_the_writer() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    let content = bytes(5, 2 * CHUNK);
    let (mut ann, mut other) = (daemon.login("ann"), daemon.login("ann"));
    let kept = (0..ROUNDS).any(|round| {
        let path = format!("f{round}");
        ann.put(&path, content.len(), 0).expect(802);
        ann.chunk(0, &content[..CHUNK]).expect(900);
        let answer = other.on("FORGET", &path);
        if answer.code == 267 {
            ann.chunk(CHUNK, &content[CHUNK..]).expect(900);
            ann.done(&content).expect(900);
            return true;
        }
        answer.expect(200);
        ann.chunk(CHUNK, &content[CHUNK..]).expect(268);
        ann.drop_part(true);
        false
    });
    assert!(kept, "a healthy writer is respected");
}

#[test]
fn a_takeover_needs_no_room_of_its_own() {
    let site = Site::new();
    let content = bytes(6, 3 * CHUNK);
    // Room for the file once: what the silent session was promised goes to the one that goes on.
    site.account("ann", &content.len().to_string());
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    old.put("f", content.len(), 0).expect(802);
    old.chunk(0, &content[..CHUNK]).expect(900);
    eventually("the silent session is taken over", || {
        let answer = new.put("f", content.len(), 0);
        assert!(matches!(answer.code, 267 | 800), "{} {}", answer.code, answer.text);
        answer.code == 800
    });
    assert_eq!(new.quota().reserved, 2 * CHUNK as u64);
    assert_eq!(new.go_on(&content, 16), [1, 2]);
    old.chunk(CHUNK, &content[CHUNK..]).expect(268);
    new.done(&content).expect(900);
    old.drop_part(false).expect(268);
    let usage = new.quota();
    assert_eq!((usage.used, usage.reserved), (content.len() as u64, 0));
}
