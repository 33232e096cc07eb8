//! The server's program.

mod accounts;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((first, rest)) if first == "account" => {
            accounts::run(Path::new("conf"), rest, 100_000)
        }
        _ => ExitCode::from(2),
    }
}
