//! `miniftpd status`, `who` and `top`: the questions that are asked most often, in one word.

use std::process::Command;

use crate::harness::{Miniftp, Site};

#[test]
fn what_is_asked_most_often_goes_in_one_word() {
    let site = Site::new();
    site.account("ann", "10M");
    let said = site.miniftpd(&["status"], "");
    said.ok().stdout_has("server    not running\n");
    site.miniftpd(&["who"], "").fails(1).stderr_has("this needs a running server");
    site.miniftpd(&["top"], "").fails(1).stderr_has("this needs a running server");
    let daemon = site.start();
    let _ann = daemon.login("ann");
    site.miniftpd(&["status", "--json"], "").ok().stdout_has("\"server\":\"running\",");
    site.miniftpd(&["who"], "").ok().stdout_has("ann      127.0.0.1  framed");
    // Where nobody looks it is shown once.
    let said = site.miniftpd(&["top"], "");
    said.ok().stdout_has("connections 1 of 2000, sessions 1; 0 B/s; free ");
    said.stdout_has("\n\nid  account  from       protocol");
    said.stdout_has("  ann      127.0.0.1  framed    2");
}

/// On a terminal it is shown again until somebody has seen enough, and fits.
#[test]
fn top_fits_the_terminal_and_ends_when_somebody_says_so() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `script` to make a terminal");
        return;
    }
    let site = Site::new();
    site.account("ann", "10M");
    let daemon = site.start();
    let _sessions: Vec<_> = (0..12).map(|_| daemon.login("ann")).collect();
    let (conf, home) = (site.conf(), site.home());
    let line = format!(
        "stty rows 10 cols 40; exec '{}' --conf '{}' --home '{}' top",
        env!("CARGO_BIN_EXE_miniftpd"),
        conf.display(),
        home.display()
    );
    let script = Miniftp::foreign("script", &site.local()).typed();
    let mut running = script.spawn(&["-qec", &line, "/dev/null"]);
    let table = |text: &str| text.contains("\nid  account  from       protocol").then_some(());
    running.out().wait_for(table).expect("a table");
    running.type_line("q");
    let said = running.wait();
    let frame = said.ok().out.split("\x1b[H\x1b[2J").nth(1).unwrap();
    let lines: Vec<&str> = frame.trim_end().lines().collect();
    assert!(lines.len() <= 10, "{lines:?}");
    assert!(lines.iter().all(|line| line.trim_end().chars().count() <= 40), "{lines:?}");
}
