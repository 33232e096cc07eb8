//! miniftpd, with one account and room for as many sessions as are wanted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use miniftp::accounts::{Account, AccountName, AccountStore};
use miniftp::config;
use miniftp::scram::Verifier;
use miniftp::vfs::{Adopt, Homes};

use super::group::Group;
use super::{Durability, Server, Setup};
use crate::Result;

/// Of the account's password: a client's derivation is not what is measured.
pub(crate) const PASSWORD_ITERATIONS: u32 = 4096;

/// Starts it with settings of its own.
pub(super) fn start(setup: &Setup<'_>) -> Result<Server> {
    let mut settings = vec![
        ("connections", "10000"),
        ("sessions_per_account", "10000"),
        ("entries", "1000000000"),
    ];
    if setup.durability == Durability::None {
        settings.push(("durability", "none"));
    }
    prepare(setup.dir, &settings)?;
    serve(&setup.program, setup.dir)
}

/// Writes settings and one account, `bench` with the password `bench`.
fn prepare(dir: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let conf = dir.join("conf");
    for dir in [&conf, &dir.join("home")] {
        fs::create_dir_all(dir)?;
    }
    let is_set = |line: &str| {
        let name = line.split_once(" = ").map_or("", |(name, _)| name);
        settings.iter().find(|(set, _)| *set == name).copied()
    };
    let config = config::print_config();
    let lines = config.lines().map(|line| match is_set(line) {
        Some((name, value)) => format!("{name} = {value}\n"),
        None => format!("{line}\n"),
    });
    let text: String = lines.collect();
    fs::write(conf.join("server.ini"), text)?;
    let store = AccountStore::open(&conf)?;
    let verifier = Verifier::derive("bench", PASSWORD_ITERATIONS)?;
    let name = AccountName::parse("bench").ok_or("not a name")?;
    let (homes, account) = (Homes::new(&dir.join("home")), Account::new(name, verifier, None));
    store.edit(|draft| draft.create(account.clone(), Adopt::No, &homes))?;
    Ok(())
}

/// Serves a directory whose conf/ and home/ are there, and which has an account `bench`.
pub(crate) fn serve(program: &Path, dir: &Path) -> Result<Server> {
    let mut child = Command::new(program)
        .args(["--listen", "127.0.0.1:0", "--ftp", "127.0.0.1:0"])
        .args(["--conf", "conf", "--home", "home"])
        .current_dir(dir)
        .env("MINIFTP_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let group = Group::of(&child);
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let mut port = || -> Result<String> {
        let line = lines.next().ok_or("the server did not start")??;
        Ok(line.rsplit(':').next().unwrap_or_default().to_string())
    };
    let (port, common_port) = (port()?, port()?);
    Ok(Server {
        child,
        group,
        port,
        common_port,
        login: ("bench", "bench"),
        prefix: String::new(),
        directory: dir.join("home/bench"),
        key: None,
    })
}
