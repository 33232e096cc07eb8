//! Sending one file: the offer, the choices, the content, the confirmation.
//!
//! Invariant: an equal file that is there already costs no content, however large.

use std::path::Path;
use std::time::Duration;

use super::Client;
use super::compare::{Halt, digest, piece_len};
use super::conn::Conn;
use super::error::{Error, Result};
use super::local::Source;
use super::names::{check_no_part, last};
use super::progress::{
    Bar, ExistsChoice, Outcome, PartChoice, Phase, Policy, Progress, Question, Reply,
};
use super::send::{Sender, Tools};
use crate::digest::{Digest, Whole};
use crate::limits::{FRAME_DATA, STORE_INLINE};
use crate::wire::{Code, Done, Drop as DropUpload, FRESH, Opened, Put, REPLACE, There};

/// Times that a file which changes is begun anew.
const ROUNDS: u32 = 3;
/// Waits for a session of one's own that has just died to lose its claim: about 3 s in all.
pub(super) const BUSY_TRIES: u32 = 10;
pub(super) const BUSY_WAIT: Duration = Duration::from_millis(300);

/// One file on its way, over as many connections as it takes.
pub(super) struct PutJob<'a> {
    pub(super) source: Source,
    pub(super) remote: &'a str,
    policy: &'a Policy,
    /// The digest of the whole, when it is known.
    pub(super) digest: Option<Digest>,
    /// It was agreed that the file there is replaced.
    replace: bool,
    /// It was agreed how to go on with a part: from then on parts are this job's own.
    part: PartChoice,
    pub(super) sent: u64,
    most_held: u64,
    rounds: u32,
}

/// What the server says to an offer.
enum Offer {
    /// Nothing is left to do.
    Finished(Outcome),
    /// The upload is open and holds so many bytes.
    Open(u64),
}

impl Client {
    /// Sends a file to a path on the server. An unfinished upload of the same path goes on, an
    /// equal file costs nothing, a file that differs is what the policy is for.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::GaveUp`], [`Error::Changed`], [`Error::Damaged`],
    /// [`Error::Interrupted`] and those of the local file. In all cases the part stays on the
    /// server.
    pub fn put(
        &mut self,
        local: &Path,
        remote: &str,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<Outcome> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let mut bar = Bar::new(progress, Client::shown(last(remote)));
        let result = Source::open(local).and_then(|s| self.put_source(s, remote, policy, &mut bar));
        bar.end(&result);
        result.map_err(|e| self.kept_or_not(e))
    }

    /// The error of an upload: what a guest has not finished does not stay.
    pub(super) fn kept_or_not(&self, error: Error) -> Error {
        match error {
            Error::GaveUp { tries, last, kept } => {
                Error::GaveUp { tries, last, kept: kept && !self.is_guest() }
            }
            other => other,
        }
    }

    pub(super) fn put_source(
        &mut self,
        source: Source,
        remote: &str,
        policy: &Policy,
        bar: &mut Bar<'_>,
    ) -> Result<Outcome> {
        let mut job = PutJob {
            source,
            remote,
            policy,
            digest: None,
            // Even where the policy replaces, the first offer does not say so: an equal file must
            // cost nothing. See `decide`.
            replace: false,
            part: policy.part,
            sent: 0,
            most_held: 0,
            rounds: 0,
        };
        self.persist(bar, |client, bar| client.put_rounds(&mut job, bar))
    }

    fn put_rounds(&mut self, job: &mut PutJob<'_>, bar: &mut Bar<'_>) -> Result<Outcome> {
        loop {
            self.check_interrupt()?;
            if !job.source.is_unchanged() {
                job.source.reopen()?;
                job.digest = None;
            }
            let halt = match self.put_round(job, bar) {
                Ok(outcome) => return Ok(outcome),
                Err(Halt::Failed(e)) => return Err(e),
                Err(halt) => halt,
            };
            job.rounds += 1;
            job.digest = None;
            let path = job.source.shown();
            let differs = matches!(halt, Halt::Differs);
            if job.rounds > ROUNDS {
                return Err(match differs {
                    true => Error::Damaged { path },
                    false => Error::Changed { path },
                });
            }
            let what = if differs { "arrived damaged" } else { "changed while it was sent" };
            bar.progress.note(&format!("{}: {what}; comparing again", bar.name()));
        }
    }

