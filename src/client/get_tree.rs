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
use super::commands::{Entry, Kind, entry_in_row, list};
use super::compare::digest;
use super::conn::Heard;
use super::error::{Error, Result, shown};
use super::fetch::heed_piece;
use super::local::{Mtime, Source};
use super::names::{join, local_name};
use super::part;
use super::pipe::Pipe;
use super::progress::{Bar, ExistsChoice, Outcome, Policy, Progress};
use super::tree::{TreeReport, choose, is_fatal};
use crate::digest::{Digest, Whole};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, FRAME_DATA};
use crate::wire::{self, Code, Get, Got, Message, Piece, Summed, SumsOf};

/// Bytes of a file that is fetched among others: one frame.
const SMALL: u64 = FRAME_DATA as u64;
const STRANGE: Error = Error::Protocol { what: "content that was not asked for" };

/// A folder still to be fetched.
struct Folder {
    remote: String,
    local: PathBuf,
    /// The one that was asked for: without it there is nothing to do.
    root: bool,
}

/// The folder that is being fetched.
struct Open {
    folder: Folder,
    /// Still to be done; as large as the folder's listing.
    entries: std::vec::IntoIter<Entry>,
    /// Names that were here before.
    here: HashSet<OsString>,
}

/// A small file.
#[derive(Clone)]
struct Item {
    remote: String,
    local: PathBuf,
    size: u64,
    /// Compare digests only: a file of this size is here.
    probe: bool,
    replace: bool,
    tries: u32,
}

struct TreeJob<'a> {
    policy: &'a Policy,
    folders: Vec<Folder>,
    open: Option<Open>,
    todo: VecDeque<Item>,
    pipe: Pipe<Item>,
    report: TreeReport,
    content: Vec<u8>,
    theirs: Vec<Digest>,
    ours: Vec<Digest>,
    piece: Vec<Digest>,
}

