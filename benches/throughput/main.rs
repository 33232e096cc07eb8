//! How fast miniftp is beside others, through the real programs.
//!
//! `cargo bench --bench throughput` runs every workload of one table (`workloads.rs`) with every
//! contestant of two others (`clients/mod.rs`, `servers/mod.rs`) that is installed. Each round lets
//! all of them take their turn, and one round before warms up: memory that is touched for the first
//! time costs several times more. Medians are printed, with the ratio to `cp` and to the best other
//! server in the same run, which is what can be compared between machines. What arrived is
//! compared byte for byte outside of the timing.
//!
//! docs/PERFORMANCE.md says how to read it; `-- --help` prints options, workloads and contestants.

#![allow(clippy::print_stdout, reason = "a bench is there to print its table")]

mod bench;
mod clients;
mod files;
mod idle;
mod lineup;
mod logins;
mod machine;
mod options;
mod plots;
mod progress;
mod report;
mod scale;
mod servers;
mod sessions;
mod transfers;
mod workloads;

use std::error::Error;
use std::fs;
use std::path::Path;

use self::bench::Bench;
use self::options::Options;
use self::report::record::Record;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Into which the figures of a recorded run are put.
const DOCUMENT: &str = "docs/PERFORMANCE.md";
/// `--json -`.
const STDOUT: &str = "-";

fn main() -> Result<()> {
    match options::read()? {
        None => print!("{}", options::help()),
        Some(options) if options.draws => draw(&options)?,
        Some(options) => measure(options)?,
    }
    Ok(())
}

/// Draws a recorded run, and puts its figures into the document.
fn draw(options: &Options) -> Result<()> {
    let (json, directory) = options.drawn();
    let text = fs::read_to_string(&json).map_err(|e| format!("{}: {e}", json.display()))?;
    let record = Record::from_json(&text)?;
    plots::draw(&record, &directory)?;
    let document = record.put_into(&fs::read_to_string(DOCUMENT)?)?;
    fs::write(DOCUMENT, document)?;
    println!("{} and {DOCUMENT} are drawn from {}", directory.display(), json.display());
    Ok(())
}

fn measure(options: Options) -> Result<()> {
    allow_many_files()?;
    let mut bench = Bench::new(options)?;
    let prints = bench.options.json.as_deref() != Some(STDOUT);
    for workload in bench.options.workloads.clone() {
        if let Err(e) = workload.measure(&mut bench) {
            bench.check_interrupt()?;
            bench.leave_out(format!("{}: {e}", workload.name));
        }
        if prints {
            println!("{}: {}", workload.name, workload.about);
            println!("{}", bench.record.cells(workload.name).for_terminal());
        }
        // What is there is kept, however the rest ends.
        keep(&bench, prints)?;
    }
    if prints {
        bench.record.left_out.iter().for_each(|left_out| println!("left out: {left_out}"));
    } else {
        print!("{}", bench.record.to_json());
    }
    if let Some(directory) = &bench.options.plots {
        plots::draw(&bench.record, directory)?;
    }
    if bench.has_failed { Err("something of ours failed; see above".into()) } else { Ok(()) }
}

/// Writes the run into its file, if it is wanted as one.
fn keep(bench: &Bench, is_file: bool) -> Result<()> {
    if let Some(path) = bench.options.json.as_ref().filter(|_| is_file).map(Path::new) {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        fs::write(path, bench.record.to_json())?;
    }
    Ok(())
}

/// Hundreds of sessions are as many open files, here and in servers that are started.
fn allow_many_files() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
