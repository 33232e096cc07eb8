//! The operator at the terminal of the running server: requests are announced, commands answered.
//!
//! Never: holds up serving. It has threads of its own; what it prints may wait for ever, a request
//! that it does not take is only not announced. Reading never stops a server that was sent to the
//! background.

mod keys;

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use miniftp::accounts::parse_quota;
use miniftp::accounts::register::Request;
use miniftp::admin::Admin;
use miniftp::error::Error;
use miniftp::limits;
use miniftp::site::Site;
use miniftp::text::Escaped;

/// What is said to an input that is not understood.
const INCORRECT: &str = "The information you entered is incorrect. Please re-enter it.";

/// A command: its form, and what it does.
const HELP: &[(&str, &str)] = &[
    ("pending", "the registrations that wait"),
    ("approve N [quota=50M]", "approve one: the account is made"),
    ("reject N \"REASON\"", "refuse one and say why"),
    ("who", "who is here, and what they do"),
    ("kick NAME|ID", "end a session, or all of an account"),
    ("why NAME PATH", "what an account may do at a path, and what decides"),
    ("help", "this list"),
    ("stop", "stop the server, as Ctrl-C does"),
];

/// Begins to listen to standard input. The end of it ends the console, not the server.
pub(crate) fn start(site: &Arc<Site>, stop: Sender<()>) -> io::Result<()> {
    let (typed, lines) = bounded(0);
    let stack =
        |name: &str| thread::Builder::new().name(name.to_owned()).stack_size(limits::THREAD_STACK);
    let (site, news) = (Arc::clone(site), site.announcements());
    stack("console").spawn(move || Console { site, stop }.work(&lines, &news))?;
    stack("keys").spawn(move || keys::read(&typed))?;
    Ok(())
}

struct Console {
    site: Arc<Site>,
    stop: Sender<()>,
}

impl Console {
    fn work(&self, lines: &Receiver<String>, news: &Receiver<Request>) {
        for request in Admin::operator(&self.site).pending().unwrap_or_default() {
            announce(&request);
        }
        loop {
            select! {
                recv(lines) -> line => match line {
                    Ok(line) => self.answer(&line),
                    Err(_) => return,
                },
                recv(news) -> request => match request {
                    Ok(request) => announce(&request),
                    Err(_) => return,
                },
            }
        }
    }

    fn answer(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = match words[..] {
            [] => return,
            ["pending"] => self.pending(),
            ["approve", number] => self.approve(number, None),
            ["approve", number, quota] => {
                quota.strip_prefix("quota=").and_then(|quota| self.approve(number, Some(quota)))
            }
            ["reject", number, ..] => {
                let rest = line.trim_start().strip_prefix("reject").unwrap_or_default();
                self.reject(number, rest.trim_start().strip_prefix(number).unwrap_or_default())
            }
            ["who"] => Some(self.who()),
            ["kick", who] => Some(told(Admin::operator(&self.site).kick(who), |n| match n {
                1 => "one session ends".to_owned(),
                n => format!("{n} sessions end"),
            })),
            ["why", name, _, ..] => {
                // The path is the rest of the line, blanks and all.
                let rest = line.trim_start().strip_prefix("why").unwrap_or_default().trim_start();
                Some(self.why(name, rest.strip_prefix(name).unwrap_or_default().trim()))
            }
            ["help"] => Some(help()),
            ["stop"] => {
                // A full channel means that two words were said already.
                let _ = self.stop.try_send(());
                Some("stopping".to_owned())
            }
            _ => None,
        };
        say(&said.unwrap_or_else(|| format!("{INCORRECT}\n{}", help())));
    }

    fn pending(&self) -> Option<String> {
        let pending = match Admin::operator(&self.site).pending() {
            Ok(pending) => pending,
            Err(e) => return Some(e.to_string()),
        };
        let lines: Vec<String> = pending.iter().map(described).collect();
        Some(if lines.is_empty() { "none".to_owned() } else { lines.join("\n") })
    }

    fn approve(&self, number: &str, quota: Option<&str>) -> Option<String> {
        let number = number.parse().ok()?;
        let quota = quota.map(parse_quota).transpose().ok()?;
        let approved = Admin::operator(&self.site).approve(number, quota);
        Some(told(approved, |name| format!("{name} can log in now")))
    }

    fn reject(&self, number: &str, reason: &str) -> Option<String> {
        let number = number.parse().ok()?;
        let reason = reason.trim();
        let inside = reason.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let rejected = Admin::operator(&self.site).reject(number, inside.unwrap_or(reason));
        Some(told(rejected, |name| format!("{name} is told")))
    }

    fn why(&self, name: &str, path: &str) -> String {
        let stopping = |_, _| if self.site.is_stopping() { Err(Error::Stopping) } else { Ok(()) };
        let reasons = Admin::operator(&self.site).why(name, path, &mut { stopping });
        told(reasons, |reasons| {
            let lines = reasons.iter().map(|reason| {
                let may = if reason.allowed { "yes" } else { "no" };
                format!("{:11} {may:3}  {}", reason.what, reason.why)
            });
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    fn who(&self) -> String {
        let guests = self.site.guests();
        let lines = guests.iter().map(|one| {
            let account = one.account.as_ref().map_or("?", |name| name.as_str());
            let doing = if one.doing.is_empty() { "idle" } else { &one.doing };
            format!("{}  {account}@{}  {}  {}", one.id, one.peer, one.door, Escaped(doing))
        });
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { "nobody".to_owned() } else { lines.join("\n") }
    }
}

fn told<T>(result: Result<T, impl Display>, done: impl Fn(T) -> String) -> String {
    result.map_or_else(|e| e.to_string(), done)
}

fn described(request: &Request) -> String {
    format!("registration {}: {} from {}", request.number, request.name, request.from)
}

fn announce(request: &Request) {
    let number = request.number;
    let described = described(request);
    say(&format!("{described}; `approve {number}` or `reject {number} REASON`"));
}

fn help() -> String {
    let lines = HELP.iter().map(|(form, about)| format!("  {form:22} {about}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whoever reads may have gone; the server goes on.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
