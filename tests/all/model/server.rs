//! The server of the model: started, killed and started again, with an admin who looks after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use miniftp::answer::Cell;
use miniftp::wire;
use rustix::process::Signal;

use super::dice::Dice;
use super::places::ACCOUNTS;
use super::world::World;
use crate::harness::{Answer, Daemon, Frames};

/// The admin's account.
pub const ADMIN: &str = "root";

/// How often of a hundred times a file is called stored only when it would outlive a power cut.
const FULL: usize = 40;
/// How many starts of a hundred let the kernel hold the server to the directories of that moment.
const HELD: usize = 50;

/// See the module.
pub struct Server<'a> {
    world: &'a World<'a>,
    daemon: Daemon,
    /// The admin's session.
    admin: Option<Frames>,
    log: PathBuf,
    read: usize,
    dice: Dice,
}

/// What success means for the disk changes with each start, so that both ways are tried; the other
/// one is so slow where the disk is shared that little else would happen.
fn start(world: &World<'_>, log: &Path, dice: &mut Dice) -> (Daemon, Option<Frames>) {
    let durability = if dice.percent(FULL) { "full" } else { "none" };
    world.site.setting("storage", "durability", durability);
    let held = dice.percent(HELD);
    world.site.setting("server", "landlock", if held { "auto" } else { "off" });
    world.held.store(held, Ordering::SeqCst);
    world.count(&format!("starts with durability {durability}"));
    let daemon = Daemon::start_with(world.site, &["--log", log.to_str().unwrap()]);
    *world.doors.lock().unwrap() = Some((daemon.addr(), daemon.ftp_addr()));
    let admin = Some(daemon.login(ADMIN));
    (daemon, admin)
}

impl<'a> Server<'a> {
    /// Starts it for the first time.
    pub fn start(world: &'a World<'a>) -> Server<'a> {
        let log = world.site.root().join("server.log");
        let mut dice = Dice::of(world.seed, u64::MAX - 1);
        let (daemon, admin) = start(world, &log, &mut dice);
        Server { world, daemon, admin, log, read: 0, dice }
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        self.world.count("kills");
        self.daemon.signal(Signal::KILL);
    }

    /// Asks it to end.
    pub fn term(&self) {
        self.world.count("stops by TERM");
        self.daemon.term();
    }

    /// Starts it again when it has ended.
    pub fn start_again(&mut self) {
        let _ = self.daemon.wait();
        let (daemon, admin) = start(self.world, &self.log, &mut self.dice);
        (self.daemon, self.admin) = (daemon, admin);
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// Asks something as the admin; `None` if the server is gone.
    pub fn ask<'m>(&mut self, name: &str, message: &impl wire::Message<'m>) -> Option<Answer> {
        let admin = self.admin.as_mut()?;
        let answer = admin.attempt(name, message);
        if answer.is_none() {
            self.admin = None;
        }
        answer
    }

    /// How many sessions there are, the admin's included.
    pub fn sessions(&mut self) -> u64 {
        let answer = self.ask("ADMIN", &wire::Admin::new("sessions", "", 1)).unwrap();
        answer.cells().rows.len() as u64
    }

    /// What decides at an account's path: the words of each line.
    pub fn why(&mut self, account: usize, path: &str) -> Option<Vec<(String, String)>> {
        let line = format!("why {} -- {path}", ACCOUNTS[account].0);
        let answer = self.ask("ADMIN", &wire::Admin::new(&line, "", 1))?;
        if answer.code != 200 {
            return Some(Vec::new());
        }
        let words = |row: &Vec<Cell>| match &row[..] {
            [Cell::Text(what), _, Cell::Text(why)] => (what.clone(), why.clone()),
            row => panic!("{row:?}"),
        };
        Some(answer.cells().rows.iter().map(words).collect())
    }

    /// What an account uses, where that is known.
    pub fn used_bytes(&mut self, account: usize) -> Option<u64> {
        let line = format!("show {}", ACCOUNTS[account].0);
        self.ask("ADMIN", &wire::Admin::new(&line, "", 1)).unwrap().cells().number("used")
    }

    /// The lines of the log that came since the last time and tell of an error.
    pub fn errors(&mut self) -> Vec<String> {
        let text = fs::read(&self.log).unwrap();
        let new = String::from_utf8_lossy(&text[self.read..]).into_owned();
        // A line that is not whole yet is for the next time.
        let whole = new.rfind('\n').map_or(0, |at| at + 1);
        self.read += whole;
        let bad = |line: &&str| {
            line.contains(" ERROR ") || line.contains("ledger:") || line.contains("panicked")
        };
        new[..whole].lines().filter(bad).map(str::to_owned).collect()
    }

    /// The end of the log.
    pub fn last_of_log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}
