//! The shell of a person and the batch of a script: lines in, commands out.
//!
//! Invariant: nothing that is typed at a password prompt gets here, so the history holds none.

use std::io::BufRead;
use std::sync::atomic::Ordering;

use miniftp::text::Escaped;
use rustyline::error::{ReadlineError, Signal};
use rustyline::history::MemHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::commands::{parse, run, take_urls};
use crate::complete::Assistant;
use crate::failure::{CommandResult, EXIT_FAILED, Failure};
use crate::history::{self, History};
use crate::row::{Run, ShellCommand};
use crate::session::ShellSession;
use crate::tilde;
use crate::words::split;

/// Whether more lines are wanted.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Go,
    Leave,
}

/// Reads commands from a person until they leave.
pub(crate) fn interactive(session: &mut ShellSession) -> CommandResult {
    session.screen.terminal();
    let config = Config::builder()
        .max_history_size(history::LINES)
        .and_then(|b| b.history_ignore_dups(true))
        .map(|b| b.history_ignore_space(true).completion_type(CompletionType::List).build())
        .map_err(no_lines)?;
    let memory = MemHistory::with_config(&config);
    let mut editor =
        Editor::<Assistant<'_>, MemHistory>::with_history(config, memory).map_err(no_lines)?;
    let kept = History::of_user();
    for line in kept.lines() {
        editor.add_history_entry(line).ok();
    }
    editor.set_helper(Some(Assistant::new(session)));
    loop {
        let prompt = editor.helper().map(prompt).unwrap_or_default();
        match editor.readline(&prompt) {
            Ok(line) => {
                if editor.add_history_entry(line.as_str()).unwrap_or(false) {
                    kept.add(&line);
                }
                let Some(assistant) = editor.helper() else { break };
                let session = &mut **assistant.session.borrow_mut();
                // As in a script; here a command that fails ends nothing in either case.
                let line = line.trim_start();
                if line.starts_with('#') {
                    continue;
                }
                match run_line(session, line.strip_prefix('-').unwrap_or(line)) {
                    Ok((Flow::Go, command)) => {
                        command.inspect(|command| assistant.forget_after(command));
                    }
                    Ok((Flow::Leave, _)) => break,
                    Err(Failure::Pipe) => return Err(Failure::Pipe),
                    Err(failure) => {
                        assistant.forget();
                        session.screen.report(&failure);
                    }
                }
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(no_lines(error)),
        }
    }
    Ok(())
}

fn prompt(assistant: &Assistant<'_>) -> String {
    let session = assistant.session.borrow();
    match session.client.account() {
        Some(name) => format!("{}:{}> ", Escaped(name), Escaped(session.client.cwd())),
        None => "miniftp> ".to_owned(),
    }
}

/// Carries out the lines of a script; ends at the first that fails, unless it begins with `-`.
pub(crate) fn batch(session: &mut ShellSession, lines: &mut dyn BufRead) -> CommandResult {
    let mut raw = Vec::new();
    for number in 1_u64.. {
        raw.clear();
        let read = lines.read_until(b'\n', &mut raw);
        // Neither is done what was asked for before Ctrl-C and had no turn yet.
        if session.screen.is_interrupted() {
            return Err(Failure::stopped());
        }
        let count = read.map_err(|error| {
            Failure::Said(format!("cannot read line {number} of standard input: {error}"))
        })?;
        if count == 0 {
            break;
        }
        let line = text_of(&raw)
            .map_err(|what| Failure::Said(format!("line {number} of standard input is {what}")))?;
        if line.starts_with('#') {
            continue;
        }
        let (line, may_fail) = match line.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        match run_line(session, line) {
            Ok((Flow::Go, _)) => {}
            Ok((Flow::Leave, _)) => break,
            Err(Failure::Pipe) => return unread(session, lines, number),
            Err(failure @ Failure::Stopped(_)) => return Err(failure),
            Err(failure) => {
                let code = failure.exit_code();
                let code = if matches!(failure, Failure::Usage(_)) { EXIT_FAILED } else { code };
                session.screen.report(&failure);
                if !may_fail || failure.is_lost() {
                    session
                        .screen
                        .complain(&format!("stopped at line {number}: {}", Escaped(line)));
                    return Err(Failure::Reported(code));
                }
            }
        }
    }
    Ok(())
}

/// Nobody reads the results of line `number` any more. That is an end like any other, unless
/// something remains to be done.
fn unread(session: &mut ShellSession, lines: &mut dyn BufRead, number: u64) -> CommandResult {
    for line in lines.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim().to_owned();
        let words = split(line.trim_start_matches('-'));
        match words.and_then(parse) {
            _ if line.starts_with('#') => {}
            Ok(None) => {}
            Ok(Some((command, _))) if matches!(command.run, Run::Leave) => break,
            _ => {
                session.screen.complain(&format!(
                    "standard output is gone since line {number}; what follows it was not done"
                ));
                return Err(Failure::Reported(EXIT_FAILED));
            }
        }
    }
    Err(Failure::Pipe)
}

/// A line of a script without what editors of other systems put around it.
fn text_of(raw: &[u8]) -> Result<&str, &'static str> {
    // The same mark in two other encodings, of which ASCII would be half zeros.
    if raw.starts_with(b"\xff\xfe") || raw.starts_with(b"\xfe\xff") {
        return Err("UTF-16; save it as UTF-8");
    }
    let line = std::str::from_utf8(raw).map_err(|_| "not UTF-8")?;
    Ok(line.trim_start_matches('\u{feff}').trim())
}

/// Carries out a line, and tells which command it was.
fn run_line(
    session: &mut ShellSession,
    line: &str,
) -> Result<(Flow, Option<&'static ShellCommand>), Failure> {
    let Some((command, mut given)) = parse(split(line)?)? else { return Ok((Flow::Go, None)) };
    tilde::expand(command, &mut given);
    if let Some(address) = take_urls(command, &mut given)? {
        session.check_address(&address)?;
    }
    if matches!(command.run, Run::Leave) {
        return Ok((Flow::Leave, Some(command)));
    }
    // A Ctrl-C that came between two commands was not meant for the next one.
    if session.is_shell {
        session.screen.interrupt.store(false, Ordering::Relaxed);
    }
    let done = run(session, command, &given);
    session.screen.finish()?;
    done.map(|()| (Flow::Go, Some(command)))
}

fn no_lines(error: ReadlineError) -> Failure {
    Failure::Said(format!("cannot read from the terminal: {error}"))
}
