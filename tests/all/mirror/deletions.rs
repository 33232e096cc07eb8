//! What `mirror --delete` must leave alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::{all, site};
use crate::harness::write_file;

const NOT_REMOVED: &str = "nothing was removed: 1 could not be seen or brought";

/// A name that the server cannot have, a name that this machine cannot have: each means that not
/// everything was seen.
#[test]
fn where_something_failed_nothing_is_removed() {
    let (site, _daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    write_file(local.join("f"), b"f");
    write_file(there.join("extra"), b"extra");
    let odd = OsStr::from_bytes(b"latin-\xe9");
    let run = |words: &[&str]| site.miniftp("ann", words);
    write_file(local.join(odd), b"x");
    // What is shown before is what happens then.
    let said = run(&["mirror", "--delete", "-n", "tree", "copy"]);
    said.fails(1).stdout(
        "would put tree/f as copy/f (1 bytes)\n\
         would remove nothing: 1 could not be seen or brought\n",
    );
    run(&["mirror", "--delete", "tree", "copy"]).fails(1).stderr_has(NOT_REMOVED);
    assert!(there.join("extra").exists() && there.join("f").exists());
    write_file(local.join(OsStr::from_bytes(b"latin-\xe8")), b"x");
    let said = run(&["mirror", "--delete", "tree", "copy"]);
    said.fails(1).stderr_has("nothing was removed: 2 could not be seen or brought");
    fs::remove_file(local.join(OsStr::from_bytes(b"latin-\xe8"))).unwrap();
    fs::remove_file(local.join(odd)).unwrap();
    // From the server: a name that cannot be one here.
    write_file(local.join("here only"), b"x");
    write_file(there.join("line\nbreak"), b"x");
    run(&["mirror", "-R", "--delete", "copy", "tree"]).fails(1).stderr_has(NOT_REMOVED);
    assert!(local.join("here only").exists());
    fs::remove_file(there.join("line\nbreak")).unwrap();
    run(&["mirror", "-R", "--delete", "copy", "tree"]).ok().stderr_has("removed: 1\n");
    assert!(!local.join("here only").exists());
}

/// A file where there was a folder, and the reverse, as rsync does it.
#[test]
fn what_is_of_another_kind_is_replaced() {
    let (site, _daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    write_file(local.join("a/deep/file"), b"a folder here");
    write_file(local.join("b"), b"a file here");
    write_file(there.join("a"), b"a file there");
    write_file(there.join("b/deep/file"), b"a folder there");
    write_file(there.join("c"), b"extra");
    let run = |words: &[&str]| site.miniftp("ann", words);
    let said = run(&["mirror", "tree", "copy"]);
    said.fails(1).stderr_has("`tree/a` is another kind of thing on the server");
    said.stderr_has("`tree/b` is another kind of thing on the server");
    assert!(there.join("b/deep/file").exists());
    run(&["mirror", "-n", "--delete", "tree", "copy"]).ok().stdout(
        "would remove copy/a, which is of another kind, and bring tree/a\n\
         would remove copy/b, which is of another kind, and bring tree/b\n\
         would remove copy/c\n",
    );
    let backup = all(&there);
    let said = run(&["mirror", "--delete", "tree", "copy"]);
    said.ok().stderr_has(": 2 files, 24 bytes in ").stderr_has("removed: 5\n");
    assert!(all(&local) == all(&there), "{:?}", all(&there).keys());
    run(&["mirror", "--delete", "tree", "copy"]).ok().stderr_has(", 2 there already\n");
    // From the server it is the same.
    for (name, content) in backup {
        let path = site.stored("ann", "back").join(name);
        content.into_iter().for_each(|content| write_file(&path, &content));
    }
    run(&["mirror", "-R", "--delete", "back", "tree"]).ok().stderr_has("removed: 4\n");
    assert!(all(&local) == all(&site.stored("ann", "back")), "{:?}", all(&local).keys());
}

/// What is left out inside stays, and then the folder too.
#[test]
fn what_is_excluded_keeps_the_folder_in_the_way() {
    let (site, _daemon) = site();
    let there = site.stored("ann", "copy");
    write_file(site.local().join("tree/b"), b"a file here");
    write_file(there.join("b/keep.o"), b"precious");
    write_file(there.join("b/gone"), b"x");
    let words = ["mirror", "--delete", "--exclude", "*.o", "tree", "copy"];
    let said = site.miniftp("ann", &words);
    said.fails(1).stderr_has("`tree/b` is another kind of thing on the server");
    assert_eq!(all(&there).into_keys().collect::<Vec<_>>(), ["b", "b/keep.o"]);
    // A link here is not followed and not replaced.
    fs::create_dir(site.local().join("back")).unwrap();
    symlink("/nowhere", site.local().join("back/b")).unwrap();
    write_file(site.stored("ann", "source/b"), b"content");
    let said = site.miniftp("ann", &["mirror", "-R", "--delete", "source", "back"]);
    said.fails(1).stderr_has("`back/b` is another kind of thing on the server");
    assert!(fs::symlink_metadata(site.local().join("back/b")).unwrap().is_symlink());
}

#[test]
fn without_a_source_nothing_happens() {
    let (site, _daemon) = site();
    write_file(site.local().join("tree/f"), b"f");
    write_file(site.stored("ann", "copy/f"), b"f");
    let before = (all(&site.local()), all(&site.stored("ann", "copy")));
    let run = |words: &[&str]| site.miniftp("ann", words);
    run(&["mirror", "--delete", "missing", "copy"])
        .fails(1)
        .stderr_has("`missing`: cannot read it: no such file or directory");
    run(&["mirror", "-R", "--delete", "missing", "tree"]).fails(1).stderr_has("missing");
    run(&["mirror", "tree"]).fails(2);
    assert!(before == (all(&site.local()), all(&site.stored("ann", "copy"))));
}

/// Links are never taken along, and a name that the source could not have says nothing: that they
/// are missing there is no reason to remove them.
#[test]
fn what_is_never_taken_along_is_never_removed() {
    let (site, _daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    write_file(local.join("f"), b"f");
    write_file(there.join("extra/file"), b"x");
    symlink("file", there.join("extra/link")).unwrap();
    symlink("f", there.join("link")).unwrap();
    write_file(there.join("bell\u{7}"), b"x");
    write_file(there.join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    let run = |words: &[&str]| site.miniftp("ann", words);
    run(&["mirror", "--delete", "tree", "copy"]).ok().stderr_has("removed: 1\n");
    assert!(!there.join("extra/file").exists());
    for stays in ["extra/link", "link", "bell\u{7}"] {
        assert!(fs::symlink_metadata(there.join(stays)).is_ok(), "{stays}");
    }
    assert!(there.join(OsStr::from_bytes(b"latin-\xe9")).exists());
    // On this machine too, and outside the folder nothing is touched through a link.
    let local = site.local().join("back");
    write_file(site.local().join("outside/precious"), b"precious");
    write_file(local.join("gone/file"), b"x");
    symlink("../outside", local.join("link")).unwrap();
    symlink("../../outside", local.join("gone/link")).unwrap();
    write_file(local.join(OsStr::from_bytes(b"latin-\xe9")), b"x");
    write_file(local.join(".big.miniftp-part"), b"unfinished");
    write_file(site.stored("ann", "source/f"), b"f");
    run(&["mirror", "-R", "--delete", "source", "back"]).ok().stderr_has("removed: 1\n");
    assert!(!local.join("gone/file").exists());
    for stays in ["link", "gone/link", ".big.miniftp-part"] {
        assert!(fs::symlink_metadata(local.join(stays)).is_ok(), "{stays}");
    }
    assert!(local.join(OsStr::from_bytes(b"latin-\xe9")).exists());
    assert_eq!(fs::read(site.local().join("outside/precious")).unwrap(), b"precious");
}

#[test]
fn what_is_excluded_neither_travels_nor_goes() {
    let (site, _daemon) = site();
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    for name in ["a.o", "a.c", "build/x", "src/build", "src/b.o", "keep/[x]"] {
        write_file(local.join(name), b"here");
    }
    for name in ["old.o", "old.c", "gone/deep.o", "gone/deep.c", "build/y"] {
        write_file(there.join(name), b"there");
    }
    let words = ["mirror", "--delete", "--exclude", "*.o", "--exclude=build/", "tree", "copy"];
    site.miniftp("ann", &words).ok().stderr_has("removed: 2\n");
    let names: Vec<String> = all(&there).into_keys().collect();
    let expected = [
        "a.c",
        "build",
        "build/y",
        "gone",
        "gone/deep.o",
        "keep",
        "keep/[x]",
        "old.o",
        "src",
        "src/build",
    ];
    assert_eq!(names, expected);
    let words = ["mirror", "--exclude", "keep/\\[x\\]", "--exclude", "[ab].?", "tree", "again"];
    site.miniftp("ann", &words).ok();
    let names: Vec<String> = all(&site.stored("ann", "again")).into_keys().collect();
    assert_eq!(names, ["build", "build/x", "keep", "src", "src/build"]);
}
