//! What is sent is what can be read, whatever the system says of its size.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use super::{MIB, files, site};
use crate::harness::{Daemon, Proxy, Raise, Site, Way, bytes, write_file};

/// A server that takes 4 MiB a second, so that a file can change meanwhile.
fn slow_site() -> (Site, Daemon) {
    let site = Site::new();
    site.account("ann", "unlimited").setting("rates", "account_up", "4M");
    let daemon = site.start();
    (site, daemon)
}

#[test]
fn files_whose_size_is_wrong_are_read_to_their_end() {
    let (site, _daemon) = site();
    for path in ["/proc/version", "/proc/cpuinfo", "/sys/class/net/lo/address"] {
        let Ok(content) = fs::read(path) else {
            eprintln!("skipped: there is no {path}");
            continue;
        };
        assert_ne!(fs::metadata(path).unwrap().len(), content.len() as u64, "{path}");
        let said = site.miniftp("ann", &["put", path, "copy"]);
        said.ok().stderr_has(&format!(": {} bytes in ", content.len()));
        let stored = fs::read(site.stored("ann", "copy")).unwrap();
        // Some tell the moment; all are as long as what they hold.
        assert!(stored == content || path == "/proc/cpuinfo", "{path}: {}", said.tell());
        assert!(!stored.is_empty());
        if stored == content {
            site.miniftp("ann", &["put", path, "copy"]).ok().stderr_has("is there already");
        }
        fs::remove_file(site.stored("ann", "copy")).unwrap();
    }
    let tree = Path::new("/sys/class/net/lo/queues/tx-0");
    if tree.is_dir() {
        let said = site.miniftp("ann", &["put", "-r", tree.to_str().unwrap(), "tree"]);
        let stored = files(&site.stored("ann", "tree"));
        for (name, content) in &stored {
            let here = fs::read(tree.join(name)).unwrap_or_default();
            assert_eq!(&here, content, "{}: {}", name.display(), said.tell());
        }
        assert!(!said.err.contains("kept changing"), "{}", said.tell());
    }
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let (site, _daemon) = site();
    let pipe = site.local().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    for size in [0, 7, MIB, 5 * MIB + 3] {
        let content = bytes(9, size);
        let running = site.client("ann").spawn(&["put", "pipe", "copy"]);
        // Opening waits for the reader.
        File::options().write(true).open(&pipe).unwrap().write_all(&content).unwrap();
        running.wait().ok().stderr_has(&format!(": {size} bytes in "));
        assert!(fs::read(site.stored("ann", "copy")).unwrap() == content);
        fs::remove_file(site.stored("ann", "copy")).unwrap();
    }
    let said = site.client("ann").input(bytes(3, 2 * MIB)).run(&["put", "/dev/stdin", "copy"]);
    said.ok();
    assert!(fs::read(site.stored("ann", "copy")).unwrap() == bytes(3, 2 * MIB));
    // Nobody writes into it: it is waited for until that is enough.
    let proxy = Proxy::to(site.addr());
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["put", "pipe", "other"]);
    proxy.wait_for_bytes(Way::Up, 200);
    running.signal(Signal::INT);
    assert!(!running.wait().status.success());
    let running = site.client("ann").spawn(&["put", "pipe", "other"]);
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    writer.write_all(b"a beginning").unwrap();
    running.signal(Signal::INT);
    let hint = "stopped; what a pipe or device has given cannot be read again\n";
    running.wait().fails(130).stderr_has(hint);
    drop(writer);
    assert!(!site.stored("ann", "other").exists());
    // Nothing that is sent stays here.
    let left: Vec<_> =
        fs::read_dir(site.local()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["pipe"]);
}

#[test]
fn a_log_that_grows_is_sent_up_to_an_end_that_it_had() {
    let (site, _daemon) = slow_site();
    let log = site.local().join("log");
    write_file(&log, &bytes(1, 2 * MIB));
    let done = AtomicBool::new(false);
    let said = thread::scope(|scope| {
        let _done = Raise(&done);
        scope.spawn(|| {
            let mut log = File::options().append(true).open(&log).unwrap();
            let mut n = 0_u64;
            while !done.load(Ordering::Relaxed) {
                writeln!(log, "line {n}").unwrap();
                n += 1;
                thread::park_timeout(Duration::from_millis(1));
            }
        });
        site.miniftp("ann", &["put", "log"])
    });
    said.ok();
    let (stored, log) = (fs::read(site.stored("ann", "log")).unwrap(), fs::read(log).unwrap());
    assert!(stored.len() >= 2 * MIB && log.starts_with(&stored), "{}", said.tell());
    said.stderr_has("grew");
}

#[test]
fn what_was_added_while_it_was_sent_is_sent_too() {
    let (site, daemon) = slow_site();
    let file = site.local().join("file");
    write_file(&file, &bytes(1, 4 * MIB));
    let proxy = Proxy::to(daemon.addr());
    let running = site.client("ann").in_clear().at(proxy.addr()).spawn(&["put", "file"]);
    proxy.wait_for_bytes(Way::Up, MIB as u64);
    File::options().append(true).open(&file).unwrap().write_all(&bytes(2, MIB)).unwrap();
    let said = running.wait();
    said.ok();
    assert!(fs::read(site.stored("ann", "file")).unwrap() == fs::read(file).unwrap());
}

#[test]
fn a_change_is_noticed_though_size_and_time_stay() {
    for small in [false, true] {
        let (site, daemon) = slow_site();
        let file = site.local().join("tree/file");
        write_file(&file, &bytes(1, 4 * MIB));
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        let proxy = Proxy::to(daemon.addr());
        let words: &[&str] =
            if small { &["put", "-r", "tree"] } else { &["put", "tree/file", "f"] };
        let running = site.client("ann").in_clear().at(proxy.addr()).spawn(words);
        proxy.wait_for_bytes(Way::Up, 2 * MIB as u64);
        let open = File::options().write(true).open(&file).unwrap();
        open.write_all_at(b"changed", 5).unwrap();
        open.set_modified(time).unwrap();
        let said = running.wait();
        said.ok().stderr_has("changed while it was sent");
        let stored = site.stored("ann", if small { "tree/file" } else { "f" });
        let (stored, here) = (fs::read(stored).unwrap(), fs::read(&file).unwrap());
        assert_eq!(&stored[5..12], b"changed", "{}", said.tell());
        assert!(stored == here, "{}", said.tell());
    }
}
