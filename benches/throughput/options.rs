//! The command line: one table of options, from which reading and help come.

use std::path::PathBuf;

use lexopt::ValueExt;

use super::Result;
use super::clients::CLIENTS;
use super::servers::SERVERS;
use super::servers::programs::PROGRAMS;
use super::workloads::{WORKLOADS, Workload};

/// Where the recorded run and its plots are.
pub(crate) const RECORDED: &str = "docs/performance/last.json";
const PLOTS: &str = "docs/performance";

/// What is to be measured, and what becomes of it.
pub(crate) struct Options {
    /// The workloads, in the order of their table.
    pub(crate) workloads: Vec<&'static Workload>,
    /// Parts of names: only contestants with one of them are measured, and all if there are none.
    with: Vec<String>,
    without: Vec<String>,
    pub(crate) rounds: usize,
    pub(crate) mib: usize,
    pub(crate) files: usize,
    pub(crate) logins: usize,
    pub(crate) sessions: usize,
    pub(crate) most_files: usize,
    pub(crate) most_gib: usize,
    pub(crate) memory: PathBuf,
    pub(crate) disk: PathBuf,
    /// `-` for standard output.
    pub(crate) json: Option<String>,
    pub(crate) plots: Option<PathBuf>,
    /// Whether a recorded run is drawn, and nothing measured.
    pub(crate) draws: bool,
}

/// A row of the table of options.
struct OptionRow {
    name: &'static str,
    /// What stands for its value in the help; empty for a switch.
    value: &'static str,
    about: &'static str,
    set: fn(&mut Options, &str) -> Result<()>,
}

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "only",
        value: "WORKLOADS",
        about: "measure these, separated by commas",
        set: |options, value| options.choose(value),
    },
    OptionRow {
        name: "with",
        value: "NAMES",
        about: "only contestants whose names have one of these in them, and cp",
        set: |options, value| set_list(&mut options.with, value),
    },
    OptionRow {
        name: "without",
        value: "NAMES",
        about: "leave out contestants whose names have one of these in them",
        set: |options, value| set_list(&mut options.without, value),
    },
    OptionRow {
        name: "rounds",
        value: "N",
        about: "timed rounds after the one that warms up (5)",
        set: |options, value| set_number(&mut options.rounds, value),
    },
    OptionRow {
        name: "mb",
        value: "MIB",
        about: "size of the large file (1024, or MINIFTP_BENCH_MB)",
        set: |options, value| set_number(&mut options.mib, value),
    },
    OptionRow {
        name: "files",
        value: "N",
        about: "small files, and a tenth as many mixed ones (10000, or MINIFTP_BENCH_FILES)",
        set: |options, value| set_number(&mut options.files, value),
    },
    OptionRow {
        name: "logins",
        value: "N",
        about: "logins in a row (400)",
        set: |options, value| set_number(&mut options.logins, value),
    },
    OptionRow {
        name: "sessions",
        value: "N",
        about: "idle sessions (500)",
        set: |options, value| set_number(&mut options.sessions, value),
    },
    OptionRow {
        name: "most-files",
        value: "N",
        about: "the largest tree where trees grow (1000000)",
        set: |options, value| set_number(&mut options.most_files, value),
    },
    OptionRow {
        name: "most-gib",
        value: "GIB",
        about: "the largest file where a file grows, as far as there is room (100)",
        set: |options, value| set_number(&mut options.most_gib, value),
    },
    OptionRow {
        name: "dir",
        value: "DIR",
        about: "place of the files (/dev/shm, which is memory, or MINIFTP_BENCH_DIR)",
        set: |options, value| {
            options.memory = value.into();
            Ok(())
        },
    },
    OptionRow {
        name: "disk",
        value: "DIR",
        about: "place of the files that are synced (below target/, or MINIFTP_BENCH_DISK)",
        set: |options, value| {
            options.disk = value.into();
            Ok(())
        },
    },
    OptionRow {
        name: "json",
        value: "FILE",
        about: "write the run there as JSON; - for standard output, instead of the table",
        set: |options, value| {
            options.json = Some(value.to_owned());
            Ok(())
        },
    },
    OptionRow {
        name: "plots",
        value: "DIR",
        about: "draw a plot of each workload there",
        set: |options, value| {
            options.plots = Some(value.into());
            Ok(())
        },
    },
    OptionRow {
        name: "draw",
        value: "",
        about: "measure nothing; draw --json FILE (docs/performance/last.json) into --plots DIR",
        set: |options, _| {
            options.draws = true;
            Ok(())
        },
    },
];

