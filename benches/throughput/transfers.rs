//! Workloads that move files: every contestant in turn, in every round.

use std::path::Path;
use std::thread;
use std::time::Instant;

use super::Result;
use super::bench::{Bench, empty_row};
use super::clients::{Direction, Job, Task};
use super::files::{self, Made};
use super::lineup::{Contestant, Running, contestants};
use super::report::record::{Row, Unit};
use super::servers::{Protocol, Server};
use super::workloads::{Transfers, Workload};

const GIB: f64 = (1u64 << 30) as f64;

/// One measurement.
struct Sample {
    secs: f64,
    /// Of each client by itself.
    each: Vec<f64>,
    /// Seconds of the server's processor time.
    cpu: Option<f64>,
}

/// What a contestant is about to do.
struct Turn<'a> {
    contestant: &'a Contestant,
    /// Which of all contestants it is.
    place: usize,
    server: Option<&'a Server>,
    what: &'a Transfers,
    root: &'a Path,
    made: &'a Made,
    clients: usize,
    round: usize,
}

/// Measures a workload; its rows are the bench's then.
///
/// # Errors
/// What keeps all contestants from being measured.
pub(crate) fn measure(
    bench: &mut Bench,
    workload: &'static Workload,
    what: &Transfers,
) -> Result<()> {
    let root = bench.root(what.is_on_disk)?;
    let made = what.content.make(&root, &bench.options)?;
    let mut running = Running::default();
    let servers = bench.directory(&root, workload)?;
    let all = contestants(bench, &mut running, what, &servers.0)?;
    let actions: usize = all.iter().map(|one| one.directions(what).len()).sum();
    let rounds = bench.options.rounds;
    bench.progress.begin(workload.name, actions * what.at_once.len() * (rounds + 1));
    let mut failed: Vec<(&str, usize)> = Vec::new();
    for round in 0..=rounds {
        for &clients in what.at_once {
            for (place, contestant) in all.iter().enumerate() {
                if failed.contains(&(&contestant.name, clients)) {
                    continue;
                }
                let server = running.get(contestant.server);
                let (root, made) = (&root, &made);
                let turn = Turn { contestant, place, server, what, root, made, clients, round };
                let taken = turn.take(bench, workload);
                turn.clean_up();
                bench.check_interrupt()?;
                if let Err(e) = taken {
                    failed.push((&contestant.name, clients));
                    bench.failed(&turn.row(workload), &e);
                }
            }
        }
    }
    bench.progress.end();
    Ok(())
}

