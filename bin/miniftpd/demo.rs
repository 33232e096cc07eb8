//! `miniftpd demo`: the whole job in a minute, with a real server, real clients and a real cut,
//! over a fresh temporary tree and free ports.
//!
//! Invariant: everything runs in this process, and all files are in one directory, which goes with
//! it; so nothing is left behind by whatever end leaves the process a moment, and after KILL the
//! next demo removes the directory.

mod failure;
mod ftp;
mod relay;
mod show;
mod steps;

use std::io::{self, Write};
use std::process::ExitCode;

use self::failure::DemoFailure;
use crate::ends::Ends;
use crate::temporary::TemporaryDir;

/// Shows the whole job; 0 if all of it happened.
pub(crate) fn run() -> ExitCode {
    let ends = match Ends::catch() {
        Ok(ends) => ends,
        Err(e) => return failed(&format!("cannot catch signals: {e}")),
    };
    let place = TemporaryDir::new(&std::env::temp_dir(), "demo", &|_| {});
    let shown = place.map_err(DemoFailure::from).and_then(|place| steps::all(&place, &ends));
    // Here the server has ended and the directory is gone, however it went.
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(DemoFailure::Stopped) => {
            let _ = writeln!(io::stderr(), "miniftpd: the demo was stopped; nothing is left of it");
            ExitCode::from(ends.exit_code())
        }
        Err(DemoFailure::Failed(what)) => failed(&what),
    }
}

fn failed(what: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "miniftpd: the demo failed: {what}");
    ExitCode::FAILURE
}
