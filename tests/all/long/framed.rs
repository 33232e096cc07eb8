//! Long requests of the framed protocol: signs of life, and their end.

use std::fs::File;

use miniftp::wire::{self, FrameKind};

use super::{End, HUGE, Scene};
use crate::harness::{Frames, request, reset};

/// What reads a whole file before it is answered.
fn readers() -> [(&'static str, Vec<u8>); 4] {
    let hash = |digest| request("HASH", &wire::Hash::new("huge", digest), &[]);
    let put = wire::Put::new("huge", HUGE, 0, 0, wire::NO_MODE, 1, &[7; 16]);
    [
        ("md5", hash("md5")),
        ("sha256", hash("sha256")),
        ("crc32", hash("crc32")),
        ("a comparison before PUT", request("PUT", &put, &[])),
    ]
}

/// A session at such a request, which has shown life.
#[track_caller]
fn reading(scene: &Scene, request: &[u8]) -> Frames {
    let mut ann = scene.daemon.login("ann");
    ann.send_bytes(request);
    let sign = ann.read_frame().expect("a sign of life");
    assert_eq!(sign.kind, FrameKind::Alive);
    ann
}

#[test]
fn a_request_that_reads_ends_with_its_session_and_with_the_server() {
    for how in End::ALL {
        let mut scene = Scene::new();
        let all: Vec<Frames> =
            readers().iter().map(|(_, request)| reading(&scene, request)).collect();
        scene.end(how);
        for ann in all {
            ann.expect_bye(how.code());
        }
        scene.check_after(how);
    }
}

#[test]
fn a_request_that_reads_ends_with_its_client() {
    for (what, request) in readers() {
        for by_reset in [false, true] {
            let scene = Scene::new();
            let mut ann = reading(&scene, &request);
            // What waits behind it does not hide that nobody is there.
            ann.send("PING", &wire::Nothing::new());
            let tcp = ann.into_tcp();
            if by_reset {
                reset(tcp)
            } else {
                drop(tcp)
            }
            scene.daemon.wait_for_log("ann@127.0.0.1 left");
            drop(scene.daemon.login("root"));
            println!("{what}");
        }
    }
}

#[test]
fn digests_for_a_peer_that_takes_them_or_not_end_with_the_session() {
    for how in End::ALL {
        let mut scene = Scene::new();
        let mut ann = scene.daemon.login("ann");
        let mut stuck = scene.daemon.login("ann");
        for one in [&mut ann, &mut stuck] {
            one.send("SUMS", &wire::SumsOf::new("huge", 0, u32::MAX, 0));
            assert_eq!(one.read_frame().unwrap().kind, FrameKind::More);
        }
        scene.end(how);
        ann.expect_bye(how.code());
        if how == End::Stopped {
            // It takes nothing and would be waited for; a second word does not wait.
            scene.daemon.term();
            assert_eq!(scene.daemon.wait().code(), Some(0));
        } else {
            // It cannot be told, so it is cut.
            scene.daemon.wait_for_log("ann@127.0.0.1 left");
            scene.check_after(how);
        }
        drop(stuck);
    }
}

#[test]
fn a_client_that_says_nothing_more_still_gets_its_answer() {
    let scene = Scene::new();
    let large = File::create(scene.site.stored("ann", "large")).unwrap();
    large.set_len(2 << 30).unwrap();
    let mut ann = scene.daemon.login("ann");
    ann.send("HASH", &wire::Hash::new("large", "sha256"));
    ann.finish_sending();
    let answer = ann.read_answer();
    answer.expect(258);
    assert!(answer.alive > 0, "it was long enough to be looked at");
}
