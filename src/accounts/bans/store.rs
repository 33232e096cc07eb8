//! The bans in force, kept in step with conf/bans.ini, which the server and people write.
//!
//! Never: holds the lock that logins wait for over I/O; writes for a failed login that bans nobody,
//! or over a file with a fault or an edit that it has not taken over.
//! Invariant: a ban or a pardon by hand that was told to be done is on the disk.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::list::{Book, Change};
use super::{Ban, List, Now, Rules, Seen, Tally, Who, record};
use crate::accounts::replace::{self, Lock};
use crate::accounts::store::in_file;
use crate::accounts::{AccountName, Store, StoreError, check_remark};
use crate::error::{Banned, Error, Result};
use crate::limits;
use crate::text::Span;
use crate::version::Version;

/// The file's name in the folder of settings.
const FILE: &str = "bans.ini";
/// Why, for who is banned by hand: the reason is between the admin and the file.
const BY_HAND: &str = "the administrator said so";

/// What is said of a banned name that no account has.
const NOBODY: &str = "a name that no account has is banned for a while";

/// See the module; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Bans {
    path: PathBuf,
    previous: PathBuf,
    begun: Instant,
    held: Mutex<Held>,
    disk: Mutex<Disk>,
}

/// What logins look at.
#[derive(Debug, Default)]
struct Held {
    list: List,
    tally: Tally,
    /// Counts the automatic bans.
    changes: u64,
}

/// What is known of the file; its lock is held over reading and writing it.
#[derive(Debug, Default)]
struct Disk {
    generation: u64,
    /// What it said when it was read or written last.
    said: Book,
    seen: Option<Version>,
    /// Whether a further change of the file is sure to change its version.
    settled: bool,
    fault: Option<String>,
    /// The automatic bans that it knows, by their count.
    saved: u64,
    wrote_at: Option<Instant>,
}

