//! A server's processes: what they cost in processor time and memory.
//!
//! A server that forks for each session takes the time of processes with it that nobody waited for,
//! so a control group counts where the bench may make one; otherwise the tree below the server's
//! process, with the children that it has waited for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A control group's file of processes.
const PROCESSES: &str = "cgroup.procs";

/// What /proc counts a second in, on every machine that Linux knows.
const TICKS: f64 = 100.0;

/// How often a group is tried to be removed, and the wait in between: it can be when its last
/// process has ended.
const REMOVALS: usize = 50;
const REMOVAL_WAIT: Duration = Duration::from_millis(10);

/// The processes of one server.
pub(super) struct Group {
    root: u32,
    /// Its directory below /sys/fs/cgroup.
    control: Option<PathBuf>,
}

impl Group {
    pub(super) fn of(child: &Child) -> Group {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("miniftp-bench-{}-{number}", std::process::id());
        let control = own_group().map(|own| own.join(name)).filter(|path| {
            let is_made = fs::create_dir(path).is_ok();
            let is_in = fs::write(path.join(PROCESSES), child.id().to_string()).is_ok();
            if is_made && !is_in {
                let _ = fs::remove_dir(path);
            }
            is_in
        });
        Group { root: child.id(), control }
    }

    /// Removes the group, once its last process has ended.
    pub(super) fn end(&mut self) {
        let Some(control) = self.control.take() else { return };
        for _ in 0..REMOVALS {
            if fs::remove_dir(&control).is_ok() {
                break;
            }
            thread::sleep(REMOVAL_WAIT);
        }
    }

    pub(super) fn cpu_secs(&self) -> Option<f64> {
        let Some(control) = &self.control else { return self.tree_secs() };
        if let Ok(nanos) = fs::read_to_string(control.join("cpuacct.usage")) {
            return Some(nanos.trim().parse::<f64>().ok()? / 1e9);
        }
        let stat = fs::read_to_string(control.join("cpu.stat")).ok()?;
        let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        Some(micros.parse::<f64>().ok()? / 1e6)
    }

    pub(super) fn memory(&self) -> Option<u64> {
        let of_one = |process: &u32| {
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            Some(pss.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
        };
        // One that ended meanwhile uses none.
        let sizes: Vec<u64> = self.processes().iter().filter_map(of_one).collect();
        (!sizes.is_empty()).then(|| sizes.iter().sum())
    }

    fn processes(&self) -> Vec<u32> {
        match &self.control {
            Some(control) => {
                let list = fs::read_to_string(control.join(PROCESSES)).unwrap_or_default();
                list.lines().filter_map(|line| line.parse().ok()).collect()
            }
            None => self.tree().keys().copied().collect(),
        }
    }

    /// The server's process and all below it, each with its line in /proc.
    fn tree(&self) -> BTreeMap<u32, Stat> {
        let mut all: BTreeMap<u32, Stat> = BTreeMap::new();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for entry in entries {
            let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let stat = Stat::read(&entry.path());
            all.extend(id.zip(stat));
        }
        let mut tree = BTreeMap::new();
        let mut next = vec![self.root];
        while let Some(id) = next.pop() {
            next.extend(all.iter().filter(|(_, stat)| stat.parent == id).map(|(id, _)| *id));
            tree.extend(all.remove(&id).map(|stat| (id, stat)));
        }
        tree
    }

    fn tree_secs(&self) -> Option<f64> {
        let ticks: u64 = self.tree().values().map(|stat| stat.ticks).sum();
        Some(ticks as f64 / TICKS)
    }
}

/// What /proc says of a process.
struct Stat {
    parent: u32,
    /// Its processor time and that of its children that it has waited for.
    ticks: u64,
}

impl Stat {
    fn read(process: &Path) -> Option<Stat> {
        let line = fs::read_to_string(process.join("stat")).ok()?;
        // The name may hold anything; what follows it are numbers, from the state on.
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let ticks = (11..15).map(number).sum::<Option<u64>>()?;
        Some(Stat { parent: number(1)?.try_into().ok()?, ticks })
    }
}

/// The control group that this program is in, where processor time is counted.
fn own_group() -> Option<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let of = |controller: &str| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (names, path) = rest.split_once(':')?;
            let is_it = names.split(',').any(|name| name == controller);
            is_it.then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let unified = root.join("cgroup.controllers");
    let path = if unified.exists() {
        root.join(of("")?)
    } else {
        root.join("cpuacct").join(of("cpuacct")?)
    };
    Some(path)
}
