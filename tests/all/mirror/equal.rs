//! What `mirror` sets of files whose content is equal: their time, and their permission bits.

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use super::{all, set_time, site};
use crate::harness::{Between, Daemon, Interceptor, Output, Site, bytes, eventually, write_file};
use crate::mounts::{mount, section};

/// One for each way in which files are compared: one that is empty, one in a frame, one in several.
const SIZES: [(&str, usize); 3] = [("empty", 0), ("d/small", 5), ("d/large", (1 << 20) + 5)];

const UP: [&str; 3] = ["mirror", "tree", "copy"];
const DOWN: [&str; 4] = ["mirror", "-R", "copy", "tree"];

fn time(path: impl AsRef<Path>) -> (i64, i64) {
    let meta = fs::metadata(path).unwrap();
    (meta.mtime(), meta.mtime_nsec())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A run, and which of these requests it sent.
fn watched(site: &Site, daemon: &Daemon, words: &[&str]) -> (Output, Vec<&'static str>) {
    let between = Interceptor::before(daemon.addr(), Between::Reads);
    let said = site.client("ann").in_clear().at(between.addr()).run(words);
    let names = ["LS", "STAT", "SUMS", "TOUCH", "CHMOD", "GET", "STORE", "PUT"];
    let is_sent = |name: &&str| {
        let length = [b'R', u8::try_from(name.len()).unwrap()];
        between.has_read(&[&length[..], name.as_bytes()].concat())
    };
    let sent = names.into_iter().filter(is_sent).collect();
    (said, sent)
}

/// The same content on both sides, and where it comes from the later time.
fn equal_trees(site: &Site, words: &[&str]) -> (PathBuf, PathBuf) {
    let (local, there) = (site.local().join("tree"), site.stored("ann", "copy"));
    let (from, to) = if words == UP { (local, there) } else { (there, local) };
    for (name, size) in SIZES {
        for (path, secs, nanos) in
            [(from.join(name), 1_700_000_000, 123_456_789), (to.join(name), 1_600_000_000, 0)]
        {
            write_file(&path, &bytes(3, size));
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::new(secs, nanos)).unwrap();
            set_mode(&path, 0o644);
        }
    }
    (from, to)
}

/// It was compared in every run, since nothing was done about its time.
#[test]
fn an_equal_file_gets_the_time_of_its_source_and_is_not_compared_again() {
    for words in [&UP[..], &DOWN] {
        let (site, daemon) = site();
        let (from, to) = equal_trees(&site, words);
        let (said, sent) = watched(&site, &daemon, words);
        said.ok().stderr_has(": 0 files, 0 bytes in ").stderr_has(", 3 there already\n");
        said.stderr_has("times set: 3\n");
        assert!(sent.contains(&"SUMS") && !sent.contains(&"CHMOD"), "{sent:?}");
        for (name, size) in SIZES {
            assert_eq!(time(to.join(name)), (1_700_000_000, 123_456_789), "{name}");
            assert_eq!(time(from.join(name)), (1_700_000_000, 123_456_789), "{name}");
            assert!(fs::read(to.join(name)).unwrap() == bytes(3, size), "{name}");
        }
        let (said, sent) = watched(&site, &daemon, words);
        said.ok().stderr_has(", 3 there already\n");
        assert!(!said.err.contains("set"), "{}", said.tell());
        assert_eq!(sent, ["LS", "STAT"], "only the folder is looked at");
    }
}

/// Where a side keeps whole seconds, times that are the same as far as it tells stay as they are.
#[test]
fn a_fraction_that_one_side_does_not_keep_is_no_other_time() {
    let (site, daemon) = site();
    let (from, to) = equal_trees(&site, &UP);
    set_time(to.join("d/small"), 1_700_000_000);
    watched(&site, &daemon, &["mirror", "--checksum", "tree", "copy"])
        .0
        .ok()
        .stderr_has("times set: 2\n");
    assert_eq!(time(to.join("d/small")), (1_700_000_000, 0));
    assert_eq!(time(from.join("d/small")), (1_700_000_000, 123_456_789));
}

