//! Other programs that are run from the shell: `!`, pagers and editors.

use std::ffi::OsStr;
use std::process::{Command, ExitStatus};

use miniftp::text::{Escaped, escape_bytes, system_words};

use crate::failure::{CommandResult, Failure};
use crate::given::GivenArguments;
use crate::screen::Screen;
use crate::words::split;

/// The system's shell where nothing else is said.
const SHELL: &str = "/bin/sh";

/// `! [COMMAND]`: in the user's shell; without a command the shell itself.
pub(crate) fn run(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    screen.finish()?;
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let mut command = Command::new(shell.unwrap_or_else(|| SHELL.into()));
    let words: Vec<&OsStr> = given.words.iter().map(|word| word.text.as_os_str()).collect();
    if !words.is_empty() {
        command.arg("-c").arg(words.join(OsStr::new(" ")));
    }
    let shown = match words.is_empty() {
        true => command.get_program().to_owned(),
        false => words.join(OsStr::new(" ")),
    };
    let shown = escape_bytes(shown.as_encoded_bytes());
    finished(&shown, command.status())
}

/// A program that the user has chosen in a variable of the environment: the first one that says
/// something, its words split as in this program's shell.
pub(crate) fn chosen(variables: &[&str], default: &str) -> Result<Command, Failure> {
    let mut said = variables.iter().filter_map(|name| std::env::var(name).ok());
    let text = said.find(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned());
    let words = split(&text)?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::Said(format!("`{}` names no program", Escaped(&text))));
    };
    let mut command = Command::new(&program.text);
    command.args(arguments.iter().map(|word| &word.text));
    Ok(command)
}

/// What came of a program.
pub(crate) fn finished(shown: &str, done: std::io::Result<ExitStatus>) -> CommandResult {
    let status =
        done.map_err(|e| Failure::Said(format!("`{shown}` cannot be run: {}", system_words(&e))))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Said(format!("`{shown}` ended with status {code}"))),
        None => Err(Failure::Said(format!("`{shown}` was ended by a signal"))),
    }
}
