//! Guests: who comes in without an account, and how little can be reached.

use std::fs;

use miniftp::wire;

use super::ftp::Talk;
use super::{ls, mount, plant, section};
use crate::harness::{Daemon, Frames, Site};

fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M").setting("guests", "anonymous", "yes");
    for file in ["anonymous/hello", "ann/secret", "share/open", "members/list", "box/old"] {
        plant(&site, file, file);
    }
    mount(
        &site,
        &[
            section("share", "share", "everybody", "read", ""),
            section("members", "members", "all", "read", ""),
            section("box", "box", "guests", "write", "10k"),
        ]
        .concat(),
    );
    site
}

fn guest(daemon: &Daemon) -> Frames {
    let mut frames = daemon.connect();
    frames.hello();
    frames.request("GUEST", &wire::Nothing::new()).expect(254);
    frames
}

#[test]
fn guests_read_and_reach_nothing_else() {
    let site = site();
    let daemon = site.start();
    let mut frames = guest(&daemon);
    assert_eq!(ls(&mut frames, "/").unwrap(), ["box", "hello", "share"]);
    assert_eq!(frames.fetch("/hello"), b"anonymous/hello");
    assert_eq!(frames.fetch("/share/open"), b"share/open");
    frames.store("/mine", b"x", 0).expect(261);
    frames.rm("/hello", false).expect(261);
    frames.mkdir("/folder", false).expect(261);
    frames.store("/share/x", b"x", 0).expect(261);
    for path in ["/members/list", "/../ann/secret", "/share/../../ann/secret", "/ann/secret"] {
        frames.get(path).expect(256);
    }
    // Into their drop box, as long as there is room in it.
    frames.store("/box/gift", b"x", 0).expect(900);
    frames.store("/box/old", b"x", 1).expect(900);
    assert_eq!(fs::read(site.home().join("box/old")).unwrap(), b"box/old");
    frames.store("/box/huge", &vec![0; 11_000], 0).expect(270);
    frames.get("/box/gift").expect(261);
    assert_eq!(frames.quota().limit, Some(0));
    assert_eq!(fs::read(site.home().join("box/gift")).unwrap(), b"x");
    // What one guest left unfinished is no other guest's business.
    frames.put("/box/part", 5000, 2).expect(802);
    frames.drop_part(true).expect(200);
    assert_eq!(guest(&daemon).parts(), []);
    frames.on("FORGET", "/box/part").expect(261);
    let mut ann = daemon.login("ann");
    assert_eq!(ls(&mut ann, "/").unwrap(), ["members", "secret", "share"]);
}

#[test]
fn guests_come_in_by_ftp_with_any_password() {
    let site = site();
    let daemon = site.start();
    for name in ["anonymous", "ftp", "FTP"] {
        let mut talk = Talk::connect(daemon.ftp_addr());
        assert_eq!(talk.say(&format!("USER {name}")), 331);
        assert_eq!(talk.say("PASS me@example.org"), 230);
        assert_eq!(talk.fetch("RETR /hello"), (226, "anonymous/hello".to_owned()));
        assert_eq!(talk.store("STOR /mine", b"x"), 550);
        assert_eq!(talk.say("DELE /hello"), 550);
        assert_eq!(talk.fetch("RETR /members/list").0, 550);
        assert_eq!(talk.fetch("RETR /../ann/secret").0, 550);
    }
}

#[test]
fn the_client_asks_guests_for_no_password() {
    let site = site();
    let _daemon = site.start();
    site.miniftp("anonymous", &["ls"]).ok().stdout_has("hello");
    site.miniftp("anonymous", &["get", "share/open"]).ok();
    assert_eq!(fs::read(site.local().join("open")).unwrap(), b"share/open");
    site.miniftp("anonymous", &["put", "open"]).fails(1).stderr_has("permission denied");
}

#[test]
fn guests_come_only_where_the_settings_let_them_and_only_so_many() {
    let site = site();
    site.setting("guests", "sessions", "2");
    let mut daemon = site.start();
    let (first, _second) = (guest(&daemon), guest(&daemon));
    let mut third = daemon.connect();
    third.hello();
    third.send("GUEST", &wire::Nothing::new());
    third.expect_bye(422).says("2 guests");
    daemon.login("ann").pwd();
    drop(first);
    crate::harness::eventually("a place becomes free", || {
        let mut next = daemon.connect();
        next.hello();
        next.send("GUEST", &wire::Nothing::new());
        next.read_frame().is_some_and(|frame| frame.kind == wire::FrameKind::Answer)
    });
    site.setting("guests", "anonymous", "no");
    daemon.restart();
    let mut frames = daemon.connect();
    frames.hello();
    frames.request("GUEST", &wire::Nothing::new()).expect(253);
    let mut talk = Talk::connect(daemon.ftp_addr());
    assert_eq!(talk.say("USER anonymous"), 530);
    site.miniftp("anonymous", &["ls"]).fails(4);
}
