//! Rounds: sessions that do what the dice say, an operator who edits, a watcher that looks at the
//! disk, a server that is killed now and then; and a quiet point after each.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::content::Content;
use super::dice::Dice;
use super::edits::{Edit, Operator};
use super::history::{Spot, State};
use super::places::{ACCOUNTS, Names};
use super::quiet;
use super::server::{ADMIN, Server};
use super::watch::Watcher;
use super::worker::Worker;
use super::world::World;
use crate::harness::{Raise, Site, write_file};

/// What a run is like.
#[derive(Clone, Debug)]
pub struct Run {
    /// From which everything follows, as far as threads allow.
    pub seed: u64,
    /// How long it goes on.
    pub lasts: Duration,
    /// Rounds after which it ends if that comes first.
    pub rounds: usize,
    /// Sessions, each with a thread of its own; or none, and all take turns in one thread.
    pub threads: bool,
    /// How many sessions.
    pub sessions: usize,
    /// What is not edited.
    pub without: Vec<Edit>,
    /// Findings with any of these words are none.
    pub ignore: Vec<String>,
    /// Whether the server is killed and stopped.
    pub kills: bool,
    /// Bytes of the shortest file that the operator had there before.
    pub planted: usize,
}

/// How a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Everybody comes to rest.
    Rest,
    /// The server is killed in the middle.
    Kill,
    /// The server is told to stop in the middle.
    Term,
    /// The server is killed when everybody is at rest.
    Restart,
}

/// How often each.
const ENDINGS: [(usize, Ending); 4] =
    [(55, Ending::Rest), (20, Ending::Kill), (12, Ending::Term), (13, Ending::Restart)];

/// Makes what was there before the server came, and tells the model of it.
fn plant(world: &World<'_>, sessions: usize, files: usize) {
    let mut history = world.history();
    let mut put = |root: usize, path: &str, content: Option<Content>| {
        let real = world.roots.dirs[root].join(path);
        match &content {
            None => fs::create_dir_all(&real).unwrap(),
            Some(content) => write_file(&real, &content.bytes()),
        }
        let state = content.map_or(State::Directory, State::File);
        history.begin_with(Spot::new(root, path), state);
    };
    let table = world.table.read().unwrap();
    for root in 0..world.roots.dirs.len() {
        let mount = table.mounts.iter().find(|mount| mount.roots.contains(&root));
        let at = mount.map_or("", |mount| mount.at);
        let number = root as u64 * 1000;
        match at {
            "/drop" => {}
            "/look" => {
                for file in 0..3 {
                    let content = Content::new(number + file, 70_000 * file as usize);
                    put(root, &format!("f{file}"), Some(content));
                }
            }
            _ => {
                put(root, "d0", None);
                put(root, "d1", None);
                for session in 0..sessions {
                    if root >= ACCOUNTS.len() || root == session % ACCOUNTS.len() {
                        put(root, &Names { session }.own(), None);
                    }
                }
            }
        }
        // Many files make a count long, so that others work meanwhile.
        if at == "/paid" {
            put(root, "planted", None);
            for file in 0..files as u64 {
                let content = Content::new(number + 100 + file, 10);
                put(root, &format!("planted/{file}"), Some(content));
            }
        }
    }
}

/// What a run counted and found.
pub struct Report {
    /// The counts, in lines.
    pub counts: String,
    /// What was wrong.
    pub findings: Vec<String>,
    /// The last operations of all sessions, and what the numbers of roots mean.
    pub recent: String,
    /// The end of the log.
    pub log: String,
}

