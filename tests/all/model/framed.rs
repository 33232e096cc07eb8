//! What a session does through the framed protocol.

use miniftp::digest::Algorithm;
use miniftp::wire;

use super::content::{Content, Found};
use super::history::{Saw, Spot, Ticket};
use super::refusals::{Came, Refusal};
use super::worker::Worker;
use crate::harness::{CHUNK, Frames, digests};

/// When every file was changed.
pub const TIME: (i64, u32) = (1_650_000_000, 7);
/// What is there is the same, and nothing was done.
const EQUAL: u16 = 801;
/// What may stand against a file.
pub const STORING: [Refusal; 8] = [
    Refusal::Missing,
    Refusal::Exists,
    Refusal::IsDirectory,
    Refusal::NotDirectory,
    Refusal::Busy,
    Refusal::Superseded,
    Refusal::Quota,
    Refusal::Changed,
];
/// The message of a `STORE`, and its content.
pub fn store_of(path: &str, content: &Content, replace: bool) -> (Vec<u8>, Vec<u8>) {
    let bytes = content.bytes();
    let (each, all) = digests(Algorithm::Md5, &bytes);
    let message = wire::Store::new(
        path,
        TIME.0,
        TIME.1,
        wire::NO_MODE,
        replace.into(),
        all.as_bytes(),
        &each,
    );
    (crate::harness::request("STORE", &message, &bytes), bytes)
}

impl Worker<'_> {
    /// A session of the framed protocol, as far as there is a server.
    pub fn log_in(&mut self) -> Option<Frames> {
        let session = self.names.session;
        let who = format!("session {session} ({}): log in", self.name());
        match Frames::attempt_login(self.world.doors().0, self.name(), &mut self.keys) {
            Ok(frames) => {
                self.world.count("log in");
                Some(frames)
            }
            Err(None) => {
                self.lost(&who);
                None
            }
            Err(Some(answer)) => {
                if !self.world.is_dying() {
                    self.world.finding(format!("{who}\n  was refused: {}", answer.text));
                }
                None
            }
        }
    }

    /// Whether there is a session of the framed protocol, perhaps a new one.
    pub fn have_framed(&mut self) -> bool {
        if self.framed.is_none() {
            self.framed = self.log_in();
        }
        self.framed.is_some()
    }

    /// A small file in one request.
    pub fn store(&mut self) {
        let (path, replace) = (self.file(), self.dice.percent(75));
        let content = self.content(16 * CHUNK);
        if !self.have_framed() {
            return;
        }
        let who = self.announce(format!("STORE {path} {content:?} replace={replace}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let (request, _) = store_of(&path, &content, replace);
        let frames = self.framed.as_mut().unwrap();
        frames.send_bytes(&request);
        let came = Came::from(frames.next_answer().as_ref());
        self.end_store(&who, ("STORE", &path, &spot), ticket, &came, &content);
    }

    /// The end of an upload: it was stored, refused, or nobody knows.
    pub fn end_store(
        &mut self,
        who: &str,
        (what, path, spot): (&str, &str, &Spot),
        ticket: Ticket,
        came: &Came,
        content: &Content,
    ) {
        let events = self.stored(spot, content);
        self.torn.retain(|torn| torn.path != path);
        match came {
            Came::Done(EQUAL, _) => {
                let found = Found::of(&content.bytes());
                self.world.saw(ticket, spot, Saw::Content(found), who);
            }
            Came::Done(..) => {
                self.world.enter(ticket, events);
                self.world.is_there(spot);
            }
            Came::Gone => self.world.enter_unanswered(ticket, events),
            Came::Refused(why, _) => self.learn(ticket, spot, *why, who),
        }
        let reasons = self.reasons(path, &STORING);
        self.judge(what, who, came, &reasons);
    }

    /// What a refusal tells of what is there.
    pub fn learn(&self, ticket: Ticket, spot: &Spot, why: Refusal, who: &str) {
        match why {
            Refusal::Missing => {
                // Of a file that is stored the directory is missing, which is nearest above.
                let above = spot.above();
                if let Some(above) = above.last() {
                    self.world.saw(ticket, above, Saw::Missing, who);
                }
            }
            Refusal::Exists | Refusal::IsDirectory => {
                self.world.saw(ticket, spot, Saw::Something, who);
            }
            _ => {}
        }
    }

    /// Several small files in flight.
    pub fn burst(&mut self) {
        if !self.have_framed() {
            return;
        }
        let world = self.world;
        let table = world.table.read().unwrap();
        let mut sent = Vec::new();
        let (mut frame, mut texts) = (Vec::new(), Vec::new());
        for _ in 0..self.dice.within(2..7) {
            let (path, content) = (self.file(), self.content(CHUNK));
            frame.extend(store_of(&path, &content, true).0);
            texts.push(format!("{path} {content:?}"));
            sent.push((table.spot(self.account, &path), path, content));
        }
        let who = self.announce(format!("STOREs in flight: {}", texts.join(", ")));
        let ticket = world.begin();
        self.framed.as_mut().unwrap().send_bytes(&frame);
        for (number, (spot, path, content)) in sent.iter().enumerate() {
            // Each is an operation of its own, though all began at one moment.
            let own = world.begin();
            let ticket = Ticket { operation: own.operation, ..ticket };
            let came = match self.framed.as_mut() {
                Some(frames) => Came::from(frames.next_answer().as_ref()),
                None if number > 0 => Came::Gone,
                None => return,
            };
            self.end_store(&who, ("STORE in flight", path, spot), ticket, &came, content);
        }
    }

    /// Fetches a file.
    pub fn get(&mut self) {
        let path = self.existing();
        if !self.have_framed() {
            return;
        }
        let who = self.announce(format!("GET {path}"));
        let world = self.world;
        let table = world.table.read().unwrap();
        let (spot, ticket) = (table.spot(self.account, &path), world.begin());
        let get = wire::Get::new(&path, 0, u64::MAX, 0);
        let answer = self.framed.as_mut().unwrap().attempt("GET", &get);
        let came = Came::from(answer.as_ref());
        match (&came, &answer) {
            (Came::Done(..), Some(answer)) => {
                let data = answer.parts.iter().flat_map(|part| part.data.iter().copied());
                let found = Found::of(&data.collect::<Vec<u8>>());
                world.saw(ticket, &spot, Saw::Content(found), &who);
            }
            (Came::Refused(Refusal::Missing, _), _) => {
                world.saw(ticket, &spot, Saw::Missing, &who);
            }
            _ => {}
        }
        let reasons = self.reasons(
            &path,
            &[Refusal::Missing, Refusal::IsDirectory, Refusal::NotDirectory, Refusal::Changed],
        );
        self.judge("GET", &who, &came, &reasons);
    }
}
