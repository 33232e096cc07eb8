//! From the programs alone to a server: where it looks, what it makes, where it listens.

mod hooks;
mod init;
mod landlock;
mod listen;
mod manual;
mod memory;
mod options;
mod paths;
mod secrets;
mod service;
mod user;

use std::path::Path;

use crate::harness::{Miniftp, Output};

/// Runs the server in a directory, which is the user's home too.
fn miniftpd(dir: &Path, words: &[&str]) -> Output {
    Miniftp::server_program(dir).run(words)
}
