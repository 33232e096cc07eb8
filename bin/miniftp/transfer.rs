//! `put` and `get`: what is transferred, what is asked on the way, and what came of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use miniftp::client::{
    Client, Compared, Comparison, Error, ExistsChoice, ListedKind, PartChoice, Policy,
    TransferOutcome, TreeReport, Way, files_below,
};
use miniftp::text::Escaped;
use miniftp::wire::Code;

use crate::display::{Display, display};
use crate::failure::{CommandResult, EXIT_FAILED, Failure, cannot, shown};
use crate::files::remote_paths;
use crate::given::{Flag, GivenArguments};
use crate::here::local_paths;
use crate::mirror;
use crate::pipes;
use crate::places::{self, Operands};
use crate::screen::{Screen, each};
use crate::session::ShellSession;
use crate::words::ShellWord;

/// Sources that are counted before the first is fetched: each is a question to the server.
const COUNTED_MOST: usize = 100;

/// A command that transfers files, under one display.
pub(crate) struct Moving<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) display: Box<dyn Display + 'a>,
    pub(crate) policy: Policy,
    /// What is to be transferred over several connections, once all of it is known.
    wanted: Vec<(PathBuf, String)>,
    verb: &'static str,
}

impl AsMut<Screen> for Moving<'_> {
    fn as_mut(&mut self) -> &mut Screen {
        self.display.screen()
    }
}

impl<'a> Moving<'a> {
    pub(crate) fn new(
        verb: &'static str,
        session: &'a mut ShellSession,
        given: &GivenArguments,
    ) -> Moving<'a> {
        let policy = policy(given, &session.screen);
        let ShellSession { client, screen, .. } = session;
        Moving { client, display: display(verb, screen), policy, wanted: Vec::new(), verb }
    }

    /// Does the same to each source, and sums up what came of several.
    pub(crate) fn each<T>(
        mut self,
        sources: &[T],
        name: impl Fn(&T) -> String,
        mut run: impl FnMut(&mut Self, &T) -> CommandResult,
    ) -> CommandResult {
        let done = each(&mut self, sources, |moving, source| {
            let before = moving.display.tally().failed;
            let done = run(moving, source);
            let is_counted = moving.display.tally().failed > before;
            // Programs are shown what ends the whole too, unless it has been reported.
            let is_json = moving.display.screen().manner.json;
            let has_text = |failure: &Failure| is_json && !failure.text().is_empty();
            match &done {
                Err(failure) if !is_counted && (failure.is_about_one() || has_text(failure)) => {
                    moving.display.file_failed(&name(source), failure);
                }
                _ => {}
            }
            // Among several each has to say which one it is about.
            done.map_err(|failure| match sources.len() > 1 && failure.is_about_one() {
                true => failure.naming(&name(source)),
                false => failure,
            })
        });
        let done = if self.wanted.is_empty() { done } else { done.and(self.bring_wanted()) };
        if sources.len() > 1 {
            self.display.end_all();
        }
        done
    }

    /// Whether files are transferred over several connections.
    fn is_parallel(&mut self) -> bool {
        self.display.screen().manner.parallel > 1
    }

    /// Transfers everything over several connections.
    fn bring_wanted(&mut self) -> CommandResult {
        let way = if self.verb == "put" { Way::Up } else { Way::Down };
        let how = Comparison { way: Some(way), by_digest: true, ..Comparison::default() };
        let name = match &self.wanted[..] {
            [(local, _)] if way == Way::Up => shown(local),
            [(_, remote)] => Escaped(remote).to_string(),
            _ => String::new(),
        };
        self.display.begin_tree();
        let mut compared = Compared::default();
        for (local, remote) in std::mem::take(&mut self.wanted) {
            let more = self.client.differences(&local, &remote, &how, self.display.progress())?;
            compared.add(more);
        }
        let (files, bytes) = mirror::expected(&compared, way);
        self.display.expect(files, bytes);
        let brought =
            self.client.bring(&compared, (way, false), &self.policy, self.display.progress());
        let brought = brought.map(|report| report.plus(&compared.report));
        self.end_tree(self.verb, &name, brought)
    }

    /// Ends a folder, whatever came of it.
    fn end_tree(
        &mut self,
        verb: &'static str,
        name: &str,
        done: Result<TreeReport, Error>,
    ) -> CommandResult {
        self.display.end_tree(name, done.is_ok());
        self.display.screen().out.flush()?;
        match done {
            Ok(report) if report.failed > 0 => Err(Failure::Reported(EXIT_FAILED)),
            Ok(_) => Ok(()),
            Err(error) => Err(advised(error, verb, self.client)),
        }
    }
}

