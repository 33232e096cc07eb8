//! `CP`, and `SITE CPFR` with `CPTO`: a copy on the server is charged and placed as an upload is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use miniftp::wire::{Copy, Put};

use crate::harness::{Frames, Site, bytes, part_files, stored_bytes, write_file};

const MIB: usize = 1 << 20;

fn cp(session: &mut Frames, from: &str, to: &str, replace: bool) -> u16 {
    session.request("CP", &Copy::new(from, to, replace.into())).code
}

#[test]
fn a_copy_has_the_content_and_the_mode_and_is_charged() {
    let site = Site::new();
    site.account("ann", "unlimited");
    let content = bytes(3, 20 * MIB + 5);
    write_file(site.stored("ann", "f"), &content);
    fs::set_permissions(site.stored("ann", "f"), fs::Permissions::from_mode(0o640)).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    ann.mkdir("d", false).expect(200);
    assert_eq!(cp(&mut ann, "f", "d/g", false), 900);
    assert!(fs::read(site.stored("ann", "d/g")).unwrap() == content);
    let mode = fs::metadata(site.stored("ann", "d/g")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let usage = ann.quota();
    assert_eq!((usage.used, usage.reserved), (2 * content.len() as u64, 0));
    assert_eq!(usage.entries, 3);
    assert_eq!(ann.parts(), []);
    daemon.wait_for_log(&format!("cp /f -> /d/g {} bytes in", content.len()));
    // What is there is replaced only if that was said, and an empty file is one too.
    write_file(site.stored("ann", "empty"), b"");
    assert_eq!(cp(&mut ann, "empty", "d/g", false), 262);
    assert_eq!(cp(&mut ann, "empty", "d/g", true), 900);
    assert_eq!(fs::read(site.stored("ann", "d/g")).unwrap(), b"");
    assert_eq!(ann.quota().used, content.len() as u64, "what was replaced is credited");
}

#[test]
fn what_cannot_be_copied_is_refused_and_leaves_nothing() {
    let site = Site::new();
    site.account("ann", "10M");
    let content = bytes(3, 6 * MIB);
    write_file(site.stored("ann", "f"), &content);
    write_file(site.stored("ann", "d/inner"), b"x");
    symlink("f", site.stored("ann", "link")).unwrap();
    let daemon = site.start();
    let mut ann = daemon.login("ann");
    let used = ann.quota().used;
    for (from, to, replace, code) in [
        ("f", "g", false, 270),
        ("f", "d/inner", true, 270),
        ("missing", "g", false, 256),
        ("d", "g", false, 263),
        ("f", "d", true, 263),
        ("link", "g", false, 266),
        ("d/inner", "none/g", false, 256),
        ("f", "f", false, 252),
        ("f", "/d/../f", true, 252),
    ] {
        let answer = ann.request("CP", &Copy::new(from, to, replace.into()));
        assert_eq!(answer.code, code, "{from} {to}: {}", answer.text);
    }
    assert_eq!((ann.quota().used, ann.quota().reserved), (used, 0));
    assert_eq!(ann.parts(), []);
    assert!(part_files(&site.home(), "ann").is_empty());
    assert_eq!(stored_bytes(&site.home(), "ann"), used);
    // Who writes there keeps the path.
    let mut other = daemon.login("ann");
    write_file(site.stored("ann", "small"), b"small");
    let put = Put::new("busy", 5, 0, 0, 0o644, 0, b"");
    other.request("PUT", &put).expect(802);
    assert_eq!(cp(&mut ann, "small", "busy", false), 267);
    assert!(!site.stored("ann", "busy").exists());
}

#[test]
fn ftp_clients_copy_with_cpfr_and_cpto() {
    let site = Site::new();
    site.account("ann", "unlimited");
    write_file(site.stored("ann", "a file"), b"content");
    write_file(site.stored("ann", "there"), b"older");
    fs::create_dir(site.stored("ann", "d")).unwrap();
    let daemon = site.start();
    let mut ann = daemon.ftp("ann");
    ann.ask("SITE CPTO there").expect(503);
    ann.ask("SITE CPFR missing").expect(550);
    ann.ask("SITE CPFR d").expect(550);
    ann.ask("SITE CPFR a file").expect(350);
    // Named until it is taken, as by RNFR, wherever the session is by then.
    ann.ask("CWD d").expect(250);
    ann.ask("SITE CPTO my copy").expect(250);
    ann.ask("SITE CPTO x").expect(503);
    ann.ask("SITE CPFR /a file").expect(350);
    ann.ask("SITE CPTO /there").expect(250);
    for copy in ["d/my copy", "there"] {
        assert_eq!(fs::read(site.stored("ann", copy)).unwrap(), b"content", "{copy}");
    }
}

#[test]
fn the_client_copies_files_and_folders_on_the_server() {
    let site = Site::new();
    site.account("ann", "unlimited");
    write_file(site.stored("ann", "f"), b"content");
    write_file(site.stored("ann", "tree/a/b"), b"deep");
    write_file(site.stored("ann", "tree/c"), b"flat");
    fs::create_dir(site.stored("ann", "tree/empty")).unwrap();
    let _daemon = site.start();
    let run = |words: &[&str]| site.miniftp("ann", words);
    run(&["cp", "f", "g"]).ok().stdout("").stderr("");
    run(&["cp", "f", "tree"]).ok();
    run(&["cp", "-r", "tree", "again"]).ok();
    run(&["cp", "-r", "f", "again", "tree/empty"]).ok();
    for (path, content) in [
        ("g", "content"),
        ("tree/f", "content"),
        ("again/f", "content"),
        ("again/a/b", "deep"),
        ("again/c", "flat"),
        ("tree/empty/f", "content"),
        ("tree/empty/again/a/b", "deep"),
    ] {
        assert_eq!(fs::read_to_string(site.stored("ann", path)).unwrap(), content, "{path}");
    }
    assert!(site.stored("ann", "again/empty").is_dir());
    assert!(!site.local().join("g").exists(), "nothing travels");
    run(&["cp", "tree", "x"]).fails(1).stderr_has("`tree` is a folder; say `cp -r`");
    run(&["cp", "-r", "tree", "tree/a/below"]).fails(1).stderr_has("into itself");
    run(&["cp", "f", "tree/c"]).fails(1).stderr_has("`cp -f` replaces it");
    run(&["cp", "-f", "f", "tree/c"]).ok();
    assert_eq!(fs::read(site.stored("ann", "tree/c")).unwrap(), b"content");
    // What `put` and `get` call it is known here too.
    write_file(site.stored("ann", "new"), b"newer");
    let said = run(&["cp", "--skip", "new", "tree/c"]);
    said.ok().stderr_has("cp new: left alone, because something of that name is there\n");
    assert_eq!(fs::read(site.stored("ann", "tree/c")).unwrap(), b"content");
    run(&["cp", "--overwrite", "new", "tree/c"]).ok();
    assert_eq!(fs::read(site.stored("ann", "tree/c")).unwrap(), b"newer");
    let said = run(&["cp", "f", "ann@nas:docs/f"]);
    said.fails(2).stderr_has("a path of a server is a URL here: miniftp://ann@nas/docs/f");
    run(&["cp", "f", "./f"]).fails(1).stderr_has("a file cannot be copied onto itself");
    symlink("c", site.stored("ann", "again/link")).unwrap();
    run(&["cp", "-r", "again", "last"]).ok().stderr_has("again/link: a link; left out");
    assert!(!site.stored("ann", "last/link").exists());
}
