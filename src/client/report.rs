//! What came of the transfer of several files.

use super::error::Error;
use super::progress::{FileProgress, Progress, TransferOutcome};

/// How the transfer of a folder went. What failed was reported to [`Progress::failed`] meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeReport {
    /// Files that were stored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of them that travelled; the others were there from before.
    pub sent_bytes: u64,
    /// Files that were there already, equal.
    pub equal: u64,
    /// What was left alone as asked, and links and other things that are never taken along.
    pub skipped: u64,
    /// What should have arrived and did not.
    pub failed: u64,
}

impl TreeReport {
    /// Counts a file that ended well.
    pub fn count_outcome(&mut self, outcome: &TransferOutcome) {
        match outcome {
            TransferOutcome::Stored { sent_bytes, size } => {
                self.files += 1;
                self.bytes += size;
                // What had to be sent twice is not to look like a faster line.
                self.sent_bytes += sent_bytes.min(size);
            }
            TransferOutcome::Equal { .. } => self.equal += 1,
            TransferOutcome::Skipped => self.skipped += 1,
        }
    }

    /// What was counted since `before`.
    pub fn since(&self, before: &TreeReport) -> TreeReport {
        TreeReport {
            files: self.files.saturating_sub(before.files),
            bytes: self.bytes.saturating_sub(before.bytes),
            sent_bytes: self.sent_bytes.saturating_sub(before.sent_bytes),
            equal: self.equal.saturating_sub(before.equal),
            skipped: self.skipped.saturating_sub(before.skipped),
            failed: self.failed.saturating_sub(before.failed),
        }
    }

    /// Both together.
    pub fn plus(&self, other: &TreeReport) -> TreeReport {
        TreeReport {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
            sent_bytes: self.sent_bytes.saturating_add(other.sent_bytes),
            equal: self.equal.saturating_add(other.equal),
            skipped: self.skipped.saturating_add(other.skipped),
            failed: self.failed.saturating_add(other.failed),
        }
    }

    /// Counts the end of one file, and tells whoever watches.
    pub(super) fn file(
        &mut self,
        progress: &mut dyn Progress,
        name: String,
        size: u64,
        result: Result<TransferOutcome, Error>,
    ) {
        let mut bar = FileProgress::new(progress, name);
        if matches!(result, Ok(TransferOutcome::Stored { .. })) {
            bar.begin(size, 0);
            bar.show(size);
        }
        bar.end(&result);
        let name = bar.name;
        self.count(progress, name, result);
    }

    /// Counts the end of one file, and names it if it failed.
    pub(super) fn count(
        &mut self,
        progress: &mut dyn Progress,
        name: String,
        result: Result<TransferOutcome, Error>,
    ) {
        match result {
            Ok(outcome) => self.count_outcome(&outcome),
            Err(error) => {
                self.failed += 1;
                progress.failed(&name, &error);
            }
        }
    }

    /// Something that is never taken along and is no regular file.
    pub(super) fn pass_over(&mut self, progress: &mut dyn Progress, name: &str, why: &str) {
        self.skipped += 1;
        progress.left_out(name, why);
    }
}
