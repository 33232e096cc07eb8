//! One line for each act, whatever the door.

use std::fs;
use std::path::Path;

use miniftp::wire::{Copy, Nothing};

use super::{Scene, acts};
use crate::harness::{CHUNK, bytes, eventually};

#[test]
fn the_framed_door_leaves_one_line_for_each_act() {
    let scene = Scene::new();
    let content = bytes(1, 3 * CHUNK);
    let mut ann = scene.daemon.login("ann");
    ann.store("/a", b"six by", 0).expect(900);
    ann.store("/a", b"seven b", 1).expect(900);
    ann.store("/a", b"other", 0).expect(262);
    ann.put("/b", content.len(), 0).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    ann.drop_part(true).expect(200);
    ann.on("FORGET", "/b").expect(200);
    ann.put("/d/b", content.len(), 0).expect(256);
    ann.mkdir("/d", false).expect(200);
    ann.mkdir("/d", true).expect(200);
    ann.upload("/d/b", &content, 0).expect(900);
    ann.put("/big", 2 << 20, 0).expect(270);
    ann.mv("/a", "/c", false).expect(200);
    assert!(ann.fetch("/d/b") == content);
    ann.get("/none").expect(256);
    ann.rm("/c", false).expect(200);
    ann.rm("/d", true).expect(200);
    ann.put("/cut", content.len(), 0).expect(802);
    ann.chunk(0, &content[..CHUNK]).expect(900);
    drop(ann);
    let mut left = Vec::new();
    eventually("the session has left", || {
        left = acts(&scene.log(), "ann@127.0.0.1");
        left.last().is_some_and(|act| act.starts_with("left"))
    });
    let missing = "no such file or folder: `/d/b`";
    let expected = [
        "login",
        "put /a 6 bytes in S s",
        "put /a 7 bytes in S s, replaced",
        "put /b broke off after S s: 65536 bytes are kept",
        "drop /b 65536 bytes",
        &format!("put /d/b refused: {missing}"),
        "mkdir /d",
        "put /d/b 196608 bytes in S s",
        "put /big refused: ",
        "mv /a -> /c",
        "get /d/b 196608 bytes in S s",
        "get /none refused: no such file or folder: `/none`",
        "rm /c 7 bytes",
        "rm /d 2 entries, 196608 bytes",
        "put /cut broke off after S s: 65536 bytes are kept",
        "left after S s: 327693 bytes up, 196608 bytes down",
    ];
    assert_eq!(left.len(), expected.len(), "{left:#?}");
    for (is, should) in left.iter().zip(expected) {
        let fits = if should.ends_with(": ") { is.starts_with(should) } else { is == should };
        assert!(fits, "{is}\n{should}");
    }
}

#[test]
fn the_ftp_door_leaves_one_line_for_each_act() {
    let scene = Scene::new();
    let content = bytes(1, 300_000);
    let mut ann = scene.daemon.ftp("ann");
    ann.store("a", b"six by").expect(226);
    ann.store("a", b"seven b").expect(226);
    assert!(ann.fetch("a") == b"seven b");
    let mut data = ann.begin("STOR b");
    std::io::Write::write_all(&mut data, &content).unwrap();
    ann.until_moved(content.len());
    ann.ask("ABOR").expect(426);
    ann.reply().expect(226);
    ann.ask("DELE b").expect(250);
    ann.ask("DELE b").expect(550);
    ann.ask("MKD d").expect(257);
    ann.ask("RNFR a").expect(350);
    ann.ask("RNTO d/a").expect(250);
    ann.ask("MFMT 20200101000000 d/a").expect(213);
    ann.ask("RMD d").expect(550);
    ann.ask("ALLO 3000000").expect(200);
    ann.data();
    ann.ask("STOR big").expect(552);
    ann.ask("USER root").expect(331);
    ann.ask("QUIT").expect(221);
    ann.expect_end();
    let has_left = |log: &str| {
        let left = acts(log, "?@127.0.0.1");
        left.iter().any(|act| act == "left after S s: 0 bytes up, 0 bytes down")
    };
    eventually("it has left", || has_left(&scene.log()));
    let log = scene.log();
    let is = acts(&log, "ann@127.0.0.1");
    let expected = [
        "login",
        "put /a 6 bytes in S s",
        "put /a 7 bytes in S s, replaced",
        "get /a 7 bytes in S s",
        "put /b broke off after S s: 300000 bytes are kept; the client aborted it",
        "drop /b 300000 bytes",
        "rm /b refused: no such file or folder: `/b`",
        "mkdir /d",
        "mv /a -> /d/a",
        "time /d/a",
        "rmdir /d refused: the folder `/d` is not empty",
        "put /big refused: ",
        "logout after S s: 300013 bytes up, 7 bytes down",
    ];
    assert_eq!(is.len(), expected.len(), "{is:#?}");
    for (is, should) in is.iter().zip(expected) {
        let fits = if should.ends_with(": ") { is.starts_with(should) } else { is == should };
        assert!(fits, "{is}\n{should}");
    }
}

