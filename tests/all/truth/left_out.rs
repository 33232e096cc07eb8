//! A tree with a regular file that does not arrive: it is named, and the exit code is 1.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use miniftp::wire;

use super::{MIB, files, names, site};
use crate::harness::{Daemon, FtpTalk, Miniftp, Proxy, Site, Way, bytes, eventually, write_file};
use crate::mounts::why::why;

#[test]
fn a_file_whose_name_cannot_be_one_here_fails_the_tree() {
    for (name, shown) in [
        (&b"line\nbreak"[..], "line\\nbreak"),
        (b"\x1b[2J", "\\u{1b}[2J"),
        (b"latin-\xe9", "latin-\\xe9"),
    ] {
        let (site, _daemon) = site();
        let tree = site.stored("ann", "tree");
        write_file(tree.join("file"), b"content");
        write_file(tree.join(OsStr::from_bytes(name)), b"x");
        let said = site.miniftp("ann", &["get", "-r", "tree"]);
        said.fails(1).stderr_has(", 1 failed\n").stderr_has(shown);
        assert_eq!(names(&site.local().join("tree")), ["file"], "{}", said.tell());
        // So does a directory with such a name: nobody knows what is in it.
        fs::remove_file(tree.join(OsStr::from_bytes(name))).unwrap();
        fs::create_dir(tree.join(OsStr::from_bytes(name))).unwrap();
        let said = site.miniftp("ann", &["--no-progress", "get", "-r", "tree"]);
        said.fails(1).stderr_has(shown);
        // A link is never taken along, and no failure.
        fs::remove_dir(tree.join(OsStr::from_bytes(name))).unwrap();
        symlink("file", tree.join(OsStr::from_bytes(name))).unwrap();
        site.miniftp("ann", &["get", "-r", "tree"]).ok().stderr_has(" 1 left alone\n");
    }
}

/// A pattern took what it could and said nothing of the rest.
#[test]
fn a_pattern_names_what_it_has_to_leave_out() {
    let left_out = "this name cannot be written as a path; left out";
    for (name, shown) in [(&b"odd-\xe9.txt"[..], "odd-\\xe9.txt"), (b"\x1b.txt", "\\u{1b}.txt")] {
        let (site, _daemon) = site();
        let (local, home) = (site.local(), site.stored("ann", ""));
        for folder in [&local, &home.join("there")] {
            write_file(folder.join("good.txt"), b"content");
            write_file(folder.join(OsStr::from_bytes(name)), b"x");
        }
        fs::create_dir(local.join("into")).unwrap();
        for (line, at) in [
            ("put *.txt sent/", ""),
            ("get there/*.txt into", "there/"),
            ("stat there/*", "there/"),
            ("rm there/*.txt", "there/"),
        ] {
            let said = site.client("ann").input(format!("mkdir -p sent\n{line}\n")).run(&[]);
            said.fails(1).stderr_has(&format!("`{at}{shown}`: {left_out}"));
        }
        for done in [home.join("sent/good.txt"), local.join("into/good.txt")] {
            assert_eq!(fs::read(&done).unwrap(), b"content", "{}", done.display());
        }
        assert!(!home.join("there/good.txt").exists());
        // Where nothing else matches either, that is what is said.
        let said = site.client("ann").input("ls there/*.txt\n").run(&[]);
        said.fails(1).stderr_has(&format!("`there/{shown}`: {left_out}"));
    }
}

#[test]
fn a_backslash_is_an_ordinary_character() {
    let (site, _daemon) = site();
    let odd = ["back\\slash", "\\", "..\\up", "dir\\x/in\\ner"];
    for name in odd {
        write_file(site.local().join("tree").join(name), name.as_bytes());
    }
    site.miniftp("ann", &["put", "-r", "tree"]).ok().stderr_has("put tree: 4 files, ");
    site.miniftp("ann", &["get", "-r", "tree", "back"]).ok().stderr_has("get tree: 4 files, ");
    assert!(files(&site.local().join("back")) == files(&site.local().join("tree")));
    site.miniftp("ann", &["get", "tree/back\\slash"]).ok();
    assert_eq!(fs::read(site.local().join("back\\slash")).unwrap(), b"back\\slash");
}

