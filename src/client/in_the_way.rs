//! A file on the server that has the name of one that is sent.

use super::error::{Error, Result};
use super::progress::{Policy, Progress, Question, TransferOutcome};
use crate::wire::There;

/// What is known of the file that is in the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct InTheWay {
    /// Its bytes, if they are known.
    pub(super) size: u64,
    pub(super) known: bool,
    replaceable: bool,
}

impl InTheWay {
    pub(super) fn of(there: &There<'_>) -> InTheWay {
        let There { size, known, replaceable, .. } = *there;
        InTheWay { size, known: known == 1, replaceable: replaceable == 1 }
    }

    /// What becomes of it, see [`Policy::settle`]. What cannot be replaced is not asked about.
    pub(super) fn settle(
        self,
        policy: &Policy,
        progress: &mut dyn Progress,
        name: String,
        new: u64,
        refusal: Error,
    ) -> Result<Option<TransferOutcome>> {
        let question = Question::Replace { name, there: self.size, new };
        policy.settle(progress, &question, self.replaceable, self.hinted(refusal))
    }

    /// The refusal with what is known, and with what can be done about it.
    pub(super) fn hinted(self, refusal: Error) -> Error {
        let Error::Refused { code, text } = refusal else { return refusal };
        let known = if self.known { "differs" } else { "may not be compared" };
        let hint = match (self.replaceable, self.known) {
            (true, _) => "; --overwrite replaces it",
            (false, true) => ", and may not be replaced",
            (false, false) => " or replaced",
        };
        Error::Refused { code, text: format!("{text} and {known}{hint}") }
    }
}
