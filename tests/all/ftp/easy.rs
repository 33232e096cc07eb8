//! What clients of vsftpd, Pure-FTPd, ProFTPD and pyftpdlib expect, because all four do it.

use std::fs::{self, File};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Scene;
use crate::harness::FtpTalk;

/// Above the root is the root, and blanks around what is no name do no harm.
#[test]
fn what_the_other_servers_accept_is_accepted() {
    let scene = Scene::new();
    scene.put("d/f", b"x");
    let mut ann = scene.ann();
    for (line, code) in [
        ("CWD ..", 250),
        ("CDUP", 250),
        ("CWD d", 250),
        ("CWD ../../..", 250),
        ("CDUP ", 250),
        ("TYPE A ", 200),
        ("TYPE I ", 200),
        ("MODE S ", 200),
        ("STRU F  ", 200),
        ("REST 0 ", 350),
        ("REST  0", 350),
        ("TYPE  I", 200),
        ("ALLO  5", 200),
        ("EPSV  1", 229),
        ("SITE  HELP", 214),
        ("OPTS UTF8 ON ", 200),
        ("EPSV ", 229),
        ("PASV ", 227),
        ("ALLO 10 R 5", 200),
        ("ALLO 10 ", 200),
        ("NOOP ", 200),
        ("STAT ", 211),
        ("PWD ", 257),
        ("MDTM d", 550),
        ("BYE ", 221),
    ] {
        let reply = ann.ask(line);
        reply.expect(code);
        if code == 257 {
            reply.says("\"/\"");
        }
    }
    ann.expect_end();
}

/// A blank at the end of a name is a part of the name, and one of a password.
#[test]
fn blanks_at_the_end_of_names_stay() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    ann.ask("MKD d ").expect(257).says("\"/d \"");
    ann.ask("CWD d ").expect(250);
    ann.store("f ", b"x").expect(226);
    assert_eq!(scene.stored("d /f ").as_deref(), Some(&b"x"[..]));
    ann.ask("SIZE f").expect(550);
    let mut talk = FtpTalk::connect(scene.daemon.ftp_addr());
    talk.log_in("ann", "ann-secret ").expect(530);
}

#[test]
fn whoever_has_not_logged_in_yet_can_look_round() {
    let scene = Scene::new();
    let mut stranger = FtpTalk::connect(scene.daemon.ftp_addr());
    for (line, code) in
        [("HELP", 214), ("NOOP", 200), ("FEAT", 211), ("SYST", 215), ("STAT", 211), ("STAT /", 530)]
    {
        stranger.ask(line).expect(code);
    }
    stranger.ask("STAT").expect(211).says("not logged in");
}

#[test]
fn a_user_without_a_name_is_anonymous_where_guests_come_in() {
    let scene = Scene::with(&[("guests", "anonymous", "yes")]);
    let mut guest = FtpTalk::connect(scene.daemon.ftp_addr());
    guest.log_in("", "me@here").expect(230);
    guest.ask("PWD").expect(257);
    scene.site.setting("guests", "anonymous", "no");
    FtpTalk::connect(scene.daemon.ftp_addr()).ask("USER").expect(530).says("no anonymous access");
}

#[test]
fn times_are_set_in_every_way_that_clients_know() {
    let scene = Scene::new();
    let mut ann = scene.ann();
    let named = "20010101000000 f";
    for (line, secs) in [
        ("MFMT 20200102030405 a b", 1_577_934_245),
        ("MDTM 20200102030406 a b", 1_577_934_246),
        ("SITE UTIME 20200102030407 a b", 1_577_934_247),
        ("SITE UTIME 202001020304 a b", 1_577_934_240),
        ("SITE UTIME a b 20210102030405 20200102030409 20220102030405 UTC", 1_577_934_249),
    ] {
        ann.store("a b", b"x").expect(226);
        ann.ask(line).expect(213).says("Modify=");
        let time = fs::metadata(scene.site.stored("ann", "a b")).unwrap().modified().unwrap();
        assert_eq!(time.duration_since(UNIX_EPOCH).unwrap(), Duration::from_secs(secs), "{line}");
    }
    ann.ask("MDTM 20200102030406 nothing").expect(550);
    ann.ask("SITE UTIME 2020 a b").expect(501).says("SITE UTIME");
    ann.ask("SITE UTIME a b 20210102030405 20200102030409 20220102030405 CET").expect(501);
    // A file that is called like that is meant itself.
    ann.store(named, b"x").expect(226);
    ann.store("f", b"x").expect(226);
    ann.ask(&format!("MDTM {named}")).expect(213);
    let time = fs::metadata(scene.site.stored("ann", "f")).unwrap().modified().unwrap();
    assert!(SystemTime::now().duration_since(time).unwrap() < Duration::from_secs(600));
}

#[test]
fn listings_are_in_the_order_of_the_names() {
    let scene = Scene::new();
    fs::create_dir_all(scene.site.stored("ann", "d")).unwrap();
    let names = ["Z", "a", "a b", "b1", "b10", "b2", "z", "ä"];
    for at in [3, 0, 7, 5, 1, 6, 2, 4] {
        File::create(scene.site.stored("ann", "d").join(names[at])).unwrap();
    }
    let mut ann = scene.ann();
    for command in ["LIST d", "NLST d", "MLSD d", "LIST d/*", "NLST d/*"] {
        let listing = ann.listed(command);
        let ends: Vec<bool> =
            listing.lines().zip(names).map(|(line, name)| line.ends_with(name)).collect();
        assert_eq!(ends, [true; 8], "{command}\n{listing}");
    }
    assert!(ann.listed("NLST d/b*").ends_with("d/b1\r\nd/b10\r\nd/b2\r\n"));
    let lines = ann.ask("STAT d").lines;
    assert!(lines[1..9].iter().zip(names).all(|(line, name)| line.ends_with(name)), "{lines:?}");
}
