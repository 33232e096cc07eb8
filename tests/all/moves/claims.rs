//! A folder stays while somebody writes in it; what is short is waited for.

use std::sync::Barrier;
use std::thread;

use super::mount;
use crate::harness::{CHUNK, Site, bytes, eventually};

#[test]
fn a_folder_in_which_somebody_writes_is_neither_moved_nor_removed() {
    let site = Site::new();
    site.account("ann", "10M").account("bob", "10M");
    mount(&site, &[("own", "10M")]);
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    ann.mkdir("/own/d/e", true).expect(200);
    ann.mkdir("/own/d-e", true).expect(200);
    let content = bytes(1, 2 * CHUNK);
    bob.put("/own/d/e/f", content.len(), 0).expect(802);
    bob.chunk(0, &content[..CHUNK]).expect(900);
    ann.mv("/own/d", "/own/x", false).expect(267).says("is being written by bob");
    ann.mv("/own/d/e", "/mine", false).expect(267);
    ann.rm("/own/d", true).expect(267);
    ann.on("RMDIR", "/own/d/e").expect(267);
    ann.rm("/own/d/e/f", false).expect(267);
    ann.mkdir("/own/d/e/f", false).expect(267);
    // What lies beside it is free.
    ann.mv("/own/d-e", "/own/d/d-e", false).expect(200);
    ann.store("/own/d/e/g", b"g", 0).expect(900);
    bob.chunk(CHUNK, &content[CHUNK..]).expect(900);
    bob.done(&content).expect(900);
    ann.mv("/own/d", "/own/x", false).expect(200);
    assert_eq!(ann.fetch("/own/x/e/f"), content);
}

#[test]
fn a_session_that_is_stuck_gives_way_and_its_part_follows() {
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let (mut old, mut new) = (daemon.login("ann"), daemon.login("ann"));
    let content = bytes(2, 3 * CHUNK);
    new.mkdir("/d", false).expect(200);
    old.put("/d/f", content.len(), 0).expect(802);
    old.chunk(0, &content[..CHUNK]).expect(900);
    eventually("the silent session is taken over", || {
        let answer = new.mv("/d", "/e", false);
        assert!(matches!(answer.code, 200 | 267), "{} {}", answer.code, answer.text);
        answer.code == 200
    });
    old.chunk(CHUNK, &content[CHUNK..]).expect(268);
    old.done(&content).expect(268);
    new.put("/e/f", content.len(), 0).expect(800);
    assert_eq!(new.go_on(&content, 16), [1, 2], "what had come is not sent again");
    new.done(&content).expect(900);
    let usage = new.quota();
    assert_eq!((usage.used, usage.reserved), (content.len() as u64, 0));
}

#[test]
fn of_two_that_do_the_same_at_once_neither_is_told_that_the_other_is_busy() {
    const ROUNDS: usize = 60;
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let both = Barrier::new(2);
    let mut stays = daemon.login("ann");
    let codes: Vec<Vec<u16>> = thread::scope(|scope| {
        let sessions: Vec<_> = (0..2)
            .map(|_| {
                let mut ann = daemon.login("ann");
                let both = &both;
                scope.spawn(move || {
                    let mut codes = Vec::new();
                    for round in 0..ROUNDS {
                        both.wait();
                        ann.mkdir(&format!("/{round}/a/b"), true).expect(200);
                        codes.push(ann.store(&format!("/{round}/f"), b"f", 1).code);
                        both.wait();
                        codes.push(ann.rm(&format!("/{round}/f"), false).code);
                        codes.push(ann.rm(&format!("/{round}"), true).code);
                    }
                    codes
                })
            })
            .collect();
        sessions.into_iter().map(|session| session.join().unwrap()).collect()
    });
    // Of two uploads to one name the second is refused: nobody knows how long the first takes.
    assert!(
        codes.iter().flatten().all(|code| [900, 801, 267, 200, 256].contains(code)),
        "{codes:?}"
    );
    let removals = codes.iter().flat_map(|codes| codes.chunks(3)).map(|codes| &codes[1..]);
    assert!(removals.flatten().all(|code| [200, 256].contains(code)), "{codes:?}");
    assert_eq!(stays.quota().used, 0);
    assert!(stays.on("LS", "/").names().is_empty());
}
