//! The same and more on a real FUSE file system: `bindfs` shows a directory at two places, as two
//! machines would see a share, each with locks of its own.
//!
//! Where there is no bindfs or no /dev/fuse these tests say so and are passed over; CI installs it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use miniftp::wire;
use rustix::process::{Pid, Signal, kill_process};

use super::shared::{a_frozen_server_is_taken_over, is_stopped};
use super::{finish, nothing_is_stored};
use crate::harness::{CHUNK, Daemon, Frames, Pipe, Site, Starting, eventually, request};

/// A directory shown at another place by a program of its own; dropped, it is taken away.
pub(crate) struct Fuse {
    child: Child,
    pub(crate) at: PathBuf,
    said: Pipe,
}

impl Fuse {
    /// Shows `from` at `at`; `None`, and a word to whoever reads the tests' output, where that
    /// cannot be done here.
    pub(crate) fn show(from: &Path, at: PathBuf) -> Option<Fuse> {
        fs::create_dir_all(from).unwrap();
        fs::create_dir_all(&at).unwrap();
        let spawned = Command::new("bindfs")
            // In the foreground, with a line for each request of the kernel.
            .args(["-d", "-f"])
            .args([from, &at])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = spawned else {
            skipped("bindfs is not installed");
            return None;
        };
        let said = Pipe::collect(child.stderr.take().unwrap());
        let mut fuse = Fuse { child, at, said };
        let mut is_there = false;
        eventually("bindfs shows the directory, or ends", || {
            let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
            is_there = mounts.lines().any(|line| line.contains(fuse.at.to_str().unwrap()));
            is_there || fuse.child.try_wait().unwrap().is_some()
        });
        if !is_there {
            skipped(&format!("bindfs cannot mount here: {}", fuse.said.text().trim()));
            return None;
        }
        Some(fuse)
    }

    /// Stops the program behind it, until what is returned is dropped.
    pub(crate) fn stand_still(&self) -> Still {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).unwrap();
        let is_still = || {
            let (at, (seen, is_seen)) = (self.at.clone(), mpsc::channel());
            thread::spawn(move || seen.send(fs::metadata(at).is_ok()));
            is_seen.recv_timeout(Duration::from_millis(50)).is_err()
        };
        eventually("what the kernel remembers is too old", is_still);
        Still(pid)
    }

    /// How often the kernel asked for this.
    fn requests(&self, opcode: &str) -> usize {
        self.said.text().matches(&format!("opcode: {opcode} (")).count()
    }
}

/// A stopped program, which goes on when this is dropped.
pub(crate) struct Still(Pid);

impl Drop for Still {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let mut gone = Command::new("umount");
        let _ = gone.arg("-l").arg(&self.at).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not by `eprintln`, which nobody sees of a test that passes.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "!! SKIPPED, a test on FUSE: {why}");
}

#[test]
fn each_of_many_small_files_is_synced_before_it_is_called_stored() {
    const FILES: usize = 100;
    let site = Site::on_disk();
    site.account("ann", "64M");
    let Some(fuse) = Fuse::show(&site.home(), site.root().join("shown")) else { return };
    let daemon = Starting::begin_at(&site, &fuse.at, &[]).ready();
    let mut ann = daemon.login("ann");
    let before = fuse.requests("FSYNC");
    for number in 0..FILES {
        ann.send_store(&format!("f{number}"), format!("content {number}").as_bytes(), 0);
    }
    for _ in 0..FILES {
        ann.read_answer().expect(900);
    }
    assert!(fuse.requests("FSYNC") >= before + FILES, "{}", fuse.requests("FSYNC"));
    // It says once that it has no sync for directories, and is not asked again.
    assert!(fuse.requests("FSYNCDIR") >= 1);
    assert_eq!(ann.fetch("f99"), b"content 99");
}

#[test]
fn two_servers_on_one_share_that_do_not_see_each_other_s_locks() {
    let site = Site::on_disk();
    site.account("ann", "64M");
    let Some(one) = Fuse::show(&site.home(), site.root().join("one")) else { return };
    let Some(other) = Fuse::show(&site.home(), site.root().join("other")) else { return };
    let first = Starting::begin_at(&site, &one.at, &[]).ready();
    let refused = format!("is in use by miniftpd with pid {}", first.pid());
    let (status, said) = Starting::begin_at(&site, &other.at, &[]).wait();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains(&refused), "{said}");
    let freeze = |old: &Daemon| {
        old.signal(Signal::STOP);
        eventually("it is frozen", || is_stopped(old));
    };
    let standby = || Starting::begin_at(&site, &other.at, &["--wait"]);
    a_frozen_server_is_taken_over(&site, first, &freeze, &standby);
}

