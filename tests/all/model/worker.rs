//! A user with a session through each protocol, who does something by chance, step by step.

use miniftp::scram::ScramKeys;

use super::content::Content;
use super::dice::Dice;
use super::history::{Effect, Event, Spot, State, Ticket};
use super::places::{ACCOUNTS, Names};
use super::refusals::{Came, Refusal};
use super::world::World;
use crate::harness::{CHUNK, Frames, FtpTalk};

/// Where the views are, and how often each is chosen.
const VIEWS: [(usize, &str); 9] = [
    (38, ""),
    (14, "/own"),
    (14, "/paid"),
    (8, "/deep/in"),
    (8, "/out"),
    (6, "/far"),
    (5, "/lent"),
    (4, "/drop"),
    (3, "/look"),
];

/// What a session does, and how often.
const STEPS: [(usize, Step); 26] = [
    (12, Step::Store),
    (5, Step::Burst),
    (6, Step::Flurry),
    (7, Step::Put),
    (5, Step::PutAndStop),
    (3, Step::PutAndLeaveOpen),
    (5, Step::GoOnWithOpen),
    (2, Step::Forget),
    (8, Step::Get),
    (6, Step::Remove),
    (3, Step::RemoveTree),
    (4, Step::MakeDirectory),
    (2, Step::RemoveDirectory),
    (9, Step::Move),
    (4, Step::MoveTree),
    (8, Step::Stor),
    (5, Step::StorAndStop),
    (4, Step::Resume),
    (3, Step::Append),
    (5, Step::Retr),
    (3, Step::Stall),
    (3, Step::StallAndRemove),
    (4, Step::EndStall),
    (4, Step::Delete),
    (4, Step::Rename),
    (3, Step::LogOut),
];

/// Bytes of the largest files.
const LARGE: usize = 7 * 1024 * 1024;

/// One of these.
#[derive(Clone, Copy, Debug)]
enum Step {
    Store,
    Burst,
    Flurry,
    Put,
    PutAndStop,
    PutAndLeaveOpen,
    GoOnWithOpen,
    Forget,
    Get,
    Remove,
    RemoveTree,
    MakeDirectory,
    RemoveDirectory,
    Move,
    MoveTree,
    Stor,
    StorAndStop,
    Resume,
    Append,
    Retr,
    Stall,
    StallAndRemove,
    EndStall,
    Delete,
    Rename,
    LogOut,
}

/// An upload of the framed protocol that is open while others are served.
pub struct Open {
    /// Its connection.
    pub frames: Frames,
    /// Its path.
    pub path: String,
    /// Where that was.
    pub spot: Spot,
    /// What is sent.
    pub content: Content,
    /// Bytes that were sent.
    pub sent: usize,
    /// Its begin.
    pub begun: Ticket,
}

/// A download over FTP that nobody reads.
pub struct Stalled {
    /// The control connection.
    pub talk: FtpTalk,
    /// The data connection.
    pub data: std::net::TcpStream,
    /// What was fetched.
    pub spot: Spot,
    /// What to call it in a report.
    pub who: String,
    /// Its begin, and when it had begun.
    pub begun: (Ticket, u64),
}

/// An upload of one's own that broke off.
#[derive(Clone)]
pub struct Torn {
    /// Its path.
    pub path: String,
    /// Where that was.
    pub spot: Spot,
    /// What was to be stored.
    pub content: Content,
}

/// See the module.
pub struct Worker<'a> {
    /// What all share.
    pub world: &'a World<'a>,
    /// What it calls things.
    pub names: Names,
    /// Its account.
    pub account: usize,
    /// What it does next.
    pub dice: Dice,
    /// Its session of the framed protocol.
    pub framed: Option<Frames>,
    /// Its session over FTP.
    pub ftp: Option<FtpTalk>,
    /// So that the password is derived only once.
    pub keys: Option<ScramKeys>,
    /// An upload that is left open.
    pub open: Option<Open>,
    /// Downloads that stand still.
    pub stalled: Vec<Stalled>,
    /// Uploads over FTP that can be gone on with.
    pub torn: Vec<Torn>,
    /// The path of the next operation, where chance does not choose it.
    chosen: Option<String>,
    made: u64,
}

