//! `miniftpd verify`: reads everything that is stored and compares it with the digests that were
//! kept of it, with a running server or without.
//!
//! Never: changes a file of a user.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use miniftp::accounts::AccountName;
use miniftp::answer::quote_into;
use miniftp::config::{self, Config};
use miniftp::error::Error;
use miniftp::mounts;
use miniftp::text::{Escaped, Size, escape_bytes, parse_size, system_words};
use miniftp::vfs::{Finding, Verification, VerifiedTotals, VerifyObserver};

use crate::outcome::fail;
use crate::privileges::become_user;
use crate::search::Directories;

/// The server's own directory in the homes'.
const PRIVATE: &str = ".miniftp";
/// How often a terminal is shown how far it is.
const SHOW: Duration = Duration::from_millis(500);
/// Content that is read between two looks at the rate.
const RATE_STEP: Duration = Duration::from_millis(100);

/// What is said after `verify`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct VerifyOptions {
    /// The accounts and mounts; none are all.
    pub(crate) names: Vec<String>,
    /// Bytes that are read in a second; `None` is as fast as it goes.
    rate_bytes: Option<u64>,
    /// An object a line, instead of lines for people.
    pub(crate) json: bool,
}

impl VerifyOptions {
    /// Takes the value of `--rate`.
    pub(crate) fn take_rate(&mut self, text: &OsStr) -> Result<(), lexopt::Error> {
        let rate = text.to_str().and_then(parse_size).filter(|bytes| *bytes > 0);
        let form = "--rate: expected bytes in a second, such as 20M";
        self.rate_bytes = Some(rate.ok_or(form)?);
        Ok(())
    }
}

/// A directory whose files are read.
struct Tree {
    /// What it is called in what is printed: an account, or a mount.
    name: String,
    dir: PathBuf,
}

/// Reads everything; 0 if all of it is what was stored.
pub(crate) fn run(options: &VerifyOptions, dirs: &Directories) -> ExitCode {
    let user = match Config::load(&dirs.conf) {
        Ok(config) => config.server.user.clone(),
        // Whose the server is says nothing about what is on the disk.
        Err(_) if !dirs.conf.join(config::FILE).exists() => None,
        Err(e) => return fail(1, e),
    };
    // Root would make digests that a server of another user could not use.
    let user = user.or_else(|| owner_of(&dirs.home.join(PRIVATE)));
    if let Err(e) = become_user(user.as_deref(), &[], dirs) {
        return fail(1, e);
    }
    let trees = match trees(dirs) {
        Ok(trees) => trees,
        Err(e) => return fail(1, e),
    };
    let is_there = |name: &String| trees.iter().any(|tree| tree.name == *name);
    if let Some(name) = options.names.iter().find(|name| !is_there(name)) {
        return fail(1, format_args!("no account or mount `{}` has files here", Escaped(name)));
    }
    let mut report = VerifyReport::begin(options);
    let verified = verify(options, dirs, &trees, &mut report);
    report.clear();
    match verified {
        Ok(totals) => report.end(totals),
        Err(e) => fail(1, e),
    }
}

fn shown(dir: &Path) -> String {
    Escaped(&dir.to_string_lossy()).to_string()
}

/// Whom a directory belongs to, as the settings name a user; `None` for root's.
fn owner_of(dir: &Path) -> Option<String> {
    let meta = fs::metadata(dir).ok()?;
    (meta.uid() != 0).then(|| format!("{}:{}", meta.uid(), meta.gid()))
}

/// Everything that is stored: the homes, then the mounts.
fn trees(dirs: &Directories) -> Result<Vec<Tree>, String> {
    let failed =
        |e: io::Error| format!("{}: {}", Escaped(&dirs.home.to_string_lossy()), system_words(&e));
    let mounts = mounts::dirs_in(&dirs.conf.join(mounts::FILE)).map_err(|e| e.to_string())?;
    let mounts: Vec<Tree> =
        mounts.into_iter().map(|(name, dir)| Tree { name, dir: dirs.home.join(dir) }).collect();
    let taken: BTreeSet<&PathBuf> = mounts.iter().map(|mount| &mount.dir).collect();
    let mut homes = Vec::new();
    for entry in fs::read_dir(&dirs.home).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, dir) = (entry.file_name(), entry.path());
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // Others, such as `lost+found`, are nobody's.
        let account = name.to_str().filter(|name| AccountName::parse(name).is_some());
        if let (true, Some(name)) = (is_directory && !taken.contains(&dir), account) {
            homes.push(Tree { name: name.to_owned(), dir });
        }
    }
    homes.sort_by(|a, b| a.name.cmp(&b.name));
    homes.extend(mounts);
    Ok(homes)
}

