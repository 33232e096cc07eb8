//! Downloads over FTP: whole ones, and some that stand still for a while.

use std::io::Read;

use super::content::Found;
use super::history::Saw;
use super::refusals::{Came, Refusal};
use super::worker::{Stalled, Worker};

/// Bytes that a download which nobody reads finds room for.
const SMALL_WINDOW: usize = 4096;
/// Downloads of one session that stand still at one time.
const STALLED: usize = 3;

/// What may stand against a download.
const FETCHING: [Refusal; 4] =
    [Refusal::Missing, Refusal::IsDirectory, Refusal::NotDirectory, Refusal::Changed];

impl Worker<'_> {
    /// Fetches a file.
    pub fn retr(&mut self) {
        let path = self.existing();
        if !self.have_ftp() {
            return;
        }
        let who = self.announce(format!("RETR {path}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let came = match self.begin(&format!("RETR {path}")) {
            Ok(mut data) => {
                let begun = world.now();
                let mut all = Vec::new();
                let _ = data.read_to_end(&mut all);
                let came = self.next();
                if let Came::Done(..) = came {
                    let saw = Saw::Content(Found::of(&all));
                    world.history().saw(ticket, begun, &spot, saw, who.clone());
                }
                came
            }
            Err(came) => {
                if let Came::Refused(Refusal::Missing, _) = came {
                    world.saw(ticket, &spot, Saw::Missing, &who);
                }
                came
            }
        };
        let reasons = self.reasons(&path, &FETCHING);
        self.judge("RETR", &who, &came, &reasons);
    }

    /// Begins a download that nobody reads, so that the server holds the file open.
    pub fn stall(&mut self) {
        if self.stalled.len() >= STALLED {
            return self.end_stall();
        }
        let path = self.existing();
        let Some(mut talk) = self.log_in_by_ftp() else { return };
        let who = self.announce(format!("RETR {path} that stalls"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let came = match talk.attempt_begin(&format!("RETR {path}"), Some(SMALL_WINDOW)) {
            Ok(data) => {
                let begun = (ticket, world.now());
                self.stalled.push(Stalled { talk, data, spot, who: who.clone(), begun });
                Came::Done(150, String::new())
            }
            Err(reply) => Came::from(reply.as_ref()),
        };
        let reasons = self.reasons(&path, &FETCHING);
        self.judge("RETR that stalls", &who, &came, &reasons);
    }

    /// Reads the rest of a download that stood still, or hangs up.
    pub fn end_stall(&mut self) {
        let Some(stalled) = self.stalled.pop() else { return self.retr() };
        let Stalled { mut talk, mut data, spot, who, begun } = stalled;
        self.world.note(self.names.session, format!("goes on with {who}"));
        if self.dice.percent(30) {
            return;
        }
        let mut all = Vec::new();
        let _ = data.read_to_end(&mut all);
        let came = Came::from(talk.next_reply().as_ref());
        if let Came::Done(..) = came {
            let saw = Saw::Content(Found::of(&all));
            self.world.history().saw(begun.0, begun.1, &spot, saw, who.clone());
        }
        match &came {
            Came::Gone if self.world.is_dying() => {}
            came => self.judge("RETR that went on", &who, came, &[Refusal::Changed]),
        }
    }
}
