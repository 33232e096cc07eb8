//! Where mounts are seen, what can be done to the places themselves, and moves between them.

use std::fs;
use std::os::unix::fs::symlink;

use miniftp::wire;

use super::ftp::Talk;
use super::why::why;
use super::{ls, mount, plant, section};
use crate::harness::{Frames, Site, bytes, write_file};

/// /share (read), /pub/deep/upload (write), /desk/inner (everything), each elsewhere on the disk.
fn site() -> Site {
    let site = Site::new();
    site.account("ann", "1M");
    for file in ["share/open", "upload/x", "inner/f", "ann/desk/own", "ann/sharex/own"] {
        plant(&site, file, file);
    }
    let deep = section("upload", "upload", "all", "write", "1M");
    let inner = section("inner", "inner", "all", "read, write, modify", "1M");
    mount(
        &site,
        &[
            section("share", "share", "all", "read", ""),
            deep.replace("at = /upload", "at = /pub/deep/upload"),
            inner.replace("at = /inner", "at = /desk/inner"),
        ]
        .concat(),
    );
    site
}

#[test]
fn mount_points_are_listed_where_they_are() {
    let site = site();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    assert_eq!(ls(&mut ann, "/").unwrap(), ["desk", "pub", "share", "sharex"]);
    // A folder that only leads to a mount point is there, though the disk has none.
    assert_eq!(ls(&mut ann, "/pub").unwrap(), ["deep"]);
    assert_eq!(ls(&mut ann, "/pub/deep").unwrap(), ["upload"]);
    assert_eq!(ls(&mut ann, "/desk").unwrap(), ["inner", "own"]);
    assert_eq!(ls(&mut ann, "/share").unwrap(), ["open"]);
    for folder in ["/", "/pub", "/pub/deep", "/pub/deep/upload", "/desk/inner", "/share"] {
        assert_eq!(ann.on("STAT", folder).entry().kind, 'd', "{folder}");
        ann.on("CD", folder).expect(200);
        assert_eq!(ann.pwd(), folder);
    }
    ann.on("CD", "..").expect(200);
    assert_eq!(ann.pwd(), "/");
    // What lies in the home under the same name is not seen.
    plant(&site, "ann/share/hidden", "");
    assert_eq!(ls(&mut ann, "/share").unwrap(), ["open"]);
    assert_eq!(ls(&mut ann, "/").unwrap(), ["desk", "pub", "share", "sharex"]);
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    let (code, listed) = talk.fetch("NLST /");
    assert_eq!((code, listed.contains("/share\r\n")), (226, true), "{listed}");
    let facts = talk.fetch("MLSD /desk").1;
    let inner = facts.lines().find(|line| line.ends_with(" inner")).unwrap();
    assert!(inner.contains("perm=celm;"), "it stays where it is: {inner}");
    // Alone a folder has the facts that it has in a listing.
    for above in ["/", "/desk", "/pub", "/pub/deep"] {
        let listed = talk.fetch(&format!("MLSD {above}")).1;
        for line in listed.lines().filter(|line| line.starts_with("type=dir;")) {
            let (facts, name) = line.split_once(' ').unwrap();
            let path = format!("{}/{name}", above.trim_end_matches('/'));
            let (code, alone) = talk.ask(&format!("MLST {path}"));
            assert!(code == 250 && alone.contains(facts), "{path}: {facts}\n{alone}");
        }
    }
}

/// A time that the file system cannot keep was confirmed as it was asked for.
#[test]
fn the_time_that_is_confirmed_is_the_one_that_is_kept() {
    let site = Site::on_disk();
    site.account("ann", "1M");
    let daemon = site.start();
    daemon.login("ann").store("f", b"x", 0).expect(900);
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    for time in ["20010203040506", "99990101000000", "19000101000000"] {
        let (code, confirmed) = talk.ask(&format!("MFMT {time} f"));
        let (_, kept) = talk.ask("MDTM f");
        let kept = kept.split_whitespace().last().unwrap();
        assert!(
            code == 213 && confirmed.contains(&format!("Modify={kept};")),
            "{confirmed} {kept}"
        );
    }
}

