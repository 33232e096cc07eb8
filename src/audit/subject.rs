//! Who is at the other end of a connection, what they have moved, and the transfers that are under
//! way.
//!
//! Invariant: a [`TransferEntry`] writes exactly one line: the one that it is given, or, dropped,
//! that it broke off.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::event::{Actor, ActorOrigin, Event, Outcome, Verb};
use super::log::Log;
use super::progress::{TransferProgress, Transfers};
use crate::accounts::AccountName;
use crate::error::Error;
use crate::vfs::VPath;

/// One login, or a connection before it.
#[derive(Debug)]
pub struct Subject {
    log: Log,
    account: Option<AccountName>,
    place: ActorOrigin,
    since: Instant,
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
    /// Those of the connection.
    transfers: Transfers,
}

impl Subject {
    /// Somebody who has just come.
    pub fn new(
        log: &Log,
        account: Option<AccountName>,
        place: ActorOrigin,
        transfers: &Transfers,
    ) -> Arc<Subject> {
        Arc::new(Subject {
            log: log.clone(),
            account,
            place,
            since: Instant::now(),
            up_bytes: AtomicU64::new(0),
            down_bytes: AtomicU64::new(0),
            transfers: transfers.clone(),
        })
    }

    /// Somebody whose acts nobody notes, for tests.
    pub fn nobody() -> Arc<Subject> {
        let place = ActorOrigin::Protocol(IpAddr::V4(Ipv4Addr::LOCALHOST), "none", 0);
        Subject::new(&Log::nowhere(), None, place, &Transfers::default())
    }

    /// Returns this connection with a login, or without one.
    pub fn becomes(&self, account: Option<AccountName>) -> Arc<Subject> {
        Subject::new(&self.log, account, self.place, &self.transfers)
    }

    /// As an act names it.
    pub fn actor(&self) -> Actor<'_> {
        Actor { name: self.account.as_ref().map(AccountName::as_str), from: self.place }
    }

    /// An act of theirs, with nothing more about it.
    pub fn event(&self, verb: Verb) -> Event<'_> {
        Event::new(self.actor(), verb)
    }

    /// Notes an act.
    pub fn note(&self, event: &Event<'_>) {
        self.log.note(event);
    }

    /// Notes an act that was done, or why it was not.
    pub fn note_result<T>(&self, event: &Event<'_>, result: Result<&T, &Error>) {
        note_result(&self.log, event, result);
    }

    /// Notes that they go, and what they have moved.
    pub fn goes(&self, verb: Verb, why: Option<&str>) {
        let up = self.up_bytes.load(Ordering::Relaxed);
        let down = self.down_bytes.load(Ordering::Relaxed);
        self.note(&Event {
            moved_bytes: Some((up, down)),
            took: Some(self.since.elapsed()),
            why,
            ..self.event(verb)
        });
    }
}

/// A transfer under way, and its line.
#[derive(Debug)]
pub struct TransferEntry {
    subject: Arc<Subject>,
    verb: Verb,
    path: VPath,
    /// The file that it is a copy of, on this server.
    from: Option<VPath>,
    begun: Instant,
    moved: u64,
    /// Bytes of an upload that would stay.
    held: u64,
    /// Whether anything stays of it that is not finished.
    is_kept: bool,
    replacing: bool,
    is_text: bool,
    is_refused: bool,
    why: Option<String>,
    /// Bytes of what was stored or sent, once it was.
    done: Option<u64>,
    file: Option<PathBuf>,
    progress: Arc<TransferProgress>,
}

impl TransferEntry {
    /// Begins; `verb` is [`Verb::Put`] or [`Verb::Get`].
    pub fn begin(subject: &Arc<Subject>, verb: Verb, path: &VPath) -> TransferEntry {
        TransferEntry {
            subject: Arc::clone(subject),
            verb,
            path: path.clone(),
            from: None,
            begun: Instant::now(),
            moved: 0,
            held: 0,
            is_kept: true,
            replacing: false,
            is_text: false,
            is_refused: false,
            why: None,
            done: None,
            file: None,
            progress: subject.transfers.begin(verb, path),
        }
    }

    /// Begins a copy on the server, of one path to another.
    pub fn copy(subject: &Arc<Subject>, from: &VPath, to: &VPath) -> TransferEntry {
        let mut entry = TransferEntry::begin(subject, Verb::Cp, to);
        entry.from = Some(from.clone());
        entry
    }

