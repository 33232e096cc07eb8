//! Points at which nothing is under way: everything that the server tells is compared with the
//! disk, and the disk with what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::thread;
use std::time::Duration;

use miniftp::wire::{self, Fields};

use super::history::{Real, Spot};
use super::places::{ACCOUNTS, Owner, Size};
use super::refusals::numbers;
use super::server::Server;
use super::walk::{self, Item, Kind};
use super::worker::Worker;
use super::world::{Payer, World};
use crate::harness::{Frames, FtpTalk, eventually, password};

/// Looks at a figure that is wrong before it is called so: what a session that has just ended gives
/// back may come a moment later.
const LOOKS: u32 = 50;

/// What a session is told that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    bytes: u64,
    reserved: u64,
    limit: u64,
    /// Entries, where the server counts them.
    entries: Option<u64>,
}

/// Compares everything. The workers are at rest, and some of them still logged in.
pub fn check(world: &World<'_>, server: &mut Server<'_>, workers: &mut [Worker<'_>]) {
    world.count("quiet points");
    let expected = |workers: &[Worker<'_>]| {
        let open = |worker: &Worker<'_>| {
            u64::from(worker.framed.is_some()) + u64::from(worker.ftp.is_some())
        };
        1 + workers.iter().map(open).sum::<u64>()
    };
    eventually("the sessions that ended are gone", || server.sessions() == expected(workers));
    eventually("no removed file is open", || walk::nameless(server.pid()).is_empty());
    let items = walk::survey(world);
    let mut real = walk::tree(&items);
    parts(world, &items, &mut real);
    for wrong in world.history().settle(&real) {
        world.finding(wrong);
    }
    figures(world, server, workers, &items);
    leftovers(world, &items);
    for error in server.errors() {
        world.finding(format!("the log says: {error}"));
    }
    allow(world, &items);
}

/// The unfinished uploads, as their notes say, and that their owners are told of exactly these.
/// Those of a directory that is not mounted are told to nobody, and stay as they are.
fn parts(world: &World<'_>, items: &[Item], real: &mut BTreeMap<Spot, Real>) {
    let table = world.table.read().unwrap();
    let mounted = |root| root < ACCOUNTS.len() || table.showing(root).is_some();
    let mut there = BTreeSet::new();
    let is_part = |item: &&Item| item.path.extension().is_some_and(|end| end == "part");
    for item in items.iter().filter(|item| item.kind == Kind::Part).filter(is_part) {
        let Some((account, spot)) = walk::meant_by(item) else {
            world.finding(format!("{} has no note", item.path.display()));
            continue;
        };
        let part = world.part(account, &spot);
        real.insert(part.clone(), Real::Directory);
        if mounted(spot.root) && !there.insert(part) {
            world.finding(format!("{} is a second one for its path", item.path.display()));
        }
    }
    let mut told = BTreeSet::new();
    for (account, (name, _)) in ACCOUNTS.iter().enumerate() {
        let Ok(mut frames) = Frames::attempt_login(world.doors().0, name, &mut None) else {
            world.finding(format!("{name} cannot log in at a quiet point"));
            continue;
        };
        let parts = frames.parts();
        told.extend(parts.iter().map(|(path, _)| world.part(account, &table.spot(account, path))));
    }
    if told != there {
        let (more, fewer) = (told.difference(&there), there.difference(&told));
        world.finding(format!(
            "unfinished uploads are told that are not there: {:?}; and not told: {:?}",
            more.collect::<Vec<_>>(),
            fewer.collect::<Vec<_>>(),
        ));
    }
}

/// What a login is told.
fn told(frames: &mut Frames) -> Told {
    let answer = frames.request("QUOTA", &wire::Nothing::new());
    let mut fields = Fields::new(&answer.expect(200).fields);
    let (bytes, reserved) = (fields.u64("used").unwrap(), fields.u64("reserved").unwrap());
    let limited = fields.u8("limited").unwrap();
    let limit = fields.u64("limit").unwrap();
    let entries = fields.u64("used_entries").ok();
    Told { bytes, reserved, limit: if limited == 1 { limit } else { u64::MAX }, entries }
}

