//! Where all lines of the log go: into a queue of bytes, and from there with large writes into
//! files or to standard error, by a thread of its own.
//!
//! Never: keeps a session waiting for longer than [`limits::LOG_WAIT`] while the disk does not
//! respond. Invariant: a line that is not written is counted, and the count is in the log as soon
//! as something can be written again.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::event::Event;
use super::file::{LogFile, WriteOutcome, open_made};
use super::time::LogTime;
use super::{json, people, xferlog};
use crate::limits;
use crate::lock::lock;

/// Where the lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTargets {
    /// The log; without a file it is standard error.
    pub file: Option<PathBuf>,
    /// Whether it is for programs.
    pub json: bool,
    /// Where transfers are noted for the tools that read an xferlog.
    pub xferlog: Option<PathBuf>,
}

/// The lines that wait, and what the writer's thread and everybody else share.
#[derive(Debug)]
pub(super) struct WriterState {
    queue: Mutex<LogQueue>,
    /// Something is to be done.
    more: Condvar,
    /// There is room again, or all is written.
    room: Condvar,
}

#[derive(Debug, Default)]
struct LogQueue {
    form: LineFormat,
    text: Vec<u8>,
    xferlog: Vec<u8>,
    /// Lines for which there was no room.
    lost: u64,
    /// All of them since the start.
    lost_in_all: u64,
    /// The disk stands still: nobody waits for it any more until it moves.
    stalled: bool,
    places: LogTargets,
    /// What is to be written before the files are reopened.
    before: Option<(Vec<u8>, Vec<u8>)>,
    ending: bool,
    ended: bool,
}

impl LogQueue {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.xferlog.is_empty()
    }

    fn is_half_full(&self) -> bool {
        self.text.len() + self.xferlog.len() >= limits::LOG_QUEUE / 2
    }
}

/// How lines are made at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LineFormat {
    json: bool,
    xferlog: bool,
    /// Whether acts are noted: always in a file, on standard error if `MINIFTP_LOG` lets them.
    acts: bool,
}

impl LineFormat {
    fn of(places: &LogTargets, acts_on_stderr: bool) -> LineFormat {
        let acts = acts_on_stderr || places.file.is_some();
        LineFormat { json: places.json, xferlog: places.xferlog.is_some(), acts }
    }

    fn line(self, level: log::Level, text: &str) -> String {
        let write = if self.json { json::line } else { people::line };
        write(LogTime::now(), level, text)
    }
}

