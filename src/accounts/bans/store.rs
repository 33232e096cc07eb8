//! The bans in force, kept in step with conf/bans.ini, which the server and people write, and the
//! attempts that wait for their turn.
//!
//! Never: holds the lock that logins wait for over I/O; writes for a failed login that bans nobody,
//! or over a file with a fault or an edit that it has not taken over.
//! Invariant: a ban or a pardon by hand that was reported as done is on the disk.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::list::BansByTarget;
use super::tally::{FailedAttempt, FailureKey};
use super::{
    ActiveBan, Applicant, AttemptQueue, Ban, BanRules, BanTarget, Clocks, Familiar, List, Network,
    Tally, Ticket, record,
};
use crate::accounts::{AccountName, AccountStore, StoreError, check_reason};
use crate::admission;
use crate::conffile::{FileError, Lock, ParseErrors, Watched, previous_of};
use crate::error::{Banned, Error, Result};
use crate::limits;
use crate::lock::lock;
use crate::text::{Moment, Span};

/// The file's name in the folder of settings.
const FILE: &str = "bans.ini";
/// Why, for a ban by hand: the reason is between the admin and the file.
const BY_HAND: &str = "the administrator said so";

/// What the file says, with its generation.
type BanFile = (u64, BansByTarget);

/// The bans and attempts; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct Bans {
    file: Watched<BanFile>,
    familiar: Familiar,
    begun: Instant,
    held: Mutex<LoginState>,
    /// When it was written last.
    saved: Mutex<Option<Instant>>,
}

/// What logins look at.
#[derive(Debug, Default)]
struct LoginState {
    list: List,
    tally: Tally,
    turns: AttemptQueue,
    /// What the file said when it was taken over last.
    file_now: Arc<BanFile>,
}

/// An attempt to log in: as which name, which may be none, and from where.
#[derive(Clone, Copy, Debug)]
pub struct LoginAttempt<'a> {
    /// The name.
    pub name: &'a str,
    /// Whether an account has it.
    pub known: bool,
    /// Whether the account has logged in from that network lately.
    pub familiar: bool,
    /// The address.
    pub from: IpAddr,
}

/// An attempt that waits for its turn, or has it until this is dropped. What came of it is counted
/// before that.
#[derive(Debug)]
pub struct AttemptGuard<'a> {
    bans: &'a Bans,
    /// `None` for a name that no account can have.
    waits: Option<(FailureKey, u64)>,
}

impl AttemptGuard<'_> {
    /// Begins if it is its turn.
    ///
    /// # Errors
    /// How long it is to wait until it asks again.
    pub fn begin(&self, rules: &BanRules) -> std::result::Result<(), Duration> {
        let Some((key, number)) = &self.waits else { return Ok(()) };
        let mut held = lock(&self.bans.held);
        let now = self.bans.now().steady;
        let LoginState { tally, turns, .. } = &mut *held;
        turns.begin(key, *number, tally, rules, now)
    }
}

impl Drop for AttemptGuard<'_> {
    fn drop(&mut self) {
        if let Some((key, number)) = &self.waits {
            let mut held = lock(&self.bans.held);
            let now = self.bans.now().steady;
            held.turns.leave(key, *number, now);
        }
    }
}

impl Bans {
    /// The bans of this folder. A file with a mistake is logged, and the generation before it
    /// counts until it is fixed: nobody is let in, and no server stopped, by a slip of an editor.
    pub fn open(conf: &Path) -> Bans {
        let (path, stays) = (conf.join(FILE), "the bans stay as they were");
        let file = Watched::new(path.clone(), limits::BANS_FILE, stays);
        let (begun, held, saved) = (Instant::now(), Mutex::default(), Mutex::default());
        let bans = Bans { file, familiar: Familiar::open(conf), begun, held, saved };
        bans.refresh();
        if bans.file.error().is_some() {
            if let Some(before) = bans.file.previous(record::read) {
                log::error!("going on with {}", previous_of(&path).display());
                bans.file.put(BanFile::clone(&before));
                bans.take_over();
            }
        }
        bans
    }

    fn now(&self) -> Clocks {
        Clocks { steady: self.begun.elapsed(), wall_secs: Moment::now().0 }
    }

