//! What was asked for, in which order as far as that can be known, and what may be there after it.
//!
//! Every operation has a moment before its request and one after its answer. Of two operations one
//! came first only if it was answered before the other was asked for; all other orders are
//! possible. An operation whose answer never came may have been done at any moment, or never.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use super::content::{Content, Found, Matcher};

/// A point in the order of requests and answers.
pub type Moment = u64;

/// A name on the disk: a root, and the path in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    /// The number of the root.
    pub root: usize,
    /// The path below it, without a slash in front.
    pub path: String,
}

impl Spot {
    /// A path in a root.
    pub fn new(root: usize, path: &str) -> Spot {
        Spot { root, path: path.to_owned() }
    }

    /// What follows behind `top` if this is `top` or lies in it.
    fn behind(&self, top: &Spot) -> Option<&str> {
        let rest = self.path.strip_prefix(&top.path).filter(|_| self.root == top.root)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// The same name where `from`, which it is or lies in, is called `to`.
    fn moved(&self, from: &Spot, to: &Spot) -> Spot {
        Spot::new(to.root, &format!("{}{}", to.path, self.behind(from).unwrap_or_default()))
    }

    /// The directories above it, the nearest last.
    pub fn above(&self) -> Vec<Spot> {
        let ends = self.path.match_indices('/').map(|(at, _)| at);
        ends.map(|at| Spot::new(self.root, &self.path[..at])).collect()
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.root, self.path)
    }
}

/// What may be at a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// A file.
    File(Content),
}

/// What is really there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Real {
    /// A directory.
    Directory,
    /// A file.
    File(Found),
}

/// What an operation does to a name.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This is there afterwards.
    Becomes(State),
    /// What was at another name is there.
    Takes(Spot),
    /// The same, and where nothing was at the other name, what was here before stays: an unfinished
    /// upload into a directory that a killed server had moved or removed already.
    Joins(Spot),
    /// The file is longer by this.
    Grows(Content),
}

/// One effect of an operation.
#[derive(Clone, Debug)]
pub struct Event {
    /// At which name.
    pub spot: Spot,
    /// What.
    pub effect: Effect,
    /// Whether it was answered with success.
    pub sure: bool,
    /// Whether it is about everything below the name as well.
    pub tree: bool,
}

impl Event {
    /// It was done.
    pub fn sure(spot: &Spot, effect: Effect) -> Event {
        Event { spot: spot.clone(), effect, sure: true, tree: false }
    }

    /// It was done to a whole tree.
    pub fn tree(spot: &Spot, effect: Effect) -> Event {
        Event { tree: true, ..Event::sure(spot, effect) }
    }

    /// It may have been done.
    pub fn perhaps(self) -> Event {
        Event { sure: false, ..self }
    }
}

/// What a session learned of a name.
#[derive(Clone, Debug)]
pub enum Saw {
    /// This came when it was fetched.
    Content(Found),
    /// Nothing is there, or nothing where it would be.
    Missing,
    /// Something is there.
    Something,
    /// No unfinished upload is there, whatever there is above it.
    NoPart,
}

/// When an operation was begun, and its number.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// Its number.
    pub operation: u64,
    /// Before its request.
    pub from: Moment,
    /// Since when it may hold the directory open that it changes.
    pub since: Moment,
}

#[derive(Debug)]
struct Placed {
    event: Event,
    operation: u64,
    since: Moment,
    from: Moment,
    until: Moment,
}

#[derive(Debug)]
struct Look {
    ticket: Ticket,
    until: Moment,
    spot: Spot,
    saw: Saw,
    who: String,
}

/// See the module.
#[derive(Default)]
pub struct History {
    base: BTreeMap<Spot, State>,
    events: Vec<Placed>,
    at: HashMap<Spot, Vec<usize>>,
    trees: Vec<usize>,
    looks: Vec<Look>,
    matcher: Matcher,
}

impl History {
    /// What is there at the beginning.
    pub fn begin_with(&mut self, spot: Spot, state: State) {
        self.base.insert(spot, state);
    }

    /// Enters what an operation that is over has done.
    pub fn enter(&mut self, ticket: Ticket, until: Moment, events: Vec<Event>) {
        for event in events {
            self.place(event, ticket, until);
        }
    }

