//! Many requests about two names in flight at once, so that the server does them as fast as it can
//! while others read and write the same names.

use miniftp::wire;

use super::changes::{CHANGING, Moving};
use super::content::{Content, Found};
use super::framed::{STORING, store_of};
use super::history::{Effect, Event, Saw, Spot, State, Ticket};
use super::refusals::{Came, Refusal};
use super::worker::Worker;
use crate::harness::{Answer, CHUNK, request};

/// Times that the two names are stored, moved, fetched and removed.
const TIMES: usize = 4;

/// A request of a flurry.
enum Sent {
    Store(Content),
    Move,
    Get,
    Remove,
}

/// The two names.
struct Pair {
    who: String,
    paths: (String, String),
    spots: (Spot, Spot),
}

impl Worker<'_> {
    /// Stores something under one name, moves it over another, fetches and removes: always in one
    /// direction, so that nothing of the second name is ever right under the first.
    pub fn flurry(&mut self) {
        let shared = |view: &str, name: &str| format!("{view}/{name}");
        let one = self.dice.pick(&["", "", "/own", "/paid", "/deep/in", "/out", "/far"]);
        let two = if self.dice.percent(60) { one } else { self.dice.pick(&["", "/paid", "/own"]) };
        let paths = (shared(one, "a"), shared(two, "b"));
        if !self.have_framed() {
            return;
        }
        let who =
            self.announce(format!("{TIMES} times STORE {0}, MV {0} {1}, GET", paths.0, paths.1));
        let world = self.world;
        let table = world.table.read().unwrap();
        let spots = (table.spot(self.account, &paths.0), table.spot(self.account, &paths.1));
        let pair = Pair { who, paths, spots };
        let begun = world.begin();
        let mut bytes = Vec::new();
        let mut sent = Vec::new();
        for _ in 0..TIMES {
            for next in [self.something(), Sent::Get, Sent::Move, self.something()] {
                bytes.extend(next.request(&pair.paths));
                sent.push(next);
            }
        }
        self.framed.as_mut().unwrap().send_bytes(&bytes);
        for next in &sent {
            let ticket = Ticket { operation: world.begin().operation, ..begun };
            let answer = match &mut self.framed {
                Some(frames) => frames.next_answer(),
                None => None,
            };
            self.end_of(next, &pair, ticket, answer.as_ref());
        }
    }

    fn something(&mut self) -> Sent {
        match self.dice.below(10) {
            0..6 => Sent::Store(self.content(2 * CHUNK)),
            6..9 => Sent::Get,
            _ => Sent::Remove,
        }
    }

    fn end_of(&mut self, sent: &Sent, pair: &Pair, ticket: Ticket, answer: Option<&Answer>) {
        let came = Came::from(answer);
        let (world, who) = (self.world, &pair.who);
        if matches!(came, Came::Gone) && self.framed.is_none() {
            // It was reported when the connection was found at its end.
            return match sent {
                Sent::Store(content) => {
                    world.enter_unanswered(ticket, self.stored(&pair.spots.0, content));
                }
                Sent::Move => world.enter_unanswered(ticket, moved(pair)),
                Sent::Remove => world.enter_unanswered(ticket, vec![gone(&pair.spots.1)]),
                Sent::Get => {}
            };
        }
        match sent {
            Sent::Store(content) => {
                let place = ("STORE in a flurry", pair.paths.0.as_str(), &pair.spots.0);
                self.end_store(who, place, ticket, &came, content);
            }
            Sent::Move => {
                let moving = Moving {
                    what: "MV in a flurry",
                    who: who.clone(),
                    tree: false,
                    paths: pair.paths.clone(),
                    spots: pair.spots.clone(),
                    ticket,
                };
                self.end_move(&moving, &came);
            }
            Sent::Get => {
                if let (Came::Done(..), Some(answer)) = (&came, answer) {
                    let data = answer.parts.iter().flat_map(|part| part.data.iter().copied());
                    let found = Found::of(&data.collect::<Vec<u8>>());
                    world.saw(ticket, &pair.spots.0, Saw::Content(found), who);
                }
                let expected = [Refusal::Missing, Refusal::NotDirectory, Refusal::Changed];
                let reasons = self.reasons(&pair.paths.0, &expected);
                self.judge("GET in a flurry", who, &came, &reasons);
            }
            Sent::Remove => {
                match came {
                    Came::Done(..) => world.enter(ticket, vec![gone(&pair.spots.1)]),
                    Came::Gone => world.enter_unanswered(ticket, vec![gone(&pair.spots.1)]),
                    Came::Refused(..) => {}
                }
                let reasons = self.reasons(&pair.paths.1, &[&CHANGING[..], &STORING].concat());
                self.judge("RM in a flurry", who, &came, &reasons);
            }
        }
    }
}

impl Sent {
    fn request(&self, paths: &(String, String)) -> Vec<u8> {
        match self {
            Sent::Store(content) => store_of(&paths.0, content, true).0,
            Sent::Move => request("MV", &wire::Move::new(&paths.0, &paths.1, 1), &[]),
            Sent::Get => request("GET", &wire::Get::new(&paths.0, 0, u64::MAX, 0), &[]),
            Sent::Remove => request("RM", &wire::Switched::new(&paths.1, 0), &[]),
        }
    }
}

fn gone(spot: &Spot) -> Event {
    Event::sure(spot, Effect::Becomes(State::Absent))
}

fn moved(pair: &Pair) -> Vec<Event> {
    let there = Event::sure(&pair.spots.1, Effect::Takes(pair.spots.0.clone()));
    vec![gone(&pair.spots.0), there]
}
