//! The control connection: lines in, replies out.
//!
//! Invariant: every command gets its replies in order, and replies that are ready together leave
//! in one write. A passive port is closed in time, whatever is waited for here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::line::{Command, Line, Lines};
use super::plan::{Awaited, DataPlan};
use super::policy::{Ends, Policy};
use super::reply;
use crate::error::{Error, Result};
use crate::limits;
use crate::session::Ending;
use crate::stream::Stream;
use crate::wire::Arrive;

/// Bytes that one read of the control connection takes.
const READ: usize = 512;

/// What the client has said since an upload began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    /// Nothing.
    #[default]
    Nothing,
    /// A command.
    Something,
    /// That it leaves.
    Goodbye,
}

/// The stream and what waits in both directions.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) stream: Stream,
    lines: Lines,
    /// Commands that came while another one ran and wait for its end, in their order.
    held: VecDeque<Line>,
    /// The client has closed its side: nothing more is read.
    is_gone: bool,
    waiting: String,
    /// Since when the next line is waited for: empty ones and rests do not count.
    waits_since: Option<Instant>,
    pub(super) input: Input,
    /// How the next data connection is to come about. It is looked at wherever the control
    /// connection is waited for.
    pub(super) plan: DataPlan,
    /// Who may come to a passive port.
    pub(super) client: Awaited,
    /// How the table wants a command treated.
    policy_of: fn(&Command) -> Policy,
}

impl Control {
    pub(super) fn new(
        stream: Stream,
        client: Awaited,
        policy_of: fn(&Command) -> Policy,
    ) -> Control {
        stream.take_urgent_inline();
        Control {
            stream,
            lines: Lines::new(),
            held: VecDeque::new(),
            is_gone: false,
            waiting: String::new(),
            waits_since: None,
            input: Input::Nothing,
            plan: DataPlan::None,
            client,
            policy_of,
        }
    }

    /// A reply of one line.
    pub(super) fn reply(&mut self, code: u16, text: &str) {
        reply::put(&mut self.waiting, code, text);
    }

    /// A reply with words for people before its own line.
    pub(super) fn reply_after(&mut self, words: &[String], code: u16, text: &str) {
        let words = words.iter().map(String::as_str);
        reply::put_lines(&mut self.waiting, code, words.chain([text]));
    }

    /// A reply of several lines.
    pub(super) fn reply_lines(&mut self, code: u16, first: &str, lines: &[String], last: &str) {
        let inner = lines.iter().map(String::as_str);
        let all = [first].into_iter().chain(inner).chain([last]);
        reply::put_lines(&mut self.waiting, code, all);
    }

    /// The first line of a reply whose further lines come with [`Control::reply_inner`].
    pub(super) fn reply_first(&mut self, code: u16, text: &str) {
        reply::put_first(&mut self.waiting, code, text);
    }

    /// A line inside a reply; long replies leave in pieces.
    pub(super) fn reply_inner(&mut self, text: &str) -> Result<()> {
        reply::put_inner(&mut self.waiting, text);
        self.flush_if_full()
    }

    /// Writes what waits if it is much.
    pub(super) fn flush_if_full(&mut self) -> Result<()> {
        if self.waiting.len() >= limits::BUSY_BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let Control { stream, waiting, plan, client, .. } = self;
        let sent = stream.send_while(&[waiting.as_bytes()], &mut || plan.expire(client));
        // A long reply's buffer is given back; sessions rest without one.
        self.waiting = String::new();
        match sent {
            // It may still have been reading, so it was sent; failing to send it changes nothing.
            Err(Error::Gone) if self.is_gone => Ok(()),
            Err(Error::Gone) => Err(self.has_gone()),
            sent => sent,
        }
    }

    /// Closes a passive port whose time is over.
    pub(super) fn expire(&mut self) {
        self.plan.expire(&self.client);
    }

    /// Lets an answer wait for so long, or until the session has to end.
    pub(super) fn hold_back(&mut self, wait: Duration, ending: &Ending) -> Result<()> {
        // The replies to earlier commands are nobody's price for this one.
        self.flush()?;
        let Control { stream, plan, client, .. } = self;
        stream.hold_back(wait, &mut || {
            plan.expire(client);
            ending.check().is_err()
        })
    }

