//! What a run of the bench has: its options, its directories, and what was found so far.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use miniftp::text::Moment;

use super::Result;
use super::files::{self, Place};
use super::machine;
use super::options::Options;
use super::progress::Progress;
use super::report::record::{Record, Role, Row};
use super::workloads::Workload;

/// The run.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) progress: Progress,
    pub(crate) record: Record,
    /// Whether something of ours failed.
    pub(crate) has_failed: bool,
    memory: Place,
    disk: Option<Place>,
    /// Set by a signal: the directories have to be removed before the end.
    interrupt: Arc<AtomicBool>,
}

impl Bench {
    /// Makes its directory and looks at the machine.
    ///
    /// # Errors
    /// A directory that cannot be made.
    pub(crate) fn new(options: Options) -> Result<Bench> {
        let interrupt = Arc::<AtomicBool>::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupt))?;
        }
        let memory = Place::below(&options.memory)?;
        let record = Record {
            date: Moment::now().to_string(),
            machine: machine::about(&options),
            settings: settings(&options),
            programs: machine::programs(),
            ..Record::default()
        };
        let progress = Progress::new();
        Ok(Bench { options, progress, record, has_failed: false, memory, disk: None, interrupt })
    }

    /// The directory for a workload's files.
    ///
    /// # Errors
    /// A place on the disk that cannot be made, or that is in memory too.
    pub(crate) fn root(&mut self, is_on_disk: bool) -> Result<PathBuf> {
        if !is_on_disk {
            return Ok(self.memory.0.clone());
        }
        if let Some(disk) = &self.disk {
            return Ok(disk.0.clone());
        }
        let directory = &self.options.disk;
        if machine::file_system(directory) == "tmpfs" {
            let name = directory.display();
            return Err(format!("{name} is in memory; name one on a disk with --disk").into());
        }
        let disk = Place::below(directory)?;
        let root = disk.0.clone();
        self.disk = Some(disk);
        Ok(root)
    }

    /// A directory for the servers of a workload, with no others' files.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn directory(&self, root: &Path, workload: &Workload) -> Result<Place> {
        let path = root.join(format!("servers-{}", workload.name));
        fs::create_dir_all(&path)?;
        Ok(Place(path))
    }

    /// Notes what was not measured, once.
    pub(crate) fn leave_out(&mut self, what: String) {
        if !self.record.left_out.contains(&what) {
            self.record.left_out.push(what);
        }
    }

    /// Notes that a contestant failed in a workload, or in one action of it where the size changes;
    /// what was measured of that goes.
    pub(crate) fn failed(&mut self, row: &Row, error: &dyn std::fmt::Display) {
        self.has_failed |= row.role == Role::Ours;
        let of = match (row.clients, row.size) {
            (_, Some(size)) if row.action.is_empty() => format!(" of {size}"),
            (_, Some(size)) => format!(", {} of {size}", row.action),
            (1, None) => String::new(),
            (clients, None) => format!(" by {clients} clients"),
        };
        self.leave_out(format!("{} in {}{of}: {error}", row.name, row.workload));
        self.record.rows.retain(|other| {
            let is_it =
                is_of_same(other, row) && (row.size.is_none() || other.action == row.action);
            !is_it
        });
    }

    /// The row that a measurement belongs to; made when it is the first.
    pub(crate) fn row(&mut self, like: &Row) -> Option<&mut Row> {
        let is_it = |row: &Row| is_of_same(row, like) && row.action == like.action;
        let at = self.record.rows.iter().position(is_it).unwrap_or_else(|| {
            self.record.rows.push(like.clone());
            self.record.rows.len() - 1
        });
        self.record.rows.get_mut(at)
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// A signal asked the bench to end.
    pub(crate) fn check_interrupt(&self) -> Result<()> {
        match self.interrupt.load(Ordering::Relaxed) {
            true => Err("interrupted".into()),
            false => Ok(()),
        }
    }
}

/// Whether two rows are of the same contestant, with as many clients and as much to do.
fn is_of_same(one: &Row, other: &Row) -> bool {
    one.workload == other.workload
        && one.name == other.name
        && one.clients == other.clients
        && one.size == other.size
}

/// A row without values.
pub(crate) fn empty_row(workload: &Workload, name: &str, client: &str, role: Role) -> Row {
    Row {
        workload: workload.name.to_owned(),
        action: String::new(),
        clients: 1,
        size: None,
        name: name.to_owned(),
        client: client.to_owned(),
        role,
        is_by_client: false,
        is_synced: false,
        unit: workload.unit,
        values: Vec::new(),
        cpu: Vec::new(),
        slowest: Vec::new(),
        fastest: Vec::new(),
        client_kib: Vec::new(),
        server_kib: Vec::new(),
    }
}

/// What the options come to, for whoever reads the figures.
fn settings(options: &Options) -> Vec<(String, String)> {
    let (files, mixed) = (options.files, files::mixed_files(options));
    let row = |name: &str, value: String| (name.to_owned(), value);
    vec![
        row("rounds", options.rounds.to_string()),
        row("large file", format!("{} MiB", options.mib)),
        row("file of one of several clients", format!("{} MiB", files::part_mib(options))),
        row("small and mixed files", format!("{files} and {mixed}")),
        row("logins and idle sessions", format!("{} and {}", options.logins, options.sessions)),
        row(
            "largest tree and file",
            format!("{} files and {} GiB", options.most_files, options.most_gib),
        ),
    ]
}
