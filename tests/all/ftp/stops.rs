//! Data connections that nobody comes to, that stand still, or that flow for long.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::{LARGE, Scene};
use crate::harness::{bytes, part_files};

#[test]
fn who_does_not_come_for_the_data_is_not_waited_for() {
    let scene = Scene::with(&[("ftp", "data_secs", "1")]);
    scene.put("f", b"hello");
    let mut ann = scene.ann();
    for command in ["RETR f", "LIST", "STOR new"] {
        ann.epsv();
        ann.ask(command).expect(425).says("nobody came: waited 1 s for the data connection");
        ann.ask("PWD").expect(257);
    }
    assert_eq!(scene.stored("new"), None);
    assert!(part_files(&scene.site.home(), "ann").is_empty());
    assert_eq!(ann.fetch("f"), b"hello");
}

#[test]
fn a_transfer_that_stands_still_is_ended_and_the_session_lives() {
    let scene = Scene::with(&[("ftp", "data_secs", "1")]);
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
fn the_control_line_is_not_idle_while_data_flows() {
    let scene = Scene::with(&[("server", "idle_secs", "1"), ("ftp", "data_secs", "30")]);
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
