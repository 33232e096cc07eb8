//! Sending a folder: small files by the hundred in flight, large ones one after the other.
//!
//! A folder that was not there before needs no listing; one that was is listed once, and what is
//! there with the same size is offered by its digest alone.
//! Invariant: whatever has no answer when the line breaks is done again; what is done again is
//! found to be equal.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, ReadDir};
use std::path::{Path, PathBuf};

use super::Client;
use super::commands::{Kind, entry_in_row};
use super::conn::Conn;
use super::error::{Error, Result, shown};
use super::names::{check_no_part, join, remote_name};
use super::pipe::Pipe;
use super::progress::{Bar, ExistsChoice, Policy, Progress};
use super::put::BUSY_WAIT;
use super::rows::list;
use super::tree::{TreeReport, is_fatal};
use crate::digest::Digest;
use crate::limits::LISTING_KEPT;
use crate::wire::{self, Code, Mkdir};

/// What is on the server in a folder: kind and size by name. As large as the folder's listing.
pub(super) type Listing = HashMap<String, (Kind, u64)>;

/// A folder still to be sent.
pub(super) struct Folder {
    local: PathBuf,
    remote: String,
    /// It was not there before, so nothing is in it.
    new: bool,
    /// The one that was asked for: without it there is nothing to do.
    root: bool,
}

/// A small file.
pub(super) struct Item {
    pub(super) local: PathBuf,
    pub(super) remote: String,
    pub(super) size: u64,
    /// Offer the digest first: a file of this size is there.
    pub(super) probe: bool,
    pub(super) replace: bool,
    pub(super) tries: u32,
    /// Times that its content was sent: what is found equal after a break is this very content.
    pub(super) sent: u32,
    /// Times that another session was writing it.
    pub(super) busy: u32,
}

/// A request in flight, or to be sent.
pub(super) enum Op {
    /// The path, and the permission bits.
    Mkdir(String, u16),
    File(Item),
    Drop,
}

/// The whole, over as many connections as it takes.
pub(super) struct TreeJob<'a> {
    pub(super) policy: &'a Policy,
    pub(super) folders: Vec<Folder>,
    pub(super) opening: Option<Folder>,
    pub(super) open: Option<(Folder, ReadDir, Listing)>,
    pub(super) todo: VecDeque<Op>,
    /// Small files on which a session of one's own that has just died still has its hand.
    pub(super) later: Vec<Op>,
    pub(super) pipe: Pipe<Op>,
    pub(super) report: TreeReport,
    pub(super) digests: Vec<Digest>,
    pub(super) bytes: Vec<u8>,
}

impl Client {
    /// Sends a folder with all it holds into `remote`, which is made if it is not there. Links are
    /// left out; a file that is not stored, for whatever reason, is named to [`Progress::failed`]
    /// and counted, and does not stop the others.
    ///
    /// # Errors
    /// What ends the whole: the line ([`Error::GaveUp`]), [`Error::Interrupted`], a folder that
    /// cannot be read. Files that failed are in the report.
    pub fn put_tree(
        &mut self,
        local: &Path,
        remote: &str,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TreeReport> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let meta = fs::metadata(local).map_err(|e| Error::local(local, "read it", e))?;
        if !meta.is_dir() {
            return Err(Error::LocalKind { path: shown(local), needed: "a folder" });
        }
        let root =
            Folder { local: local.to_owned(), remote: remote.to_owned(), new: false, root: true };
        let mut job = TreeJob {
            policy,
            folders: Vec::new(),
            opening: Some(root),
            open: None,
            todo: VecDeque::new(),
            later: Vec::new(),
            pipe: Pipe::default(),
            report: TreeReport::default(),
            digests: Vec::new(),
            bytes: Vec::new(),
        };
        let mut bar = Bar::new(progress, Client::shown(remote));
        let sent = self.persist(&mut bar, |client, bar| {
            let run = client.put_tree_on(&mut job, bar.progress);
            if matches!(run, Err(Error::Interrupted)) {
                // What is on its way shall not be in the way of whoever goes on.
                let _ = client.now().map(Conn::wind_down);
                let _ = client.put_drain(&mut job, bar.progress);
            }
            if run.is_err() {
                let lost: Vec<Op> = job.pipe.lost().collect();
                lost.into_iter().rev().for_each(|op| job.todo.push_front(op));
            }
            run
        });
        sent.map_err(|e| self.kept_or_not(e))?;
        Ok(job.report)
    }

    fn put_tree_on(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        loop {
            self.check_interrupt()?;
            if let Some(op) = job.todo.pop_front() {
                self.put_op(job, op, progress)?;
            } else if let Some(folder) = job.opening.take() {
                self.open_folder(job, folder, progress)?;
            } else if job.open.is_some() {
                self.put_next(job, progress)?;
            } else if let Some(folder) = job.folders.pop() {
                job.opening = Some(folder);
            } else if !job.pipe.is_empty() {
                self.put_answer(job, progress)?;
            } else if !job.later.is_empty() {
                self.sleep(BUSY_WAIT)?;
                self.line()?;
                job.todo.extend(job.later.drain(..));
            } else {
                return Ok(());
            }
        }
    }

