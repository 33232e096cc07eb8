//! `cat`, `less` and `edit`: the content of files on the server, for people.

use std::fs;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use miniftp::client::{
    Client, Error, ListedKind, NoProgress, PartChoice, Policy, RemoteEntry, local_name,
};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::bar::Bar;
use crate::escape::{chosen, finished};
use crate::failure::{CommandResult, Failure, cannot, shown};
use crate::files::remote_paths;
use crate::given::GivenArguments;
use crate::places::last_name;
use crate::screen::each;
use crate::session::ShellSession;

/// Names of directories for editing that are tried.
const DIRECTORY_TRIES: u32 = 1000;
/// Times that a file is fetched again which changes while it is fetched.
const FETCH_TRIES: u32 = 5;

/// `cat PATH...`.
pub(crate) fn cat(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let paths = remote_paths(session, &given.words)?;
    each(session, &paths, |ShellSession { client, screen, .. }, path| {
        sent(client.get_to(path, &mut screen.out, &mut NoProgress))
    })
}

/// What came of content that was written for a reader, who may have seen enough of it.
pub(crate) fn sent<T>(done: Result<T, Error>) -> CommandResult {
    match done {
        Err(Error::Local { source, .. }) => Err(source.into()),
        done => Ok(done.map(drop)?),
    }
}

/// `less PATH...`: one file after the other, in the user's pager.
pub(crate) fn less(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    if !session.screen.out_is_terminal {
        return cat(session, given);
    }
    let paths = remote_paths(session, &given.words)?;
    each(session, &paths, |ShellSession { client, screen, .. }, path| {
        // What is no file is refused before the pager takes the screen.
        if client.stat(path)?.kind == ListedKind::Directory {
            return Err(Failure::Said(format!("`{}` is a folder", Escaped(path))));
        }
        screen.finish()?;
        let mut command = chosen(&["PAGER"], "less")?;
        let pager = Escaped(&command.get_program().to_string_lossy()).to_string();
        let mut child = match command.stdin(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(e) => return finished(&pager, Err(e)),
        };
        let sent = match child.stdin.take() {
            Some(mut keys) => sent(client.get_to(path, &mut keys, &mut NoProgress)),
            None => Ok(()),
        };
        let done = finished(&pager, child.wait());
        match sent {
            // Whoever leaves the pager has seen enough.
            Err(Failure::Pipe | Failure::Stopped(_)) | Ok(()) => done,
            Err(failure) => Err(failure),
        }
    })
}

/// A directory of its own for a file that is edited.
struct Copy {
    directory: PathBuf,
    file: PathBuf,
    /// What it was before the editor had it.
    original: PathBuf,
}

impl Copy {
    fn new(name: &str) -> Result<Copy, Failure> {
        let base = std::env::temp_dir();
        for number in 0..DIRECTORY_TRIES {
            let directory = base.join(format!("miniftp-edit-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => {
                    let (file, original) = (directory.join(name), directory.join(".original"));
                    return Ok(Copy { directory, file, original });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(cannot("make a folder for the copy", &directory, &e)),
            }
        }
        Err(Failure::Said(format!("`{}` is full of copies; remove old ones", shown(&base))))
    }

    fn failed(&self, e: &io::Error) -> Failure {
        cannot("use the copy", &self.file, e)
    }

    /// Whether the editor has left what it was given.
    fn is_unchanged(&self) -> io::Result<bool> {
        let (one, other) = (fs::File::open(&self.file)?, fs::File::open(&self.original)?);
        if one.metadata()?.len() != other.metadata()?.len() {
            return Ok(false);
        }
        let mut other = BufReader::new(other).bytes();
        for byte in BufReader::new(one).bytes() {
            if byte? != other.next().transpose()?.unwrap_or_default() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn remove(&self) {
        // What stays of it is in the system's place for passing files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// `edit PATH`: fetched, edited, and put back if it was changed and nobody else has changed it.
pub(crate) fn edit(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let Some(word) = given.words.first() else { return Ok(()) };
    let path = word.remote()?.to_owned();
    let name = last_name(&path)
        .ok_or_else(|| Failure::Usage(format!("`{}` is no name of a file", Escaped(&path))))?;
    let copy = Copy::new(local_name(name)?)?;
    let there = match fetched(session, &path, &copy) {
        Ok(there) => there,
        Err(failure) => {
            copy.remove();
            return Err(failure);
        }
    };
    session.screen.finish()?;
    let mut command = chosen(&["VISUAL", "EDITOR"], "vi")?;
    let editor = Escaped(&command.get_program().to_string_lossy()).to_string();
    let edited = finished(&editor, command.arg(&copy.file).status());
    let is_unchanged = copy.is_unchanged().map_err(|e| copy.failed(&e))?;
    if is_unchanged {
        copy.remove();
        edited?;
        session.screen.print(&format!("edit {}: not changed", Escaped(&path)));
        return Ok(());
    }
    let put = edited.and_then(|()| put_back(session, &path, &copy, there.as_ref()));
    match put {
        Ok(()) => copy.remove(),
        Err(failure) => {
            session.screen.report(&failure);
            session.screen.complain(&format!("your copy is kept in `{}`", shown(&copy.file)));
            return Err(Failure::Reported(failure.exit_code().max(1)));
        }
    }
    Ok(())
}

/// Fetches the file, and makes a second copy to compare with; none if there is no such file yet.
fn fetched(
    session: &mut ShellSession,
    path: &str,
    copy: &Copy,
) -> Result<Option<RemoteEntry>, Failure> {
    let client = &mut session.client;
    let mut there = stat(client, path)?;
    for _ in 0..FETCH_TRIES {
        let mut file = fs::File::create(&copy.file).map_err(|e| copy.failed(&e))?;
        if there.is_none() {
            break;
        }
        client.get_to(path, &mut file, &mut Bar::quiet_end("get", &mut session.screen))?;
        let now = stat(client, path)?;
        let is_same = now == there;
        there = now;
        if is_same {
            break;
        }
    }
    fs::copy(&copy.file, &copy.original).map_err(|e| copy.failed(&e))?;
    Ok(there)
}

fn stat(client: &mut Client, path: &str) -> Result<Option<RemoteEntry>, Failure> {
    match client.stat(path) {
        Err(error) if error.is_refusal(Code::NotFound) => Ok(None),
        Ok(entry) if entry.kind == ListedKind::Directory => {
            Err(Failure::Said(format!("`{}` is a folder", Escaped(path))))
        }
        there => Ok(there.map(Some)?),
    }
}

fn put_back(
    session: &mut ShellSession,
    path: &str,
    copy: &Copy,
    there: Option<&RemoteEntry>,
) -> CommandResult {
    let ShellSession { client, screen, .. } = session;
    let (part, no_mode) = (PartChoice::Fresh, there.is_none());
    let policy = Policy { part, no_mode, ..Policy::default() };
    let Some(there) = there else {
        client.put(&copy.file, path, &policy, &mut Bar::new("put", screen))?;
        return Ok(());
    };
    // It has the permission bits there that it had.
    let mode = fs::Permissions::from_mode(u32::from(there.mode & 0o777) | 0o400);
    fs::set_permissions(&copy.file, mode).map_err(|e| copy.failed(&e))?;
    let bar = &mut Bar::new("put", screen);
    match client.put_over(Path::new(&copy.file), path, there.version, &policy, bar) {
        Err(error) if error.is_refusal(Code::Changed) => Err(Failure::Said(format!(
            "`{}` has changed on the server meanwhile, and is not replaced",
            Escaped(path)
        ))),
        done => Ok(done.map(drop)?),
    }
}
