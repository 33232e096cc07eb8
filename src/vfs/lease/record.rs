//! The line in the lock's file: who holds the tree, and how often it has said so.
//!
//! ```text
//! <host> <pid> <run> <boot>/<pid namespace> <count>
//! ```
//!
//! Host, pid and run name the holder; the fourth word tells whether its pid means anything here;
//! the count grows with each renewal. The line of one holder never changes its length, so it is
//! rewritten by one small write in place: whoever reads meanwhile finds a whole line of the same
//! holder, perhaps with digits of two counts, which is a count that has changed.

use std::fmt;
use std::fs::{read_link, read_to_string};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use rustix::system::uname;

/// Bytes that are read of a lock's file; a line needs fewer.
pub(super) const MOST: usize = 512;
/// Bytes of a host's name; DNS allows 63 in each part.
const HOST: usize = 64;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LockRecord {
    host: Box<str>,
    pid: u32,
    /// A random number for each start of a server.
    pub(super) run: u64,
    /// The boot of the kernel and the namespace of process numbers, where they can be found out.
    system: Box<str>,
    pub(super) count: u64,
}

impl LockRecord {
    /// The first line of this process.
    pub(super) fn of_this_process(run: u64) -> LockRecord {
        let boot = read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = read_link("/proc/self/ns/pid").unwrap_or_default();
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let space = digits(&space.to_string_lossy());
        let is_known = !boot.trim().is_empty() && !space.is_empty();
        let system = if is_known { format!("{}/{space}", boot.trim()) } else { "-".to_owned() };
        let host = uname();
        let host = host.nodename().to_string_lossy();
        LockRecord {
            host: plain(&host),
            pid: std::process::id(),
            run,
            system: system.into(),
            count: 0,
        }
    }

    /// Reads a line; `None` unless it is whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<LockRecord> {
        let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut words = line.split(' ');
        let record = LockRecord {
            host: words.next().filter(|host| !host.is_empty())?.into(),
            pid: words.next()?.parse().ok()?,
            run: u64::from_str_radix(words.next()?, 16).ok()?,
            system: words.next()?.into(),
            count: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(record)
    }

    /// The line as it stands in the file.
    pub(super) fn line(&self) -> String {
        let LockRecord { host, pid, run, system, count } = self;
        format!("{host} {pid} {run:016x} {system} {count:020}\n")
    }

    /// Who it is.
    pub(super) fn holder(&self) -> Holder {
        Holder { host: Some(self.host.clone()), pid: Some(self.pid) }
    }

    /// Whether it is of a process of this machine that has ended. `ours` is this process's own.
    pub(super) fn has_ended(&self, ours: &LockRecord) -> bool {
        let is_here = self.system == ours.system && self.host == ours.host && &*ours.system != "-";
        is_here && self.run != ours.run && (self.pid == ours.pid || !is_running(self.pid))
    }
}

/// Whether a process of this number is there, whoever's it is.
fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// A host's name as one word that is safe to show.
fn plain(host: &str) -> Box<str> {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let host: String = host.chars().take(HOST).map(|c| if kept(c) { c } else { '-' }).collect();
    if host.is_empty() { "unknown".into() } else { host.into() }
}

/// Who holds a tree, as far as its lock tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    host: Option<Box<str>>,
    pid: Option<u32>,
}

impl Holder {
    /// One of whom nothing is written down.
    pub(in crate::vfs) const UNKNOWN: Holder = Holder { host: None, pid: None };

    /// Reads what a lock's file says, be it of an older version, which wrote its pid only.
    pub(super) fn read(bytes: &[u8]) -> Holder {
        if let Some(record) = LockRecord::parse(bytes) {
            return record.holder();
        }
        let text = std::str::from_utf8(bytes).ok();
        Holder { host: None, pid: text.and_then(|text| text.trim().parse().ok()) }
    }
}

impl fmt::Display for Holder {
    /// Its host is named where it is another one than this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = plain(&uname().nodename().to_string_lossy());
        let host = self.host.as_ref().filter(|host| **host != here);
        match (host, self.pid) {
            (Some(host), Some(pid)) => {
                // Whatever stands in the file is shown as it would have been written.
                write!(f, "miniftpd on `{}` with pid {pid}", plain(host))
            }
            (_, Some(pid)) => write!(f, "miniftpd with pid {pid}"),
            (_, None) => f.write_str("another miniftpd"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_has_ended_is_reported_only_of_this_machine() {
        let ours = LockRecord::of_this_process(1);
        let with = |change: &dyn Fn(&mut LockRecord)| {
            let mut other = LockRecord { run: 2, ..ours.clone() };
            change(&mut other);
            other.has_ended(&ours)
        };
        assert!(with(&|_| {}), "an earlier process with the number of this one");
        assert!(with(&|other| other.pid = i32::MAX as u32 - 1), "no such process");
        assert!(!with(&|other| other.pid = 1), "a process that runs");
        for elsewhere in [
            &|other: &mut LockRecord| other.host = "elsewhere".into(),
            &|other: &mut LockRecord| other.system = "another-boot/1".into(),
        ] as [&dyn Fn(&mut LockRecord); 2]
        {
            assert!(!with(elsewhere));
        }
        assert!(!ours.has_ended(&ours));
    }

    #[test]
    fn an_older_version_s_line_and_a_torn_one_are_reported_as_far_as_they_go() {
        let far = b"nas 12 00000000000000ff boot/1 00000000000000000007\n";
        assert_eq!(Holder::read(far).to_string(), "miniftpd on `nas` with pid 12");
        assert_eq!(Holder::read(b"1234\n").to_string(), "miniftpd with pid 1234");
        for torn in [&b""[..], b"nas 12 00", b"nas\n", b"\xff\n"] {
            assert_eq!(Holder::read(torn).to_string(), "another miniftpd");
            assert_eq!(LockRecord::parse(torn), None);
        }
    }

    proptest! {
        #[test]
        fn lines_come_back_and_keep_their_length(
            host in ".*", pid: u32, run: u64, count: u64, later: u64
        ) {
            let record = LockRecord { host: plain(&host), pid, run, system: "b/1".into(), count };
            let line = record.line();
            prop_assert!(line.len() <= MOST);
            prop_assert_eq!(LockRecord { count: later, ..record.clone() }.line().len(), line.len());
            prop_assert_eq!(LockRecord::parse(line.as_bytes()), Some(record));
        }

        #[test]
        fn anything_can_be_read(bytes: Vec<u8>) {
            let _ = (LockRecord::parse(&bytes), Holder::read(&bytes).to_string());
        }
    }
}
