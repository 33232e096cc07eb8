//! A server that means harm: the client can be stopped whatever is sent, and keeps its memory.

mod floods;
mod waits;

use miniftp::wire::{self, FrameKind, Message};
use rustix::process::Signal;

use crate::harness::{Hostile, Miniftp, Output, Running, Site, Victim, frame};

/// The exit code of a client that was interrupted.
const INTERRUPTED: i32 = 130;

/// A guest's client at this server.
fn guest(site: &Site, server: &Hostile) -> Miniftp {
    Miniftp::new(&site.local(), server.addr(), "anonymous")
}

/// Ctrl-C, and what comes of it.
#[track_caller]
fn interrupted(running: Running) -> Output {
    running.signal(Signal::INT);
    let said = running.wait();
    said.fails(INTERRUPTED).stderr_has("miniftp: stopped");
    said
}

/// A part of a listing, with one entry.
fn entry(kind: u8, name: &str) -> Vec<u8> {
    let entry = wire::Entry::new(kind, 0, 5, 1_700_000_000, 0, 0o644, 0, name);
    frame(FrameKind::More, entry.fields().as_bytes(), &[])
}

/// A sign of life.
fn alive(done: u64) -> Vec<u8> {
    frame(FrameKind::Alive, wire::Alive::new(done, u64::MAX).fields().as_bytes(), &[])
}

/// A listing that never ends, of files or folders.
fn endless(victim: &mut Victim, kind: u8) -> Option<()> {
    victim.flood(|number| entry(kind, &format!("{number:0>200}")))
}