impl WriterState {
    /// Opens the files, and starts the thread that writes. `stderr` is where the log goes without a
    /// file, and where it is said that a file cannot be written; acts go there if `acts_on_stderr`.
    ///
    /// # Errors
    /// Why a file cannot be used, for the operator.
    pub(super) fn open(
        places: LogTargets,
        acts_on_stderr: bool,
        stderr: impl Write + Send + 'static,
    ) -> io::Result<Arc<WriterState>> {
        let form = LineFormat::of(&places, acts_on_stderr);
        let opened = |path: &PathBuf| {
            LogFile::open(path).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot write {}: {e}", path.display()))
            })
        };
        let file = places.file.as_ref().map(opened).transpose()?;
        let xferlog = places.xferlog.as_ref().map(opened).transpose()?;
        let queue = LogQueue { form, places, ..LogQueue::default() };
        let (more, room) = (Condvar::new(), Condvar::new());
        let state = Arc::new(WriterState { queue: Mutex::new(queue), more, room });
        let writer = Writer { file, xferlog, stderr: Box::new(stderr), form };
        let thread = thread::Builder::new().name("log".into()).stack_size(limits::THREAD_STACK);
        let shared = Arc::clone(&state);
        thread.spawn(move || writer.run(&shared))?;
        Ok(state)
    }

    /// How many lines were lost since the start.
    pub(super) fn lost_in_all(&self) -> u64 {
        lock(&self.queue).lost_in_all
    }

    pub(super) fn note(&self, event: &Event<'_>) {
        let now = LogTime::now();
        self.add(|form| {
            let write = if form.json { json::event } else { people::event };
            let line = if form.acts { write(now, event) } else { String::new() };
            let transfer = form.xferlog.then(|| xferlog::event(now, event)).flatten();
            (line, transfer.unwrap_or_default())
        });
    }

    pub(super) fn write(&self, level: log::Level, text: &str) {
        self.add(|form| (form.line(level, text), String::new()));
    }

    pub(super) fn place(&self, places: LogTargets) {
        let mut queue = lock(&self.queue);
        if queue.places != places {
            let acts_on_stderr = queue.form.acts && queue.places.file.is_none();
            queue.form = LineFormat::of(&places, acts_on_stderr);
            queue.places = places;
            self.turn(queue);
        }
    }

    pub(super) fn reopen(&self) {
        let queue = lock(&self.queue);
        // Otherwise that is about to be done.
        if queue.before.is_none() {
            self.turn(queue);
        }
    }

    pub(super) fn finish(&self) {
        let mut queue = lock(&self.queue);
        queue.ending = true;
        self.more.notify_one();
        let _ = self.room.wait_timeout_while(queue, limits::LOG_LAST, |queue| !queue.ended);
    }

    /// Adds the lines that `make` makes, or counts them.
    fn add(&self, make: impl Fn(LineFormat) -> (String, String)) {
        let mut form = lock(&self.queue).form;
        let (mut line, mut transfer) = make(form);
        let mut until = None;
        let mut queue = lock(&self.queue);
        loop {
            if queue.form != form {
                form = queue.form;
                drop(queue);
                (line, transfer) = make(form);
                queue = lock(&self.queue);
                continue;
            }
            let waiting = queue.text.len() + queue.xferlog.len();
            if waiting + line.len() + transfer.len() <= limits::LOG_QUEUE {
                break;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + limits::LOG_WAIT);
            let left = until.saturating_duration_since(Instant::now());
            if queue.stalled || left.is_zero() || queue.ended {
                queue.stalled = true;
                queue.lost += 1;
                queue.lost_in_all += 1;
                return;
            }
            let waited = self.room.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let before = (queue.is_empty(), queue.is_half_full());
        queue.text.extend_from_slice(line.as_bytes());
        queue.xferlog.extend_from_slice(transfer.as_bytes());
        let after = (queue.is_empty(), queue.is_half_full());
        drop(queue);
        // The writer waits for the first line, and then for many.
        if before != after {
            self.more.notify_one();
        }
    }

    /// What is in the queue is written before the files are reopened.
    fn turn(&self, mut queue: MutexGuard<'_, LogQueue>) {
        let text = std::mem::take(&mut queue.text);
        let xferlog = std::mem::take(&mut queue.xferlog);
        let before = queue.before.get_or_insert_default();
        before.0.extend_from_slice(&text);
        before.1.extend_from_slice(&xferlog);
        drop(queue);
        self.more.notify_one();
    }
}

