//! Whole folders: odd names, empty ones, many files, and what is never taken along.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{MIB, site, tree};
use crate::harness::{bytes, heavy, write_file};

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn nested_folders_with_odd_names_come_back_as_they_were() {
    let (site, _daemon) = site();
    let (long, wide) = ("x".repeat(255), "ü".repeat(127));
    let odd = [
        "with blanks ",
        " ",
        "quote's \"here\"",
        "-r",
        "--",
        "-",
        "ümläut 名 🦀",
        "*?[a]",
        "#",
        "~",
        ".hidden",
        "...",
        "%00",
        "$(id)",
        "a;b|c&d",
        "e\u{301}",
        &long,
        &wide,
    ];
    let root = site.local().join("tree");
    for (i, name) in odd.iter().enumerate() {
        write_file(root.join(name).join(name), &bytes(i as u64, i * 1_000));
        write_file(root.join("deep/er").join(name), b"");
        fs::create_dir_all(root.join("empty").join(name)).unwrap();
    }
    write_file(root.join("large"), &bytes(99, MIB + 1));
    let before = tree(&root);
    let files = before.values().flatten().count();
    let size: usize = before.values().flatten().map(Vec::len).sum();

    let said = site.miniftp("ann", &["put", "-r", "tree"]);
    said.ok().stdout("").stderr_has(&format!("put tree: {files} files, {size} bytes in "));
    assert!(before == tree(&site.stored("ann", "tree")));
    let said = site.miniftp("ann", &["get", "-r", "tree", "back"]);
    said.ok().stdout("").stderr_has(&format!("get tree: {files} files, {size} bytes in "));
    assert!(before == tree(&site.local().join("back")));
    let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    for name in [odd[6], "large"] {
        let name = if name == "large" { name.to_owned() } else { format!("{name}/{name}") };
        assert_eq!(time(&root.join(&name)), time(&site.local().join("back").join(&name)));
    }

    // One file each, too.
    for name in odd {
        let word = format!("./{name}");
        site.client("ann").dir(root.join(name)).run(&["put", &word, "one"]).ok();
        assert_eq!(
            fs::read(site.stored("ann", "one")).unwrap(),
            fs::read(root.join(name).join(name)).unwrap()
        );
        fs::remove_file(site.stored("ann", "one")).unwrap();
    }
}

#[test]
fn links_and_pipes_here_are_left_out_with_a_note() {
    let (site, _daemon) = site();
    let root = site.local().join("tree");
    write_file(root.join("file"), b"content");
    write_file(site.local().join("outside/secret"), b"secret");
    symlink("file", root.join("link")).unwrap();
    symlink(site.local().join("outside"), root.join("way-out")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    fifo(&root.join("pipe"));
    let said = site.miniftp("ann", &["put", "-r", "tree"]);
    said.ok().stderr_has("put tree: 1 file, 7 bytes in ").stderr_has(", 4 left alone\n");
    for name in ["link", "way-out", "dangling"] {
        said.stderr_has(&format!("miniftp: tree/{name}: a link; left out\n"));
    }
    said.stderr_has("miniftp: tree/pipe: neither a file nor a folder; left out\n");
    let stored = tree(&site.stored("ann", "tree"));
    assert_eq!(stored.into_iter().collect::<Vec<_>>(), [("file".into(), Some(b"content".into()))]);
}

#[test]
fn odd_things_on_the_server_s_disk_are_left_out_with_a_note() {
    let (site, _daemon) = site();
    let root = site.stored("ann", "tree");
    write_file(root.join("file"), b"content");
    write_file(root.join("line\nbreak"), b"x");
    write_file(root.join("\u{1b}[2J"), b"x");
    write_file(root.join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    write_file(root.join("back\\slash"), b"x");
    fs::create_dir(root.join("bell\u{7}")).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    fifo(&root.join("pipe"));
    let said = site.miniftp("ann", &["get", "-r", "tree"]);
    // Regular files, and directories that may hold some, are a failure; the others are not.
    said.fails(1).stderr_has("get tree: 2 files, 8 bytes in ");
    said.stderr_has(", 2 left alone, 4 failed\n");
    assert_eq!(said.err.lines().count(), 9, "{}", said.tell());
    let harmless = said.err.chars().all(|c| c == '\n' || !c.is_control());
    assert!(harmless && said.err.is_ascii(), "{}", said.tell());
    said.stderr_has("miniftp: tree/link: a link; left out\n");
    said.stderr_has("miniftp: tree/pipe: neither a file nor a folder; left out\n");
    let fetched = tree(&site.local().join("tree"));
    let there = [("back\\slash", b"x".to_vec()), ("file", b"content".to_vec())];
    let there = there.map(|(name, content)| (name.into(), Some(content)));
    assert_eq!(fetched.into_iter().collect::<Vec<_>>(), there);
}

#[test]
fn a_tree_goes_on_past_what_fails() {
    let (site, _daemon) = site();
    let root = site.local().join("tree");
    for name in ["a", "b", "c/d", "line\nbreak"] {
        write_file(root.join(name), name.as_bytes());
    }
    write_file(root.join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    fs::create_dir_all(site.stored("ann", "tree/a")).unwrap();
    write_file(site.stored("ann", "tree/b"), b"differs");
    let said = site.miniftp("ann", &["put", "-r", "tree"]);
    said.fails(1).stderr_has("put tree: 1 file, 3 bytes in ").stderr_has(", 4 failed\n");
    said.stderr_has("--overwrite replaces it").stderr_has("is a folder").stderr_has("not UTF-8");
    assert!(!said.err.contains("line\nbreak"), "{}", said.tell());
    assert_eq!(fs::read(site.stored("ann", "tree/c/d")).unwrap(), b"c/d");
    assert_eq!(fs::read(site.stored("ann", "tree/b")).unwrap(), b"differs");
    let said = site.miniftp("ann", &["put", "-r", "--overwrite", "tree"]);
    said.fails(1).stderr_has(", 1 there already, 3 failed\n");
    assert_eq!(fs::read(site.stored("ann", "tree/b")).unwrap(), b"b");
}

#[test]
fn three_thousand_small_files_there_and_back() {
    let _turn = heavy();
    let (site, _daemon) = site();
    let root = site.local().join("many");
    for i in 0..3_000_usize {
        write_file(root.join(format!("{:02}/{i}", i % 37)), &bytes(i as u64, i % 500));
    }
    let before = tree(&root);
    site.miniftp("ann", &["put", "-r", "many"]).ok().stderr_has("put many: 3000 files, ");
    assert!(before == tree(&site.stored("ann", "many")));
    site.miniftp("ann", &["get", "-r", "many", "back"]).ok().stderr_has("get many: 3000 files, ");
    assert!(before == tree(&site.local().join("back")));
    for words in [["put", "-r", "many", "."], ["get", "-r", "many", "."]] {
        let said = site.miniftp("ann", &words);
        said.ok().stderr_has(" many: 0 files, 0 bytes in ").stderr_has(", 3000 there already\n");
    }
}