impl Turn<'_> {
    /// Everything that this contestant does in a round; the first only warms up.
    fn take(&self, bench: &mut Bench, workload: &Workload) -> Result<()> {
        let round = self.round;
        for &direction in self.contestant.directions(self.what) {
            let action = self.contestant.action(direction);
            bench.progress.step(&format!("round {round}, {action}, {}", self.contestant.name));
            let sample = self.once(direction)?;
            if round > 0 {
                let row = Row { action: action.to_owned(), ..self.row(workload) };
                bench.row(&row).ok_or("a row")?.note(&sample, self);
            }
        }
        Ok(())
    }

    fn row(&self, workload: &Workload) -> Row {
        let Contestant { name, client, role, is_synced, .. } = self.contestant;
        Row {
            clients: self.clients as u64,
            is_by_client: client.protocol == Protocol::Ftp,
            is_synced: *is_synced,
            ..empty_row(workload, name, client.name, *role)
        }
    }

    fn remote(&self, client: usize) -> String {
        match self.keeps_all() {
            true => format!("sent-{}-{}-{client}", self.place, self.round),
            false => format!("sent-{client}"),
        }
    }

    /// Whether nothing is removed before the end of the bench: ext4 passes over the inodes of files
    /// that were removed within the last minutes, one by one, for each file that is made, which
    /// took four times as long as making it.
    fn keeps_all(&self) -> bool {
        self.what.is_on_disk && self.made.is_tree
    }

    fn local(&self, direction: Direction, client: usize) -> String {
        match direction {
            Direction::Get => format!("got-{client}"),
            Direction::Put | Direction::Copy => self.made.name.to_owned(),
        }
    }

    /// Does it once with all clients, and checks what arrived.
    fn once(&self, direction: Direction) -> Result<Sample> {
        let names: Vec<(String, String)> =
            (0..self.clients).map(|i| (self.local(direction, i), self.remote(i))).collect();
        let jobs: Vec<Job<'_>> = names
            .iter()
            .map(|(local, remote)| Job {
                direction,
                is_tree: self.made.is_tree,
                root: self.root,
                local,
                remote,
                server: self.server,
                tls: self.what.tls,
            })
            .collect();
        let client = self.contestant.client;
        let tasks = jobs.iter().map(|job| client.prepare(job)).collect::<Result<Vec<_>>>()?;
        if self.what.is_on_disk {
            // What others left to be written would be written during this one's time.
            rustix::fs::sync();
        }
        let before = self.server.and_then(Server::cpu_secs);
        let begun = Instant::now();
        let each = run_all(tasks)?;
        let secs = begun.elapsed().as_secs_f64();
        let cpu = self.server.and_then(Server::cpu_secs).zip(before).map(|(now, then)| now - then);
        let source = self.root.join(self.made.name);
        for (local, remote) in &names {
            let arrived = match (direction, self.server) {
                (Direction::Put, Some(server)) => server.directory.join(remote),
                (Direction::Get, _) => self.root.join(local),
                _ => self.root.join(remote),
            };
            files::compare(&source, &arrived)?;
        }
        Ok(Sample { secs, each, cpu })
    }

    /// Removes what was moved, on both sides.
    fn clean_up(&self) {
        if self.keeps_all() {
            return;
        }
        for client in 0..self.clients {
            let remote = self.remote(client);
            files::remove(&self.root.join(self.local(Direction::Get, client)));
            files::remove(&self.root.join(&remote));
            if let Some(server) = self.server.filter(|s| s.directory.join(&remote).exists()) {
                // A server that does not let go of it refuses the next upload, which is seen.
                let _ = server.remove(&remote);
            }
        }
    }
}

/// Runs all at the same time; the seconds of each.
fn run_all(tasks: Vec<Task<'_>>) -> Result<Vec<f64>> {
    let timed = |task: Task<'_>| {
        let begun = Instant::now();
        task().map_err(|e| e.to_string())?;
        Ok::<f64, String>(begun.elapsed().as_secs_f64())
    };
    let ended: Vec<std::result::Result<f64, String>> = thread::scope(|scope| {
        let threads: Vec<_> =
            tasks.into_iter().map(|task| scope.spawn(move || timed(task))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err("a thread failed".to_owned()))
        };
        threads.into_iter().map(join).collect()
    });
    Ok(ended.into_iter().collect::<std::result::Result<_, _>>()?)
}

impl Row {
    /// Adds a measurement.
    fn note(&mut self, sample: &Sample, turn: &Turn<'_>) {
        let (made, clients) = (turn.made, turn.clients as f64);
        let (bytes, files) = (made.bytes as f64, made.files as f64);
        let (amount, cost) = match self.unit {
            Unit::Files => (files, files / 1000.0),
            _ => (bytes / 1e6, bytes / GIB),
        };
        self.values.push(amount * clients / sample.secs);
        self.cpu.extend(sample.cpu.map(|secs| secs / (cost * clients)));
        if turn.clients > 1 {
            let longest = sample.each.iter().copied().max_by(f64::total_cmp);
            let shortest = sample.each.iter().copied().min_by(f64::total_cmp);
            self.slowest.extend(longest.map(|secs| amount / secs));
            self.fastest.extend(shortest.map(|secs| amount / secs));
        }
    }
}
