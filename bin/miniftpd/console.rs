//! The operator at the terminal of the running server: requests are announced, commands answered.
//!
//! Never: holds up serving. It has threads of its own; what it prints may wait for ever, a request
//! that it does not take is only not announced. Reading never stops a server that was sent to the
//! background.

#[cfg(feature = "line-editor")]
mod completion;
#[cfg(feature = "line-editor")]
mod editor;
mod keys;
#[cfg(feature = "line-editor")]
mod password;
mod screen;

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use miniftp::accounts::StoreError;
use miniftp::accounts::register::AccountRequest;
use miniftp::admin::{AdminDesk, Attachment, described, error_for_operator};
use miniftp::audit::ActorOrigin;
use miniftp::error::Error;
use miniftp::limits;
use miniftp::shared::Shared;

pub(crate) use self::screen::{LogOutput, Screen};

/// What is said to an input that is not understood.
const INCORRECT: &str = "The information you entered is incorrect. Please re-enter it.";

/// What is typed here beside admin commands.
const STOP: &str = "stop     stop the server, as Ctrl-C does";

/// A line that was typed.
struct TypedLine {
    text: String,
    /// Whoever reads lines waits a moment for its end before the next prompt, and without an end
    /// once something was sent. Nobody waits where none of what is typed can be hidden.
    #[cfg_attr(not(feature = "line-editor"), allow(dead_code, reason = "nobody asks then"))]
    prompt: Option<Sender<()>>,
}

/// While it lives the operator can type; dropped, the terminal is as it was before.
pub(crate) struct Attended {
    screen: Screen,
    #[cfg(feature = "line-editor")]
    _modes: Option<editor::Modes>,
}

impl Drop for Attended {
    fn drop(&mut self) {
        if self.screen.shows_none() {
            self.screen.print("");
        }
    }
}

/// Begins to listen to standard input. The end of it ends the console, not the server.
///
/// # Errors
/// A thread that cannot be started.
pub(crate) fn start(
    shared: &Arc<Shared>,
    screen: Screen,
    stop: Sender<()>,
) -> io::Result<Attended> {
    let (typed, lines) = bounded::<TypedLine>(0);
    let stack =
        |name: &str| thread::Builder::new().name(name.to_owned()).stack_size(limits::THREAD_STACK);
    let news = shared.announcements();
    let console = Console {
        shared: Arc::clone(shared),
        stop: stop.clone(),
        screen: screen.clone(),
        #[cfg(feature = "line-editor")]
        passwords: password::Passwords::default(),
    };
    stack("console").spawn(move || console.work(&lines, &news))?;
    #[cfg(feature = "line-editor")]
    if editor::is_possible() {
        let (shared, theirs, _modes) = (Arc::clone(shared), screen.clone(), editor::Modes::now());
        stack("keys").spawn(move || editor::read(shared, &theirs, &typed, &stop))?;
        return Ok(Attended { screen, _modes });
    }
    stack("keys").spawn(move || keys::read(&typed))?;
    Ok(Attended {
        screen,
        #[cfg(feature = "line-editor")]
        _modes: None,
    })
}

struct Console {
    shared: Arc<Shared>,
    stop: Sender<()>,
    screen: Screen,
    #[cfg(feature = "line-editor")]
    passwords: password::Passwords,
}

impl Console {
    fn work(&self, lines: &Receiver<TypedLine>, news: &Receiver<AccountRequest>) {
        for request in self.shared.queue.pending().unwrap_or_default() {
            self.announce(&request);
        }
        loop {
            select! {
                recv(lines) -> line => match line {
                    Ok(line) => self.answer(&line),
                    Err(_) => return,
                },
                recv(news) -> request => match request {
                    Ok(request) => self.announce(&request),
                    Err(_) => return,
                },
            }
        }
    }

    /// What takes long ends when the server stops.
    fn run(&self, line: &str, record: &str) -> Result<Vec<String>, StoreError> {
        let mut alive = |_, _| self.shared.check_running();
        let desk = AdminDesk::of_operator(&self.shared, ActorOrigin::Terminal);
        desk.with(Attachment { record, is_sure: true }).lines(line, &mut alive)
    }

    fn answer(&self, typed: &TypedLine) {
        let line = typed.text.trim();
        if line.is_empty() {
            return;
        }
        if line == "stop" {
            // A full channel means that two words were said already.
            let _ = self.stop.try_send(());
            return self.screen.print("stopping");
        }
        let done = match self.run(line, "") {
            Err(StoreError::Same(Error::NeedPassword { name })) => {
                self.run_with_password(typed, line, &name)
            }
            done => done,
        };
        match done {
            Ok(lines) if line == "help" => {
                self.screen.print(&format!("{}\n{STOP}", lines.join("\n")))
            }
            Ok(lines) => self.screen.print(&lines.join("\n")),
            Err(StoreError::Same(Error::Misused(what))) => {
                self.screen.print(&format!("{INCORRECT}\n{what}"))
            }
            Err(StoreError::Same(Error::NeedPassword { name })) => self.screen.print(&format!(
                "no password can be hidden here; use `miniftpd account`, or `miniftp admin`, for \
                 {name}"
            )),
            Err(e) => self.screen.print(&error_for_operator(&e)),
        }
    }

    /// Asks for the password that a line needs, if it can be hidden, and makes its record.
    #[cfg(feature = "line-editor")]
    fn run_with_password(
        &self,
        typed: &TypedLine,
        line: &str,
        name: &str,
    ) -> Result<Vec<String>, StoreError> {
        let waits = typed.prompt.as_ref().is_some_and(|prompt| prompt.send(()).is_ok());
        if !waits {
            return Err(Error::NeedPassword { name: name.to_owned() }.into());
        }
        let iterations = self.shared.config().accounts.iterations;
        match self.passwords.record_of_new(&self.screen, name, iterations)? {
            Ok(record) => self.run(line, &record),
            Err(why) => Ok(vec![why]),
        }
    }

    #[cfg(not(feature = "line-editor"))]
    fn run_with_password(
        &self,
        _: &TypedLine,
        _: &str,
        name: &str,
    ) -> Result<Vec<String>, StoreError> {
        Err(Error::NeedPassword { name: name.to_owned() }.into())
    }

    fn announce(&self, request: &AccountRequest) {
        let number = request.number;
        let described = described(request);
        let answers = format!("`approve {number}` or `reject {number} REASON`");
        self.screen.print(&format!("{described}; {answers}"));
    }
}
