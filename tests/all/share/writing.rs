//! What others may store, and how much.

use std::fs;

use super::{Share, has_curl, nothing_is_left, shell, tree};
use crate::harness::{Miniftp, Site, bytes, snapshot, write_file};

#[test]
fn without_write_nothing_can_be_changed() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    write_file(site.local().join("new"), b"new");
    let before = snapshot(&dir);
    let share = Share::here(&site, &["photos"]);
    let refused = |words: &[&str]| {
        share.client(&site.local()).run(words).fails(1);
    };
    refused(&["put", "new", "/photos/new"]);
    refused(&["put", "--overwrite", "new", "/photos/a b.txt"]);
    refused(&["put", "new", "/new"]);
    refused(&["rm", "/photos/a b.txt"]);
    refused(&["mv", "/photos/a b.txt", "/photos/b"]);
    refused(&["mkdir", "/photos/d"]);
    refused(&["mkdir", "/d"]);
    if has_curl() {
        let curl = |words: &[&str]| Miniftp::foreign("curl", &site.local()).run(words);
        assert!(!curl(&["-sS", "-T", "new", &share.url()]).status.success());
        let delete = curl(&["-sS", "-Q", "DELE /photos/a b.txt", &share.url()]);
        assert!(!delete.status.success(), "{}", delete.tell());
    }
    assert!(snapshot(&dir) == before);
    share.end();
    assert!(snapshot(&dir) == before);
}

/// The lines for storing work too, with a name for FILE.
#[test]
fn with_write_files_come_through_both_protocols_and_stay() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    let there = site.root().join("there");
    fs::create_dir(&there).unwrap();
    write_file(there.join("FILE"), b"stored");
    let share = Share::here(&site, &["photos", "--write"]);
    assert!(share.text.contains(", to read and write, until Ctrl-C."), "{}", share.text);
    let text = share.running.out().wait_for(|text| {
        text.contains("  curl -T FILE ").then(|| text.to_owned()).filter(|t| t.ends_with('\n'))
    });
    let lines = super::lines_of(&text.unwrap());
    let put = lines.iter().find(|line| line.contains(" cp FILE ")).unwrap();
    shell(&there, put).ok();
    assert_eq!(fs::read(dir.join("FILE")).unwrap(), b"stored");
    share.shows("put /photos/FILE from 127.0.0.1: 6 B in ");
    if has_curl() {
        fs::remove_file(dir.join("FILE")).unwrap();
        shell(&there, lines.iter().find(|line| line.contains("curl -T FILE")).unwrap()).ok();
        assert_eq!(fs::read(dir.join("FILE")).unwrap(), b"stored");
    }
    share.client(&there).run(&["mv", "/photos/FILE", "/photos/moved"]).ok();
    share.shows("mv /photos/FILE to /photos/moved from 127.0.0.1\n");
    share.client(&there).run(&["rm", "/photos/a b.txt"]).ok();
    share.shows("rm /photos/a b.txt from 127.0.0.1\n");
    share.end();
    assert_eq!(fs::read(dir.join("moved")).unwrap(), b"stored");
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".hidden", "moved", "sub"], "something else is left");
    nothing_is_left(&site);
}

/// What is there already does not count, and what others add is never more than was allowed.
#[test]
fn the_quota_is_what_others_may_add() {
    let site = Site::new();
    let dir = tree(&site, "photos");
    write_file(dir.join("old"), &bytes(1, 3 << 20));
    write_file(site.local().join("half"), &bytes(2, 600 << 10));
    let share = Share::here(&site, &["photos", "--write", "--quota", "1M"]);
    assert!(share.text.contains(" At most 1.0 MiB more can be stored in it.\n"), "{}", share.text);
    share.client(&site.local()).run(&["put", "half", "/photos/one"]).ok();
    let said = share.client(&site.local()).run(&["put", "half", "/photos/two"]);
    said.fails(1).stderr_has("over quota");
    assert!(!dir.join("two").exists());
    share.shows("put /photos/two from 127.0.0.1 refused: over quota");
    // What is removed gives room.
    share.client(&site.local()).run(&["rm", "/photos/one"]).ok();
    share.client(&site.local()).run(&["put", "half", "/photos/two"]).ok();
    share.end();
    assert_eq!(fs::metadata(dir.join("two")).unwrap().len(), 600 << 10);
}