/// Runs it to its end, or to the first round in which something is wrong.
pub fn run(site: &Site, run: &Run) -> Report {
    for (name, quota) in ACCOUNTS {
        site.account(name, &quota.to_string());
    }
    site.admin(ADMIN);
    let world = World::new(site, run.seed, run.sessions);
    plant(&world, run.sessions, run.planted);
    let text = {
        let (table, labels) = (world.table.read().unwrap(), world.labels.lock().unwrap());
        world.roots.text(&table, &labels)
    };
    fs::write(site.conf().join("mounts.ini"), text).unwrap();
    let mut server = Server::start(&world);
    let mut workers: Vec<Worker<'_>> =
        (0..run.sessions).map(|session| Worker::new(&world, session)).collect();
    let mut operator = Operator::new(&world, &run.without);
    let mut dice = Dice::of(run.seed, u64::MAX);
    quiet::check(&world, &mut server, &mut workers);
    let begun = Instant::now();
    let mut findings = world.take_findings();
    for _ in 0..run.rounds {
        if begun.elapsed() >= run.lasts || !findings.is_empty() {
            break;
        }
        world.count("rounds");
        let ending = if run.kills { dice.weighted(&ENDINGS) } else { Ending::Rest };
        let steps = dice.within(20..90);
        let round = Round { world: &world, steps, ending, at: dice.below(steps * run.sessions) };
        if run.threads {
            round.with_threads(&mut server, &mut workers, &mut operator);
        } else {
            round.in_turns(&mut server, &mut workers, &mut operator, &mut dice);
        }
        if ending == Ending::Restart {
            server.kill();
        }
        if ending != Ending::Rest {
            for worker in &mut workers {
                (worker.framed, worker.ftp) = (None, None);
            }
            server.start_again();
            world.dying.store(false, Ordering::SeqCst);
        }
        quiet::check(&world, &mut server, &mut workers);
        findings = world.take_findings();
        findings.retain(|finding| !run.ignore.iter().any(|words| finding.contains(words)));
    }
    let recent = world.recent() + &world.legend();
    Report { counts: world.counts(), findings, recent, log: server.last_of_log() }
}

/// A round before it begins.
struct Round<'a, 'w> {
    world: &'a World<'w>,
    /// Steps of each session.
    steps: usize,
    ending: Ending,
    /// The step at which the server ends, of all steps together.
    at: usize,
}

impl Round<'_, '_> {
    /// The server ends, if that is how the round ends.
    fn end(&self, server: &Server<'_>) {
        if matches!(self.ending, Ending::Kill | Ending::Term) {
            self.world.dying.store(true, Ordering::SeqCst);
            if self.ending == Ending::Kill { server.kill() } else { server.term() }
        }
    }

    /// One after the other, in an order that follows from the seed.
    fn in_turns(
        &self,
        server: &mut Server<'_>,
        workers: &mut [Worker<'_>],
        operator: &mut Operator<'_>,
        dice: &mut Dice,
    ) {
        let mut watcher = Watcher::new(self.world);
        for step in 0..self.steps * workers.len() {
            if step == self.at {
                self.end(server);
            }
            if self.world.is_dying() {
                break;
            }
            workers[dice.below(workers.len())].step();
            if dice.percent(4) {
                operator.step(server);
            }
            if step % 8 == 0 {
                watcher.look(server.pid());
            }
        }
        workers.iter_mut().for_each(Worker::come_to_rest);
    }

    /// All at once.
    fn with_threads(
        &self,
        server: &mut Server<'_>,
        workers: &mut [Worker<'_>],
        operator: &mut Operator<'_>,
    ) {
        let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (pid, world) = (server.pid(), self.world);
        let all = self.steps * workers.len();
        let running = AtomicUsize::new(workers.len());
        thread::scope(|scope| {
            let _over = Raise(&over);
            scope.spawn(|| {
                let mut watcher = Watcher::new(world);
                while !over.load(Ordering::SeqCst) {
                    watcher.look(pid);
                    thread::park_timeout(Duration::from_micros(500));
                }
            });
            for worker in workers.iter_mut() {
                let (running, done) = (&running, &done);
                scope.spawn(move || {
                    let _gone = Leave(running);
                    for _ in 0..self.steps {
                        if world.is_dying() {
                            break;
                        }
                        worker.step();
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                    worker.come_to_rest();
                });
            }
            // This thread is the operator, who edits a few times in a round.
            let mut next = all / 8;
            let mut ended = false;
            while running.load(Ordering::SeqCst) > 0 {
                let done = done.load(Ordering::SeqCst);
                if !ended && done >= self.at {
                    ended = true;
                    self.end(server);
                }
                if done >= next && !world.is_dying() {
                    next = done + all / 5;
                    operator.step(server);
                }
                thread::park_timeout(Duration::from_micros(200));
            }
            // All may have come to rest between two looks.
            if !ended {
                self.end(server);
            }
        });
    }
}

/// One fewer runs when it is dropped, so that nobody waits for one that failed.
struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
