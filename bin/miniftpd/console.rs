//! The operator at the terminal of the running server: requests are announced, commands answered.
//!
//! Never: holds up serving. It has threads of its own; what it prints may wait for ever, a request
//! that it does not take is only not announced. Reading never stops a server that was sent to the
//! background.

mod keys;

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use miniftp::accounts::register::Request;
use miniftp::admin::Admin;
use miniftp::admin::spoken::{SPOKEN, Unanswered, described, speak};
use miniftp::error::Error;
use miniftp::limits;
use miniftp::site::Site;

/// What is said to an input that is not understood.
const INCORRECT: &str = "The information you entered is incorrect. Please re-enter it.";

/// What can be said here beside what an admin can say.
const HERE: [(&str, &str); 2] =
    [("help", "this list"), ("stop", "stop the server, as Ctrl-C does")];

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

    /// What takes long ends when the server stops.
    fn speak(&self, line: &str) -> Result<Vec<String>, Unanswered> {
        let mut alive = |_, _| match self.site.is_stopping() {
            true => Err(Error::Stopping),
            false => Ok(()),
        };
        speak(&Admin::operator(&self.site), line, &mut alive)
    }

    fn answer(&self, line: &str) {
        match line.trim() {
            "" => {}
            "help" => say(&help()),
            "stop" => {
                // A full channel means that two words were said already.
                let _ = self.stop.try_send(());
                say("stopping");
            }
            line => match self.speak(line) {
                Ok(lines) => say(&lines.join("\n")),
                Err(Unanswered::Failed(e)) => say(&e.to_string()),
                Err(Unanswered::NoSuch | Unanswered::Form(_)) => {
                    say(&format!("{INCORRECT}\n{}", help()));
                }
            },
        }
    }
}

fn announce(request: &Request) {
    let number = request.number;
    let described = described(request);
    say(&format!("{described}; `approve {number}` or `reject {number} REASON`"));
}

fn help() -> String {
    let spoken = SPOKEN.iter().map(|row| (format!("{} {}", row.name, row.form), row.about));
    let here = HERE.iter().map(|(name, about)| ((*name).to_owned(), *about));
    let lines = spoken.chain(here).map(|(form, about)| format!("  {form:22} {about}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whoever reads may have gone; the server goes on.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
