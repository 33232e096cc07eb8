//! What a session does with names, through both protocols: directories, removals, moves.

use std::ops::Range;

use miniftp::wire;

use super::history::{Effect, Event, Saw, Spot, State, Ticket};
use super::places::ACCOUNTS;
use super::refusals::{Came, Refusal};
use super::worker::Worker;
use crate::harness::Frames;

use super::framed::STORING;

/// All accounts.
const ALL: Range<usize> = 0..ACCOUNTS.len();
/// What may stand against a removal or a move.
pub const CHANGING: [Refusal; 7] = [
    Refusal::Missing,
    Refusal::Exists,
    Refusal::IsDirectory,
    Refusal::NotDirectory,
    Refusal::NotEmpty,
    Refusal::Busy,
    Refusal::Changed,
];

/// A move that is under way.
pub struct Moving {
    /// What it is counted as.
    pub what: &'static str,
    /// What to call it in a report.
    pub who: String,
    /// Whether it is a directory.
    pub tree: bool,
    /// From where to where.
    pub paths: (String, String),
    /// Where these are.
    pub spots: (Spot, Spot),
    /// Its begin.
    pub ticket: Ticket,
}

impl Worker<'_> {
    /// Asks for something about one path through the framed protocol, and enters what it did.
    fn change(
        &mut self,
        (what, path): (&str, &str),
        expected: &[Refusal],
        ask: impl FnOnce(&mut Frames) -> Option<crate::harness::Answer>,
        events: impl FnOnce(&Self, &Spot) -> Vec<Event>,
    ) -> Option<(Came, Ticket, Spot, String)> {
        if !self.have_framed() {
            return None;
        }
        let who = self.announce(format!("{what} {path}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, path), world.begin());
        let came = Came::from(ask(self.framed.as_mut().unwrap()).as_ref());
        self.enter_change(ticket, &came, events(self, &spot));
        let reasons = self.reasons(path, expected);
        self.judge(what, &who, &came, &reasons);
        Some((came, ticket, spot, who))
    }

    fn enter_change(&self, ticket: Ticket, came: &Came, events: Vec<Event>) {
        match came {
            Came::Done(..) => self.world.enter(ticket, events),
            Came::Gone => self.world.enter_unanswered(ticket, events),
            Came::Refused(..) => {}
        }
    }

    /// Removes a file, or a tree.
    pub fn remove(&mut self, tree: bool) {
        let path = if tree { self.directory() } else { self.existing() };
        let what = if tree { "RM of a tree" } else { "RM" };
        let message = wire::Switched::new(&path, tree.into());
        let removal = |worker: &Self, spot: &Spot| {
            let gone = Event::sure(spot, Effect::Becomes(State::Absent));
            match tree {
                true => worker.world.with_parts(Event { tree, ..gone }, ALL),
                false => vec![gone],
            }
        };
        let ask = |frames: &mut Frames| frames.attempt("RM", &message);
        let ended = self.change((what, &path), &CHANGING, ask, removal);
        let Some((Came::Refused(why, _), ticket, spot, who)) = ended else { return };
        match why {
            Refusal::Missing => self.world.saw(ticket, &spot, Saw::Missing, &who),
            Refusal::Denied => {}
            // It may have removed a part of it.
            _ if tree => {
                let events = removal(self, &spot).into_iter().map(Event::perhaps).collect();
                self.world.enter(ticket, events);
            }
            _ => {}
        }
    }

    /// Makes a directory.
    pub fn make_directory(&mut self) {
        let path = self.directory();
        let message = wire::Mkdir::new(&path, 0, wire::NO_MODE);
        let ended = self.change(
            ("MKDIR", &path),
            &STORING,
            |frames| frames.attempt("MKDIR", &message),
            |_, spot| vec![Event::sure(spot, Effect::Becomes(State::Directory))],
        );
        if let Some((Came::Refused(why, _), ticket, spot, who)) = ended {
            self.learn(ticket, &spot, why, &who);
        }
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self) {
        let path = self.directory();
        let ended = self.change(
            ("RMDIR", &path),
            &CHANGING,
            |frames| frames.attempt("RMDIR", &wire::Path::new(&path)),
            |worker, spot| {
                let gone = Event::tree(spot, Effect::Becomes(State::Absent));
                let all = worker.world.with_parts(gone, ALL).into_iter();
                // Files in it were removed before, or it would not be empty.
                all.map(|event| Event { tree: event.spot != *spot, ..event }).collect()
            },
        );
        if let Some((Came::Refused(Refusal::Missing, _), ticket, spot, who)) = ended {
            self.world.saw(ticket, &spot, Saw::Missing, &who);
        }
    }

    /// Forgets an unfinished upload.
    pub fn forget(&mut self) {
        let path = self.file();
        let ended = self.change(
            ("FORGET", &path),
            &[Refusal::Missing, Refusal::Busy, Refusal::NotDirectory],
            |frames| frames.attempt("FORGET", &wire::Path::new(&path)),
            |worker, spot| vec![worker.world.part_is_gone(worker.account, spot)],
        );
        if let Some((Came::Refused(Refusal::Missing, _), ticket, spot, who)) = ended {
            let part = self.world.part(self.account, &spot);
            self.world.saw(ticket, &part, Saw::NoPart, &who);
        }
    }

    /// Moves a file or a directory, perhaps into another view.
    pub fn move_one(&mut self, tree: bool) {
        let (from, to) = self.two_names(tree);
        let replace = self.dice.percent(70);
        if from == to || !self.have_framed() {
            return;
        }
        let who = self.announce(format!("MV {from} {to} replace={replace}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let spots = (table.spot(self.account, &from), table.spot(self.account, &to));
        let ticket = world.begin();
        let message = wire::Move::new(&from, &to, replace.into());
        let answer = self.framed.as_mut().unwrap().attempt("MV", &message);
        let what = if tree { "MV of a tree" } else { "MV" };
        let moving = Moving { what, who, tree, paths: (from, to), spots, ticket };
        self.end_move(&moving, &Came::from(answer.as_ref()));
    }

    /// Renames by `RNFR` and `RNTO`.
    pub fn rename(&mut self) {
        let tree = self.dice.percent(30);
        let (from, to) = self.two_names(tree);
        if from == to || !self.have_ftp() {
            return;
        }
        let who = self.announce(format!("RNFR {from}, RNTO {to}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let spots = (table.spot(self.account, &from), table.spot(self.account, &to));
        let ticket = world.begin();
        let talk = self.ftp.as_mut().unwrap();
        let first = talk.attempt(&format!("RNFR {from}"));
        let mut came = Came::from(first.as_ref());
        if let Came::Done(..) = came {
            came = Came::from(talk.attempt(&format!("RNTO {to}")).as_ref());
        } else if let Came::Refused(Refusal::Missing, _) = came {
            world.saw(ticket, &spots.0, Saw::Missing, &who);
        }
        let what = if tree { "RNTO of a tree" } else { "RNTO" };
        let moving = Moving { what, who, tree, paths: (from, to), spots, ticket };
        self.end_move(&moving, &came);
    }

    /// Two names, often in one view and sometimes in two.
    fn two_names(&mut self, tree: bool) -> (String, String) {
        let one = |worker: &mut Self| if tree { worker.movable() } else { worker.file() };
        let from = if tree { self.movable() } else { self.existing() };
        let mut to = one(self);
        // Most moves stay in their view; those that leave it are tried often enough beside them.
        for _ in 0..self.dice.below(4) {
            let above = |path: &str| path.split('/').nth(1).map(str::to_owned);
            if above(&from) == above(&to) {
                break;
            }
            to = one(self);
        }
        (from, to)
    }

    /// The end of a move: it was made, refused, or nobody knows.
    pub fn end_move(&mut self, moving: &Moving, came: &Came) {
        let Moving { tree, paths: (from, to), spots, ticket, who, what } = moving;
        let (tree, world) = (*tree, self.world);
        let gone = Event { tree, ..Event::sure(&spots.0, Effect::Becomes(State::Absent)) };
        let there = Event { tree, ..Event::sure(&spots.1, Effect::Takes(spots.0.clone())) };
        // Into another directory an account's own unfinished uploads go along, and others' are
        // dropped: they would not be found there.
        let carried = match spots.0.root == spots.1.root {
            true => ALL,
            false => self.account..self.account + 1,
        };
        let events = match tree {
            false => vec![gone, there],
            true => [world.with_parts(gone, ALL), world.with_parts(there, carried)].concat(),
        };
        self.enter_change(*ticket, came, events);
        match came {
            Came::Done(..) if !tree => world.is_there(&spots.1),
            Came::Refused(Refusal::Missing, _) if spots.1.above().is_empty() => {
                world.saw(*ticket, &spots.0, Saw::Missing, who);
            }
            Came::Refused(Refusal::Exists | Refusal::IsDirectory, _) => {
                world.saw(*ticket, &spots.1, Saw::Something, who);
            }
            _ => {}
        }
        let mut expected = CHANGING.to_vec();
        if spots.0.root != spots.1.root {
            expected.push(Refusal::Quota);
            let far = world.roots.is_far(spots.0.root) != world.roots.is_far(spots.1.root)
                || world.roots.is_far(spots.0.root);
            if tree || far {
                expected.push(Refusal::Unsupported);
            }
        }
        let mut reasons = self.reasons(from, &expected);
        reasons.extend(self.reasons(to, &[]));
        self.judge(what, who, came, &reasons);
    }
}