/// What came for one small file.
enum Came {
    /// Its content, checked, is in the buffer.
    Content(Mtime),
    /// Its digests are in the list.
    Digests,
    /// It is larger by now than it was in the listing.
    Larger,
    /// It is to be asked for again, and why.
    Again(&'static str),
    Refused(Error),
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
            folders: vec![Folder {
                remote: remote.to_owned(),
                local: local.to_owned(),
                root: true,
            }],
            open: None,
            todo: VecDeque::new(),
            pipe: Pipe::default(),
            report: TreeReport::default(),
            content: Vec::new(),
            theirs: Vec::new(),
            ours: Vec::new(),
            piece: Vec::new(),
        };
        let mut bar = Bar::new(progress, Client::shown(remote));
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
            list(self.now()?, "LS", &wire::Path::new(&folder.remote), &mut |fields| {
                entries.push(entry_in_row(fields)?);
                Ok(())
            })
        });
        match listed {
            Ok(_) => {}
            Err(e) if is_fatal(&e) => {
                job.folders.push(folder);
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
            job.folders.push(Folder { remote, local, root: false });
            return Ok(());
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

    /// Asks for a small file as soon as the window allows; a large one has the line for itself.
    fn ask_item(
        &mut self,
        job: &mut TreeJob<'_>,
        item: Item,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if item.size > SMALL {
            return self.get_large(job, item, progress);
        }
        let content = if item.probe { 0 } else { item.size as usize };
        if let Err(e) = self.get_room(job, content, progress) {
            job.todo.push_front(item);
            return Err(e);
        }
        let conn = self.now()?;
        let queued = if item.probe {
            let sums = SumsOf::new(&item.remote, 0, CHUNKS_IN_FRAME as u32, 0);
            conn.queue("SUMS", &sums, &[])
        } else {
            conn.queue("GET", &Get::new(&item.remote, 0, SMALL, 0), &[])
        };
        job.pipe.push(item, *queued.as_ref().unwrap_or(&0), content);
        queued.map(drop)
    }

    fn get_large(
        &mut self,
        job: &mut TreeJob<'_>,
        item: Item,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if let Err(e) = self.get_drain(job, progress) {
            job.todo.push_front(item);
            return Err(e);
        }
        let mut bar = Bar::new(progress, Client::shown(super::names::last(&item.remote)));
        let result = self.get_file(&item.remote, &item.local, job.policy, &mut bar);
        bar.end(&result);
        match result {
            Err(e) if is_fatal(&e) => Err(e),
            result => {
                job.report.count(shown(&item.local), result);
                // What it left unread, if it failed, must not meet the next file.
                self.line().map(drop)
            }
        }
    }

    fn get_room(
        &mut self,
        job: &mut TreeJob<'_>,
        content: usize,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while !job.pipe.has_room(content) {
            self.get_answer(job, progress)?;
            while !job.pipe.is_empty() && self.now()?.has_frame() {
                self.get_answer(job, progress)?;
            }
        }
        Ok(())
    }

    fn get_drain(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        while !job.pipe.is_empty() {
            self.get_answer(job, progress)?;
        }
        Ok(())
    }

    /// Reads all of the oldest request's answer.
    fn get_answer(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        let came = self.gather(job)?;
        let mut item = job.pipe.pop().ok_or(STRANGE)?;
        let size = job.content.len() as u64;
        let name = || shown(&item.local);
        let result = match came {
            Came::Content(mtime) => {
                self.moved += size;
                part::store(&item.local, &job.content, mtime, item.replace)
                    .map(|()| Outcome::Stored { sent_bytes: size, size })
            }
            Came::Digests => match compare_here(self.algorithm, job, &item) {
                Ok(true) => Ok(Outcome::Equal { size: item.size }),
                Ok(false) => match leave_or_replace(job.policy, &mut item, progress) {
                    Some(result) => result,
                    None => {
                        job.todo.push_back(item);
                        return Ok(());
                    }
                },
                Err(e) => Err(e),
            },
            Came::Larger => {
                (item.size, item.probe) = (u64::MAX, false);
                job.todo.push_back(item);
                return Ok(());
            }
            Came::Again(why) => {
                item.tries += 1;
                if item.tries <= CHUNK_TRIES {
                    progress.note(&format!("{}: {why}; fetched again", name()));
                    job.todo.push_back(item);
                    return Ok(());
                }
                Err(Error::Damaged { path: name() })
            }
            Came::Refused(e) => Err(e),
        };
        let fatal = match result {
            Err(Error::LocalFull { path }) => return Err(Error::LocalFull { path }),
            result => result,
        };
        job.report.file(progress, shown(&item.local), size, fatal);
        Ok(())
    }

    /// Reads the parts and the answer of the oldest request, whatever it says, to its end.
    fn gather(&mut self, job: &mut TreeJob<'_>) -> Result<Came> {
        job.content.clear();
        job.theirs.clear();
        let algorithm = self.algorithm;
        let mut whole = Whole::new(algorithm);
        let mut damaged = false;
        let conn = self.now()?;
        loop {
            match conn.hear()? {
                Heard::More(0) => {
                    let piece = Piece::decode(conn.part())?;
                    wire::digests(algorithm, piece.digests, &mut job.piece)?;
                    if job.theirs.len() + job.piece.len() > CHUNKS_IN_FRAME {
                        return Err(STRANGE);
                    }
                    job.theirs.extend_from_slice(&job.piece);
                }
                Heard::More(len) => {
                    let offset = heed_piece(conn, algorithm, len, &mut job.piece)?;
                    let start = job.content.len();
                    if offset != start as u64 || start + len > FRAME_DATA {
                        return Err(STRANGE);
                    }
                    job.content.resize(start + len, 0);
                    let into = job.content.get_mut(start..).unwrap_or_default();
                    conn.data(into)?;
                    digest(algorithm, into, &mut job.ours, None);
                    damaged |= job.ours != job.piece;
                    job.piece.iter().for_each(|digest| whole.push(digest));
                }
                Heard::Answer(code) => {
                    return Ok(match Code::of(code) {
                        Some(Code::Sent) => {
                            let got: Got<'_> = conn.reply()?;
                            let mtime = Mtime { secs: got.mtime_secs, nanos: got.mtime_nanos };
                            if got.size > SMALL {
                                Came::Larger
                            } else if damaged || got.digest != whole.finish().as_bytes() {
                                Came::Again("damaged on the way")
                            } else if got.size != job.content.len() as u64 {
                                Came::Again("changed meanwhile")
                            } else {
                                Came::Content(mtime)
                            }
                        }
                        Some(Code::Sums) => {
                            conn.reply::<Summed<'_>>()?;
                            Came::Digests
                        }
                        Some(Code::Changed) => Came::Again("changed meanwhile"),
                        _ => Came::Refused(conn.refusal()),
                    });
                }
                Heard::Alive(..) => {}
            }
        }
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
fn leave_or_replace(
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

/// Whether the file here has the digests that came.
fn compare_here(
    algorithm: crate::digest::Algorithm,
    job: &mut TreeJob<'_>,
    item: &Item,
) -> Result<bool> {
    let mut source = Source::open_plain(&item.local)?;
    if source.size != item.size {
        return Ok(false);
    }
    job.content.resize(source.size as usize, 0);
    if source.read(0, &mut job.content).is_err() {
        return Ok(false);
    }
    digest(algorithm, &job.content, &mut job.ours, None);
    Ok(job.ours == job.theirs)
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
