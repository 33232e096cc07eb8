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
use super::commands::{Kind, entry_in_row, list};
use super::compare::digest;
use super::conn::Heard;
use super::error::{Error, Result, shown};
use super::local::{ReadError, Source};
use super::names::{join, remote_name};
use super::pipe::Pipe;
use super::progress::{Bar, ExistsChoice, Outcome, Policy, Progress};
use super::put::hinted;
use super::tree::{TreeReport, choose, is_fatal};
use crate::digest::{Digest, Whole};
use crate::limits::{CHUNK_TRIES, FRAME_DATA, STORE_INLINE};
use crate::wire::{self, Code, Put, REPLACE, Store, Switched, There};

/// What is on the server in a folder: kind and size by name. As large as the folder's listing.
type Listing = HashMap<String, (Kind, u64)>;

/// A folder still to be sent.
struct Folder {
    local: PathBuf,
    remote: String,
    /// It was not there before, so nothing is in it.
    new: bool,
    /// The one that was asked for: without it there is nothing to do.
    root: bool,
}

/// A small file.
struct Item {
    local: PathBuf,
    remote: String,
    size: u64,
    /// Offer the digest first: a file of this size is there.
    probe: bool,
    replace: bool,
    tries: u32,
}

/// A request in flight, or to be sent.
enum Op {
    Mkdir(String),
    File(Item),
    Drop,
}

/// The whole, over as many connections as it takes.
struct TreeJob<'a> {
    policy: &'a Policy,
    folders: Vec<Folder>,
    opening: Option<Folder>,
    open: Option<(Folder, ReadDir, Listing)>,
    todo: VecDeque<Op>,
    pipe: Pipe<Op>,
    report: TreeReport,
    digests: Vec<Digest>,
    bytes: Vec<u8>,
}

