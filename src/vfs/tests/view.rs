//! What an account sees and does, with and without the kernel's help.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::super::{EntryKind, Freed, View};
use super::{Fresh, POWERS, ann, ann_in, fifo, leave_part, mkdir, path, put};
use crate::error::{Error, Result};

fn names(vfs: &View, at: &str) -> Vec<String> {
    let listing = vfs.list(&path(at)).unwrap();
    let mut names: Vec<String> = listing.map(|entry| entry.unwrap().name).collect();
    names.sort();
    names
}

/// The name of an outcome, so that a table can hold it.
fn word<T>(outcome: Result<T>) -> &'static str {
    match outcome.map_err(|e| (e.to_string(), e)) {
        Ok(_) => "ok",
        Err((_, Error::NotFound { .. })) => "not found",
        Err((_, Error::Exists { .. })) => "exists",
        Err((_, Error::IsDirectory { .. })) => "is a folder",
        Err((_, Error::NotDirectory { .. })) => "not a folder",
        Err((_, Error::NotEmpty { .. })) => "not empty",
        Err((_, Error::NotRegular { .. })) => "not regular",
        Err((_, Error::Denied { .. })) => "denied",
        Err((_, Error::BadPath { .. })) => "bad path",
        Err((text, _)) => panic!("{text}"),
    }
}

#[test]
fn every_call_answers_alike_with_and_without_the_kernels_help() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        let real = fresh.path().join("ann");
        std::fs::create_dir_all(fresh.path().join("bob")).unwrap();
        std::fs::write(fresh.path().join("bob/secret"), "bob's").unwrap();
        mkdir(&vfs, "/d/e");
        put(&vfs, "/f", b"four").unwrap();
        symlink("../bob/secret", real.join("link")).unwrap();
        symlink("../bob", real.join("bridge")).unwrap();
        fifo(&real.join("pipe"));
        let table = [
            // path, source, list, mkdir, write, remove with nothing changed
            ("/", "is a folder", "ok", "exists", "is a folder"),
            ("/f", "ok", "not a folder", "exists", "ok"),
            ("/d", "is a folder", "ok", "exists", "is a folder"),
            ("/none", "not found", "not found", "ok", "ok"),
            ("/none/x", "not found", "not found", "not found", "not found"),
            ("/f/x", "not a folder", "not a folder", "not a folder", "not a folder"),
            ("/link", "not regular", "not a folder", "exists", "not regular"),
            ("/bridge", "not regular", "not a folder", "exists", "not regular"),
            ("/bridge/secret", "not a folder", "not a folder", "not a folder", "not a folder"),
            ("/pipe", "not regular", "not a folder", "exists", "not regular"),
            ("/../bob/secret", "not found", "not found", "not found", "not found"),
        ];
        for (text, source, list, mkdir, new_file) in table {
            let at = path(text);
            assert_eq!(word(vfs.source(&at)), source, "source {text}");
            assert_eq!(word(vfs.list(&at)), list, "list {text}");
            assert_eq!(word(vfs.check_directory(&at)), list, "check {text}");
            assert_eq!(word(vfs.new_small_file(&at, None)), new_file, "write {text}");
            assert_eq!(
                word(vfs.new_file(&at, super::Keep::Fresh, None, None)),
                new_file,
                "part {text}"
            );
            assert_eq!(word(vfs.mkdir(&at, None)), mkdir, "mkdir {text}");
            drop(vfs.rmdir(&path("/none")));
        }
        for (text, missing) in [
            ("/d/e", "ok"),
            ("/", "ok"),
            ("/f/x/y", "not a folder"),
            ("/bridge/x", "not a folder"),
            ("/f", "exists"),
        ] {
            assert_eq!(word(vfs.missing(&path(text)).map(|all| assert!(all.is_empty()))), missing);
        }
        assert_eq!(vfs.missing(&path("/d/x/y")).unwrap(), ["/d/x", "/d/x/y"].map(path));
        assert_eq!(word(vfs.rmdir(&path("/"))), "denied");
        assert_eq!(word(vfs.rmdir(&path("/d"))), "not empty");
        assert_eq!(word(vfs.rmdir(&path("/f"))), "not a folder");
        assert_eq!(word(vfs.rmdir(&path("/bridge"))), "not a folder");
        assert_eq!(word(vfs.remove(&path("/d"))), "is a folder");
        assert_eq!(vfs.remove(&path("/link")).unwrap().bytes, 0);
        assert_eq!(vfs.remove(&path("/pipe")).unwrap().bytes, 0);
        assert_eq!(vfs.remove(&path("/f")).unwrap().bytes, 4);
        assert_eq!(word(vfs.remove(&path("/f"))), "not found");
        assert_eq!(word(vfs.remove_tree(&path("/"), &mut |_| Ok(()))), "denied");
        assert!(fresh.path().join("bob/secret").exists());
    }
}

