//! What the tests stand on: a fresh directory, the two programs, raw frames, a proxy that does
//! harm.
//!
//! Never: sleeps, or uses a fixed port. Whatever is waited for announces itself, within
//! [`DEADLINE`], which is long because it only decides when a test that hangs is called failed.

#![allow(dead_code, unused_imports, reason = "a tool stays on the shelf while no test needs it")]

mod admin;
mod attempts;
#[cfg(feature = "tls")]
mod between;
mod calls;
mod content;
mod daemon;
mod frames;
mod ftp;
mod heavy;
mod hostile;
mod miniftp;
mod pipe;
mod proxy;
mod signals;
mod site;
mod starting;
mod tree;

use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
pub use between::{Between, Interceptor};
pub use calls::{CHUNK, Listed, Usage, row, whole};
pub use content::{assert_same_file, bytes, write_file};
pub use daemon::Daemon;
pub use frames::{Answer, Frame, Frames, digests, frame, request};
pub use ftp::{FtpTalk, Reply, connect_from, let_in, outer_address, reset, try_connect_from};
pub use heavy::heavy;
pub use hostile::{Attack, Hostile, Victim};
pub use miniftp::{Miniftp, Output, Running};
pub use pipe::Pipe;
pub use proxy::{Proxy, Way, refusing};
pub use site::{Site, password};
pub use starting::Starting;
pub use tree::{part_files, snapshot, stored_bytes, stored_bytes_at_once};

/// When a wait is given up and the test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// An address of this machine that is not loopback; nothing is sent to find it.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

/// Waits until something holds that no event tells, such as what another process did to a file.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Raises a flag when it is dropped, so that threads that look at it end when a test fails too.
pub struct Raise<'a>(pub &'a AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
