//! The words of `WHY`: who asks, where it is, what decides, for oneself and for others.

use std::fs;

use miniftp::accounts::AccountState;

use super::ftp::Talk;
use super::why::why;
use super::{mount, plant, section};
use crate::harness::{Site, bytes};

/// The rows as lines.
fn told(reasons: Vec<(String, bool, String)>) -> String {
    reasons.iter().map(|(what, may, why)| format!("{what} {may}: {why}\n")).collect()
}

#[test]
fn the_words_name_what_decides() {
    let site = Site::new();
    site.account("ann", "10k");
    plant(&site, "share/f", "text");
    plant(&site, "upload/f", "text");
    mount(
        &site,
        &[
            section("share", "share", "all", "read", ""),
            section("upload", "upload", "ann", "write", "5k"),
        ]
        .concat(),
    );
    let daemon = site.start();
    let mut frames = daemon.login("ann");
    let home = told(why(&mut frames, "/x"));
    assert!(home.contains("place true: account ann: /x is in the home"), "{home}");
    assert!(home.contains("room true: the account pays: 0 bytes used"), "{home}");
    assert!(home.contains("put new true: the home gives read, write, modify"), "{home}");
    assert!(home.contains("get false: no such file or folder"), "{home}");
    let share = told(why(&mut frames, "/share/f"));
    assert!(share.contains("is in the mount share at /share, for all accounts"), "{share}");
    assert!(share.contains("room false: nothing can be stored here"), "{share}");
    assert!(share.contains("remove false: the mount gives read, and it takes modify"), "{share}");
    let upload = told(why(&mut frames, "/upload/f"));
    assert!(upload.contains("for ann"), "{upload}");
    assert!(upload.contains("4 bytes used and 0 reserved of 5120 bytes (5.0 KiB)"), "{upload}");
    assert!(upload.contains("replace false: the mount gives write, and it takes modify"));
    site.miniftp("ann", &["why", "share/f"])
        .ok()
        .stdout_has("remove      no   the mount gives read");
    let mut talk = Talk::login(daemon.ftp_addr(), "ann");
    let (code, text) = talk.ask("SITE WHY /share/f");
    assert_eq!(code, 200);
    assert!(text.contains("remove: no; the mount gives read, and it takes modify"), "{text}");
}

#[test]
fn other_writers_limits_and_the_disk_are_named() {
    let site = Site::new();
    site.account("ann", "1k").account("bob", "1M");
    let pool = section("pool", "pool", "all", "read, write, modify", "1M");
    mount(&site, &(pool + &section("tiny", "tiny", "all", "read, write", "4")));
    plant(&site, "tiny/f", "text");
    let daemon = site.start();
    let (mut ann, mut bob) = (daemon.login("ann"), daemon.login("bob"));
    let content = bytes(1, 3 * 65_536);
    bob.put("/pool/big", content.len(), 0).expect(802);
    bob.chunk(0, &content[..65_536]).expect(900);
    let said = told(why(&mut ann, "/pool/big"));
    let refused = ann.store("/pool/big", b"x", 0);
    assert!(refused.text.contains("is being written by bob for "), "{refused:?}");
    assert!(said.contains("put new false: `/pool/big` is being written by bob for "), "{said}");
    bob.drop_part(false).expect(200);
    assert!(told(why(&mut ann, "/pool/big")).contains("put new true: "));
    // The mount's own limit, then the account's, then the disk.
    let said = told(why(&mut ann, "/tiny/g"));
    assert!(
        said.contains("room false: the mount pays out of a limit of its own: 4 bytes"),
        "{said}"
    );
    assert!(said.contains("put new false: ") && said.contains("the room is used up"), "{said}");
    ann.store("/tiny/g", b"x", 0).expect(270);
    ann.store("/full", &bytes(2, 1024), 0).expect(900);
    let said = told(why(&mut ann, "/more"));
    assert!(
        said.contains("room false: the account pays: 1024 bytes used and 0 reserved"),
        "{said}"
    );
    ann.store("/more", b"x", 0).expect(270);
    site.setting("storage", "min_free", "8000000T");
    let said = told(why(&mut bob, "/new"));
    let refused = bob.store("/new", b"x", 0);
    // What is free changes from one look to the next.
    let (first, rest) = refused.text.split_once("needs 1 byte, ").unwrap();
    let (_, rest) = rest.split_once(" are free, and ").unwrap();
    assert!(said.contains(&format!("put new false: {first}needs 1 byte, ")), "{said} {refused:?}");
    assert!(said.contains(&format!(" are free, and {rest}")), "{said} {refused:?}");
    // Where nothing is, and above the root.
    let said = told(why(&mut ann, "/none/x"));
    assert!(said.contains("put new false: no such file or folder: `/none/x`"), "{said}");
    assert!(told(why(&mut ann, "/../../x")).contains("/x is in the home"));
    ann.on("WHY", "a\u{1}b").expect(255);
}