/// `x` and what would be the part of `x`, if it were fetched.
#[test]
fn the_name_of_a_part_is_never_that_of_a_file() {
    let (site, _daemon) = site();
    let (home, local) = (site.stored("ann", ""), site.local());
    let part = ".x.miniftp-part";
    let long = format!(".{}~0a1b2c3d.miniftp-part", "y".repeat(200));
    for size in [5, MIB + 5] {
        for root in [home.join("tree"), local.join("here")] {
            write_file(root.join("x"), &bytes(1, size));
            write_file(root.join(part), &bytes(2, size - 1));
            write_file(root.join("d").join(&long), b"z");
            write_file(root.join("d/.a.miniftp-part.txt"), b"a file");
        }
        for words in [["get", "-r", "tree", "back"], ["put", "-r", "here", "back"]] {
            let said = site.miniftp("ann", &words);
            said.fails(1).stderr_has(": 2 files, ").stderr_has(", 2 failed\n");
            said.stderr_has(part).stderr_has(&long);
            let root = if words[0] == "get" { &local } else { &home };
            let back = files(&root.join("back"));
            assert_eq!(back.len(), 2, "{}", said.tell());
            assert!(back[std::path::Path::new("x")] == bytes(1, size), "{}", said.tell());
            fs::remove_dir_all(root.join("back")).unwrap();
        }
    }
    // Alone it is refused too, as a source and as a target.
    write_file(home.join(part), b"part");
    write_file(local.join(part), b"part");
    write_file(local.join("f"), b"f");
    let before = (files(&home), files(&local));
    for words in [
        &["get", part][..],
        &["get", part, "other"],
        &["get", "tree/x", part],
        &["put", part],
        &["put", part, "other"],
        &["put", "f", part],
        &["get", "-r", "tree/d", part],
        &["put", "-r", "here", part],
    ] {
        let said = site.miniftp("ann", words);
        said.fails(1).stderr_has("unfinished download");
        assert!(before == (files(&home), files(&local)), "{}", said.tell());
    }
}

/// Another name here is the same one, as where capitals do not count, or somebody was faster.
#[test]
fn a_file_that_meets_another_name_is_not_put_over_it() {
    let site = Site::new();
    site.account("ann", "unlimited").setting("rates", "account_down", "4M");
    let daemon = site.start();
    let tree = site.stored("ann", "tree");
    let (first, second) = (bytes(1, 6 * MIB), bytes(2, 6 * MIB));
    write_file(tree.join("a"), &first);
    write_file(tree.join("b"), &second);
    let proxy = Proxy::to(daemon.addr());
    let running =
        site.client("ann").in_clear().at(proxy.addr()).spawn(&["get", "-r", "--overwrite", "tree"]);
    let local = site.local().join("tree");
    let mut other = "";
    eventually("one of them is being fetched", || {
        let is_begun = |name: &str| local.join(format!(".{name}.miniftp-part")).exists();
        other = if is_begun("a") { "b" } else { "a" };
        is_begun("a") || is_begun("b")
    });
    write_file(local.join(other), b"somebody else's");
    let said = running.wait();
    said.fails(1).stderr_has(", 1 failed\n").stderr_has(&format!("`tree/{other}`"));
    assert_eq!(fs::read(local.join(other)).unwrap(), b"somebody else's");
    assert!(proxy.count(Way::Down) > 6 * MIB as u64);
}