/// `put [-r] LOCAL... [REMOTE]`.
pub(crate) fn put(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let operands = Operands::of(&given.words);
    if let [source] = operands.sources {
        if pipes::is_pipe(source) {
            return pipes::put(session, given, operands.target);
        }
    }
    let sources = local_paths(operands.sources, &mut session.screen)?;
    let target = operands.target.map(ShellWord::remote).transpose()?;
    if let (Some(target), true) = (target, sources.len() > 1) {
        places::check_takes_several(&mut session.client, target)?;
    }
    let recursive = given.has(Flag::Recursive);
    let mut moving = Moving::new("put", session, given);
    if moving.display.wants_totals() && (recursive || sources.len() > 1) {
        let (files, bytes) = count_local(&sources, recursive, moving.display.screen());
        moving.display.expect(files, bytes);
    }
    moving.each(
        &sources,
        |source| shown(source),
        |moving, source| {
            let meta = fs::metadata(source).map_err(|e| cannot("read it", source, &e))?;
            let name = places::own_name(source);
            let is_tree = meta.is_dir() && recursive;
            let remote = match (target, name) {
                (None, name) => name?,
                (Some(target), name) if is_tree => {
                    operands.remote_tree(target, name.ok().as_deref())
                }
                (Some(target), name) => {
                    places::remote_file(moving.client, target, name.ok().as_deref())?
                }
            };
            if given.has(Flag::DryRun) && (is_tree || !meta.is_dir()) {
                return moving.dry_run(Way::Up, source, &remote);
            }
            if moving.is_parallel() && (is_tree || is_plain(source)) {
                moving.wanted.push((source.clone(), remote));
                return Ok(());
            }
            let Moving { client, display, policy, .. } = moving;
            if !meta.is_dir() {
                let done = client.put(source, &remote, policy, display.progress());
                if !meta.is_file() && matches!(done, Err(Error::Interrupted)) {
                    let why = "stopped; what a pipe or device has given cannot be read again";
                    return Err(Failure::Stopped(why.into()));
                }
                return finish(done, "put", &shown(source), client, display.screen());
            }
            if !is_tree {
                return Err(Failure::Said(format!(
                    "`{0}` is a folder; -r sends it with all it holds",
                    shown(source)
                )));
            }
            display.begin_tree();
            let done = client.put_tree(source, &remote, policy, display.progress());
            moving.end_tree("put", &shown(source), done)
        },
    )
}

/// Whether it is a file that can go among others: a link that is named is followed, those are not.
fn is_plain(source: &Path) -> bool {
    fs::symlink_metadata(source).is_ok_and(|meta| meta.is_file())
}