#[test]
fn nothing_happens_to_a_mount_point_or_to_what_holds_one() {
    let site = site();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    for place in ["/share", "/desk/inner", "/pub", "/pub/deep", "/pub/deep/upload", "/desk"] {
        ann.on("RMDIR", place).expect(261);
        ann.rm(place, true).expect(261);
        ann.rm(place, false).expect(261);
        ann.mv(place, "/elsewhere", false).expect(261);
        let onto = ann.mv("/sharex", place, true).code;
        assert!(matches!(onto, 261 | 263), "{place}: {onto}");
        ann.store(place, b"x", 1).expect(263);
        ann.mkdir(place, false).expect(262);
        ann.mkdir(place, true).expect(200);
    }
    ann.rm("/desk", true).says("mount point");
    assert!(site.home().join("inner/f").exists() && site.stored("ann", "desk/own").exists());
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    assert_eq!(talk.say("RMD /share"), 550);
    // Refused at once, with what a rename says.
    for place in ["/", "/share"] {
        let why = ann.mv(place, "/x", true).text.clone();
        assert_eq!(talk.ask(&format!("RNFR {place}")), (550, format!("550 {why}\r\n")));
        assert_eq!(talk.say("RNTO /x"), 503);
    }
}

/// Such a folder was there for whoever looked, could not be made because of that, and took nothing
/// because the disk had none.
#[test]
fn a_folder_that_only_leads_to_a_mount_takes_what_is_put_there() {
    let site = Site::new();
    site.account("ann", "1M").account("bob", "1M");
    let text = section("m", "real", "all", "read, write, modify", "1M");
    mount(&site, &text.replace("at = /m", "at = /t/u/v"));
    fs::create_dir(site.home().join("real")).unwrap();
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.ftp("bob"));
    let may = |frames: &mut Frames, path: &str, what: &str| {
        let reasons = why(frames, path);
        reasons.iter().any(|(of, allowed, _)| of == what && *allowed)
    };
    assert!(may(&mut ann, "t", "put new") && may(&mut ann, "t", "make folder"));
    assert!(!site.stored("ann", "t").exists(), "nothing is made by asking");
    ann.store("t/new", b"new", 0).expect(900);
    assert_eq!(fs::read(site.stored("ann", "t/new")).unwrap(), b"new");
    assert_eq!(ls(&mut ann, "t").unwrap(), ["new", "u"]);
    ann.mkdir("t", false).expect(262);
    // It is there already, for whoever looks.
    ann.mkdir("t/u", false).expect(262);
    ann.mkdir("t/u/v", false).expect(262);
    ann.request("MV", &wire::Move::new("t/new", "t/u/moved", 0)).expect(200);
    ann.store("t/u/v/mounted", b"m", 0).expect(900);
    assert_eq!(fs::read(site.home().join("real/mounted")).unwrap(), b"m");
    // Two folders and a file of her own.
    let quota = ann.quota();
    assert_eq!((quota.used, quota.entries), (3, 3));
    bob.ask("MKD t/u/w").expect(257);
    assert!(site.stored("bob", "t/u/w").is_dir());
    bob.store("t/u/f", b"x").expect(226);
    bob.ask("RMD t").expect(550).says("mount");
    bob.ask("RNFR missing").expect(550);
    let client = site.client("bob").at(daemon.addr());
    write_file(site.local().join("tree/f"), b"f");
    client.run(&["put", "-r", "tree", "t"]).ok();
    assert_eq!(fs::read(site.stored("bob", "t/f")).unwrap(), b"f");
}

