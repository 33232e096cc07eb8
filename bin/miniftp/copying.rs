//! `cp`: copies on the server, of which nothing travels.

use std::ops::ControlFlow;

use miniftp::client::{ExistsChoice, ListedKind, RemoteEntry};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::failure::{CommandResult, EXIT_FAILED, Failure};
use crate::files::{remote_paths, remote_target};
use crate::given::{Flag, GivenArguments};
use crate::listing;
use crate::places::{self, Operands};
use crate::screen::each;
use crate::session::ShellSession;

/// `cp [-r] [-f] FROM... TO`.
pub(crate) fn cp(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let operands = Operands::of(&given.words);
    for word in &given.words {
        let text = word.text.to_string_lossy();
        let (start, _) = text.split_once('/').unwrap_or((&text, ""));
        if let Some((server, path)) = start.split_once(':').filter(|(user, _)| user.contains('@')) {
            let path = format!("{path}{}", &text[start.len()..]);
            return Err(Failure::Usage(format!(
                "a path of a server is a URL here: miniftp://{}/{}",
                Escaped(server),
                Escaped(path.trim_start_matches('/'))
            )));
        }
    }
    let Some(target) = operands.target else { return Ok(()) };
    let target = &remote_target(session, target)?;
    let sources = remote_paths(session, operands.sources)?;
    if sources.len() > 1 {
        places::check_takes_several(&mut session.client, target)?;
    }
    let exists = if given.has(Flag::Force) || given.has(Flag::Overwrite) {
        ExistsChoice::Replace
    } else if given.has(Flag::Skip) {
        ExistsChoice::Skip
    } else {
        ExistsChoice::Refuse
    };
    each(session, &sources, |session, from| {
        let kind = session.client.stat(from)?.kind;
        let name = places::last_name(from);
        let to = places::remote_file(&mut session.client, target, name)?;
        match kind {
            ListedKind::Directory if !given.has(Flag::Recursive) => Err(Failure::Said(format!(
                "`{}` is a folder; say `cp -r` to copy it with all it holds",
                Escaped(from)
            ))),
            ListedKind::Directory => copy_tree(session, from, &to, exists),
            _ => copy_file(session, from, &to, exists),
        }
    })
}

fn copy_file(
    session: &mut ShellSession,
    from: &str,
    to: &str,
    exists: ExistsChoice,
) -> CommandResult {
    match session.client.cp(from, to, exists == ExistsChoice::Replace) {
        Err(error) if error.is_refusal(Code::Exists) => match exists {
            ExistsChoice::Replace => Err(error.into()),
            ExistsChoice::Skip => {
                let why = "left alone, because something of that name is there";
                session.screen.print(&format!("cp {}: {why}", Escaped(from)));
                Ok(())
            }
            _ => Err(Failure::Said(format!("{error}; `cp -f` replaces it"))),
        },
        done => Ok(done?),
    }
}

/// Copies a folder: what fails in it is reported and does not stop the rest.
fn copy_tree(
    session: &mut ShellSession,
    from: &str,
    to: &str,
    exists: ExistsChoice,
) -> CommandResult {
    let cwd = session.client.cwd().to_owned();
    let (whole, goal) = (places::whole(&cwd, from), places::whole(&cwd, to));
    if goal == whole || goal.starts_with(&format!("{}/", whole.trim_end_matches('/'))) {
        return Err(Failure::Said(format!("`{}` cannot be copied into itself", Escaped(from))));
    }
    let mut failed = false;
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        let mut entries = Vec::new();
        session.client.ls(&from, &mut |entry: RemoteEntry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        match session.client.mkdir(&to, false) {
            Err(error) if error.is_refusal(Code::Exists) => {}
            made => made?,
        }
        for entry in entries {
            let shown = format!("{}/{}", Escaped(&from), listing::name(&entry));
            let name = &entry.name;
            match entry.kind {
                _ if entry.is_odd() => session.screen.leave_out(&shown),
                ListedKind::File => {
                    let (from, to) = (format!("{from}/{name}"), format!("{to}/{name}"));
                    match copy_file(session, &from, &to, exists) {
                        Err(failure) if failure.is_about_one() => {
                            session.screen.report(&failure);
                            failed = true;
                        }
                        done => done?,
                    }
                }
                ListedKind::Directory => {
                    waiting.push((format!("{from}/{name}"), format!("{to}/{name}")));
                }
                ListedKind::Link => session.screen.complain(&format!("{shown}: a link; left out")),
                ListedKind::Other(_) => session
                    .screen
                    .complain(&format!("{shown}: neither a file nor a folder; left out")),
            }
        }
    }
    if failed { Err(Failure::Reported(EXIT_FAILED)) } else { Ok(()) }
}