    fn put_round(&mut self, job: &mut PutJob<'_>, bar: &mut Bar<'_>) -> Result<Outcome, Halt> {
        if job.source.size <= STORE_INLINE as u64 {
            if let Some(outcome) = self.put_small(job, bar)? {
                return Ok(outcome);
            }
        }
        match self.offer(job, bar)? {
            Offer::Finished(outcome) => Ok(outcome),
            Offer::Open(held) => {
                // What the server holds by now moved, even if its answers were lost with the line.
                self.moved += held.saturating_sub(job.most_held);
                job.most_held = job.most_held.max(held);
                self.fill(job, held, bar)
            }
        }
    }

    /// Offers the file until the server's answer and the policy leave nothing open.
    fn offer(&mut self, job: &mut PutJob<'_>, bar: &mut Bar<'_>) -> Result<Offer, Halt> {
        let mut busy = 0;
        loop {
            self.check_interrupt()?;
            let fresh = job.part == PartChoice::Fresh;
            let flags = if job.replace { REPLACE } else { 0 } | if fresh { FRESH } else { 0 };
            let Source { size, mtime, .. } = job.source;
            let given = job.digest;
            let bytes = given.as_ref().map_or(&[][..], Digest::as_bytes);
            let offer = Put::new(job.remote, size, mtime.secs, mtime.nanos, flags, bytes);
            let conn = self.now()?;
            let code = conn.ask_any("PUT", &offer)?;
            match Code::of(code) {
                Some(Code::Ready) => {
                    job.part = PartChoice::Continue;
                    return Ok(Offer::Open(0));
                }
                Some(Code::PartThere) => {
                    let held = conn.reply::<Opened<'_>>()?.held_bytes;
                    if let Some(offer) = self.part_choice(job, held, bar)? {
                        return Ok(offer);
                    }
                }
                Some(Code::AlreadyThere) => {
                    return Ok(Offer::Finished(match job.sent {
                        0 => Outcome::Equal { size },
                        // Only the confirmation was lost.
                        sent_bytes => Outcome::Stored { sent_bytes, size },
                    }));
                }
                Some(Code::Exists) => {
                    let there = conn.reply::<There<'_>>()?.size;
                    let refusal = conn.refusal();
                    if let Some(outcome) = self.decide(job, there, refusal, bar)? {
                        return Ok(Offer::Finished(outcome));
                    }
                }
                Some(Code::Busy) if busy < BUSY_TRIES => {
                    busy += 1;
                    self.sleep(BUSY_WAIT)?;
                }
                _ => return Err(conn.refusal().into()),
            }
        }
    }

    /// A part is there and the upload is open. `None`: offer again.
    fn part_choice(
        &mut self,
        job: &mut PutJob<'_>,
        held: u64,
        bar: &mut Bar<'_>,
    ) -> Result<Option<Offer>, Halt> {
        if job.part == PartChoice::Ask {
            let name = bar.name().to_owned();
            let total = job.source.size;
            job.part = match bar.progress.ask(&Question::GoOn { name, held, total }) {
                Reply::Yes => PartChoice::Continue,
                Reply::No => PartChoice::Fresh,
                Reply::Cancel => {
                    self.now()?.ask_any("DROP", &DropUpload::new(1))?;
                    return Ok(Some(Offer::Finished(Outcome::Skipped)));
                }
            };
        }
        if job.part == PartChoice::Continue {
            return Ok(Some(Offer::Open(held)));
        }
        self.now()?.ask_any("DROP", &DropUpload::new(0))?;
        Ok(None)
    }