#[test]
fn no_form_of_a_path_leads_past_its_mount() {
    let site = site();
    symlink(site.home().join("ann"), site.home().join("share/door")).unwrap();
    plant(&site, "bob/secret", "bob's");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let secret = "text that nobody may add";
    // Into the share, which is only read, by any name.
    for path in [
        "/share/new",
        "share/new",
        "/share/./new",
        "//share//new",
        "/sharex/../share/new",
        "/share/x/../new",
        "/../share/new",
        "/pub/deep/upload/../../../share/new",
    ] {
        ann.store(path, secret.as_bytes(), 1).expect(261);
        ann.store(path, secret.as_bytes(), 0).expect(261);
    }
    // Out of it: `..` is taken away before the mount is looked for, so these are the home's.
    for path in ["/share/../new1", "/share/../../new2", "/share/./../sharex/new3", "/sharey/new4"] {
        let made = ann.store(path, b"home", 0);
        let expected = if path == "/sharey/new4" { 256 } else { 900 };
        made.expect(expected);
    }
    assert!(site.stored("ann", "new1").exists() && site.stored("ann", "sharex/new3").exists());
    // Whole names are compared: neither `sharex` nor `Share` is the share.
    assert_eq!(ls(&mut ann, "/sharex").unwrap(), ["new3", "own"]);
    ann.on("LS", "/shar").expect(256);
    ann.on("LS", "/Share").expect(256);
    // Neither the next home nor the server's own folder can be reached through a mount.
    for path in [
        "/share/../../bob/secret",
        "/share/../bob/secret",
        "/share/door/desk/own",
        "/share/..%2fbob/secret",
        "/share/../.miniftp/lock",
        "/share/.miniftp",
    ] {
        let code = ann.get(path).code;
        assert!(matches!(code, 256 | 264), "{path}: {code}");
    }
    assert!(!site.home().join("share/new").exists());
}

#[test]
fn files_move_between_mounts_and_are_paid_for_where_they_go() {
    let site = Site::new();
    site.account("ann", "1000");
    let all = "read, write, modify";
    mount(
        &site,
        &[
            section("a", "a_", "all", all, "1000"),
            section("b", "b_", "all", all, "500"),
            section("look", "look", "all", "read", ""),
            section("take", "take", "all", "write", "1000"),
        ]
        .concat(),
    );
    plant(&site, "look/f", "look");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.store("/f", &bytes(1, 600), 0).expect(900);
    assert_eq!(ann.quota().used, 600);
    ann.mv("/f", "/a/f", false).expect(200);
    assert_eq!(ann.quota().used, 0);
    assert_eq!(fs::read(site.home().join("a_/f")).unwrap(), bytes(1, 600));
    // There is no room for it there: it stays where it was, and so do the figures.
    ann.mv("/a/f", "/b/f", false).expect(270).says("600");
    ann.store("/g", &bytes(2, 500), 0).expect(900);
    ann.mv("/a/f", "/h", false).expect(270);
    ann.store("/b/g", b"small", 0).expect(900);
    ann.mv("/b/g", "/a/f", false).expect(262);
    ann.mv("/b/g", "/a/f", true).expect(200);
    assert_eq!(fs::read(site.home().join("a_/f")).unwrap(), b"small");
    ann.store("/a/most", &bytes(3, 995), 0).expect(900);
    ann.store("/a/more", b"x", 0).expect(270);
    ann.mv("/g", "/b/g", false).expect(200);
    ann.store("/b/more", b"x", 0).expect(270);
    // Where only one side allows it, it is refused.
    ann.mv("/look/f", "/mine", false).expect(261);
    ann.store("/own", b"mine", 0).expect(900);
    ann.mv("/own", "/look/own", false).expect(261);
    ann.mv("/own", "/take/own", false).expect(200);
    ann.mv("/take/own", "/own", false).expect(261);
    ann.mkdir("/folder", false).expect(200);
    ann.mv("/folder", "/a/folder", false).expect(200);
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    assert_eq!((talk.say("RNFR /a/f"), talk.say("RNTO /look/f")), (350, 550));
    assert_eq!((talk.say("RNFR /a/f"), talk.say("RNTO /f")), (350, 250));
    assert_eq!(ann.quota().used, 5);
}

