//! Password prompts, and what is left of the terminal however they end.

use std::path::Path;

use super::site;
use crate::harness::{Miniftp, Output};

/// Runs a program that asks for something, types the beginning of an answer behind the prompt, and
/// presses a key or sends a signal; `None` where there
/// is no Python to make a terminal.
fn ask(dir: &Path, key: &str, prompt: (&str, &str), program: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/terminal/prompt.py");
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let script = script.to_str().unwrap();
    let words: Vec<&str> =
        [script, key, prompt.0, prompt.1].into_iter().chain(program.iter().copied()).collect();
    Some(Miniftp::foreign("python3", dir).run(&words))
}

/// Prompts that show what is typed change the terminal too.
#[test]
fn the_terminal_is_as_before_however_any_other_prompt_ends() {
    let (site, daemon) = site();
    let port = daemon.port().to_string();
    let client = [env!("CARGO_BIN_EXE_miniftp"), "-P", &port, "pwd"];
    for (key, end) in ENDS.iter().filter(|(key, _)| *key != "TSTP") {
        let Some(said) = ask(&site.local(), key, ("User name: ", ""), &client) else { return };
        said.ok().stdout(&format!("asked, echo off\n{end}, echo on\n"));
    }
}

/// Keys and signals, and what the program is told to have ended with.
const ENDS: &[(&str, &str)] = &[
    ("^C", "ended 130"),
    ("INT", "ended 130"),
    ("TERM", "ended -15"),
    ("HUP", "ended -1"),
    ("QUIT", "ended -3"),
    ("^Z", "stopped, echo on\nasked, echo off\nended 130"),
    ("TSTP", "stopped, echo on\nasked, echo off\nended 130"),
];

/// What was typed in part is not left in the terminal, where the shell would show it. A signal that
/// follows the keys at once finds them on their way to the terminal's queue; new modes with a flush
/// left them there in a third of such ends.
#[test]
fn the_echo_comes_back_however_a_password_prompt_ends() {
    let (site, daemon) = site();
    let port = daemon.port().to_string();
    let (conf, home) = (site.conf(), site.home());
    let paths = ["--conf", conf.to_str().unwrap(), "--home", home.to_str().unwrap()];
    let client = [env!("CARGO_BIN_EXE_miniftp"), "-P", &port, "-u", "ann", "pwd"];
    let server =
        [&[env!("CARGO_BIN_EXE_miniftpd"), "account", "passwd", "ann"], &paths[..]].concat();
    for (prompt, program) in [("Password of ann: ", &client[..]), ("password for ann: ", &server)] {
        for (key, end) in ENDS {
            let Some(said) = ask(&site.local(), key, (prompt, "secr"), program) else { return };
            said.ok().stdout(&format!("asked, echo off\n{end}, echo on\n"));
        }
    }
}