/// Reads the trees that are wanted.
fn verify<'a>(
    options: &VerifyOptions,
    dirs: &Directories,
    trees: &'a [Tree],
    report: &mut VerifyReport<'a>,
) -> Result<VerifiedTotals, String> {
    let failed = |dir: &Path, e: &Error| {
        let why = match e {
            Error::Io { source, .. } => system_words(source),
            e => e.to_string(),
        };
        format!("{}: {why}", shown(dir))
    };
    let begun = Verification::begin(&dirs.home).map_err(|e| failed(&dirs.home, &e))?;
    let Some(mut home) = begun else {
        return Err(format!("{}: no server has stored anything here", shown(&dirs.home)));
    };
    let mut elsewhere = VerifiedTotals::default();
    for tree in trees {
        if !options.names.is_empty() && !options.names.contains(&tree.name) {
            continue;
        }
        report.tree = &tree.name;
        let read = home.beside(&tree.dir).and_then(|own| match own {
            None => home.tree(&tree.dir, report),
            Some(mut own) => {
                let read = own.tree(&tree.dir, report);
                elsewhere = elsewhere.plus(own.totals());
                read
            }
        });
        match read {
            Ok(()) => {}
            // The others are read all the same.
            Err(Error::Io { source, .. }) => report.found(b"", &Finding::Unreadable(source)),
            Err(e) => return Err(failed(&tree.dir, &e)),
        }
    }
    Ok(home.totals().plus(elsewhere))
}

/// What is printed, and how fast it goes.
struct VerifyReport<'a> {
    options: &'a VerifyOptions,
    /// The tree that is read.
    tree: &'a str,
    begun: Instant,
    /// When what was read so far is due by the rate.
    due: Instant,
    read_bytes: u64,
    /// When a terminal is shown how far it is next; `None` where there is none.
    shown_next: Option<Instant>,
    damaged: u64,
    changed: u64,
    unreadable: u64,
}

impl<'a> VerifyReport<'a> {
    fn begin(options: &'a VerifyOptions) -> VerifyReport<'a> {
        let begun = Instant::now();
        VerifyReport {
            options,
            tree: "",
            begun,
            due: begun,
            read_bytes: 0,
            shown_next: io::stderr().is_terminal().then_some(begun),
            damaged: 0,
            changed: 0,
            unreadable: 0,
        }
    }

    /// Waits as long as what was read takes at the rate. What was slower than that is not caught up
    /// with.
    fn keep_rate(&mut self, bytes: u64) {
        let Some(rate) = self.options.rate_bytes else { return };
        let takes = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let latest = Instant::now().checked_sub(RATE_STEP).unwrap_or(self.due);
        self.due = self.due.max(latest).checked_add(takes).unwrap_or(self.due);
        loop {
            let early = self.due.saturating_duration_since(Instant::now());
            if early < RATE_STEP {
                return;
            }
            thread::sleep(early.min(SHOW));
            self.show();
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        if self.shown_next.is_some_and(|next| next <= now) {
            self.shown_next = now.checked_add(SHOW);
            let rate = self.read_bytes as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
            let (read, rate) = (Size(self.read_bytes), Size(rate as u64));
            let _ = write!(io::stderr(), "\r\x1b[K{}: {read} read, {rate}/s", Escaped(self.tree));
        }
    }

    /// Takes away what a terminal was shown.
    fn clear(&mut self) {
        if self.shown_next.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&mut self, line: &str) {
        if self.shown_next.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// Says how it ended.
    fn end(&mut self, totals: VerifiedTotals) -> ExitCode {
        let VerifiedTotals { files, bytes, new, busy } = totals;
        let VerifyReport { damaged, changed, unreadable, .. } = *self;
        let line = if self.options.json {
            format!(
                "{{\"event\":\"summary\",\"files\":{files},\"bytes\":{bytes},\"damaged\":{damaged},\
                 \"changed\":{changed},\"unreadable\":{unreadable},\"new\":{new},\"busy\":{busy}}}"
            )
        } else {
            format!(
                "{files} files read, {}: {damaged} damaged, {changed} changed by other programs, \
                 {unreadable} unreadable; {new} new, {busy} written meanwhile",
                Size(bytes)
            )
        };
        self.line(&line);
        let is_good = damaged + changed + unreadable == 0;
        if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl VerifyObserver for VerifyReport<'_> {
    fn has_read(&mut self, bytes: u64) {
        self.read_bytes += bytes;
        self.keep_rate(bytes);
        self.show();
    }

    fn found(&mut self, path: &[u8], finding: &Finding) {
        let (event, what, fields) = match finding {
            Finding::Damaged { offset, chunks } => {
                self.damaged += 1;
                let what = format!(
                    "{chunks} of its chunks of 64 KiB are not what was stored, the first at byte \
                     {offset}"
                );
                ("damaged", what, format!(",\"offset\":{offset},\"chunks\":{chunks}"))
            }
            Finding::Changed => {
                self.changed += 1;
                ("changed", "another program has written it".to_owned(), String::new())
            }
            Finding::Unreadable(e) => {
                self.unreadable += 1;
                ("unreadable", system_words(e), String::new())
            }
        };
        let line = if self.options.json {
            let exact =
                std::str::from_utf8(path).map_or_else(|_| escape_bytes(path), str::to_owned);
            let mut line = format!("{{\"event\":\"{event}\",\"tree\":");
            quote_into(&mut line, self.tree);
            line.push_str(",\"path\":");
            quote_into(&mut line, &format!("/{exact}"));
            line + &fields + "}"
        } else {
            format!("{event}: {}:/{}: {what}", Escaped(self.tree), escape_bytes(path))
        };
        self.line(&line);
    }
}
