//! What a person sees of a transfer: a bar on a terminal, a line per file elsewhere.
//!
//! Never: goes backwards, shows the end before the library has confirmed it, breaks a narrow
//! terminal.
//! Names and notes come escaped from the library.
//! Invariant: while a bar is on the screen it is the last line, and whoever writes wipes it first.

use std::io;
use std::time::{Duration, Instant};

use miniftp::client::{Error, Phase, Progress, Question, Reply, TransferOutcome};
use miniftp::text::Size;
use pbr::ProgressBar;

use crate::figures::{STEPS, cut, left, percent, rate, steps, summary, width};
use crate::output::{columns, write_until};

/// How often a bar is drawn.
const REDRAW: Duration = Duration::from_millis(100);
/// Columns that pbr uses for `100.00 %` and what surrounds it.
const PERCENT_COLUMNS: usize = 10;
/// Columns below which only a name is shown.
const NARROW: usize = 50;
/// Columns from which the total is shown too.
const BROAD: usize = 100;
/// Columns that bytes, rate and time left are padded to, so that the bar's ends stand still.
const FACTS_COLUMNS: usize = 34;
/// A share with the total.
const FACTS_BROAD_COLUMNS: usize = 48;

/// The file that is under way.
struct Current {
    /// Escaped by the library.
    name: String,
    total: Option<u64>,
    kept: u64,
    done: u64,
    phase: Phase,
    began: Instant,
}

/// Where a bar's lines and questions go.
pub(crate) trait Messages {
    /// Whether bars can be drawn.
    fn has_bars(&self) -> bool;
    /// Whether files that are done are worth a line.
    fn has_progress(&self) -> bool;
    /// Whether the user has had enough, and is not asked any more.
    fn is_interrupted(&self) -> bool;
    /// Shows a line.
    fn print(&mut self, text: &str);
    /// Shows that something went wrong.
    fn complain(&mut self, text: &str);
    /// Asks for a line; `None` if the user gave up or cannot be asked.
    fn ask(&mut self, prompt: &str) -> Option<String>;
}

/// Progress for people.
pub(crate) struct Bar<'a, M: Messages> {
    verb: &'static str,
    screen: &'a mut M,
    is_tree: bool,
    reports_end: bool,
    replace_all: bool,
    current: Option<Current>,
    began: Instant,
    files: u64,
    bytes: u64,
    drawn: Option<Instant>,
}

impl<'a, M: Messages> Bar<'a, M> {
    /// For files that come one by one.
    pub(crate) fn new(verb: &'static str, screen: &'a mut M) -> Bar<'a, M> {
        Bar {
            verb,
            screen,
            is_tree: false,
            reports_end: true,
            replace_all: false,
            current: None,
            began: Instant::now(),
            files: 0,
            bytes: 0,
            drawn: None,
        }
    }

    /// For a folder: one line for all that is in it.
    pub(crate) fn tree(verb: &'static str, screen: &'a mut M) -> Bar<'a, M> {
        let mut bar = Bar::new(verb, screen);
        bar.is_tree = true;
        bar
    }

    /// For work whose result is reported otherwise.
    pub(crate) fn quiet_end(verb: &'static str, screen: &'a mut M) -> Bar<'a, M> {
        let mut bar = Bar::new(verb, screen);
        bar.reports_end = false;
        bar
    }

    fn is_drawn(&self) -> bool {
        self.screen.has_bars()
    }

    /// Takes the bar off the screen.
    fn wipe(&mut self) {
        if self.drawn.take().is_some() {
            let blank = " ".repeat(columns().saturating_sub(1));
            self.show(&format!("\r{blank}\r"));
        }
    }

    fn draw(&mut self, now: bool) {
        let due = now || self.drawn.is_none_or(|at| at.elapsed() >= REDRAW);
        if !self.is_drawn() || !due {
            return;
        }
        let columns = columns().saturating_sub(1);
        if self.is_tree {
            self.draw_tree(columns);
        } else if let Some(current) = &self.current {
            self.show(&file_line(self.verb, current, columns));
        }
        self.drawn = Some(Instant::now());
    }

    /// On standard error. Whether that is shut, or full when the user has had enough, is nothing to
    /// the transfer.
    fn show(&self, text: &str) {
        write_until(io::stderr(), text.as_bytes(), &|| self.screen.is_interrupted()).ok();
    }

    fn draw_tree(&self, columns: usize) {
        let name = self.current.as_ref().map_or("", |c| c.name.as_str());
        let rate = rate(self.bytes, self.began.elapsed());
        let line =
            format!("{} {} files, {}{rate}  {name}", self.verb, self.files, Size(self.bytes));
        let line = cut(&line, columns);
        let rest = " ".repeat(columns.saturating_sub(width(&line)));
        self.show(&format!("\r{line}{rest}"));
    }
}

