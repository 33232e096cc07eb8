//! The commands that look around or change a little: `tree`, `du`, `find`, `cat`, `edit`, `chmod`,
//! `touch`, `df`, `lmkdir` and `!`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::site;
use crate::harness::{Daemon, Site, bytes, write_file};

fn stocked() -> (Site, Daemon) {
    let (site, daemon) = site();
    write_file(site.stored("ann", "docs/a.txt"), b"12345");
    write_file(site.stored("ann", "docs/sub/b.txt"), b"123");
    write_file(site.stored("ann", "docs/sub/deep/c.md"), b"1");
    write_file(site.stored("ann", "docs/.hidden/d.txt"), b"12");
    write_file(site.stored("ann", "z"), b"");
    (site, daemon)
}

#[test]
fn trees_are_shown_counted_and_searched() {
    let (site, _daemon) = stocked();
    let table: &[(&[&str], &str)] = &[
        (
            &["tree", "docs"],
            "docs\n├── a.txt\n└── sub/\n    ├── b.txt\n    └── deep/\n        └── c.md\n\n\
             2 folders, 3 files\n",
        ),
        (
            &["tree", "-a"],
            ".\n├── docs/\n│   ├── .hidden/\n│   │   └── d.txt\n│   ├── a.txt\n│   └── sub/\n\
             │       ├── b.txt\n│       └── deep/\n│           └── c.md\n└── z\n\n\
             4 folders, 5 files\n",
        ),
        (&["tree", "-d", "docs"], "docs\n└── sub/\n    └── deep/\n\n2 folders\n"),
        (
            &["du", "docs"],
            "             2  docs/.hidden\n             1  docs/sub/deep\n             \
             4  docs/sub\n            11  docs\n",
        ),
        (&["du", "-s", "docs", "z"], "            11  docs\n             0  z\n"),
        (&["du", "-sh", "docs"], "      11 B  docs\n"),
        (
            &["du", "-a", "docs/sub"],
            "             3  docs/sub/b.txt\n             1  docs/sub/deep/c.md\n             \
             1  docs/sub/deep\n             4  docs/sub\n",
        ),
        (&["find", "*.txt"], "docs/.hidden/d.txt\ndocs/a.txt\ndocs/sub/b.txt\n"),
        (&["find", "*.txt", "docs/sub"], "docs/sub/b.txt\n"),
        (&["find", "{z,dee?}", "/"], "/docs/sub/deep/\n/z\n"),
        (&["find", "c.md"], "docs/sub/deep/c.md\n"),
        (&["find", "C.md"], ""),
    ];
    for (words, out) in table {
        site.miniftp("ann", words).ok().stdout(out).stderr("");
    }
    for command in ["tree", "du", "find x"] {
        let words: Vec<&str> = command.split(' ').chain(["nix"]).collect();
        site.miniftp("ann", &words).fails(1).stderr("miniftp: no such file or folder: `/nix`\n");
    }
}

#[test]
fn content_goes_to_standard_output() {
    let (site, _daemon) = stocked();
    let large = bytes(1, 300_000).iter().map(|b| b'a' + b % 26).collect::<Vec<u8>>();
    write_file(site.stored("ann", "large"), &large);
    site.miniftp("ann", &["cat", "docs/a.txt", "docs/sub/*.txt"])
        .ok()
        .stdout("12345123")
        .stderr("");
    let said = site.miniftp("ann", &["cat", "large"]);
    assert!(said.ok().out.as_bytes() == large);
    // Where nobody sits in front of it there is no pager.
    site.client("ann").env("PAGER", "false").run(&["less", "docs/a.txt"]).ok().stdout("12345");
    let said = site.miniftp("ann", &["cat", "docs/a.txt", "nix", "z", "docs"]);
    said.fails(1).stdout("12345").stderr_has("no such file or folder: `/nix`");
    said.stderr_has("`docs` is a folder");
}

