//! What every command that transfers tells programs, however it ends.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use super::site;
use crate::harness::{Output, write_file};

fn events(said: &Output) -> Vec<Value> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where the events of a name are.
fn places(events: &[Value], name: &str) -> Vec<usize> {
    (0..events.len()).filter(|at| events[*at]["event"] == name).collect()
}

/// One summary, and it is the last event; files are expected once, and by then it is known how
/// many come.
#[test]
fn a_transfer_ends_with_its_only_summary_however_it_ends() {
    let (site, _daemon) = site();
    let local = site.local();
    for name in ["a/1", "a/sub/2", "a/3", "bad/f"] {
        write_file(local.join(name), name.as_bytes());
        write_file(site.stored("ann", name), name.as_bytes());
    }
    write_file(local.join("a/3"), b"another content");
    write_file(local.join("bad").join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    write_file(site.stored("ann", "bad/extra"), b"extra");
    // The command, its exit code, what failed, and whether files are expected.
    let table: &[(&[&str], i32, u64, bool)] = &[
        (&["put", "-", "piped"], 0, 0, false),
        (&["put", "-", "piped"], 0, 0, false),
        (&["put", "-", "a/1"], 1, 1, false),
        (&["put", "--skip", "-", "a/1"], 0, 0, false),
        (&["put", "a/1"], 0, 0, false),
        (&["put", "missing"], 1, 1, false),
        (&["put", "a/1", "missing", "."], 1, 1, true),
        (&["put", "-r", "a"], 1, 1, true),
        (&["put", "-r", "-n", "a"], 1, 0, true),
        (&["put", "-r", "--parallel", "3", "a"], 1, 1, true),
        (&["get", "-r", "a", "got"], 0, 0, true),
        (&["get", "-r", "--parallel", "3", "a", "more"], 0, 0, true),
        (&["get", "-r", "missing", "got"], 1, 1, false),
        (&["mirror", "-n", "a", "a"], 0, 0, false),
        (&["mirror", "a", "a"], 0, 0, true),
        (&["mirror", "--parallel", "2", "-R", "a", "again"], 0, 0, true),
        (&["mirror", "missing", "a"], 1, 1, false),
        (&["mirror", "--delete", "-n", "bad", "bad"], 1, 1, false),
        (&["mirror", "--delete", "bad", "bad"], 1, 1, true),
        (&["check", "a", "a"], 0, 0, false),
        (&["check", "a", "missing"], 1, 0, false),
        (&["cp", "a/1", "copied"], 0, 0, false),
        (&["cp", "a/1", "a/3"], 1, 1, false),
        (&["cp", "-r", "a", "b"], 0, 0, false),
    ];
    for (words, code, failed, is_expected) in table {
        let words = [&["--json"], *words].concat();
        let said = site.client("ann").input("from a pipe").run(&words);
        if *code == 0 {
            said.ok()
        } else {
            said.fails(*code)
        };
        let events = events(&said);
        let tell = format!("{words:?}: {}", said.tell());
        assert_eq!(places(&events, "summary"), [events.len() - 1], "{tell}");
        assert_eq!(events.last().unwrap()["failed"], *failed, "{tell}");
        let expected = places(&events, "expect");
        assert_eq!(expected.len(), usize::from(*is_expected), "{tell}");
        // Only a comparison finds files before it knows how many there are.
        let first = places(&events, "file").first().copied().unwrap_or(events.len());
        let is_in_time = expected.iter().all(|at| *at < first);
        assert!(is_in_time || words.contains(&"mirror"), "{tell}");
    }
    assert!(site.stored("ann", "bad/extra").exists());
}

/// Copies on the server were passed over in silence.
#[test]
fn copies_on_the_server_are_files_too() {
    let (site, _daemon) = site();
    for name in ["a/1", "a/sub/2", "b/1"] {
        write_file(site.stored("ann", name), b"12345");
    }
    let said = site.miniftp("ann", &["cp", "--json", "-r", "a/1", "a/sub", "b"]);
    let mut events = events(said.fails(1).stderr_has("`cp -f` replaces it"));
    for event in &mut events {
        for field in ["seconds", "bytes_per_second"] {
            event.as_object_mut().unwrap().remove(field);
        }
    }
    let failed = &events[0];
    assert_eq!([&failed["remote"], &failed["outcome"]], ["b/1", "failed"], "{}", said.tell());
    let stored = json!({"event": "file", "command": "cp", "remote": "b/sub/2",
        "outcome": "stored", "bytes": 5, "sent_bytes": 0});
    assert_eq!(events[1], stored);
    let counts = ["files", "bytes", "sent_bytes", "failed"].map(|field| events[2][field].as_u64());
    assert_eq!(counts, [1, 5, 0, 1].map(Some), "{}", said.tell());
}

/// What takes the place of a folder was counted only when that was gone; and that a folder with all
/// it holds would go was nowhere to be read.
#[test]
fn what_takes_a_folders_place_is_counted_and_the_folder_is_named() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "a/p"), b"a file");
    write_file(site.stored("ann", "a/q/in"), b"in a folder");
    write_file(site.local().join("c/p/deep/x"), b"x");
    write_file(site.local().join("c/q"), b"q");
    let words = ["--json", "mirror", "-R", "--delete", "a", "c"];
    let said = site.miniftp("ann", &[&words[..], &["-n"]].concat());
    let rows = events(said.ok());
    let would = |name: &str, kind: &str, bytes: u64, removes: &str| {
        json!({"event": "would", "action": "replace", "local": format!("c/{name}"),
            "remote": format!("a/{name}"), "type": kind, "bytes": bytes, "removes": removes})
    };
    let expected = [would("p", "file", 6, "folder"), would("q", "folder", 0, "file")];
    assert_eq!(rows[..2], expected, "{}", said.tell());
    let said = site.miniftp("ann", &words);
    let events = events(said.ok());
    let [at] = places(&events, "expect")[..] else { panic!("{}", said.tell()) };
    assert_eq!((&events[at]["files"], &events[at]["bytes"]), (&json!(1), &json!(6)));
    let summary = events.last().unwrap();
    assert_eq!((&summary["files"], &summary["removed"]), (&json!(2), &json!(4)));
    assert_eq!(fs::read(site.local().join("c/p")).unwrap(), b"a file");
}
