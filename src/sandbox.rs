//! What the kernel lets this process open and connect to once it serves (Landlock): a second line
//! of defence, behind the jail of each root.
//!
//! Never: made wider while the process runs; the kernel has no way to do that. Invariant: enforced
//! before the first thread that serves, so that all of them are held to it.

#[cfg(target_os = "linux")]
mod landlock;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Stat, stat};

/// What holds this process; nothing before the start and where nothing is enforced.
static IN_FORCE: OnceLock<Sandbox> = OnceLock::new();

/// What the home's private directory keeps of it, for whoever is about to edit a file.
pub const NOTE: &str = "sandbox";
/// What is said of an edit that would reach beyond it.
pub const NEXT_START: &str = "takes effect at the next start";

/// What may be done below a directory, or with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Empty directories are removed.
    Empty,
    /// Files and directories are read.
    Read,
    /// A device that is written to.
    Device,
    /// Everything but running programs and making devices.
    Change,
}

/// All of them, and what a note calls them.
const REACHES: [Reach; 4] = [Reach::Empty, Reach::Read, Reach::Device, Reach::Change];
const WORDS: [&str; 4] = ["empty", "read", "device", "change"];
/// What it calls a program.
const RUNS: &str = "runs ";

/// What a server needs, by paths.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Directories and files; what is not there is passed over.
    pub places: Vec<(PathBuf, Reach)>,
    /// Whether connections to others are begun.
    pub connects: bool,
    /// The programs that another process runs for this one, as the settings have them.
    pub programs: Vec<String>,
}

/// What came of enforcing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The settings do not want it.
    Off(&'static str),
    /// The kernel has nothing of the kind, or too little.
    Unavailable(String),
    /// In force, by this version of the kernel's interface.
    InForce {
        /// The version.
        abi: u32,
        /// Whether connections to others are refused too; the reason, where they are not.
        connections: Result<(), &'static str>,
    },
}

/// What is enforced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    places: Vec<(FileNumbers, Reach)>,
    connects: bool,
    programs: Vec<String>,
}

/// By what the kernel knows a file or directory, whatever its path.
type FileNumbers = (u64, u64);

impl Needs {
    /// Adds what every server reads of the system, and what it does at its terminal.
    #[must_use]
    pub fn of_the_system(mut self) -> Needs {
        let read = ["/proc/self", "/proc/sys", "/sys/devices/system/cpu", "/sys/fs/cgroup"];
        self.places.extend(read.map(|path| (PathBuf::from(path), Reach::Read)));
        let devices = ["/dev/null", "/dev/tty", "/dev/urandom"];
        self.places.extend(devices.map(|path| (PathBuf::from(path), Reach::Device)));
        self
    }

    /// Adds a directory, and where the links in it lead to: a link in the place of a file stays
    /// one, and the file behind it is replaced.
    pub fn add_with_links(&mut self, dir: &Path) {
        self.places.push((dir.to_path_buf(), Reach::Change));
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.path().is_symlink()) {
            let target = entry.path().canonicalize().ok();
            let beside = target.as_deref().and_then(Path::parent).map(Path::to_path_buf);
            self.places.extend(beside.map(|beside| (beside, Reach::Change)));
        }
    }

    /// Adds the directories of a file that others replace: the one that its path names, and the one
    /// that it is in.
    pub fn add_file(&mut self, file: &Path, reach: Reach) {
        let real = file.canonicalize().ok();
        for path in [Some(file), real.as_deref()].into_iter().flatten() {
            self.places.extend(directory_of(path).map(|dir| (dir, reach)));
        }
    }

    /// Holds this thread to it, and all threads and programs that it starts from now on.
    pub fn enforce(self) -> State {
        #[cfg(target_os = "linux")]
        let state = landlock::enforce(&self);
        #[cfg(not(target_os = "linux"))]
        let state = State::Unavailable("this system has none".to_owned());
        if let State::InForce { connections, .. } = &state {
            let numbers = |(path, reach): &(PathBuf, Reach)| Some((numbers_of(path)?, *reach));
            let places = self.places.iter().filter_map(numbers).collect();
            // The first one counts: nothing can be widened afterwards.
            let (connects, programs) = (connections.is_err(), self.programs);
            let _ = IN_FORCE.set(Sandbox { places, connects, programs });
        }
        state
    }
}

