//! Where the line of an admin command goes: to the server that has the home, through its socket, or
//! to the files where none can be reached.

use std::path::Path;
use std::sync::Arc;

use miniftp::accounts::StoreError;
use miniftp::admin::commands::Needs;
use miniftp::admin::grammar::Call;
use miniftp::admin::{Files, Given, told_to_operator};
use miniftp::answer::Answer;
use miniftp::audit::Places;
use miniftp::config::Config;
use miniftp::doors::local;
use miniftp::error::Error;
use miniftp::vfs;
use miniftp::wire::Code;

/// Why a line was not done.
pub(super) enum Refused {
    /// It is to come again with the record of a password.
    NeedPassword,
    /// It is not of the grammar.
    Misused(String),
    /// It could not be done.
    Failed(String),
}

/// Who does it.
pub(super) enum Carrier<'a> {
    Server(&'a Path),
    Files(Box<Files>),
}

impl<'a> Carrier<'a> {
    /// Finds it. What works with files of this machine is done here, by whoever runs this program:
    /// the server may not be allowed to read them.
    pub(super) fn find(
        (conf, home): (&'a Path, &'a Path),
        call: &Call,
        config: &Arc<Config>,
        log: &Places,
    ) -> Result<Carrier<'a>, Refused> {
        if call.command.needs != Needs::Machine && vfs::connect(home).is_ok() {
            return Ok(Carrier::Server(home));
        }
        let files = Files::open((conf, home), Arc::clone(config), log.clone());
        let files = files.map_err(|e| Refused::Failed(told_to_operator(&e)))?;
        Ok(Carrier::Files(Box::new(files)))
    }

    /// Has a line done.
    pub(super) fn run(&self, line: &str, record: &str) -> Result<Answer, Refused> {
        let given = Given { record, is_sure: true };
        match self {
            Carrier::Files(files) => {
                files.desk(given).run(line, &mut |_, _| Ok(())).map_err(|e| match e {
                    StoreError::Same(Error::NeedPassword { .. }) => Refused::NeedPassword,
                    StoreError::Same(Error::Misused(what)) => Refused::Misused(what),
                    e => Refused::Failed(told_to_operator(&e)),
                })
            }
            Carrier::Server(home) => {
                let lost = |e: String| Refused::Failed(format!("the running server: {e}"));
                let stream = vfs::connect(home).map_err(|e| lost(e.to_string()))?;
                let asked = local::ask(stream, line, given).map_err(|e| lost(e.in_full()))?;
                asked.map_err(|(code, text)| match Code::of(code) {
                    Some(Code::NeedPassword) => Refused::NeedPassword,
                    Some(Code::Misused) => Refused::Misused(text),
                    _ => Refused::Failed(text),
                })
            }
        }
    }

    /// What the operator has to know beside the answer.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Carrier::Server(_) => Vec::new(),
            Carrier::Files(files) => files.warnings(),
        }
    }
}
