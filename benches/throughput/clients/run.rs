//! Runs a program and waits for its end.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::servers::peak;

/// How long a client may take: far longer than any that comes to an end.
const LONGEST: Duration = Duration::from_secs(600);

/// How often a client's memory is looked at: at first, and later. What it takes in the last moment
/// before its end is not seen; a look takes some thirty microseconds.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(20);
/// The wait for the next look is this part of the time until then.
const LOOK_SHARE: u32 = 32;

/// Whether a program's memory is looked at while it runs, and its output kept.
#[derive(Clone, Copy)]
pub(crate) enum Watched<'a> {
    No,
    /// Its output goes into a file.
    Into(&'a Path),
}

/// How a program that succeeded did.
pub(crate) struct Ended {
    pub(crate) secs: f64,
    /// The most memory that it was seen to have, if it was looked at.
    pub(crate) peak_kib: Option<u64>,
    /// The last line on its standard error.
    pub(crate) last_line: String,
}

/// Runs a program in a directory, and stops it when it takes too long.
///
/// # Errors
/// A program that does not start or that fails.
pub(crate) fn run(
    program: &Path,
    arguments: &[String],
    root: &Path,
    watched: Watched<'_>,
) -> Result<Ended> {
    let output = match watched {
        Watched::No => Stdio::null(),
        Watched::Into(path) => File::create(path)?.into(),
    };
    let mut command = Command::new(program);
    let command = command
        .args(arguments)
        .current_dir(root)
        .env("MINIFTP_PASSWORD", "bench")
        .env("HOME", root)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped());
    let (ended, out) = wait(command, matches!(watched, Watched::Into(_)))?;
    if out.status.success() {
        return Ok(ended);
    }
    Err(failure(program, &ended.last_line).into())
}

fn failure(program: &Path, last_line: &str) -> String {
    let says = if last_line.is_empty() { "it says nothing" } else { last_line };
    format!("{} failed: {says}", program.display())
}

/// Runs it, while a thread looks at it.
fn wait(command: &mut Command, is_watched: bool) -> Result<(Ended, Output)> {
    let begun = Instant::now();
    let child = command.spawn()?;
    let id = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let watch = move || {
        let mut peak_kib = None;
        loop {
            let passed = begun.elapsed();
            let look = (passed / LOOK_SHARE).clamp(FIRST_LOOK, LAST_LOOK);
            let pause = if is_watched { look } else { LONGEST };
            if end.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return peak_kib;
            }
            if is_watched {
                peak_kib = peak_kib.max(peak::kib(id));
            }
            if begun.elapsed() >= LONGEST {
                // It may have ended at this very moment.
                let _ = kill_process(id, Signal::KILL);
            }
        }
    };
    let (out, secs, peak_kib) = thread::scope(|scope| {
        let watching = scope.spawn(watch);
        let out = child.wait_with_output();
        let secs = begun.elapsed().as_secs_f64();
        drop(ended);
        (out, secs, watching.join().ok().flatten())
    });
    let out = out?;
    let errors = String::from_utf8_lossy(&out.stderr);
    let last_line = errors.trim().lines().next_back().unwrap_or_default().to_owned();
    Ok((Ended { secs, peak_kib, last_line }, out))
}