#[test]
fn admins_and_the_operator_ask_for_others_and_nothing_is_done() {
    let site = Site::new();
    site.account("ann", "10k").account("bob", "1M").admin("root");
    site.setting("guests", "anonymous", "yes");
    mount(&site, &section("share", "share", "everybody", "read", ""));
    plant(&site, "share/f", "text");
    plant(&site, "ann/f", "four");
    let mut daemon = site.start_with_console();
    let own = {
        let mut ann = daemon.login("ann");
        site.miniftp("ann", &["admin", "why", "bob", "/f"]).fails(1).stderr_has("admin");
        why(&mut ann, "/f")
    };
    assert!(told(own.clone()).contains("4 bytes used and 0 reserved of 10240 bytes"));
    let mut root = daemon.login("root");
    let asked = |root: &mut crate::harness::Frames, name: &str, path: &str| {
        super::why::rows_of(&root.admin(&format!("why {name} {path}")))
    };
    assert_eq!(asked(&mut root, "ann", "/f"), own);
    // Who never came is walked; what is asked is not written down.
    let said = told(asked(&mut root, "bob", "new"));
    assert!(said.contains("place true: account bob: /new is in the home"), "{said}");
    assert!(said.contains("0 bytes used and 0 reserved of 1048576 bytes"), "{said}");
    assert!(fs::read_dir(site.home().join("bob")).unwrap().next().is_none());
    let said = told(asked(&mut root, "root", "/share/f"));
    assert!(said.contains("place true: account root (admin): /share/f is in the mount"), "{said}");
    let said = told(asked(&mut root, "anonymous", "/share/f"));
    assert!(said.contains("place true: a guest: /share/f is in the mount share"), "{said}");
    assert!(said.contains("get true: ") && said.contains("put new false: "), "{said}");
    root.admin("whyof nobody /").says("nobody");
    site.accounts()
        .edit(|draft| {
            draft.account("bob")?.state = AccountState::Closed;
            Ok(())
        })
        .unwrap();
    let said = told(asked(&mut root, "bob", "/"));
    assert!(said.contains("place false: account bob (closed): / is in the home"), "{said}");
    assert!(!said.contains("list true"), "{said}");
    let line = "remove       no       the mount gives read, and it takes modify";
    site.miniftp("root", &["admin", "why", "ann", "share/f"]).ok().stdout_has(line);
    site.miniftp("root", &["admin", "why", "ann"]).fails(2).stderr_has("usage: why NAME PATH");
    daemon.type_line("whyof ann /share/no such file");
    daemon.wait_for_printed("account ann: /share/no such file is in the mount share");
    let (code, text) = Talk::login(daemon.ftp_addr(), "root").ask("SITE WHYOF ann share/f");
    assert_eq!(code, 200, "{text}");
    assert!(text.contains(line), "{text}");
    daemon.type_line("whyof w /f");
    daemon.wait_for_printed("no account `w`");
    daemon.type_line("whyof ann");
    daemon.wait_for_printed("why: PATH is missing; usage: why NAME PATH");
}

#[test]
fn the_root_itself_stays_with_mounts_or_without() {
    let site = Site::new();
    site.account("ann", "1M");
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let said = told(why(&mut ann, "/"));
    // It is told what may be done in it; the root itself can be neither moved nor removed.
    for (act, may) in [("list", true), ("remove", true), ("rename", true), ("make folder", true)] {
        assert!(said.contains(&format!("{act} {may}: ")), "{act}: {said}");
    }
    ann.on("LS", "/").expect(200);
    ann.rm("/", true).expect(261);
    ann.mv("/", "/x", false).expect(261);
    ann.mkdir("/", false).expect(262);
}