#[test]
fn renames_replace_only_files_and_report_what_they_freed() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        for directory in ["/d/e", "/d2"] {
            mkdir(&vfs, directory);
        }
        symlink("f", fresh.path().join("ann/link")).unwrap();
        put(&vfs, "/f", b"four").unwrap();
        put(&vfs, "/g", b"sixsix").unwrap();
        let table = [
            ("/f", "/g", false, "exists"),
            ("/f", "/f", false, "exists"),
            ("/f", "/f", true, "ok"),
            ("/f", "/d", true, "is a folder"),
            ("/f", "/link", true, "not regular"),
            ("/d", "/f", true, "not a folder"),
            ("/d", "/d2", true, "exists"),
            ("/d", "/d2", false, "exists"),
            ("/d", "/d/e/x", true, "bad path"),
            ("/d/e", "/d", true, "exists"),
            ("/f", "/none/x", true, "not found"),
            ("/none", "/x", true, "not found"),
            ("/", "/x", true, "denied"),
            ("/f", "/", true, "denied"),
            ("/d", "/d3", false, "ok"),
            ("/link", "/link2", false, "ok"),
        ];
        for (from, to, replace, want) in table {
            let got = word(vfs.rename(&path(from), &path(to), replace));
            assert_eq!(got, want, "{from} to {to}, replace {replace}");
        }
        let replaced = vfs.rename(&path("/f"), &path("/g"), true).unwrap().replaced;
        assert_eq!((replaced.bytes, replaced.entries), (6, 1));
        drop(replaced);
        std::fs::hard_link(fresh.path().join("ann/g"), fresh.path().join("ann/h")).unwrap();
        assert_eq!(vfs.rename(&path("/g"), &path("/h"), true).unwrap().replaced.bytes, 4);
        assert_eq!(names(&vfs, "/"), ["d2", "d3", "h", "link2"]);
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 4);
        let trash = fresh.path().join(".miniftp/trash");
        assert_eq!(std::fs::read_dir(trash).unwrap().count(), 0);
    }
}

#[test]
fn odd_and_long_names_are_stored_listed_and_removed() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann(powers);
        let long = "n".repeat(255);
        let plain =
            ["a b", "-rf", "it's", "\"q\"", "ü名\u{301}", "*?[x]", "back\\slash", "...", &long];
        for name in plain {
            put(&vfs, name, name.as_bytes()).unwrap();
            let entry = vfs.stat(&path(name)).unwrap();
            assert_eq!(
                (entry.name.as_str(), entry.odd, entry.kind),
                (name, false, EntryKind::File)
            );
            assert_eq!((entry.size, entry.mode), (name.len() as u64, 0o644));
        }
        let mut want: Vec<String> = plain.iter().map(|name| name.to_string()).collect();
        want.sort();
        assert_eq!(names(&vfs, "/"), want);
        for name in plain {
            assert_eq!(vfs.remove(&path(name)).unwrap().bytes, name.len() as u64);
        }
        let raw: [&[u8]; 3] = [b"bad\xff", b"two\nlines", b"\x1b[2J"];
        for name in raw {
            let name = std::ffi::OsStr::from_bytes(name);
            std::fs::write(fresh.path().join("ann").join(name), "odd").unwrap();
        }
        let odd: Vec<_> = vfs.list(&path("/")).unwrap().map(|entry| entry.unwrap()).collect();
        assert!(odd.iter().all(|entry| entry.odd && entry.size == 3));
        assert_eq!(names(&vfs, "/"), ["\\u{1b}[2J", "bad\\xff", "two\\nlines"]);
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 9);
    }
}

#[test]
fn wide_and_deep_trees_are_counted_and_removed() {
    for powers in POWERS {
        let (fresh, _home, vfs) = ann_in(Fresh::in_memory(), powers);
        let bob = fresh.path().join("bob");
        std::fs::create_dir_all(&bob).unwrap();
        std::fs::write(bob.join("secret"), "bob's").unwrap();
        mkdir(&vfs, "/t/deep");
        for n in 0..300 {
            mkdir(&vfs, &format!("/t/folder {n}"));
            put(&vfs, &format!("/t/folder {n}/x"), b"x").unwrap();
            put(&vfs, &format!("/t/{n}"), b"12").unwrap();
        }
        symlink(&bob, fresh.path().join("ann/t/bridge")).unwrap();
        deepen(&vfs, 900);
        leave_part(&vfs, "/t/part", b"part");
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 300 + 600 + 3 + 4);
        let stopped = vfs.remove_tree(&path("/t"), &mut |_| Err(Error::Stopping));
        assert!(matches!(stopped, Err(Error::Stopping)));
        let (mut freed, mut calls) = (0, 0);
        let counted = &mut |bytes: Freed| {
            (freed, calls) = (freed + bytes.bytes, calls + 1);
            Ok(())
        };
        vfs.remove_tree(&path("/t"), counted).unwrap();
        assert!((905..=907).contains(&freed) && calls > 1_800, "{freed} bytes in {calls} calls");
        assert_eq!(names(&vfs, "/"), [""; 0]);
        assert_eq!(vfs.used_bytes(&mut || Ok(())).unwrap(), 0, "the part goes with its folder");
        assert!(bob.join("secret").exists());
    }
}

/// Makes a tree deeper than any path can be, by moving what there is under a new folder again and
/// again, as a user could.
fn deepen(vfs: &View, levels: u32) {
    mkdir(vfs, "/t/deep/seed");
    put(vfs, "/t/deep/seed/end", b"end").unwrap();
    for _ in 0..levels {
        mkdir(vfs, "/t/deep/above");
        vfs.rename(&path("/t/deep/seed"), &path("/t/deep/above/seed"), false).unwrap();
        vfs.rename(&path("/t/deep/above"), &path("/t/deep/seed"), false).unwrap();
    }
}

#[test]
fn accounts_that_could_lead_elsewhere_are_refused() {
    let (fresh, home, _vfs) = ann(POWERS[0]);
    for name in ["", ".", "..", ".miniftp", "../ann", "a/b", "-x", "a\0b"] {
        assert!(matches!(View::open(&home, name), Err(Error::BadPath { .. })), "{name:?}");
    }
    symlink("ann", fresh.path().join("eve")).unwrap();
    assert!(matches!(View::open(&home, "eve"), Err(Error::NotDirectory { .. })));
}

#[test]
fn what_is_shared_between_threads_may_be() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<View>();
    shared::<super::super::Home>();
    shared::<super::super::Source>();
    moved::<super::super::NewFile>();
    moved::<super::super::Listing>();
}
