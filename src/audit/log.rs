//! The log, and what else follows events: they are written, counted, and programs are run after
//! them.

use std::io::{self, Write};
use std::sync::Arc;

use super::event::Event;
use super::hooks::Hooks;
use super::totals::Totals;
use super::writer::{LogTargets, WriterState};

/// The log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log(Arc<Followers>);

#[derive(Debug, Default)]
struct Followers {
    /// `None` keeps no lines.
    writer: Option<Arc<WriterState>>,
    totals: Totals,
    hooks: Hooks,
}

impl Log {
    /// One that keeps nothing.
    pub fn nowhere() -> Log {
        Log(Arc::default())
    }

    /// Opens the files, and starts the thread that writes. `stderr` is where the log goes without a
    /// file, and where it is said that a file cannot be written; acts go there if `acts_on_stderr`.
    ///
    /// # Errors
    /// Why a file cannot be used, for the operator.
    pub fn open(
        places: LogTargets,
        acts_on_stderr: bool,
        stderr: impl Write + Send + 'static,
    ) -> io::Result<Log> {
        let writer = Some(WriterState::open(places, acts_on_stderr, stderr)?);
        Ok(Log(Arc::new(Followers { writer, ..Followers::default() })))
    }

    /// How often what was done.
    pub fn totals(&self) -> &Totals {
        &self.0.totals
    }

    /// The programs that are run after events.
    pub fn hooks(&self) -> &Hooks {
        &self.0.hooks
    }

    /// How many lines were lost since the start, because the disk did not respond.
    pub fn lost(&self) -> u64 {
        self.0.writer.as_ref().map_or(0, |writer| writer.lost_in_all())
    }

    /// Notes an act.
    pub fn note(&self, event: &Event<'_>) {
        self.0.totals.count(event);
        self.0.hooks.note(event);
        self.to_writer(|writer| writer.note(event));
    }

    /// Notes a line of the program, whose names are escaped.
    pub fn write(&self, level: log::Level, text: &str) {
        self.to_writer(|writer| writer.write(level, text));
    }

    /// Lines go there from now on; those before it go where they belonged.
    pub fn place(&self, places: LogTargets) {
        self.to_writer(|writer| writer.place(places));
    }

    /// Reopens the files after they were moved away.
    pub fn reopen(&self) {
        self.to_writer(WriterState::reopen);
    }

    /// Writes what waits, and no more; not for longer than [`crate::limits::LOG_LAST`].
    pub fn finish(&self) {
        self.to_writer(WriterState::finish);
    }

    fn to_writer(&self, what: impl FnOnce(&WriterState)) {
        if let Some(writer) = &self.0.writer {
            what(writer);
        }
    }
}
