//! A whole directory on its way: small files by the hundred in flight, large ones one after the
//! other, in either direction.
//!
//! Invariant: a request is in the pipe from before it leaves until its answer was judged, so that
//! whatever has no answer when the connection breaks is asked for again.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::Client;
use super::conn::Connection;
use super::crew::Crew;
use super::error::{Error, Result, shown};
use super::halt::Halt;
use super::names::check_no_part;
use super::operation::{BUSY_WAIT, Operation};
use super::pipe::InFlight;
use super::progress::{FileProgress, Policy, Progress, TransferOutcome};
use super::report::TreeReport;

/// A directory on its way, over as many connections as it takes.
pub(super) struct Tree<'a, D: Direction> {
    pub(super) policy: &'a Policy,
    pub(super) direction: D,
    /// The whole as errors name it, escaped.
    name: String,
    /// Directories that wait, and what their paths take.
    pub(super) directories: Vec<PendingDir>,
    directories_bytes: usize,
    pub(super) todo: VecDeque<D::Request>,
    /// Requests about files that a session of the same account that has just died still claims.
    pub(super) later: Vec<D::Request>,
    pub(super) pipe: InFlight<D::Request>,
    pub(super) report: TreeReport,
    /// Where it takes requests from, and whether it counts there as idle.
    pub(super) crew: Option<&'a Crew<D::Request>>,
    pub(super) is_idle: bool,
}

/// A directory that is still to be transferred.
pub(super) struct PendingDir {
    pub(super) local: PathBuf,
    pub(super) remote: String,
    /// The one that was asked for: without it there is nothing to do.
    pub(super) root: bool,
    /// Nothing of its name was on the other side when the directory above it was begun.
    pub(super) new: bool,
    /// The permission bits that it gets if it is made here.
    pub(super) mode: Option<u16>,
    /// On which side it is, where that is known.
    pub(super) sides: Sides,
}

/// On which side a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    Here,
    There,
    Both,
}

impl Sides {
    pub(super) fn is_here(self) -> bool {
        self != Sides::There
    }

    pub(super) fn is_there(self) -> bool {
        self != Sides::Here
    }
}

impl PendingDir {
    /// A folder that is on both sides, below the one that was asked for.
    pub(super) fn below(local: PathBuf, remote: String) -> PendingDir {
        PendingDir { local, remote, root: false, new: false, mode: None, sides: Sides::Both }
    }

    fn bytes(&self) -> usize {
        size_of::<PendingDir>() + self.remote.len() + self.local.as_os_str().len()
    }
}

/// What an open directory holds.
pub(super) enum DirContents<R> {
    Directory(PendingDir),
    File(R),
    /// What is never taken along: its name, escaped, and what it is.
    Other(String, &'static str),
    /// What cannot be transferred: its name, escaped, and why.
    Failed(String, Error),
}

/// What differs between sending a directory and fetching one.
pub(super) trait Direction: Sized {
    /// A request in flight, or to be sent.
    type Request;
    /// As [`Operation::DOING`].
    const DOING: &'static str;
    /// Bytes that the paths of directories which wait may take.
    const WAITING: usize;

    /// Whether opening a directory needs the connection for itself.
    fn asks(directory: &PendingDir) -> bool;

    /// Makes a directory on the side where it goes, and begins to read it on the other.
    fn open(tree: &mut Tree<'_, Self>, client: &mut Client, directory: &PendingDir) -> Result<()>;

    /// The next entry of the open directory; `None` if there is none left, or none is open.
    fn next(&mut self, policy: &Policy) -> Option<DirContents<Self::Request>>;

    /// Bytes of content that a request moves at most; `usize::MAX` if it has the connection for
    /// itself.
    fn content(request: &Self::Request) -> usize;

    /// Sends a request, for which there is room.
    fn send(
        tree: &mut Tree<'_, Self>,
        client: &mut Client,
        request: Self::Request,
        to: &mut dyn Progress,
    ) -> Result<()>;

    /// Reads the whole answer to the oldest request.
    fn answer(tree: &mut Tree<'_, Self>, client: &mut Client, to: &mut dyn Progress) -> Result<()>;
}

impl Client {
    /// Transfers a directory in a direction. `name` is what notes call it.
    pub(super) fn whole_tree(
        &mut self,
        (local, remote): (&Path, &str),
        name: String,
        policy: &Policy,
        direction: impl Direction,
        progress: &mut dyn Progress,
    ) -> Result<TreeReport> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let mut tree = Tree::new(policy, direction, name.clone());
        let root = PendingDir::below(local.to_owned(), remote.to_owned());
        tree.directories.push(PendingDir { root: true, ..root });
        self.carry_out(&mut tree, &mut FileProgress::new(progress, name))
    }
}

impl<'a, D: Direction> Tree<'a, D> {
    /// Nothing is to be done yet. `name` is what errors call it, escaped.
    pub(super) fn new(policy: &'a Policy, direction: D, name: String) -> Tree<'a, D> {
        Tree {
            policy,
            direction,
            name,
            directories: Vec::new(),
            directories_bytes: 0,
            todo: VecDeque::new(),
            later: Vec::new(),
            pipe: InFlight::default(),
            report: TreeReport::default(),
            crew: None,
            is_idle: false,
        }
    }
}

impl<D: Direction> Tree<'_, D> {
    fn step(&mut self, client: &mut Client, to: &mut dyn Progress) -> Result<bool> {
        client.check_interrupt()?;
        if let Some(request) = self.todo.pop_front() {
            if self.pipe.has_room(D::content(&request)) {
                D::send(self, client, request, to)?;
                while !self.pipe.is_empty() && client.now()?.has_news() {
                    D::answer(self, client, to)?;
                }
            } else {
                self.todo.push_front(request);
                D::answer(self, client, to)?;
                // What has come already is read in one go, so that requests too leave in one go.
                while !self.pipe.is_empty() && client.now()?.has_frame() {
                    D::answer(self, client, to)?;
                }
            }
        } else if let Some(found) = self.direction.next(self.policy) {
            match found {
                DirContents::Directory(directory) => self.wait(directory)?,
                DirContents::File(request) => self.todo.push_back(request),
                DirContents::Other(name, what) => self.report.pass_over(to, &name, what),
                DirContents::Failed(name, error) => self.report.count(to, name, Err(error)),
            }
        } else if let Some(directory) = self.directories.pop() {
            self.open(client, directory, to)?;
        } else if let Some(request) = self.take_shared() {
            self.todo.push_back(request);
        } else if !self.pipe.is_empty() {
            D::answer(self, client, to)?;
        } else if !self.later.is_empty() {
            client.sleep(BUSY_WAIT)?;
            client.line()?;
            self.todo.extend(self.later.drain(..));
        } else {
            return self.stand_by(client, to);
        }
        Ok(true)
    }

