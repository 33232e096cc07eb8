//! How many may be inside, and what they are told when the server stops.

use std::io::Write;

use super::Scene;
use crate::harness::{FtpTalk, bytes, eventually, part_files};

#[test]
fn one_more_than_there_is_place_for_is_told_421_and_why() {
    let scene = Scene::with(&[("server", "connections", "3")]);
    let mut ann = scene.ann();
    // A guest is a guest through either door.
    let framed = scene.daemon.login("ann");
    let other = scene.ann();
    let mut late = FtpTalk::raw(scene.daemon.ftp_addr());
    late.reply().expect(421).says("3 connections at most");
    late.expect_end();
    ann.ask("PWD").expect(257);
    drop((framed, other));
    eventually("a place is free", || {
        let mut talk = FtpTalk::raw(scene.daemon.ftp_addr());
        talk.reply().code == 220
    });
}

#[test]
fn asked_to_stop_it_tells_everybody_keeps_what_came_and_ends_well() {
    let mut scene = Scene::new();
    let content = bytes(1, 500_000);
    scene.put("old", b"old");
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    let mut idle = scene.ann();
    let mut storing = scene.ann();
    let mut data = storing.begin("STOR old");
    data.write_all(&content[..200_000]).unwrap();
    storing.until_moved(200_000);
    let mut waiting = scene.ann();
    waiting.epsv();
    waiting.send("LIST");
    waiting.ask("NOOP").expect(200);
    scene.daemon.term();
    for talk in [&mut stranger, &mut idle, &mut storing, &mut waiting] {
        talk.reply().expect(421).says("the server is stopping");
        talk.expect_end();
    }
    drop(data);
    assert_eq!(scene.daemon.wait().code(), Some(0));
    assert_eq!(scene.stored("old").unwrap(), b"old");
    assert_eq!(part_files(&scene.site.home(), "ann").len(), 1);
    scene.daemon.restart();
    let mut ann = scene.ann();
    assert_eq!(ann.used_bytes(), 200_003);
    ann.store("old", &content).expect(226);
    assert_eq!(ann.used_bytes(), 500_000);
}

#[test]
fn whoever_waits_for_the_end_of_a_transfer_is_not_waited_for_at_the_stop() {
    let mut scene = Scene::new();
    let mut ann = scene.ann();
    let mut data = ann.begin("STOR f");
    data.write_all(b"some").unwrap();
    ann.until_moved(4);
    // From here on the server does not read the line any more.
    ann.send("PWD");
    scene.daemon.term();
    ann.reply().expect(421).says("the server is stopping");
    assert_eq!(scene.daemon.wait().code(), Some(0));
    assert_eq!(scene.stored("f"), None);
}
