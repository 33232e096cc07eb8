//! Fetching one file: into a part beside its place, compared, completed, checked, renamed.
//!
//! Invariant: the file in its place is the old one or the whole new one.

use std::fs;
use std::path::Path;

use super::Client;
use super::commands::{self, Kind};
use super::compare::{Halt, WINDOW, comparable, digest, piece_len, runs, sums};
use super::error::{Error, Result, no_file, shown};
use super::fetch::Fetcher;
use super::local::{Mtime, Source};
use super::names::{check_no_part, last};
use super::part::{Finish, PartFile};
use super::progress::{
    Bar, ExistsChoice, Outcome, PartChoice, Phase, Policy, Progress, Question, Reply,
};
use crate::limits::{CHUNK_TRIES, CHUNKS_IN_FRAME, FRAME_DATA};
use crate::wire::{Code, SumsOf};

/// Times that a file which changes is begun anew.
const ROUNDS: u32 = 3;

/// One file on its way, over as many connections as it takes.
struct GetJob<'a> {
    remote: &'a str,
    local: &'a Path,
    policy: &'a Policy,
    version: u64,
    size: u64,
    mtime: Mtime,
    mode: Option<u16>,
    /// What is to be done about a file in its place is settled.
    settled: bool,
    replace: bool,
    choice: PartChoice,
    part: Option<PartFile>,
    /// Up to here the part was checked in this very job.
    checked: u64,
    received: u64,
    rounds: u32,
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
    ) -> Result<Outcome> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let mut bar = Bar::new(progress, Client::shown(last(remote)));
        let result = self.get_file(remote, local, policy, &mut bar);
        bar.end(&result);
        result
    }

    pub(super) fn get_file(
        &mut self,
        remote: &str,
        local: &Path,
        policy: &Policy,
        bar: &mut Bar<'_>,
    ) -> Result<Outcome> {
        let mut job = GetJob {
            remote,
            local,
            policy,
            version: 0,
            size: 0,
            mtime: Mtime { secs: 0, nanos: 0 },
            mode: None,
            settled: false,
            replace: false,
            choice: policy.part,
            part: None,
            checked: 0,
            received: 0,
            rounds: 0,
        };
        self.persist(bar, |client, bar| client.get_rounds(&mut job, bar))
    }

    fn get_rounds(&mut self, job: &mut GetJob<'_>, bar: &mut Bar<'_>) -> Result<Outcome> {
        loop {
            self.check_interrupt()?;
            let halt = match self.get_round(job, bar) {
                Ok(outcome) => return Ok(outcome),
                Err(Halt::Failed(e)) => return Err(e),
                Err(halt) => halt,
            };
            job.checked = 0;
            job.rounds += 1;
            let path = Client::shown(job.remote);
            let differs = matches!(halt, Halt::Differs);
            if job.rounds > ROUNDS {
                return Err(if differs {
                    Error::Damaged { path }
                } else {
                    Error::Changed { path }
                });
            }
            let what = if differs { "arrived damaged" } else { "changed while it was fetched" };
            bar.progress.note(&format!("{}: {what}; comparing again", bar.name()));
            // Part of an answer may still be on its way.
            self.line()?;
        }
    }

    fn get_round(&mut self, job: &mut GetJob<'_>, bar: &mut Bar<'_>) -> Result<Outcome, Halt> {
        self.look(job)?;
        if !job.settled {
            if let Some(outcome) = self.settle_place(job, bar)? {
                return Ok(outcome);
            }
            job.settled = true;
        }
        let Some(mut part) = open_part(job, bar)? else { return Ok(Outcome::Skipped) };
        let filled = self.fill_part(job, &mut part, bar);
        if let Err(halt) = filled {
            job.part = Some(part);
            return Err(halt);
        }
        bar.progress.phase(Phase::Commit);
        let (mtime, mode, replace) = (job.mtime, job.mode, job.replace);
        part.place(job.size, Finish { mtime, mode, replace })?;
        Ok(Outcome::Stored { sent_bytes: job.received, size: job.size })
    }

    /// What the server has now.
    fn look(&mut self, job: &mut GetJob<'_>) -> Result<(), Halt> {
        let entry = commands::stat(self.now()?, job.remote)?;
        let shown = Client::shown(job.remote);
        let refused = |code: Code, text| Error::Refused { code: code.number(), text };
        match entry.kind {
            Kind::File => {}
            Kind::Folder => {
                return Err(refused(Code::IsDirectory, format!("`{shown}` is a folder")).into());
            }
            Kind::Link | Kind::Other => {
                return Err(refused(Code::NotRegular, format!("`{shown}` is not a file")).into());
            }
        }
        if entry.version != job.version || entry.size != job.size {
            job.checked = 0;
        }
        job.version = entry.version;
        job.size = entry.size;
        job.mtime = Mtime { secs: entry.mtime_secs, nanos: entry.mtime_nanos };
        job.mode = (!job.policy.no_mode).then_some(entry.mode);
        Ok(())
    }

    /// Whether something is in the place already, and what is to be done about it.
    fn settle_place(
        &mut self,
        job: &mut GetJob<'_>,
        bar: &mut Bar<'_>,
    ) -> Result<Option<Outcome>, Halt> {
        let path = || shown(job.local);
        let there = match fs::symlink_metadata(job.local) {
            Ok(meta) if meta.is_file() => meta.len(),
            Ok(meta) => return Err(no_file(job.local, &meta).into()),
            Err(_) => return Ok(None),
        };
        if there == job.size {
            bar.progress.phase(Phase::Compare);
            if self.is_equal(job)? {
                return Ok(Some(Outcome::Equal { size: job.size }));
            }
        }
        let new = job.size;
        match job.policy.exists {
            ExistsChoice::Refuse => Err(Error::LocalExists { path: path(), size: there }.into()),
            ExistsChoice::Skip => Ok(Some(Outcome::Skipped)),
            ExistsChoice::Replace => {
                job.replace = true;
                Ok(None)
            }
            ExistsChoice::Ask => {
                let name = bar.name().to_owned();
                job.replace =
                    bar.progress.ask(&Question::Replace { name, there, new }) == Reply::Yes;
                Ok((!job.replace).then_some(Outcome::Skipped))
            }
        }
    }

    /// Whether the file in the place has the server's content; nothing of it travels.
    fn is_equal(&mut self, job: &GetJob<'_>) -> Result<bool, Halt> {
        let Ok(mut source) = Source::open_plain(job.local) else { return Ok(false) };
        let (mut theirs, mut ours, mut at) = (Vec::new(), Vec::new(), 0);
        let mut buffer = vec![0; FRAME_DATA];
        while at < job.size {
            self.check_interrupt()?;
            let message = SumsOf::new(job.remote, at, WINDOW, job.version);
            let (algorithm, span) = (self.algorithm, (at, job.size));
            let end = sums(self.now()?, "SUMS", &message, algorithm, span, &mut theirs)?;
            if end == at {
                return Err(Halt::Changed);
            }
            for theirs in theirs.chunks(CHUNKS_IN_FRAME) {
                let len = piece_len(at, end);
                let piece = buffer.get_mut(..len).unwrap_or_default();
                source.read(at, piece)?;
                digest(algorithm, piece, &mut ours, None);
                if ours != theirs {
                    return Ok(false);
                }
                at += len as u64;
            }
        }
        Ok(source.is_unchanged())
    }

    /// Compares what the part has, fetches what differs or lacks.
    fn fill_part(
        &mut self,
        job: &mut GetJob<'_>,
        part: &mut PartFile,
        bar: &mut Bar<'_>,
    ) -> Result<(), Halt> {
        let size = job.size;
        let held = comparable(part.held, size).max(job.checked);
        bar.begin(size, held);
        if job.checked < held {
            bar.progress.phase(Phase::Compare);
        }
        while job.checked < held {
            let end = self.compare_part(job, part, bar, held)?;
            if end <= job.checked {
                return Err(Halt::Changed);
            }
            job.checked = end;
        }
        bar.progress.phase(Phase::Transfer);
        while job.checked < size {
            let from = job.checked;
            self.fetch_range(job, part, bar, (from, size))?;
            job.checked = size;
        }
        Ok(())
    }

    /// Compares one window of the part and fetches what differs of it. Gives its end.
    fn compare_part(
        &mut self,
        job: &mut GetJob<'_>,
        part: &mut PartFile,
        bar: &mut Bar<'_>,
        held: u64,
    ) -> Result<u64, Halt> {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        let algorithm = self.algorithm;
        let message = SumsOf::new(job.remote, job.checked, WINDOW, job.version);
        let span = (job.checked, job.size);
        let end = sums(self.now()?, "SUMS", &message, algorithm, span, &mut theirs)?.min(held);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(FRAME_DATA, 0);
        let mut wrong = Vec::new();
        let mut at = job.checked;
        let mut read = Ok(());
        for theirs in theirs.chunks(CHUNKS_IN_FRAME) {
            let len = piece_len(at, end);
            let piece = buffer.get_mut(..len).unwrap_or_default();
            read = self.check_interrupt().and_then(|()| part.read(at, piece));
            if read.is_err() {
                break;
            }
            digest(algorithm, piece, &mut ours, None);
            let found = runs(len, |i| ours.get(i) != theirs.get(i));
            wrong.extend(found.map(|run| (at + run.start as u64, at + run.end as u64)));
            at += len as u64;
        }
        self.buffer = buffer;
        read?;
        for range in joined(wrong) {
            self.fetch_range(job, part, bar, range)?;
        }
        Ok(end)
    }

    /// Fetches a range, and what of it arrived damaged again.
    fn fetch_range(
        &mut self,
        job: &mut GetJob<'_>,
        part: &mut PartFile,
        bar: &mut Bar<'_>,
        range: (u64, u64),
    ) -> Result<(), Halt> {
        let mut ranges = vec![range];
        for _ in 0..=CHUNK_TRIES {
            let mut bad = Vec::new();
            for (from, end) in ranges {
                bad.extend(self.fetch_once(job, part, bar, (from, end))?);
            }
            if bad.is_empty() {
                return Ok(());
            }
            let text = format!("{}: damaged on the way; fetched again", bar.name());
            bar.progress.note(&text);
            ranges = joined(bad);
        }
        Err(Error::Damaged { path: Client::shown(job.remote) }.into())
    }

    fn fetch_once(
        &mut self,
        job: &mut GetJob<'_>,
        part: &mut PartFile,
        bar: &mut Bar<'_>,
        (from, end): (u64, u64),
    ) -> Result<Vec<(u64, u64)>, Halt> {
        let Some(conn) = &mut self.conn else { return Err(Error::NotLoggedIn.into()) };
        let fetched = Fetcher {
            conn,
            part: &mut *part,
            algorithm: self.algorithm,
            buffer: &mut self.buffer,
            interrupt: &self.options.interrupt,
            moved: &mut self.moved,
            received: &mut job.received,
            bar,
            remote: job.remote,
            version: job.version,
            size: job.size,
        }
        .fetch(from, end);
        // What was written is compared again after a break.
        part.held = part.written.max(part.held);
        fetched
    }
}

