//! What the server leaves in its logs: one line for each act, in three forms, in files that can be
//! moved away, and nothing that does not belong there.

mod acts;
mod files;
mod json;
mod secrets;
mod xferlog;

use std::fs;
use std::path::Path;

use crate::harness::{Daemon, Site, eventually};

/// A server whose log is conf/server.log and whose xferlog is conf/xferlog, and an account of 1 MB.
struct Scene {
    // The server goes before its directory.
    daemon: Daemon,
    site: Site,
}

impl Scene {
    fn new() -> Scene {
        Scene::with("people")
    }

    fn with(format: &str) -> Scene {
        let site = Site::new();
        site.account("ann", "1M").admin("root");
        site.setting("log", "file", "server.log").setting("log", "format", format);
        site.setting("log", "xferlog", "xferlog");
        let daemon = site.start();
        Scene { daemon, site }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.site.conf().join(name)).unwrap_or_default()
    }

    /// The log with everything that happened before now.
    #[track_caller]
    fn log(&self) -> String {
        whole(&self.daemon, &self.site.conf().join("server.log"))
    }
}

/// What is in a log file of a server, once it has everything that happened before now.
#[track_caller]
fn whole(daemon: &Daemon, path: &Path) -> String {
    let tcp = std::net::TcpStream::connect(daemon.addr()).unwrap();
    let mark = format!("{} came in as", tcp.local_addr().unwrap());
    let mut log = String::new();
    eventually("the log has what is in the queue", || {
        log = fs::read_to_string(path).unwrap_or_default();
        log.contains(&mark)
    });
    log
}

/// The acts of somebody in a log for people, without time and level, and with `S` for seconds.
fn acts(log: &str, who: &str) -> Vec<String> {
    let acts = log.lines().filter(|line| line.get(25..30).is_some_and(|level| level != "DEBUG"));
    let lines = acts.filter_map(|line| line.get(31..));
    let own = lines.filter_map(|line| line.strip_prefix(who)?.strip_prefix(' '));
    own.map(|act| {
        let words: Vec<&str> = act.split(' ').collect();
        let word = |(i, word): (usize, &&str)| match words.get(i.wrapping_sub(1)) {
            Some(&"in" | &"after") if word.parse::<f64>().is_ok() => "S".to_owned(),
            _ => (*word).to_owned(),
        };
        words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    })
    .collect()
}
