//! Sending one file: the offer, the choices, the content, the confirmation.
//!
//! Invariant: an equal file that is there already costs no content, however large.

use std::io::Read;
use std::path::Path;

use super::Client;
use super::commands;
use super::conn::Connection;
use super::delta::is_mostly_equal;
use super::error::{Error, Remains, Result};
use super::halt::Halt;
use super::in_the_way::InTheWay;
use super::local::LocalFile;
use super::names::{check_no_part, check_no_part_there};
use super::offer::Destination;
use super::operation::{Operation, leaving};
use super::progress::{FileProgress, PartChoice, Phase, Policy, Progress, TransferOutcome};
use super::ranges::Board;
use super::send::Sender;
use super::tools::Tools;
use crate::digest::Digest;
use crate::limits::{CHUNK, CHUNK_TRIES};
use crate::wire::{
    Code, Done, Drop as DropUpload, Expect, FRESH, FROM_OLD, Opened, REPLACE, There,
};

/// Bytes of a file that goes in one request where it goes alone: on a slow line a larger one is
/// seen to move, and keeps what has arrived.
const AT_ONCE: u64 = 2 * CHUNK as u64;

/// One file on its way to the server.
pub(super) struct PutFile<'a> {
    source: LocalFile,
    remote: &'a str,
    policy: &'a Policy,
    /// The digest of the whole, when it is known.
    digest: Option<Digest>,
    /// Something has the name there, so that its content is not sent unasked.
    is_there: bool,
    /// The version of the file there that may be replaced, if no other may.
    expected: Option<u64>,
    /// It was agreed that the file there is replaced. Even where the policy replaces, the first
    /// offer does not say so: an equal file must cost nothing.
    replace: bool,
    /// Whether the upload begins with what the file there holds: `None` until that was looked at.
    from_old: Option<bool>,
    /// It was agreed how to go on with a part: from then on parts are this transfer's own.
    part: PartChoice,
    sent: u64,
    most_held: u64,
    /// Whether a file that has grown is stored as it was when it was opened.
    is_last: bool,
    /// Where other connections may be asked for help.
    board: Option<&'a Board>,
}

/// What the server answers to an offer.
enum Offer {
    /// Nothing is left to do.
    Finished(TransferOutcome),
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
    ) -> Result<TransferOutcome> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let source = LocalFile::open(local, &self.options.interrupt);
        let put = source.map(|source| PutFile::new(source, remote, policy));
        self.one_file(put, (Some(local), remote), progress).map_err(|e| self.kept_or_not(e))
    }

    /// Sends a file over one that is still this version, as [`Client::stat`] gave it: what somebody
    /// else has stored there meanwhile stays.
    ///
    /// # Errors
    /// As for [`Client::put`]; [`Error::Refused`] with [`Code::Changed`] if it is another version.
    pub fn put_over(
        &mut self,
        local: &Path,
        remote: &str,
        version: u64,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TransferOutcome> {
        self.check_relative(remote)?;
        check_no_part(local, remote)?;
        let source = LocalFile::open(local, &self.options.interrupt);
        let put = source.map(|source| PutFile {
            expected: Some(version),
            is_there: true,
            replace: true,
            ..PutFile::new(source, remote, policy)
        });
        self.one_file(put, (Some(local), remote), progress).map_err(|e| self.kept_or_not(e))
    }

    /// Sends what a reader gives to a path on the server, as [`Client::put`] does with a file. It
    /// is read to its end into a file without a name first, so that it can be compared, and sent
    /// again after the connection broke.
    ///
    /// # Errors
    /// As for [`Client::put`]; [`Error::Local`] where the reader fails, or there is no room for
    /// what it gives.
    pub fn put_from(
        &mut self,
        reader: &mut dyn Read,
        remote: &str,
        policy: &Policy,
        progress: &mut dyn Progress,
    ) -> Result<TransferOutcome> {
        self.check_relative(remote)?;
        check_no_part_there(remote)?;
        let source = LocalFile::of_reader(reader, Path::new(remote), &self.options.interrupt);
        let put = source.map(|source| PutFile::new(source, remote, policy));
        self.one_file(put, (None, remote), progress).map_err(|e| self.kept_or_not(e))
    }

    /// The error of an upload: what a guest has not finished does not stay.
    pub(super) fn kept_or_not(&self, error: Error) -> Error {
        if self.is_guest() { leaving(error, Remains::Nothing) } else { error }
    }
}

