//! FTP over TLS, from outside: real clients, and one without manners.

mod clients;
mod raw;

use std::net::SocketAddr;

use crate::ftp_clients::{Ground, USER, installed};
use crate::harness::{Daemon, Miniftp, Output, Site, password};

const SCRIPT: &str = include_str!("with_ssl.py");

/// A server with these settings changed, an account and a file `f`.
fn ground(settings: &[(&str, &str, &str)]) -> Ground {
    let site = Site::new();
    site.account(USER, "unlimited");
    for (section, key, value) in settings {
        site.setting(section, key, value);
    }
    let daemon = site.start();
    let ground = Ground { daemon, site };
    ground.plant("f", b"text");
    ground
}

/// Where it listens for clients that encrypt from the first byte.
fn implicit_addr(daemon: &Daemon) -> SocketAddr {
    let printed = daemon.printed();
    let line = printed.lines().find_map(|line| line.strip_prefix("listening ftps "));
    line.expect("implicit TLS").parse().unwrap()
}

/// The program that runs a case of the script, with the words for it.
fn script(ground: &Ground, case: &str, addr: SocketAddr, more: &[&str]) -> (Miniftp, Vec<String>) {
    ground.write("script.py", SCRIPT.as_bytes());
    let (host, port) = (addr.ip().to_string(), addr.port().to_string());
    let mut words: Vec<String> =
        ["script.py", case, &host, &port, USER, &password(USER)].map(String::from).into();
    words.extend(more.iter().map(|word| (*word).to_owned()));
    (ground.program("python3"), words)
}

/// Runs a case of the script against a server to its end.
#[track_caller]
fn run_case(ground: &Ground, case: &str, addr: SocketAddr, more: &[&str]) -> Output {
    let (program, words) = script(ground, case, addr, more);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = program.run(&words);
    said.ok().stdout("done\n");
    said
}

fn has_python() -> bool {
    installed(&["python3"])
}
