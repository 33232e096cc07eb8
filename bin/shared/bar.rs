//! What a person sees of transfers: one line on a terminal, for a file as for a list or a folder,
//! and a line for each file that is done.
//!
//! Never: goes backwards, shows the end before the library has confirmed it, breaks a narrow
//! terminal.
//! Names and notes come escaped from the library.
//! Invariant: while a bar is on the screen it is the last line, and whoever writes wipes it first.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use miniftp::client::{Error, Phase, Progress, Question, Reply, TransferOutcome, TreeReport};
use miniftp::text::{Escaped, escape_bytes};

use crate::figures::{Names, comparison_summary, cut, erased, steps, summary, tree_summary, width};
use crate::line::{self, Figures};
use crate::output::{columns, write_until};
use crate::question::Asking;
use crate::stopwatch::Stopwatch;

/// How often a bar is drawn.
const REDRAW: Duration = Duration::from_millis(100);
/// A file that is under way.
struct Current {
    /// Escaped by the library.
    name: String,
    total: Option<u64>,
    done: u64,
    phase: Phase,
    began: Duration,
}

/// How much is reported of what goes well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Nothing.
    Quiet,
    /// A line for a file, and one for a folder.
    #[default]
    Plain,
    /// A line for every file, also of a folder.
    Full,
}

/// Where a bar's lines and questions go.
pub(crate) trait Messages {
    /// Whether bars can be drawn.
    fn has_bars(&self) -> bool;
    /// How much is reported.
    fn detail(&self) -> Detail;
    /// Whether the user has had enough, and is not asked any more.
    fn is_interrupted(&self) -> bool;
    /// Shows a line.
    fn print(&mut self, text: &str);
    /// Shows that something went wrong.
    fn complain(&mut self, text: &str);
    /// Asks for a line; `None` if the user gave up or cannot be asked.
    fn ask(&mut self, prompt: &str) -> Option<String>;
}

/// What is on the screen.
struct Drawn {
    at: Instant,
    columns: usize,
}

/// Progress for people.
pub(crate) struct Bar<'a, M: Messages> {
    verb: &'static str,
    pub(crate) screen: &'a mut M,
    is_tree: bool,
    reports_end: bool,
    asking: Asking,
    /// By the connection that is busy with it; the newest is shown.
    current: BTreeMap<usize, Current>,
    lane: usize,
    newest: usize,
    watch: Stopwatch,
    /// Files and bytes that are to come in all, where that was counted before.
    expected: Option<(u64, u64)>,
    /// Files that have ended, and bytes that are there of all that were begun.
    files: u64,
    done: u64,
    /// Bytes of the files that were begun, where all of them are known.
    begun: Option<u64>,
    steps: u64,
    /// The last reason to wait, and how long that still is.
    wait: Option<Duration>,
    drawn: Option<Drawn>,
    /// What has ended so far, and what of it before the present folder.
    tally: TreeReport,
    before: TreeReport,
    tree_began: Duration,
    failed: Names,
    left_out: Names,
}