impl Client {
    /// Sends a folder with all it holds into `remote`, which is made if it is not there. Links are
    /// left out. One file's failure does not stop the others.
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
            pipe: Pipe::default(),
            report: TreeReport::default(),
            digests: Vec::new(),
            bytes: Vec::new(),
        };
        let mut bar = Bar::new(progress, Client::shown(remote));
        self.persist(&mut bar, |client, bar| {
            let run = client.put_tree_on(&mut job, bar.progress);
            if run.is_err() {
                let lost: Vec<Op> = job.pipe.lost().collect();
                lost.into_iter().rev().for_each(|op| job.todo.push_front(op));
            }
            run
        })?;
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
                job.report.count(shown(&folder.local), Err(error));
                return Ok(());
            }
        };
        if folder.new {
            job.todo.push_back(Op::Mkdir(folder.remote.clone()));
            job.open = Some((folder, entries, Listing::new()));
            return Ok(());
        }
        // A listing needs the line for itself.
        let listed = self.put_drain(job, progress).and_then(|()| self.list_folder(&folder.remote));
        match listed {
            Ok(listing) => job.open = Some((folder, entries, listing)),
            Err(e) if is_fatal(&e) => {
                job.opening = Some(folder);
                return Err(e);
            }
            Err(e) if folder.root => return Err(e),
            Err(e) => job.report.count(Client::shown(&folder.remote), Err(e)),
        }
        Ok(())
    }

    /// What is in a folder on the server, which is made if it is not there.
    fn list_folder(&mut self, remote: &str) -> Result<Listing> {
        let mut listing = Listing::new();
        let conn = self.now()?;
        let listed = list(conn, "LS", &wire::Path::new(remote), &mut |fields| {
            let entry = entry_in_row(fields)?;
            listing.insert(entry.name, (entry.kind, entry.size));
            Ok(())
        });
        match listed {
            Err(e) if e.is_refusal(Code::NotFound) => {
                conn.ask("MKDIR", &Switched::new(remote, 1))?;
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
                job.report.count(shown(&folder.local), Err(error));
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
                job.report.count(shown(&local), Err(e));
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
        let size =
            if there.is_some() { fs::metadata(&local).map_or(0, |meta| meta.len()) } else { 0 };
        let mut item = Item { local, remote, size, probe: false, replace: false, tries: 0 };
        if let Some((Kind::File, there)) = there {
            if there == size {
                item.probe = true;
            } else {
                match choose(job.policy, progress, &Client::shown(&item.remote), there, size) {
                    ExistsChoice::Replace => item.replace = true,
                    choice => {
                        job.report.file(progress, shown(&item.local), size, left(choice, there));
                        return Ok(());
                    }
                }
            }
        }
        self.put_op(job, Op::File(item), progress)
    }

    /// Sends a request as soon as the window allows.
    fn put_op(&mut self, job: &mut TreeJob<'_>, op: Op, progress: &mut dyn Progress) -> Result<()> {
        match op {
            Op::Mkdir(remote) => {
                if let Err(e) = self.put_room(job, 0, progress) {
                    job.todo.push_front(Op::Mkdir(remote));
                    return Err(e);
                }
                let queued = self.now()?.queue("MKDIR", &Switched::new(&remote, 0), &[]);
                job.pipe.push(Op::Mkdir(remote), *queued.as_ref().unwrap_or(&0), 0);
                queued.map(drop)
            }
            Op::File(item) => self.put_item(job, item, progress),
            // It belonged to a connection that is gone.
            Op::Drop => Ok(()),
        }
    }

    fn put_item(
        &mut self,
        job: &mut TreeJob<'_>,
        mut item: Item,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let mut source = match Source::open_plain(&item.local) {
            Ok(source) => source,
            Err(e) => {
                job.report.file(progress, shown(&item.local), 0, Err(e));
                return Ok(());
            }
        };
        item.size = source.size;
        if source.size > STORE_INLINE as u64 {
            return self.put_large(job, item, source, progress);
        }
        let len = source.size as usize;
        if !job.pipe.has_room(len) {
            if let Err(e) = self.put_room(job, len, progress) {
                job.todo.push_front(Op::File(item));
                return Err(e);
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(FRAME_DATA, 0);
        let content = buffer.get_mut(..len).unwrap_or_default();
        let queued = match source.read(0, content) {
            Ok(()) => self.queue_item(job, &item, &source, content),
            Err(e) => {
                self.buffer = buffer;
                let error = match e {
                    ReadError::Changed => Error::Changed { path: source.shown() },
                    ReadError::Failed(e) => e,
                };
                job.report.file(progress, shown(&item.local), 0, Err(error));
                return Ok(());
            }
        };
        self.buffer = buffer;
        let sent = if item.probe { 0 } else { len };
        job.pipe.push(Op::File(item), *queued.as_ref().unwrap_or(&0), sent);
        queued.map(drop)
    }

    fn queue_item(
        &mut self,
        job: &mut TreeJob<'_>,
        item: &Item,
        source: &Source,
        content: &[u8],
    ) -> Result<usize> {
        let mut whole = Whole::new(self.algorithm);
        digest(self.algorithm, content, &mut job.digests, Some(&mut whole));
        let whole = whole.finish();
        let Source { size, mtime, .. } = *source;
        let (secs, nanos) = (mtime.secs, mtime.nanos);
        let conn = self.now()?;
        if item.probe {
            let put = Put::new(&item.remote, size, secs, nanos, 0, whole.as_bytes());
            return conn.queue("PUT", &put, &[]);
        }
        job.bytes.clear();
        for digest in &job.digests {
            job.bytes.extend_from_slice(digest.as_bytes());
        }
        let flags = if item.replace { REPLACE } else { 0 };
        let store = Store::new(&item.remote, secs, nanos, flags, whole.as_bytes(), &job.bytes);
        conn.queue("STORE", &store, content)
    }

    /// A large file has the line for itself.
    fn put_large(
        &mut self,
        job: &mut TreeJob<'_>,
        item: Item,
        source: Source,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if let Err(e) = self.put_drain(job, progress) {
            job.todo.push_front(Op::File(item));
            return Err(e);
        }
        let mut bar = Bar::new(progress, Client::shown(super::names::last(&item.remote)));
        let result = self.put_source(source, &item.remote, job.policy, &mut bar);
        bar.end(&result);
        match result {
            Err(e) if is_fatal(&e) => Err(e),
            result => {
                job.report.count(shown(&item.local), result);
                Ok(())
            }
        }
    }

    /// Reads answers until one more request of this size may be sent.
    fn put_room(
        &mut self,
        job: &mut TreeJob<'_>,
        content: usize,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while !job.pipe.has_room(content) {
            self.put_answer(job, progress)?;
            // What has come already is read in one go, so that requests too leave in one go.
            while !job.pipe.is_empty() && self.now()?.has_frame() {
                self.put_answer(job, progress)?;
            }
        }
        Ok(())
    }

    fn put_drain(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        while !job.pipe.is_empty() {
            self.put_answer(job, progress)?;
        }
        Ok(())
    }

    /// Reads the answer to the oldest request.
    fn put_answer(&mut self, job: &mut TreeJob<'_>, progress: &mut dyn Progress) -> Result<()> {
        const STRANGE: Error = Error::Protocol { what: "a part of an answer that has none" };
        let conn = self.now()?;
        let Heard::Answer(code) = conn.hear()? else { return Err(STRANGE) };
        let refusal = conn.refusal();
        let there = conn.reply::<There<'_>>().map_or(0, |there| there.size);
        let code = Code::of(code);
        let item = match job.pipe.pop().ok_or(STRANGE)? {
            Op::Drop => return Ok(()),
            Op::Mkdir(remote) => {
                let fine = matches!(code, Some(Code::Done | Code::Exists | Code::IsDirectory));
                if !fine {
                    job.report.count(Client::shown(&remote), Err(refusal));
                }
                return Ok(());
            }
            Op::File(item) => item,
        };
        if matches!(code, Some(Code::Ready | Code::PartThere)) {
            // What was there has gone, and the offer opened an upload instead.
            let keep = u8::from(code == Some(Code::PartThere));
            conn.queue("DROP", &wire::Drop::new(keep), &[])?;
            job.pipe.push(Op::Drop, 16, 0);
        }
        if code == Some(Code::Verified) {
            self.moved += item.size;
        }
        self.put_judge(job, item, code, there, refusal, progress);
        Ok(())
    }

    /// What a small file's answer means.
    fn put_judge(
        &mut self,
        job: &mut TreeJob<'_>,
        mut item: Item,
        code: Option<Code>,
        there: u64,
        refusal: Error,
        progress: &mut dyn Progress,
    ) {
        let size = item.size;
        let again = match code {
            Some(Code::Ready | Code::PartThere | Code::WrongState) if item.probe => {
                item.probe = false;
                true
            }
            Some(Code::Exists) if !item.replace => {
                let name = Client::shown(&item.remote);
                match choose(job.policy, progress, &name, there, size) {
                    ExistsChoice::Replace => {
                        (item.probe, item.replace) = (false, true);
                        true
                    }
                    ExistsChoice::Skip => {
                        job.report.file(progress, shown(&item.local), size, Ok(Outcome::Skipped));
                        return;
                    }
                    _ => false,
                }
            }
            Some(Code::Mismatch) => {
                item.tries += 1;
                progress.note(&format!("{}: damaged on the way; sent again", shown(&item.local)));
                item.tries <= CHUNK_TRIES
            }
            _ => false,
        };
        if again {
            job.todo.push_back(Op::File(item));
            return;
        }
        let result = match code {
            Some(Code::Verified) => Ok(Outcome::Stored { sent_bytes: size, size }),
            Some(Code::AlreadyThere) => Ok(Outcome::Equal { size }),
            Some(Code::Mismatch) => Err(Error::Damaged { path: shown(&item.local) }),
            Some(Code::Exists) => Err(hinted(refusal)),
            _ => Err(refusal),
        };
        job.report.file(progress, shown(&item.local), size, result);
    }
}

/// How a file ends that is left alone because one of another size is there.
fn left(choice: ExistsChoice, there: u64) -> Result<Outcome> {
    match choice {
        ExistsChoice::Skip => Ok(Outcome::Skipped),
        _ => {
            let size = crate::text::Size(there);
            Err(hinted(Error::Refused {
                code: Code::Exists.number(),
                text: format!("a file of {size} is there already"),
            }))
        }
    }
}