/// Opens the part, or gives the open one back; `None` if the user wants nothing done.
fn open_part(job: &mut GetJob<'_>, bar: &mut Bar<'_>) -> Result<Option<PartFile>> {
    if let Some(part) = job.part.take() {
        return Ok(Some(part));
    }
    let mut part = PartFile::open(job.local, job.mode.is_some())?;
    let held = part.held;
    if held > 0 && job.choice == PartChoice::Ask {
        let (name, total) = (bar.name().to_owned(), job.size);
        job.choice = match bar.progress.ask(&Question::GoOn { name, held, total }) {
            Reply::Yes => PartChoice::Continue,
            Reply::No => PartChoice::Fresh,
            Reply::Cancel => return Ok(None),
        };
    }
    if job.choice == PartChoice::Fresh {
        part.clear()?;
    }
    job.choice = PartChoice::Continue;
    Ok(Some(part))
}

/// Neighbouring ranges as one.
fn joined(ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for (from, end) in ranges {
        match out.last_mut() {
            Some(before) if before.1 == from => before.1 = end,
            _ => out.push((from, end)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn neighbouring_ranges_are_asked_for_at_once() {
        let ranges = vec![(0, 2), (2, 3), (5, 6), (6, 9), (10, 11)];
        assert_eq!(super::joined(ranges), [(0, 3), (5, 9), (10, 11)]);
    }
}
