//! The process beside the server that runs the programs of `[hooks]`: the kernel does not hold it
//! to the server's files, since the programs of an operator need others.
//!
//! Never: started by hand, or while the server has a second thread.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use miniftp::audit::{HookRunner, run_hooks};
use miniftp::config::Config;
use miniftp::text::system_words;
use rustix::thread::set_name;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::outcome::fail;
use crate::search::Directories;

/// The word that makes this program that process. It is for nobody else, so no help has it.
pub(crate) const COMMAND: &str = "run-hooks";

/// Starts the process, if there is anything for it to do.
///
/// # Errors
/// In words for the terminal.
pub(crate) fn start(dirs: &Directories, config: &Config) -> Result<Option<HookRunner>, String> {
    let plan = config.hooks.plan(&dirs.conf);
    if !config.server.landlock || plan.commands.iter().all(Option::is_none) {
        return Ok(None);
    }
    // This very program, also where its file was replaced or removed since.
    let mut process = Command::new("/proc/self/exe");
    process.arg0("miniftpd").arg(COMMAND).current_dir("/");
    // What is typed at the server's terminal is not for it.
    process.process_group(0);
    let started = HookRunner::start(process, &plan.commands);
    started.map(Some).map_err(|e| {
        let what = system_words(&e);
        format!(
            "cannot start this program (/proc/self/exe) once more to run [hooks]: {what}; let the \
             server's user execute it, or set [server] landlock to off"
        )
    })
}

/// Is that process.
pub(crate) fn run() -> ExitCode {
    // A list of processes would have the name of the link that it was started by.
    let _ = set_name(c"miniftpd-hooks");
    // They go to all processes of a service, and the server says when it is over.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if let Err(e) = flag::register(signal, Arc::default()) {
            return fail(1, format_args!("cannot catch signals: {e}"));
        }
    }
    let requests = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    match requests.and_then(run_hooks) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(1, format_args!("{COMMAND} is what the server starts for [hooks]: {e}")),
    }
}