/// It was an upload in the log, in the xferlog and in what had come from the client.
#[test]
fn a_copy_on_the_server_is_one_and_no_upload() {
    let scene = Scene::new();
    let mut ann = scene.daemon.login("ann");
    ann.store("/a", &bytes(1, 340_000), 0).expect(900);
    for (from, to, replace, code) in [
        ("/a", "/b", 0, 900),
        ("/a", "/b", 0, 262),
        ("/b", "/a", 1, 900),
        ("/none", "/c", 0, 256),
        ("/a", "/c", 0, 900),
        ("/a", "/d", 0, 270),
    ] {
        ann.request("CP", &Copy::new(from, to, replace)).expect(code);
    }
    drop(ann);
    let mut left = Vec::new();
    eventually("the session has left", || {
        left = acts(&scene.log(), "ann@127.0.0.1");
        left.last().is_some_and(|act| act.starts_with("left"))
    });
    let over = left.get(6).map_or("", |act| act.as_str());
    assert!(over.starts_with("cp /a -> /d refused: over quota: "), "{left:#?}");
    let expected = [
        "login",
        "put /a 340000 bytes in S s",
        "cp /a -> /b 340000 bytes in S s",
        "cp /b -> /a 340000 bytes in S s, replaced",
        "cp /none -> /c refused: no such file or folder: `/none`",
        "cp /a -> /c 340000 bytes in S s",
        over,
        "left after S s: 340000 bytes up, 0 bytes down",
    ];
    assert_eq!(left, expected);
    assert_eq!(scene.read("xferlog").lines().count(), 1, "only one was a transfer");
}

#[test]
fn many_small_files_leave_a_line_each() {
    let scene = Scene::new();
    scene.site.miniftpd(&["account", "quota", "ann", "10M"], "").ok();
    for i in 0..600 {
        let name = format!("tree/f{i}");
        crate::harness::write_file(scene.site.local().join(name), b"small");
    }
    scene.site.miniftp("ann", &["put", "-r", "tree"]).ok();
    let log = scene.log();
    for i in 0..600 {
        let line = format!(" put /tree/f{i} 5 bytes in ");
        assert_eq!(log.matches(&line).count(), 1, "{line}");
    }
}

#[test]
fn who_is_sent_away_is_noted_with_the_reason_and_so_is_who_did_it() {
    let scene = Scene::new();
    let mut ann = scene.daemon.login("ann");
    ann.request("PING", &Nothing::new()).expect(200);
    let root = scene.site.client("root");
    root.run(&["admin", "kick", "ann"]).ok();
    ann.expect_bye(427);
    let log = scene.log();
    assert!(log.contains("root@127.0.0.1 kick ann 1 sessions\n"), "{log}");
    let left = acts(&log, "ann@127.0.0.1");
    let last = left.last().unwrap();
    assert!(last.starts_with("left after S s: 0 bytes up, 0 bytes down; "), "{last}");
}

#[test]
fn the_manual_names_every_event() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = fs::read_to_string(root.join("docs/OPERATING.md")).unwrap();
    let rows = manual.split("| Event | ").nth(1).unwrap().lines();
    let rows = rows.skip(2).map_while(|line| line.strip_prefix("| `")?.split('`').next());
    let names: Vec<&str> = miniftp::audit::Verb::ALL.iter().map(|verb| verb.name()).collect();
    assert_eq!(rows.collect::<Vec<_>>(), names);
}