#[test]
fn a_mount_on_another_disk_keeps_its_own_parts_out_of_sight() {
    let memory = std::path::Path::new("/dev/shm");
    let site = Site::on_disk();
    if !memory.is_dir() {
        eprintln!("skipped: there is no second disk here");
        return;
    }
    let other = memory.join(format!("miniftp-other-{}", std::process::id()));
    fs::create_dir_all(&other).unwrap();
    site.account("ann", "10M");
    let all = "read, write, modify";
    mount(&site, &section("usb", other.to_str().unwrap(), "all", all, "1M"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = bytes(9, 200_000);
    ann.put("/usb/f", content.len(), 2).expect(802);
    ann.chunk(0, &content[..65_536]).expect(900);
    ann.drop_part(true).expect(200);
    assert!(fs::read_dir(other.join(".miniftp/parts/ann")).unwrap().count() == 2);
    assert_eq!(ls(&mut ann, "/usb").unwrap(), [""; 0]);
    for name in [".miniftp", ".MINIFTP", ".MiniFtp"] {
        ann.on("LS", &format!("/usb/{name}")).expect(255);
        ann.get(&format!("/usb/{name}/lock")).expect(255);
        ann.store(&format!("/usb/{name}"), b"x", 1).expect(255);
        ann.mkdir(&format!("/usb/{name}/parts/eve"), true).expect(255);
        ann.rm(&format!("/usb/{name}"), true).expect(255);
    }
    ann.put("/usb/f", content.len(), 0).expect(800);
    ann.go_on(&content, 8);
    ann.done(&content).expect(900);
    for name in ["one", "two", "three"] {
        ann.store(&format!("/usb/{name}"), b"small", 0).expect(900);
    }
    ann.store("/own", b"mine", 0).expect(900);
    ann.mv("/own", "/usb/own", false).expect(275).says("another disk");
    ann.rm("/usb/one", false).expect(200);
    assert_eq!(ls(&mut ann, "/usb").unwrap(), ["f", "three", "two"]);
    // A second server with another home is told that this folder is in use.
    let second = Site::on_disk();
    mount(&second, &section("usb", other.to_str().unwrap(), "all", all, "1M"));
    second.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "").fails(1).stderr_has("in use");
    drop(daemon);
    fs::remove_dir_all(&other).unwrap();
}

/// The client looked at each place first, which a drop box does not allow, and put nothing.
#[test]
fn the_client_puts_into_a_drop_box() {
    let site = Site::new();
    site.account("ann", "1M");
    let text = section("upload", "upload", "all", "write", "1M");
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let _daemon = site.start();
    for (path, text) in [("hi", "hi"), ("tree/a", "a"), ("tree/sub/b", "b")] {
        crate::harness::write_file(site.local().join(path), text.as_bytes());
    }
    let stored = |path: &str| fs::read_to_string(site.home().join("upload").join(path)).unwrap();
    site.miniftp("ann", &["put", "hi", "/upload/x"]).ok();
    site.miniftp("ann", &["put", "hi", "upload"]).ok();
    for path in ["x", "hi"] {
        assert_eq!(stored(path), "hi", "{path}");
    }
    // It takes files and no trees: a directory could not be told from one that is there.
    for words in [
        &["mkdir", "upload/t"][..],
        &["mkdir", "-p", "upload/t/u"],
        &["put", "-r", "tree", "upload"],
        &["put", "-r", "tree", "/upload/other"],
        &["put", "hi", "upload/t/y"],
    ] {
        let said = site.miniftp("ann", words).fails(1).err.clone();
        let denied = said.contains("permission denied");
        assert!(denied || said.contains("takes names right in it"), "{words:?}: {said}");
    }
    // What is there stays as it is, and nobody is told that it is there.
    fs::write(site.local().join("hi"), "again").unwrap();
    site.miniftp("ann", &["put", "hi", "/upload/x"]).ok();
    site.miniftp("ann", &["put", "--overwrite", "hi", "/upload/x"]).ok();
    assert_eq!(
        (stored("x"), stored("x.1"), stored("x.2")),
        ("hi".into(), "again".into(), "again".into())
    );
}