impl Operation for PutFile<'_> {
    type Done = TransferOutcome;
    const DOING: &'static str = "sent";

    fn attempt(
        &mut self,
        client: &mut Client,
        bar: &mut FileProgress<'_>,
    ) -> Result<TransferOutcome, Halt> {
        if !self.source.is_unchanged() {
            self.source.reopen(&client.options.interrupt)?;
            self.digest = None;
        }
        let mut tools = client.tools()?;
        if self.source.size <= AT_ONCE && !self.is_there {
            if let Some(outcome) = self.store(&mut tools, bar)? {
                return Ok(outcome);
            }
            self.is_there = true;
        }
        match self.offer(&mut tools, bar)? {
            Offer::Finished(outcome) => Ok(outcome),
            Offer::Open(held) => {
                // What the server holds by now moved, even if its answers were lost with the line.
                *tools.moved += held.saturating_sub(self.most_held);
                self.most_held = self.most_held.max(held);
                let filled = self.fill(tools, held, bar);
                if let (Err(_), Ok(conn)) = (&filled, client.now()) {
                    leave(conn);
                }
                filled
            }
        }
    }

    fn begin_again(&mut self, is_last: bool) {
        self.digest = None;
        self.is_last = is_last;
    }

    fn shown(&self) -> String {
        self.source.shown()
    }
}

