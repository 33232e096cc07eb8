//! Where things go: the same command means the same place, whatever was there before.

use std::fs;

use rustix::process::Signal;

use super::{MIB, files, names, site};
use crate::harness::{Proxy, Way, bytes, eventually, write_file};

/// Files of a tree that is interrupted, and bytes of each.
const FILES: u64 = 8;
const EACH: usize = MIB + MIB / 2;

#[test]
fn an_interrupted_tree_goes_on_by_the_same_command_and_sends_nothing_twice() {
    for verb in ["put", "get"] {
        let (site, daemon) = site();
        let (from, way) = match verb {
            "put" => (site.local().join("src"), Way::Up),
            _ => (site.stored("ann", "src"), Way::Down),
        };
        let to = if verb == "put" { site.stored("ann", "") } else { site.local() };
        for n in 0..FILES {
            write_file(from.join(format!("d{}/f{n}", n % 3)), &bytes(n, EACH));
        }
        let total = FILES * EACH as u64;
        let proxy = Proxy::to(daemon.addr()).stall_after(way, total / 2);
        let words = [verb, "-r", "src", "backup"];
        let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&words);
        proxy.wait_for_stall();
        running.signal(Signal::INT);
        let said = running.wait();
        assert!(!said.status.success());
        said.stderr_has("the same command resumes from there");
        // The old session lets go of the file on which it was.
        proxy.cut_now();
        let proxy = Proxy::to(daemon.addr());
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
        said.ok();
        assert!(files(&to.join("backup")) == files(&from), "{}", said.tell());
        // What was on its way when it stalled, and the talk, is less than two frames of content.
        let sent = proxy.count(way);
        assert!(sent < total / 2 + 2 * MIB as u64, "{sent} of {total}");
        // And again: nothing at all.
        let proxy = Proxy::to(daemon.addr());
        let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
        said.ok().stderr_has(": 0 files, 0 bytes in ");
        said.stderr_has(&format!(", {FILES} there already\n"));
        assert!(proxy.count(way) < 64 * 1024, "{}", said.tell());
        assert!(files(&to.join("backup")) == files(&from));
    }
}

#[test]
fn one_directory_goes_into_the_target_that_was_named_and_a_slash_means_below_it() {
    let table: &[(&str, &[&str], &[&str])] = &[
        // The words, what is there before, what is there after: all in the target's root.
        ("src backup", &[], &["backup/f"]),
        ("src backup", &["backup/old"], &["backup/f", "backup/old"]),
        ("src/ backup", &["backup/old"], &["backup/f", "backup/old"]),
        ("src deep/backup", &["deep/old"], &["deep/backup/f", "deep/old"]),
        ("src backup/", &["backup/old"], &["backup/old", "backup/src/f"]),
        ("src backup/", &[], &["backup/src/f"]),
        ("src .", &[], &["src/f"]),
        ("src ./", &["src/old"], &["src/f", "src/old"]),
        ("src two backup", &["backup/old"], &["backup/old", "backup/src/f", "backup/two/g"]),
        ("src two .", &[], &["src/f", "two/g"]),
        ("sr* backup", &[], &["backup/src/f"]),
        ("sr* backup", &["backup/old"], &["backup/old", "backup/src/f"]),
        ("src", &[], &["src/f"]),
        ("f backup", &["backup/old"], &["backup/f", "backup/old"]),
        ("f backup", &[], &["backup"]),
        ("f backup/", &["backup/old"], &["backup/f", "backup/old"]),
    ];
    let (site, _daemon) = site();
    for verb in ["put", "get"] {
        for (words, before, after) in table {
            let (from, to) = match verb {
                "put" => (site.local().join("from"), site.stored("ann", "to")),
                _ => (site.stored("ann", "from"), site.local().join("to")),
            };
            for (path, content) in [("src/f", "f"), ("two/g", "g"), ("f", "file")] {
                write_file(from.join(path), content.as_bytes());
            }
            fs::create_dir_all(&to).unwrap();
            before.iter().for_each(|path| write_file(to.join(path), b"old"));
            let script = match verb {
                "put" => format!("lcd from\ncd to\nput -r {words}\n"),
                _ => format!("cd from\nlcd to\nget -r {words}\n"),
            };
            // The same again changes nothing.
            for _ in 0..2 {
                let said = site.client("ann").input(script.as_str()).run(&[]);
                said.ok();
                assert_eq!(names(&to), *after, "{verb} -r {words}: {}", said.tell());
            }
            fs::remove_dir_all(to).unwrap();
            fs::remove_dir_all(from).unwrap();
        }
    }
    for verb in ["put", "get"] {
        let help = site.miniftp("ann", &["help", verb]);
        help.ok().stdout_has("into that folder itself").stdout_has("ends in `/`");
    }
}

