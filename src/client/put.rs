//! Sending one file: the offer, the choices, the content, the confirmation.
//!
//! Invariant: an equal file that is there already costs no content, however large.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Client;
use super::compare::{Halt, digest, piece_len};
use super::conn::Conn;
use super::error::{Error, Result};
use super::local::{Since, Source};
use super::names::{check_no_part, last};
use super::progress::{
    Bar, ExistsChoice, Outcome, PartChoice, Phase, Policy, Progress, Question, Reply,
};
use super::send::{Sender, Tools};
use crate::digest::{Algorithm, Digest, Whole};
use crate::limits::{FRAME_DATA, STORE_INLINE};
use crate::wire::{Code, Done, Drop as DropUpload, FRESH, NO_MODE, Opened, Put, REPLACE, There};

/// Times that a file which changes is begun anew.
pub(super) const ROUNDS: u32 = 3;
/// Waits for a session of one's own that has just died to lose its claim: about 3 s in all.
pub(super) const BUSY_TRIES: u32 = 10;
pub(super) const BUSY_WAIT: Duration = Duration::from_millis(300);

/// One file on its way, over as many connections as it takes.
pub(super) struct PutJob<'a> {
    pub(super) source: Source,
    pub(super) remote: &'a str,
    pub(super) policy: &'a Policy,
    /// The digest of the whole, when it is known.
    pub(super) digest: Option<Digest>,
    /// It was agreed that the file there is replaced.
    replace: bool,
    /// It was agreed how to go on with a part: from then on parts are this job's own.
    part: PartChoice,
    pub(super) sent: u64,
    most_held: u64,
    rounds: u32,
    /// Whether a file that has grown is stored as it was when it was opened.
    pub(super) is_last: bool,
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
        let opened = Source::open(local, &self.options.interrupt);
        let result = opened.and_then(|s| self.put_source(s, remote, policy, &mut bar));
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
            is_last: false,
        };
        self.persist(bar, |client, bar| client.put_rounds(&mut job, bar))
    }

    fn put_rounds(&mut self, job: &mut PutJob<'_>, bar: &mut Bar<'_>) -> Result<Outcome> {
        loop {
            self.check_interrupt()?;
            if !job.source.is_unchanged() {
                job.source.reopen(&self.options.interrupt)?;
                job.digest = None;
            }
            job.is_last = job.rounds == ROUNDS;
            let halt = match self.put_round(job, bar) {
                Ok(outcome) => return Ok(outcome),
                Err(Halt::Failed(e)) => return Err(e),
                Err(halt) => halt,
            };
            job.rounds += 1;
            job.digest = None;
            let path = job.source.shown();
            let what = match halt {
                Halt::Differs if job.rounds > ROUNDS => return Err(Error::Damaged { path }),
                _ if job.rounds > ROUNDS => return Err(Error::Changed { path }),
                Halt::Differs => "arrived damaged",
                Halt::Grown => "grew while it was sent",
                _ => "changed while it was sent",
            };
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
            let mode = mode_of(job.policy, &job.source);
            let given = job.digest;
            let bytes = given.as_ref().map_or(&[][..], Digest::as_bytes);
            let offer = Put::new(job.remote, size, mtime.secs, mtime.nanos, mode, flags, bytes);
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
                    let there = InTheWay::of(&conn.reply::<There<'_>>()?);
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
        there: InTheWay,
        refusal: Error,
        bar: &mut Bar<'_>,
    ) -> Result<Option<Outcome>, Halt> {
        if job.replace {
            return Err(refusal.into());
        }
        let new = job.source.size;
        if there.known && there.size == new && job.digest.is_none() {
            job.digest = Some(self.digest_source(&mut job.source, job.is_last, bar)?);
            return Ok(None);
        }
        let choice = match job.policy.exists {
            // What cannot be done is not asked about.
            ExistsChoice::Ask if !there.replaceable => ExistsChoice::Refuse,
            ExistsChoice::Ask => {
                let (name, there) = (bar.name().to_owned(), there.size);
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
            _ => Err(there.hinted(refusal).into()),
        }
    }

    /// Reads the local file once and digests it.
    fn digest_source(
        &mut self,
        source: &mut Source,
        is_last: bool,
        bar: &mut Bar<'_>,
    ) -> Result<Digest, Halt> {
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
        let (whole, algorithm) = (whole.finish(), self.algorithm);
        confirm(source, &whole, algorithm, is_last, &self.options.interrupt)?;
        Ok(whole)
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
        let sender = Sender::new(tools, &mut job.source, &mut job.sent, bar);
        let filled = sender.fill(held, job.is_last);
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

/// The permission bits that are sent with a file.
pub(super) fn mode_of(policy: &Policy, source: &Source) -> u16 {
    source.mode.filter(|_| !policy.no_mode).unwrap_or(NO_MODE)
}

/// Refuses what was read as `whole` unless the file is still that, or, the last time, a longer one
/// that begins with it.
pub(super) fn confirm(
    source: &mut Source,
    whole: &Digest,
    algorithm: Algorithm,
    is_last: bool,
    interrupt: &AtomicBool,
) -> Result<(), Halt> {
    match source.since_read(whole, algorithm, is_last, interrupt)? {
        Since::Same | Since::Unclear => Ok(()),
        Since::Grown => Err(Halt::Grown),
        Since::Changed => Err(Halt::Changed),
    }
}

/// What is known of the file that is in the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct InTheWay {
    /// Its bytes, if they are known.
    pub(super) size: u64,
    known: bool,
    pub(super) replaceable: bool,
}

impl InTheWay {
    pub(super) fn of(there: &There<'_>) -> InTheWay {
        let There { size, known, replaceable, .. } = *there;
        InTheWay { size, known: known == 1, replaceable: replaceable == 1 }
    }

    /// The refusal with what is known, and with what can be done about it.
    pub(super) fn hinted(self, refusal: Error) -> Error {
        let Error::Refused { code, text } = refusal else { return refusal };
        let known = if self.known { "differs" } else { "may not be compared" };
        let hint = match (self.replaceable, self.known) {
            (true, _) => "; --overwrite replaces it",
            (false, true) => ", and may not be replaced",
            (false, false) => " or replaced",
        };
        Error::Refused { code, text: format!("{text} and {known}{hint}") }
    }
}
