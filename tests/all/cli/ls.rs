//! `ls` and `lls`: options in any combination, hidden names, order, wildcards, colours, columns.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::site;
use crate::harness::{Daemon, Site, write_file};

/// A file of this size that changed so many seconds after 2023-11-14 22:13:20 UTC.
fn file(path: &Path, bytes: usize, secs: u64, mode: u32) {
    write_file(path, &vec![b'x'; bytes]);
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000 + secs);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The same entries on the server and here.
fn stocked() -> (Site, Daemon) {
    let (site, daemon) = site();
    for root in [site.stored("ann", "w"), site.local().join("w")] {
        file(&root.join("old"), 5, 0, 0o640);
        file(&root.join("big"), 2048, 60, 0o600);
        file(&root.join("new"), 7, 120, 0o755);
        file(&root.join(".hidden"), 1, 30, 0o600);
        file(&root.join("sub/in"), 3, 0, 0o600);
        file(&root.join("sub/deep/er"), 3, 0, 0o600);
    }
    (site, daemon)
}

#[test]
fn options_stand_in_any_combination() {
    let (site, _daemon) = stocked();
    let table: &[(&str, &str)] = &[
        ("", "big\nnew\nold\nsub/\n"),
        ("-a", ".hidden\nbig\nnew\nold\nsub/\n"),
        ("-r", "sub/\nold\nnew\nbig\n"),
        ("-1", "big\nnew\nold\nsub/\n"),
        ("-d", "w/\n"),
        ("-R", "w:\nbig\nnew\nold\nsub/\nw/sub:\ndeep/\nin\nw/sub/deep:\ner\n"),
        ("-rR", "w:\nsub/\nold\nnew\nbig\nw/sub:\nin\ndeep/\nw/sub/deep:\ner\n"),
        ("-aR", "w:\n.hidden\nbig\nnew\nold\nsub/\nw/sub:\ndeep/\nin\nw/sub/deep:\ner\n"),
        ("--all --reverse", "sub/\nold\nnew\nbig\n.hidden\n"),
    ];
    for (options, out) in table {
        for (command, name) in [("ls", "w"), ("lls", "w")] {
            let mut words: Vec<&str> = options.split_whitespace().collect();
            words.splice(0..0, [command, name]);
            site.miniftp("ann", &words).ok().stdout(out).stderr("");
        }
    }
    // Folders have sizes and times of their own.
    for (options, out) in [
        ("-t", "new\nbig\nold\n"),
        ("-tr", "old\nbig\nnew\n"),
        ("-S", "big\nnew\nold\n"),
        ("-Sr", "old\nnew\nbig\n"),
        ("-St", "new\nbig\nold\n"),
        ("-tS", "big\nnew\nold\n"),
    ] {
        for command in ["ls", "lls"] {
            let dir = site.local();
            let script =
                format!("cd w\nlcd {}/w\n{command} {options} old new big\n", dir.display());
            let said = site.client("ann").input(script).run(&[]);
            said.ok();
            assert!(said.out.ends_with(&format!("/w\n{out}")), "{}", said.tell());
        }
    }
}

#[test]
fn long_lines_have_the_true_permissions_and_local_time() {
    let (site, _daemon) = stocked();
    let utc = "-rwxr-xr-x              7 2023-11-14 22:15 w/new\n";
    for command in ["ls", "lls"] {
        let run = |zone: &str, options: &str, name: &str| {
            site.client("ann").env("TZ", zone).run(&[command, options, name]).ok().out.clone()
        };
        assert_eq!(run("UTC", "-l", "w/new"), utc);
        assert_eq!(run("", "-l", "w/new"), utc);
        let there = "-rwxr-xr-x              7 2023-11-14 23:15 w/new\n";
        assert_eq!(run("CET-1CEST,M3.5.0,M10.5.0/3", "-l", "w/new"), there);
        assert_eq!(run("UTC", "-lh", "w/big"), "-rw-------    2.0 KiB 2023-11-14 22:14 w/big\n");
        assert_eq!(run("UTC", "-l", "w/old"), "-rw-r-----              5 2023-11-14 22:13 w/old\n");
    }
    let path = site.local().join("w/new");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
    site.client("ann").env("TZ", "UTC").run(&["lls", "-l", "w/new"]).ok().stdout_has("-rwsr-xr-x ");
}