    /// Waits for the next line that is not empty; `None` if nothing comes for a while.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        if let Some(held) = self.held.pop_front() {
            return Ok(Some(held));
        }
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        loop {
            match self.lines.next() {
                // An empty line is no command: telnet and some clients send them.
                Some(Line::Empty) => continue,
                Some(line) => {
                    self.waits_since = None;
                    return Ok(Some(line));
                }
                None => {}
            }
            self.flush()?;
            self.expire();
            let is_begun = self.lines.is_begun();
            if !is_begun {
                self.stream.waits_since(since);
            }
            self.stream.wake_at(self.plan.until());
            let mut room = [0; READ];
            let n = self.stream.arrive(&mut room, is_begun)?;
            if n == 0 && !is_begun {
                return Ok(None);
            }
            self.lines.push(room.get(..n).unwrap_or_default());
        }
    }

    /// Gives the buffers back.
    pub(super) fn rest(&mut self) {
        self.lines.rest();
    }

    /// The next line if it is here already; [`Error::Gone`] if the client has gone.
    pub(super) fn next_now(&mut self) -> Result<Option<Line>> {
        let mut line = self.lines.next();
        if line.is_none() {
            let mut room = [0; READ];
            let n = self.stream.look_now(&mut room).map_err(|_| self.has_gone())?;
            self.lines.push(room.get(..n).unwrap_or_default());
            line = self.lines.next();
        }
        self.input = self.input.max(match &line {
            None | Some(Line::Empty) => Input::Nothing,
            Some(line) if self.policy(line).ends == Ends::Connection => Input::Goodbye,
            Some(_) => Input::Something,
        });
        Ok(line)
    }

    /// How a line is treated.
    pub(super) fn policy(&self, line: &Line) -> Policy {
        match line {
            Line::Command(command) => (self.policy_of)(command),
            _ => Policy::PLAIN,
        }
    }

    /// Throws away whatever has come and was not run.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub(super) fn forget_input(&mut self) -> Result<()> {
        self.lines = Lines::new();
        self.held.clear();
        self.input = Input::Nothing;
        let mut room = [0; READ];
        let until = Instant::now() + limits::LINGER;
        while self.stream.look_now(&mut room).map_err(|_| self.has_gone())? > 0 {
            if Instant::now() >= until {
                return Err(self.has_gone());
            }
        }
        Ok(())
    }

    /// Keeps a line for later.
    pub(super) fn hold(&mut self, line: Line) {
        self.held.push_back(line);
    }

    /// Whether a line is kept for later.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether so many are kept that nothing more is read until they are run.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= limits::FTP_PENDING
    }

    /// Whether the client waits to leave: it needs no transfer that does not move.
    pub(super) fn is_leaving(&self) -> bool {
        self.held.iter().any(|line| self.policy(line).ends != Ends::Nothing)
    }

    /// Whether the client has closed its side.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Notes that the client has closed its side, and is the error for that.
    pub(super) fn has_gone(&mut self) -> Error {
        self.is_gone = true;
        Error::Gone
    }

    /// What is to be watched while something runs; nothing once the client's side has ended, which
    /// would wake every wait.
    pub(super) fn watched(&self) -> Option<(&Stream, PollFlags)> {
        let events = if self.is_full() { PollFlags::RDHUP } else { PollFlags::IN };
        (!self.is_gone).then_some((&self.stream, events))
    }

    /// The last words; a moment is given to read them.
    pub(super) fn part(&mut self, error: &Error) {
        if matches!(error, Error::Gone) {
            return;
        }
        self.reply(reply::reply_code(error), &error.to_string());
        match error {
            // It was silent, so nothing unread destroys the last words, and its place is taken.
            Error::Displaced => drop(self.flush()),
            _ => self.close(),
        }
    }

    /// Sends what waits and closes so that it can be read.
    pub(super) fn close(&mut self) {
        if self.flush().is_ok() {
            self.stream.finish_sending();
            self.stream.linger();
        }
    }
}
