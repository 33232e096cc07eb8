//! What the system refuses fails one operation, and the server lives.

use std::fs;
use std::io::{Read, Seek, SeekFrom};

use miniftp::rights::Rights;

use crate::harness::{Daemon, Frames, FtpTalk, Site, bytes, eventually, stored_bytes};

/// A file may have so many blocks of 512 bytes.
const FILE_LIMIT: &str = "ulimit -f 2048";
/// The same in bytes.
const FILE_BYTES: usize = 2048 * 512;

#[test]
fn a_file_beyond_the_size_limit_of_the_process_fails_its_upload_alone() {
    let site = Site::new();
    site.account("ann", "64M");
    let mut daemon = Daemon::start_under(&site, FILE_LIMIT);
    let content = bytes(1, FILE_BYTES + 300_000);
    let mut ftp = daemon.ftp("ann");
    ftp.store("f", &content).expect(552).says("no file as large as this");
    let mut ann = daemon.login("ann");
    ann.put("g", content.len(), 0).expect(802);
    ann.chunk(0, &content[..FILE_BYTES]).expect(900);
    ann.chunk(FILE_BYTES, &content[FILE_BYTES..]).expect(276).says("smaller parts");
    // Others, and what fits, are served as before.
    drop(ann);
    let mut ann = daemon.login("ann");
    eventually("what was written and what is counted is the same", || {
        ann.quota().used == stored_bytes(&site.home(), "ann") && ann.quota().reserved == 0
    });
    ann.store("small", b"fits", 0).expect(900);
    ftp.store("h", &content[..FILE_BYTES]).expect(226);
    assert!(fs::read(site.stored("ann", "h")).unwrap() == content[..FILE_BYTES]);
    assert!(!site.stored("ann", "f").exists() && !site.stored("ann", "g").exists());
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn the_client_too_outlives_a_file_beyond_the_limit() {
    let site = Site::new();
    site.account("ann", "64M");
    let daemon = site.start();
    daemon.login("ann").upload("f", &bytes(1, FILE_BYTES + 300_000), 0).expect(900);
    let port = daemon.port().to_string();
    let program = std::process::Command::new("sh")
        .args(["-c", &format!("{FILE_LIMIT} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_miniftp")])
        .args(["-u", "ann", "-P", &port, "get", "f"])
        .env("MINIFTP_PASSWORD", crate::harness::password("ann"))
        .current_dir(site.local())
        .output()
        .unwrap();
    assert_eq!(program.status.code(), Some(1), "{program:?}");
}

/// A server with a session of each protocol does its work, and stops when it is told to.
#[track_caller]
fn serves_and_stops(site: &Site, daemon: &mut Daemon) {
    let mut ann = daemon.login("ann");
    let mut ftp = daemon.ftp("ann");
    for n in 0..200 {
        ann.store(&format!("f{n}"), b"framed", 0).expect(900);
        ftp.store(&format!("g{n}"), b"ftp").expect(226);
    }
    daemon.connect().log_in("ann", "wrong").expect(253);
    assert_eq!(fs::read_dir(site.stored("ann", "")).unwrap().count(), 400);
    daemon.term();
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_disk_that_is_full_for_the_logs_stops_nobody() {
    for (file, xferlog) in [("/dev/full", "off"), ("off", "/dev/full"), ("/dev/full", "/dev/full")]
    {
        let site = Site::new();
        site.account("ann", "1M");
        site.setting("log", "file", file).setting("log", "xferlog", xferlog);
        let mut daemon = site.start();
        serves_and_stops(&site, &mut daemon);
        assert!(daemon.log().contains("/dev/full cannot be written"), "{}", daemon.log());
    }
    // Whoever reads standard error has a full disk.
    let site = Site::new();
    site.account("ann", "1M");
    let mut daemon = Daemon::start_under(&site, "exec 2>/dev/full");
    serves_and_stops(&site, &mut daemon);
}

#[test]
fn a_log_that_reaches_the_size_limit_of_the_process_loses_lines_and_nothing_else() {
    let site = Site::new();
    site.account("ann", "1M");
    site.setting("log", "file", "acts.log");
    let mut daemon = Daemon::start_under(&site, "ulimit -f 32");
    serves_and_stops(&site, &mut daemon);
    assert!(daemon.log().contains("acts.log cannot be written"), "{}", daemon.log());
    let mut log = fs::File::open(site.conf().join("acts.log")).unwrap();
    assert_eq!(log.metadata().unwrap().len(), 32 * 512);
    log.seek(SeekFrom::Start(0)).unwrap();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    assert!(text.contains("ann"), "{text}");
}

/// A server with mounts, whose views need descriptors, and a session of each protocol.
fn mounted() -> (Site, Daemon, FtpTalk, Frames) {
    let site = Site::new();
    site.account("ann", "1M");
    let mounts: String = (0..8)
        .map(|n| format!("[m{n}]\ndir = m{n}\nat = /m{n}\nfor = all\nrights = read\n"))
        .collect();
    fs::write(site.conf().join("mounts.ini"), mounts).unwrap();
    let daemon = site.start();
    let (mut ftp, mut ann) = (daemon.ftp("ann"), daemon.login("ann"));
    ftp.ask("MKD before").expect(257);
    ann.mkdir("too", false).expect(200);
    (site, daemon, ftp, ann)
}

#[test]
fn rights_that_are_taken_away_while_descriptors_are_short_are_not_in_force_any_more() {
    // So many that the file is read and the views cannot be opened; and not even that.
    for free in [2, 1, 0] {
        let (site, daemon, mut ftp, mut ann) = mounted();
        daemon.set_free_descriptors(Some(free));
        let taken = site.accounts().edit(|draft| {
            draft.account("ann")?.rights = Rights::READ;
            Ok(())
        });
        taken.unwrap();
        for _ in 0..3 {
            ftp.ask("MKD after").expect(451);
            ann.mkdir("after", false).expect(272);
            ftp.ask("RMD before").expect(451);
        }
        daemon.set_free_descriptors(None);
        ftp.ask("MKD after").expect(550).says("permission denied");
        ann.mkdir("after", false).expect(261);
        ftp.ask("CWD before").expect(250);
        assert!(ann.on("LS", "/").names().contains(&"m7".to_owned()));
        assert!(!site.stored("ann", "after").exists());
        // The same for what is given back.
        let given = site.accounts().edit(|draft| {
            draft.account("ann")?.rights = Rights::ALL;
            Ok(())
        });
        given.unwrap();
        ftp.ask("MKD after").expect(257);
    }
}

#[test]
fn mounts_that_are_taken_away_while_descriptors_are_short_are_gone() {
    let (site, daemon, mut ftp, mut ann) = mounted();
    fs::write(site.home().join("m0/f"), b"not for ann any more").unwrap();
    assert_eq!(ann.fetch("/m0/f"), b"not for ann any more");
    daemon.set_free_descriptors(Some(2));
    let path = site.conf().join("mounts.ini");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("for = all", "for = nobody-else", 1)).unwrap();
    let refused = |code: u16| [451, 550].contains(&code);
    for _ in 0..3 {
        let code = ftp.ask("SIZE /m0/f").code;
        assert!(refused(code), "{code}");
        assert_ne!(ann.get("/m0/f").code, 257);
    }
    daemon.set_free_descriptors(None);
    ftp.ask("SIZE /m0/f").expect(550);
    ann.get("/m0/f").expect(256);
    ftp.ask("CWD /m1").expect(250);
}
