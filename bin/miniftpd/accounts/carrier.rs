//! Where the line of an admin command goes: to the server that has the home, through its socket, or
//! to the files where none can be reached.

use std::path::Path;
use std::sync::Arc;

use miniftp::accounts::StoreError;
use miniftp::admin::commands::AdminNeeds;
use miniftp::admin::grammar::Call;
use miniftp::admin::{Attachment, Files};
use miniftp::answer::Answer;
use miniftp::audit::LogTargets;
use miniftp::config::Config;
use miniftp::error::Error;
use miniftp::protocols::local;
use miniftp::vfs;
use miniftp::wire::Code;

/// Who does it.
pub(super) enum Carrier<'a> {
    /// The server that has this home.
    Server(&'a Path),
    /// This program.
    Files(Box<Files>),
}

impl<'a> Carrier<'a> {
    /// Finds it. What works with files of this machine is done here, by whoever runs this program:
    /// the server may not be allowed to read them.
    pub(super) fn find(
        (conf, home): (&'a Path, &'a Path),
        call: &Call,
        config: &Arc<Config>,
        log: &LogTargets,
    ) -> Result<Carrier<'a>, StoreError> {
        if call.command.needs != AdminNeeds::Machine && vfs::connect(home).is_ok() {
            return Ok(Carrier::Server(home));
        }
        let files = Files::open((conf, home), Arc::clone(config), log.clone())?;
        Ok(Carrier::Files(Box::new(files)))
    }

    /// Has a line done.
    pub(super) fn run(&self, line: &str, record: &str) -> Result<Answer, StoreError> {
        let given = Attachment { record, is_sure: true };
        let home = match self {
            Carrier::Files(files) => return files.desk(given).run(line, &mut |_, _| Ok(())),
            Carrier::Server(home) => home,
        };
        let lost = |e: String| {
            StoreError::Refused(format!(
                "the running server does not answer, and it is not known what it did: {e}; it \
                 answers the owner of the home and root"
            ))
        };
        let stream = vfs::connect(home).map_err(|e| {
            let what = "the running server has just ended, and nothing was done; try again";
            StoreError::Refused(format!("{what}: {e}"))
        })?;
        let asked = local::ask(stream, line, given).map_err(|e| lost(e.in_full()))?;
        asked.map_err(|(code, text)| match Code::of(code) {
            Some(Code::NeedPassword) => Error::NeedPassword { name: text }.into(),
            Some(Code::Misused) => Error::Misused(text).into(),
            _ => StoreError::Refused(text),
        })
    }

    /// What the operator has to know beside the answer.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Carrier::Server(_) => Vec::new(),
            Carrier::Files(files) => files.warnings(),
        }
    }
}