#[test]
fn all_that_fails_is_named() {
    let (site, _daemon) = site();
    for n in 0..150_u8 {
        let name = [b"name-\xe9-".to_vec(), n.to_string().into_bytes()].concat();
        write_file(site.local().join("tree").join(OsStr::from_bytes(&name)), b"x");
        write_file(site.stored("ann", "there").join(OsStr::from_bytes(&name)), b"x");
    }
    for words in [["put", "-r", "tree"], ["get", "-r", "there"]] {
        let said = site.miniftp("ann", &words);
        said.fails(1).stderr_has(", 150 failed\n");
        for n in 0..150 {
            let named = said.err.contains(&format!("/name-\\xe9-{n}`"));
            assert!(named, "{n}: {}", said.tell());
        }
    }
}

/// An upload was taken to its last byte, refused then, and kept as a part that counts.
#[test]
fn what_could_not_be_put_in_its_place_is_refused_before_it_is_sent() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    site.account("ann", "unlimited");
    let locked = site.stored("ann", "locked");
    write_file(locked.join("f"), b"old");
    fs::create_dir(locked.join("d")).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let Some(daemon) = Daemon::start_without_capabilities(&site) else {
        eprintln!("skipped: the modes of files do not count for this user");
        return;
    };
    let (mut ann, mut talk) = (daemon.login("ann"), daemon.ftp("ann"));
    let _data = talk.data();
    for name in ["locked/new", "locked/f"] {
        ann.put(name, 1 << 20, wire::REPLACE).expect(261);
        ann.store(name, b"small", wire::REPLACE).expect(261);
        talk.ask(&format!("STOR {name}")).expect(550);
    }
    talk.ask("DELE locked/f").expect(550);
    ann.mkdir("locked/more", false).expect(261);
    let allowed = |what: &str, reasons: &[(String, bool, String)]| {
        reasons.iter().any(|(of, allowed, _)| of == what && *allowed)
    };
    let reasons = why(&mut ann, "locked");
    assert!(allowed("list", &reasons), "{reasons:?}");
    for what in ["put new", "make folder"] {
        assert!(!allowed(what, &reasons), "{what}: {reasons:?}");
    }
    let reasons = why(&mut ann, "locked/f");
    for what in ["replace", "remove", "rename"] {
        assert!(!allowed(what, &reasons), "{what}: {reasons:?}");
    }
    assert!(ann.parts().is_empty());
    assert_eq!(ann.quota().used, 3);
    ann.store("locked/d/free", b"x", 0).expect(900);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    ann.store("locked/f", b"new", wire::REPLACE).expect(900);
}

/// The answer to PASS was 550, which clients take for none.
#[test]
fn a_home_that_cannot_be_made_is_a_refused_login() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    site.account("ann", "unlimited");
    let Some(daemon) = Daemon::start_without_capabilities(&site) else {
        eprintln!("skipped: the modes of files do not count for this user");
        return;
    };
    fs::set_permissions(site.home(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut talk = FtpTalk::connect(daemon.ftp_addr());
    talk.ask("USER ann").expect(331);
    talk.ask("PASS ann-secret").expect(530).says("permission denied");
    daemon.wait_for_log("ann cannot log in: ");
    fs::set_permissions(site.home(), fs::Permissions::from_mode(0o755)).unwrap();
    talk.log_in("ann", "ann-secret").expect(230);
}

#[test]
fn a_file_that_cannot_be_read_fails_the_tree() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    site.account("ann", "unlimited");
    // Only where modes count for the server is there a file that it cannot read.
    let Some(daemon) = Daemon::start_without_capabilities(&site) else {
        eprintln!("skipped: the modes of files do not count for this user");
        return;
    };
    let tree = site.stored("ann", "tree");
    write_file(tree.join("good"), b"good");
    write_file(tree.join("locked"), b"locked");
    write_file(tree.join("closed/inner"), b"inner");
    for name in ["locked", "closed"] {
        let path = tree.join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let said = Miniftp::new(&site.local(), daemon.addr(), "ann").run(&["get", "-r", "tree"]);
    said.fails(1).stderr_has(" 1 file, 4 bytes in ").stderr_has(", 2 failed\n");
    said.stderr_has("tree/locked`").stderr_has("tree/closed`");
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}
