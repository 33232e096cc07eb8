//! Where files go, as in `cp`, and what is said when they cannot go there.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{site, tree};
use crate::harness::{Daemon, Site, bytes, write_file};

/// What is refused: the words, and the only line on standard error.
const REFUSED: &[(&[&str], &str)] = &[
    (&["put", "d"], "`d` is a folder; -r sends it with all it holds"),
    (&["put", "nothing"], "`nothing`: cannot read it: no such file or directory"),
    (&["put", "f/x"], "`f/x`: cannot read it: not a directory"),
    (&["put", "/dev/null"], "`/dev/null` is not a file"),
    (&["put", "-r", "d/x/nothing"], "`d/x/nothing`: cannot read it: no such file or directory"),
    (
        &["put", "f", "g", "nix"],
        "`nix` is not a folder on the server, and several files need one; make it with `mkdir \
         nix`, or end with `.` to put them all here",
    ),
    (
        &["put", "f", "g", "old"],
        "`old` is not a folder on the server, and several files need one; make it with `mkdir \
         old`, or end with `.` to put them all here",
    ),
    (&["put", "f", "nix/x"], "no such file or folder: `/nix/x`"),
    (&["put", "big", "nix/x"], "no such file or folder: `/nix/x`"),
    (&["put", "f", "old/x"], "`/old` is not a folder"),
    (&["put", "f", "taken"], "`/taken/f` is a folder"),
    (&["put", "big", "taken"], "`/taken/big` is a folder"),
    (&["put", "--overwrite", "f", "taken"], "`/taken/f` is a folder"),
    (&["put", "-r", "d", "old"], "`/old` is not a folder"),
    (&["get", "taken"], "`taken` is a folder; -r fetches it with all it holds"),
    (&["get", "nothing"], "no such file or folder: `/nothing`"),
    (&["get", "-r", "nothing"], "no such file or folder: `/nothing`"),
    (&["get", "old", "nix/x"], "`nix/x`: cannot write it: no such file or directory"),
    (&["get", "old", "f/x"], "`f/x`: cannot write it: not a directory"),
    (&["get", "f", "d"], "`d/f` is a folder"),
    (&["get", "--overwrite", "f", "d"], "`d/f` is a folder"),
    (&["get", "old", "pipe"], "`pipe` is not a file"),
    (&["get", "-r", "taken", "f"], "`f` is not a folder"),
    (
        &["get", "old", "f", "nix"],
        "`nix` is not a folder on this machine, and several files need one; make it, or end with \
         `.` to get them all here",
    ),
    (&["get", "/"], "`/` has no name of its own; say where to: `get -r / FOLDER`"),
];

