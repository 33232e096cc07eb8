//! Where the configuration and the data are: the first of a fixed list of places that fits, and why
//! it is that one.
//!
//! Never: makes anything. Invariant: what the command line or the environment names is taken, there
//! or not; any other place only if it holds what is looked for.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use miniftp::accounts::check;
use miniftp::config;
use miniftp::text::Escaped;

use crate::xdg::user_directory;

/// Where a system keeps what all its users share.
const SYSTEM_CONF: &str = "/etc/miniftp";
const SYSTEM_DATA: &str = "/var/lib/miniftp";
/// The directory below those that the user's environment names.
const NAME: &str = "miniftp";
/// What a server makes in the directory of its homes.
const PRIVATE: &str = ".miniftp";

/// The directories that a run of the program works on.
pub(crate) struct Directories {
    /// Settings, accounts and mounts.
    pub(crate) conf: PathBuf,
    /// The homes of the accounts.
    pub(crate) home: PathBuf,
}

/// What was found out about each place, in the order in which they count.
pub(crate) struct Search {
    conf: Vec<Candidate>,
    home: Vec<Candidate>,
}

/// One place.
struct Candidate {
    /// As the user knows it: an option, a variable, or a path.
    name: String,
    /// Where it is, if there is such a place for this user.
    path: Option<PathBuf>,
    state: State,
}

/// What is to be said of a place.
enum State {
    /// It is none here: an option that was not given, a variable that is not set.
    Absent(&'static str),
    /// It does not hold what is looked for.
    Unfit(String),
    /// It does.
    Fit(&'static str),
}

impl Search {
    /// Looks at all of them.
    pub(crate) fn new(conf: Option<&Path>, home: Option<&Path>) -> Search {
        let of_user = |variable, below: &str| {
            let name = |path: PathBuf| (path.display().to_string(), Some(path));
            match user_directory(variable, below) {
                Some(path) => name(path.join(NAME)),
                None => (format!("${variable}/{NAME}"), None),
            }
        };
        let conf = vec![
            Candidate::named("--conf", conf, "not given"),
            Candidate::named("MINIFTP_CONF", variable("MINIFTP_CONF").as_deref(), "not set"),
            Candidate::conf("./conf".to_owned(), Some("conf".into())),
            {
                let (name, path) = of_user("XDG_CONFIG_HOME", ".config");
                Candidate::conf(name, path)
            },
            Candidate::conf(SYSTEM_CONF.to_owned(), Some(SYSTEM_CONF.into())),
        ];
        // A directory of this name may be anybody's, such as that of all users in `/`.
        let is_beside = matches!(conf[2].state, State::Fit(_));
        let home = vec![
            Candidate::named("--home", home, "not given"),
            Candidate::named("MINIFTP_HOME", variable("MINIFTP_HOME").as_deref(), "not set"),
            Candidate::here(is_beside),
            {
                let (name, path) = of_user("XDG_DATA_HOME", ".local/share");
                Candidate::data(name, path)
            },
            Candidate::data(SYSTEM_DATA.to_owned(), Some(SYSTEM_DATA.into())),
        ];
        Search { conf, home }
    }

    /// The directories to work on; `None` if there is no configuration.
    pub(crate) fn chosen(&self) -> Option<Directories> {
        let conf = self.conf.get(chosen(&self.conf)?)?.path.clone()?;
        let home = self.home.get(self.home_at())?.path.clone()?;
        Some(Directories { conf, home })
    }

    /// Which place the data is at: where there is none yet it is made beside the configuration.
    fn home_at(&self) -> usize {
        let beside = chosen(&self.conf).filter(|at| *at >= HERE).unwrap_or(HERE);
        let fits = |at: &usize| {
            let foreign = *at == HERE && matches!(self.home[*at].state, State::Unfit(_));
            self.home[*at].path.is_some() && !(foreign && Path::new("home").exists())
        };
        let new = || (beside..self.home.len()).find(fits);
        chosen(&self.home).or_else(new).unwrap_or(HERE)
    }

    /// The places of the configuration that were looked at, for whoever has none.
    pub(crate) fn looked_at(&self) -> String {
        let places = self.conf.iter().filter(|place| !matches!(place.state, State::Absent(_)));
        places.map(|place| Escaped(&place.name).to_string()).collect::<Vec<_>>().join(", ")
    }

    /// What was chosen, and what is to be said of every place.
    pub(crate) fn report(&self) -> String {
        let (conf, home) = (chosen(&self.conf), self.home_at());
        let is_new = chosen(&self.home).is_none();
        let mut text = String::new();
        section(&mut text, "configuration", &self.conf, conf, "");
        let new = "chosen: the server makes it, because none of these places has any data";
        section(&mut text, "data", &self.home, Some(home), if is_new { new } else { "" });
        text
    }
}

/// The place in the working directory.
const HERE: usize = 2;

fn chosen(places: &[Candidate]) -> Option<usize> {
    places.iter().position(|place| matches!(place.state, State::Fit(_)))
}

fn section(text: &mut String, title: &str, all: &[Candidate], chosen: Option<usize>, new: &str) {
    let path = chosen.and_then(|at| all.get(at)?.path.as_deref());
    let shown = path.map(|path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Escaped(&path.to_string_lossy()).to_string()
    });
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{title}: {}", shown.as_deref().unwrap_or("none"));
    let width = all.iter().map(|place| place.name.chars().count()).max().unwrap_or(0);
    for (at, place) in all.iter().enumerate() {
        let said = match &place.state {
            _ if Some(at) == chosen && !new.is_empty() => new.to_owned(),
            State::Absent(why) => (*why).to_owned(),
            State::Unfit(why) => why.clone(),
            State::Fit(why) if Some(at) == chosen => format!("chosen: {why}"),
            State::Fit(why) => format!("{why}, but another place comes first"),
        };
        let name = Escaped(&place.name).to_string();
        let _ = writeln!(text, "  {name:width$}  {said}");
    }
}

impl Candidate {
    /// What an option or a variable names is taken as it is: a mistake in it shall be noticed.
    fn named(name: &str, path: Option<impl AsRef<Path>>, absent: &'static str) -> Candidate {
        let path = path.map(|path| path.as_ref().to_owned());
        let state = if path.is_some() { State::Fit("named") } else { State::Absent(absent) };
        Candidate { name: name.to_owned(), path, state }
    }