impl Options {
    fn new() -> Options {
        let place = |name: &str, default: &str| {
            std::env::var_os(name).map_or_else(|| PathBuf::from(default), PathBuf::from)
        };
        let memory = place("MINIFTP_BENCH_DIR", "/dev/shm");
        Options {
            workloads: WORKLOADS.iter().collect(),
            with: Vec::new(),
            without: Vec::new(),
            rounds: 5,
            mib: variable("MINIFTP_BENCH_MB").unwrap_or(1024),
            files: variable("MINIFTP_BENCH_FILES").unwrap_or(10_000),
            logins: 400,
            sessions: 500,
            most_files: 1_000_000,
            most_gib: 100,
            memory: if memory.is_dir() { memory } else { std::env::temp_dir() },
            disk: place("MINIFTP_BENCH_DISK", env!("CARGO_TARGET_TMPDIR")),
            json: None,
            plots: None,
            draws: false,
        }
    }

    /// Whether a contestant is measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let has = |list: &[String]| list.iter().any(|part| name.contains(part.as_str()));
        (self.with.is_empty() || has(&self.with) || name == "cp") && !has(&self.without)
    }

    /// The run that is drawn, and where its plots go.
    pub(crate) fn drawn(&self) -> (PathBuf, PathBuf) {
        let json = self.json.as_deref().unwrap_or(RECORDED);
        (json.into(), self.plots.clone().unwrap_or_else(|| PLOTS.into()))
    }

    fn choose(&mut self, names: &str) -> Result<()> {
        let mut names: Vec<&str> = names.split(',').collect();
        self.workloads = WORKLOADS
            .iter()
            .filter(|workload| {
                let is_wanted = names.contains(&workload.name);
                names.retain(|name| *name != workload.name);
                is_wanted
            })
            .collect();
        match names.first() {
            Some(name) => Err(format!("there is no workload `{name}`; see --help").into()),
            None => Ok(()),
        }
    }
}

fn variable(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok().filter(|number| *number > 0)
}

fn set_number(number: &mut usize, value: &str) -> Result<()> {
    let read = value.parse().ok().filter(|number| *number > 0);
    *number = read.ok_or_else(|| format!("`{value}` is not a number above 0"))?;
    Ok(())
}

fn set_list(list: &mut Vec<String>, value: &str) -> Result<()> {
    *list = value.split(',').map(str::to_owned).collect();
    Ok(())
}

/// Reads the command line; `None` if only the help is wanted.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read() -> Result<Option<Options>> {
    let mut options = Options::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        let name = match argument {
            // Cargo's own.
            lexopt::Arg::Long("bench") => continue,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            lexopt::Arg::Long(name) => name.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        let row = OPTIONS.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| format!("there is no option --{name}; see --help"))?;
        let value = match row.value {
            "" => String::new(),
            _ => parser.value()?.string()?,
        };
        (row.set)(&mut options, &value).map_err(|e| format!("--{name}: {e}"))?;
    }
    Ok(Some(options))
}

/// Everything that can be said, from the tables.
pub(crate) fn help() -> String {
    let options = OPTIONS.iter().map(|row| (format!("--{} {}", row.name, row.value), row.about));
    let workloads = WORKLOADS.iter().map(|row| (row.name.to_owned(), row.about));
    let clients = CLIENTS.iter().map(|row| (row.name.to_owned(), row.about));
    let servers = SERVERS.iter().map(|row| {
        (
            row.name.to_owned(),
            if row.has_tls { "encrypted too, where that is measured" } else { "" },
        )
    });
    let named = PROGRAMS.iter().filter(|program| program.can_be_named());
    let variables = named.map(|program| (program.variable(), program.name));
    let mut text = String::from("cargo bench --bench throughput -- [OPTIONS]\n");
    let mut chapter = |heading: &str, rows: &mut dyn Iterator<Item = (String, &'static str)>| {
        text += &format!("\n{heading}:\n");
        for (name, about) in rows {
            text += format!("  {name:24} {about}").trim_end();
            text.push('\n');
        }
    };
    chapter("Options", &mut options.chain([("--help".to_owned(), "this")]));
    chapter("Workloads", &mut workloads.into_iter());
    chapter("Clients", &mut clients.into_iter());
    chapter("Servers", &mut servers.into_iter());
    chapter("Variables that name programs that are not in PATH", &mut variables.into_iter());
    text
}
