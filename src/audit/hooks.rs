//! Programs of the operator that are run after an event: what is run, for whom, and how many.
//!
//! Never: keeps a session waiting; gives anything to a shell. Invariant: no more programs run at
//! one time than the settings say, and none for longer.

mod command;
mod messages;
mod run;
mod runner;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use self::command::Given;
pub use self::command::{Hook, HookCommand, below};
use self::run::Run;
pub use self::runner::{HookRunner, run_hooks};
use super::event::Event;
use crate::limits;
use crate::lock::lock;

/// What is run, and how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookPlan {
    /// The programs, in the order of [`Hook::ALL`].
    pub commands: [Option<HookCommand>; Hook::ALL.len()],
    /// How many run at one time.
    pub running: usize,
    /// How long one may run.
    pub time: Duration,
}

/// How often programs were run, since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// Those that have ended well.
    pub done: u64,
    /// Those that could not be started, failed, or ran for too long.
    pub failed: u64,
    /// Events for which none was run, because too many waited.
    pub dropped: u64,
    /// Events that wait.
    pub waiting: usize,
    /// Programs that run.
    pub running: usize,
}

/// What is to be run; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hooks(Arc<HookState>);

#[derive(Debug, Default)]
struct HookState {
    /// The events that anything is run after, as bits: most servers have none, and most events are
    /// others.
    wanted: AtomicU8,
    queue: Mutex<HookQueue>,
    /// Who runs the programs, where this process cannot.
    runner: OnceLock<HookRunner>,
    /// One has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct HookQueue {
    settings: Arc<HookPlan>,
    waiting: VecDeque<Run>,
    counts: HookCounts,
    /// Until when those that run may go on, once the server stops.
    until: Option<Instant>,
    /// Whether it was said that events are dropped, since there was room last.
    is_reported: bool,
}

impl Hooks {
    /// From now on these count; what waits is run as it was to be.
    pub fn set(&self, settings: HookPlan) {
        let mut queue = lock(&self.0.queue);
        let wanted = Hook::ALL.into_iter().zip(&settings.commands);
        let wanted = wanted.filter(|(_, command)| command.is_some());
        let wanted = wanted.fold(0, |bits, (hook, _)| bits | hook.bit());
        self.0.wanted.store(wanted, Ordering::Relaxed);
        if *queue.settings != settings {
            queue.settings = Arc::new(settings);
        }
    }

    /// From now on that process runs them; the first one counts.
    pub fn run_by(&self, runner: HookRunner) {
        let _ = self.0.runner.set(runner);
    }

    /// Whether something is run after uploads.
    pub(super) fn wants_uploads(&self) -> bool {
        self.wants(Hook::Upload)
    }

    /// How often programs were run.
    pub fn counts(&self) -> HookCounts {
        lock(&self.0.queue).counts()
    }

    fn wants(&self, hook: Hook) -> bool {
        self.0.wanted.load(Ordering::Relaxed) & hook.bit() != 0
    }

    /// Has the program run that is to be run after this event, if one is.
    pub(super) fn note(&self, event: &Event<'_>) {
        let Some(hook) = Hook::of(event).filter(|hook| self.wants(*hook)) else { return };
        let mut queue = lock(&self.0.queue);
        let Some(command) = queue.settings.commands[hook as usize].clone() else { return };
        if queue.waiting.len() >= limits::HOOKS_WAITING {
            queue.counts.dropped += 1;
            let is_reported = std::mem::replace(&mut queue.is_reported, true);
            drop(queue);
            if !is_reported {
                let most = limits::HOOKS_WAITING;
                log::error!("{most} events wait for their hooks: for further ones none is run");
            }
            return;
        }
        let time = queue.settings.time;
        queue.waiting.push_back(Run { hook, command, time, given: Given::of(hook, event) });
        if queue.counts.running < queue.settings.running {
            queue.counts.running += 1;
            drop(queue);
            self.start();
        }
    }

    /// A thread that runs what waits, until nothing does.
    fn start(&self) {
        let hooks = self.clone();
        let thread = thread::Builder::new().name("hook".into()).stack_size(limits::THREAD_STACK);
        if let Err(e) = thread.spawn(move || hooks.work()) {
            lock(&self.0.queue).counts.running -= 1;
            log::error!("no thread for a hook: {e}; it is run after the next event");
        }
    }

    fn work(&self) {
        loop {
            let mut queue = lock(&self.0.queue);
            let is_too_many = queue.counts.running > queue.settings.running;
            let is_over = queue.until.is_some_and(|until| Instant::now() >= until);
            let next = if is_too_many || is_over { None } else { queue.waiting.pop_front() };
            let Some(run) = next else {
                queue.counts.running -= 1;
                drop(queue);
                self.0.ended.notify_all();
                return;
            };
            queue.is_reported = false;
            drop(queue);
            let until = || lock(&self.0.queue).until;
            let done = match self.0.runner.get() {
                Some(runner) => runner.run(&run, &until),
                None => run.run(&until, &|_| {}),
            };
            match &done {
                Ok(()) => log::debug!("the hook {run} has ended"),
                Err(why) => log::warn!("the hook {run} {why}"),
            }
            let counts = &mut lock(&self.0.queue).counts;
            let counter = if done.is_ok() { &mut counts.done } else { &mut counts.failed };
            *counter += 1;
        }
    }

    /// The server stops: what waits and runs has so long, then it is ended.
    pub fn finish(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = lock(&self.0.queue);
        queue.until = Some(until);
        let busy = |queue: &mut HookQueue| queue.counts.running > 0;
        let left = patience + run::LAST;
        let waited = self.0.ended.wait_timeout_while(queue, left, busy);
        queue = waited.unwrap_or_else(|e| e.into_inner()).0;
        let waiting = std::mem::take(&mut queue.waiting).len();
        drop(queue);
        if waiting > 0 {
            log::error!("for {waiting} events no hook was run, because the server stops");
        }
    }
}

impl HookQueue {
    fn counts(&self) -> HookCounts {
        HookCounts { waiting: self.waiting.len(), ..self.counts }
    }
}
