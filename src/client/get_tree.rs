//! Fetching a folder: small files by the hundred in flight, large ones one after the other.
//!
//! Never: lets a name from the server be more than a name here, or goes through a local link where
//! a folder should be.
//! Invariant: whatever was not complete when the line breaks is asked for again.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Client;
use super::commands::{Entry, Kind, entry_in_row};
use super::error::{Error, Result, shown};
use super::names::{join, local_name};
use super::pipe::Pipe;
use super::progress::{Bar, ExistsChoice, Outcome, Policy, Progress};
use super::rows::list;
use super::tree::{TreeReport, choose, is_fatal};
use crate::digest::Digest;
use crate::limits::{FRAME_DATA, LISTING_KEPT, TREE_WAITING};
use crate::wire;

/// Bytes of a file that is fetched among others: one frame.
pub(super) const SMALL: u64 = FRAME_DATA as u64;

/// A folder still to be fetched.
pub(super) struct Folder {
    remote: String,
    local: PathBuf,
    /// The one that was asked for: without it there is nothing to do.
    root: bool,
}

/// Folders that wait, and what their paths take.
#[derive(Default)]
pub(super) struct Waiting {
    folders: Vec<Folder>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, folder: Folder) -> Result<()> {
        self.bytes = self.bytes.saturating_add(folder.bytes());
        self.folders.push(folder);
        let most_bytes = TREE_WAITING as u64;
        let what = "the folders of this tree that wait need";
        if self.bytes > TREE_WAITING { Err(Error::TooMuch { what, most_bytes }) } else { Ok(()) }
    }

    fn pop(&mut self) -> Option<Folder> {
        let folder = self.folders.pop()?;
        self.bytes = self.bytes.saturating_sub(folder.bytes());
        Some(folder)
    }
}

impl Folder {
    fn bytes(&self) -> usize {
        size_of::<Folder>() + self.remote.len() + self.local.as_os_str().len()
    }
}

/// The folder that is being fetched.
pub(super) struct Open {
    folder: Folder,
    /// Still to be done; as large as the folder's listing.
    entries: std::vec::IntoIter<Entry>,
    /// Names that were here before.
    here: HashSet<OsString>,
}

/// A small file.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) remote: String,
    pub(super) local: PathBuf,
    pub(super) size: u64,
    /// Compare digests only: a file of this size is here.
    pub(super) probe: bool,
    pub(super) replace: bool,
    pub(super) tries: u32,
}

pub(super) struct TreeJob<'a> {
    pub(super) policy: &'a Policy,
    pub(super) folders: Waiting,
    pub(super) open: Option<Open>,
    pub(super) todo: VecDeque<Item>,
    pub(super) pipe: Pipe<Item>,
    pub(super) report: TreeReport,
    pub(super) content: Vec<u8>,
    pub(super) theirs: Vec<Digest>,
    pub(super) ours: Vec<Digest>,
    pub(super) piece: Vec<Digest>,
}

