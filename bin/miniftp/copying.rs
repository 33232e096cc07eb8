//! `cp`: copies on the server, of which nothing travels.

use std::ops::ControlFlow;

use miniftp::client::{ExistsChoice, ListedKind, RemoteEntry, TransferOutcome};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::failure::{CommandResult, EXIT_FAILED, Failure};
use crate::files::{remote_paths, remote_target};
use crate::given::{Flag, GivenArguments};
use crate::listing;
use crate::places::{self, Operands};
use crate::screen::each;
use crate::session::ShellSession;
use crate::transfer::Moving;

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
    let mut moving = Moving::new("cp", session, given);
    each(&mut moving, &sources, |moving, from| {
        let done = copy(moving, from, target, exists, given.has(Flag::Recursive));
        match &done {
            Err(Failure::Reported(_)) | Ok(()) => {}
            Err(failure) => moving.display.file_failed(&Escaped(from).to_string(), failure),
        }
        done
    })
}

/// Copies a source to where it goes.
fn copy(
    moving: &mut Moving<'_>,
    from: &str,
    target: &str,
    exists: ExistsChoice,
    is_recursive: bool,
) -> CommandResult {
    let entry = moving.client.stat(from)?;
    let to = places::remote_file(moving.client, target, places::last_name(from))?;
    match entry.kind {
        ListedKind::Directory if !is_recursive => Err(Failure::Said(format!(
            "`{}` is a folder; say `cp -r` to copy it with all it holds",
            Escaped(from)
        ))),
        ListedKind::Directory => copy_tree(moving, from, &to, exists),
        _ => copy_file(moving, from, (&to, entry.size), exists),
    }
}

fn copy_file(
    moving: &mut Moving<'_>,
    from: &str,
    (to, size): (&str, u64),
    exists: ExistsChoice,
) -> CommandResult {
    let Moving { client, display, .. } = moving;
    let progress = display.progress();
    progress.about(None, to);
    match client.cp(from, to, exists == ExistsChoice::Replace) {
        Err(error) if error.is_refusal(Code::Exists) && exists == ExistsChoice::Skip => {
            progress.end(&Ok(TransferOutcome::Skipped));
            let screen = display.screen();
            if !screen.manner.json {
                let why = "left alone, because something of that name is there";
                screen.print(&format!("cp {}: {why}", Escaped(from)));
            }
            Ok(())
        }
        Err(error) => {
            progress.end(&Err(&error));
            match error.is_refusal(Code::Exists) && exists != ExistsChoice::Replace {
                true => Err(Failure::Said(format!("{error}; `cp -f` replaces it"))),
                false => Err(error.into()),
            }
        }
        Ok(()) => {
            progress.end(&Ok(TransferOutcome::Stored { sent_bytes: 0, size }));
            Ok(())
        }
    }
}

/// Copies a folder: what fails in it is reported and does not stop the rest.
fn copy_tree(moving: &mut Moving<'_>, from: &str, to: &str, exists: ExistsChoice) -> CommandResult {
    let cwd = moving.client.cwd().to_owned();
    let (whole, goal) = (places::whole(&cwd, from), places::whole(&cwd, to));
    if goal == whole || goal.starts_with(&format!("{}/", whole.trim_end_matches('/'))) {
        return Err(Failure::Said(format!("`{}` cannot be copied into itself", Escaped(from))));
    }
    let mut failed = false;
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        let mut entries = Vec::new();
        moving.client.ls(&from, &mut |entry: RemoteEntry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        match moving.client.mkdir(&to, false) {
            Err(error) if error.is_refusal(Code::Exists) => {}
            made => made?,
        }
        for entry in entries {
            let shown = format!("{}/{}", Escaped(&from), listing::name(&entry));
            let name = &entry.name;
            let left_out = match entry.kind {
                _ if entry.is_odd() => {
                    let why = "this name cannot be written as a path";
                    moving.display.file_failed(&shown, &Failure::Said(why.into()));
                    moving.display.screen().leave_out(&shown);
                    continue;
                }
                ListedKind::File => {
                    let (from, to) = (format!("{from}/{name}"), format!("{to}/{name}"));
                    match copy_file(moving, &from, (&to, entry.size), exists) {
                        Err(failure) if failure.is_about_one() => {
                            moving.display.screen().report(&failure);
                            moving.display.file_failed(&shown, &failure);
                            failed = true;
                        }
                        done => done?,
                    }
                    continue;
                }
                ListedKind::Directory => {
                    waiting.push((format!("{from}/{name}"), format!("{to}/{name}")));
                    continue;
                }
                ListedKind::Link => "a link",
                ListedKind::Other(_) => "neither a file nor a folder",
            };
            moving.display.progress().left_out(&shown, left_out);
        }
    }
    if failed { Err(Failure::Reported(EXIT_FAILED)) } else { Ok(()) }
}
