//! Data connections that nobody comes to, that stand still, or that flow for long.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use miniftp::limits;

use super::{LARGE, Scene};
use crate::harness::{FtpTalk, bytes, part_files};

#[test]
fn who_does_not_come_for_the_data_is_not_waited_for() {
    let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "stall_secs", "1")]);
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    for command in ["RETR f", "LIST", "STOR new"] {
        ann.epsv();
        ann.ask(command).expect(425).says("no data connection: waited 1 s for the data connection");
        ann.ask("PWD").expect(257);
    }
    assert_eq!(scene.stored("new"), None);
    assert!(part_files(&scene.site.home(), "ann").is_empty());
    assert_eq!(ann.fetch("f"), b"hello");
}

#[test]
fn a_transfer_that_stands_still_is_ended_and_the_session_lives() {
    let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "stall_secs", "1")]);
    scene.put_large("big");
    let mut ann = scene.ann();
    let mut data = ann.begin("RETR big");
    ann.reply().expect(426).says("waited 1 s for the data connection");
    ann.ask("PWD").expect(257);
    let mut some = Vec::new();
    let _ = data.read_to_end(&mut some);
    assert!(some.len() < LARGE);
    drop(data);
    ann.ask("DELE big").expect(250);

    let mut data = ann.begin("STOR new");
    data.write_all(&bytes(2, 200_000)).unwrap();
    ann.reply().expect(426).says("waited 1 s for the data connection");
    // What came is kept, and a client can go on behind it.
    ann.ask("SIZE new").expect(213).says("200000");
    assert_eq!(scene.stored("new"), None);
    ann.ask("PWD").expect(257);
}

#[test]
fn a_transfer_that_dribbles_is_as_late_as_one_that_stands_still() {
    let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "stall_secs", "1")]);
    let mut ann = scene.ann();
    // A byte now and then, until the other side has gone.
    let mut data = ann.begin("STOR drip");
    let writer = thread::spawn(move || {
        while data.write_all(b".").is_ok() {
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    ann.reply().expect(426).says("waited 1 s for the data connection");
    writer.join().unwrap();
    ann.ask("DELE drip").expect(250).says("the unfinished upload is removed");
    let scene = Scene::with(&[("ftp", "data_secs", "1"), ("ftp", "stall_secs", "1")]);
    scene.put_large("big");
    let mut ann = scene.ann();
    let mut data = ann.begin("RETR big");
    let reader = thread::spawn(move || {
        while data.read(&mut [0]).is_ok_and(|n| n > 0) {
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    ann.reply().expect(426).says("waited 1 s for the data connection");
    ann.ask("PWD").expect(257);
    drop(reader);
}

#[test]
fn how_slow_a_transfer_may_be_is_a_setting() {
    // The same dribble ends one and not the other, which ends when it stands still.
    let dribble = |scene: &Scene| {
        let mut ann = scene.ann();
        let mut data = ann.begin("STOR drip");
        let begun = Instant::now();
        // For longer than the span in which it is judged.
        while begun.elapsed() < Duration::from_secs(3) {
            if data.write_all(b".").is_err() {
                break;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        drop(data);
        ann.reply()
    };
    let strict = Scene::with(&[
        ("ftp", "data_secs", "1"),
        ("ftp", "stall_secs", "1"),
        ("ftp", "min_rate", "100K"),
    ]);
    dribble(&strict).expect(426).says("waited 1 s for the data connection");
    let patient = Scene::with(&[
        ("ftp", "data_secs", "1"),
        ("ftp", "stall_secs", "1"),
        ("ftp", "min_rate", "0"),
    ]);
    dribble(&patient).expect(226);
    let mut ann = patient.ann();
    let _data = ann.begin("STOR silent");
    ann.reply().expect(426).says("waited 1 s for the data connection");
}

#[test]
fn a_control_line_that_chatters_is_as_late_as_a_silent_one() {
    let chatter = |ftp: &FtpTalk, line: &'static [u8]| {
        let mut tcp = ftp.tcp().try_clone().unwrap();
        thread::spawn(move || {
            while tcp.write_all(line).is_ok() {
                thread::park_timeout(Duration::from_millis(50));
            }
        })
    };
    // Before the login whatever is said; after it empty lines, which ask for nothing.
    let scene = Scene::with(&[("server", "login_secs", "1")]);
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    let writer = chatter(&stranger, b"NOOP\r\n");
    let last = loop {
        let reply = stranger.reply();
        if reply.code != 200 {
            break reply;
        }
    };
    last.expect(421).says("waited 1 s for the login");
    writer.join().unwrap();
    let scene = Scene::with(&[("server", "idle_secs", "1")]);
    let mut ann = scene.ann();
    let writer = chatter(&ann, b"\r\n");
    ann.reply().expect(421).says("waited 1 s for the next request");
    writer.join().unwrap();
    // So they are to a session that rests in between, which has no thread then.
    let scene = Scene::with(&[("server", "idle_secs", "3")]);
    let mut ann = scene.ann();
    let mut tcp = ann.tcp().try_clone().unwrap();
    let writer = thread::spawn(move || {
        while tcp.write_all(b"\r\n").is_ok() {
            thread::park_timeout(limits::REST_AFTER + limits::REST_AFTER / 4);
        }
    });
    ann.reply().expect(421).says("waited 3 s for the next request");
    writer.join().unwrap();
    // A line that never ends is one that was begun, and so is what a telnet says beside lines.
    let scene = Scene::with(&[("server", "frame_secs", "1")]);
    for bytes in [b"N".as_slice(), b"\xff\xf1"] {
        let mut ann = scene.ann();
        let writer = chatter(&ann, bytes);
        ann.reply().expect(421).says("waited 1 s for the rest of a message");
        writer.join().unwrap();
    }
}

#[test]
fn the_control_line_is_not_idle_while_data_flows() {
    let scene = Scene::with(&[("server", "idle_secs", "1"), ("ftp", "stall_secs", "30")]);
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR slow");
    let begun = Instant::now();
    let mut sent = Vec::new();
    // Slow and steady, until well after the control line would have been too long silent.
    while begun.elapsed() < Duration::from_millis(2500) {
        let piece = bytes(sent.len() as u64, 1000);
        data.write_all(&piece).unwrap();
        sent.extend_from_slice(&piece);
        thread::park_timeout(Duration::from_millis(20));
    }
    drop(data);
    ann.reply().expect(226);
    assert!(scene.stored("slow").unwrap() == sent);
    ann.ask("PWD").expect(257);
    // And then it is idle as any other.
    ann.reply().expect(421);
}

#[test]
fn a_stream_without_a_pause_does_not_deafen_the_server() {
    let scene = Scene::with(&[("storage", "durability", "none")]);
    scene.site.account("bob", "unlimited");
    let mut bob = scene.daemon.ftp("bob");
    let mut data = bob.begin("STOR endless");
    let writer = thread::spawn(move || {
        let piece = vec![7; 1 << 20];
        // Bounded, should nobody end it.
        for _ in 0..512 {
            if data.write_all(&piece).is_err() {
                return true;
            }
        }
        false
    });
    bob.ask("STAT").expect(211).says("a transfer is running");
    bob.ask("NOOP").expect(200).says("a transfer is running");
    bob.ask("ABOR").expect(426);
    bob.reply().expect(226);
    assert!(writer.join().unwrap(), "the data connection was closed");
    bob.ask("PWD").expect(257);
}