impl<'a> PutFile<'a> {
    pub(super) fn new(source: LocalFile, remote: &'a str, policy: &'a Policy) -> PutFile<'a> {
        PutFile {
            source,
            remote,
            policy,
            digest: None,
            is_there: false,
            expected: None,
            replace: false,
            from_old: None,
            part: policy.part,
            sent: 0,
            most_held: 0,
            is_last: false,
            board: None,
        }
    }

    /// Returns this upload as one of which other connections may send ranges.
    pub(super) fn shared(self, board: Option<&'a Board>) -> PutFile<'a> {
        PutFile { board, ..self }
    }

    fn destination(&self) -> Destination<'a> {
        let replace = if self.replace { REPLACE } else { 0 };
        let fresh = if self.part == PartChoice::Fresh { FRESH } else { 0 };
        let old = if self.from_old == Some(true) { FROM_OLD } else { 0 };
        let (remote, no_mode) = (self.remote, self.policy.no_mode);
        Destination { remote, no_mode, flags: replace | fresh | old }
    }

    /// A small file goes in one request. `None`: something is there already.
    fn store(
        &mut self,
        tools: &mut Tools<'_>,
        bar: &mut FileProgress<'_>,
    ) -> Result<Option<TransferOutcome>, Halt> {
        let small = tools.read_small(&mut self.source, self.is_last)?;
        self.digest = Some(small.whole);
        match commands::stat(tools.conn, self.remote) {
            Err(e) if e.is_refusal(Code::NotFound) => {}
            Err(Error::Refused { .. }) | Ok(_) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        let size = self.source.size;
        bar.begin(size, 0);
        bar.progress.phase(Phase::Transfer);
        for _ in 0..=CHUNK_TRIES {
            self.sent += size;
            let to = Destination { flags: 0, ..self.destination() };
            tools.queue_store(&self.source, &small, to)?;
            let stored = match tools.conn.receive_response()? {
                Some(Code::Verified) => self.stored(),
                // What is equal to what was sent before is that.
                Some(Code::AlreadyThere) if self.sent > size => self.stored(),
                Some(Code::AlreadyThere) => return Ok(Some(TransferOutcome::Equal { size })),
                Some(Code::Exists) => return Ok(None),
                Some(Code::Busy) => return Err(Halt::Busy(tools.conn.refusal())),
                Some(Code::Mismatch) => {
                    let text = format!("{}: damaged on the way; sent again", bar.name);
                    bar.progress.note(&text);
                    continue;
                }
                _ => return Err(tools.conn.refusal().into()),
            };
            *tools.moved += size;
            bar.show(size);
            return Ok(Some(stored));
        }
        Err(Error::Damaged { path: self.source.shown() }.into())
    }

    fn stored(&self) -> TransferOutcome {
        TransferOutcome::Stored { sent_bytes: self.sent, size: self.source.size }
    }

    /// Offers the file. Where something is there, it is settled what becomes of it, and the next
    /// attempt offers again.
    fn offer(&mut self, tools: &mut Tools<'_>, bar: &mut FileProgress<'_>) -> Result<Offer, Halt> {
        tools.queue_put(&self.source, self.digest.as_ref(), self.destination())?;
        let size = self.source.size;
        match tools.conn.receive_response()? {
            Some(Code::Ready) => {
                self.part = PartChoice::Continue;
                let held = tools.conn.reply::<Opened<'_>>()?.held_bytes;
                // What is there already has not travelled.
                self.most_held = self.most_held.max(held);
                bar.begin(size, 0);
                Ok(Offer::Open(held))
            }
            Some(Code::PartThere) => {
                let held = tools.conn.reply::<Opened<'_>>()?.held_bytes;
                self.settle_part(tools.conn, held, bar)
            }
            Some(Code::AlreadyThere) if self.sent > 0 => Ok(Offer::Finished(self.stored())),
            Some(Code::AlreadyThere) => Ok(Offer::Finished(TransferOutcome::Equal { size })),
            Some(Code::Exists) => {
                let there = InTheWay::of(&tools.conn.reply::<There<'_>>()?);
                let refusal = tools.conn.refusal();
                if !self.replace && there.known && there.size == size && self.digest.is_none() {
                    bar.progress.phase(Phase::Compare);
                    let whole = tools.digest_whole(&mut self.source, size)?;
                    tools.confirm(&mut self.source, &whole, self.is_last)?;
                    self.digest = Some(whole);
                } else if self.replace {
                    return Err(refusal.into());
                } else if let Some(skipped) =
                    there.settle(self.policy, bar.progress, bar.name.clone(), size, refusal)?
                {
                    return Ok(Offer::Finished(skipped));
                } else {
                    self.replace = true;
                    self.from_old = Some(self.is_mostly_there(tools, there.size)?);
                }
                Err(Halt::Settled)
            }
            Some(Code::Busy) => Err(Halt::Busy(tools.conn.refusal())),
            _ => Err(tools.conn.refusal().into()),
        }
    }

    /// Whether most of it is in the file there already.
    fn is_mostly_there(&mut self, tools: &mut Tools<'_>, there: u64) -> Result<bool, Halt> {
        let both = there.min(self.source.size);
        is_mostly_equal(tools, (self.remote, 0, there), &mut self.source, both)
    }

    /// A part is there and the upload is open.
    fn settle_part(
        &mut self,
        conn: &mut Connection,
        held: u64,
        bar: &mut FileProgress<'_>,
    ) -> Result<Offer, Halt> {
        let Some(choice) = self.part.settle(bar.progress, bar.name.clone(), held, self.source.size)
        else {
            conn.ask_any("DROP", &DropUpload::new(1))?;
            return Ok(Offer::Finished(TransferOutcome::Skipped));
        };
        self.part = choice;
        if choice == PartChoice::Continue {
            return Ok(Offer::Open(held));
        }
        conn.ask_any("DROP", &DropUpload::new(0))?;
        Err(Halt::Settled)
    }

    /// The upload is open: content, then the confirmation.
    fn fill(
        &mut self,
        tools: Tools<'_>,
        held: u64,
        bar: &mut FileProgress<'_>,
    ) -> Result<TransferOutcome, Halt> {
        let sender = Sender::new(tools, &mut self.source, &mut self.sent, bar);
        let (conn, whole) = sender.fill(held, self.board, self.is_last)?;
        self.digest = Some(whole);
        bar.progress.phase(Phase::Commit);
        if let Some(version) = self.expected {
            if let Err(error) = conn.ask("EXPECT", &Expect::new(version)) {
                // It can never be stored, so that nothing of it needs to stay.
                if matches!(error, Error::Refused { .. }) {
                    conn.ask_any("DROP", &DropUpload::new(0))?;
                }
                return Err(error.into());
            }
        }
        match conn.ask_any("DONE", &Done::new(whole.as_bytes()))? {
            Some(Code::Verified) => {}
            Some(Code::Mismatch) => return Err(Halt::Differs),
            _ => return Err(conn.refusal().into()),
        }
        bar.show(self.source.size);
        Ok(self.stored())
    }
}

/// Reads what is still owed and closes the upload so that its part stays and the connection is
/// usable. Best effort: a connection that ends keeps the part too.
pub(super) fn leave(conn: &mut Connection) {
    conn.wind_down();
    while !conn.is_settled() {
        if conn.is_broken() || conn.receive().is_err() {
            return;
        }
    }
    let _ = conn.ask_any("DROP", &DropUpload::new(1));
}