impl<M: Messages> Progress for Bar<'_, M> {
    fn begin(&mut self, name: &str, total: Option<u64>, already: u64) {
        self.current = Some(Current {
            name: name.to_string(),
            total,
            kept: already,
            done: already,
            phase: Phase::Transfer,
            began: Instant::now(),
        });
        self.draw(false);
    }

    fn phase(&mut self, phase: Phase) {
        if let Some(current) = &mut self.current {
            current.phase = phase;
        }
        self.draw(!self.is_tree);
    }

    fn advance(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(current) = &mut self.current {
            current.done = current.done.saturating_add(bytes);
        }
        self.draw(false);
    }

    fn end(&mut self, outcome: &Result<TransferOutcome, &Error>) {
        let current = self.current.take();
        if self.is_tree {
            self.files = self.files.saturating_add(u64::from(outcome.is_ok()));
            self.draw(false);
            return;
        }
        self.wipe();
        if let (Ok(outcome), Some(current), true) =
            (outcome, current, self.reports_end && self.screen.has_progress())
        {
            self.screen.print(&summary(self.verb, &current.name, outcome, current.began.elapsed()));
        }
    }

    fn failed(&mut self, name: &str, error: &Error) {
        let text = error.to_string();
        // Errors of this machine name their file themselves.
        let is_named = text.starts_with(&format!("`{name}`"));
        self.note(&if is_named { text } else { format!("`{name}`: {text}") });
    }

    fn note(&mut self, text: &str) {
        self.wipe();
        self.screen.complain(text);
        self.draw(true);
    }

    fn ask(&mut self, question: &Question) -> Reply {
        // Whoever has stopped the transfer is not asked about it any more.
        if self.screen.is_interrupted() {
            return Reply::Cancel;
        }
        self.wipe();
        match question {
            Question::GoOn { name, held, total } => {
                let share = percent(*held, *total);
                let prompt = format!(
                    "`{name}` is there in part: {} of {} ({share} %). Go on? [Y/n] ",
                    Size(*held),
                    Size(*total)
                );
                match choose(self.screen, &prompt, &["y", "n"]) {
                    Some("n") => Reply::No,
                    Some(_) => Reply::Yes,
                    None => Reply::Cancel,
                }
            }
            Question::Replace { .. } if self.replace_all => Reply::Yes,
            Question::Replace { name, there, new } => {
                let choices = if self.is_tree { "[y/N/a, a for all]" } else { "[y/N]" };
                let prompt = format!(
                    "`{name}` exists and differs: {} there, {} new. Replace it? {choices} ",
                    Size(*there),
                    Size(*new)
                );
                let answers: &[&str] = if self.is_tree { &["n", "y", "a"] } else { &["n", "y"] };
                let answer = choose(self.screen, &prompt, answers);
                self.replace_all |= answer == Some("a");
                match answer {
                    Some("y" | "a") => Reply::Yes,
                    Some(_) => Reply::No,
                    None => Reply::Cancel,
                }
            }
            // What cannot be asked is not answered with a guess.
            _ => Reply::Cancel,
        }
    }
}

impl<M: Messages> Drop for Bar<'_, M> {
    /// A failure may leave without `end`; the bar must not stay under its message.
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Asks until the answer begins with one of `answers`; the first one is meant by an empty line.
/// `None` if the user gave up.
fn choose<'c>(screen: &mut impl Messages, prompt: &str, answers: &[&'c str]) -> Option<&'c str> {
    loop {
        let line = screen.ask(prompt)?.to_lowercase();
        if line.is_empty() {
            return answers.first().copied();
        }
        if let Some(answer) = answers.iter().find(|answer| line.starts_with(**answer)) {
            return Some(answer);
        }
        screen.print("You entered incorrectly.");
    }
}

/// A file's bar as pbr draws it, which panics where a write fails; so it writes here.
fn file_line(verb: &str, current: &Current, columns: usize) -> String {
    let prefix = prefix(verb, current, columns);
    // pbr counts characters where the terminal counts columns.
    let for_pbr = (columns + prefix.chars().count()).saturating_sub(width(&prefix));
    let (steps, total) = match current.total {
        Some(total) => (steps(current.done, total), STEPS),
        None => (0, 0),
    };
    let mut drawn = Vec::new();
    let mut bar = ProgressBar::on(&mut drawn, total);
    bar.set_width(Some(for_pbr));
    bar.message(&prefix);
    bar.show_counter = false;
    // pbr would count what was kept from an earlier attempt as speed.
    bar.show_speed = false;
    bar.show_time_left = false;
    bar.show_percent = current.total.is_some() && columns >= PERCENT_COLUMNS;
    bar.show_bar = current.total.is_some() && columns >= NARROW;
    bar.set(steps);
    drop(bar);
    String::from_utf8_lossy(&drawn).into_owned()
}

/// What stands before the bar: the name as far as it fits, bytes, rate and time left.
fn prefix(verb: &str, current: &Current, columns: usize) -> String {
    let room = columns.saturating_sub(PERCENT_COLUMNS);
    let facts = match (current.phase, current.total) {
        (Phase::Compare, _) => " comparing ".to_string(),
        (Phase::Commit, _) => " storing ".to_string(),
        // The transfer itself, and whatever else moves bytes.
        (_, total) => {
            let moved = current.done.saturating_sub(current.kept);
            let elapsed = current.began.elapsed();
            let of = total.filter(|_| columns >= BROAD);
            let of = of.map_or(String::new(), |total| format!(" of {}", Size(total)));
            let left = total.map_or(String::new(), |total| {
                left(moved, total.saturating_sub(current.done), elapsed)
            });
            format!(" {}{of}{}{left} ", Size(current.done), rate(moved, elapsed))
        }
    };
    let padded = if columns >= BROAD { FACTS_BROAD_COLUMNS } else { FACTS_COLUMNS };
    let facts = format!("{facts:padded$}");
    let name = format!("{verb} {}", current.name);
    if columns < NARROW {
        return cut(&name, room);
    }
    // The facts come first: half of a name is still a name.
    cut(&name, room.saturating_sub(width(&facts)).min(columns / 3)) + &facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let current = Current {
            name: "a name 名名名名名名名名名名名名名名名名名名名名 that is long".repeat(3),
            total: Some(u64::MAX),
            kept: 0,
            done: 1 << 40,
            phase: Phase::Transfer,
            began: Instant::now(),
        };
        for columns in 0..200 {
            let prefix = prefix("put", &current, columns);
            assert!(
                width(&prefix) <= columns.saturating_sub(PERCENT_COLUMNS),
                "{columns}: {prefix}"
            );
        }
    }
}
