//! What one size does in one round, and where its figures go.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Result;
use crate::bench::{Bench, empty_row};
use crate::clients::{self, Direction, Ended, Watched};
use crate::files::Place;
use crate::report::record::{Role, Row, Unit};
use crate::report::size::Size;
use crate::servers::{Durability, SERVERS, Server, miniftpd, programs};
use crate::workloads::Workload;

/// The client, as tables and options call it.
const CLIENT: &str = "miniftp";
const COPY: &str = "cp";
/// Where a program's output goes.
const OUTPUT: &str = "output";

const GIB: f64 = (1u64 << 30) as f64;

/// A size's turn.
pub(super) struct Turn<'a> {
    bench: &'a mut Bench,
    workload: &'static Workload,
    round: usize,
    /// Whether its figures count: the first of several rounds only warms up.
    is_counted: bool,
    /// Of the action that is done now; without values.
    row: Row,
}

/// What an action came to.
#[derive(Default)]
struct Sample {
    secs: f64,
    /// Seconds of the server's processor time.
    cpu: Option<f64>,
    client_kib: Option<u64>,
    server_kib: Option<u64>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        bench: &'a mut Bench,
        workload: &'static Workload,
        size: Size,
        round: usize,
    ) -> Turn<'a> {
        let row = Row { size: Some(size), ..empty_row(workload, CLIENT, CLIENT, Role::Ours) };
        Turn { bench, workload, round, is_counted: round > 0, row }
    }

    /// The row of the action that was done last.
    pub(super) fn into_row(self) -> Row {
        self.row
    }

    pub(super) fn number(&self) -> u64 {
        self.row.size.map_or(0, Size::number)
    }

    /// A directory for all that this turn has on the disk, removed when dropped.
    pub(super) fn place(&mut self) -> Result<Place> {
        let root = self.bench.root(false)?;
        self.bench.directory(&root, self.workload)
    }

    pub(super) fn wants_client(&self) -> bool {
        self.bench.options.wants(CLIENT)
    }

    /// Says what is done next.
    fn begin(&mut self, action: &str, (name, role): (&str, Role), unit: Unit) -> Result<()> {
        self.bench.check_interrupt()?;
        let round = self.round;
        let of = self.row.size.map(|size| format!(" of {size}")).unwrap_or_default();
        self.bench.progress.step(&format!("round {round}, {action}{of}, {name}"));
        let (name, action) = (name.to_owned(), action.to_owned());
        let like = self.row.clone();
        self.row = Row { client: name.clone(), name, role, action, unit, ..like };
        Ok(())
    }

    /// Copies by `cp` with an option, if that is wanted; `true` if it was.
    pub(super) fn copy(&mut self, root: &Path, option: &str, names: [&str; 2]) -> Result<bool> {
        if !self.bench.options.wants(COPY) {
            return Ok(false);
        }
        self.begin(Direction::Copy.name(), (COPY, Role::Copy), self.workload.unit)?;
        let [from, to] = names;
        let arguments = [option, from, to].map(str::to_owned);
        let ended = clients::run(Path::new(COPY), &arguments, root, Watched::No)?;
        self.note(&Sample { secs: ended.secs, ..Sample::default() })?;
        Ok(true)
    }

    /// Starts a server with nothing in it.
    pub(super) fn server(&self, root: &Path) -> Result<Server> {
        let row = SERVERS.iter().find(|row| row.is_ours).ok_or("a server of ours")?;
        row.start(root, false, Durability::None)
    }

    /// Starts a server again, and measures how long it takes until it listens.
    pub(super) fn start(&mut self, action: &str, home: &Path) -> Result<Server> {
        self.begin(action, (CLIENT, Role::Ours), Unit::Millis)?;
        let begun = Instant::now();
        let server = restarted(home)?;
        self.note(&Sample { secs: begun.elapsed().as_secs_f64(), ..Sample::default() })?;
        Ok(server)
    }

    /// Runs our client with a command; how it ended, and the file that its output is in.
    pub(super) fn run(
        &mut self,
        (action, unit): (&str, Unit),
        (server, root): (&Server, &Path),
        command: &[&str],
    ) -> Result<(Ended, PathBuf)> {
        self.begin(action, (CLIENT, Role::Ours), unit)?;
        let program = programs::find(CLIENT).ok_or("it is not installed")?;
        let fixed = ["-P", &server.port, "-u", server.login.0, "--tls", "off"];
        let arguments = [&fixed[..], command].concat();
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let output = root.join(OUTPUT);
        server.forget_peak();
        let before = server.cpu_secs();
        let ended = clients::run(&program, &arguments, root, Watched::Into(&output))?;
        let cpu = server.cpu_secs().zip(before).map(|(now, then)| now - then);
        let (secs, client_kib, server_kib) = (ended.secs, ended.peak_kib, server.peak_kib());
        self.note(&Sample { secs, cpu, client_kib, server_kib })?;
        Ok((ended, output))
    }

    /// Adds a measurement to the row of the action.
    fn note(&mut self, sample: &Sample) -> Result<()> {
        if !self.is_counted {
            return Ok(());
        }
        let number = self.number() as f64;
        // What a second comes to, of the action and of the server's processor time.
        let (of_secs, of_cpu) = match self.row.unit {
            Unit::MicrosPerFile => (1e6 / number, Some(1000.0 / number)),
            Unit::SecsPerGib => (GIB / number, Some(GIB / number)),
            _ => (1000.0, None),
        };
        let row = self.bench.row(&self.row).ok_or("a row")?;
        row.values.push(sample.secs * of_secs);
        row.cpu.extend(sample.cpu.zip(of_cpu).map(|(secs, of_cpu)| secs * of_cpu));
        row.client_kib.extend(sample.client_kib.map(|kib| kib as f64));
        row.server_kib.extend(sample.server_kib.map(|kib| kib as f64));
        Ok(())
    }
}

/// Starts a server again that has ended, with all that it stores; `home` is the directory of its
/// account.
pub(super) fn restarted(home: &Path) -> Result<Server> {
    let directory = home.ancestors().nth(2).ok_or("the server's directory")?;
    miniftpd::serve(&programs::find("miniftpd").ok_or("it is not installed")?, directory)
}
