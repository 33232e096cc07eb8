//! Sending one small file: its content in one request, if nothing is there yet.

use super::Client;
use super::commands;
use super::compare::{Halt, digest};
use super::error::Error;
use super::progress::{Bar, Outcome, Phase};
use super::put::{PutJob, confirm, mode_of};
use crate::digest::Whole;
use crate::limits::FRAME_DATA;
use crate::wire::{Code, Store};

impl Client {
    /// A file that is not there yet goes in one request. `None`: something is there.
    pub(super) fn put_small(
        &mut self,
        job: &mut PutJob<'_>,
        bar: &mut Bar<'_>,
    ) -> Result<Option<Outcome>, Halt> {
        let size = job.source.size;
        let mut content = std::mem::take(&mut self.buffer);
        content.resize(FRAME_DATA, 0);
        let stored = self.store_content(job, bar, &mut content);
        self.buffer = content;
        let sent = match stored? {
            Some(Code::Verified) => job.sent,
            Some(Code::AlreadyThere) if job.sent > size => job.sent,
            Some(Code::AlreadyThere) => return Ok(Some(Outcome::Equal { size })),
            _ => return Ok(None),
        };
        self.moved += size;
        bar.show(size);
        Ok(Some(Outcome::Stored { sent_bytes: sent, size }))
    }

    fn store_content(
        &mut self,
        job: &mut PutJob<'_>,
        bar: &mut Bar<'_>,
        content: &mut [u8],
    ) -> Result<Option<Code>, Halt> {
        let content = content.get_mut(..job.source.size as usize).unwrap_or_default();
        job.source.read(0, content)?;
        let (mut digests, mut whole) = (Vec::new(), Whole::new(self.algorithm));
        digest(self.algorithm, content, &mut digests, Some(&mut whole));
        let whole = whole.finish();
        let interrupt = &self.options.interrupt;
        confirm(&mut job.source, &whole, self.algorithm, job.is_last, interrupt)?;
        job.digest = Some(whole);
        let conn = self.now()?;
        match commands::stat(conn, job.remote) {
            Err(e) if e.is_refusal(Code::NotFound) => {}
            Err(Error::Refused { .. }) | Ok(_) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        bar.begin(job.source.size, 0);
        bar.progress.phase(Phase::Transfer);
        let bytes: Vec<u8> = digests.iter().flat_map(|d| d.as_bytes()).copied().collect();
        let mtime = job.source.mtime;
        let (mode, whole) = (mode_of(job.policy, &job.source), whole.as_bytes());
        let store = Store::new(job.remote, mtime.secs, mtime.nanos, mode, 0, whole, &bytes);
        for _ in 0..=crate::limits::CHUNK_TRIES {
            job.sent += content.len() as u64;
            conn.queue("STORE", &store, content)?;
            let heard = conn.hear()?;
            let super::conn::Heard::Answer(code) = heard else {
                return Err(Error::Protocol { what: "a part of an answer that has none" }.into());
            };
            match Code::of(code) {
                Some(Code::Mismatch) => {
                    let text = format!("{}: damaged on the way; sent again", bar.name());
                    bar.progress.note(&text);
                }
                Some(code @ (Code::Verified | Code::AlreadyThere | Code::Exists)) => {
                    return Ok(Some(code));
                }
                _ => return Err(conn.refusal().into()),
            }
        }
        Err(Error::Damaged { path: job.source.shown() }.into())
    }
}
