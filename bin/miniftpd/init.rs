//! `miniftpd init`: complete conf and home directories, for whoever has nothing but the program.
//!
//! Never: changes or replaces anything that is there already. What could not be made whole is taken
//! away again.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use miniftp::accounts::{Account, AccountName, AccountStore, Role};
use miniftp::config::{self, Config};
use miniftp::mounts;
use miniftp::scram::{Verifier, check_password_form};
use miniftp::text::{Escaped, system_words};
use miniftp::vfs::{Adopt, Homes};

use crate::accounts::{FailureText, password};
use crate::args::Args;
use crate::{advice, outcome, search};

/// The first account.
const ADMIN: &str = "admin";
/// Files beside the settings and the accounts.
const CONF: [(&str, &str); 3] = [
    (mounts::FILE, include_str!("../../conf/mounts.ini")),
    ("welcome.txt", include_str!("../../conf/welcome.txt")),
    ("goodbye.txt", include_str!("../../conf/goodbye.txt")),
];
/// What the shipped mounts.ini mounts.
const HOME: [&str; 2] = ["share", "upload"];
const READ_ME: (&str, &str) = ("share/README.txt", include_str!("../../home/share/README.txt"));

/// Makes them in `dir`, or in the working directory, unless they were named one by one.
pub(crate) fn run(dir: Option<&Path>, args: &Args) -> ExitCode {
    let [conf, home] = named(args);
    if dir.is_some() && (args.conf.is_some() || args.home.is_some()) {
        let what = "init: either a directory for conf and home, or --conf and --home; try \
                    `miniftpd --help`";
        return outcome::fail(2, what);
    }
    let place = |named: Option<PathBuf>, name| match (dir, named) {
        (Some(dir), _) => dir.join(name),
        (None, Some(named)) => named,
        (None, None) => Path::new(".").join(name),
    };
    match init(&place(conf, "conf"), &place(home, "home")) {
        Ok(()) => {
            let dir = dir.filter(|dir| *dir != Path::new("."));
            outcome::print(&format!("{}\n", advice::after_init(dir, args)))
        }
        Err((what, code)) => outcome::fail(code, what),
    }
}

/// The directories that were named, for the settings and for the homes.
fn named(args: &Args) -> [Option<PathBuf>; 2] {
    [("MINIFTP_CONF", &args.conf), ("MINIFTP_HOME", &args.home)]
        .map(|(name, option)| option.clone().or_else(|| search::variable(name).map(Into::into)))
}

fn init(conf: &Path, home: &Path) -> Result<(), FailureText> {
    for path in [conf, home] {
        check_free(path)?;
    }
    let password = password::ask(ADMIN)?;
    let failed = |e: &dyn std::fmt::Display| (format!("{e}; nothing was changed"), 1);
    check_password_form(&password).map_err(|e| failed(&e.in_full()))?;
    let iterations = Config::default().accounts.iterations;
    let verifier = Verifier::derive(&password, iterations).map_err(|e| failed(&e.in_full()))?;
    let mut made = Made::default();
    let all = make(&mut made, conf, home, verifier);
    all.map_err(|e| failed(&e))?;
    made.0.clear();
    Ok(())
}

/// Refuses a directory that has anything in it.
fn check_free(path: &Path) -> Result<(), FailureText> {
    let shown = Escaped(&path.to_string_lossy()).to_string();
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(true) => {
            Err((format!("`{shown}` is there already and not empty; nothing was changed"), 1))
        }
        Err(e) => Err((format!("`{shown}`: {}; nothing was changed", system_words(&e)), 1)),
    }
}

/// What was made so far, the first first; dropped, it is taken away again.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a directory, and those above it; `mode` is what its owner and others may do.
    fn directory(&mut self, path: &Path, mode: u32) -> Result<(), String> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in missing.into_iter().rev() {
            let made = DirBuilder::new().mode(mode).create(path);
            made.map_err(|e| failed(path, &e))?;
            self.0.push(path.to_owned());
        }
        Ok(())
    }

    /// Makes a file that others can read and nobody else can write, whatever the mask of new files.
    fn file(&mut self, path: PathBuf, text: &str) -> Result<(), String> {
        let made = File::create_new(&path).and_then(|mut file| {
            self.0.push(path.clone());
            file.set_permissions(Permissions::from_mode(0o644))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        made.map_err(|e| failed(&path, &e))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // A failure here would hide the first one.
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

fn failed(path: &Path, e: &io::Error) -> String {
    format!("`{}`: {}", Escaped(&path.to_string_lossy()), system_words(e))
}

fn make(made: &mut Made, conf: &Path, home: &Path, verifier: Verifier) -> Result<(), String> {
    // Records of passwords are nobody else's.
    made.directory(conf, 0o700)?;
    made.file(conf.join(config::FILE), &config::print_config())?;
    for (name, text) in CONF {
        made.file(conf.join(name), text)?;
    }
    for name in HOME {
        made.directory(&home.join(name), 0o755)?;
    }
    let (name, text) = READ_ME;
    made.file(home.join(name), text)?;
    let store = AccountStore::open(conf).map_err(|e| e.to_string())?;
    let name = AccountName::parse(ADMIN).ok_or("not a name")?;
    let mut admin = Account::new(name, verifier, Some(Config::default().accounts.default_quota));
    admin.role = Role::Admin;
    let (homes, rest) = (Homes::new(home), ["accounts.ini", "accounts.lock"]);
    made.0.extend(rest.map(|name| conf.join(name)));
    let created = store.edit(|new_file| new_file.create(admin.clone(), Adopt::No, &homes));
    created.map_err(|e| e.to_string())
}
