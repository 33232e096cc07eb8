//! The most memory that a process has had.

use std::fs;

use rustix::process::Pid;

/// What makes the kernel begin again with the most that a process has had (proc(5)).
const FORGET: &str = "5";

/// KiB that a process had at most, until now; `None` once it has ended.
pub(crate) fn kib(process: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    most.trim().trim_end_matches(" kB").parse().ok()
}

/// Begins again with what it has now. A kernel that cannot counts from its start.
pub(super) fn forget(process: Pid) {
    let _ = fs::write(format!("/proc/{}/clear_refs", process.as_raw_nonzero()), FORGET);
}