impl<'a, M: Messages> Bar<'a, M> {
    /// For files that come one by one.
    pub(crate) fn new(verb: &'static str, screen: &'a mut M) -> Bar<'a, M> {
        Bar {
            verb,
            screen,
            is_tree: false,
            reports_end: true,
            asking: Asking::default(),
            current: BTreeMap::new(),
            lane: 0,
            newest: 0,
            watch: Stopwatch::begin(),
            expected: None,
            files: 0,
            done: 0,
            begun: Some(0),
            steps: 0,
            wait: None,
            drawn: None,
            tally: TreeReport::default(),
            before: TreeReport::default(),
            tree_began: Duration::ZERO,
            failed: Names::default(),
            left_out: Names::default(),
        }
    }

    /// For work whose result is reported otherwise.
    pub(crate) fn quiet_end(verb: &'static str, screen: &'a mut M) -> Bar<'a, M> {
        let mut bar = Bar::new(verb, screen);
        bar.reports_end = false;
        bar
    }

    /// So many files and bytes are to come in all.
    pub(crate) fn expect(&mut self, files: u64, bytes: u64) {
        self.expected = Some((files, bytes));
    }

    /// From now on come the files of a folder, and then again files one by one.
    pub(crate) fn begin_tree(&mut self) {
        self.is_tree = true;
        self.before = self.tally;
        self.tree_began = self.watch.elapsed();
    }

    /// Sums up the folder that has come to its end, good or bad; its name is escaped.
    pub(crate) fn end_tree(&mut self, name: &str, is_good: bool) {
        self.is_tree = false;
        let report = self.tally.since(&self.before);
        if !is_good && report == TreeReport::default() {
            return self.wipe();
        }
        let elapsed = self.watch.elapsed().saturating_sub(self.tree_began);
        self.sum_up(&tree_summary(self.verb, name, &report, elapsed), &report);
    }

    /// Sums up what was only compared, and in how many places it differs; its name is escaped.
    pub(crate) fn end_comparison(&mut self, name: &str, differing: usize) {
        self.is_tree = false;
        let line = comparison_summary(name, &self.tally, differing, self.watch.elapsed());
        let report = self.tally;
        self.sum_up(&line, &report);
    }

    /// Sums up all files and folders.
    pub(crate) fn end_all(&mut self) {
        let report = self.tally;
        self.sum_up(&tree_summary(self.verb, "", &report, self.watch.elapsed()), &report);
    }

    /// What failed or was left out is named once more: its own line may be far above.
    fn sum_up(&mut self, line: &str, report: &TreeReport) {
        self.wipe();
        let is_smooth = report.failed == 0 && report.skipped == 0;
        if is_smooth && self.screen.detail() == Detail::Quiet {
            return;
        }
        self.screen.print(line);
        for (what, names) in [("left out", &mut self.left_out), ("failed", &mut self.failed)] {
            if let Some(line) = std::mem::take(names).line(what) {
                self.screen.print(&line);
            }
        }
    }

    /// What has ended so far.
    pub(crate) fn tally(&self) -> TreeReport {
        self.tally
    }

    /// A file of a list failed, which is reported elsewhere; its name is escaped.
    pub(crate) fn count_failed(&mut self, name: &str) {
        self.tally.failed += 1;
        self.failed.add(name);
    }

    /// Takes the bar off the screen.
    fn wipe(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            self.show(&erased(drawn.columns, columns()));
        }
    }

    /// Shows a line in place of the one before.
    fn put(&mut self, text: &str, columns: usize) {
        let text = cut(text, columns.saturating_sub(1));
        let is = width(&text);
        let before = match &self.drawn {
            // It is broken in two where the terminal has become narrower.
            Some(drawn) if drawn.columns >= columns => erased(drawn.columns, columns),
            _ => "\r".to_owned(),
        };
        let was = self.drawn.as_ref().map_or(0, |drawn| drawn.columns);
        let rest = " ".repeat(was.min(columns.saturating_sub(1)).saturating_sub(is));
        self.show(&format!("{before}{text}{rest}"));
        self.drawn = Some(Drawn { at: Instant::now(), columns: is + width(&rest) });
    }

    fn draw(&mut self, now: bool) {
        let due = now || self.drawn.as_ref().is_none_or(|drawn| drawn.at.elapsed() >= REDRAW);
        if !self.screen.has_bars() || !due || self.wait.is_some() {
            return;
        }
        let columns = columns();
        let total = match self.expected {
            Some((_, bytes)) => Some(bytes.max(self.done)),
            None => self.begun,
        };
        let is_known = total.is_some_and(|total| total > 0);
        let share = total.filter(|_| is_known).map(|total| steps(self.done, total));
        self.steps = self.steps.max(share.unwrap_or(0));
        let files = match self.expected {
            Some((1, _)) => None,
            Some((files, _)) => Some((self.files, Some(files))),
            None => (self.is_tree || self.files > 0).then_some((self.files, None)),
        };
        let figures = Figures {
            verb: self.verb,
            name: self.current.get(&self.newest).map_or("", |current| &current.name),
            phase: match self.current.get(&self.newest) {
                Some(current) if files.is_none() => current.phase,
                _ => Phase::Transfer,
            },
            files,
            done: self.done,
            // Of files that are not counted yet nobody knows how many bytes they have.
            total: total.filter(|_| self.expected.is_some() || files.is_none()),
            steps: share.filter(|_| self.expected.is_some() || files.is_none()).map(|_| self.steps),
            lately: self.watch.lately(),
        };
        let line = line::line(&figures, columns.saturating_sub(1));
        self.put(&line, columns);
    }

    /// On standard error. Whether that is shut, or full when the user has had enough, is nothing to
    /// the transfer.
    fn show(&self, text: &str) {
        write_until(io::stderr(), text.as_bytes(), &|| self.screen.is_interrupted()).ok();
    }

    /// What follows is no wait any more.
    fn go_on(&mut self) {
        if self.wait.take().is_some() {
            self.wipe();
        }
        self.watch.go_on();
    }

    /// So many bytes more are there.
    fn have(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
    }
}

