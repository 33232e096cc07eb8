//! The prompt of the running server: lines with history and completion, below what it prints.
//!
//! Never: stops the server by reading in the background, or changes the terminal there. Invariant:
//! however the server ends, short of KILL, the terminal is left as it was found.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use miniftp::limits;
use miniftp::shared::Shared;
use nix::sys::signal::{SigSet, Signal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler,
    Helper, KeyEvent, RepeatCount,
};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use super::TypedLine;
use super::completion::candidates;
use super::keys::{AWAY, is_in_foreground};
use super::screen::{PROMPT, Screen};

/// How long the next prompt waits for an answer.
const ANSWER: Duration = Duration::from_millis(500);
/// Lines that can be brought back.
const HISTORY: usize = 200;

/// Whether there is somebody to edit lines.
pub(super) fn is_possible() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb
}

/// The terminal's modes as they were before the first prompt; dropped, it has them again.
pub(crate) struct Modes {
    tty: File,
    modes: Termios,
}

impl Modes {
    pub(super) fn now() -> Option<Modes> {
        let tty = File::open("/dev/tty").ok()?;
        let modes = tcgetattr(&tty).ok()?;
        Some(Modes { tty, modes })
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        if is_in_foreground(&self.tty) {
            let _ = tcsetattr(&self.tty, OptionalActions::Drain, &self.modes);
        }
    }
}

/// Sends each line on, until the input ends or nobody takes them. Ctrl-C is a word to `stop`.
pub(super) fn read(
    shared: Arc<Shared>,
    screen: &Screen,
    to: &Sender<TypedLine>,
    stop: &Sender<()>,
) {
    // A read from the background fails then instead of stopping the whole process.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTTIN);
    signals.add(Signal::SIGTTOU);
    let _ = signals.thread_block();
    wait_for_foreground();
    let is_suspended = Arc::new(AtomicBool::new(false));
    let Ok(mut editor) = editor(shared, screen, &is_suspended) else {
        return super::keys::read(to);
    };
    loop {
        wait_for_foreground();
        screen.shows(PROMPT, "", 0);
        let read = editor.readline(PROMPT);
        screen.shows_none();
        match read {
            Ok(line) => {
                let _ = editor.add_history_entry(line.as_str());
                let text = if line.len() > limits::CONSOLE_LINE { "??".to_owned() } else { line };
                let (prompt, answered) = bounded(0);
                if to.send(TypedLine { text, prompt: Some(prompt) }).is_err() {
                    return;
                }
                wait_for_answer(&answered);
            }
            Err(ReadlineError::Interrupted) if is_suspended.swap(false, Ordering::Relaxed) => {
                let _ = emulate_default_handler(SIGTSTP);
            }
            Err(ReadlineError::Interrupted) => {
                // A full channel means that two words were said already.
                let _ = stop.try_send(());
            }
            Err(ReadlineError::Eof) => return,
            // From the background, or a signal.
            Err(_) if !is_in_foreground(io::stdin()) => {}
            Err(ReadlineError::Signal(_)) => {}
            Err(_) => return,
        }
    }
}

/// Waits until a line is answered, but not long: what takes its time can be stopped by another
/// line. Whoever asks for a password has the terminal for as long as that takes.
fn wait_for_answer(answered: &Receiver<()>) {
    if answered.recv_timeout(ANSWER).is_ok() {
        // It ends when the other side lets go.
        let _ = answered.recv();
    }
}

fn wait_for_foreground() {
    while !is_in_foreground(io::stdin()) {
        thread::sleep(AWAY);
    }
}

fn editor(
    shared: Arc<Shared>,
    screen: &Screen,
    is_suspended: &Arc<AtomicBool>,
) -> rustyline::Result<Editor<Typing, MemHistory>> {
    let config = Config::builder().max_history_size(HISTORY)?.history_ignore_dups(true)?;
    let config = config.history_ignore_space(true).build();
    let memory = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, memory)?;
    editor.set_helper(Some(Typing { shared, screen: screen.clone() }));
    let suspend = EventHandler::Conditional(Box::new(Suspend(Arc::clone(is_suspended))));
    editor.bind_sequence(KeyEvent::ctrl('Z'), suspend);
    Ok(editor)
}

/// Ctrl-Z ends the line, so that the terminal is itself again before the program stops, and is
/// touched again only once it is in the foreground.
struct Suspend(Arc<AtomicBool>);

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::Interrupt)
    }
}

/// Completes commands, options, and what they are about; tells the screen how far the line has
/// come, since these two are asked at every key.
struct Typing {
    shared: Arc<Shared>,
    screen: Screen,
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(candidates(&self.shared, line.get(..at).unwrap_or(line)))
    }
}

impl Hinter for Typing {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        self.screen.shows(PROMPT, line, at);
        None
    }
}

impl Highlighter for Typing {
    fn highlight_char(&self, line: &str, at: usize, _: CmdKind) -> bool {
        self.screen.shows(PROMPT, line, at);
        false
    }
}

impl Validator for Typing {}

impl Helper for Typing {}
