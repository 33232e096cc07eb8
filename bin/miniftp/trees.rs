//! `tree`, `du` and `find`: what is below a folder on the server.

use std::io::Write;

use miniftp::client::{Client, ListedKind, RemoteEntry};
use miniftp::text::{Escaped, Size};

use crate::colours::Colours;
use crate::failure::CommandResult;
use crate::files::remote_paths;
use crate::given::{Flag, GivenArguments};
use crate::json::Object;
use crate::listing::{self, object_at, short};
use crate::screen::{Screen, each};
use crate::session::ShellSession;
use crate::walk::{Step, walk};
use crate::words::ShellWord;

/// The folders that are named, or the current one.
fn roots(
    session: &mut ShellSession,
    words: &[ShellWord],
) -> Result<Vec<String>, crate::failure::Failure> {
    let mut paths = remote_paths(session, words)?;
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    Ok(paths)
}

/// `tree [PATH...]`.
pub(crate) fn tree(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let roots = roots(session, &given.words)?;
    let colours = if session.screen.out_is_terminal { Colours::of_user() } else { None };
    let is_json = session.screen.manner.json;
    let (shows_all, only_folders) = (is_json || given.has(Flag::All), given.has(Flag::OnlyFolders));
    let is_wanted = |entry: &RemoteEntry| {
        (shows_all || !entry.name.starts_with('.'))
            && (!only_folders || entry.kind == ListedKind::Directory)
    };
    each(session, &roots, |ShellSession { client, screen, .. }, root| {
        if is_json {
            return entries(client, screen, root, &is_wanted);
        }
        let (mut folders, mut others) = (0_u64, 0_u64);
        writeln!(screen.out, "{}", Escaped(root))?;
        walk(client, screen, root, &is_wanted, &mut |screen, step| {
            let Step::Entry { entry, lasts, .. } = step else { return Ok(()) };
            match entry.kind {
                ListedKind::Directory => folders += 1,
                _ => others += 1,
            }
            let (last, above) = lasts.split_last().unwrap_or((&true, &[]));
            let mut line = String::new();
            above.iter().for_each(|last| line += if *last { "    " } else { "│   " });
            line += if *last { "└── " } else { "├── " };
            let shown = short(entry);
            line += &colours.as_ref().map_or(shown.clone(), |c| c.painted(entry, &shown));
            Ok(writeln!(screen.out, "{line}")?)
        })?;
        let s = |count| if count == 1 { "" } else { "s" };
        let files = match only_folders {
            true => String::new(),
            false => format!(", {others} file{}", s(others)),
        };
        Ok(writeln!(screen.out, "\n{folders} folder{}{files}", s(folders))?)
    })
}

/// The entries below a folder for programs.
fn entries(
    client: &mut Client,
    screen: &mut Screen,
    root: &str,
    is_wanted: &dyn Fn(&RemoteEntry) -> bool,
) -> CommandResult {
    walk(client, screen, root, is_wanted, &mut |screen, step| match step {
        Step::Entry { path, entry, .. } => Ok(writeln!(screen.out, "{}", object_at(path, entry))?),
        Step::Behind { .. } => Ok(()),
    })
}

/// `du [PATH...]`: bytes of the files in each folder and below it, the folder itself last.
pub(crate) fn du(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let roots = roots(session, &given.words)?;
    let (shows_files, is_summary) = (given.has(Flag::All), given.has(Flag::Summary));
    let is_json = session.screen.manner.json;
    let line = |(key, path): (&str, &str), kind, bytes: u64| {
        if is_json {
            let object = Object::new().text("event", "sum").text(key, path);
            return object.text("type", listing::kind(kind)).number("bytes", bytes).line();
        }
        match given.has(Flag::Human) {
            true => format!("{:>10}  {}", Size(bytes).to_string(), Escaped(path)),
            false => format!("{bytes:>14}  {}", Escaped(path)),
        }
    };
    each(session, &roots, |ShellSession { client, screen, .. }, root| {
        let top = client.stat(root)?;
        if top.kind != ListedKind::Directory {
            return Ok(writeln!(screen.out, "{}", line(("path", root), top.kind, top.size))?);
        }
        // What has been counted in each folder on the way.
        let mut sums = vec![0_u64];
        walk(client, screen, root, &|_| true, &mut |screen, step| match step {
            Step::Entry { path, entry, lasts } => {
                sums.truncate(lasts.len());
                match entry.kind {
                    ListedKind::Directory => sums.push(0),
                    ListedKind::File => {
                        if let Some(sum) = sums.last_mut() {
                            *sum = sum.saturating_add(entry.size);
                        }
                        if shows_files && !is_summary {
                            writeln!(
                                screen.out,
                                "{}",
                                line((listing::key(entry), path), entry.kind, entry.size)
                            )?;
                        }
                    }
                    _ => {}
                }
                Ok(())
            }
            Step::Behind { path } => {
                let sum = sums.pop().unwrap_or(0);
                if let Some(above) = sums.last_mut() {
                    *above = above.saturating_add(sum);
                }
                if !is_summary || sums.is_empty() {
                    writeln!(screen.out, "{}", line(("path", path), ListedKind::Directory, sum))?;
                }
                Ok(())
            }
        })
    })
}

/// `find NAME [PATH...]`.
pub(crate) fn find(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some((name, folders)) = given.words.split_first() else { return Ok(()) };
    let roots = roots(session, folders)?;
    let plain = name.remote()?;
    let is_meant = |entry: &RemoteEntry| match &name.pattern {
        Some(pattern) => pattern.is_meant(&entry.name),
        None => entry.name == plain,
    };
    each(session, &roots, |ShellSession { client, screen, .. }, root| {
        walk(client, screen, root, &|_| true, &mut |screen, step| match step {
            Step::Entry { path, entry, .. } if is_meant(entry) && screen.manner.json => {
                Ok(writeln!(screen.out, "{}", object_at(path, entry))?)
            }
            Step::Entry { path, entry, .. } if is_meant(entry) => {
                let mark = if entry.kind == ListedKind::Directory { "/" } else { "" };
                Ok(writeln!(screen.out, "{}{mark}", Escaped(path))?)
            }
            _ => Ok(()),
        })
    })
}
