//! Fetching one file: into a part beside its place, compared, completed, checked, renamed; or in
//! order into a writer.
//!
//! Invariant: the file in its place is the old one or the whole new one.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Client;
use super::apart::LOOK;
use super::compare::comparable;
use super::delta::is_mostly_equal;
use super::error::{Error, Remains, Result, no_file, shown};
use super::fetch::{ByteRange, ChunkTarget, Remote};
use super::get_ranges::SharedDownload;
use super::halt::Halt;
use super::local::LocalFile;
use super::names::{check_no_part, check_no_part_there};
use super::operation::{Operation, leaving};
use super::part::PartFile;
use super::progress::{
    FileProgress, PartChoice, Phase, Policy, Progress, Question, TransferOutcome,
};
use super::ranges::{Board, SHARED_FROM, SharedFile, Sharing};
use super::tools::Tools;
use crate::limits::{CHUNK, FRAME_DATA};

/// Bytes that are fetched although they are here, instead of asking twice.
const GAP: u64 = 8 * CHUNK as u64;
/// Bytes asked for at once for a writer: after a damaged chunk they come again.
const IN_ORDER: u64 = 16 * FRAME_DATA as u64;

/// One file on its way from the server into a part beside its place.
pub(super) struct GetFile<'a> {
    remote: Remote<'a>,
    local: &'a Path,
    policy: &'a Policy,
    /// What is to be done about a file in its place is settled.
    settled: bool,
    replace: bool,
    choice: PartChoice,
    part: Option<PartFile>,
    /// Whether the part began with the content of the file that is replaced, of which pieces may
    /// differ anywhere.
    is_from_old: bool,
    /// Up to here the part was checked in this very transfer.
    checked: u64,
    /// Where others may be asked for help, and what they help with.
    board: Option<&'a Board>,
    sharing: Option<Sharing<'a, SharedDownload>>,
}

/// One file on its way from the server into a writer.
struct GetStream<'a> {
    remote: Remote<'a>,
    stream: OrderedWriter<'a>,
}

/// What is written in order, and never again.
struct OrderedWriter<'a> {
    writer: &'a mut dyn Write,
    written: u64,
    path: &'a str,
}

impl Client {
    /// Fetches a file to a local path. The part of an earlier attempt goes on, an equal file costs
    /// nothing, a file that differs is what the policy is for.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::GaveUp`], [`Error::LocalExists`], [`Error::LocalFull`],
    /// [`Error::Interrupted`] and the like. In all cases the part stays.
    pub fn get(
        &mut self,
        remote: &str,
        local: &Path,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TransferOutcome> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        self.one_file(Ok(GetFile::new(remote, local, policy)), (Some(local), remote), progress)
    }

    /// Fetches a file into a writer, in order; each chunk is checked before it is written. After
    /// the connection broke it goes on where it was.
    ///
    /// # Errors
    /// As for [`Client::get`]; [`Error::Changed`] if the file changed after something of it was
    /// written, [`Error::Local`] where the writer fails. What was written stays written.
    pub fn get_to(
        &mut self,
        remote: &str,
        writer: &mut dyn Write,
        progress: &mut dyn Progress,
    ) -> Result<TransferOutcome> {
        self.check_relative(remote)?;
        check_no_part_there(remote)?;
        let stream = OrderedWriter { writer, written: 0, path: remote };
        let get = GetStream { remote: Remote::new(remote), stream };
        let done = self.one_file(Ok(get), (None, remote), progress);
        done.map_err(|error| leaving(error, Remains::Written))
    }
}

impl Operation for GetFile<'_> {
    type Done = TransferOutcome;
    const DOING: &'static str = "fetched";

    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<TransferOutcome, Halt> {
        let mut tools = client.tools()?;
        if self.remote.look(tools.conn)? {
            self.checked = 0;
            self.sharing = None;
        }
        if !self.settled {
            if let Some(outcome) = self.settle_place(&mut tools, bar)? {
                return Ok(outcome);
            }
            self.settled = true;
        }
        let Some(mut part) = self.open_part(&mut tools, bar)? else {
            return Ok(TransferOutcome::Skipped);
        };
        if let Err(halt) = self.fill(&mut tools, &mut part, bar) {
            self.part = Some(part);
            return Err(halt);
        }
        bar.progress.phase(Phase::Commit);
        let Remote { size, mtime, received, .. } = self.remote;
        part.place(size, self.policy.finish(mtime, self.mode(), self.replace))?;
        Ok(TransferOutcome::Stored { sent_bytes: received, size })
    }

    fn begin_again(&mut self, _: bool) {
        self.checked = 0;
        self.sharing = None;
    }

    fn shown(&self) -> String {
        Client::shown(self.remote.path)
    }
}