#[test]
fn permission_bits_of_equal_files_are_carried_once() {
    let (site, daemon) = site();
    let (local, there) = equal_trees(&site, &UP);
    // What is brought with its bits lacks none.
    write_file(local.join("new"), b"new");
    set_mode(&local.join("new"), 0o675);
    watched(&site, &daemon, &UP).0.ok();
    let name = "d/small";
    // The server keeps its right to read; what else is above the nine bits stays where it is.
    for (bits, arrives) in
        [(0o600, 0o600), (0o777, 0o777), (0o4750, 0o750), (0o244, 0o644), (0o044, 0o444)]
    {
        set_mode(&local.join(name), bits);
        let (said, sent) = watched(&site, &daemon, &UP);
        said.ok().stderr_has("permission bits set: 1\n");
        assert!(sent.contains(&"CHMOD") && !sent.contains(&"SUMS"), "{bits:o}: {sent:?}");
        assert_eq!(mode(&there.join(name)), arrives, "{bits:o}");
        let (said, sent) = watched(&site, &daemon, &UP);
        assert!(!said.ok().err.contains("set"), "{bits:o}: {}", said.tell());
        assert_eq!(sent, ["LS", "STAT"], "{bits:o}");
    }
    // With another time too.
    set_mode(&local.join(name), 0o640);
    set_time(local.join(name), 1_650_000_000);
    let (said, _) = watched(&site, &daemon, &UP);
    said.ok().stderr_has("times set: 1\n").stderr_has("permission bits set: 1\n");
    let stored = there.join(name);
    assert_eq!((time(&stored), mode(&stored)), ((1_650_000_000, 0), 0o640));
    // The other way, and over a file of which the content differs.
    for (content, says) in [(None, "permission bits set: 1\n"), (Some("other"), ": 1 file, 5 ")] {
        set_mode(&stored, if content.is_some() { 0o600 } else { 0o664 });
        content.into_iter().for_each(|content| fs::write(&stored, content).unwrap());
        watched(&site, &daemon, &DOWN).0.ok().stderr_has(says);
        assert_eq!(mode(&local.join(name)), mode(&stored), "{content:?}");
        let (said, sent) = watched(&site, &daemon, &DOWN);
        assert!(!said.ok().err.contains("set"), "{content:?}: {}", said.tell());
        assert_eq!(sent, ["LS", "STAT"], "{content:?}");
    }
}

#[test]
fn permission_bits_stay_where_that_was_said_and_times_do_not() {
    for words in [&UP[..], &DOWN] {
        let (site, daemon) = site();
        let (from, to) = equal_trees(&site, words);
        set_mode(&from.join("d/small"), 0o600);
        set_mode(&from.join("d/large"), 0o600);
        // The one is equal, the other differs.
        fs::write(from.join("d/large"), b"differs").unwrap();
        let words = [words, &["--no-mode"]].concat();
        let (said, sent) = watched(&site, &daemon, &words);
        said.ok().stderr_has("times set: 2\n").stderr_has(": 1 file, 7 bytes");
        assert!(!said.err.contains("permission bits"), "{}", said.tell());
        assert!(!sent.contains(&"CHMOD"), "{sent:?}");
        assert_eq!([mode(&to.join("d/small")), mode(&to.join("d/large"))], [0o644; 2]);
        let (said, _) = watched(&site, &daemon, &words);
        assert!(!said.ok().err.contains("set"), "{}", said.tell());
    }
}