impl State {
    /// Whether it holds the process.
    pub fn is_in_force(&self) -> bool {
        matches!(self, State::InForce { .. })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Off(why) => write!(f, "landlock: off, {why}"),
            State::Unavailable(why) => write!(f, "landlock: not available: {why}"),
            State::InForce { abi, connections: Ok(()) } => {
                write!(f, "landlock: files and outgoing connections are restricted (ABI {abi})")
            }
            State::InForce { abi, connections: Err(why) } => {
                write!(f, "landlock: files are restricted (ABI {abi}), ")?;
                write!(f, "outgoing connections are not: {why}")
            }
        }
    }
}

/// What holds this process, if anything does.
pub fn in_force() -> Option<&'static Sandbox> {
    IN_FORCE.get()
}

impl Sandbox {
    /// The words of [`Sandbox::parse`].
    pub fn text(&self) -> String {
        let place = |((dev, ino), reach): &(FileNumbers, Reach)| {
            format!("{} {dev} {ino}\n", WORDS[*reach as usize])
        };
        let places: String = self.places.iter().map(place).collect();
        let programs: String = self.programs.iter().map(|one| format!("{RUNS}{one}\n")).collect();
        places + &programs + if self.connects { "connects\n" } else { "" }
    }

    /// Reads what a server that runs has noted; what it would not have written is passed over.
    pub fn parse(text: &str) -> Option<Sandbox> {
        let mut sandbox = Sandbox::default();
        for line in text.lines() {
            if let Some(program) = line.strip_prefix(RUNS) {
                sandbox.programs.push(program.to_owned());
                continue;
            }
            let words: Vec<&str> = line.split(' ').collect();
            if let [word, dev, ino] = words[..] {
                let reach = REACHES.into_iter().zip(WORDS).find(|(_, name)| *name == word);
                let numbers = dev.parse().ok().zip(ino.parse().ok());
                sandbox.places.extend(numbers.zip(reach.map(|(reach, _)| reach)));
            }
            sandbox.connects |= line == "connects";
        }
        (!sandbox.places.is_empty()).then_some(sandbox)
    }

    /// Whether that may be done at a path. What is not there yet counts as the directory that it
    /// would be made in.
    pub fn reaches(&self, path: &Path, reach: Reach) -> bool {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let there = path.ancestors().find_map(|path| path.canonicalize().ok());
        there.is_some_and(|there| {
            let holds = |numbers| {
                let mut places = self.places.iter();
                places.any(|(of, most)| *of == numbers && reach <= *most)
            };
            there.ancestors().filter_map(numbers_of).any(holds)
        })
    }

    /// The same for a file that others may put another one in the place of.
    pub fn reaches_file(&self, path: &Path, reach: Reach) -> bool {
        let own = directory_of(path).is_none_or(|dir| self.reaches(&dir, reach));
        own && self.reaches(path, reach)
    }

    /// Whether that program is run for this process.
    pub fn runs(&self, program: &str) -> bool {
        self.programs.iter().any(|known| known == program)
    }

    /// Whether connections to others may be begun.
    pub fn connects(&self) -> bool {
        self.connects
    }
}

fn directory_of(file: &Path) -> Option<PathBuf> {
    let dir = file.parent()?;
    Some(if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir.to_path_buf() })
}

fn numbers_of(path: &Path) -> Option<FileNumbers> {
    let Stat { st_dev, st_ino, .. } = stat(path).ok()?;
    Some((st_dev, st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_comes_back_and_says_what_is_inside() {
        let dir = std::env::temp_dir().join(format!("miniftp-sandbox-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        for name in ["own/below", "read"] {
            std::fs::create_dir_all(dir.join(name)).unwrap();
        }
        let place = |name: &str, reach| (numbers_of(&dir.join(name)).unwrap(), reach);
        let places = vec![place("own", Reach::Change), place("read", Reach::Read)];
        let programs = vec!["upload /bin/x 'a  b'".to_owned()];
        let sandbox = Sandbox { places, connects: true, programs };
        assert_eq!(Sandbox::parse(&sandbox.text()), Some(sandbox.clone()));
        assert!(sandbox.runs("upload /bin/x 'a  b'") && !sandbox.runs("upload /bin/x"));
        assert_eq!(Sandbox::parse("connects\ntorn 1\nchange x 2\n"), None);
        for (name, read, change) in [
            ("own", true, true),
            ("own/below/new/file", true, true),
            ("read", true, false),
            ("read/../own", true, true),
            ("own/../new", false, false),
            ("owner", false, false),
        ] {
            let path = dir.join(name);
            let reached = [Reach::Read, Reach::Change].map(|reach| sandbox.reaches(&path, reach));
            assert_eq!(reached, [read, change], "{name}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
