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
use super::commands::{self, Entry, Kind, entry_in_row};
use super::error::{Error, Result, no_file, shown};
use super::names::{check_no_part, fault, join};
use super::pipe::Pipe;
use super::progress::{Bar, ExistsChoice, Outcome, Policy, Progress};
use super::rows::list;
use super::tree::{TreeReport, choose, is_fatal};
use crate::digest::Digest;
use crate::limits::{FRAME_DATA, LISTING_KEPT, TREE_WAITING};
use crate::text::is_harmful;
use crate::wire;

/// Bytes of a file that is fetched among others: one frame.
pub(super) const SMALL: u64 = FRAME_DATA as u64;

/// A folder still to be fetched.
pub(super) struct Folder {
    remote: String,
    local: PathBuf,
    /// The one that was asked for: without it there is nothing to do.
    root: bool,
    /// Nothing of its name was here when the folder above it was begun.
    new: bool,
    /// The permission bits that it gets if it is made here.
    mode: Option<u16>,
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
    pub(super) mode: Option<u16>,
    /// Nothing of its name was here when its folder was begun.
    pub(super) new: bool,
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
    /// Fetches a folder with all it holds into `local`, which is made if it is not there, with what
    /// is above it. Links are left out; a file that does not arrive, for whatever reason, is named
    /// to [`Progress::failed`] and counted, and does not stop the others.
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
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
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
        job.folders.push(Folder { remote, local, root: true, new: false, mode: None })?;
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
        mut folder: Folder,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let mut entries = Vec::new();
        let listed = self.get_drain(job, progress).and_then(|()| {
            let conn = self.now()?;
            if folder.root && !job.policy.no_mode {
                folder.mode = Some(commands::stat(conn, &folder.remote)?.mode);
            }
            let message = wire::Path::new(&folder.remote);
            list(conn, "LS", &message, LISTING_KEPT, &mut |fields| {
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
                job.report.count(progress, Client::shown(&folder.remote), Err(e));
                return Ok(());
            }
        }
        match make_folder(&folder) {
            Ok(here) => job.open = Some(Open { folder, entries: entries.into_iter(), here }),
            Err(e) if folder.root || is_fatal(&e) => return Err(e),
            Err(e) => job.report.count(progress, shown(&folder.local), Err(e)),
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
        let name = shown_entry(&open.folder.remote, &entry);
        let passed_over = match entry.kind {
            Kind::Link => Some("a link"),
            Kind::Other => Some("neither a file nor a folder"),
            Kind::File | Kind::Folder => None,
        };
        if let Some(why) = passed_over {
            job.report.pass_over(progress, &name, why);
            return Ok(());
        }
        let odd = entry.odd.then_some("this name cannot be asked for");
        if let Some(why) = odd.or_else(|| fault(&entry.name)) {
            let bad = Error::BadName { name: name.clone(), why };
            job.report.count(progress, name, Err(bad));
            return Ok(());
        }
        let local = open.folder.local.join(&entry.name);
        let here = open.here.contains(std::ffi::OsStr::new(&entry.name));
        let (new, mode) = (!here, (!job.policy.no_mode).then_some(entry.mode));
        if entry.kind == Kind::Folder {
            return job.folders.push(Folder { remote, local, root: false, new, mode });
        }
        let size = entry.size;
        let mut item =
            Item { remote, local, size, mode, new, probe: false, replace: false, tries: 0 };
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
    if !meta.is_file() {
        return Err(no_file(&item.local, &meta));
    }
    if meta.len() == item.size {
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

/// An entry's whole path for people. The server has escaped an odd name already.
fn shown_entry(folder: &str, entry: &Entry) -> String {
    if entry.odd && !entry.name.chars().any(is_harmful) {
        return join(&Client::shown(folder), &entry.name);
    }
    Client::shown(&join(folder, &entry.name))
}

/// Makes a folder; if it is here already, gives the names in it. A link is not a folder, and one
/// that was not here a moment ago is the same as another name.
fn make_folder(folder: &Folder) -> Result<HashSet<OsString>> {
    let local = &folder.local;
    let failed = |e| Error::local(local, "make this folder", e);
    if let (true, Some(above)) = (folder.root, local.parent()) {
        fs::create_dir_all(above).map_err(failed)?;
    }
    match fs::create_dir(local) {
        Ok(()) => {
            set_folder_mode(local, folder.mode);
            return Ok(HashSet::new());
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed(e)),
    }
    if folder.new {
        return Err(Error::LocalAppeared { path: shown(local) });
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

/// Gives a folder that was made here its permission bits; its owner can always use it. Where they
/// cannot be set it is as the system made it.
#[cfg(unix)]
fn set_folder_mode(local: &Path, mode: Option<u16>) {
    if let Some(mode) = mode {
        let mode = (u32::from(mode) & 0o777) | 0o700;
        let _ = rustix::fs::chmod(local, mode.into());
    }
}

#[cfg(not(unix))]
fn set_folder_mode(_local: &Path, _mode: Option<u16>) {}
