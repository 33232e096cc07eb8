//! The small files of a folder that is being sent: requests into the window, answers out of it.
//!
//! Invariant: a request is in the pipe from before it leaves until its answer was judged, so that
//! nothing is forgotten when the line breaks.

use super::Client;
use super::compare::digest;
use super::conn::Heard;
use super::error::{Error, Result, shown};
use super::local::{ReadError, Source};
use super::progress::{Bar, ExistsChoice, Outcome, Progress};
use super::put::{BUSY_TRIES, hinted};
use super::put_tree::{Item, Op, TreeJob};
use super::tree::{choose, is_fatal};
use crate::digest::Whole;
use crate::limits::{CHUNK_TRIES, FRAME_DATA, STORE_INLINE};
use crate::wire::{self, Code, Put, REPLACE, Store, Switched, There};

impl Client {
    /// Sends a request as soon as the window allows.
    pub(super) fn put_op(
        &mut self,
        job: &mut TreeJob<'_>,
        op: Op,
        progress: &mut dyn Progress,
    ) -> Result<()> {
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
        item.sent += u32::from(!item.probe);
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
        let there = conn.reply::<There<'_>>().map_or(0, |there| there.size);
        let code = Code::of(code);
        let item = match job.pipe.pop().ok_or(STRANGE)? {
            Op::Drop => return Ok(()),
            Op::Mkdir(remote) => {
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
        there: u64,
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
            Some(Code::AlreadyThere) if item.sent > 1 => {
                Ok(Outcome::Stored { sent_bytes: size, size })
            }
            Some(Code::Verified) => Ok(Outcome::Stored { sent_bytes: size, size }),
            Some(Code::AlreadyThere) => Ok(Outcome::Equal { size }),
            Some(Code::Mismatch) => Err(Error::Damaged { path: shown(&item.local) }),
            Some(Code::Exists) => Err(hinted(refusal)),
            _ => Err(refusal),
        };
        job.report.file(progress, shown(&item.local), size, result);
    }
}
