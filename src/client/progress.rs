//! What a transfer reports to whoever watches, and what it asks.
//!
//! Invariant: what is reported only grows, and never beyond the total.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::error::{Error, Result};
use crate::lock::lock;

/// What a file's transfer is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Both sides compare what each has; little travels.
    Compare,
    /// Content travels.
    Transfer,
    /// Everything is there; it is being put in its place.
    Commit,
}

/// How a transfer of one file ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferOutcome {
    /// It is in its place.
    Stored {
        /// Bytes of content that travelled, those sent again included.
        sent_bytes: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// An equal file was there already.
    Equal {
        /// Bytes of the file.
        size: u64,
    },
    /// Something was there already, and it was left alone as asked.
    Skipped,
}

/// What to do with the part that an earlier attempt left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartChoice {
    /// Compare, keep what is equal, go on.
    #[default]
    Continue,
    /// Begin again.
    Fresh,
    /// Ask through [`Progress::ask`].
    Ask,
}

/// What to do when a file that differs is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExistsChoice {
    /// Leave it and say so as an error.
    #[default]
    Refuse,
    /// Replace it.
    Replace,
    /// Leave it: [`TransferOutcome::Skipped`].
    Skip,
    /// Ask through [`Progress::ask`].
    Ask,
}

/// What to do when something is there already, and what travels besides content and time. Nothing
/// is ever replaced by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// A part.
    pub part: PartChoice,
    /// A file that differs.
    pub exists: ExistsChoice,
    /// Whether permission bits are left to the side that stores the file.
    pub no_mode: bool,
    /// Whether a file that replaces one on this machine brings its permission bits; else it gets
    /// those of the one that it replaces.
    pub replaces_mode: bool,
}

impl Policy {
    /// Settles what becomes of a file that differs: `None` if it is replaced, or the outcome if it
    /// is left alone. What is not `replaceable` is not asked about.
    ///
    /// # Errors
    /// The refusal, where the policy says so.
    pub(super) fn settle(
        &self,
        progress: &mut dyn Progress,
        question: &Question,
        replaceable: bool,
        refusal: Error,
    ) -> Result<Option<TransferOutcome>> {
        let is_replaced = match self.exists {
            ExistsChoice::Replace => true,
            ExistsChoice::Skip => false,
            ExistsChoice::Ask if replaceable => progress.ask(question) == Reply::Yes,
            ExistsChoice::Refuse | ExistsChoice::Ask => return Err(refusal),
        };
        Ok((!is_replaced).then_some(TransferOutcome::Skipped))
    }
}

impl PartChoice {
    /// Settles how to go on with a part that is there; `None` if nothing is to be done.
    pub(super) fn settle(
        self,
        progress: &mut dyn Progress,
        name: String,
        held: u64,
        total: u64,
    ) -> Option<PartChoice> {
        if self != PartChoice::Ask {
            return Some(self);
        }
        match progress.ask(&Question::GoOn { name, held, total }) {
            Reply::Yes => Some(PartChoice::Continue),
            Reply::No => Some(PartChoice::Fresh),
            Reply::Cancel => None,
        }
    }
}

/// A question to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Go on with the part of an earlier attempt?
    GoOn {
        /// The file, escaped.
        name: String,
        /// Bytes of the part.
        held: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Replace the file that is there?
    Replace {
        /// The file, escaped.
        name: String,
        /// Bytes of the file that is there.
        there: u64,
        /// Bytes of the new one.
        new: u64,
    },
}

/// The user's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Go on with the part; replace the file.
    Yes,
    /// Begin again; leave the file that is there.
    No,
    /// Do nothing with this file.
    #[default]
    Cancel,
}

