//! The bans in force, kept in step with conf/bans.ini, which the server and people write.
//!
//! Never: holds the lock that logins wait for over I/O; writes for a failed login that bans nobody,
//! or over a file with a fault or an edit that it has not taken over.
//! Invariant: a ban or a pardon by hand that was told to be done is on the disk.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::list::Book;
use super::{Ban, List, Now, Rules, Seen, Tally, Who, record};
use crate::accounts::{AccountName, Store, StoreError, check_reason};
use crate::conffile::{FileError, Lock, ParseErrors, Watched, previous_of};
use crate::error::{Banned, Error, Result};
use crate::limits;
use crate::text::{Moment, Span};

/// The file's name in the folder of settings.
const FILE: &str = "bans.ini";
/// Why, for who is banned by hand: the reason is between the admin and the file.
const BY_HAND: &str = "the administrator said so";

/// What is said of a banned name that no account has.
const NOBODY: &str = "a name that no account has is banned for a while";

/// What the file says, with its generation.
type Said = (u64, Book);

/// See the module; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Bans {
    file: Watched<Said>,
    begun: Instant,
    held: Mutex<Held>,
    /// When it was written last.
    saved: Mutex<Option<Instant>>,
}

/// What logins look at.
#[derive(Debug, Default)]
struct Held {
    list: List,
    tally: Tally,
    /// What the file said when it was taken over last.
    said: Arc<Said>,
}

/// Everything under the locks is assigned in whole fields, each of which is right by itself, so
/// poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bans {
    /// The bans of this folder. A file with a mistake is logged, and the generation before it
    /// counts until it is fixed: nobody is let in, and no server stopped, by a slip of an editor.
    pub fn open(conf: &Path) -> Bans {
        let (path, stays) = (conf.join(FILE), "the bans stay as they were");
        let file = Watched::new(path.clone(), limits::BANS_FILE, stays);
        let (begun, held, saved) = (Instant::now(), Mutex::default(), Mutex::default());
        let bans = Bans { file, begun, held, saved };
        bans.refresh();
        if bans.file.error().is_some() {
            if let Some(before) = bans.file.previous(record::read) {
                log::error!("going on with {}", previous_of(&path).display());
                bans.file.put(Said::clone(&before));
                bans.take_over();
            }
        }
        bans
    }

    fn now(&self) -> Now {
        Now { steady: self.begun.elapsed(), wall_secs: Moment::now().0 }
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
        match held.list.seen(who, self.now()) {
            None => Ok(()),
            Some(Seen { ban, left_secs }) => {
                let why = if ban.by.is_some() { BY_HAND.to_owned() } else { ban.why };
                Err(Error::Banned { what, why, left_secs })
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
        let Held { list, tally, .. } = &mut *held;
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
                Some(ban) => imposed.push(ban.to_string()),
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
        held.list.in_force(now).collect()
    }

    /// What is banned by hand, whose sessions end.
    pub fn by_hand(&self) -> Vec<Who> {
        let by_hand = self.in_force().into_iter().filter(|seen| seen.ban.by.is_some());
        by_hand.map(|seen| seen.ban.who).collect()
    }

    /// Bans by hand for so many seconds, or for ever.
    ///
    /// # Errors
    /// [`Error::TooMany`], [`StoreError::Refused`] for a reason that cannot be kept; a file with
    /// a fault, and what the system refuses.
    pub fn ban(
        &self,
        store: &Store,
        who: Who,
        secs: Option<u64>,
        by: &str,
        why: &str,
    ) -> Result<(), StoreError> {
        let why = check_reason(why)?;
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
            let (what, max) = ("bans by hand", limits::BANS as u64);
            let too_many = list.by_hand() > limits::BANS;
            if too_many { Err(Error::TooMany { what, max }.into()) } else { Ok(()) }
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
            let is_banned = list.seen(who, now).is_some();
            list.remove(who);
            if is_banned { Ok(()) } else { Err(StoreError::NotBanned(who.clone())) }
        })
    }

    /// Makes one change on the disk, and then in memory.
    fn change(
        &self,
        store: &Store,
        change: impl Fn(&mut List) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let lock_file = store.lock(limits::LOCK_WAIT)?;
        self.write(&lock_file, &change)?;
        // Whatever was counted meanwhile stays. If another look has taken the change over from the
        // file already, there is nothing left to do.
        let _ = change(&mut lock(&self.held).list);
        self.take_over();
        Ok(())
    }

    /// Writes the automatic bans that the file does not know, unless it was written just now. It
    /// waits for nobody who writes a file in the folder: the next look comes soon.
    pub fn save(&self, store: &Store) {
        let is_fresh = lock(&self.saved).is_some_and(|at| at.elapsed() < limits::BANS_PAUSE);
        if !is_fresh {
            self.save_within(store, Duration::ZERO);
        }
    }

    /// The same before the server leaves, whenever it was written last.
    pub fn save_last(&self, store: &Store) {
        self.save_within(store, limits::LOCK_WAIT_LAST);
    }

    fn save_within(&self, store: &Store, wait: Duration) {
        let held = lock(&self.held);
        if !held.list.is_news_to(&held.said.1) {
            return;
        }
        drop(held);
        *lock(&self.saved) = Some(Instant::now());
        let written = store.lock(wait).map_err(StoreError::from).and_then(|lock_file| {
            self.write(&lock_file, &|list| {
                list.forget_old(self.now());
                Ok(())
            })
        });
        match written {
            Ok(()) => self.take_over(),
            // Whoever is at it may be long, and may be this server.
            Err(StoreError::File(FileError::Locked { .. })) if wait.is_zero() => {}
            Err(e) => log::error!("{e}; the bans count and are not kept yet"),
        }
    }

    /// Writes what is in memory, with a change.
    fn write(
        &self,
        lock_file: &Lock,
        change: &dyn Fn(&mut List) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let read = |bytes: Option<&[u8]>| self.read(bytes);
        self.file.edit(lock_file, (&read, record::write), &|(generation, _)| {
            // What somebody edited first is not written over.
            self.take_over();
            let mut list = lock(&self.held).list.clone();
            change(&mut list)?;
            Ok(((generation.saturating_add(1), list.book()), ()))
        })
    }

    /// Takes over what somebody edited. Costs one `stat` where nobody did.
    pub fn refresh(&self) {
        self.file.look(&|bytes| self.read(bytes));
        self.take_over();
    }

    /// Why the bans in force are not those of the file, for the operator; none if they are.
    pub fn fault(&self) -> Option<String> {
        self.file.error().map(|error| error.to_string())
    }

    /// A file that is gone pardons nobody; the next one is whole again.
    fn read(&self, bytes: Option<&[u8]>) -> Result<Said, ParseErrors> {
        bytes.map_or_else(|| Ok(Said::clone(&self.file.last())), record::read)
    }

    /// Brings what logins look at to what the file said last.
    fn take_over(&self) {
        let mut held = lock(&self.held);
        let (now, said) = (self.now(), self.file.last());
        if Arc::ptr_eq(&held.said, &said) {
            return;
        }
        let Held { list, tally, said: before, .. } = &mut *held;
        let (banned, pardoned) = list.adopt(&before.1, &said.1, now);
        pardoned.iter().for_each(|who| tally.forget(who));
        *before = said;
        drop(held);
        banned.iter().for_each(|ban| log::info!("{FILE}: {ban}"));
        pardoned.iter().for_each(|who| log::info!("{FILE}: {} {who} is pardoned", who.kind()));
    }
}