/// Kills a server just before one of its system calls.
///
/// `None`, and a word to whoever reads the tests' output, where that cannot be done here.
fn kill_before(daemon: &Daemon, call: &str) -> Option<Child> {
    let spawned = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=KILL:when=1")])
        .args(["-p", &daemon.pid().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut strace) = spawned else {
        skipped("strace is not installed");
        return None;
    };
    let said = Pipe::collect(strace.stderr.take().unwrap());
    if said.wait_for(|said| said.contains("attached").then_some(())).is_none() {
        skipped(&format!("strace cannot attach here: {}", said.text().trim()));
        let _ = strace.wait();
        return None;
    }
    Some(strace)
}

/// What a session does that takes a link and its removal, and what is there before and after it.
struct Torn {
    act: fn(&mut Frames),
    before: &'static [(&'static str, char)],
    after: &'static [(&'static str, char)],
}

/// More than a small file, which has no part.
const LENGTH: usize = 2 * CHUNK + 1;

const TORN: [Torn; 3] = [
    Torn {
        act: |ann| {
            ann.put("doc", LENGTH, 0).expect(802);
            ann.send_from(&[b'1'; LENGTH], 0);
            finish(ann, &[b'1'; LENGTH]);
        },
        before: &[],
        after: &[("ann/doc", '1')],
    },
    Torn {
        act: |ann| send_mv(ann, "doc", "moved"),
        before: &[("ann/doc", '1')],
        after: &[("ann/moved", '1')],
    },
    Torn {
        act: |ann| send_mv(ann, "moved", "/m/far"),
        before: &[("ann/moved", '1')],
        after: &[("m/far", '1')],
    },
];

fn send_mv(ann: &mut Frames, from: &str, to: &str) {
    let _ = ann.tcp().write_all(&request("MV", &wire::Move::new(from, to, 0), b""));
}

/// The files of `ann` and of the mount, by what their bytes are.
fn files(home: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["ann", "m"] {
        for entry in fs::read_dir(home.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.len(), LENGTH);
            bytes.dedup();
            let name = path.strip_prefix(home).unwrap().to_str().unwrap().to_owned();
            files.push((name, String::from_utf8(bytes).unwrap()));
        }
    }
    files
}

#[test]
fn a_server_killed_between_a_link_and_its_removal_leaves_one_name_and_no_part_of_a_stored_file() {
    let site = Site::on_disk();
    site.account("ann", "64M");
    fs::write(
        site.conf().join("mounts.ini"),
        "[m]\nat = /m\ndir = m\nfor = all\nrights = read, write, modify\nsize = 64M\n",
    )
    .unwrap();
    let Some(fuse) = Fuse::show(&site.home(), site.root().join("shown")) else { return };
    for torn in TORN {
        let mut daemon = Starting::begin_at(&site, &fuse.at, &[]).ready();
        let mut ann = daemon.login("ann");
        ann.quota();
        let Some(mut strace) = kill_before(&daemon, "unlinkat") else { return };
        (torn.act)(&mut ann);
        nothing_is_stored(ann);
        daemon.wait();
        strace.wait().unwrap();
        // Without any delay: the file system still answers from what it knew before.
        let daemon = Starting::begin_at(&site, &fuse.at, &[]).ready();
        let named = |files: &[(&str, char)]| -> Vec<(String, String)> {
            files.iter().map(|(name, byte)| ((*name).to_owned(), byte.to_string())).collect()
        };
        let is = files(&site.home());
        assert!(is == named(torn.before) || is == named(torn.after), "{is:?}");
        // What is removed while it is open FUSE keeps under another name until it is closed.
        eventually("nothing is left in the trash", || {
            fs::read_dir(site.home().join(".miniftp/trash")).unwrap().count() == 0
        });
        let mut ann = daemon.login("ann");
        assert!(ann.parts().is_empty(), "{:?}", ann.parts());
        if let Some((stored, _)) = torn.after.first() {
            // An upload to that name, even one that goes on with what is held, is out of sight
            // until it is whole.
            let at = stored.strip_prefix("ann/").unwrap_or("/m/far");
            ann.put(at, LENGTH, wire::REPLACE).expect(802);
            ann.chunk(0, &[b'2'; CHUNK]).expect(900);
            assert_eq!(files(&site.home()), is);
            ann.drop_part(false).expect(200);
        }
        assert_eq!(files(&site.home()), is);
    }
}
