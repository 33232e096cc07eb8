//! `put` and `get`: what is transferred, what is asked on the way, and what came of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use miniftp::client::{
    Client, Error, ExistsChoice, ListedKind, PartChoice, Policy, TransferOutcome, TreeReport,
};
use miniftp::text::{Escaped, escape_bytes};
use miniftp::wire::Code;

use crate::bar::Bar;
use crate::failure::{CommandResult, EXIT_FAILED, Failure, cannot, shown};
use crate::figures::tree_summary;
use crate::files::remote_paths;
use crate::given::{Flag, GivenArguments};
use crate::glob::{Each, NameInDir};
use crate::places::{self, Operands};
use crate::screen::{Screen, each};
use crate::session::ShellSession;
use crate::words::ShellWord;

/// `put [-r] LOCAL... [REMOTE]`.
pub(crate) fn put(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let operands = Operands::of(&given.words);
    let sources = local_paths(operands.sources, &mut session.screen)?;
    let target = operands.target.map(ShellWord::remote).transpose()?;
    if let (Some(target), true) = (target, sources.len() > 1) {
        if !places::is_directory(&mut session.client, target)? {
            return Err(Failure::Said(format!(
                "`{0}` is not a folder on the server, and several files need one; \
                 make it with `mkdir {0}`, or end with `.` to put them all here",
                Escaped(target)
            )));
        }
    }
    let policy = policy(given, &session.screen);
    each(session, &sources, |session, source| {
        let meta = fs::metadata(source).map_err(|e| cannot("read it", source, &e))?;
        let name = places::own_name(source);
        let is_tree = meta.is_dir() && given.has(Flag::Recursive);
        let remote = match (target, name) {
            (None, name) => name?,
            (Some(target), name) if is_tree => operands.remote_tree(target, name.ok().as_deref()),
            (Some(target), name) => {
                places::remote_file(&mut session.client, target, name.ok().as_deref())?
            }
        };
        let ShellSession { client, screen, .. } = session;
        if !meta.is_dir() {
            let done = client.put(source, &remote, &policy, &mut Bar::new("put", screen));
            if !meta.is_file() && matches!(done, Err(Error::Interrupted)) {
                let why = "stopped; what a pipe or device has given cannot be read again";
                return Err(Failure::Stopped(why.into()));
            }
            return finish(done, "put", &shown(source), client, screen);
        }
        if !is_tree {
            return Err(Failure::Said(format!(
                "`{0}` is a folder; say `put -r` to send it with all it holds",
                shown(source)
            )));
        }
        let began = Instant::now();
        let report = client
            .put_tree(source, &remote, &policy, &mut Bar::tree("put", screen))
            .map_err(|e| advised(e, "put", client))?;
        report_tree("put", &shown(source), &report, began, screen)
    })
}

/// `get [-r] REMOTE... [LOCAL]`.
pub(crate) fn get(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let operands = Operands::of(&given.words);
    let sources = remote_paths(session, operands.sources)?;
    let target = operands.target.map(|word| PathBuf::from(&word.text));
    if let (Some(target), true) = (&target, sources.len() > 1) {
        if !target.as_os_str().is_empty() && !target.is_dir() {
            return Err(Failure::Said(format!(
                "`{}` is not a folder on this machine, and several files need one; \
                 make it, or end with `.` to get them all here",
                shown(target)
            )));
        }
    }
    let policy = policy(given, &session.screen);
    each(session, &sources, |ShellSession { client, screen, .. }, source| {
        let recursive = given.has(Flag::Recursive);
        if recursive && client.stat(source)?.kind == ListedKind::Directory {
            let local = operands.local_tree(client.cwd(), target.as_deref(), source)?;
            let began = Instant::now();
            let report = client
                .get_tree(source, &local, &policy, &mut Bar::tree("get", screen))
                .map_err(|e| advised(e, "get", client))?;
            return report_tree("get", &Escaped(source).to_string(), &report, began, screen);
        }
        let local = places::local_file(client.cwd(), target.as_deref(), source)?;
        let done = client.get(source, &local, &policy, &mut Bar::new("get", screen));
        match done {
            Err(error) if !recursive && error.is_refusal(Code::IsDirectory) => {
                Err(Failure::Said(format!(
                    "`{0}` is a folder; say `get -r` to fetch it with all it holds",
                    Escaped(source)
                )))
            }
            done => finish(done, "get", &Escaped(source).to_string(), client, screen),
        }
    })
}

