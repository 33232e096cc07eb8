//! The server's memory, in which keys and passwords are, is left nowhere.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::harness::{Daemon, Site};

#[test]
fn a_server_that_dies_leaves_no_core() {
    let site = Site::new();
    // Where the system would have one written.
    let first = format!("cd '{}' && ulimit -c $(ulimit -H -c)", site.local().display());
    let mut daemon = Daemon::start_under(&site, &first);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    daemon.signal(Signal::ABORT);
    let status = daemon.wait();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "{status}");
    assert_eq!(std::fs::read_dir(site.local()).unwrap().count(), 0);
}