    /// Makes or lists the folder on the server and begins to read the local one.
    fn open_folder(
        &mut self,
        job: &mut TreeJob<'_>,
        folder: Folder,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let entries = match fs::read_dir(&folder.local) {
            Ok(entries) => entries,
            Err(e) => {
                let error = Error::local(&folder.local, "read it", e);
                if folder.root {
                    return Err(error);
                }
                job.report.count(progress, shown(&folder.local), Err(error));
                return Ok(());
            }
        };
        if folder.new {
            let mode = folder_mode(job.policy, &folder.local);
            job.todo.push_back(Op::Mkdir(folder.remote.clone(), mode));
            job.open = Some((folder, entries, Listing::new()));
            return Ok(());
        }
        // A listing needs the line for itself.
        let listed = self.put_drain(job, progress).and_then(|()| {
            self.list_folder(&folder.remote, folder_mode(job.policy, &folder.local))
        });
        match listed {
            Ok(listing) => job.open = Some((folder, entries, listing)),
            Err(e) if is_fatal(&e) => {
                job.opening = Some(folder);
                return Err(e);
            }
            Err(e) if folder.root => return Err(e),
            Err(e) => job.report.count(progress, Client::shown(&folder.remote), Err(e)),
        }
        Ok(())
    }

    /// What is in a folder on the server, which is made if it is not there.
    fn list_folder(&mut self, remote: &str, mode: u16) -> Result<Listing> {
        let mut listing = Listing::new();
        let conn = self.now()?;
        let message = wire::Path::new(remote);
        let listed = list(conn, "LS", &message, LISTING_KEPT, &mut |fields| {
            let entry = entry_in_row(fields)?;
            listing.insert(entry.name, (entry.kind, entry.size));
            Ok(())
        });
        match listed {
            // Who may not look, as in a drop box, puts what there is room for a name for.
            Err(e) if e.is_refusal(Code::NotFound) || e.is_refusal(Code::Denied) => {
                conn.ask("MKDIR", &Mkdir::new(remote, 1, mode))?;
                Ok(listing)
            }
            other => other.map(|_| listing),
        }
    }

    /// Takes the next local entry.
    fn put_next(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        let Some((folder, entries, listing)) = &mut job.open else { return Ok(()) };
        let entry = match entries.next() {
            None => {
                job.open = None;
                return Ok(());
            }
            Some(entry) => entry.and_then(|entry| Ok((entry.file_type()?, entry.path()))),
        };
        let (kind, local) = match entry {
            Ok(found) => found,
            Err(e) => {
                let error = Error::local(&folder.local, "read it", e);
                job.report.count(progress, shown(&folder.local), Err(error));
                // A folder that cannot be read on may fail for ever.
                job.open = None;
                return Ok(());
            }
        };
        if !kind.is_dir() && !kind.is_file() {
            let why = if kind.is_symlink() { "a link" } else { "neither a file nor a folder" };
            job.report.pass_over(progress, &shown(&local), why);
            return Ok(());
        }
        let name = match remote_name(&local) {
            Ok(name) => name,
            Err(e) => {
                job.report.count(progress, shown(&local), Err(e));
                return Ok(());
            }
        };
        let remote = join(&folder.remote, name);
        let there = listing.get(name).copied();
        if kind.is_dir() {
            let new = folder.new || there.is_none();
            job.folders.push(Folder { local, remote, new, root: false });
            return Ok(());
        }
        self.put_found(job, local, remote, there, progress)
    }

    /// A local file, and what is on the server under its name.
    fn put_found(
        &mut self,
        job: &mut TreeJob<'_>,
        local: PathBuf,
        remote: String,
        there: Option<(Kind, u64)>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let mut item = Item {
            local,
            remote,
            size: 0,
            probe: there.is_some_and(|(kind, _)| kind == Kind::File),
            replace: false,
            tries: 0,
            sent: 0,
            busy: 0,
        };
        // What is there and equal costs nothing, and about what differs the server knows more than
        // its listing; only where it is replaced anyway it need not be asked about another size.
        if let (Some((Kind::File, there)), ExistsChoice::Replace) = (there, job.policy.exists) {
            item.replace = fs::metadata(&item.local).is_ok_and(|meta| meta.len() != there);
            item.probe = !item.replace;
        }
        self.put_op(job, Op::File(item), progress)
    }
}

/// The permission bits that are sent with a folder.
fn folder_mode(policy: &Policy, local: &Path) -> u16 {
    let mode = if policy.no_mode { None } else { permission_bits(local) };
    mode.unwrap_or(wire::NO_MODE)
}

#[cfg(unix)]
fn permission_bits(local: &Path) -> Option<u16> {
    let mode = rustix::fs::stat(local).ok()?.st_mode & 0o777;
    u16::try_from(mode).ok()
}

#[cfg(not(unix))]
fn permission_bits(_local: &Path) -> Option<u16> {
    None
}