/// All ways to learn what is used tell what a walk of the disk finds.
fn figures(world: &World<'_>, server: &mut Server<'_>, workers: &mut [Worker<'_>], items: &[Item]) {
    let sums = walk::sums(items);
    let quotas = world.quotas.lock().unwrap().clone();
    for (account, (name, _)) in ACCOUNTS.iter().enumerate() {
        let (bytes, entries) = sums.get(&Owner::Account(account)).copied().unwrap_or_default();
        let right = |told: &Told| {
            told.bytes == bytes
                && told.reserved == 0
                && told.limit == quotas[account]
                && told.entries.is_none_or(|told| told == entries)
        };
        let wrong = |how: &str, told: String| {
            world.finding(format!(
                "{name} is told {told} {how}, and there are {bytes} bytes in {entries} entries, \
                 the limit is {}",
                quotas[account]
            ));
        };
        if let Some(used) =
            again(|| server.used_bytes(account), |used| used.is_none_or(|used| used == bytes))
        {
            wrong("through an admin", format!("{used:?}"));
        }
        for worker in workers.iter_mut().filter(|worker| worker.account == account) {
            if let Some(frames) = &mut worker.framed {
                if let Some(is) = again(|| told(frames), right) {
                    wrong("in a live session", format!("{is:?}"));
                }
            }
            if let Some(talk) = &mut worker.ftp {
                if let Some(is) = again(|| talk.used_bytes(), |used| *used == bytes) {
                    wrong("in a live session over FTP", format!("{is}"));
                }
            }
        }
        let mut frames = Frames::connect(world.doors().0);
        frames.log_in(name, &password(name)).expect(254);
        if let Some(is) = again(|| told(&mut frames), right) {
            wrong("after a login", format!("{is:?}"));
        }
        let mut talk = FtpTalk::login(world.doors().1, name);
        if let Some(is) = again(|| talk.used_bytes(), |used| *used == bytes) {
            wrong("after a login over FTP", format!("{is}"));
        }
    }
    mounts(world, server, &sums);
}

/// Asks until it is right; gives what is wrong to the last.
fn again<T>(mut ask: impl FnMut() -> T, right: impl Fn(&T) -> bool) -> Option<T> {
    for _ in 1..LOOKS {
        if right(&ask()) {
            return None;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    let last = ask();
    if right(&last) { None } else { Some(last) }
}

/// What is used of the mounts that have a limit of their own.
fn mounts(world: &World<'_>, server: &mut Server<'_>, sums: &BTreeMap<Owner, (u64, u64)>) {
    let (table, labels) = (world.table.read().unwrap(), world.labels.lock().unwrap().clone());
    for (mount, label) in table.mounts.iter().zip(&labels) {
        let (Some(root), Size::Own(limit)) = (mount.root, label.size) else { continue };
        let (bytes, entries) = sums.get(&Owner::Root(root)).copied().unwrap_or_default();
        let want = format!("{bytes} bytes used, 0 reserved, {entries} entries, of {limit} bytes");
        let ask = || {
            let rows = server.why(0, mount.at).unwrap();
            let room = rows.into_iter().find(|(what, _)| what == "room");
            room.map(|(_, why)| why).unwrap_or_default()
        };
        let right = |why: &String| {
            let numbers: Vec<u64> = numbers(why).collect();
            // Entries are told by a server that counts them.
            let entries_fit = !why.contains("entries") || numbers.contains(&entries);
            numbers.starts_with(&[bytes, 0, limit]) && entries_fit
        };
        if let Some(is) = again(ask, right) {
            let name = &label.section;
            world.finding(format!("of the mount {name} is told\n  {is}\n  and it is: {want}"));
        }
    }
}

/// What nobody should find.
fn leftovers(world: &World<'_>, items: &[Item]) {
    let mut trash = vec![world.site.home().join(".miniftp/trash")];
    for (root, dir) in world.roots.dirs.iter().enumerate() {
        if world.roots.is_far(root) {
            trash.push(dir.join(".miniftp/trash"));
        }
    }
    for dir in trash {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            world.finding(format!("{} is left", entry.path().display()));
        }
    }
    let table = world.table.read().unwrap();
    let labels = world.labels.lock().unwrap().clone();
    for item in items {
        if item.kind == Kind::Part && item.path.extension().is_some_and(|end| end == "tmp") {
            world.finding(format!("{} is left", item.path.display()));
        }
        let pays = world.payer(&table, &labels, item.spot.root) == Payer::Writer;
        let planted = item.path.components().any(|part| part.as_os_str() == "planted");
        if pays && item.lacks_owner && !planted && !world.had_own_limit(item.spot.root) {
            let path = item.path.display();
            world.finding(format!("{path} does not say whose it is, though its writer pays"));
        }
    }
}

/// From here on nobody may have more than his limit, or than he has now.
fn allow(world: &World<'_>, items: &[Item]) {
    let sums = walk::sums(items);
    let used = |owner: &Owner| sums.get(owner).map_or(0, |(bytes, _)| *bytes);
    let (table, labels) = (world.table.read().unwrap(), world.labels.lock().unwrap().clone());
    let quotas = world.quotas.lock().unwrap().clone();
    let mut allowed = BTreeMap::new();
    for (account, quota) in quotas.into_iter().enumerate() {
        let owner = Owner::Account(account);
        allowed.insert(owner, quota.max(used(&owner)));
    }
    for (mount, label) in table.mounts.iter().zip(&labels) {
        if let (Some(root), Size::Own(limit)) = (mount.root, label.size) {
            let owner = Owner::Root(root);
            allowed.insert(owner, limit.max(used(&owner)));
        }
    }
    *world.allowed.lock().unwrap() = allowed;
}
