//! What all sessions of the model share: the order of things, what may be there, what is allowed,
//! what was counted, and what was found wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock};

use super::dice::Dice;
use super::history::{Effect, Event, History, Moment, Saw, Spot, State, Ticket};
use super::places::{ACCOUNTS, Label, Owner, Roots, Size, Table};
use super::refusals::{Came, Refusal};
use crate::harness::Site;

/// The last operations of a session that a report shows.
const RECENT: usize = 12;
/// The last files that came to be that are remembered.
const REMEMBERED: usize = 60;
/// More than there are roots; the parts of an account have roots of their own behind these.
const PARTS: usize = 1000;

/// See the module.
pub struct World<'a> {
    /// The directory of everything.
    pub site: &'a Site,
    /// The seed of the run.
    pub seed: u64,
    /// The directories.
    pub roots: Roots,
    /// Which path leads where; written only while nothing is asked for.
    pub table: RwLock<Table>,
    /// Whether the kernel holds the server that runs to the directories that were named when it
    /// started; then no edit leads to another one outside of the homes.
    pub held: AtomicBool,
    /// The rest of mounts.ini.
    pub labels: Mutex<Vec<Label>>,
    /// What each account may store.
    pub quotas: Mutex<Vec<u64>>,
    /// The most that may be stored, where that is known at the moment.
    pub allowed: Mutex<BTreeMap<Owner, u64>>,
    /// Odd while an edit is under way.
    pub edits: AtomicU64,
    /// Whether the server is about to end, so that connections end.
    pub dying: AtomicBool,
    /// Where the server listens: framed and FTP.
    pub doors: Mutex<Option<(SocketAddr, SocketAddr)>>,
    own_limits: Mutex<BTreeSet<usize>>,
    stored: Mutex<VecDeque<Spot>>,
    history: Mutex<History>,
    clock: AtomicU64,
    operations: AtomicU64,
    counts: Mutex<BTreeMap<String, u64>>,
    recent: Vec<Mutex<VecDeque<String>>>,
    findings: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<'a> World<'a> {
    /// The world of a site, for so many sessions.
    pub fn new(site: &'a Site, seed: u64, sessions: usize) -> World<'a> {
        let (roots, table, labels) = Roots::make(site);
        World {
            site,
            seed,
            roots,
            table: RwLock::new(table),
            held: AtomicBool::new(false),
            labels: Mutex::new(labels),
            quotas: Mutex::new(ACCOUNTS.iter().map(|(_, quota)| *quota).collect()),
            allowed: Mutex::default(),
            edits: AtomicU64::new(0),
            dying: AtomicBool::new(false),
            doors: Mutex::new(None),
            own_limits: Mutex::default(),
            stored: Mutex::default(),
            history: Mutex::default(),
            clock: AtomicU64::new(1),
            operations: AtomicU64::new(1),
            counts: Mutex::default(),
            recent: (0..=sessions).map(|_| Mutex::default()).collect(),
            findings: Mutex::default(),
        }
    }

    /// The ports of the server.
    pub fn doors(&self) -> (SocketAddr, SocketAddr) {
        lock(&self.doors).expect("the server runs")
    }

    /// Whether the server is about to end.
    pub fn is_dying(&self) -> bool {
        self.dying.load(Ordering::SeqCst)
    }

    /// The next moment.
    pub fn now(&self) -> Moment {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Begins an operation.
    pub fn begin(&self) -> Ticket {
        let operation = self.operations.fetch_add(1, Ordering::SeqCst);
        let from = self.now();
        Ticket { operation, from, since: from }
    }

    /// What was asked for and may be there.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Enters what an operation did that is over at this moment.
    pub fn enter(&self, ticket: Ticket, events: Vec<Event>) {
        let until = self.now();
        self.history().enter(ticket, until, events);
    }

    /// Enters what an operation may have done whose answer never came, now or later.
    pub fn enter_unanswered(&self, ticket: Ticket, events: Vec<Event>) {
        let events = events.into_iter().map(Event::perhaps).collect();
        self.history().enter(ticket, Moment::MAX, events);
    }

    /// Enters what a session learned.
    pub fn saw(&self, ticket: Ticket, spot: &Spot, saw: Saw, who: &str) {
        let until = self.now();
        self.history().saw(ticket, until, spot, saw, who.to_owned());
    }

    /// Counts something.
    pub fn count(&self, what: &str) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += 1;
    }

    /// Everything that was counted, in lines.
    pub fn counts(&self) -> String {
        let counts = lock(&self.counts);
        let lines: Vec<String> =
            counts.iter().map(|(what, times)| format!("  {times:>8} {what}")).collect();
        lines.join("\n")
    }

    /// Notes what a session does, for a report.
    pub fn note(&self, session: usize, what: String) {
        let mut recent = lock(&self.recent[session]);
        recent.push_back(what);
        if recent.len() > RECENT {
            recent.pop_front();
        }
    }

    /// Notes what the operator does.
    pub fn note_operator(&self, what: String) {
        self.note(self.recent.len() - 1, what);
    }

    /// Notes what came of it.
    pub fn note_end(&self, session: usize, came: &Came) {
        if let Some(last) = lock(&self.recent[session]).back_mut() {
            last.push_str(&format!(" -> {came}"));
        }
    }

    /// The last operations of all sessions.
    pub fn recent(&self) -> String {
        let mut text = String::new();
        for (session, recent) in self.recent.iter().enumerate() {
            text.push_str(&format!("session {session}:\n"));
            for line in lock(recent).iter() {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }

    /// What the numbers of roots mean, for a report.
    pub fn legend(&self) -> String {
        let table = self.table.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let labels = lock(&self.labels).clone();
        let mut text = String::new();
        for (root, dir) in self.roots.dirs.iter().enumerate() {
            let shown = match table.showing(root) {
                Some(mount) => format!("{} {:?}", table.mounts[mount].at, labels[mount]),
                None if root < ACCOUNTS.len() => "a home".to_owned(),
                None => "not mounted".to_owned(),
            };
            text.push_str(&format!("  {root} is {}: {shown}\n", dir.display()));
        }
        let parts = ACCOUNTS.iter().enumerate().map(|(number, (name, _))| {
            let first = PARTS + number * PARTS;
            format!("  {first} and on are the unfinished uploads of {name}, by root\n")
        });
        text + &parts.collect::<String>()
    }

    /// Something is wrong.
    pub fn finding(&self, what: String) {
        self.count("findings");
        lock(&self.findings).push(what);
    }

    /// Everything that was wrong so far.
    pub fn take_findings(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.findings))
    }

    /// Where the unfinished upload of an account to a spot is entered: a directory stands for it.
    pub fn part(&self, account: usize, spot: &Spot) -> Spot {
        Spot::new(PARTS + account * PARTS + spot.root, &spot.path)
    }

    /// A root has, or had, a limit of its own, so that its files may not say whose they are.
    pub fn has_own_limit(&self, root: usize) {
        lock(&self.own_limits).insert(root);
    }

    /// Whether that was so.
    pub fn had_own_limit(&self, root: usize) -> bool {
        lock(&self.own_limits).contains(&root)
    }

    /// Remembers where a file has come to be, so that others do something with it.
    pub fn is_there(&self, spot: &Spot) {
        let mut stored = lock(&self.stored);
        stored.push_back(spot.clone());
        if stored.len() > REMEMBERED {
            stored.pop_front();
        }
    }

    /// One of the files that came to be lately.
    pub fn lately(&self, dice: &mut Dice) -> Option<Spot> {
        let stored = lock(&self.stored);
        stored.get(dice.below(stored.len())).cloned()
    }

    /// An event of a whole tree, and the same for the unfinished uploads of some accounts into it.
    pub fn with_parts(&self, event: Event, accounts: Range<usize>) -> Vec<Event> {
        let mut all = Vec::new();
        for account in accounts {
            let effect = match &event.effect {
                Effect::Takes(from) => Effect::Joins(self.part(account, from)),
                other => other.clone(),
            };
            all.push(Event { spot: self.part(account, &event.spot), effect, ..event.clone() });
        }
        all.push(Event { tree: true, ..event });
        all
    }

    /// An unfinished upload of an account is gone.
    pub fn part_is_gone(&self, account: usize, spot: &Spot) -> Event {
        Event::sure(&self.part(account, spot), Effect::Becomes(State::Absent))
    }

    /// An unfinished upload of an account is there.
    pub fn part_is_there(&self, account: usize, spot: &Spot) -> Event {
        Event::sure(&self.part(account, spot), Effect::Becomes(State::Directory))
    }

    /// An unfinished upload of an account was given up, and another one may be there instead.
    pub fn part_is_another(&self, account: usize, spot: &Spot) -> Vec<Event> {
        vec![self.part_is_gone(account, spot), self.part_is_there(account, spot).perhaps()]
    }

    /// A moment at which an operation that is under way begins what changes something.
    pub fn go_on(&self, ticket: Ticket) -> Ticket {
        Ticket { from: self.now(), ..ticket }
    }

    /// Who is charged for what is stored in a root, if anything can be: an account for its home,
    /// the root itself, or whoever stores something.
    pub fn payer(&self, table: &Table, labels: &[Label], root: usize) -> Payer {
        if root < ACCOUNTS.len() {
            return Payer::Account(root);
        }
        match table.showing(root).map(|mount| labels[mount].size) {
            Some(Size::Account) => Payer::Writer,
            Some(Size::Own(_)) => Payer::Itself,
            Some(Size::Nothing) | None => Payer::Nobody,
        }
    }

    /// Who is charged in each root at this moment.
    pub fn payers(&self) -> Vec<Payer> {
        let table = self.table.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let labels = lock(&self.labels).clone();
        (0..self.roots.dirs.len()).map(|root| self.payer(&table, &labels, root)).collect()
    }

    /// Refuses a refusal that nothing explains.
    pub fn judge_refusal(&self, who: &str, why: Refusal, text: &str, expected: &[Refusal]) {
        self.count(&format!("refused: {why:?}"));
        let (need, left) = numbers(text);
        if !expected.contains(&why) {
            self.finding(format!("{who}\n  was refused for no reason: {text}"));
        } else if why == Refusal::Quota && need <= left {
            self.finding(format!("{who}\n  was refused though it fits: {text}"));
        }
    }
}

/// Who is charged in a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    /// An account.
    Account(usize),
    /// Whoever stored it, as each file says.
    Writer,
    /// The root.
    Itself,
    /// It is not mounted, or nothing can be stored.
    Nobody,
}

/// What is needed and what is left, in the text of a refusal.
fn numbers(text: &str) -> (u64, u64) {
    let behind = |word: &str| {
        let rest = text.split_once(word)?.1;
        rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let before = |word: &str| {
        let rest = text.split_once(word)?.0;
        rest.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    (behind("needs ").unwrap_or(1), before(" left of").unwrap_or(0))
}
