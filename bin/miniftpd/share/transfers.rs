//! A line for each transfer, from the server's log.
//!
//! Never: holds up the server. A terminal that takes nothing loses lines, and their number is
//! shown when it takes something again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use miniftp::text::{Escaped, Size};
use serde_json::Value;

/// Lines that wait for the terminal.
const WAITING: usize = 4096;
/// Bytes of one line of the log that are kept: a path and what came of it.
const LINE_BYTES: usize = 64 * 1024;

/// What the log is written to.
pub(super) struct LogReader {
    line: Vec<u8>,
    to: Sender<String>,
    lost: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
}

/// What is to be shown.
pub(super) struct Transfers {
    /// The lines.
    pub(super) lines: Receiver<String>,
    lost: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
}

/// Both ends.
pub(super) fn channel() -> (LogReader, Transfers) {
    let (to, lines) = bounded(WAITING);
    let (lost, done) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let reader =
        LogReader { line: Vec::new(), to, lost: Arc::clone(&lost), done: Arc::clone(&done) };
    (reader, Transfers { lines, lost, done })
}

impl Transfers {
    /// How many lines were lost since this was asked last.
    pub(super) fn lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

impl Transfers {
    /// How many files have come or gone whole.
    pub(super) fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Write for LogReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < LINE_BYTES {
                    self.line.push(*byte);
                }
                continue;
            }
            let line: Option<Value> = serde_json::from_slice(&self.line).ok();
            self.done.fetch_add(line.as_ref().map_or(0, done), Ordering::Relaxed);
            let shown = line.and_then(|line| shown(&line));
            if shown.is_some_and(|line| self.to.try_send(line).is_err()) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            self.line.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether it is a transfer that has come to its end.
fn done(line: &Value) -> u64 {
    let of = |key: &str| line.get(key).and_then(Value::as_str);
    u64::from(matches!(of("event"), Some("get" | "put")) && of("result") == Some("done"))
}

/// The line about an entry of the log, if it is a transfer or something that the operator should
/// know.
fn shown(line: &Value) -> Option<String> {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let (level, from) = (text("level")?, text("from").unwrap_or_default());
    let why = text("why").map(|why| format!(": {}", Escaped(why))).unwrap_or_default();
    let result = text("result").unwrap_or_default();
    let path = || Escaped(text("path").unwrap_or_default()).to_string();
    match text("event") {
        Some(verb @ ("get" | "put")) => {
            let bytes = line.get("bytes").and_then(Value::as_u64).unwrap_or(0);
            let secs = line.get("secs").and_then(Value::as_f64).unwrap_or(0.0);
            let way = if verb == "get" { "to" } else { "from" };
            Some(match result {
                "done" => {
                    let rate = rate(bytes, secs);
                    format!("{verb} {} {way} {from}: {} in {secs:.1} s{rate}", path(), Size(bytes))
                }
                "broken" => format!("{verb} {} {way} {from} broke off{why}", path()),
                _ => format!("{verb} {} {way} {from} refused{why}", path()),
            })
        }
        // What else was changed, where that is allowed.
        Some(verb @ ("rm" | "mkdir" | "rmdir" | "mv")) if result == "done" => {
            let to = text("to").map(|to| format!(" to {}", Escaped(to))).unwrap_or_default();
            Some(format!("{verb} {}{to} from {from}", path()))
        }
        Some("login") if result != "done" => Some(format!("login from {from} refused{why}")),
        Some(_) => None,
        None if matches!(level, "WARN" | "ERROR") => {
            text("text").map(|text| Escaped(text).to_string())
        }
        None => None,
    }
}

/// `, 8.1 MiB/s`, where that says something.
fn rate(bytes: u64, secs: f64) -> String {
    let took = Duration::try_from_secs_f64(secs).unwrap_or_default();
    if bytes == 0 || took < Duration::from_millis(1) {
        return String::new();
    }
    format!(", {}/s", Size((bytes as f64 / took.as_secs_f64()) as u64))
}