/// What the options, or the lack of them, mean here.
fn policy(given: &GivenArguments, screen: &Screen) -> Policy {
    let exists = if given.has(Flag::Overwrite) {
        ExistsChoice::Replace
    } else if given.has(Flag::Skip) {
        ExistsChoice::Skip
    } else if screen.can_ask {
        ExistsChoice::Ask
    } else {
        ExistsChoice::Refuse
    };
    let decided = given.has(Flag::Resume) || given.has(Flag::Overwrite) || given.has(Flag::Skip);
    let part = if decided || !screen.can_ask { PartChoice::Continue } else { PartChoice::Ask };
    Policy { part, exists, no_mode: given.has(Flag::NoMode) }
}

/// Tells what the library tells nobody, and what the user can do after stopping it.
fn finish(
    done: Result<TransferOutcome, Error>,
    verb: &str,
    name: &str,
    client: &Client,
    screen: &mut Screen,
) -> CommandResult {
    match done {
        Ok(TransferOutcome::Skipped) if screen.interrupt.load(Ordering::Relaxed) => {
            Err(Failure::Stopped("stopped; nothing was changed".into()))
        }
        Ok(TransferOutcome::Skipped) => {
            // Who was asked knows why.
            let why = if screen.can_ask { "" } else { ", because something of that name is there" };
            screen.print(&format!("{verb} {name}: left alone{why}"));
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(advised(error, verb, client)),
    }
}

fn advised(error: Error, verb: &str, client: &Client) -> Failure {
    match error {
        Error::Interrupted if verb == "put" && client.is_guest() => Failure::Stopped(
            "stopped; nothing is kept of what an anonymous user has not finished".into(),
        ),
        Error::Interrupted => {
            Failure::Stopped("stopped; the same command resumes from there".into())
        }
        error => error.into(),
    }
}

/// Operands as paths on this machine, wildcards expanded.
fn local_paths(words: &[ShellWord], screen: &mut Screen) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for word in words {
        let Some(pattern) = &word.pattern else {
            paths.push(PathBuf::from(&word.text));
            continue;
        };
        let found = pattern.expand(&mut local_listed)?;
        let found = found.named(&word.text.to_string_lossy(), screen)?;
        paths.extend(found.into_iter().map(PathBuf::from));
    }
    Ok(paths)
}

fn local_listed(directory: &str, each: &mut Each<'_>) -> CommandResult {
    let path = Path::new(if directory.is_empty() { "." } else { directory });
    let entries = fs::read_dir(path).map_err(|e| cannot("list it", path, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| cannot("list it", path, &e))?;
        let (name, is_directory) = (entry.file_name(), entry.path().is_dir());
        // A name that is not UTF-8 could not be sent under it.
        let (name, is_odd) = match name.to_str() {
            Some(name) => (name.to_owned(), false),
            None => (escape_bytes(name.as_encoded_bytes()), true),
        };
        each(NameInDir { name: &name, is_directory, is_odd })?;
    }
    Ok(())
}

/// Sums up a tree. Each failure in it was reported when it happened.
fn report_tree(
    verb: &str,
    name: &str,
    report: &TreeReport,
    began: Instant,
    screen: &mut Screen,
) -> CommandResult {
    if screen.progress || report.failed > 0 || report.skipped > 0 {
        screen.print(&tree_summary(verb, name, report, began.elapsed()));
    }
    screen.out.flush()?;
    if report.failed > 0 { Err(Failure::Reported(EXIT_FAILED)) } else { Ok(()) }
}