    /// A directory with settings or accounts in it.
    fn conf(name: String, path: Option<PathBuf>) -> Candidate {
        let state = match &path {
            None => State::Absent("HOME is not set"),
            Some(path) => match (holds(path, config::FILE), holds(path, check::FILE)) {
                (Ok(true), _) => State::Fit("it has server.ini"),
                (_, Ok(true)) => State::Fit("it has accounts.ini"),
                (Err(e), _) | (_, Err(e)) => State::Unfit(unreadable(&e)),
                _ if path.is_dir() => State::Unfit("no server.ini and no accounts.ini".to_owned()),
                _ => State::Unfit("no such directory".to_owned()),
            },
        };
        Candidate { name, path, state }
    }

    /// `home` in the working directory, if it is a server's.
    fn here(is_beside: bool) -> Candidate {
        let path = PathBuf::from("home");
        let state = match holds(&path, PRIVATE) {
            Ok(true) => State::Fit("a server has used it"),
            Err(e) => State::Unfit(unreadable(&e)),
            _ if !path.is_dir() => State::Unfit("no such directory".to_owned()),
            _ if is_beside => State::Fit("it lies beside ./conf"),
            _ => State::Unfit("no server has used it, and ./conf is not beside it".to_owned()),
        };
        Candidate { name: "./home".to_owned(), path: Some(path), state }
    }

    /// A directory that is called after the program.
    fn data(name: String, path: Option<PathBuf>) -> Candidate {
        let state = match &path {
            None => State::Absent("HOME is not set"),
            Some(path) if path.is_dir() => State::Fit("it is there"),
            Some(_) => State::Unfit("no such directory".to_owned()),
        };
        Candidate { name, path, state }
    }
}

/// Whether there is something of this name in a directory.
fn holds(directory: &Path, name: &str) -> io::Result<bool> {
    match directory.join(name).try_exists() {
        // A file in the place of the directory.
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
        looked => looked,
    }
}

fn unreadable(e: &io::Error) -> String {
    format!("cannot be looked into: {}", miniftp::text::system_words(e))
}

/// A variable of the environment, if it says something.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
