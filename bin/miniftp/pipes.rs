//! `put -` and `get -`: standard input and output as files.

use std::io::BufReader;
use std::sync::Arc;

use miniftp::client::TransferOutcome;
use miniftp::text::Escaped;

use crate::content::sent;
use crate::failure::{CommandResult, Failure};
use crate::given::{Flag, GivenArguments};
use crate::places;
use crate::results::Results;
use crate::screen::each;
use crate::script::Script;
use crate::session::ShellSession;
use crate::transfer::Moving;
use crate::words::ShellWord;

/// Whether a word stands for standard input or output.
pub(crate) fn is_pipe(word: &ShellWord) -> bool {
    word.text == "-" && !word.quoted
}

/// `put - REMOTE`. What comes is kept in a file without a name until its end, so that it can be
/// compared with a part, and sent again after the line broke.
pub(crate) fn put(
    session: &mut ShellSession,
    given: &GivenArguments,
    target: Option<&ShellWord>,
) -> CommandResult {
    if session.line.command.is_empty() {
        return Err(Failure::Usage(
            "commands come from standard input here; `put -` works as `miniftp put - REMOTE`"
                .into(),
        ));
    }
    let Some(target) = target else {
        return Err(Failure::Usage("say what it is called there: `put - REMOTE`".into()));
    };
    let remote = target.remote()?;
    if places::is_directory(&mut session.client, remote)? {
        return Err(Failure::Said(format!(
            "`{}` is a folder, and what comes from standard input has no name of its own",
            Escaped(remote)
        )));
    }
    let interrupt = Arc::clone(&session.screen.interrupt);
    let mut input = BufReader::new(Script { interrupt });
    Moving::new("put", session, given).each(
        &[remote],
        |remote| Escaped(remote).to_string(),
        |Moving { client, display, policy, .. }, remote| {
            let done = client.put_from(&mut input, remote, policy, display.progress());
            let screen = display.screen();
            match done {
                Ok(TransferOutcome::Skipped) if screen.manner.json => Ok(()),
                Ok(TransferOutcome::Skipped) => {
                    screen.print(&format!("put {}: left alone", Escaped(remote)));
                    Ok(())
                }
                Ok(_) => Ok(()),
                Err(_) if screen.is_interrupted() => {
                    let why = "stopped; what standard input has given cannot be read again";
                    Err(Failure::Stopped(why.into()))
                }
                Err(error) => Err(error.into()),
            }
        },
    )
}

/// `get REMOTE... -`: one after the other, as `cat` does.
pub(crate) fn get(
    session: &mut ShellSession,
    given: &GivenArguments,
    sources: &[String],
) -> CommandResult {
    if given.has(Flag::Recursive) {
        return Err(Failure::Usage("a folder cannot be fetched to standard output".into()));
    }
    if session.screen.manner.json {
        return Err(Failure::Usage("--json needs standard output for itself".into()));
    }
    if session.screen.out_is_terminal {
        // What is shown there is the file and nothing else.
        session.screen.manner.detail = crate::bar::Detail::Quiet;
    }
    session.screen.finish()?;
    let mut out = Results::new(Arc::clone(&session.screen.interrupt));
    let mut moving = Moving::new("get", session, given);
    each(&mut moving, sources, |moving, source| {
        sent(moving.client.get_to(source, &mut out, moving.display.progress()))
    })
}
