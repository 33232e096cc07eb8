//! Several connections that carry out one transfer: a queue of files, of which each connection
//! takes the next with the loop that there is for one, and large downloads, of which those that
//! have nothing else to do take ranges.
//!
//! Invariant: what a connection has taken and not finished goes back into the queue before it ends,
//! so nothing is lost while another is left.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::Client;
use super::apart::LOOK;
use super::error::{Error, Result};
use super::progress::{FileProgress, LaneProgress, Policy, Progress};
use super::ranges::Board;
use super::report::TreeReport;
use super::tree::{Direction, Tree};
use crate::lock::lock;

/// What the connections of a transfer share.
pub(super) struct Crew<R> {
    state: Mutex<CrewState<R>>,
    changed: Condvar,
    /// Large downloads of which others may take ranges.
    pub(super) board: Board,
}

struct CrewState<R> {
    queue: VecDeque<R>,
    /// Connections that may still put something back.
    busy: usize,
    /// Nothing more is to be begun.
    is_over: bool,
}

impl<R> Crew<R> {
    fn new(queue: VecDeque<R>, connections: usize) -> Crew<R> {
        let state = CrewState { queue, busy: connections, is_over: false };
        Crew { state: Mutex::new(state), changed: Condvar::new(), board: Board::default() }
    }

    /// The next request that nobody has.
    pub(super) fn take(&self, is_idle: &mut bool) -> Option<R> {
        let mut state = lock(&self.state);
        let request = if state.is_over { None } else { state.queue.pop_front() }?;
        if std::mem::take(is_idle) {
            state.busy += 1;
        }
        Some(request)
    }

    /// A connection has nothing to do. Gives whether others may still leave something.
    pub(super) fn rest(&self, is_idle: &mut bool) -> bool {
        let mut state = lock(&self.state);
        if !std::mem::replace(is_idle, true) {
            state.busy = state.busy.saturating_sub(1);
            self.changed.notify_all();
        }
        state.busy > 0 && !state.is_over
    }

    /// Waits a moment for a change.
    pub(super) fn wait(&self) {
        let state = lock(&self.state);
        drop(self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner));
    }

    /// A connection ends: what it has not finished is for the others; with `is_over` they are not
    /// to begin anything more.
    fn leave(&self, unfinished: impl Iterator<Item = R>, is_idle: bool, is_over: bool) {
        let mut state = lock(&self.state);
        unfinished.for_each(|request| state.queue.push_front(request));
        if !is_idle {
            state.busy = state.busy.saturating_sub(1);
        }
        state.is_over |= is_over;
        self.changed.notify_all();
    }

    /// Requests that nobody has carried out.
    fn left(&self) -> usize {
        lock(&self.state).queue.len()
    }
}

impl Client {
    /// From now on transfers of several files, and large downloads, go over so many connections.
    pub fn connections(&mut self, connections: usize) {
        self.connections = connections.max(1);
    }

    /// Another client of the same server and account, which connects when it is used.
    fn sibling(&self) -> Client {
        Client {
            host: self.host.clone(),
            port: self.port,
            security: self.security.clone(),
            options: self.options.clone(),
            conn: None,
            account: self.account.clone(),
            software: self.software.clone(),
            algorithm: self.algorithm,
            cwd: self.cwd.clone(),
            lost: None,
            words: Vec::new(),
            moved: 0,
            buffer: Vec::new(),
            stride: super::stride::Stride::default(),
            limit: std::sync::Arc::clone(&self.limit),
            connections: 1,
            last_sign: std::time::Instant::now(),
        }
    }

    /// Carries out requests over as many connections as were asked for.
    pub(super) fn carry_out_all<D: Direction + Default>(
        &mut self,
        name: &str,
        policy: &Policy,
        queue: VecDeque<D::Request>,
        progress: &mut (dyn Progress + Send),
    ) -> Result<TreeReport>
    where
        D::Request: Send,
    {
        let connections = self.connections;
        if connections == 1 {
            let mut tree = Tree::new(policy, D::default(), name.to_owned());
            tree.todo = queue;
            return self.carry_out(&mut tree, &mut FileProgress::new(progress, name.to_owned()));
        }
        let crew = Crew::new(queue, connections);
        let progress = Mutex::new(progress);
        let (crew, progress) = (&crew, &progress);
        let mut report = TreeReport::default();
        let own = thread::scope(|scope| {
            let mut others = Vec::new();
            for lane in 1..connections {
                let mut sibling = self.sibling();
                let work = move || {
                    let mut lane = LaneProgress { progress, lane };
                    let done = sibling.serve::<D>(crew, name, policy, &mut lane, false);
                    // Whoever shared its work has had its answers.
                    let _ = sibling.bye();
                    done
                };
                match thread::Builder::new().name("connection".into()).spawn_scoped(scope, work) {
                    Ok(other) => others.push(other),
                    Err(_) => crew.leave(std::iter::empty(), false, false),
                }
            }
            let mut lane = LaneProgress { progress, lane: 0 };
            let own = self.serve::<D>(crew, name, policy, &mut lane, true);
            for other in others {
                if let Ok((done, _)) = other.join() {
                    report = report.plus(&done);
                }
            }
            own
        });
        let (done, ended) = own;
        report = report.plus(&done);
        ended?;
        if crew.left() > 0 {
            return Err(Error::gone());
        }
        Ok(report)
    }

    /// One connection's share. What an additional connection cannot do the others do.
    fn serve<D: Direction + Default>(
        &mut self,
        crew: &Crew<D::Request>,
        name: &str,
        policy: &Policy,
        progress: &mut dyn Progress,
        is_first: bool,
    ) -> (TreeReport, Result<()>) {
        let mut tree = Tree::new(policy, D::default(), name.to_owned());
        tree.crew = Some(crew);
        // An additional one that the server does not let in now is done without; one that was in
        // has as much patience as the first.
        let ready = if is_first { Ok(()) } else { self.line().map(drop) };
        let done = ready.and_then(|()| {
            self.carry_out(&mut tree, &mut FileProgress::new(progress, name.to_owned()))
        });
        let unfinished: Vec<D::Request> = tree.unfinished().collect();
        let is_over = done.is_err() && (is_first || matches!(done, Err(Error::Interrupted)));
        if let (Err(e), false) = (&done, is_over) {
            let why = if let Error::GaveUp { last, .. } = e { last } else { e };
            progress.note(&format!("{name}: a connection less: {why}"));
        }
        crew.leave(unfinished.into_iter().rev(), tree.is_idle, is_over);
        match done {
            Ok(report) => (report, Ok(())),
            Err(e) => (tree.report, Err(e)),
        }
    }
}
