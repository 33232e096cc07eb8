//! Edits of conf/mounts.ini while the server runs: whole or not at all, at the next command.

use std::fs;
use std::io::Write;

use miniftp::wire;

use super::ftp::Talk;
use super::{ls, mount, plant, section};
use crate::harness::{CHUNK, FtpTalk, Site};

fn share(rights: &str) -> String {
    let size = if rights == "read" { "" } else { "1M" };
    section("share", "share", "all", rights, size)
}

#[test]
fn an_edit_counts_at_the_next_command_of_a_running_session() {
    let site = Site::new();
    site.account("ann", "1M");
    plant(&site, "share/f", "text");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0]);
    mount(&site, &share("read"));
    assert_eq!(ls(&mut ann, "/").unwrap(), ["share"]);
    assert_eq!(talk.say("DELE /share/f"), 550);
    ann.store("/share/g", b"x", 0).expect(261);
    mount(&site, &share("read, write"));
    ann.store("/share/g", b"x", 0).expect(900);
    ann.rm("/share/g", false).expect(261);
    mount(&site, &share("modify"));
    assert_eq!(talk.say("DELE /share/f"), 250);
    ann.on("LS", "/share").expect(261);
    // Another limit, without a walk and without a new login.
    mount(&site, &share("read, write").replace("1M", "3"));
    ann.store("/share/h", b"abc", 0).expect(270);
    mount(&site, &share("read, write").replace("1M", "4"));
    ann.store("/share/h", b"abc", 0).expect(900);
    fs::remove_file(site.conf().join("mounts.ini")).unwrap();
    assert_eq!(ls(&mut ann, "/").unwrap(), [""; 0]);
}