impl Client {
    /// Fetches a folder with all it holds into `local`, which is made if it is not there. Links and
    /// names that cannot be names here are left out. One file's failure does not stop the others.
    ///
    /// # Errors
    /// What ends the whole: the line ([`Error::GaveUp`]), [`Error::Interrupted`],
    /// [`Error::LocalFull`], a folder that cannot be listed. Files that failed are in the report.
    pub fn get_tree(
        &mut self,
        remote: &str,
        local: &Path,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TreeReport> {
        let mut job = TreeJob {
            policy,
            folders: Waiting::default(),
            open: None,
            todo: VecDeque::new(),
            pipe: Pipe::default(),
            report: TreeReport::default(),
            content: Vec::new(),
            theirs: Vec::new(),
            ours: Vec::new(),
            piece: Vec::new(),
        };
        let (remote, local) = (remote.to_owned(), local.to_owned());
        let mut bar = Bar::new(progress, Client::shown(&remote));
        job.folders.push(Folder { remote, local, root: true })?;
        self.persist(&mut bar, |client, bar| {
            let run = client.get_tree_on(&mut job, bar.progress);
            if run.is_err() {
                let lost: Vec<Item> = job.pipe.lost().collect();
                lost.into_iter().rev().for_each(|item| job.todo.push_front(item));
            }
            run
        })?;
        Ok(job.report)
    }

    fn get_tree_on(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        loop {
            self.check_interrupt()?;
            if let Some(item) = job.todo.pop_front() {
                self.ask_item(job, item, progress)?;
            } else if let Some(open) = &mut job.open {
                match open.entries.next() {
                    Some(entry) => self.get_found(job, entry, progress)?,
                    None => job.open = None,
                }
            } else if let Some(folder) = job.folders.pop() {
                self.open_remote(job, folder, progress)?;
            } else if !job.pipe.is_empty() {
                self.get_answer(job, progress)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Lists a folder on the server and makes the local one.
    fn open_remote(
        &mut self,
        job: &mut TreeJob<'_>,
        folder: Folder,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let mut entries = Vec::new();
        let listed = self.get_drain(job, progress).and_then(|()| {
            let message = wire::Path::new(&folder.remote);
            list(self.now()?, "LS", &message, LISTING_KEPT, &mut |fields| {
                entries.push(entry_in_row(fields)?);
                Ok(())
            })
        });
        match listed {
            Ok(_) => {}
            Err(e) if is_fatal(&e) => {
                job.folders.push(folder)?;
                return Err(e);
            }
            Err(e) if folder.root => return Err(e),
            Err(e) => {
                job.report.count(Client::shown(&folder.remote), Err(e));
                return Ok(());
            }
        }
        match make_folder(&folder.local) {
            Ok(here) => job.open = Some(Open { folder, entries: entries.into_iter(), here }),
            Err(e) if folder.root || is_fatal(&e) => return Err(e),
            Err(e) => job.report.count(shown(&folder.local), Err(e)),
        }
        Ok(())
    }

    /// Something in the folder that is open.
    fn get_found(
        &mut self,
        job: &mut TreeJob<'_>,
        entry: Entry,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let Some(open) = &job.open else { return Ok(()) };
        let remote = join(&open.folder.remote, &entry.name);
        let name = Client::shown(&remote);
        let why = match entry.kind {
            _ if entry.odd => Some("its name cannot be written"),
            Kind::Link => Some("a link"),
            Kind::Other => Some("neither a file nor a folder"),
            Kind::File | Kind::Folder => None,
        };
        if let Some(why) = why {
            job.report.pass_over(progress, &name, why);
            return Ok(());
        }
        if let Err(e) = local_name(&entry.name) {
            job.report.pass_over(progress, &name, &e.to_string());
            return Ok(());
        }
        let local = open.folder.local.join(&entry.name);
        if entry.kind == Kind::Folder {
            return job.folders.push(Folder { remote, local, root: false });
        }
        let here = open.here.contains(std::ffi::OsStr::new(&entry.name));
        let size = entry.size;
        let mut item = Item { remote, local, size, probe: false, replace: false, tries: 0 };
        if here && size <= SMALL {
            match look_here(job, &mut item, progress) {
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    job.report.file(progress, shown(&item.local), size, Ok(outcome));
                    return Ok(());
                }
                Err(e) => {
                    job.report.file(progress, shown(&item.local), size, Err(e));
                    return Ok(());
                }
            }
        }
        self.ask_item(job, item, progress)
    }
}

/// A file of the name is here: whether it is to be compared, replaced or left.
fn look_here(
    job: &TreeJob<'_>,
    item: &mut Item,
    progress: &mut dyn Progress,
) -> Result<Option<Outcome>> {
    let meta = match fs::symlink_metadata(&item.local) {
        Ok(meta) => meta,
        Err(_) => return Ok(None),
    };
    if meta.is_dir() {
        return Err(Error::LocalFolder { path: shown(&item.local) });
    }
    if meta.is_file() && meta.len() == item.size {
        item.probe = true;
        return Ok(None);
    }
    leave_or_replace(job.policy, item, progress).transpose()
}

/// What the policy says about a file here that differs; `None`: fetch it and replace.
pub(super) fn leave_or_replace(
    policy: &Policy,
    item: &mut Item,
    progress: &mut dyn Progress,
) -> Option<Result<Outcome>> {
    let size = fs::symlink_metadata(&item.local).map_or(0, |meta| meta.len());
    let path = shown(&item.local);
    match choose(policy, progress, &path, size, item.size) {
        ExistsChoice::Replace => {
            (item.probe, item.replace) = (false, true);
            None
        }
        ExistsChoice::Skip => Some(Ok(Outcome::Skipped)),
        _ => Some(Err(Error::LocalExists { path, size })),
    }
}

/// Makes a folder; if it is here already, gives the names in it. A link is not a folder.
fn make_folder(local: &Path) -> Result<HashSet<OsString>> {
    let failed = |e| Error::local(local, "make this folder", e);
    match fs::create_dir(local) {
        Ok(()) => return Ok(HashSet::new()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    if !fs::symlink_metadata(local).map_err(failed)?.is_dir() {
        return Err(Error::LocalKind { path: shown(local), needed: "a folder" });
    }
    let mut names = HashSet::new();
    for entry in fs::read_dir(local).map_err(failed)? {
        names.insert(entry.map_err(failed)?.file_name());
    }
    Ok(names)
}