impl<'a> Worker<'a> {
    /// The session of a number.
    pub fn new(world: &'a World<'a>, session: usize) -> Worker<'a> {
        Worker {
            world,
            names: Names { session },
            account: session % ACCOUNTS.len(),
            dice: Dice::of(world.seed, session as u64 + 1),
            framed: None,
            ftp: None,
            keys: None,
            open: None,
            stalled: Vec::new(),
            torn: Vec::new(),
            chosen: None,
            made: 0,
        }
    }

    /// The account's name.
    pub fn name(&self) -> &'static str {
        ACCOUNTS[self.account].0
    }

    /// Does something.
    pub fn step(&mut self) {
        let step = self.dice.weighted(&STEPS);
        match step {
            Step::Store => self.store(),
            Step::Burst => self.burst(),
            Step::Flurry => self.flurry(),
            Step::Put => self.put(),
            Step::PutAndStop => self.put_and_stop(),
            Step::PutAndLeaveOpen => self.put_and_leave_open(),
            Step::GoOnWithOpen => self.go_on_with_open(),
            Step::Forget => self.forget(),
            Step::Get => self.get(),
            Step::Remove => self.remove(false),
            Step::RemoveTree => self.remove(true),
            Step::MakeDirectory => self.make_directory(),
            Step::RemoveDirectory => self.remove_directory(),
            Step::Move => self.move_one(false),
            Step::MoveTree => self.move_one(true),
            Step::Stor => self.stor(),
            Step::StorAndStop => self.stor_and_stop(),
            Step::Resume => self.resume(),
            Step::Append => self.append(),
            Step::Retr => self.retr(),
            Step::Stall => self.stall(),
            Step::StallAndRemove => self.stall_and_remove(),
            Step::EndStall => self.end_stall(),
            Step::Delete => self.delete(),
            Step::Rename => self.rename(),
            Step::LogOut => self.log_out(),
        }
    }

    /// Ends what is under way, so that nothing is held open, and some of the sessions.
    pub fn come_to_rest(&mut self) {
        while !self.stalled.is_empty() {
            self.end_stall();
        }
        if self.open.is_some() {
            self.go_on_with_open();
        }
        // What is open still breaks off, and its part stays.
        self.open = None;
        if self.dice.percent(30) || self.world.is_dying() {
            self.framed = None;
            self.ftp = None;
        }
    }

    /// A session that an operation found at its end.
    pub fn lost(&mut self, who: &str) {
        (self.framed, self.ftp) = (None, None);
        if !self.world.is_dying() {
            self.world.finding(format!("{who}\n  lost its connection"));
        }
    }

    fn log_out(&mut self) {
        self.world.note(self.names.session, "log out".to_owned());
        if self.dice.percent(50) {
            self.framed = None;
        } else {
            self.ftp = None;
        }
        self.world.count("log out");
    }

    /// A file that is removed or replaced while a download of it stands still.
    fn stall_and_remove(&mut self) {
        let view = self.dice.pick(&["", "", "/paid", "/own"]);
        let path = format!("{view}/{}/f1", self.names.own());
        self.chosen = Some(path.clone());
        self.stor_content(LARGE);
        self.chosen = Some(path.clone());
        self.stall();
        self.chosen = Some(path);
        match self.dice.below(3) {
            0 => self.remove(false),
            1 => self.store(),
            _ => self.delete(),
        }
        self.chosen = None;
    }

    /// Content that nobody else has.
    pub fn content(&mut self, most: usize) -> Content {
        let size = match self.dice.below(100) {
            0..10 => 0,
            10..30 => self.dice.within(1..200),
            30..60 => self.dice.within(1_000..CHUNK),
            60..80 => self.dice.within(CHUNK - 2..2 * CHUNK + 3),
            // More than the sockets take in of a download that nobody reads.
            98.. => self.dice.within(LARGE..LARGE + 10 * CHUNK),
            _ => self.dice.within(3 * CHUNK..20 * CHUNK),
        };
        self.content_of(size.min(most))
    }

    /// The same of a certain size.
    pub fn content_of(&mut self, size: usize) -> Content {
        self.made += 1;
        let seed = (self.world.seed << 24) ^ ((self.names.session as u64 + 1) << 52) ^ self.made;
        Content::new(seed, size)
    }

    /// A view, and whether one's own directory in it is meant.
    pub fn place(&mut self) -> (&'static str, bool) {
        let view = self.dice.weighted(&VIEWS);
        (view, self.dice.percent(45))
    }

    /// A path for a file.
    pub fn file(&mut self) -> String {
        if let Some(path) = self.chosen.take() {
            return path;
        }
        let (view, own) = self.place();
        match view {
            "/drop" => format!("/drop/n{}-{}", self.names.session, self.dice.below(1_000_000)),
            "/look" => format!("/look/f{}", self.dice.below(3)),
            _ => format!("{view}/{}", self.names.file(&mut self.dice, own)),
        }
    }

    /// A path where a file came to be lately, mostly.
    pub fn existing(&mut self) -> String {
        if let Some(path) = self.chosen.take() {
            return path;
        }
        for _ in 0..4 {
            let Some(spot) = self.world.lately(&mut self.dice) else { break };
            let table = self.world.table.read().unwrap();
            let at = match table.showing(spot.root) {
                Some(mount) => table.mounts[mount].at,
                None if spot.root == self.account => "",
                None => continue,
            };
            // What only one session touches is known better than what others may change.
            let top = spot.path.split('/').next().unwrap_or_default();
            if !top.starts_with('w') || top == self.names.own() {
                return format!("{at}/{}", spot.path);
            }
        }
        self.file()
    }

    /// A path for a directory.
    pub fn directory(&mut self) -> String {
        let (view, own) = self.place();
        format!("{view}/{}", self.names.directory(&mut self.dice, own))
    }

    /// A path for a directory that may be moved.
    pub fn movable(&mut self) -> String {
        let (view, own) = self.place();
        format!("{view}/{}", self.names.movable(&mut self.dice, own))
    }

    /// What an upload of this content does that was done.
    pub fn stored(&self, spot: &Spot, content: &Content) -> Vec<Event> {
        let becomes = Effect::Becomes(State::File(content.clone()));
        vec![Event::sure(spot, becomes), self.world.part_is_gone(self.account, spot)]
    }

    /// The reasons that a request about a path may be refused for.
    pub fn reasons(&self, path: &str, also: &[Refusal]) -> Vec<Refusal> {
        let mut reasons = also.to_vec();
        let limited = path.starts_with("/drop") || path.starts_with("/look");
        let above_a_mount = path == "/deep" || VIEWS.iter().any(|(_, view)| *view == path);
        if limited || above_a_mount {
            reasons.extend([Refusal::Denied, Refusal::Exists]);
        }
        reasons
    }

    /// Counts an operation and what came of it, and judges a refusal.
    pub fn judge(&mut self, what: &str, who: &str, came: &Came, expected: &[Refusal]) {
        self.world.note_end(self.names.session, came);
        self.world.count(what);
        match came {
            Came::Done(..) => self.world.count(&format!("{what}, done")),
            Came::Refused(why, text) => self.world.judge_refusal(who, *why, text, expected),
            Came::Gone => self.lost(who),
        }
    }

    /// Notes an operation, and gives the name that reports call it by.
    pub fn announce(&self, what: String) -> String {
        let who = format!("session {} ({}): {what}", self.names.session, self.name());
        self.world.note(self.names.session, what);
        who
    }
}