#[test]
fn an_upload_that_lost_its_right_is_not_put_in_place() {
    let site = Site::new();
    site.account("ann", "1M");
    plant(&site, "share/f", "text");
    mount(&site, &share("read, write, modify"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let content = crate::harness::bytes(1, 100_000);
    ann.on("STAT", "/share").expect(200).says("of 1048576 bytes");
    ann.put("/share/f", content.len(), 1).expect(802);
    ann.send_from(&content, 0);
    mount(&site, &share("read, write"));
    ann.done(&content).expect(262);
    assert_eq!(ann.fetch("/share/f"), b"text");
    ann.put("/share/new", content.len(), 0).expect(802);
    ann.send_from(&content, 0);
    mount(&site, &share("read"));
    ann.done(&content).expect(261);
    assert_eq!(ls(&mut ann, "/share").unwrap(), ["f"]);
    mount(&site, &share("read, write"));
    ann.put("/share/new", content.len(), 0).expect(800);
    ann.go_on(&content, 8);
    ann.done(&content).expect(900);
}

#[test]
fn an_upload_whose_mount_is_taken_away_says_so_and_stays_as_a_part() {
    let site = Site::new();
    site.account("ann", "1M");
    mount(&site, &share("read, write, modify"));
    let daemon = site.start();
    let content = crate::harness::bytes(1, 100_000);
    let (came, rest) = content.split_at(CHUNK);
    let mut ann = daemon.login("ann");
    let mut watcher = daemon.login("ann");
    let mut ftp = FtpTalk::login(daemon.ftp_addr(), "ann");
    // The one with more to send when the mount goes, and the one that is at its end.
    let mut ended = FtpTalk::login(daemon.ftp_addr(), "ann");
    ann.put("/share/framed", content.len(), 0).expect(802);
    ann.chunk(0, came).expect(900);
    let mut data = ftp.begin("STOR /share/ftp");
    data.write_all(came).unwrap();
    ftp.until_moved(came.len());
    let mut last = ended.begin("STOR /share/ended");
    last.write_all(came).unwrap();
    ended.until_moved(came.len());
    mount(&site, &section("other", "other", "all", "read", ""));
    watcher.on("STAT", "/share").expect(256);
    ann.chunk(CHUNK, rest).expect(273).says("mount that this goes to was taken away");
    ann.done(&content).expect(273);
    let _ = data.write_all(rest);
    drop(data);
    ftp.reply().expect(450).says("mount that this goes to was taken away");
    drop(last);
    ended.reply().expect(450).says("mount that this goes to was taken away");
    assert!(watcher.parts().is_empty());
    mount(&site, &share("read, write, modify"));
    watcher.on("STAT", "/share").expect(200);
    let held = watcher.parts();
    let want = [("ended", CHUNK), ("framed", CHUNK), ("ftp", CHUNK)];
    assert_eq!(held, want.map(|(name, bytes)| (format!("/share/{name}"), bytes as u64)));
    ended.ask(&format!("REST {CHUNK}")).expect(350);
    ended.transmit("STOR /share/ended", rest).expect(226);
    assert_eq!(watcher.fetch("/share/ended"), content);
}

/// A home that was moved away was called a mount.
#[test]
fn an_upload_whose_home_is_moved_away_names_the_home() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ftp = FtpTalk::login(daemon.ftp_addr(), "ann");
    let mut data = ftp.begin("STOR /f");
    data.write_all(b"content").unwrap();
    ftp.until_moved(7);
    fs::rename(site.home().join("ann"), site.home().join("away")).unwrap();
    fs::create_dir(site.home().join("ann")).unwrap();
    drop(data);
    ftp.reply().expect(450).says("the home of `ann` was moved away or removed");
    ftp.store("/f", b"again").expect(226);
    assert_eq!(fs::read(site.stored("ann", "f")).unwrap(), b"again");
}

#[test]
fn an_edit_with_a_fault_changes_nothing() {
    let site = Site::new();
    site.account("ann", "1M");
    plant(&site, "share/f", "text");
    mount(&site, &share("read"));
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let other = section("other", "missing/../share2", "all", "write", "1M");
    let faulty = [
        share("raed"),
        format!("{}{}", share("read, write"), section("x", "/no/such/folder", "all", "read", "")),
        format!("{}{}", share("read, write"), section("x", "../conf", "all", "read", "")),
        format!("{}{}", share("read, write"), section("x", ".", "all", "read", "")),
        format!("{}{}", share("read, write"), section("x", ".miniftp/parts", "all", "read", "")),
        format!("{}{}", share("read, write"), section("x", "/", "all", "read", "")),
        format!("{}{}", share("read, write"), section("x", "ann", "all", "modify", "1M")),
        format!("{}{}", share("read, write"), section("x", "share/in", "all", "write", "1M")),
        format!("{}{}", share("read, write"), section("x", "share", "all", "write", "account")),
    ];
    for text in faulty {
        mount(&site, &text);
        assert_eq!(ls(&mut ann, "/").unwrap(), ["share"], "{text}");
        ann.store("/share/g", b"x", 0).expect(261);
        daemon.wait_for_log("mounts.ini:");
    }
    mount(&site, &format!("{}{other}", share("read, write")));
    assert_eq!(ls(&mut ann, "/").unwrap(), ["other", "share"]);
    ann.store("/share/g", b"x", 0).expect(900);
}

#[test]
fn a_start_with_a_fault_names_the_line() {
    let site = Site::new();
    mount(&site, &share("read").replace("for = all", "for = al l"));
    let run = site.miniftpd(&["--listen", "127.0.0.1:0", "--ftp", "off"], "");
    run.fails(1).stderr_has(
        "mounts.ini:4: [share] for: \"al l\" is not valid; expected all, guests, everybody",
    );
}

#[test]
fn the_nearest_mount_counts_for_an_account() {
    let site = Site::new();
    site.account("ann", "1M").account("tea", "1M");
    plant(&site, "share/f", "text");
    let teacher = share("read, write, modify").replace("[share]", "[teachers]");
    mount(&site, &format!("{}{}", share("read"), teacher.replace("for = all", "for = tea")));
    let daemon = site.start();
    daemon.login("ann").store("/share/new", b"x", 0).expect(261);
    let mut tea = daemon.login("tea");
    tea.store("/share/new", b"x", 0).expect(900);
    tea.rm("/share/f", false).expect(200);
    assert_eq!(daemon.login("ann").fetch("/share/new"), b"x");
}

/// An editor that moves the file away before it writes the new one unmounted everything meanwhile.
#[test]
fn a_file_that_is_moved_away_for_a_moment_unmounts_nothing() {
    let site = Site::new();
    site.account("ann", "1M");
    let path = site.conf().join("mounts.ini");
    let text =
        "[pub]\nat = /pub\ndir = pub\nfor = all\nrights = read, write, modify\nsize = account\n";
    fs::write(&path, text).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let away = path.with_extension("bak");
    for i in 0..3 {
        fs::rename(&path, &away).unwrap();
        ann.send("MKDIR", &wire::Mkdir::new(&format!("pub/d{i}"), 0, wire::NO_MODE));
        fs::rename(&away, &path).unwrap();
        ann.read_answer().expect(200);
    }
    assert!(!daemon.whole_log().contains("mounts read again: 0"));
}
