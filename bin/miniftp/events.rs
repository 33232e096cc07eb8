//! What `--json` writes of transfers: an object a line on standard output, as docs/JSON.md
//! describes them.
//!
//! Invariant: fields are only ever added; names and numbers of bytes are exact; the last event of a
//! command is its only summary, however the command ends.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use miniftp::client::{Adjusted, Error, Progress, Question, Reply, TransferOutcome, TreeReport};

use crate::display::Display;
use crate::failure::Failure;
use crate::json::Object;
use crate::screen::Screen;
use crate::stopwatch::Stopwatch;

/// How often it is written how far a transfer is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A file that is under way, as it is called on both sides.
#[derive(Default)]
struct Subject {
    local: Option<PathBuf>,
    remote: String,
    began: Duration,
    /// That it failed was written when it ended.
    is_reported: bool,
}

/// The transfers of a command as events.
pub(crate) struct Events<'a> {
    command: &'static str,
    screen: &'a mut Screen,
    watch: Stopwatch,
    /// What each connection is busy with.
    subjects: BTreeMap<usize, Subject>,
    lane: usize,
    tally: TreeReport,
    expected: Option<(u64, u64)>,
    done_files: u64,
    done_bytes: u64,
    shown: Instant,
    is_tree: bool,
    wait: Option<Duration>,
    removals: u64,
    adjusted: Adjusted,
}

impl<'a> Events<'a> {
    pub(crate) fn new(command: &'static str, screen: &'a mut Screen) -> Events<'a> {
        Events {
            command,
            screen,
            watch: Stopwatch::begin(),
            subjects: BTreeMap::new(),
            lane: 0,
            tally: TreeReport::default(),
            expected: None,
            done_files: 0,
            done_bytes: 0,
            shown: Instant::now(),
            is_tree: false,
            wait: None,
            removals: 0,
            adjusted: Adjusted::default(),
        }
    }

    fn event(&self, event: &str) -> Object {
        Object::new().text("event", event).text("command", self.command)
    }

    /// The event of a file, with its paths.
    fn of_file(&self, event: &str) -> Object {
        let object = self.event(event);
        let Some(subject) = self.subjects.get(&self.lane) else { return object };
        let object = match &subject.local {
            Some(local) => object.path("local", local),
            None => object,
        };
        object.text("remote", &subject.remote)
    }

    fn subject(&mut self) -> &mut Subject {
        self.subjects.entry(self.lane).or_default()
    }

    /// Whether standard output is still read is found out at the end of the command.
    fn write(&mut self, object: Object) {
        writeln!(self.screen.out, "{}", object.line()).ok();
        self.screen.out.flush().ok();
    }

    fn go_on(&mut self) {
        self.wait = None;
        self.watch.go_on();
    }

    fn rate(&self) -> u64 {
        let (bytes, time) = self.watch.lately();
        let rate = bytes as f64 / time.as_secs_f64().max(0.001);
        rate as u64
    }
}