#[test]
fn programs_get_rows() {
    let (site, _daemon) = stocked();
    for command in ["ls", "lls"] {
        let said = site.miniftp("ann", &[command, "--json", "w"]);
        let rows: Vec<serde_json::Value> =
            said.ok().out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let paths: Vec<&str> = rows.iter().map(|row| row["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["w/.hidden", "w/big", "w/new", "w/old", "w/sub"], "{}", said.tell());
        let new = "{\"event\":\"entry\",\"path\":\"w/new\",\"type\":\"file\",\"bytes\":7,\
            \"mtime_secs\":1700000120,\"mtime_nanos\":0,\"mode\":\"0755\"}";
        assert_eq!(said.out.lines().nth(2), Some(new), "{}", said.tell());
        assert_eq!(site.miniftp("ann", &["--json", command, "w/new"]).ok().out, format!("{new}\n"));
    }
}

#[test]
fn wildcards_are_expanded_on_the_command_line_too() {
    let (site, _daemon) = super::site();
    for name in ["a1", "a2", "b1", "c", "x*y", "x1y", "d/e1", "[z]", "z"] {
        write_file(site.stored("ann", name), b"");
        write_file(site.local().join("here").join(name), b"");
    }
    let table: &[(&str, &str)] = &[
        ("a*", "a1\na2\n"),
        ("?1", "a1\nb1\n"),
        ("[ab]1", "a1\nb1\n"),
        ("[a-b]1", "a1\nb1\n"),
        ("[!a]1", "b1\n"),
        ("{a,b}1", "a1\nb1\n"),
        ("{c,a*}", "a1\na2\nc\n"),
        ("d/{e,f}[0-9]", "d/e1\n"),
        ("{a*,*1}", "a1\na2\nb1\n"),
        ("x*y", "x*y\nx1y\n"),
        (r"x\*y", "x*y\n"),
        (r"\[z\]", "[z]\n"),
        ("[z]", "z\n"),
    ];
    for (pattern, out) in table {
        site.miniftp("ann", &["ls", pattern]).ok().stdout(out).stderr("");
        // In the shell of the program it is the same without quotes, and only a name with them.
        let script = format!("ls {pattern}\n");
        site.client("ann").input(script).run(&[]).ok().stdout(out).stderr("");
        let said = site.client("ann").dir(site.local().join("here")).run(&["lls", pattern]);
        said.ok().stdout(if *pattern == "x*y" {
            "x*y\n"
        } else if *pattern == "[z]" {
            "[z]\n"
        } else {
            out
        });
    }
    for pattern in ["q*", "[q]", "{q*,p?}"] {
        let said = site.miniftp("ann", &["ls", pattern]);
        said.fails(1).stdout("").stderr_has("miniftp: nothing matches `").stderr_has("backslash");
        site.miniftp("ann", &["rm", pattern]).fails(1);
        site.miniftp("ann", &["get", pattern]).fails(1);
        site.miniftp("ann", &["put", pattern]).fails(1);
    }
    for line in ["ls 'a*'", "ls \"a?\"", r"ls a\*", "ls '[ab]1'", "ls '{a,b}1'"] {
        let said = site.client("ann").input(format!("{line}\n")).run(&[]);
        said.fails(1).stdout("").stderr_has("no such file or folder: ");
    }
    site.miniftp("ann", &["mkdir", "{m,n}o"]).ok();
    assert!(site.stored("ann", "mo").is_dir() && site.stored("ann", "no").is_dir());
    site.miniftp("ann", &["mkdir", r"\{m,n}o"]).ok();
    assert!(site.stored("ann", "{m,n}o").is_dir());
    // What is here under that very name has been expanded by the shell that started the program.
    site.client("ann").dir(site.local().join("here")).run(&["put", "x*y", "[z]", "d"]).ok();
    assert_eq!(fs::read_dir(site.stored("ann", "d")).unwrap().count(), 3);
    let said = site.miniftp("ann", &["ls", &"{a,b}".repeat(12)]);
    said.fails(2).stderr_has("stand for more than 1000 names");
}