#[test]
fn a_file_is_edited_and_put_back_only_over_what_was_fetched() {
    let (site, _daemon) = stocked();
    let stored = site.stored("ann", "docs/a.txt");
    fs::set_permissions(&stored, fs::Permissions::from_mode(0o640)).unwrap();
    let edit = |editor: &str, path: &str| {
        let client = site.client("ann").env("TMPDIR", site.local().to_str().unwrap());
        // The first that says something counts.
        let client = client.env("VISUAL", "").env("EDITOR", editor);
        client.run(&["--no-progress", "edit", path])
    };
    let copies = || {
        let names = fs::read_dir(site.local()).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().contains("edit"))
            .count()
    };
    edit("true", "docs/a.txt").ok().stdout("").stderr("edit docs/a.txt: not changed\n");
    edit("sh -c 'echo more >> \"$0\"'", "docs/a.txt").ok().stdout("");
    assert_eq!(fs::read(&stored).unwrap(), b"12345more\n");
    assert_eq!(fs::metadata(&stored).unwrap().permissions().mode() & 0o777, 0o640);
    // The same number of bytes is a change too.
    edit("sed -i s/1/9/", "docs/a.txt").ok();
    assert_eq!(fs::read(&stored).unwrap(), b"92345more\n");
    edit("sh -c 'echo new > \"$0\"'", "docs/new.txt").ok();
    assert_eq!(fs::read(site.stored("ann", "docs/new.txt")).unwrap(), b"new\n");
    edit("true", "docs/none.txt").ok();
    assert!(!site.stored("ann", "docs/none.txt").exists());
    assert_eq!(copies(), 0);

    // Somebody else stores it while the editor is open.
    write_file(site.local().join("theirs"), b"theirs");
    let put = format!(
        "sh -c 'echo mine >> \"$0\"; {} -u ann -s 127.0.0.1 -P {} put --overwrite {} docs/a.txt'",
        env!("CARGO_BIN_EXE_miniftp"),
        site.addr().port(),
        site.local().join("theirs").display(),
    );
    let said = edit(&put, "docs/a.txt");
    said.fails(1)
        .stderr_has("`docs/a.txt` has changed on the server meanwhile, and is not replaced");
    assert_eq!(fs::read(&stored).unwrap(), b"theirs");
    let named = said.err.split("your copy is kept in `").nth(1).unwrap().split('`').next().unwrap();
    assert_eq!(fs::read(named).unwrap(), b"92345more\nmine\n");
    site.miniftp("ann", &["parts"]).ok().stdout("");
    // Or takes it away.
    let rm = put.replace("put --overwrite", "rm docs/a.txt #");
    let said = edit(&rm, "docs/a.txt");
    said.fails(1)
        .stderr_has("has changed on the server meanwhile")
        .stderr_has("your copy is kept in");
    assert!(!stored.exists());
    // Or makes what was not there.
    let said = edit(&put, "docs/a.txt");
    said.fails(1).stderr_has("your copy is kept in");
    assert_eq!(fs::read(&stored).unwrap(), b"theirs");
    let said = edit("sh -c 'echo mine >> \"$0\"; exit 3'", "docs/a.txt");
    said.fails(1).stderr_has("`sh` ended with status 3").stderr_has("your copy is kept in");
    assert_eq!(fs::read(&stored).unwrap(), b"theirs");
    edit("no-such-editor", "docs/a.txt").fails(1).stderr_has("cannot be run: no such file");
    edit("true", "docs").fails(1).stderr("miniftp: `docs` is a folder\n");
    assert_eq!(copies(), 4);
}

#[test]
fn permission_bits_and_times_are_set() {
    let (site, daemon) = stocked();
    let mode =
        |path: &str| fs::metadata(site.stored("ann", path)).unwrap().permissions().mode() & 0o7777;
    for (words, path, bits) in [
        (&["chmod", "600", "docs/a.txt"][..], "docs/a.txt", 0o600),
        (&["chmod", "u+x,go+r", "docs/a.txt"], "docs/a.txt", 0o744),
        (&["chmod", "000", "docs/*.txt"], "docs/a.txt", 0o400),
        (&["chmod", "750", "docs"], "docs", 0o750),
        (&["chmod", "0", "docs"], "docs", 0o700),
    ] {
        site.miniftp("ann", words).ok().stdout("").stderr("");
        assert_eq!(mode(path), bits, "{words:?}");
    }
    daemon.ftp("ann").ask("SITE CHMOD 644 docs/a.txt").expect(200);
    assert_eq!(mode("docs/a.txt"), 0o644);
    let table: &[(&[&str], i32, &str)] = &[
        (&["chmod", "999", "z"], 2, "`999` is no mode; expected octal bits such as 640"),
        (&["chmod", "4755", "z"], 2, "is no mode"),
        (&["chmod", "600", "nix"], 1, "no such file or folder: `/nix`"),
        (&["chmod", "600", "/"], 1, "permission denied"),
    ];
    for (words, status, line) in table {
        site.miniftp("ann", words).fails(*status).stderr_has(line);
    }
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options()
        .write(true)
        .open(site.stored("ann", "z"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    site.miniftp("ann", &["touch", "z", "made"]).ok().stdout("").stderr("");
    let now = fs::metadata(site.stored("ann", "z")).unwrap().modified().unwrap();
    assert!(now.elapsed().unwrap().as_secs() < 1000, "{now:?}");
    assert_eq!(fs::read(site.stored("ann", "made")).unwrap(), b"");
    site.miniftp("ann", &["touch", "no/such"]).fails(1).stderr_has("no such file or folder");
    daemon.wait_for_log("mode /docs/a.txt");
}

#[test]
fn what_can_be_stored_is_told() {
    let (site, _daemon) = site();
    site.account("bob", "1000");
    write_file(site.stored("bob", "x"), &[b'x'; 250]);
    let said = site.miniftp("bob", &["df"]);
    said.ok().stdout(
        "     limit       used       free  use  path\n    1000 B      250 B      750 B  25%  /\n",
    );
    // More may be there than may be, as where an operator has lowered the limit.
    site.miniftpd(&["account", "quota", "bob", "0"], "").ok();
    let said = site.miniftp("bob", &["df"]);
    said.ok().stdout(
        "     limit       used       free  use  path\n       0 B      250 B        0 B 100%  /\n",
    );
    site.miniftp("bob", &["df", "nix"]).fails(1).stderr_has("no such file or folder");
}

#[test]
fn the_shell_of_this_machine_is_one_mark_away() {
    let (site, _daemon) = site();
    let script =
        "!printf '%s\\n' \"a  b\" {x,y} > said; exit 0\n-! exit 3\nlmkdir -p l/m\n!echo $((1+1))\n";
    let said = site.client("ann").env("SHELL", "/bin/bash").input(script).run(&[]);
    said.ok().stdout("2\n").stderr("miniftp: `exit 3` ended with status 3\n");
    assert_eq!(fs::read(site.local().join("said")).unwrap(), b"a  b\nx\ny\n");
    assert!(site.local().join("l/m").is_dir());
}
