//! `put` and `get`: which file goes where, and what is asked on the way.
//!
//! Targets are as in `cp`: a folder takes the source under its own last name, several sources need
//! a folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use miniftp::client::{
    Client, Error, ExistsChoice, Kind, Outcome, PartChoice, Policy, TreeReport, local_name,
};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::bar::Bar;
use crate::commands::{Flag, Given};
use crate::failure::{Done, EXIT_FAILED, Failure, each};
use crate::figures::tree_summary;
use crate::files::remote_paths;
use crate::glob::{Each, Pattern};
use crate::here::{cannot, shown};
use crate::screen::Screen;
use crate::session::Session;
use crate::words::{Word, remote_name};

/// `put [-r] LOCAL... [REMOTE]`.
pub(crate) fn put(session: &mut Session, given: &Given) -> Done {
    let (sources, target) = split_target(&given.words);
    let sources = local_paths(sources)?;
    let target = target.map(Word::remote).transpose()?;
    if let (Some(target), true) = (target, sources.len() > 1) {
        if !is_folder(&mut session.client, target)? {
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
        let remote = match target {
            None => own_name(source)?,
            Some(target) => match own_name(source) {
                Ok(name) => remote_target(&mut session.client, target, &name)?,
                Err(_) => target.to_string(),
            },
        };
        let Session { client, screen, .. } = session;
        if !meta.is_dir() {
            let done = client.put(source, &remote, &policy, &mut Bar::new("put", screen));
            return finish(done, "put", &shown(source), screen);
        }
        if !given.has(Flag::Recursive) {
            return Err(Failure::Said(format!(
                "`{0}` is a folder; say `put -r` to send it with all it holds",
                shown(source)
            )));
        }
        let began = Instant::now();
        let report = client
            .put_tree(source, &remote, &policy, &mut Bar::tree("put", screen))
            .map_err(|e| advised(e, "put"))?;
        tell_tree("put", &shown(source), &report, began, screen)
    })
}

/// `get [-r] REMOTE... [LOCAL]`.
pub(crate) fn get(session: &mut Session, given: &Given) -> Done {
    let (sources, target) = split_target(&given.words);
    let sources = remote_paths(session, sources)?;
    let target = target.map(|word| PathBuf::from(&word.text));
    if let (Some(target), true) = (&target, sources.len() > 1) {
        if !target.is_dir() {
            return Err(Failure::Said(format!(
                "`{}` is not a folder on this machine, and several files need one; \
                 make it, or end with `.` to get them all here",
                shown(target)
            )));
        }
    }
    let policy = policy(given, &session.screen);
    each(session, &sources, |Session { client, screen, .. }, source| {
        let local = local_target(client.cwd(), target.as_deref(), source)?;
        let recursive = given.has(Flag::Recursive);
        if recursive && client.stat(source)?.kind == Kind::Folder {
            let began = Instant::now();
            let report = client
                .get_tree(source, &local, &policy, &mut Bar::tree("get", screen))
                .map_err(|e| advised(e, "get"))?;
            return tell_tree("get", &Escaped(source).to_string(), &report, began, screen);
        }
        let done = client.get(source, &local, &policy, &mut Bar::new("get", screen));
        match done {
            Err(error) if !recursive && error.is_refusal(Code::IsDirectory) => {
                Err(Failure::Said(format!(
                    "`{0}` is a folder; say `get -r` to fetch it with all it holds",
                    Escaped(source)
                )))
            }
            done => finish(done, "get", &Escaped(source).to_string(), screen),
        }
    })
}

/// With one operand it is the source; with more the last one is the target.
fn split_target(words: &[Word]) -> (&[Word], Option<&Word>) {
    match words.split_last() {
        Some((target, sources)) if !sources.is_empty() => (sources, Some(target)),
        _ => (words, None),
    }
}

/// What the options, or the lack of them, mean here.
fn policy(given: &Given, screen: &Screen) -> Policy {
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
    Policy { part, exists }
}