/// Everything under the locks is assigned in whole fields, each of which is right by itself, so
/// poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bans {
    /// The bans of this folder. A file with a fault is logged, and the generation before it counts
    /// until it is mended: nobody is let in, and no server stopped, by a slip of an editor.
    pub fn open(conf: &Path) -> Bans {
        let bans = Bans {
            path: conf.join(FILE),
            previous: conf.join(format!("{FILE}.previous")),
            begun: Instant::now(),
            held: Mutex::default(),
            disk: Mutex::default(),
        };
        let mut disk = lock(&bans.disk);
        if bans.take_over(&mut disk).is_err() {
            if let Ok(Some((generation, before, _))) = load(&bans.previous) {
                log::error!("going on with {}", bans.previous.display());
                bans.adopt(&mut disk, generation, before);
            }
        }
        drop(disk);
        bans
    }

    fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_secs = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        Now { steady: self.begun.elapsed(), wall_secs }
    }

    /// Refuses who comes from a banned address.
    ///
    /// # Errors
    /// [`Error::Banned`].
    pub fn check_address(&self, from: IpAddr) -> Result<()> {
        Who::address(from).map_or(Ok(()), |who| self.check(&who, Banned::Address))
    }

    /// Refuses who would log in as a banned account.
    ///
    /// # Errors
    /// [`Error::Banned`].
    pub fn check_account(&self, name: &str) -> Result<()> {
        let who = AccountName::parse(name).map(Who::Account);
        who.map_or(Ok(()), |who| self.check(&who, Banned::Account))
    }

    fn check(&self, who: &Who, what: Banned) -> Result<()> {
        let held = lock(&self.held);
        match held.list.left(who, self.now()) {
            None => Ok(()),
            Some(left) => {
                let why = if left.ban.by.is_some() { BY_HAND } else { &left.ban.why };
                Err(Error::Banned { what, why: why.to_owned(), left_secs: left.secs })
            }
        }
    }

    /// Counts a failed login, and bans what failed too often. Gives the larger of the two counts.
    /// A name that is not `known` is banned as any other, and never shown or written down.
    pub fn failed(&self, rules: &Rules, name: &str, known: bool, from: IpAddr) -> u32 {
        let name = AccountName::parse(name);
        let mut imposed = Vec::new();
        let mut held = lock(&self.held);
        let now = self.now();
        let Held { list, tally, changes } = &mut *held;
        let counts = tally.failed((name.as_ref(), known), from, now.steady, rules.within);
        let both = [
            (name.map(Who::Account), counts.account, rules.account_after, !known),
            (Who::address(from), counts.address, rules.address_after, !counts.address_knows_one),
        ];
        for (who, count, after, invented) in both {
            let Some(who) = who.filter(|_| count >= after) else { continue };
            let why = format!("{count} failed logins within {}", Span(rules.within.as_secs()));
            tally.begin_again(&who);
            let hidden = invented && matches!(who, Who::Account(_));
            match list.impose(&who, why, rules.first, now, invented) {
                Some(_) if hidden => imposed.push(NOBODY.to_owned()),
                Some(ban) => {
                    *changes += 1;
                    imposed.push(ban.to_string());
                }
                None => {}
            }
        }
        drop(held);
        for ban in imposed {
            log::warn!("{ban}");
        }
        counts.account.max(counts.address)
    }

    /// A login succeeded: its account's failures from this address are forgiven.
    pub fn succeeded(&self, name: &AccountName, from: IpAddr) {
        lock(&self.held).tally.succeeded(name, from);
    }

    /// The bans in force.
    pub fn in_force(&self) -> Vec<Seen> {
        let (held, now) = (lock(&self.held), self.now());
        let all = held.list.in_force(now);
        all.map(|left| Seen { ban: left.ban.clone(), left_secs: left.secs }).collect()
    }

    /// What is banned by hand, whose sessions end.
    pub fn by_hand(&self) -> Vec<Who> {
        let (held, now) = (lock(&self.held), self.now());
        let all = held.list.in_force(now).filter(|left| left.ban.by.is_some());
        all.map(|left| left.ban.who.clone()).collect()
    }

    /// Bans by hand for so many seconds, or for ever.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Refused`] for a reason that cannot be kept; a file with
    /// a fault, and what the system refuses.
    pub fn ban(
        &self,
        store: &Store,
        who: Who,
        secs: Option<u64>,
        by: &str,
        why: &str,
    ) -> Result<(), StoreError> {
        let why = why.trim();
        check_remark(why)
            .map_err(|what| StoreError::Refused { what: what.replace("a remark", "a reason") })?;
        let now = self.now();
        let until = |secs: u64| now.wall_secs.saturating_add(i64::try_from(secs).unwrap_or(0));
        let ban = Ban {
            who,
            since_secs: now.wall_secs,
            until_secs: secs.map(until),
            times: 1,
            by: Some(by.to_owned()),
            why: why.to_owned(),
        };
        self.change(store, |list| {
            list.forget_old(now);
            list.put(ban.clone(), now);
            let max = limits::BANS;
            let too_many = list.by_hand() > max;
            let full = StoreError::Full { what: "bans by hand", max: max as u64 };
            if too_many { Err(full) } else { Ok(()) }
        })
    }

    /// Lets somebody in again, whoever banned it, and forgets what failed, banned or not.
    ///
    /// # Errors
    /// [`StoreError::NotBanned`]; a file with a fault, and what the system refuses.
    pub fn pardon(&self, store: &Store, who: &Who) -> Result<(), StoreError> {
        let now = self.now();
        lock(&self.held).tally.forget(who);
        self.change(store, |list| {
            let is_banned = list.left(who, now).is_some();
            list.remove(who);
            let name = who.to_string();
            if is_banned { Ok(()) } else { Err(StoreError::NotBanned { name }) }
        })
    }

    /// Makes one change on the disk, and then in memory.
    fn change(
        &self,
        store: &Store,
        change: impl Fn(&mut List) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut disk = lock(&self.disk);
        let lock_file = store.lock()?;
        self.take_over(&mut disk)?;
        let (mut list, changes) = {
            let held = lock(&self.held);
            (held.list.clone(), held.changes)
        };
        change(&mut list)?;
        self.write(&lock_file, store, &mut disk, list.book())?;
        disk.saved = changes;
        // Whatever was counted meanwhile stays.
        change(&mut lock(&self.held).list)
    }

    /// Writes the automatic bans that the file does not know, unless it was written just now.
    pub fn save(&self, store: &Store) {
        match self.disk.try_lock() {
            Ok(mut disk) => self.save_within(&mut disk, store),
            Err(TryLockError::Poisoned(poisoned)) => {
                self.save_within(&mut poisoned.into_inner(), store);
            }
            // Whoever is at it writes them, or the housekeeper does.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// The same before the server leaves, whenever it was written last.
    pub fn save_last(&self, store: &Store) {
        let mut disk = lock(&self.disk);
        disk.wrote_at = None;
        self.save_within(&mut disk, store);
    }

    fn save_within(&self, disk: &mut Disk, store: &Store) {
        let is_fresh = disk.wrote_at.is_some_and(|at| at.elapsed() < limits::BANS_PAUSE);
        let changes = lock(&self.held).changes;
        if changes == disk.saved || is_fresh {
            return;
        }
        disk.wrote_at = Some(Instant::now());
        let written = store.lock().and_then(|lock_file| {
            self.take_over(disk)?;
            let book = {
                let mut held = lock(&self.held);
                held.list.forget_old(self.now());
                held.list.book()
            };
            self.write(&lock_file, store, disk, book)
        });
        match written {
            Ok(()) => disk.saved = changes,
            Err(e) => log::error!("{e}; the bans count and are not kept yet"),
        }
    }

    fn write(
        &self,
        _lock: &Lock,
        store: &Store,
        disk: &mut Disk,
        book: Book,
    ) -> Result<(), StoreError> {
        let generation = disk.generation.saturating_add(1);
        let text = record::write(generation, &book).map_err(|e| in_file(&self.path, e))?;
        if let Ok((before, _)) = replace::read_at_most(&self.path, limits::BANS_FILE) {
            replace::write(&self.previous, &before, store.path())?;
        }
        // Editors do not know the lock; what one saved in the meantime is not written over.
        if Version::at(&self.path) != disk.seen {
            return Err(StoreError::Changed { path: self.path.clone() });
        }
        replace::write(&self.path, text.as_bytes(), store.path())?;
        disk.seen = Version::at(&self.path);
        disk.settled = false;
        disk.generation = generation;
        disk.said = book;
        Ok(())
    }

    /// Takes over what somebody edited. Costs one `stat` where nobody did.
    pub fn refresh(&self) {
        let mut disk = match self.disk.try_lock() {
            Ok(disk) => disk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Somebody looks or writes just now.
            Err(TryLockError::WouldBlock) => return,
        };
        if Version::at(&self.path) != disk.seen || !disk.settled {
            // A fault is logged there, and nothing is changed.
            let _ = self.take_over(&mut disk);
        }
    }

    /// Why the bans in force are not those of the file, for the operator; none if they are.
    pub fn fault(&self) -> Option<String> {
        lock(&self.disk).fault.clone()
    }

    fn take_over(&self, disk: &mut Disk) -> Result<(), StoreError> {
        let now = Version::at(&self.path);
        let changed = now != disk.seen;
        disk.seen = now;
        disk.settled = now.is_none_or(|version| version.is_settled());
        match load(&self.path) {
            Ok(Some((generation, book, version))) => {
                disk.seen = Some(version);
                disk.settled = version.is_settled();
                disk.fault = None;
                self.adopt(disk, generation, book);
                Ok(())
            }
            // A file that is gone pardons nobody; the next one is whole again.
            Ok(None) => {
                disk.fault = None;
                Ok(())
            }
            Err(e) => {
                if changed || disk.fault.is_none() {
                    log::error!("{e}; the bans stay as they were until it is mended");
                }
                disk.fault = Some(e.to_string());
                Err(e)
            }
        }
    }

    fn adopt(&self, disk: &mut Disk, generation: u64, book: Book) {
        let changes = {
            let mut held = lock(&self.held);
            let changes = held.list.adopt(&disk.said, &book, self.now());
            for change in &changes {
                if let Change::Pardoned(who) = change {
                    held.tally.forget(who);
                }
            }
            changes
        };
        disk.generation = generation;
        disk.said = book;
        for change in changes {
            match change {
                Change::Banned(ban) => log::info!("{FILE}: {ban}"),
                Change::Pardoned(who) => log::info!("{FILE}: {} {who} is pardoned", who.kind()),
            }
        }
    }
}

type Loaded = (u64, Book, Version);

/// The file as it is; nothing if there is none.
fn load(path: &Path) -> Result<Option<Loaded>, StoreError> {
    match replace::read_at_most(path, limits::BANS_FILE) {
        Ok((bytes, version)) => {
            let (generation, book) = record::read(&bytes).map_err(|e| in_file(path, e))?;
            Ok(Some((generation, book, version)))
        }
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