    fn place(&mut self, event: Event, ticket: Ticket, until: Moment) {
        let number = self.events.len();
        if event.tree {
            self.trees.push(number);
        } else {
            self.at.entry(event.spot.clone()).or_default().push(number);
        }
        let Ticket { operation, from, since } = ticket;
        self.events.push(Placed { event, operation, since, from, until });
    }

    /// Enters what somebody learned.
    pub fn saw(&mut self, ticket: Ticket, until: Moment, spot: &Spot, saw: Saw, who: String) {
        self.looks.push(Look { ticket, until, spot: spot.clone(), saw, who });
    }

    /// A directory that is moved takes along what is done in it at that moment under its old name:
    /// that may have come to be under the new one.
    fn follow_moves(&mut self) {
        let moved = |number: &usize| {
            let Placed { event, from: begun, until, .. } = &self.events[*number];
            match &event.effect {
                Effect::Takes(from) | Effect::Joins(from) => {
                    Some((from.clone(), event.spot.clone(), *begun, *until))
                }
                Effect::Becomes(_) | Effect::Grows(_) => None,
            }
        };
        let moves: Vec<_> = self.trees.iter().filter_map(moved).collect();
        let mut number = 0;
        // What is added is looked at as well: a directory may be moved twice.
        let most = self.events.len().saturating_mul(4);
        while number < self.events.len() && self.events.len() < most {
            for (from, to, begun, ended) in &moves {
                let placed = &self.events[number];
                let overlaps = placed.since < *ended && *begun < placed.until;
                let is_move = placed.event.spot == *from && placed.event.tree;
                let is_in_it = placed.event.spot.behind(from).is_some();
                let (true, true, false) = (is_in_it, overlaps, is_move) else { continue };
                let Placed { operation, since, from: begun, until, .. } = *placed;
                let spot = placed.event.spot.moved(from, to);
                let event = Event { spot, sure: false, ..placed.event.clone() };
                let ticket = Ticket { operation, from: begun, since };
                self.events[number].event.sure = false;
                self.place(event, ticket, until);
            }
            number += 1;
        }
    }

    /// The events at a name that had begun before a moment.
    fn events_at(&self, spot: &Spot, before: Moment, operation: u64) -> Vec<&Placed> {
        let direct = self.at.get(spot).into_iter().flatten();
        let trees = self.trees.iter().filter(|number| {
            let event = &self.events[**number].event;
            spot.behind(&event.spot).is_some()
        });
        let all = direct.chain(trees).map(|number| &self.events[*number]);
        all.filter(|event| event.from < before && event.operation != operation).collect()
    }

    /// Everything that may be at a name between two moments, as an operation that is none of its
    /// own effects finds it.
    fn possible(&self, spot: &Spot, window: (Moment, Moment), operation: u64) -> BTreeSet<State> {
        let mut found = BTreeSet::new();
        self.collect(spot, window, operation, &mut HashSet::new(), &mut found);
        found
    }

    fn collect(
        &self,
        spot: &Spot,
        (from, until): (Moment, Moment),
        operation: u64,
        seen: &mut HashSet<(u64, Spot, Spot)>,
        found: &mut BTreeSet<State>,
    ) {
        let events = self.events_at(spot, until, operation);
        // The last of those that are surely over takes away what was before it.
        let over = |placed: &&&Placed| placed.event.sure && placed.until < from;
        let latest = events.iter().filter(over).map(|placed| placed.from).max();
        if latest.is_none() {
            found.insert(self.base.get(spot).cloned().unwrap_or(State::Absent));
        }
        for placed in events {
            if latest.is_some_and(|latest| placed.until < latest) {
                continue;
            }
            let window = (placed.from, placed.until);
            let before = |of: &Spot, seen: &HashSet<_>| {
                let (mut seen, mut states) = (seen.clone(), BTreeSet::new());
                if seen.insert((placed.operation, spot.clone(), of.clone())) {
                    self.collect(of, window, placed.operation, &mut seen, &mut states);
                }
                states
            };
            match &placed.event.effect {
                Effect::Becomes(state) => {
                    found.insert(state.clone());
                }
                Effect::Takes(source) => {
                    let source = spot.moved(&placed.event.spot, source);
                    if seen.insert((placed.operation, spot.clone(), source.clone())) {
                        self.collect(&source, window, placed.operation, seen, found);
                    }
                }
                Effect::Joins(source) => {
                    let source = spot.moved(&placed.event.spot, source);
                    let mut states = before(&source, seen);
                    if states.remove(&State::Absent) {
                        states.append(&mut before(spot, seen));
                    }
                    found.append(&mut states);
                }
                Effect::Grows(more) => {
                    found.extend(before(spot, seen).into_iter().map(|state| match state {
                        State::File(old) => State::File(old.with(more)),
                        State::Absent | State::Directory => State::File(more.clone()),
                    }));
                }
            }
        }
    }