impl Progress for Events<'_> {
    fn lane(&mut self, lane: usize) {
        self.lane = lane;
    }

    fn about(&mut self, local: Option<&Path>, remote: &str) {
        let (local, remote) = (local.map(Path::to_owned), remote.to_owned());
        self.subjects.insert(self.lane, Subject { local, remote, ..Subject::default() });
    }

    fn begin(&mut self, _: &str, total: Option<u64>, already: u64) {
        self.go_on();
        let began = self.watch.elapsed();
        self.subject().began = began;
        self.done_bytes = self.done_bytes.saturating_add(already);
        // Of a folder's files those that take long are seen by their progress.
        if !self.is_tree {
            let object = self.of_file("begin").number("bytes", total.unwrap_or(0));
            self.write(object.number("kept_bytes", already));
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.go_on();
        self.watch.moved(bytes);
        self.done_bytes = self.done_bytes.saturating_add(bytes);
        if self.shown.elapsed() >= PROGRESS_EVERY {
            self.shown = Instant::now();
            let mut object = self.of_file("progress").number("files", self.done_files);
            object = object.number("bytes", self.done_bytes);
            if let Some((files, bytes)) = self.expected {
                object = object.number("total_files", files).number("total_bytes", bytes);
            }
            let rate = self.rate();
            self.write(object.number("bytes_per_second", rate));
        }
    }

    fn end(&mut self, outcome: &Result<TransferOutcome, &Error>) {
        self.go_on();
        self.done_files += 1;
        let object = self.of_file("file");
        let object = match outcome {
            Ok(TransferOutcome::Stored { sent_bytes, size }) => object
                .text("outcome", "stored")
                .number("bytes", *size)
                .number("sent_bytes", *sent_bytes),
            Ok(TransferOutcome::Equal { size }) => {
                object.text("outcome", "equal").number("bytes", *size)
            }
            Ok(_) => object.text("outcome", "left_alone"),
            Err(e) => object.text("outcome", "failed").text("error", &e.to_string()),
        };
        match outcome {
            Ok(outcome) => self.tally.count_outcome(outcome),
            Err(_) => self.subject().is_reported = true,
        }
        let time = self.watch.elapsed().saturating_sub(self.subject().began);
        self.write(object.secs("seconds", time));
    }

    fn waiting(&mut self, why: &str, left: Duration) {
        self.watch.wait();
        if self.wait.is_none_or(|before| before < left) {
            let object = self.event("waiting").text("text", why.trim_end_matches([' ', ',', ';']));
            self.write(object.secs("seconds", left));
        }
        self.wait = Some(left);
    }

    fn left_out(&mut self, name: &str, why: &str) {
        self.tally.skipped += 1;
        let object = self.event("left_out").text("shown", name).text("why", why);
        self.write(object);
    }

    fn removed(&mut self, local: Option<&Path>, remote: &str) {
        self.removals += 1;
        self.about(local, remote);
        let object = self.of_file("removed");
        self.write(object);
    }

    fn adjusted(&mut self, local: &Path, remote: &str, mode: Option<u16>) {
        self.about(Some(local), remote);
        let (what, count) = match mode {
            Some(_) => ("mode", &mut self.adjusted.modes),
            None => ("time", &mut self.adjusted.times),
        };
        *count += 1;
        let object = self.of_file("set").text("what", what).mode_if("mode", mode);
        self.write(object);
    }

    fn failed(&mut self, name: &str, error: &Error) {
        self.tally.failed += 1;
        if !std::mem::take(&mut self.subject().is_reported) {
            let object = self.event("failed").text("shown", name);
            self.write(object.text("error", &error.to_string()));
        }
    }

    fn note(&mut self, text: &str) {
        self.go_on();
        let object = self.event("note").text("text", text);
        self.write(object);
    }

    fn ask(&mut self, question: &Question) -> Reply {
        // Programs are not asked; the policy says what happens.
        let _ = question;
        Reply::Cancel
    }
}

impl Display for Events<'_> {
    fn progress(&mut self) -> &mut (dyn Progress + Send) {
        self
    }

    fn screen(&mut self) -> &mut Screen {
        self.screen
    }

    fn wants_totals(&self) -> bool {
        true
    }

    fn expect(&mut self, files: u64, bytes: u64) {
        // What is found out later is in the totals of the progress.
        if self.expected.replace((files, bytes)).is_some() {
            return;
        }
        let object = self.event("expect").number("files", files).number("bytes", bytes);
        self.write(object);
    }

    fn begin_tree(&mut self) {
        self.is_tree = true;
    }

    fn end_tree(&mut self, _: &str, _: bool) {
        self.is_tree = false;
    }

    fn end_comparison(&mut self, name: &str, _: usize) {
        self.end_tree(name, true);
    }

    /// The summary is written when the whole command has come to its end.
    fn end_all(&mut self) {}

    fn tally(&self) -> TreeReport {
        self.tally
    }

    /// Each was counted when it was removed.
    fn removed(&mut self, _: u64) {}

    /// Each was counted when it was set.
    fn adjusted(&mut self, _: &Adjusted) {}

    fn file_failed(&mut self, name: &str, failure: &Failure) {
        self.tally.failed += 1;
        if !std::mem::take(&mut self.subject().is_reported) {
            let object = self.event("failed").text("shown", name);
            self.write(object.text("error", &failure.text()));
        }
    }
}

impl Drop for Events<'_> {
    /// A failure may leave from anywhere; programs wait for the summary all the same.
    fn drop(&mut self) {
        let TreeReport { files, bytes, sent_bytes, equal, skipped, failed } = self.tally;
        let elapsed = self.watch.elapsed();
        let rate = sent_bytes as f64 / elapsed.as_secs_f64().max(0.001);
        let object = self.event("summary").number("files", files).number("bytes", bytes);
        let object = object
            .number("sent_bytes", sent_bytes)
            .number("equal", equal)
            .number("left_out", skipped);
        let object = object.number("removed", self.removals);
        let Adjusted { times, modes } = self.adjusted;
        let object = object.number("times_set", times).number("modes_set", modes);
        let object = object.number("failed", failed).secs("seconds", elapsed);
        self.write(object.number("bytes_per_second", rate as u64));
    }
}
