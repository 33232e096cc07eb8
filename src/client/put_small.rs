//! The small files of a folder that is being sent: requests into the window, answers out of it.
//!
//! Invariant: a request is in the pipe from before it leaves until its answer was judged, so that
//! nothing is forgotten when the line breaks.

use std::sync::Arc;

use super::Client;
use super::compare::{Halt, digest};
use super::conn::Heard;
use super::error::{Error, Result, shown};
use super::local::{ReadError, Source};
use super::progress::{Bar, ExistsChoice, Outcome, Progress};
use super::put::{BUSY_TRIES, InTheWay, ROUNDS, confirm, mode_of};
use super::put_tree::{Item, Op, TreeJob};
use super::tree::{choose, is_fatal};
use crate::digest::{Digest, Whole};
use crate::limits::{CHUNK_TRIES, FRAME_DATA, STORE_INLINE};
use crate::wire::{self, Code, Mkdir, Put, REPLACE, Store, There};

impl Client {
    /// Sends a request as soon as the window allows.
    pub(super) fn put_op(
        &mut self,
        job: &mut TreeJob<'_>,
        op: Op,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        match op {
            Op::Mkdir(remote, mode) => {
                if let Err(e) = self.put_room(job, 0, progress) {
                    job.todo.push_front(Op::Mkdir(remote, mode));
                    return Err(e);
                }
                let queued = self.now()?.queue("MKDIR", &Mkdir::new(&remote, 0, mode), &[]);
                job.pipe.push(Op::Mkdir(remote, mode), *queued.as_ref().unwrap_or(&0), 0);
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
        let interrupt = Arc::clone(&self.options.interrupt);
        let mut source = match Source::open_found(&item.local, &interrupt) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => {
                job.report.file(progress, shown(&item.local), 0, Err(e));
                return Ok(());
            }
            Ok(source) => source,
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
        let queued = match self.read_whole(job, &item, &mut source, &mut buffer) {
            // It is larger by now than a request may be.
            Ok(None) => {
                self.buffer = buffer;
                job.todo.push_front(Op::File(item));
                return Ok(());
            }
            Ok(Some(whole)) => {
                item.size = source.size;
                let content = buffer.get(..source.size as usize).unwrap_or_default();
                self.queue_item(job, &item, &source, whole, content)
            }
            Err(e) => {
                self.buffer = buffer;
                if is_fatal(&e) {
                    job.todo.push_front(Op::File(item));
                    return Err(e);
                }
                job.report.file(progress, shown(&item.local), 0, Err(e));
                return Ok(());
            }
        };
        self.buffer = buffer;
        let sent = if item.probe { 0 } else { item.size as usize };
        item.sent += u32::from(!item.probe);
        job.pipe.push(Op::File(item), *queued.as_ref().unwrap_or(&0), sent);
        queued.map(drop)
    }

    /// Reads a small file, as often as it changes meanwhile, and gives the digest of the whole. One
    /// that only grows is taken as it was; `None` if it is small no longer.
    fn read_whole(
        &mut self,
        job: &mut TreeJob<'_>,
        item: &Item,
        source: &mut Source,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Digest>> {
        let interrupt = Arc::clone(&self.options.interrupt);
        buffer.resize(FRAME_DATA, 0);
        for round in 0..=ROUNDS {
            if round > 0 {
                *source = Source::open_found(&item.local, &interrupt)?;
            }
            let Some(content) = buffer.get_mut(..source.size as usize) else { return Ok(None) };
            match source.read(0, content) {
                Ok(()) => {}
                Err(ReadError::Changed) => continue,
                Err(ReadError::Failed(e)) => return Err(e),
            }
            let mut whole = Whole::new(self.algorithm);
            digest(self.algorithm, content, &mut job.digests, Some(&mut whole));
            let whole = whole.finish();
            match confirm(source, &whole, self.algorithm, round == ROUNDS, &interrupt) {
                Ok(()) => return Ok(Some(whole)),
                Err(Halt::Failed(e)) => return Err(e),
                Err(_) => {}
            }
        }
        Err(Error::Changed { path: source.shown() })
    }

    fn queue_item(
        &mut self,
        job: &mut TreeJob<'_>,
        item: &Item,
        source: &Source,
        whole: Digest,
        content: &[u8],
    ) -> Result<usize> {
        let Source { size, mtime, .. } = *source;
        let mode = mode_of(job.policy, source);
        let (secs, nanos) = (mtime.secs, mtime.nanos);
        let conn = self.now()?;
        if item.probe {
            let put = Put::new(&item.remote, size, secs, nanos, mode, 0, whole.as_bytes());
            return conn.queue("PUT", &put, &[]);
        }
        job.bytes.clear();
        for digest in &job.digests {
            job.bytes.extend_from_slice(digest.as_bytes());
        }
        let flags = if item.replace { REPLACE } else { 0 };
        let (remote, whole) = (&item.remote, whole.as_bytes());
        let store = Store::new(remote, secs, nanos, mode, flags, whole, &job.bytes);
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
                job.report.count(progress, shown(&item.local), result);
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

    pub(super) fn put_drain(
        &mut self,
        job: &mut TreeJob<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        while !job.pipe.is_empty() {
            self.put_answer(job, progress)?;
        }
        Ok(())
    }

    /// Reads the answer to the oldest request.
    pub(super) fn put_answer(
        &mut self,
        job: &mut TreeJob<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        const STRANGE: Error = Error::Protocol { what: "a part of an answer that has none" };
        let conn = self.now()?;
        let Heard::Answer(code) = conn.hear()? else { return Err(STRANGE) };
        let refusal = conn.refusal();
        let there = conn.reply::<There<'_>>().ok().map(|there| InTheWay::of(&there));
        let code = Code::of(code);
        let item = match job.pipe.pop().ok_or(STRANGE)? {
            Op::Drop => return Ok(()),
            Op::Mkdir(remote, _) => {
                let fine = matches!(code, Some(Code::Done | Code::Exists | Code::IsDirectory));
                if !fine {
                    job.report.count(progress, Client::shown(&remote), Err(refusal));
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
        there: Option<InTheWay>,
        refusal: Error,
        progress: &mut dyn Progress,
    ) {
        let size = item.size;
        if code == Some(Code::Busy) && item.busy < BUSY_TRIES {
            item.busy += 1;
            job.later.push(Op::File(item));
            return;
        }
        let again = match code {
            Some(Code::Ready | Code::PartThere | Code::WrongState) if item.probe => {
                item.probe = false;
                true
            }
            Some(Code::Exists) if !item.replace => {
                let name = Client::shown(&item.remote);
                let size_there = there.map_or(0, |there| there.size);
                // What cannot be done is not asked about.
                let choice = match job.policy.exists {
                    ExistsChoice::Ask if there.is_some_and(|there| !there.replaceable) => {
                        ExistsChoice::Refuse
                    }
                    _ => choose(job.policy, progress, &name, size_there, size),
                };
                match choice {
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
            Some(Code::AlreadyThere) if item.sent > 1 => {
                Ok(Outcome::Stored { sent_bytes: size, size })
            }
            Some(Code::Verified) => Ok(Outcome::Stored { sent_bytes: size, size }),
            Some(Code::AlreadyThere) => Ok(Outcome::Equal { size }),
            Some(Code::Mismatch) => Err(Error::Damaged { path: shown(&item.local) }),
            Some(Code::Exists) => Err(match there {
                Some(there) => there.hinted(refusal),
                None => refusal,
            }),
            _ => Err(refusal),
        };
        job.report.file(progress, shown(&item.local), size, result);
    }
}