    /// A request that several connections share, if there is room for one.
    fn take_shared(&mut self) -> Option<D::Request> {
        let crew = self.crew.filter(|_| self.pipe.has_room(0))?;
        crew.take(&mut self.is_idle)
    }

    /// Helps others while they are busy. `false`: nothing is left to do.
    fn stand_by(&mut self, client: &mut Client, to: &mut dyn Progress) -> Result<bool> {
        let Some(crew) = self.crew else { return Ok(false) };
        if let Some(file) = crew.board.any() {
            file.help(client, to)?;
        } else if !crew.rest(&mut self.is_idle) {
            return Ok(false);
        } else {
            crew.wait();
        }
        Ok(true)
    }

    /// What was not carried out.
    pub(super) fn unfinished(&mut self) -> impl Iterator<Item = D::Request> {
        let lost: Vec<D::Request> = self.pipe.lost().collect();
        lost.into_iter().chain(self.todo.drain(..)).chain(self.later.drain(..))
    }

    fn wait(&mut self, directory: PendingDir) -> Result<()> {
        self.directories_bytes = self.directories_bytes.saturating_add(directory.bytes());
        self.directories.push(directory);
        let (what, most) = ("the folders of this tree that wait need", D::WAITING);
        if self.directories_bytes > most {
            return Err(Error::TooMuch { what, most_bytes: most as u64 });
        }
        Ok(())
    }

    fn open(
        &mut self,
        client: &mut Client,
        directory: PendingDir,
        to: &mut dyn Progress,
    ) -> Result<()> {
        self.directories_bytes = self.directories_bytes.saturating_sub(directory.bytes());
        let ready = if D::asks(&directory) { self.drain(client, to) } else { Ok(()) };
        match ready.and_then(|()| D::open(self, client, &directory)) {
            Ok(()) => {}
            Err(e) if is_fatal(&e) => {
                self.wait(directory)?;
                return Err(e);
            }
            Err(e) if directory.root => return Err(e),
            Err(e) => self.report.count(to, shown(&directory.local), Err(e)),
        }
        Ok(())
    }

    /// Reads what is still unanswered, for what needs the connection for itself.
    fn drain(&mut self, client: &mut Client, to: &mut dyn Progress) -> Result<()> {
        while !self.pipe.is_empty() {
            D::answer(self, client, to)?;
        }
        Ok(())
    }

    /// Counts a file that failed. If its error ends the whole, its request is kept for the next
    /// attempt.
    pub(super) fn failed(
        &mut self,
        name: String,
        request: D::Request,
        error: Error,
        to: &mut dyn Progress,
    ) -> Result<()> {
        if is_fatal(&error) {
            self.todo.push_front(request);
            return Err(error);
        }
        self.report.file(to, name, 0, Err(error));
        Ok(())
    }

    /// A large file has the connection for itself.
    pub(super) fn large(
        &mut self,
        client: &mut Client,
        (local, remote): (&Path, &str),
        file: Result<impl Operation<Done = TransferOutcome>>,
        to: &mut dyn Progress,
    ) -> Result<()> {
        match client.one_file(file, (Some(local), remote), to) {
            Err(e) if is_fatal(&e) => Err(e),
            result => {
                self.report.count(to, shown(local), result);
                // What it left unread, if it failed, must not meet the next file.
                client.line().map(drop)
            }
        }
    }
}

impl<D: Direction> Operation for Tree<'_, D> {
    type Done = TreeReport;
    const DOING: &'static str = D::DOING;

    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<TreeReport, Halt> {
        let failed = loop {
            match self.step(client, bar.progress) {
                Ok(true) => {}
                Ok(false) => return Ok(std::mem::take(&mut self.report)),
                Err(e) => break e,
            }
        };
        if matches!(failed, Error::Interrupted) {
            // What is still on its way must not block the next attempt.
            let _ = client.now().map(Connection::wind_down);
            let _ = self.drain(client, bar.progress);
        }
        let lost: Vec<D::Request> = self.pipe.lost().collect();
        lost.into_iter().rev().for_each(|request| self.todo.push_front(request));
        Err(failed.into())
    }

    fn shown(&self) -> String {
        self.name.clone()
    }
}

/// Whether an error ends the whole, because every other file would meet it too.
pub(super) fn is_fatal(error: &Error) -> bool {
    error.is_broken_line()
        || matches!(
            error,
            Error::Farewell { .. }
                | Error::GaveUp { .. }
                | Error::LoginRefused
                | Error::ServerUnproven
                | Error::NotLoggedIn
                | Error::DirectoryLost { .. }
                | Error::LocalFull { .. }
                | Error::Protocol { .. }
                | Error::TooMuch { .. }
                | Error::Interrupted
        )
}
