//! What whole folders have in common in both directions: the report, and which errors end it.

use super::error::Error;
use super::progress::{Bar, ExistsChoice, Outcome, Policy, Progress, Question, Reply};

/// How the transfer of a folder went. What failed was told to [`Progress::failed`] meanwhile.
#[derive(Debug, Default)]
pub struct TreeReport {
    /// Files that were stored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already, equal.
    pub equal: u64,
    /// What was left alone as asked, and links and other things that are never taken along.
    pub skipped: u64,
    /// What should have arrived and did not.
    pub failed: u64,
}

impl TreeReport {
    /// Counts the end of one file, and tells whoever watches.
    pub(super) fn file(
        &mut self,
        progress: &mut dyn Progress,
        name: String,
        size: u64,
        result: Result<Outcome, Error>,
    ) {
        let mut bar = Bar::new(progress, name);
        if matches!(result, Ok(Outcome::Stored { .. })) {
            bar.begin(size, 0);
            bar.show(size);
        }
        bar.end(&result);
        let name = bar.name().to_owned();
        self.count(progress, name, result);
    }

    /// Counts the end of one file, and names it if it failed.
    pub(super) fn count(
        &mut self,
        progress: &mut dyn Progress,
        name: String,
        result: Result<Outcome, Error>,
    ) {
        match result {
            Ok(Outcome::Stored { size, .. }) => {
                self.files += 1;
                self.bytes += size;
            }
            Ok(Outcome::Equal { .. }) => self.equal += 1,
            Ok(Outcome::Skipped) => self.skipped += 1,
            Err(error) => {
                self.failed += 1;
                progress.failed(&name, &error);
            }
        }
    }

    /// Something that is never taken along and is no regular file.
    pub(super) fn pass_over(&mut self, progress: &mut dyn Progress, name: &str, why: &str) {
        self.skipped += 1;
        progress.note(&format!("{name}: {why}; left out"));
    }
}

/// Whether an error ends the whole, because every other file would meet it too.
pub(super) fn is_fatal(error: &Error) -> bool {
    error.is_broken_line()
        || matches!(
            error,
            Error::Farewell { .. }
                | Error::GaveUp { .. }
                | Error::LoginRefused
                | Error::ServerUnproven
                | Error::NotLoggedIn
                | Error::DirectoryLost { .. }
                | Error::LocalFull { .. }
                | Error::Protocol { .. }
                | Error::TooMuch { .. }
                | Error::Interrupted
        )
}

/// What the policy says about one small file that differs.
pub(super) fn choose(
    policy: &Policy,
    progress: &mut dyn Progress,
    name: &str,
    there: u64,
    new: u64,
) -> ExistsChoice {
    if policy.exists != ExistsChoice::Ask {
        return policy.exists;
    }
    let name = name.to_owned();
    match progress.ask(&Question::Replace { name, there, new }) {
        Reply::Yes => ExistsChoice::Replace,
        Reply::No | Reply::Cancel => ExistsChoice::Skip,
    }
}
