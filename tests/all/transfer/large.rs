//! Large files take no more memory than small ones, here and there.
//!
//! Content goes through one buffer of a frame on either side, and digests of chunks through windows
//! of fixed size: nothing in either program grows with the file. So the bound is the same for
//! every row, and what holds for 1 GiB holds for more.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::{MIB, site};
use crate::harness::{Pipe, assert_same_file, bytes, heavy, password, write_file};

/// Bytes by which the peak of either program may grow.
const GROWTH: u64 = 16 << 20;

/// The most memory that a process ever occupied, in bytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A batch that waits for its next line.
struct Batch {
    child: Child,
    out: Pipe,
    err: Pipe,
    lines: usize,
}

impl Batch {
    /// Does these commands, and returns when they are done.
    #[track_caller]
    fn run(&mut self, commands: &str) {
        self.lines += 1;
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{commands}\npwd\n").as_bytes()).unwrap();
        let lines = self.lines;
        let done = self.out.wait_for(|text| (text.matches("/\n").count() == lines).then_some(()));
        assert!(done.is_some(), "{commands}: {}", self.err.text());
    }
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let _turn = heavy();
    let (site, daemon) = site();
    let free = rustix::fs::statvfs(site.root()).unwrap();
    if free.f_bavail * free.f_frsize < 4 << 30 {
        eprintln!("skipped: {} has less than 4 GiB free", site.root().display());
        return;
    }
    let local = site.local();
    write_file(local.join("warm"), &bytes(1, 3 * MIB));
    let mut child = Command::new(env!("CARGO_BIN_EXE_miniftp"))
        .args(["-u", "ann", "-P", &daemon.port().to_string()])
        .env("XDG_STATE_HOME", site.root())
        .env("MINIFTP_PASSWORD", password("ann"))
        .current_dir(&local)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = Pipe::collect(child.stdout.take().unwrap());
    let err = Pipe::collect(child.stderr.take().unwrap());
    let mut batch = Batch { child, out, err, lines: 0 };
    batch.run("quota");
    let idle = (peak(batch.child.id()), peak(daemon.pid()));

    for (name, size) in [("warm", 3 << 20), ("content", 256_u64 << 20), ("sparse", 1 << 30)] {
        let path = local.join(name);
        match name {
            "content" => {
                let mut file = File::create(&path).unwrap();
                (0..256).for_each(|i| file.write_all(&bytes(i, MIB)).unwrap());
            }
            "sparse" => File::create(&path).unwrap().set_len(size).unwrap(),
            _ => {}
        }
        for command in [format!("put {name}"), format!("get {name} back"), format!("hash {name}")] {
            batch.run(&command);
        }
        assert_same_file(&path, site.stored("ann", name));
        assert_same_file(&path, local.join("back"));
        // The next row needs the room.
        fs::remove_file(local.join("back")).unwrap();
        fs::remove_file(path).unwrap();
        batch.run(&format!("rm {name}"));
        for (who, pid, idle) in
            [("client", batch.child.id(), idle.0), ("server", daemon.pid(), idle.1)]
        {
            let grown = peak(pid) - idle;
            assert!(grown < GROWTH, "{who} grew by {grown} bytes for {name}");
        }
    }
    drop(batch.child.stdin.take());
    assert!(batch.child.wait().unwrap().success(), "{}", batch.err.text());
}