    /// Where in the file it begins, and how long the file is, where that is known.
    pub fn is_of(&mut self, at_bytes: u64, size_bytes: Option<u64>) {
        self.progress.is_of(at_bytes, size_bytes);
    }

    /// It began earlier.
    pub fn since(&mut self, begun: Instant) {
        self.begun = begun;
    }

    /// Where in the file it is now, where that is not what has travelled.
    pub fn reaches(&mut self, at_bytes: u64) {
        self.progress.reaches(at_bytes);
    }

    /// More bytes have travelled.
    pub fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
        self.progress.moved(bytes);
        self.subject.log.totals().moved(self.verb, bytes);
        // Whatever was wrong before, it goes on.
        (self.is_refused, self.why) = (false, None);
    }

    /// Of what was handed over for sending so many bytes are known to have arrived. With text they
    /// are those of its form on the way, which is the longer one.
    pub fn arrived(&mut self, bytes: u64) {
        self.moved = if self.is_text { self.moved.min(bytes) } else { bytes };
    }

    /// So much would stay if it broke off now.
    pub fn holds(&mut self, bytes: u64) {
        self.held = bytes;
    }

    /// Whether anything stays of it that is not finished: of a guest's nothing does.
    pub fn is_kept(&mut self, is_kept: bool) {
        self.is_kept = is_kept;
    }

    /// It replaces a file.
    pub fn replaces(&mut self, replacing: bool) {
        self.replacing = replacing;
    }

    /// It was stored under another name than was asked for.
    pub fn is_at(&mut self, path: &VPath) {
        self.path = path.clone();
    }

    /// It travels as text.
    pub fn as_text(&mut self) {
        self.is_text = true;
    }

    /// Why it will end unless it goes on: nobody is to blame but this side, or what was asked for.
    pub fn refused(&mut self, e: &Error) {
        self.is_refused = !matches!(e, Error::Gone | Error::Ended | Error::Stopping);
        self.why = Some(e.in_full());
    }

    /// Why it broke off.
    pub fn because(&mut self, why: &str) {
        self.why = Some(why.to_owned());
    }

    /// Where on the server's machine it lies, where a program is to be run after it.
    pub fn lies_at(&mut self, place: impl FnOnce(&VPath) -> PathBuf) {
        if self.subject.log.hooks().wants_uploads() {
            self.file = Some(place(&self.path));
        }
    }

    /// It was done.
    pub fn done(mut self, bytes: u64) {
        self.done = Some(bytes);
    }
}

impl Drop for TransferEntry {
    fn drop(&mut self) {
        self.subject.transfers.end(&self.progress);
        let travelled = match self.verb {
            Verb::Put => Some(&self.subject.up_bytes),
            Verb::Get => Some(&self.subject.down_bytes),
            _ => None,
        };
        travelled.map(|total| total.fetch_add(self.moved, Ordering::Relaxed));
        let mut event = Event {
            path: Some(self.from.as_ref().unwrap_or(&self.path).as_str()),
            to: self.from.as_ref().map(|_| self.path.as_str()),
            file: self.file.as_deref(),
            took: Some(self.begun.elapsed()),
            is_text: self.is_text,
            ..self.subject.event(self.verb)
        };
        match self.done {
            Some(bytes) => (event.bytes, event.replaced) = (Some(bytes), self.replacing),
            None => {
                let refused = self.is_refused;
                event.outcome = if refused { Outcome::Refused } else { Outcome::Broken };
                event.why = self.why.as_deref();
                match self.verb {
                    Verb::Put => event.kept_bytes = self.is_kept.then_some(self.held),
                    Verb::Get => event.bytes = Some(self.moved),
                    // Nothing stays of a copy.
                    _ => {}
                }
            }
        }
        self.subject.note(&event);
    }
}

/// Notes an act that was done, or why it was not.
pub fn note_result<T>(log: &Log, event: &Event<'_>, result: Result<&T, &Error>) {
    match result {
        Ok(_) => log.note(event),
        Err(e) => {
            let why = e.in_full();
            log.note(&Event { outcome: Outcome::Refused, why: Some(&why), ..*event });
        }
    }
}
