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

use miniftp::accounts::StoreError;
use miniftp::accounts::register::AccountRequest;
use miniftp::admin::{AdminDesk, described, error_for_operator};
use miniftp::audit::ActorOrigin;
use miniftp::error::Error;
use miniftp::limits;
use miniftp::shared::Shared;

/// What is said to an input that is not understood.
const INCORRECT: &str = "The information you entered is incorrect. Please re-enter it.";

/// What is typed here beside admin commands.
const STOP: &str = "stop     stop the server, as Ctrl-C does";

/// Begins to listen to standard input. The end of it ends the console, not the server.
pub(crate) fn start(shared: &Arc<Shared>, stop: Sender<()>) -> io::Result<()> {
    let (typed, lines) = bounded(0);
    let stack =
        |name: &str| thread::Builder::new().name(name.to_owned()).stack_size(limits::THREAD_STACK);
    let (shared, news) = (Arc::clone(shared), shared.announcements());
    stack("console").spawn(move || Console { shared, stop }.work(&lines, &news))?;
    stack("keys").spawn(move || keys::read(&typed))?;
    Ok(())
}

struct Console {
    shared: Arc<Shared>,
    stop: Sender<()>,
}

impl Console {
    fn work(&self, lines: &Receiver<String>, news: &Receiver<AccountRequest>) {
        for request in self.shared.queue.pending().unwrap_or_default() {
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
    fn run(&self, line: &str) -> Result<Vec<String>, StoreError> {
        let mut alive = |_, _| self.shared.check_running();
        AdminDesk::of_operator(&self.shared, ActorOrigin::Terminal).lines(line, &mut alive)
    }

    fn answer(&self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if line == "stop" {
            // A full channel means that two words were said already.
            let _ = self.stop.try_send(());
            return print("stopping");
        }
        match self.run(line) {
            Ok(lines) if line == "help" => print(&format!("{}\n{STOP}", lines.join("\n"))),
            Ok(lines) => print(&lines.join("\n")),
            Err(StoreError::Same(Error::Misused(what))) => print(&format!("{INCORRECT}\n{what}")),
            Err(StoreError::Same(Error::NeedPassword { name })) => print(&format!(
                "no password is typed here; use `miniftpd account`, or `miniftp admin`, for {name}"
            )),
            Err(e) => print(&error_for_operator(&e)),
        }
    }
}

fn announce(request: &AccountRequest) {
    let number = request.number;
    let described = described(request);
    print(&format!("{described}; `approve {number}` or `reject {number} REASON`"));
}

/// Whoever reads may have gone; the server goes on.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