    /// Compares everything with what is there, when nothing is under way, and begins anew from it.
    /// Gives all that cannot be.
    pub fn settle(&mut self, real: &BTreeMap<Spot, Real>) -> Vec<String> {
        self.follow_moves();
        let mut wrong = self.judge_looks();
        let mut names: BTreeSet<Spot> = real.keys().chain(self.base.keys()).cloned().collect();
        names.extend(self.at.keys().cloned());
        let mut base = BTreeMap::new();
        for spot in names {
            let states = self.possible(&spot, (Moment::MAX, Moment::MAX), 0);
            let exact = match real.get(&spot) {
                None => states.contains(&State::Absent).then_some(State::Absent),
                Some(Real::Directory) => {
                    states.contains(&State::Directory).then_some(State::Directory)
                }
                Some(Real::File(found)) => {
                    states.iter().find_map(|state| match_file(&mut self.matcher, state, *found))
                }
            };
            match exact {
                Some(State::Absent) => {}
                Some(state) => drop(base.insert(spot, state)),
                None => {
                    let is = real.get(&spot);
                    let story = self.story(&spot);
                    wrong.push(format!(
                        "{spot:?} is {is:?}, and could only be one of {states:?}\n{story}"
                    ));
                }
            }
        }
        *self = History { base, matcher: std::mem::take(&mut self.matcher), ..History::default() };
        wrong
    }

    fn judge_looks(&mut self) -> Vec<String> {
        let looks = std::mem::take(&mut self.looks);
        let mut wrong = Vec::new();
        for look in &looks {
            let window = (look.ticket.from, look.until);
            let states = self.possible(&look.spot, window, look.ticket.operation);
            let fits = match &look.saw {
                Saw::Content(found) => states
                    .iter()
                    .any(|state| match_file(&mut self.matcher, state, *found).is_some()),
                Saw::Something => states.iter().any(|state| *state != State::Absent),
                Saw::NoPart => states.contains(&State::Absent),
                Saw::Missing => states.contains(&State::Absent) || self.is_cut_off(look, window),
            };
            if !fits {
                let Look { spot, saw, who, .. } = look;
                let story = self.story(spot);
                wrong.push(format!(
                    "{who}\n  saw {saw:?} at {spot:?}, which can only be one of {states:?}\n{story}"
                ));
            }
        }
        wrong
    }

    /// Whether a directory above may have been missing, or no directory.
    fn is_cut_off(&self, look: &Look, window: (Moment, Moment)) -> bool {
        look.spot.above().iter().any(|above| {
            let states = self.possible(above, window, look.ticket.operation);
            states.iter().any(|state| *state != State::Directory)
        })
    }

    /// The last that was done at a name and above it, for a report.
    fn story(&self, spot: &Spot) -> String {
        let mut events = self.events_at(spot, Moment::MAX, 0);
        events.sort_by_key(|placed| placed.from);
        let last = events.iter().rev().take(8).rev();
        let lines = last.map(|placed| {
            let Placed { event, from, until, .. } = placed;
            let sure = if event.sure { "" } else { " perhaps" };
            let tree = if event.tree { " and below" } else { "" };
            let until = if *until == Moment::MAX { "?".to_owned() } else { until.to_string() };
            format!("    {from}..{until}: {:?}{tree}{sure} {:?}", event.spot, event.effect)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn match_file(matcher: &mut Matcher, state: &State, found: Found) -> Option<State> {
    match state {
        State::File(content) => matcher.matches(content, found).map(State::File),
        State::Absent | State::Directory => None,
    }
}

#[cfg(test)]
mod tests;
