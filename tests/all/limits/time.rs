//! Peers that are silent, slow, or do not listen. Each wait ends by itself and says which it was.

use std::io::Write;
use std::thread;
use std::time::Duration;

use miniftp::limits;
use miniftp::wire::{FrameKind, Get, Nothing};

use super::Scene;
use crate::harness::{Frames, FtpTalk, bytes, password, request};

/// Sends these bytes one by one, slowly, until the other side has gone.
fn dribble(to: &Frames, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    let mut tcp = to.tcp().try_clone().unwrap();
    thread::spawn(move || {
        for byte in bytes {
            if tcp.write_all(&[byte]).is_err() {
                return;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
    })
}

#[test]
fn a_peer_that_dribbles_is_as_late_as_a_silent_one() {
    let mut scene = Scene::with(&[("frame_secs", "1")]);
    const { assert!(limits::PACE > 1000 / 20, "the bytes below are too slow for the limit") };
    // Four thousand bytes would take 80 seconds.
    let endless = [&[0, 0, 15, 160][..], &[0; 4000]].concat();
    let stranger = scene.stranger();
    let writer = dribble(&stranger, endless.clone());
    stranger.expect_bye(420).says("waited 1 s for the rest of a message");
    writer.join().unwrap();

    let guest = scene.guest();
    let writer = dribble(&guest, endless);
    guest.expect_bye(420).says("waited 1 s for the rest of a message");
    writer.join().unwrap();

    let mut silent = scene.guest();
    silent.send_bytes(&request("PING", &Nothing::new(), &[])[..7]);
    silent.expect_bye(420).says("waited 1 s for the rest of a message");
    scene.others_are_served();
}

#[test]
fn the_login_has_one_deadline_whatever_is_said_before_it() {
    let site_of = Scene::with(&[("login_secs", "2")]);
    let silent = site_of.stranger();
    let mut chatty = site_of.stranger();
    silent.expect_bye(420).says("waited 2 s for the login");
    let bye = loop {
        chatty.send("PING", &Nothing::new());
        let frame = chatty.read_frame().expect("an answer or a bye");
        if frame.kind == FrameKind::Bye {
            break frame;
        }
    };
    assert_eq!(bye.fields[..2], 420u16.to_be_bytes());
    let mut scene = site_of;
    // Those who logged in are no longer under that deadline.
    scene.others_are_served();
}

#[test]
fn whoever_logs_out_and_stays_has_the_deadline_of_a_login_again() {
    let scene = Scene::with(&[("login_secs", "2")]);
    for out in ["REIN", "USER ann"] {
        let mut talk = FtpTalk::login(scene.daemon.ftp_addr(), "ann");
        talk.ask(out);
        let last = std::iter::from_fn(|| {
            talk.send("NOOP");
            talk.next_reply()
        });
        last.last().expect("a last reply").expect(421).says("waited 2 s for the login");
    }
    // A login in between ends it again.
    let mut talk = FtpTalk::login(scene.daemon.ftp_addr(), "ann");
    talk.ask("REIN").expect(220);
    talk.log_in("ann", &password("ann")).expect(230);
    scene.stranger().expect_bye(420).says("waited 2 s for the login");
    talk.ask("PWD").expect(257);
    scene.newcomers_are_served();
}

#[test]
fn silence_after_the_login_ends_too() {
    let scene = Scene::with(&[("idle_secs", "1")]);
    scene.guest().expect_bye(420).says("waited 1 s for the next request");
    scene.newcomers_are_served();
}

#[test]
fn who_does_not_read_is_not_waited_for() {
    let mut scene = Scene::with(&[("frame_secs", "1")]);
    let mut deaf = scene.guest();
    let content = bytes(8, limits::FRAME_DATA);
    deaf.store("big", &content, 0).expect(900);
    for _ in 0..64 {
        deaf.send("GET", &Get::new("big", 0, u64::MAX, 0));
    }
    scene.daemon.wait_for_log("waited 1 s for the other side to read");
    scene.others_are_served();
}