/// What the thread holds.
struct Writer {
    file: Option<LogFile>,
    xferlog: Option<LogFile>,
    stderr: Box<dyn Write + Send>,
    form: LineFormat,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Writer {
    fn run(mut self, desk: &WriterState) {
        let (mut text, mut transfers) = (Vec::new(), Vec::new());
        loop {
            let files = [&mut self.file, &mut self.xferlog].into_iter().flatten();
            let lost_in_files: u64 = files.map(LogFile::count_lost).sum();
            let mut queue = lock(&desk.queue);
            queue.lost_in_all = queue.lost_in_all.saturating_add(lost_in_files);
            let is_idle = |queue: &mut LogQueue| {
                queue.is_empty() && queue.before.is_none() && queue.lost == 0 && !queue.ending
            };
            queue = desk.more.wait_while(queue, |q| is_idle(q)).unwrap_or_else(|e| e.into_inner());
            // Lines that come one after the other leave together: a thread that wakes for each
            // takes more of the processor than all else about them.
            let gathers = |queue: &mut LogQueue| {
                queue.before.is_none() && !queue.ending && !queue.is_half_full()
            };
            let waited = desk.more.wait_timeout_while(queue, limits::LOG_GATHER, |q| gathers(q));
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            let before = queue.before.take();
            if before.is_none() {
                std::mem::swap(&mut queue.text, &mut text);
                std::mem::swap(&mut queue.xferlog, &mut transfers);
            }
            let (places, form) = (queue.places.clone(), queue.form);
            let lost = std::mem::take(&mut queue.lost);
            queue.stalled = false;
            queue.ended =
                queue.ending && before.is_none() && text.is_empty() && transfers.is_empty();
            let ended = queue.ended;
            drop(queue);
            desk.room.notify_all();
            if ended {
                return;
            }
            if let Some((text, transfers)) = before {
                self.write(&text, &transfers);
                self.turn(&places, form);
            }
            self.write(&text, &transfers);
            self.report_lost(lost, "could not keep up");
            for done in [&mut text, &mut transfers] {
                done.clear();
                // A burst does not keep its memory.
                done.shrink_to(limits::BUSY_BUFFER);
            }
        }
    }

    /// Reopens all files, perhaps elsewhere.
    fn turn(&mut self, places: &LogTargets, form: LineFormat) {
        self.form = form;
        for (file, path) in [(&mut self.file, &places.file), (&mut self.xferlog, &places.xferlog)] {
            match (file.as_mut().filter(|file| Some(file.path()) == path.as_deref()), path) {
                (Some(file), _) => file.reopen(),
                (None, Some(path)) => *file = Some(LogFile::open_sometime(path)),
                (None, None) => *file = None,
            }
        }
        self.report_trouble();
    }

    /// Lines go on into files that were moved away: whoever moved them reads that here, since the
    /// log is not where it is looked for.
    fn report_trouble(&mut self) {
        for file in [&mut self.file, &mut self.xferlog].into_iter().flatten() {
            let Some(e) = file.trouble() else { continue };
            let path = file.path().display();
            let what = format!(
                "{path} cannot be reopened: {e}; lines still go to the file that was moved away"
            );
            let line = self.form.line(log::Level::Error, &what);
            let _ = self.stderr.write_all(line.as_bytes());
        }
    }

    fn write(&mut self, text: &[u8], transfers: &[u8]) {
        if let Some(file) = self.xferlog.as_mut().filter(|_| !transfers.is_empty()) {
            let (written, path) = (file.add(transfers), file.path().display().to_string());
            self.report(written, &path);
        }
        if !text.is_empty() {
            self.write_text(text);
        }
    }

    fn write_text(&mut self, text: &[u8]) {
        let Some(file) = &mut self.file else {
            // Whoever started it has stopped reading: there is nobody to tell.
            let _ = self.stderr.write_all(text).and_then(|()| self.stderr.flush());
            return;
        };
        match file.add(text) {
            WriteOutcome::All { lost } => {
                self.report_lost(lost, "could not be written for a while")
            }
            WriteOutcome::NotAll(Some(e)) => {
                let path = file.path().display();
                let what = format!("the log {path} cannot be written: {e}; lines are lost");
                let line = self.form.line(log::Level::Error, &what);
                let _ = self.stderr.write_all(line.as_bytes());
            }
            WriteOutcome::NotAll(None) => {}
        }
    }

    fn report(&mut self, written: WriteOutcome, path: &str) {
        let what = match written {
            WriteOutcome::All { lost: 0 } | WriteOutcome::NotAll(None) => return,
            WriteOutcome::All { lost } => {
                format!("{path} can be written again: {lost} lines are lost")
            }
            WriteOutcome::NotAll(Some(e)) => {
                format!("{path} cannot be written: {e}; lines are lost")
            }
        };
        let line = self.form.line(log::Level::Error, &what);
        self.write_text(line.as_bytes());
    }

    fn report_lost(&mut self, lost: u64, why: &str) {
        if lost > 0 {
            let what = format!("the log {why}: {lost} lines are lost");
            let line = self.form.line(log::Level::Error, &what);
            self.write_text(line.as_bytes());
        }
    }
}

/// Adds one act to the log file, from a process that runs beside the server: one write, so that the
/// lines of both stay whole. `false`: there is no file, and none is made.
pub fn append(places: &LogTargets, event: &Event<'_>) -> io::Result<bool> {
    let Some(path) = &places.file else { return Ok(false) };
    let Some(mut file) = open_made(path)? else { return Ok(false) };
    let write = if places.json { json::event } else { people::event };
    let line = write(LogTime::now(), event);
    file.write_all(line.as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests;