#[test]
fn a_target_that_must_be_a_directory_and_is_none_is_refused_before_the_first_byte() {
    let (site, daemon) = site();
    for root in [site.local(), site.stored("ann", "")] {
        write_file(root.join("f"), &bytes(1, 3 * MIB));
        write_file(root.join("small"), &bytes(2, MIB / 2));
        write_file(root.join("file"), b"a file");
    }
    let before = (files(&site.local()), files(&site.stored("ann", "")));
    for verb in ["get", "put"] {
        for source in ["f", "small"] {
            for target in ["dir/", "file/", "dir/."] {
                let proxy = Proxy::to(daemon.addr());
                let words = [verb, "--overwrite", source, target];
                let said = site.client("ann").in_clear().at(proxy.addr()).run(&words);
                said.fails(1).stderr_has(target.trim_end_matches(['/', '.'])).stdout("");
                assert_eq!(said.err.lines().count(), 1, "{}", said.tell());
                let moved = (proxy.count(Way::Up), proxy.count(Way::Down));
                assert!(moved.0 < 8192 && moved.1 < 8192, "{moved:?} {}", said.tell());
                assert!(before == (files(&site.local()), files(&site.stored("ann", ""))));
            }
        }
    }
}

/// A link to a directory that the user names is the directory, for a tree as for a file.
#[test]
fn a_link_that_is_named_as_the_target_leads_to_its_directory() {
    let (site, _daemon) = site();
    write_file(site.stored("ann", "tree/f"), b"content");
    fs::create_dir(site.local().join("real")).unwrap();
    std::os::unix::fs::symlink("real", site.local().join("link")).unwrap();
    site.miniftp("ann", &["get", "tree/f", "link"]).ok();
    site.miniftp("ann", &["get", "-r", "tree", "link/"]).ok();
    site.miniftp("ann", &["get", "-r", "--overwrite", "tree", "link"]).ok();
    assert_eq!(names(&site.local().join("real")), ["f", "tree/f"]);
    assert!(fs::symlink_metadata(site.local().join("link")).unwrap().is_symlink());
    // A link to nothing, or to a file, is no directory.
    std::os::unix::fs::symlink("nowhere", site.local().join("dangling")).unwrap();
    site.miniftp("ann", &["get", "-r", "tree", "dangling"]).fails(1);
    assert!(!site.local().join("nowhere").exists());
}

/// It was the current folder, so that a variable that was empty meant all that is there.
#[test]
fn an_empty_name_is_no_path_in_a_script_either() {
    let (site, _daemon) = site();
    write_file(site.local().join("here/f"), b"f");
    for name in ["x", "y", "sub/z"] {
        write_file(site.stored("ann", "work").join(name), name.as_bytes());
    }
    let lines = ["put here/f ''", "get x ''", "mv sub/z ''", "ls ''", "put ''", "get ''", "rm ''"];
    for line in lines.into_iter().chain(["rm -r ''", "rmdir ''", "cd ''", "lcd ''"]) {
        let said = site.client("ann").input(format!("cd work\n{line}\n")).run(&[]);
        said.fails(1).stdout("").stderr_has("an empty name is no path; say `.` for the current");
        let left = names(&site.stored("ann", ""));
        assert_eq!(left, ["work/sub/z", "work/x", "work/y"], "{}", said.tell());
        assert_eq!(names(&site.local()), ["here/f"], "{}", said.tell());
    }
}

#[test]
fn what_a_guest_leaves_is_not_promised() {
    let site = crate::harness::Site::new();
    site.setting("guests", "anonymous", "yes");
    fs::create_dir_all(site.home().join("box")).unwrap();
    let text = "[box]\nat = /box\ndir = box\nfor = everybody\nrights = read, write\nsize = 100M\n";
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let daemon = site.start();
    write_file(site.local().join("f"), &bytes(1, 4 * MIB));
    let proxy = Proxy::to(daemon.addr()).stall_after(Way::Up, 2 * MIB as u64);
    let running =
        site.client("anonymous").in_clear().at(proxy.addr()).spawn(&["put", "f", "/box/f"]);
    proxy.wait_for_stall();
    running.signal(Signal::INT);
    let said = running.wait();
    assert!(!said.status.success());
    assert!(!said.err.contains("goes on"), "{}", said.tell());
    said.stderr_has("nothing is kept");
    proxy.cut_now();
    eventually("the server lets go of it", || !site.home().join("box/f").exists());
}