/// `get [-r] REMOTE... [LOCAL]`.
pub(crate) fn get(session: &mut ShellSession, given: &GivenArguments) -> CommandResult {
    let operands = Operands::of(&given.words);
    let sources = remote_paths(session, operands.sources)?;
    if operands.target.is_some_and(pipes::is_pipe) {
        return pipes::get(session, given, &sources);
    }
    let target = operands.target.map(|word| PathBuf::from(&word.text));
    if let (Some(target), true) = (&target, sources.len() > 1) {
        check_takes_several_here(target)?;
    }
    let recursive = given.has(Flag::Recursive);
    let mut moving = Moving::new("get", session, given);
    let is_counted = recursive || sources.len() > 1;
    if moving.display.wants_totals() && is_counted && sources.len() <= COUNTED_MOST {
        if let Some((files, bytes)) = count_remote(moving.client, &sources, recursive) {
            moving.display.expect(files, bytes);
        }
    }
    moving.each(
        &sources,
        |source| Escaped(source).to_string(),
        |moving, source| {
            let is_parallel = moving.is_parallel();
            let Moving { client, display, policy, wanted, .. } = moving;
            let name = Escaped(source).to_string();
            if recursive && client.stat(source)?.kind == ListedKind::Directory {
                let local = operands.local_tree(client.cwd(), target.as_deref(), source)?;
                if given.has(Flag::DryRun) {
                    return moving.dry_run(Way::Down, &local, source);
                }
                if is_parallel {
                    wanted.push((local, source.clone()));
                    return Ok(());
                }
                display.begin_tree();
                let done = client.get_tree(source, &local, policy, display.progress());
                return moving.end_tree("get", &name, done);
            }
            let local = places::local_file(client.cwd(), target.as_deref(), source)?;
            if given.has(Flag::DryRun) {
                return moving.dry_run(Way::Down, &local, source);
            }
            if is_parallel && client.stat(source)?.kind == ListedKind::File {
                wanted.push((local, source.clone()));
                return Ok(());
            }
            let done = client.get(source, &local, policy, display.progress());
            match done {
                Err(error) if !recursive && error.is_refusal(Code::IsDirectory) => Err(
                    Failure::Said(format!("`{name}` is a folder; -r fetches it with all it holds")),
                ),
                done => finish(done, "get", &name, client, display.screen()),
            }
        },
    )
}

/// Refuses several files for what is no folder of this machine.
fn check_takes_several_here(target: &Path) -> CommandResult {
    if target.as_os_str().is_empty() || target.is_dir() {
        return Ok(());
    }
    Err(Failure::Said(format!(
        "`{}` is not a folder on this machine, and several files need one; \
         make it, or end with `.` to get them all here",
        shown(target)
    )))
}

/// The files of these sources and their bytes; what cannot be read counts nothing.
fn count_local(sources: &[PathBuf], recursive: bool, screen: &Screen) -> (u64, u64) {
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for source in sources {
        let (more, size) = match fs::metadata(source) {
            Ok(meta) if meta.is_dir() && recursive => files_below(source, &screen.interrupt),
            Ok(meta) => (1, meta.len()),
            Err(_) => (1, 0),
        };
        (files, bytes) = (files.saturating_add(more), bytes.saturating_add(size));
    }
    (files, bytes)
}

/// The same on the server; `None` where that is not known.
fn count_remote(client: &mut Client, sources: &[String], recursive: bool) -> Option<(u64, u64)> {
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for source in sources {
        let entry = client.stat(source).ok()?;
        let (more, size) = match entry.kind {
            ListedKind::Directory if recursive => client.files_below(source).ok()?,
            _ => (1, entry.size),
        };
        (files, bytes) = (files.saturating_add(more), bytes.saturating_add(size));
    }
    Some((files, bytes))
}

/// What the options, or the lack of them, mean here.
fn policy(given: &GivenArguments, screen: &Screen) -> Policy {
    let can_ask = screen.can_ask && !screen.manner.json;
    let exists = if given.has(Flag::Overwrite) || given.has(Flag::Force) {
        ExistsChoice::Replace
    } else if given.has(Flag::Skip) {
        ExistsChoice::Skip
    } else if can_ask {
        ExistsChoice::Ask
    } else {
        ExistsChoice::Refuse
    };
    let decided =
        given.has(Flag::Resume) || !matches!(exists, ExistsChoice::Ask | ExistsChoice::Refuse);
    let part = if decided || !can_ask { PartChoice::Continue } else { PartChoice::Ask };
    Policy { part, exists, no_mode: given.has(Flag::NoMode), ..Policy::default() }
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
            if screen.manner.json {
                return Ok(());
            }
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
