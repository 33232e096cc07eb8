//! `miniftpd check`: every fault of the files in the folder of settings, everything else that a
//! start would refuse, what would change on the server that runs, or ran last, if they were its
//! files, how many entries they allow, and what memory they can come to.
//!
//! Never: changes anything.

mod start;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use miniftp::accounts::check;
use miniftp::config::{self, Config, SETTINGS};
use miniftp::mounts;
use miniftp::shared::in_force::{self, InForce, SettingChange};
use miniftp::text::Escaped;
use miniftp::vfs;

use crate::args::Args;
use crate::outcome;
use crate::privileges::become_user;
use crate::search::Directories;

/// Looks at everything in `conf`; 0 if there is no fault in it.
pub(crate) fn run(args: &Args, dirs: &Directories) -> ExitCode {
    let (conf, home) = (dirs.conf.as_path(), dirs.home.as_path());
    let mut report =
        CheckReport { conf, faulty: Vec::new(), at_start: Vec::new(), text: String::new() };
    let settings = report.take(config::FILE, Config::load(conf), |_| "good".to_owned());
    // From here on it sees what the server would see.
    let identity = settings.as_deref().map(|config| {
        become_user(config.server.user.as_deref(), &crate::addresses(args, config), dirs)
    });
    let refused = identity.and_then(Result::err);
    let accounts = report.take(check::FILE, check::accounts(conf), |accounts| {
        format!("good, {} accounts", accounts.iter().count())
    });
    let is_account =
        |name: &str| accounts.as_ref().is_some_and(|accounts| accounts.account(name).is_some());
    let mounted = mounts::check(conf, home, &is_account);
    let mounted = report.take(mounts::FILE, mounted, |all| format!("good, {} mounts", all.len()));
    for (file, checked) in check::registrations(conf) {
        report.take(file, checked, |what| format!("good, {what}"));
    }
    let whole = InForce::new(
        settings.as_deref(),
        accounts.iter().flat_map(|accounts| accounts.iter()),
        mounted.iter().flat_map(|mounts| mounts.iter()),
    );
    // Without settings that can be read nobody knows where it would listen.
    let config = settings.as_deref();
    let found = config.map(|config| start::look(args, dirs, config, accounts.as_deref()));
    let start::StartFindings { mut mistakes, warnings } = found.unwrap_or_default();
    let beyond = config.map(|config| {
        start::beyond(dirs, config, mounted.as_ref().map(|mounts| mounts.as_slice()))
    });
    for (file, beyond) in beyond.into_iter().flatten() {
        report.at_start.extend((!beyond.is_empty()).then_some(file));
        mistakes.extend(beyond);
    }
    let mistakes: Vec<String> = refused.into_iter().chain(mistakes).collect();
    mistakes.iter().for_each(|mistake| report.line(mistake));
    warnings.iter().for_each(|warning| report.line(format_args!("warning: {warning}")));
    report.compare(home, config.and_then(|config| config.storage.shared), &whole);
    if let Some(config) = config {
        report.line("");
        let mounts = mounted.as_ref().map(|mounts| mounts.as_slice());
        let table = start::entries_table(home, config, accounts.as_deref(), mounts);
        table.iter().for_each(|line| report.line(line));
        report.line("");
        start::memory_table(config).iter().for_each(|line| report.line(line));
    }
    outcome::print(&report.text);
    let good = report.faulty.is_empty() && mistakes.is_empty();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct CheckReport<'a> {
    conf: &'a Path,
    /// The files with a fault.
    faulty: Vec<&'static str>,
    /// The files with an edit that the server that runs cannot follow, and so refuses.
    at_start: Vec<&'static str>,
    text: String,
}

impl CheckReport<'_> {
    fn line(&mut self, line: impl Display) {
        self.text += &format!("{line}\n");
    }

    /// Notes what was found in a file, and gives it back if that was no fault.
    fn take<T, E: Display>(
        &mut self,
        file: &'static str,
        found: Result<T, E>,
        good: impl Fn(&T) -> String,
    ) -> Option<T> {
        match &found {
            Ok(found) => {
                let path = self.conf.join(file);
                self.line(format_args!("{}: {}", Escaped(&path.to_string_lossy()), good(found)));
            }
            Err(mistakes) => {
                self.faulty.push(file);
                self.line(mistakes);
            }
        }
        found.ok()
    }

    fn compare(&mut self, home: &Path, shared: Option<bool>, whole: &InForce) {
        self.line("");
        let shown = home.to_string_lossy();
        let shown = Escaped(&shown);
        let Some(note) = vfs::kept(home, in_force::NOTE) else {
            return self.line(format_args!(
                "no server has run on {shown} yet: all of it counts at the start"
            ));
        };
        let who = match vfs::runner(home, shared) {
            Some(holder) => format!("the server that runs on {shown} ({holder})"),
            None => format!("the server that ran last on {shown}"),
        };
        let changes = InForce::parse(&note).changes(whole);
        let refused = |file: &str| self.faulty.iter().chain(&self.at_start).any(|one| *one == file);
        let changes: Vec<&SettingChange> = changes.iter().filter(|c| !refused(&c.file)).collect();
        match changes.len() {
            0 => self.line(format_args!("nothing would change on {who}")),
            _ => self.line(format_args!("this would change on {who}:")),
        }
        for change in changes {
            self.line(reported(change));
        }
        for (files, until) in
            [(&self.faulty, "until it is fixed"), (&self.at_start, "before the next start")]
        {
            if !files.is_empty() {
                let files = files.join(", ");
                self.text += &format!("nothing of {files} counts {until}\n");
            }
        }
    }
}

/// One difference in words.
fn reported(change: &SettingChange) -> String {
    let SettingChange { file, section, key, before, after } = change;
    let (section, key) = (Escaped(section), Escaped(key));
    let value = |value: &Option<String>| match value.as_deref() {
        None | Some("") => "nothing".to_owned(),
        Some(value) => Escaped(value).to_string(),
    };
    let what = match (key.to_string().as_str(), before, after) {
        ("", None, _) => "is new".to_owned(),
        ("", ..) => "is there no more".to_owned(),
        ("password", ..) => "password: another one".to_owned(),
        (key, ..) => format!("{key} = {}, now {}", value(after), value(before)),
    };
    let bound = SETTINGS.iter().any(|row| {
        row.at_start
            && file == config::FILE
            && (row.section, row.name()) == (&change.section, &change.key)
    });
    let when = if bound { " (it counts at the next start)" } else { "" };
    format!("  {file}  [{section}] {what}{when}")
}
