//! The user's side: standard output for results, standard error for everything else.
//!
//! Never: panics when either is closed; a lost standard output is a quiet end, a lost standard
//! error is ignored.
//! Invariant: what is written comes from this program or went through `text::Escaped`.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::error::{ReadlineError, Signal};
use rustyline::history::MemHistory;
use rustyline::{Behavior, Config, Editor};

use crate::bar::{Detail, Messages};
use crate::failure::{CommandResult, EXIT_FAILED, Failure};
use crate::manner::Manner;
use crate::output::write_until;
use crate::results::Results;
use crate::terminal::Terminal;

/// What is known about the user's side, and the way to it.
pub(crate) struct Screen {
    /// Results. Flushed after each command.
    pub(crate) out: BufWriter<Results>,
    /// Whether a person reads the results.
    pub(crate) out_is_terminal: bool,
    /// Whether a person reads the messages, so that bars can be drawn.
    pub(crate) err_is_terminal: bool,
    /// Whether a person can be asked: both the keyboard and the messages are theirs.
    pub(crate) can_ask: bool,
    /// How the present command is carried out.
    pub(crate) manner: Manner,
    /// Whether the command leaves out something that it should have dealt with.
    left_out: bool,
    /// Set by Ctrl-C; whoever begins a command clears it.
    pub(crate) interrupt: Arc<AtomicBool>,
    /// The keyboard, once somebody was asked.
    terminal: Option<Terminal>,
}

impl AsMut<Screen> for Screen {
    fn as_mut(&mut self) -> &mut Screen {
        self
    }
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn new(interrupt: Arc<AtomicBool>) -> Screen {
        let err_is_terminal = io::stderr().is_terminal();
        Screen {
            out: BufWriter::new(Results::new(Arc::clone(&interrupt))),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal,
            can_ask: err_is_terminal && io::stdin().is_terminal(),
            manner: Manner::default(),
            left_out: false,
            interrupt,
            terminal: None,
        }
    }

    /// An error: `miniftp: ` and the sentence.
    pub(crate) fn complain(&mut self, text: &str) {
        self.print(&format!("miniftp: {text}"));
    }

    /// Shows why a command did not do what it was asked.
    pub(crate) fn report(&mut self, failure: &Failure) {
        match failure {
            Failure::Usage(text)
            | Failure::Said(text)
            | Failure::Stopped(text)
            | Failure::NoPassword(text) => self.complain(text),
            Failure::Client(error) => self.complain(&error.to_string()),
            Failure::Reported(_) | Failure::Pipe => {}
        }
    }

    /// A message for the user, on standard error, after all results so far.
    pub(crate) fn print(&mut self, text: &str) {
        self.out.flush().ok();
        write_until(io::stderr(), format!("{text}\n").as_bytes(), &|| self.is_interrupted()).ok();
    }

    /// Names what a command has to leave out, escaped, which makes it a failure in the end.
    pub(crate) fn leave_out(&mut self, path: &str) {
        self.left_out = true;
        self.complain(&format!("`{path}`: this name cannot be written as a path; left out"));
    }

    /// Shows what was not done while the rest goes on, which makes the command a failure in the
    /// end.
    pub(crate) fn report_later(&mut self, failure: &Failure) {
        self.left_out = true;
        self.report(failure);
    }

    /// The end of a command that has gone well, but for what it had to leave out.
    pub(crate) fn left_nothing_out(&mut self) -> CommandResult {
        match std::mem::take(&mut self.left_out) {
            true => Err(Failure::Reported(EXIT_FAILED)),
            false => Ok(()),
        }
    }

    /// A line that stands for an empty result, where a person reads it.
    pub(crate) fn empty(&mut self, text: &str) -> io::Result<()> {
        if self.out_is_terminal { writeln!(self.out, "{text}") } else { Ok(()) }
    }

    /// Ends a command: the results leave.
    pub(crate) fn finish(&mut self) -> CommandResult {
        Ok(self.out.flush()?)
    }

    /// The terminal, if there is one. From now on it is left as it was found by whatever signal
    /// ends the program; so this comes before anything that changes its modes.
    pub(crate) fn terminal(&mut self) -> Option<&Terminal> {
        if self.terminal.is_none() {
            self.terminal = Terminal::open().ok();
        }
        self.terminal.as_ref()
    }

    /// Whether the user wants no more of what is going on.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Asks for a line; `None` if the user gave up with Ctrl-C or Ctrl-D, or cannot be asked.
    pub(crate) fn ask(&mut self, prompt: &str) -> Option<String> {
        self.out.flush().ok();
        self.terminal();
        let config = Config::builder().behavior(Behavior::PreferTerm).build();
        let mut editor = Editor::<(), MemHistory>::with_history(config, MemHistory::new()).ok()?;
        match editor.readline(prompt) {
            Ok(line) => Some(line.trim().to_string()),
            Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => {
                self.interrupt.store(true, Ordering::Relaxed);
                None
            }
            Err(_) => None,
        }
    }
}

impl Messages for Screen {
    fn has_bars(&self) -> bool {
        self.manner.detail > Detail::Quiet && self.err_is_terminal
    }

    fn detail(&self) -> Detail {
        self.manner.detail
    }

    fn is_interrupted(&self) -> bool {
        Screen::is_interrupted(self)
    }

    fn print(&mut self, text: &str) {
        Screen::print(self, text);
    }

    fn complain(&mut self, text: &str) {
        Screen::complain(self, text);
    }

    fn ask(&mut self, prompt: &str) -> Option<String> {
        Screen::ask(self, prompt)
    }
}

/// Does the same to each item: a failure of one is reported, and the next one is tried.
pub(crate) fn each<T, S: AsMut<Screen>>(
    session: &mut S,
    items: &[T],
    mut run: impl FnMut(&mut S, &T) -> CommandResult,
) -> CommandResult {
    let mut failed = false;
    for item in items {
        match run(session, item) {
            Ok(()) => {}
            Err(failure) if failure.is_about_one() && items.len() > 1 => {
                session.as_mut().report(&failure);
                failed = true;
            }
            Err(failure) => return Err(failure),
        }
    }
    if failed { Err(Failure::Reported(EXIT_FAILED)) } else { Ok(()) }
}
