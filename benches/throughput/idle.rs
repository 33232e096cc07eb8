//! How much memory a server uses for a session that does nothing.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::Result;
use super::bench::Bench;
use super::servers::Durability;
use super::sessions::{Caller, Session, callers};
use super::workloads::Workload;

/// How long a server has to come to rest.
const SETTLE: Duration = Duration::from_secs(1);

/// Measures it, with a server that was just started each time.
///
/// # Errors
/// What keeps all servers from being measured.
pub(crate) fn measure(bench: &mut Bench, workload: &'static Workload) -> Result<()> {
    let root = bench.root(false)?.join(workload.name);
    let mut all = callers(bench, workload, "session");
    let (rounds, sessions) = (bench.options.rounds, bench.options.sessions);
    // Nothing is warm in a new server, so there is no round that warms up.
    bench.progress.begin(workload.name, all.len() * rounds);
    for round in 1..=rounds {
        all.retain_mut(|caller| {
            bench.progress.step(&format!("round {round}, {}", caller.row.name));
            let measured = each(caller, &root, sessions);
            let _ = fs::remove_dir_all(&root);
            match measured {
                Ok(size) => bench.row(&caller.row).map(|row| row.values.push(size)).is_some(),
                Err(e) => {
                    bench.failed(&caller.row, &e);
                    false
                }
            }
        });
        bench.check_interrupt()?;
    }
    bench.progress.end();
    Ok(())
}

/// KiB of one of so many sessions.
fn each(caller: &mut Caller, root: &Path, sessions: usize) -> Result<f64> {
    let server = caller.server.start(root, false, Durability::None)?;
    caller.forget_keys();
    // What the first login needs, the server keeps.
    caller.open(&server)?.close()?;
    thread::sleep(SETTLE);
    let before = server.memory().ok_or("its memory cannot be seen")?;
    let open = (0..sessions).map(|_| caller.open(&server));
    let open: Vec<Session> = open.collect::<Result<_>>()?;
    thread::sleep(SETTLE);
    let after = server.memory().ok_or("its memory cannot be seen")?;
    drop(open);
    Ok(after.saturating_sub(before) as f64 / 1024.0 / sessions as f64)
}