impl<M: Messages> Progress for Bar<'_, M> {
    fn lane(&mut self, lane: usize) {
        self.lane = lane;
    }

    fn begin(&mut self, name: &str, total: Option<u64>, already: u64) {
        self.go_on();
        self.begun = self.begun.zip(total).map(|(begun, total)| begun.saturating_add(total));
        let began = self.watch.elapsed();
        let (name, phase) = (name.to_string(), Phase::Transfer);
        self.newest = self.lane;
        self.current.insert(self.lane, Current { name, total, done: already, phase, began });
        self.have(already);
        self.draw(false);
    }

    fn phase(&mut self, phase: Phase) {
        self.go_on();
        if let Some(current) = self.current.get_mut(&self.lane) {
            current.phase = phase;
        }
        self.draw(!self.is_tree);
    }

    fn advance(&mut self, bytes: u64) {
        self.go_on();
        self.watch.moved(bytes);
        if let Some(current) = self.current.get_mut(&self.lane) {
            current.done = current.done.saturating_add(bytes);
        }
        self.have(bytes);
        self.draw(false);
    }

    fn end(&mut self, outcome: &Result<TransferOutcome, &Error>) {
        self.go_on();
        let current = self.current.remove(&self.lane);
        if let (Ok(_), Some(current)) = (outcome, &current) {
            // What is there without having travelled is there all the same.
            self.have(current.total.unwrap_or(0).saturating_sub(current.done));
        }
        self.files = self.files.saturating_add(1);
        if let Ok(outcome) = outcome {
            self.tally.count_outcome(outcome);
        }
        let least = if self.is_tree { Detail::Full } else { Detail::Plain };
        if self.is_tree && self.screen.detail() < least {
            self.draw(false);
            return;
        }
        self.wipe();
        let is_shown = self.reports_end && self.screen.detail() >= least;
        if let (Ok(outcome), Some(current), true) = (outcome, current, is_shown) {
            let elapsed = self.watch.elapsed().saturating_sub(current.began);
            self.screen.print(&summary(self.verb, &current.name, outcome, elapsed));
        }
    }

    fn waiting(&mut self, why: &str, left: Duration) {
        self.watch.wait();
        let is_new = self.wait.is_none_or(|before| before < left);
        self.wait = Some(left);
        let text = format!("trying again in {:.1} s", left.as_secs_f64());
        if self.screen.has_bars() {
            let columns = columns();
            let why = cut(&format!("miniftp: {why}"), columns.saturating_sub(width(&text) + 1));
            self.put(&format!("{why}{text}"), columns);
        } else if is_new {
            self.screen.complain(&format!("{why}{text}"));
        }
    }

    fn removed(&mut self, local: Option<&Path>, remote: &str) {
        if self.screen.detail() < Detail::Full {
            return;
        }
        let name = local.map_or(Escaped(remote).to_string(), |local| {
            escape_bytes(local.as_os_str().as_encoded_bytes())
        });
        self.wipe();
        self.screen.print(&format!("{} {name}: removed", self.verb));
    }

    fn left_out(&mut self, name: &str, why: &str) {
        self.tally.skipped += 1;
        self.left_out.add(name);
        self.note(&format!("{name}: {why}; left out"));
    }

    fn failed(&mut self, name: &str, error: &Error) {
        self.count_failed(name);
        let text = error.to_string();
        // Errors of this machine name their file themselves.
        let is_named = text.starts_with(&format!("`{name}`"));
        self.note(&if is_named { text } else { format!("`{name}`: {text}") });
    }

    fn note(&mut self, text: &str) {
        self.go_on();
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
        self.watch.wait();
        let is_many = self.is_tree || self.expected.is_some_and(|(files, _)| files > 1);
        let reply = self.asking.reply(self.screen, question, is_many);
        self.watch.go_on();
        reply
    }
}

impl<M: Messages> Drop for Bar<'_, M> {
    /// A failure may leave without `end`; the bar must not stay under its message.
    fn drop(&mut self) {
        self.wipe();
    }
}
