//! What a session writes to the log: a line for each action, made here for both protocols.
//!
//! Invariant: what was refused is noted like what was done, with the reason that the log may have.

use super::Session;
use crate::audit::{Event, Outcome, Verb};
use crate::error::{Error, Result};

impl Session {
    /// The number of its connection, which no other of this run has.
    pub fn connection(&self) -> u64 {
        self.presence.id()
    }

    /// `framed-12`, for the log and for threads.
    pub fn connection_name(&self) -> String {
        format!("{}-{}", self.presence.protocol, self.presence.id())
    }

    /// `alex@127.0.0.1`, for the log.
    pub fn who(&self) -> String {
        format!("{}@{}", self.account().unwrap_or("?"), self.presence.peer)
    }

    /// Notes an act about a path: `made` says more of what was done.
    pub(super) fn logged<T>(
        &self,
        verb: Verb,
        path: &str,
        result: Result<T>,
        made: impl FnOnce(&T, &mut Event<'_>),
    ) -> Result<T> {
        match &result {
            Ok(done) => {
                let full = self.at(path).map(|(_, path)| path).ok();
                let mut event = self.subject.event(verb);
                event.path = full.as_ref().map(|path| path.as_str());
                made(done, &mut event);
                self.subject.note(&event);
            }
            Err(e) => self.refused(verb, path, e),
        }
        result
    }

    /// Notes that an act was refused. Whoever tries in more than one way says so at the end.
    pub fn refused(&self, verb: Verb, path: &str, e: &Error) {
        // Whether to replace what is there is a question; what comes of it leaves the line.
        if verb == Verb::Put && matches!(e, Error::Exists { .. }) {
            return;
        }
        let full = self.at(path).map(|(_, path)| path).ok();
        let path = full.as_ref().map_or(path, |path| path.as_str());
        let event = Event { path: Some(path), ..self.subject.event(verb) };
        self.subject.note_result::<()>(&event, Err(e));
    }

    /// Notes the removal of a folder: entries and bytes, also where it ended in the middle.
    pub(super) fn note_tree(&self, path: &str, gone: (u64, u64), result: &Result<()>) {
        let full = self.at(path).map(|(_, path)| path).ok();
        let path = full.as_ref().map_or(path, |path| path.as_str());
        let event = Event { path: Some(path), ..self.subject.event(Verb::Rm) };
        let (count, bytes) = (Some(gone.0), Some(gone.1));
        self.subject.note_result(&Event { count, bytes, ..event }, result.as_ref());
    }

    /// Notes that a copy on the server was refused before it began.
    pub(super) fn copy_refused(&self, from: &str, to: &str, e: &Error) {
        // As with an upload, whether to replace what is there is a question.
        if !matches!(e, Error::Exists { .. }) {
            self.note_pair((Verb::Cp, from, to), false, Err(e));
        }
    }

    /// Notes a renaming; what was done tells the bytes of the file that was replaced.
    pub(super) fn note_move(&self, from: &str, to: &str, result: &Result<u64>) {
        let replaced = result.as_ref().is_ok_and(|bytes| *bytes > 0);
        self.note_pair((Verb::Mv, from, to), replaced, result.as_ref().map(|_| &()));
    }

    /// Notes what was done from one path to another.
    fn note_pair(
        &self,
        (verb, from, to): (Verb, &str, &str),
        replaced: bool,
        result: Result<&(), &Error>,
    ) {
        let full = |path| self.at(path).map(|(_, path)| path).ok();
        let (there, here) = (full(from), full(to));
        let event = Event {
            path: Some(there.as_ref().map_or(from, |path| path.as_str())),
            to: Some(here.as_ref().map_or(to, |path| path.as_str())),
            replaced,
            ..self.subject.event(verb)
        };
        self.subject.note_result(&event, result);
    }

    /// Notes a login that came to nothing. A name that no account has is not shown: it may be a
    /// password that was typed in the wrong place.
    pub(super) fn login_refused(&self, name: &str, why: &str) {
        let accounts = self.shared().accounts();
        let is_known = accounts.account(name).is_some() || name == "anonymous";
        let name = Some(name).filter(|_| is_known);
        let (outcome, why) = (Outcome::Refused, Some(why));
        self.subject.note(&Event { name, outcome, why, ..self.subject.event(Verb::Login) });
    }

    /// Why the connection ends, for the line that it leaves.
    pub fn sent_away(&mut self, e: &Error) {
        self.why_left = Some(e.to_string());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.give_permits_back();
        self.subject.goes(Verb::Left, self.why_left.as_deref());
    }
}