/// Whoever watches transfers. Every method has a silent default.
pub trait Progress {
    /// What follows is about the file that this one of several connections is busy with.
    fn lane(&mut self, lane: usize) {
        let _ = lane;
    }
    /// What follows, up to its end, is about this file, whose paths are as they are; without
    /// one on this machine where it comes from or goes into a stream.
    fn about(&mut self, local: Option<&Path>, remote: &str) {
        let _ = (local, remote);
    }
    /// A file begins; `already` bytes are kept from earlier, bars begin there. The name is escaped.
    fn begin(&mut self, name: &str, total: Option<u64>, already: u64) {
        let _ = (name, total, already);
    }
    /// What it is busy with now.
    fn phase(&mut self, phase: Phase) {
        let _ = phase;
    }
    /// So many more bytes are confirmed by the other side, or received and checked.
    fn advance(&mut self, bytes: u64) {
        let _ = bytes;
    }
    /// The file is done; only here it may be called whole.
    fn end(&mut self, outcome: &Result<TransferOutcome, &Error>) {
        let _ = outcome;
    }
    /// The line broke, as `why` says, and is tried again when the time that is `left` is over. Said
    /// again and again meanwhile; what follows is no part of the wait.
    fn waiting(&mut self, why: &str, left: Duration) {
        let _ = (why, left);
    }
    /// A file that was found equal got the time of the other side's, or these permission bits.
    fn adjusted(&mut self, local: &Path, remote: &str, mode: Option<u16>) {
        let _ = (local, remote, mode);
    }
    /// What the source of a mirror does not have was removed; the path on this machine is given if
    /// it was there.
    fn removed(&mut self, local: Option<&Path>, remote: &str) {
        let _ = (local, remote);
    }
    /// Something in a folder is never taken along. The name is escaped.
    fn left_out(&mut self, name: &str, why: &str) {
        self.note(&format!("{name}: {why}; left out"));
    }
    /// Something in a folder did not arrive. The name is escaped.
    fn failed(&mut self, name: &str, error: &Error) {
        let _ = (name, error);
    }
    /// Something worth a line.
    fn note(&mut self, text: &str) {
        let _ = text;
    }
    /// A choice of [`PartChoice::Ask`] or [`ExistsChoice::Ask`].
    fn ask(&mut self, question: &Question) -> Reply {
        let _ = question;
        Reply::default()
    }
}

/// Nobody watches; questions are answered with [`Reply::Cancel`].
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}

/// Whoever watches several connections, as one of them sees it.
pub(super) struct LaneProgress<'a, 'p> {
    pub(super) progress: &'a Mutex<&'p mut (dyn Progress + Send)>,
    pub(super) lane: usize,
}

impl LaneProgress<'_, '_> {
    fn with<T>(&mut self, report: impl FnOnce(&mut dyn Progress) -> T) -> T {
        let mut progress = lock(self.progress);
        progress.lane(self.lane);
        report(&mut **progress)
    }
}

impl Progress for LaneProgress<'_, '_> {
    fn about(&mut self, local: Option<&Path>, remote: &str) {
        self.with(|progress| progress.about(local, remote));
    }
    fn begin(&mut self, name: &str, total: Option<u64>, already: u64) {
        self.with(|progress| progress.begin(name, total, already));
    }
    fn phase(&mut self, phase: Phase) {
        self.with(|progress| progress.phase(phase));
    }
    fn advance(&mut self, bytes: u64) {
        self.with(|progress| progress.advance(bytes));
    }
    fn end(&mut self, outcome: &Result<TransferOutcome, &Error>) {
        self.with(|progress| progress.end(outcome));
    }
    fn waiting(&mut self, why: &str, left: Duration) {
        self.with(|progress| progress.waiting(why, left));
    }
    fn removed(&mut self, local: Option<&Path>, remote: &str) {
        self.with(|progress| progress.removed(local, remote));
    }
    fn adjusted(&mut self, local: &Path, remote: &str, mode: Option<u16>) {
        self.with(|progress| progress.adjusted(local, remote, mode));
    }
    fn left_out(&mut self, name: &str, why: &str) {
        self.with(|progress| progress.left_out(name, why));
    }
    fn failed(&mut self, name: &str, error: &Error) {
        self.with(|progress| progress.failed(name, error));
    }
    fn note(&mut self, text: &str) {
        self.with(|progress| progress.note(text));
    }
    fn ask(&mut self, question: &Question) -> Reply {
        self.with(|progress| progress.ask(question))
    }
}