/// Tells what the library tells nobody, and what the user can do after stopping it.
fn finish(done: Result<Outcome, Error>, verb: &str, name: &str, screen: &mut Screen) -> Done {
    match done {
        Ok(Outcome::Skipped) if screen.interrupt.load(Ordering::Relaxed) => {
            Err(Failure::Stopped("stopped; nothing was changed".into()))
        }
        Ok(Outcome::Skipped) if screen.progress => {
            screen.say(&format!("{verb} {name}: left alone"));
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(advised(error, verb)),
    }
}

fn advised(error: Error, verb: &str) -> Failure {
    match error {
        Error::Interrupted => {
            Failure::Stopped(format!("stopped; the part stays and the next {verb} goes on"))
        }
        error => error.into(),
    }
}

/// Whether a path is a folder on the server. What is not there is none; what may not be looked at
/// is taken for the file that is meant, as in a drop box, and the server says if it is a folder.
fn is_folder(client: &mut Client, path: &str) -> Result<bool, Failure> {
    if path.ends_with('/') {
        return Ok(true);
    }
    match client.stat(path) {
        Ok(entry) => Ok(entry.kind == Kind::Folder),
        Err(error) if error.is_refusal(Code::NotFound) || error.is_refusal(Code::Denied) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where `source` goes if `target` was said: into it, if that is a folder.
pub(crate) fn remote_target(
    client: &mut Client,
    target: &str,
    source: &str,
) -> Result<String, Failure> {
    match last_name(source) {
        Some(name) if is_folder(client, target)? => Ok(join(target, name)),
        _ => Ok(target.to_string()),
    }
}

/// Where a fetched file goes. Its own name must be one here as well.
fn local_target(cwd: &str, target: Option<&Path>, source: &str) -> Result<PathBuf, Failure> {
    let whole = join(cwd, source);
    let name = last_name(if source.starts_with('/') { source } else { &whole });
    match (target, name) {
        (Some(target), Some(name)) if target.is_dir() => Ok(target.join(local_name(name)?)),
        (Some(target), _) => Ok(target.to_path_buf()),
        (None, Some(name)) => Ok(PathBuf::from(local_name(name)?)),
        (None, None) => Err(Failure::Usage(format!(
            "`{0}` has no name of its own; say where to: `get -r {0} FOLDER`",
            Escaped(source)
        ))),
    }
}

/// The last name of a path on the server, if it ends in one.
fn last_name(path: &str) -> Option<&str> {
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.next_back().filter(|name| *name != "..")
}

fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// The name that a local file has on the server: its last one, wherever it lies.
fn own_name(path: &Path) -> Result<String, Failure> {
    let whole;
    let name = match path.file_name() {
        Some(name) => name,
        None => {
            whole = path.canonicalize().map_err(|e| cannot("find it", path, &e))?;
            whole.file_name().ok_or_else(|| {
                Failure::Usage(format!("`{}` has no name of its own; say where to", shown(path)))
            })?
        }
    };
    remote_name(name).map(str::to_string)
}

/// Operands as paths on this machine, wildcards expanded.
fn local_paths(words: &[Word]) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for word in words {
        let Some(pattern) = &word.pattern else {
            paths.push(PathBuf::from(&word.text));
            continue;
        };
        let found = pattern.expand(&mut local_listed)?;
        if found.is_empty() {
            return Err(Pattern::nothing(&word.text.to_string_lossy()));
        }
        paths.extend(found.into_iter().map(PathBuf::from));
    }
    Ok(paths)
}

fn local_listed(folder: &str, each: &mut Each<'_>) -> Done {
    let path = Path::new(if folder.is_empty() { "." } else { folder });
    let entries = fs::read_dir(path).map_err(|e| cannot("list it", path, &e))?;
    for entry in entries.flatten() {
        // A name that is not UTF-8 could not be sent under it.
        if let Some(name) = entry.file_name().to_str() {
            each(name, entry.path().is_dir())?;
        }
    }
    Ok(())
}

/// Lists what failed in a tree, then sums up.
fn tell_tree(
    verb: &str,
    name: &str,
    report: &TreeReport,
    began: Instant,
    screen: &mut Screen,
) -> Done {
    for (path, error) in &report.failed {
        let text = error.to_string();
        // Errors of this machine name their file themselves.
        let is_named = text.starts_with(&format!("`{path}`"));
        screen.complain(&if is_named { text } else { format!("`{path}`: {text}") });
    }
    let told = u64::try_from(report.failed.len()).unwrap_or(u64::MAX);
    if report.failed_count > told {
        screen.complain(&format!("and {} more that failed", report.failed_count - told));
    }
    if screen.progress {
        screen.say(&tree_summary(verb, name, report, began.elapsed()));
    }
    screen.out.flush()?;
    if report.failed_count > 0 { Err(Failure::Told(EXIT_FAILED)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_is_what_a_folder_takes() {
        let table = [
            ("a", Some("a")),
            ("/a/b", Some("b")),
            ("a/b/", Some("b")),
            ("a/.", Some("a")),
            ("/", None),
            (".", None),
            ("a/..", None),
            ("", None),
        ];
        for (path, name) in table {
            assert_eq!(last_name(path), name, "{path}");
        }
    }

    #[test]
    fn a_fetched_file_is_named_after_its_source() {
        let here = |cwd, source| local_target(cwd, None, source).ok();
        assert_eq!(here("/", "a/b.txt"), Some("b.txt".into()));
        assert_eq!(here("/docs", "."), Some("docs".into()));
        assert_eq!(here("/docs", "/"), None);
        assert_eq!(here("/docs", ".."), None);
        let into = local_target("/", Some(Path::new("/")), "a/b.txt").ok();
        assert_eq!(into, Some("/b.txt".into()));
        let under = local_target("/", Some(Path::new("/no-such-thing/x")), "a").ok();
        assert_eq!(under, Some("/no-such-thing/x".into()));
    }

    #[test]
    fn the_last_of_several_operands_is_the_target() {
        let words: Vec<Word> = ["a", "b", "c"].map(Word::plain).into();
        assert_eq!(split_target(&words).0.len(), 2);
        assert_eq!(split_target(&words).1, Some(&words[2]));
        assert_eq!(split_target(&words[..1]), (&words[..1], None));
    }
}