#[test]
fn a_dry_run_names_what_would_be_set() {
    let (site, daemon) = site();
    for (words, to) in [(&UP[..], "copy"), (&DOWN, "tree")] {
        let (from, target) = equal_trees(&site, words);
        set_mode(&from.join("d/small"), 0o600);
        let said = site.miniftp("ann", &[words, &["-n"]].concat());
        said.ok().stdout(&format!(
            "would set the time of {to}/d/large\n\
             would set the time of {to}/d/small\n\
             would set the permission bits of {to}/d/small to 600\n\
             would set the time of {to}/empty\n"
        ));
        let said = site.miniftp("ann", &[words, &["-n", "--json", "--exclude", "large"]].concat());
        let lines: Vec<serde_json::Value> =
            said.ok().out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let would: Vec<_> = lines.iter().filter(|line| line["event"] == "would").collect();
        assert_eq!(would.len(), 3, "{}", said.tell());
        let (local, remote) = ("tree/d/small", "copy/d/small");
        for (line, action) in would.iter().zip(["set_time", "set_mode"]) {
            assert_eq!([&line["action"], &line["type"]], [action, "file"], "{line}");
            assert_eq!([&line["local"], &line["remote"]], [local, remote], "{line}");
            assert_eq!(line["bytes"], 5, "{line}");
        }
        assert_eq!(would[1]["mode"], "0600");
        for (name, _) in SIZES {
            let path = target.join(name);
            assert_eq!((time(&path), mode(&path)), ((1_600_000_000, 0), 0o644), "{name}");
        }
    }
    // Comparing is about content.
    let (_, target) = equal_trees(&site, &UP);
    set_mode(&target.join("d/small"), 0o600);
    for words in [&["check", "tree", "copy"][..], &["put", "-rn", "tree", "copy"]] {
        let (said, sent) = watched(&site, &daemon, words);
        said.ok().stdout("");
        assert!(!sent.contains(&"TOUCH") && !sent.contains(&"CHMOD"), "{words:?}: {sent:?}");
    }
    assert_eq!(time(target.join("d/small")), (1_600_000_000, 0));
}

#[test]
fn events_name_what_was_set() {
    let (site, daemon) = site();
    let (from, _) = equal_trees(&site, &UP);
    set_mode(&from.join("d/small"), 0o600);
    let words = ["mirror", "--json", "--exclude", "large", "--exclude", "empty", "tree", "copy"];
    let (said, _) = watched(&site, &daemon, &words);
    let lines: Vec<serde_json::Value> =
        said.ok().out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let set: Vec<_> = lines.iter().filter(|line| line["event"] == "set").collect();
    assert_eq!(set.len(), 2, "{}", said.tell());
    for (line, what) in set.iter().zip(["time", "mode"]) {
        assert_eq!([&line["command"], &line["what"]], ["mirror", what], "{line}");
        assert_eq!([&line["local"], &line["remote"]], ["tree/d/small", "copy/d/small"], "{line}");
    }
    assert_eq!(set[1]["mode"], "0600");
    let summary = lines.iter().find(|line| line["event"] == "summary").unwrap();
    let counts = ["equal", "times_set", "modes_set", "failed"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [1, 1, 1, 0].map(Some), "{summary}");
}

/// Without the permission to modify everything is as it was before there was this.
#[test]
fn where_nothing_may_be_changed_nothing_fails() {
    let site = Site::new();
    site.account("ann", "unlimited");
    mount(&site, &section("pool", "pool", "all", "read, write", "10M"));
    let stored = site.home().join("pool/f");
    write_file(&stored, b"content");
    write_file(site.local().join("tree/f"), b"content");
    set_time(&stored, 1_600_000_000);
    set_mode(&stored, 0o644);
    set_mode(&site.local().join("tree/f"), 0o600);
    let daemon = site.start();
    for _ in 0..2 {
        let (said, sent) = watched(&site, &daemon, &["mirror", "tree", "/pool"]);
        said.ok().stderr_has(": 0 files, 0 bytes in ").stderr_has(", 1 there already\n");
        assert!(!said.err.contains("set") && !said.err.contains("failed"), "{}", said.tell());
        assert!(sent.contains(&"TOUCH"), "{sent:?}");
    }
    assert_eq!((time(&stored), mode(&stored)), ((1_600_000_000, 0), 0o644));
    daemon.wait_for_log("time /pool/f refused: permission denied");
}

