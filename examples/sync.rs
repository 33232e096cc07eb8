//! Sends a directory, lists what is there, and prints a file: a client in thirty lines.
//!
//! `cargo run --example sync -- 127.0.0.1:2020 alex DIRECTORY` asks `MINIFTP_PASSWORD` for the
//! password.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use miniftp::client::{Client, ExistsChoice, NoProgress, Options, Policy, Result};

/// Makes `directory` on the server what it is here, and writes what is there then.
pub fn sync(
    (host, port): (&str, u16),
    (name, password): (&str, &str),
    directory: &Path,
    out: &mut dyn Write,
) -> Result<()> {
    let mut client = Client::connect(host, port, Options::default())?;
    client.login(name, password)?;
    let policy = Policy { exists: ExistsChoice::Replace, ..Policy::default() };
    let report = client.put_tree(directory, "sync", &policy, &mut NoProgress)?;
    let _ =
        writeln!(out, "{} sent, {} equal, {} failed", report.files, report.equal, report.failed);
    client.ls("sync", &mut |entry| {
        let _ = writeln!(out, "{:>12} {}", entry.size, entry.name.escape_default());
        ControlFlow::Continue(())
    })?;
    let mut list = &b"sent with examples/sync.rs\n"[..];
    client.put_from(&mut list, "sync/NOTE", &policy, &mut NoProgress)?;
    client.get_to("sync/NOTE", out, &mut NoProgress)?;
    client.bye().map(drop)
}

#[allow(dead_code, reason = "tests run `sync` itself")]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, name, directory] = args.as_slice() else {
        return Err("usage: sync HOST:PORT ACCOUNT DIRECTORY".into());
    };
    let (host, port) = server.rsplit_once(':').ok_or("a server is HOST:PORT")?;
    let password = std::env::var("MINIFTP_PASSWORD")?;
    let out = &mut std::io::stdout();
    Ok(sync((host, port.parse()?), (name, &password), Path::new(directory), out)?)
}
