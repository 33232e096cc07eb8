//! Sixteen sessions of one account after the last bytes, and somebody who looks all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::{CHUNK, Daemon, Frames, Site, bytes, stored_bytes};

const SESSIONS: usize = 16;

/// Lets all sessions run `until_full` while the disk is looked at, and compares the books.
fn race(limit: u64, until_full: impl Fn(&mut Frames, usize) + Sync) {
    let site = Site::new();
    site.account("ann", &limit.to_string());
    let daemon: Daemon = site.start();
    let over = AtomicBool::new(false);
    let looks = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                let bytes = stored_bytes(&site.home(), "ann");
                assert!(bytes <= limit, "{bytes} bytes on the disk, the limit is {limit}");
                looks += 1;
            }
            looks
        });
        let racing: Vec<_> = (0..SESSIONS)
            .map(|number| {
                let (daemon, until_full) = (&daemon, &until_full);
                scope.spawn(move || until_full(&mut daemon.login("ann"), number))
            })
            .collect();
        let ended: Vec<_> = racing.into_iter().map(|session| session.join()).collect();
        over.store(true, Ordering::Relaxed);
        for session in ended {
            session.unwrap();
        }
        looking.join().unwrap()
    });
    assert!(looks > 0);
    let usage = daemon.login("ann").quota();
    assert_eq!((usage.used, usage.reserved), (limit, 0), "all of it and no more");
    assert_eq!(stored_bytes(&site.home(), "ann"), limit);
}

#[test]
fn small_files_stop_exactly_at_the_limit() {
    let content = bytes(1, 10_000);
    race(200 * 10_000, |ann, number| {
        for i in 0.. {
            let answer = ann.store(&format!("{number}-{i}"), &content, 0);
            if answer.code == 270 {
                return;
            }
            answer.expect(900);
        }
    });
}

#[test]
fn small_files_in_flight_stop_exactly_at_the_limit() {
    let content = bytes(2, 1_000);
    let (rows, digest) = (crate::harness::row(&content), crate::harness::whole(&content));
    race(500 * 1_000, |ann, number| {
        for i in 0..60 {
            let name = format!("{number}-{i}");
            let store =
                miniftp::wire::Store::new(&name, 0, 0, miniftp::wire::NO_MODE, 0, &digest, &rows);
            ann.send_with_data("STORE", &store, &content);
        }
        for _ in 0..60 {
            let answer = ann.read_answer();
            assert!(matches!(answer.code, 270 | 900), "{} {}", answer.code, answer.text);
        }
    });
}

#[test]
fn announced_uploads_stop_exactly_at_the_limit() {
    let content = bytes(3, 2 * CHUNK + 500);
    race(50 * content.len() as u64, |ann, number| {
        for i in 0.. {
            let answer = ann.put(&format!("{number}-{i}"), content.len(), 0);
            if answer.code == 270 {
                return;
            }
            answer.expect(802);
            for (i, data) in content.chunks(CHUNK).enumerate() {
                ann.chunk(i * CHUNK, data).expect(900);
            }
            ann.done(&content).expect(900);
        }
    });
}