    /// A file is there. `None`: offer again, with a digest or with leave to replace.
    fn decide(
        &mut self,
        job: &mut PutJob<'_>,
        there: u64,
        refusal: Error,
        bar: &mut Bar<'_>,
    ) -> Result<Option<Outcome>, Halt> {
        if job.replace {
            return Err(refusal.into());
        }
        let new = job.source.size;
        if there == new && job.digest.is_none() {
            job.digest = Some(self.digest_source(&mut job.source, bar)?);
            return Ok(None);
        }
        let choice = match job.policy.exists {
            ExistsChoice::Ask => {
                let name = bar.name().to_owned();
                match bar.progress.ask(&Question::Replace { name, there, new }) {
                    Reply::Yes => ExistsChoice::Replace,
                    Reply::No | Reply::Cancel => ExistsChoice::Skip,
                }
            }
            choice => choice,
        };
        match choice {
            ExistsChoice::Skip => Ok(Some(Outcome::Skipped)),
            ExistsChoice::Replace => {
                job.replace = true;
                Ok(None)
            }
            _ => Err(hinted(refusal).into()),
        }
    }

    /// Reads the local file once and digests it.
    fn digest_source(&mut self, source: &mut Source, bar: &mut Bar<'_>) -> Result<Digest, Halt> {
        bar.progress.phase(Phase::Compare);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(FRAME_DATA, 0);
        let mut whole = Whole::new(self.algorithm);
        let mut digests = Vec::new();
        let mut at = 0;
        let result = loop {
            let len = piece_len(at, source.size);
            let piece = buffer.get_mut(..len).unwrap_or_default();
            if piece.is_empty() {
                break Ok(());
            }
            let step = self.check_interrupt().map_err(Halt::from).and_then(|()| {
                self.keep_alive()?;
                Ok(source.read(at, piece)?)
            });
            if step.is_err() {
                break step;
            }
            digest(self.algorithm, piece, &mut digests, Some(&mut whole));
            at += len as u64;
        };
        self.buffer = buffer;
        result?;
        if source.is_unchanged() { Ok(whole.finish()) } else { Err(Halt::Changed) }
    }

    /// The upload is open: content, then the confirmation. Whatever fails, the part stays and the
    /// connection is usable if it still stands.
    fn fill(
        &mut self,
        job: &mut PutJob<'_>,
        held: u64,
        bar: &mut Bar<'_>,
    ) -> Result<Outcome, Halt> {
        let Some(conn) = &mut self.conn else { return Err(Error::NotLoggedIn.into()) };
        let tools = Tools {
            conn,
            buffer: &mut self.buffer,
            interrupt: &self.options.interrupt,
            moved: &mut self.moved,
            algorithm: self.algorithm,
            stride: &mut self.stride,
        };
        let filled = Sender::new(tools, &mut job.source, &mut job.sent, bar).fill(held);
        let filled = filled.and_then(|whole| {
            job.digest = Some(whole);
            bar.progress.phase(Phase::Commit);
            match Code::of(conn.ask_any("DONE", &Done::new(whole.as_bytes()))?) {
                Some(Code::Verified) => Ok(()),
                Some(Code::Mismatch) => Err(Halt::Differs),
                _ => Err(conn.refusal().into()),
            }
        });
        filled.inspect_err(|_| leave(conn))?;
        let size = job.source.size;
        bar.show(size);
        Ok(Outcome::Stored { sent_bytes: job.sent, size })
    }
}

/// Reads what is still owed and closes the upload so that its part stays. Best effort: a connection
/// that ends keeps the part too.
fn leave(conn: &mut Conn) {
    conn.wind_down();
    while !conn.is_settled() {
        if conn.is_broken() || conn.hear().is_err() {
            return;
        }
    }
    let _ = conn.ask_any("DROP", &DropUpload::new(1));
}

/// The refusal with what to do about it.
pub(super) fn hinted(refusal: Error) -> Error {
    match refusal {
        Error::Refused { code, text } => {
            Error::Refused { code, text: format!("{text} and differs; --overwrite replaces it") }
        }
        other => other,
    }
}
