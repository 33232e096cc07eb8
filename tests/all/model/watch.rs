//! A watcher that looks at the disk while it changes, and proves that a limit was broken, or that
//! the server takes less to be used than is there.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;

use miniftp::scram::ScramKeys;
use miniftp::wire::{self, Fields};

use super::places::{ACCOUNTS, Owner, Size};
use super::refusals::numbers;
use super::walk::{Identity, Kind, nameless, survey};
use super::world::{Payer, World};
use crate::harness::Frames;

/// Findings of one watcher; the rest would say the same.
const TOLD: usize = 3;

/// Something that counts for somebody: whom, how much, and what to call it.
type Seen = HashMap<Identity, (Owner, u64, String)>;

/// See the module. It has a session of each account.
pub struct Watcher<'a> {
    world: &'a World<'a>,
    sessions: Vec<(Option<Frames>, Option<ScramKeys>)>,
    /// Whom files counted for when they still had a name, in which root, and who paid there.
    owners: HashMap<Identity, (Owner, usize, Payer)>,
    told: usize,
}

impl<'a> Watcher<'a> {
    /// A watcher that has seen nothing yet.
    pub fn new(world: &'a World<'a>) -> Watcher<'a> {
        let sessions = ACCOUNTS.iter().map(|_| (None, None)).collect();
        Watcher { world, sessions, owners: HashMap::new(), told: 0 }
    }

    /// Looks at the disk, asks what is used, and looks again. What is there both times was there in
    /// between, with at least the smaller of its two sizes: so that sum was on the disk when the
    /// server was asked, and nothing is counted twice.
    pub fn look(&mut self, pid: u32) {
        let world = self.world;
        let edits = world.edits.load(Ordering::SeqCst);
        if edits % 2 == 1 || world.is_dying() {
            return;
        }
        let first = self.pass(pid);
        let told = self.ask();
        let second = self.pass(pid);
        let allowed = world.allowed.lock().unwrap().clone();
        if world.edits.load(Ordering::SeqCst) != edits {
            return;
        }
        world.count("looks");
        if second.values().any(|(_, bytes, what)| *bytes > 0 && what.starts_with("Nameless")) {
            world.count("looks that found a removed file open");
        }
        let mut sums: BTreeMap<Owner, u64> = BTreeMap::new();
        let mut both = Vec::new();
        for (identity, (owner, bytes, what)) in &first {
            let Some((same, later, _)) = second.get(identity) else { continue };
            if same == owner {
                *sums.entry(*owner).or_default() += *bytes.min(later);
                both.push((*owner, *bytes.min(later), what));
            }
        }
        for (owner, sum) in sums {
            let most = allowed.get(&owner).filter(|most| sum > **most);
            let short = told.get(&owner).filter(|used| sum > **used);
            let wrong = match (most, short) {
                (Some(most), _) => format!("the limit is {most}"),
                (None, Some(used)) => format!("the server counts {used}, reserved ones included"),
                (None, None) => continue,
            };
            self.tell(owner, &format!("{sum} bytes on the disk at one moment, and {wrong}"), &both);
        }
    }

    fn tell(&mut self, owner: Owner, what: &str, items: &[(Owner, u64, &String)]) {
        self.told += 1;
        if self.told > TOLD {
            return;
        }
        let own = items.iter().filter(|(whose, bytes, _)| *whose == owner && *bytes > 0);
        let mut lines: Vec<String> =
            own.map(|(_, bytes, what)| format!("    {bytes:>9} {what}")).collect();
        lines.sort();
        self.world.finding(format!("{owner:?} has {what}\n{}", lines.join("\n")));
    }

    /// What the server takes to be used or reserved at this moment.
    fn ask(&mut self) -> BTreeMap<Owner, u64> {
        let mut told = BTreeMap::new();
        let doors = self.world.doors();
        for (account, (session, keys)) in self.sessions.iter_mut().enumerate() {
            if session.is_none() {
                *session = Frames::attempt_login(doors.0, ACCOUNTS[account].0, keys).ok();
            }
            let Some(frames) = session else { continue };
            let Some(answer) = frames.attempt("QUOTA", &wire::Nothing::new()) else {
                *session = None;
                continue;
            };
            let mut fields = Fields::new(&answer.fields);
            let used = fields.u64("used").unwrap() + fields.u64("reserved").unwrap();
            told.insert(Owner::Account(account), used);
        }
        let Some(frames) = &mut self.sessions[0].0 else { return told };
        let labels = self.world.labels.lock().unwrap().clone();
        let mounts = self.world.table.read().unwrap().mounts.clone();
        for (mount, label) in mounts.iter().zip(&labels) {
            let (Some(root), Size::Own(_)) = (mount.root, label.size) else { continue };
            let Some(answer) = frames.attempt("WHY", &wire::Path::new(mount.at)) else {
                return told;
            };
            for part in &answer.parts {
                let mut fields = Fields::new(&part.fields);
                while let Ok(what) = fields.text("what") {
                    let is_room = what == "room";
                    fields.u8("allowed").unwrap();
                    let used: u64 = numbers(fields.text("why").unwrap()).take(2).sum();
                    if is_room {
                        told.insert(Owner::Root(root), used);
                    }
                }
            }
        }
        told
    }

    /// Whether a path lies in a root.
    fn is_in(&self, path: &Path, root: usize) -> bool {
        self.world.roots.dirs.get(root).is_some_and(|dir| path.starts_with(dir))
    }

    fn pass(&mut self, pid: u32) -> Seen {
        let mut found = HashMap::new();
        let before = self.world.payers();
        let items = survey(self.world);
        let payers = self.world.payers();
        for item in items.into_iter().chain(nameless(pid)) {
            let owner = match (item.kind, item.owner, self.owners.get(&item.identity)) {
                // Of one for which somebody else pays since then nobody knows who that is, nor of
                // one that may have been moved to another root before it lost its name.
                (Kind::Nameless, _, Some((owner, root, payer)))
                    if payers[*root] == *payer && self.is_in(&item.path, *root) =>
                {
                    *owner
                }
                (Kind::Nameless, ..) | (_, None, _) => continue,
                (_, Some(owner), _) if before != payers => owner,
                (_, Some(owner), _) => {
                    let paid = (owner, item.spot.root, payers[item.spot.root]);
                    self.owners.insert(item.identity, paid);
                    owner
                }
            };
            let what = format!("{:?} {}", item.kind, item.path.display());
            found.insert(item.identity, (owner, item.bytes, what));
        }
        found
    }
}