/// One file's bar: begins once, however often the line breaks, and never goes back.
pub(super) struct FileProgress<'a> {
    pub(super) progress: &'a mut dyn Progress,
    /// Escaped.
    pub(super) name: String,
    total: u64,
    shown: Option<u64>,
    /// Where what has come is counted, if it does not come in order.
    counter: Option<Arc<AtomicU64>>,
}

impl<'a> FileProgress<'a> {
    /// `name` must be escaped.
    pub(super) fn new(progress: &'a mut dyn Progress, name: String) -> FileProgress<'a> {
        FileProgress { progress, name, total: 0, shown: None, counter: None }
    }

    /// The transfer stands at `at` of `total`. Only the first call begins the bar.
    pub(super) fn begin(&mut self, total: u64, at: u64) {
        let at = at.min(total);
        if self.shown.is_none() {
            self.total = total;
            self.shown = Some(at);
            self.progress.begin(&self.name, Some(total), at);
            if at > 0 {
                let name = &self.name;
                self.progress.note(&format!("{name}: going on at {} %", percent(at, total)));
            }
        }
    }

    /// From now on what has come is what is counted there, wherever it belongs.
    pub(super) fn count_by(&mut self, counter: &Arc<AtomicU64>) {
        self.counter = Some(Arc::clone(counter));
    }

    /// The transfer has come to `at`.
    pub(super) fn show(&mut self, at: u64) {
        let at = self.counter.as_ref().map_or(at, |counter| counter.load(Ordering::Relaxed));
        let at = at.min(self.total);
        if let Some(shown) = &mut self.shown {
            if at > *shown {
                self.progress.advance(at - *shown);
                *shown = at;
            }
        }
    }

    /// `55 % are there, `, or nothing if it did not begin.
    pub(super) fn place(&self) -> String {
        self.shown.map_or(String::new(), |at| format!("{} % are there, ", percent(at, self.total)))
    }

    /// Tells the end. A file that never began still begins and ends, so that it is seen.
    pub(super) fn end(&mut self, outcome: &Result<TransferOutcome>) {
        if let Ok(TransferOutcome::Equal { size } | TransferOutcome::Stored { size, .. }) = outcome
        {
            if self.shown.is_none() {
                self.progress.begin(&self.name, Some(*size), 0);
            }
        }
        self.progress.end(&outcome.as_ref().map(|outcome| *outcome));
    }
}

fn percent(at: u64, total: u64) -> u64 {
    // A file that is not whole is never shown as such.
    (u128::from(at) * 100 / u128::from(total.max(1))).min(99) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sum(Vec<(u64, u64)>, u64);

    impl Progress for Sum {
        fn begin(&mut self, _: &str, total: Option<u64>, already: u64) {
            self.0.push((total.unwrap(), already));
            self.1 = already;
        }
        fn advance(&mut self, bytes: u64) {
            self.1 += bytes;
        }
    }

    #[test]
    fn a_bar_begins_once_and_never_goes_back_or_beyond() {
        let mut sum = Sum::default();
        let mut bar = FileProgress::new(&mut sum, "x".into());
        bar.show(5);
        assert_eq!(bar.place(), "");
        bar.begin(200, 40);
        bar.show(110);
        bar.begin(200, 0);
        bar.show(60);
        assert_eq!(bar.place(), "55 % are there, ");
        bar.show(130);
        bar.show(900);
        assert_eq!(bar.place(), "99 % are there, ");
        assert_eq!(sum.0, [(200, 40)]);
        assert_eq!(sum.1, 200);
    }
}