/// Until a moment after a change nobody can tell whether a file changes again: it is compared once
/// more then.
#[test]
fn a_file_that_has_just_changed_is_given_time() {
    for words in [&UP[..], &DOWN] {
        let (site, daemon) = site();
        let (from, to) = equal_trees(&site, words);
        let both = [&from, &to].map(|tree| tree.join("d/small"));
        let relay = before(daemon.addr(), b"\x04SUMS\x00\x0ccopy/d/small", move || {
            // That counts as a change too, here and on the server.
            both.iter().for_each(|path| set_mode(path, 0o644));
        });
        let said = site.client("ann").in_clear().at(relay).run(words);
        said.ok().stderr_has("times set: 3\n").stderr_has(", 3 there already\n");
        assert_eq!(time(to.join("d/small")), time(from.join("d/small")));
    }
}

/// What has changed since it was compared does not get the time of what was compared, for it would
/// count as the same from then on, and what has changed since it was listed not the bits.
#[test]
fn a_file_that_changed_since_stays_as_it_is() {
    for words in [&UP[..], &DOWN] {
        let (site, daemon) = site();
        let (from, to) = equal_trees(&site, words);
        // A large file is compared when all that was before it has its answer.
        for tree in [&from, &to] {
            write_file(tree.join("d/listed"), b"bits");
            set_time(tree.join("d/listed"), 1_700_000_000);
            write_file(tree.join("d/z"), &bytes(5, (2 << 20) + 1));
        }
        set_mode(&from.join("d/listed"), 0o600);
        set_mode(&to.join("d/listed"), 0o644);
        set_time(from.join("d/z"), 1_700_000_000);
        // What has just changed would be compared again behind the large one.
        let rests = |name| has_rested(&site.local().join("tree").join(name));
        eventually("the files here rest", || ["empty", "d/small", "d/z"].into_iter().all(rests));
        let (small, listed) = (to.join("d/small"), to.join("d/listed"));
        let changed = [small.clone(), listed.clone()];
        let relay = before(daemon.addr(), b"\x04SUMS\x00\x08copy/d/z", move || {
            changed
                .iter()
                .zip([&b"other"[..], b"tibs"])
                .for_each(|(path, text)| write_file(path, text));
        });
        let said = site.client("ann").in_clear().at(relay).run(words);
        said.ok().stderr_has("times set: 3\n");
        assert!(!said.err.contains("permission bits"), "{}", said.tell());
        assert_eq!(fs::read(&small).unwrap(), b"other", "{}", said.tell());
        assert_ne!(time(&small).0, 1_700_000_000, "{}", said.tell());
        assert_eq!(mode(&listed), 0o644);
        site.miniftp("ann", words).ok().stderr_has(": 2 files, 9 bytes in ");
        assert!(all(&from) == all(&to));
    }
}

/// Whether nothing has changed a file for longer than a tick of the clock for files.
fn has_rested(path: &Path) -> bool {
    let meta = fs::metadata(path).unwrap();
    let (secs, nanos) = (meta.ctime().try_into().unwrap(), meta.ctime_nsec().try_into().unwrap());
    let age = (UNIX_EPOCH + Duration::new(secs, nanos)).elapsed();
    age.is_ok_and(|age| age > Duration::from_millis(100))
}

/// Passes connections on, and does something once before these bytes leave for the server.
fn before(
    server: SocketAddr,
    needle: &'static [u8],
    act: impl FnOnce() + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, mut server) =
            (listener.accept().unwrap().0, TcpStream::connect(server).unwrap());
        let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || io::copy(&mut answers, &mut back));
        let (mut block, mut act) = (vec![0; 64 * 1024], Some(act));
        loop {
            let n = client.read(&mut block).unwrap_or(0);
            if block[..n].windows(needle.len()).any(|bytes| bytes == needle) {
                act.take().into_iter().for_each(|act| act());
            }
            if n == 0 || server.write_all(&block[..n]).is_err() {
                return;
            }
        }
    });
    addr
}