    /// Refuses who comes from a banned address.
    ///
    /// # Errors
    /// [`Error::Banned`].
    pub fn check_address(&self, from: IpAddr) -> Result<()> {
        BanTarget::address(from).map_or(Ok(()), |target| self.check(&target, Banned::Address))
    }

    /// Refuses who would log in as a banned account.
    ///
    /// # Errors
    /// [`Error::Banned`].
    pub fn check_account(&self, name: &str) -> Result<()> {
        let target = AccountName::parse(name).map(BanTarget::Account);
        target.map_or(Ok(()), |target| self.check(&target, Banned::Account))
    }

    fn check(&self, target: &BanTarget, what: Banned) -> Result<()> {
        let held = lock(&self.held);
        match held.list.seen(target, self.now()) {
            None => Ok(()),
            Some(ActiveBan { ban, left_secs }) => {
                let why = if ban.by.is_some() { BY_HAND.to_owned() } else { ban.why };
                Err(Error::Banned { what, why, left_secs })
            }
        }
    }

    /// An attempt that is to be made; it waits for its turn first. Made again with the same ticket
    /// it has the place in line that it had.
    pub fn attempt(&self, guess: &LoginAttempt<'_>, ticket: Ticket) -> AttemptGuard<'_> {
        let LoginAttempt { name, familiar, from, .. } = *guess;
        let applicant = Applicant { from, familiar, ticket };
        let key = AccountName::parse(name).map(|name| (name, Network::of(from)));
        let enter = |key: FailureKey| {
            let mut held = lock(&self.held);
            let now = self.now().steady;
            let number = held.turns.enter(key.clone(), &applicant, now);
            (key, number)
        };
        AttemptGuard { bans: self, waits: key.map(enter) }
    }

    /// Counts a failed login, and bans its address if that failed too often. Gives the larger of
    /// the two counts.
    pub fn failed(&self, rules: &BanRules, guess: &LoginAttempt<'_>) -> u32 {
        let LoginAttempt { name, known, familiar, from } = *guess;
        let name = AccountName::parse(name);
        let mut held = lock(&self.held);
        let now = self.now();
        let LoginState { list, tally, .. } = &mut *held;
        let failure = FailedAttempt { at: now.steady, name, known, familiar, from };
        let counts = tally.failed(failure, rules);
        let mut imposed = None;
        if let Some(target) =
            BanTarget::address(from).filter(|_| counts.address >= rules.address_after)
        {
            let (count, within) = (counts.address, Span(rules.within.as_secs()));
            let why = format!("{count} failed logins within {within}");
            tally.begin_again(admission::network(from));
            imposed = list.impose(&target, why, rules.first, now, !counts.address_knows_one);
        }
        drop(held);
        if let Some(ban) = imposed {
            log::warn!("{ban}");
        }
        counts.account.max(counts.address)
    }

    /// A login succeeded: its account's failures from this address are forgiven to the address, and
    /// its network is familiar to the account from now on.
    pub fn succeeded(&self, name: &AccountName, from: IpAddr) {
        lock(&self.held).tally.succeeded(name, from);
        self.familiar.note(name, Network::of(from), self.now().wall_secs);
    }

    /// Whether an account has logged in from a network lately.
    pub fn is_familiar(&self, name: &str, network: Network) -> bool {
        let name = AccountName::parse(name);
        name.is_some_and(|name| self.familiar.has(&name, network, self.now().wall_secs))
    }

    /// How many accounts have logged in from a network lately.
    pub fn accounts_in(&self, network: Network) -> usize {
        self.familiar.accounts_in(network)
    }

    /// The bans in force.
    pub fn in_force(&self) -> Vec<ActiveBan> {
        let (held, now) = (lock(&self.held), self.now());
        held.list.in_force(now).collect()
    }

    /// What is banned by hand, whose sessions end.
    pub fn by_hand(&self) -> Vec<BanTarget> {
        let by_hand = self.in_force().into_iter().filter(|seen| seen.ban.by.is_some());
        by_hand.map(|seen| seen.ban.target).collect()
    }

    /// Bans by hand for so many seconds, or for ever, unless `check` refuses it, which is asked
    /// while nobody else changes accounts or bans.
    ///
    /// # Errors
    /// Those of `check`; [`Error::TooMany`], [`StoreError::Refused`] for a reason that cannot be
    /// kept; a file with a fault, and what the system refuses.
    pub fn ban(
        &self,
        store: &AccountStore,
        (target, secs): (BanTarget, Option<u64>),
        by: &str,
        why: &str,
        check: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let why = check_reason(why)?;
        let now = self.now();
        let until = |secs: u64| now.wall_secs.saturating_add(i64::try_from(secs).unwrap_or(0));
        let ban = Ban {
            target,
            since_secs: now.wall_secs,
            until_secs: secs.map(until),
            times: 1,
            by: Some(by.to_owned()),
            why: why.to_owned(),
        };
        let lock_file = store.lock(limits::LOCK_WAIT)?;
        check()?;
        self.change(&lock_file, |list| {
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
    pub fn pardon(&self, store: &AccountStore, target: &BanTarget) -> Result<(), StoreError> {
        let now = self.now();
        lock(&self.held).tally.forget(target);
        self.change(&store.lock(limits::LOCK_WAIT)?, |list| {
            let is_banned = list.seen(target, now).is_some();
            list.remove(target);
            if is_banned { Ok(()) } else { Err(StoreError::NotBanned(target.clone())) }
        })
    }

    /// Makes one change on the disk, and then in memory.
    fn change(
        &self,
        lock_file: &Lock,
        change: impl Fn(&mut List) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write(lock_file, &change)?;
        // Whatever was counted meanwhile stays. If another look has taken the change over from the
        // file already, there is nothing left to do.
        let _ = change(&mut lock(&self.held).list);
        self.take_over();
        Ok(())
    }

    /// Writes the automatic bans and the logins that their files do not know, unless they were
    /// written just now. It waits for nobody who writes a file in the folder: the next look comes
    /// soon.
    pub fn save(&self, store: &AccountStore) {
        let is_fresh = lock(&self.saved).is_some_and(|at| at.elapsed() < limits::BANS_PAUSE);
        if !is_fresh {
            self.save_within(store, Duration::ZERO);
        }
    }

    /// Writes it before the server leaves, whenever it was written last.
    pub fn save_last(&self, store: &AccountStore) {
        self.save_within(store, limits::LOCK_WAIT_LAST);
    }

    fn save_within(&self, store: &AccountStore, wait: Duration) {
        *lock(&self.saved) = Some(Instant::now());
        let networks = self.familiar.save(store, wait, self.now().wall_secs);
        for (written, what) in [(self.save_list(store, wait), "bans"), (networks, "networks")] {
            match written {
                // Whoever is at it may be long, and may be this server.
                Err(StoreError::File(FileError::Locked { .. })) if wait.is_zero() => {}
                Err(e) => log::error!("{e}; the {what} count and are not kept yet"),
                Ok(()) => {}
            }
        }
    }

    fn save_list(&self, store: &AccountStore, wait: Duration) -> Result<(), StoreError> {
        let held = lock(&self.held);
        if !held.list.is_news_to(&held.file_now.1) {
            return Ok(());
        }
        drop(held);
        let lock_file = store.lock(wait)?;
        self.write(&lock_file, &|list| {
            list.forget_old(self.now());
            Ok(())
        })?;
        self.take_over();
        Ok(())
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
    pub fn mistake(&self) -> Option<String> {
        self.file.error().map(|error| error.to_string())
    }

    /// A file that is gone pardons nobody; the next one is whole again.
    fn read(&self, bytes: Option<&[u8]>) -> Result<BanFile, ParseErrors> {
        bytes.map_or_else(|| Ok(BanFile::clone(&self.file.last())), record::read)
    }

    /// Brings what logins look at to what the file said last.
    fn take_over(&self) {
        let mut held = lock(&self.held);
        let (now, file_now) = (self.now(), self.file.last());
        if Arc::ptr_eq(&held.file_now, &file_now) {
            return;
        }
        let LoginState { list, tally, file_now: before, .. } = &mut *held;
        let (banned, pardoned) = list.adopt(&before.1, &file_now.1, now);
        pardoned.iter().for_each(|target| tally.forget(target));
        *before = file_now;
        drop(held);
        banned.iter().for_each(|ban| log::info!("{FILE}: {ban}"));
        pardoned
            .iter()
            .for_each(|target| log::info!("{FILE}: {} {target} is pardoned", target.kind()));
    }
}
