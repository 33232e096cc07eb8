//! What the figures were measured on, and with which programs.

use std::fs;
use std::path::Path;

use super::options::Options;
use super::servers::programs::PROGRAMS;

/// Groups of instructions that digests and ciphers profit from, as /proc/cpuinfo calls them.
const INSTRUCTIONS: [&str; 5] = ["avx2", "avx512f", "sha_ni", "aes", "asimd"];

/// The machine, line by line.
pub(crate) fn about(options: &Options) -> Vec<(String, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let of = |name: &str| {
        let lines = info.lines().filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(n, _)| n.trim() == name).map(|(_, value)| value.trim());
        values.next().unwrap_or_default().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let flags = [of("flags"), of("Features")].join(" ");
    let flags: Vec<&str> = flags.split(' ').filter(|flag| INSTRUCTIONS.contains(flag)).collect();
    let memory = read("/proc/meminfo").lines().next().unwrap_or_default().to_owned();
    let load = read("/proc/loadavg");
    let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    let row = |name: &str, value: String| (name.to_owned(), value);
    vec![
        row("processor", format!("{}, {cores} cores, {}", of("model name"), flags.join(" "))),
        row("memory", format!("{} MiB", kib.unwrap_or_default() / 1024)),
        row("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        row("load at the start", load.split(' ').next().unwrap_or_default().to_owned()),
        row("file system", file_system(&options.memory)),
        row("file system of the disk", file_system(&options.disk)),
    ]
}

/// The programs that are here, and their versions.
pub(crate) fn programs() -> Vec<(String, String)> {
    let versions = PROGRAMS.iter().map(|program| (program.name, program.version()));
    versions.filter_map(|(name, version)| Some((name.to_owned(), version?))).collect()
}

/// The kind of file system that a directory is on.
pub(crate) fn file_system(directory: &Path) -> String {
    let directory = directory.canonicalize().unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let rows = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = rows.filter(|(point, _)| directory.starts_with(point));
    // Of two on the same point the later one counts.
    let found = above.max_by_key(|(point, _)| point.len());
    found.map_or("unknown", |(_, kind)| kind).to_owned()
}
