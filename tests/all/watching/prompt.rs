//! The prompt of a server that runs at a terminal.

use std::path::Path;
use std::process::Command;

use crate::harness::{Miniftp, Site};

#[test]
fn it_completes_stays_below_the_log_and_leaves_the_terminal_to_others() {
    for tool in ["python3", "bash"] {
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {tool}");
            return;
        }
    }
    let site = Site::new();
    site.account("ann", "1M").setting("login", "delay_millis", "0");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/watching/prompt.py");
    let (conf, home) = (site.conf(), site.home());
    let said = Miniftp::foreign("python3", &site.local()).run(&[
        script.to_str().unwrap(),
        env!("CARGO_BIN_EXE_miniftpd"),
        "--conf",
        conf.to_str().unwrap(),
        "--home",
        home.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--ftp",
        "127.0.0.1:0",
    ]);
    said.ok().stdout_has("stopped by Ctrl-C\nthe echo is on\n");
}