fn places() -> (Site, Daemon) {
    let (site, daemon) = site();
    let local = site.local();
    write_file(local.join("f"), b"f");
    write_file(local.join("g"), b"g");
    write_file(local.join("big"), &bytes(1, 2 << 20));
    write_file(local.join("d/f/in"), b"in");
    mknodat(CWD, local.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    write_file(site.stored("ann", "old"), b"old");
    write_file(site.stored("ann", "f"), b"there");
    fs::create_dir_all(site.stored("ann", "taken/f")).unwrap();
    fs::create_dir_all(site.stored("ann", "taken/big")).unwrap();
    (site, daemon)
}

#[test]
fn what_cannot_be_done_is_one_clear_line_and_changes_nothing() {
    let (site, _daemon) = places();
    fs::remove_file(site.local().join("pipe")).unwrap();
    let before = (tree(&site.local()), tree(&site.home().join("ann")));
    mknodat(CWD, site.local().join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    for (words, line) in REFUSED {
        let said = site.miniftp("ann", words);
        let status = if words == &["get", "/"] { 2 } else { 1 };
        said.fails(status).stdout("").stderr(&format!("miniftp: {line}\n"));
    }
    // All of them in one session, which lives on.
    let mut script = String::new();
    REFUSED.iter().for_each(|(words, _)| script += &format!("-{}\n", words.join(" ")));
    let said = site.client("ann").input(script + "pwd\n").run(&[]);
    said.ok().stdout("/\n");
    let lines: Vec<String> = REFUSED.iter().map(|(_, line)| format!("miniftp: {line}\n")).collect();
    said.stderr(&lines.concat());
    fs::remove_file(site.local().join("pipe")).unwrap();
    assert!(before == (tree(&site.local()), tree(&site.home().join("ann"))));
}

#[test]
fn a_folder_takes_a_file_under_its_own_name() {
    let (site, _daemon) = site();
    let (home, local) = (site.home().join("ann"), site.local());
    for name in ["a.txt", "b.txt", "in/c.txt", "in/d e"] {
        write_file(local.join(name), name.as_bytes());
    }
    let script = "mkdir one two three four\n\
        put a.txt one\nput a.txt one/renamed\nput b.txt one/\nput in/c.txt one\n\
        put *.txt in/* two\n\
        cd three\nput ../local/a.txt\nput in/c.txt .\ncd /\n\
        put -r in four/\nput -r in/ four/in/\nput -r in fresh\n\
        lcd in\nput -r . four/dot\nput -r . four/\n";
    let said = site.client("ann").input(script).run(&[]);
    said.ok();
    let names = |folder: &str| {
        let found = tree(&home.join(folder));
        found.keys().map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("one"), ["a.txt", "b.txt", "c.txt", "renamed"], "{}", said.tell());
    assert_eq!(names("two"), ["a.txt", "b.txt", "c.txt", "d e"]);
    assert_eq!(names("three"), ["a.txt", "c.txt"]);
    assert_eq!(names("fresh"), ["c.txt", "d e"]);
    let four = ["dot", "dot/c.txt", "dot/d e", "in", "in/c.txt", "in/d e", "in/in", "in/in/c.txt"];
    assert_eq!(names("four")[..8], four);

    let script = "lcd ..\nlcd one\nget one/a.txt\nget one/a.txt renamed\nget two/*.txt .\n\
        lcd ..\nget /two/c.txt two/'d e' two\nget -r four/in two/\nget -r fresh\n";
    for folder in ["one", "two"] {
        fs::create_dir(local.join(folder)).unwrap();
    }
    let said = site.client("ann").dir(local.join("in")).input(script).run(&[]);
    said.ok();
    let names = |folder: &str| {
        let found = tree(&local.join(folder));
        found.keys().map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("one"), ["a.txt", "b.txt", "c.txt", "renamed"], "{}", said.tell());
    assert_eq!(names("two")[..4], ["c.txt", "d e", "in", "in/c.txt"]);
    assert_eq!(names("fresh"), ["c.txt", "d e"]);
}

#[test]
fn of_several_files_the_good_ones_arrive() {
    let (site, _daemon) = places();
    let said = site.miniftp("ann", &["put", "g", "nothing", "d", "big", "."]);
    said.fails(1).stderr_has("miniftp: `nothing`: cannot read it: ");
    said.stderr_has("miniftp: `d` is a folder; ");
    assert_eq!(fs::read(site.stored("ann", "g")).unwrap(), b"g");
    assert!(fs::read(site.stored("ann", "big")).unwrap() == bytes(1, 2 << 20));
    let said = site.miniftp("ann", &["get", "nothing", "taken", "old", "."]);
    said.fails(1).stderr_has("miniftp: no such file or folder: `/nothing`");
    assert_eq!(fs::read(site.local().join("old")).unwrap(), b"old");
}

#[test]
fn a_file_that_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let (site, _daemon) = site();
    let path = site.local().join("locked");
    write_file(&path, b"x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let said = site.miniftp("ann", &["put", "locked"]);
    said.fails(1).stderr("miniftp: `locked`: cannot read it: permission denied\n");
}
