//! `miniftpd account ...`: admin commands for whoever is on the server's machine, with a running
//! server or without.
//!
//! Never: takes a password as an argument.

mod carrier;
pub(crate) mod password;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use miniftp::accounts::StoreError;
use miniftp::admin::commands::AdminNeeds;
use miniftp::admin::grammar::{self, Call};
use miniftp::admin::{error_for_operator, help};
use miniftp::answer::Answer;
use miniftp::audit::LogTargets;
use miniftp::config::Config;
use miniftp::error::Error;
use miniftp::scram::{Verifier, check_password_form};

use self::carrier::Carrier;

/// The exit code of a line that is not of the grammar.
const MISUSED: u8 = 2;
/// The exit code of a report of which a part was not done.
const NOT_ALL: u8 = 3;

/// What is printed, and the exit code.
pub(crate) type FailureText = (String, u8);

/// Does what `words`, those after `account`, ask for. What changed something is noted in the
/// server's log.
pub(crate) fn run(asked: &Asked<'_>, words: &[String]) -> ExitCode {
    let line = match words.first().map(String::as_str) {
        Some("--help" | "-h") => "help".to_owned(),
        _ => words.join(" "),
    };
    match asked.work(&line) {
        Ok((mut answer, is_json)) => {
            let (is_done, json) = (answer.is_done(), answer.json());
            let undone = answer.take_undone();
            let lines = if is_json { json } else { answer.text() };
            lines.iter().for_each(|line| print(io::stdout(), line));
            undone.iter().for_each(|line| complain(line));
            match (undone.is_empty(), is_done) {
                (true, _) => ExitCode::SUCCESS,
                (false, true) => ExitCode::from(NOT_ALL),
                (false, false) => ExitCode::FAILURE,
            }
        }
        Err((what, code)) => {
            complain(&what);
            ExitCode::from(code)
        }
    }
}

/// Where lines go.
pub(crate) struct Asked<'a> {
    /// The directories of the settings and of the homes.
    pub(crate) dirs: (&'a Path, &'a Path),
    pub(crate) config: &'a Arc<Config>,
    pub(crate) log: &'a LogTargets,
}

impl Asked<'_> {
    /// What is answered to a line that only reads; or what is wrong, and the exit code.
    pub(crate) fn answer(&self, line: &str) -> Result<Answer, FailureText> {
        self.work(line).map(|(answer, _)| answer)
    }

    fn work(&self, line: &str) -> Result<(Answer, bool), FailureText> {
        let call = grammar::parse(line).map_err(|e| (e.to_string(), MISUSED))?;
        if call.command.needs == AdminNeeds::Nothing {
            let answer = help(&call.arguments, &|_| true);
            let answer = answer.map_err(|e| (error_for_operator(&e), MISUSED))?;
            return Ok((answer, call.is_json));
        }
        let carrier = Carrier::find(self.dirs, &call, self.config, self.log).map_err(failure)?;
        let answer = carry(&carrier, line, &call, self.config);
        carrier.warnings().iter().for_each(|warning| complain(warning));
        Ok((answer?, call.is_json))
    }
}

/// Has a line done, with a password where it needs one.
fn carry(
    carrier: &Carrier<'_>,
    line: &str,
    call: &Call,
    config: &Config,
) -> Result<Answer, FailureText> {
    let done = match carrier.run(line, "") {
        Err(StoreError::Same(Error::NeedPassword { .. })) => {
            let password = password::ask(call.arguments.text("name"))?;
            let unfit = |e: Error| (e.in_full(), 1);
            check_password_form(&password).map_err(unfit)?;
            let record = Verifier::derive(&password, config.accounts.iterations).map_err(unfit)?;
            carrier.run(line, &record.to_string())
        }
        done => done,
    };
    done.map_err(failure)
}

fn failure(error: StoreError) -> FailureText {
    match error {
        StoreError::Same(Error::Misused(what)) => (what, MISUSED),
        error => (error_for_operator(&error), 1),
    }
}

pub(crate) fn complain(what: &str) {
    print(io::stderr(), &format!("miniftpd: {what}"));
}

/// Whoever reads may have gone; what was done is done all the same.
fn print(mut to: impl io::Write, line: &str) {
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}