impl<'a> GetFile<'a> {
    pub(super) fn new(remote: &'a str, local: &'a Path, policy: &'a Policy) -> GetFile<'a> {
        GetFile {
            remote: Remote::new(remote),
            local,
            policy,
            settled: false,
            replace: false,
            choice: policy.part,
            part: None,
            is_from_old: false,
            checked: 0,
            board: None,
            sharing: None,
        }
    }

    /// Returns this download as one of which other connections may take ranges.
    pub(super) fn shared(self, board: Option<&'a Board>) -> GetFile<'a> {
        GetFile { board, ..self }
    }

    fn mode(&self) -> Option<u16> {
        (!self.policy.no_mode).then_some(self.remote.mode)
    }

    /// Whether something is in the place already, and what is to be done about it.
    fn settle_place(
        &mut self,
        tools: &mut Tools<'_>,
        bar: &mut FileProgress<'_>,
    ) -> Result<Option<TransferOutcome>, Halt> {
        let there = match fs::symlink_metadata(self.local) {
            Ok(meta) if meta.is_file() => meta.len(),
            Ok(meta) => return Err(no_file(self.local, &meta).into()),
            Err(_) => return Ok(None),
        };
        let new = self.remote.size;
        if there == new {
            bar.progress.phase(Phase::Compare);
            if self.is_equal(tools)? {
                return Ok(Some(TransferOutcome::Equal { size: new }));
            }
        }
        let refusal = Error::LocalExists { path: shown(self.local), size: there };
        let question = Question::Replace { name: shown(self.local), there, new };
        let left = self.policy.settle(bar.progress, &question, true, refusal)?;
        self.replace = left.is_none();
        Ok(left)
    }

    /// Whether the file in the place has the server's content; nothing of it travels.
    fn is_equal(&self, tools: &mut Tools<'_>) -> Result<bool, Halt> {
        let Ok(mut source) = LocalFile::open_plain(self.local) else { return Ok(false) };
        let (size, mut at) = (self.remote.size, 0);
        while at < size {
            let (end, differing) = self.remote.compare(tools, &mut source, (at, size), true)?;
            if !differing.is_empty() {
                return Ok(false);
            }
            at = end;
        }
        Ok(source.is_unchanged())
    }

    /// Opens the part, or gives the open one back; `None` if the user wants nothing done.
    fn open_part(
        &mut self,
        tools: &mut Tools<'_>,
        bar: &mut FileProgress<'_>,
    ) -> Result<Option<PartFile>, Halt> {
        if let Some(part) = self.part.take() {
            return Ok(Some(part));
        }
        // What is replaced may be private, and its content is in the part then.
        let private = self.mode().is_some() || self.replace;
        let mut part = PartFile::open(self.local, private)?;
        let old = if part.held == 0 && self.replace { self.mostly_here(tools)? } else { None };
        if let Some(old) = old {
            bar.begin(self.remote.size, 0);
            self.choice = PartChoice::Continue;
            let begun = part.begin_with_old(old.into_file(), self.remote.size, &mut || {
                tools.check_interrupt()?;
                tools.stay_alive()
            });
            match begun {
                Ok(()) => self.is_from_old = true,
                // There may be room for what differs from nothing.
                Err(Error::LocalFull { .. }) => part.clear()?,
                Err(e) => {
                    part.clear()?;
                    return Err(e.into());
                }
            }
        } else if part.held > 0 {
            let name = shown(self.local);
            match self.choice.settle(bar.progress, name, part.held, self.remote.size) {
                None => return Ok(None),
                Some(PartChoice::Fresh) => part.clear()?,
                Some(_) => {}
            }
        }
        self.choice = PartChoice::Continue;
        Ok(Some(part))
    }

    /// The file here that it replaces, if most of it is in there.
    fn mostly_here(&self, tools: &mut Tools<'_>) -> Result<Option<LocalFile>, Halt> {
        let Ok(mut here) = LocalFile::open_plain(self.local) else { return Ok(None) };
        let Remote { path, version, size, .. } = self.remote;
        let both = here.size.min(size);
        let is_mostly = is_mostly_equal(tools, (path, version, size), &mut here, both)?;
        Ok(is_mostly.then_some(here))
    }

    /// Compares what the part has, fetches what differs or lacks.
    fn fill(
        &mut self,
        tools: &mut Tools<'_>,
        part: &mut PartFile,
        bar: &mut FileProgress<'_>,
    ) -> Result<(), Halt> {
        let size = self.remote.size;
        if self.sharing.is_some() {
            return self.fetch_ranges(tools, bar);
        }
        let held = comparable(part.held, size).max(self.checked);
        bar.begin(size, held);
        if self.checked < held {
            bar.progress.phase(Phase::Compare);
        }
        while self.checked < held {
            let span = (self.checked, held);
            let (end, differing) = self.remote.compare(tools, part, span, false)?;
            let gap = if self.is_from_old { GAP } else { 0 };
            for span in close_together(differing, gap) {
                self.remote.fetch(tools, part, span, bar)?;
            }
            self.checked = end;
            bar.show(end);
        }
        bar.progress.phase(Phase::Transfer);
        if let Some(board) = self.board.filter(|_| size - self.checked >= SHARED_FROM) {
            let (from, local) = (self.checked, self.local.to_owned());
            let download = SharedDownload::new(&self.remote, from, local, part.duplicate()?);
            self.sharing = Some(Sharing::begin(board, download));
            return self.fetch_ranges(tools, bar);
        }
        if self.checked < size {
            self.remote.fetch(tools, part, (self.checked, size), bar)?;
            self.checked = size;
        }
        Ok(())
    }

    /// Fetches what is missing together with others.
    fn fetch_ranges(
        &mut self,
        tools: &mut Tools<'_>,
        bar: &mut FileProgress<'_>,
    ) -> Result<(), Halt> {
        let Some(sharing) = &self.sharing else { return Ok(()) };
        let download = Arc::clone(&sharing.file);
        let ranges = download.ranges();
        bar.count_by(&ranges.done);
        loop {
            tools.check_interrupt()?;
            if let Some(range) = ranges.take(true) {
                download.fetch(&mut self.remote, tools, range, bar)?;
            } else if ranges.is_over() {
                return Err(Halt::Changed);
            } else if ranges.is_finished() {
                break;
            } else {
                // Others still have something of it.
                std::thread::sleep(LOOK / 10);
                bar.show(0);
                tools.stay_alive()?;
            }
        }
        self.remote.received += ranges.helped.load(Ordering::Relaxed);
        self.checked = self.remote.size;
        self.sharing = None;
        Ok(())
    }
}

/// Spans with what lies between two of them where that is so little: a request more takes longer.
fn close_together(spans: Vec<ByteRange>, gap: u64) -> Vec<ByteRange> {
    let mut joined: Vec<ByteRange> = Vec::with_capacity(spans.len());
    for (from, end) in spans {
        match joined.last_mut() {
            Some(last) if from - last.1 <= gap => last.1 = end,
            _ => joined.push((from, end)),
        }
    }
    joined
}

impl Operation for GetStream<'_> {
    type Done = TransferOutcome;
    const DOING: &'static str = "fetched";

    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<TransferOutcome, Halt> {
        let mut tools = client.tools()?;
        if self.remote.look(tools.conn)? && self.stream.written > 0 {
            return Err(Error::Changed { path: self.shown() }.into());
        }
        let size = self.remote.size;
        bar.begin(size, 0);
        bar.progress.phase(Phase::Transfer);
        while self.stream.written < size {
            let from = self.stream.written;
            let span = (from, size.min(from.saturating_add(IN_ORDER)));
            self.remote.fetch(&mut tools, &mut self.stream, span, bar)?;
        }
        self.stream.writer.flush().map_err(|e| self.stream.failed(e))?;
        Ok(TransferOutcome::Stored { sent_bytes: self.remote.received, size })
    }

    fn shown(&self) -> String {
        Client::shown(self.remote.path)
    }
}

impl OrderedWriter<'_> {
    fn failed(&self, source: std::io::Error) -> Error {
        // Not as a file here, whose part would stay where a disk is full.
        Error::Local { path: Client::shown(self.path), doing: "write it", source }
    }
}

impl ChunkTarget for OrderedWriter<'_> {
    fn take(&mut self, offset: u64, content: &[u8]) -> Result<bool> {
        if offset != self.written {
            return Ok(false);
        }
        self.writer.write_all(content).map_err(|e| self.failed(e))?;
        self.written += content.len() as u64;
        Ok(true)
    }
}
