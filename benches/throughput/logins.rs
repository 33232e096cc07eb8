//! How many logins a server manages in a second.

use std::time::{Duration, Instant};

use miniftp::scram::Verifier;

use super::Result;
use super::bench::Bench;
use super::lineup::Running;
use super::servers::miniftpd::PASSWORD_ITERATIONS;
use super::servers::{Durability, Server};
use super::sessions::{Caller, callers};
use super::workloads::Workload;

/// Measures them.
///
/// # Errors
/// What keeps everybody from logging in.
pub(crate) fn measure(bench: &mut Bench, workload: &'static Workload) -> Result<()> {
    let root = bench.root(false)?;
    let servers = bench.directory(&root, workload)?;
    let mut running = Running::default();
    let mut all = callers(bench, workload, "login");
    let rounds = bench.options.rounds;
    bench.progress.begin(workload.name, all.len() * (rounds + 1));
    for round in 0..=rounds {
        all = all
            .into_iter()
            .filter_map(|mut caller| {
                let start = (servers.0.as_path(), false, Durability::None);
                let place = running.place_of(bench, caller.server, start)?;
                let server = running.get(Some(place))?;
                bench.progress.step(&format!("round {round}, {}", caller.row.name));
                match rate(&mut caller, server, bench.options.logins) {
                    Ok((rate, cpu)) if round > 0 => {
                        let row = bench.row(&caller.row)?;
                        row.values.push(rate);
                        row.cpu.extend(cpu);
                    }
                    Ok(_) => {}
                    Err(e) => {
                        bench.failed(&caller.row, &e);
                        return None;
                    }
                }
                Some(caller)
            })
            .collect();
        bench.check_interrupt()?;
    }
    bench.progress.end();
    Ok(())
}

/// Logins a second of one after the other, and seconds of the server's processor time for 1,000 of
/// them. What this process pays for its password each time is taken off: it depends on the record
/// and not on the server.
fn rate(caller: &mut Caller, server: &Server, logins: usize) -> Result<(f64, Option<f64>)> {
    let (begun, before) = (Instant::now(), server.cpu_secs());
    for _ in 0..logins {
        caller.open(server)?.close()?;
    }
    let whole = begun.elapsed();
    let cpu = server.cpu_secs().zip(before).map(|(now, then)| now - then);
    let begun = Instant::now();
    for _ in 0..if caller.login.derives { logins } else { 0 } {
        Verifier::derive(server.login.1, PASSWORD_ITERATIONS)?;
    }
    let derived = if caller.login.derives { begun.elapsed() } else { Duration::ZERO };
    let rate = logins as f64 / whole.saturating_sub(derived).as_secs_f64();
    Ok((rate, cpu.map(|secs| secs * 1000.0 / logins as f64)))
}
