//! Which views a visitor has, who pays for what is stored in them, and that the ledger knows it.
//!
//! The disk is the truth: what a purse pays for is walked before anything changes there.
//! Never: decides who may come in.

use std::sync::{Arc, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use super::{HOUSEKEEPER, Opened, Opening, Presence, Site, WALK_AGAIN, lock};
use crate::accounts::{Account, AccountName};
use crate::audit::{Actor, Event, Verb};
use crate::error::{Error, Result};
use crate::mounts::Mounts;
use crate::quota::{Charge, Purse, Usage};
use crate::rights::Rights;
use crate::transfer::{Alive, Claim, Claimant};
use crate::vfs::{Payer, VPath, Vfs, View};

/// Claims a path for the housekeeper, if nobody else has it.
type Taker<'a> = dyn Fn(&VPath) -> Option<Vec<Claim>> + 'a;

impl Site {
    /// The mounts as they are now.
    pub fn mounts(&self) -> Arc<Mounts> {
        let is_account = |name: &str| self.accounts().account(name).is_some();
        let (now, before) = self.mounts.current(&is_account);
        if let Some(before) = before {
            self.settle_mounts(&before, &now);
        }
        now
    }

    /// Brings the ledger to what was mounted just now: limits, and what accounts store there.
    fn settle_mounts(&self, before: &Mounts, now: &Mounts) {
        for (volume, limit) in now.volumes() {
            // Without a size nothing can be stored; that is no unlimited room.
            self.ledger.set_limit(&Purse::mount(volume.name()), Some(limit.unwrap_or(0)));
            let is_new = !before.volumes().any(|(other, _)| Arc::ptr_eq(other, volume));
            if volume.payer() != Payer::Writer || !is_new {
                continue;
            }
            for account in self.accounts().iter() {
                let (name, purse) =
                    (account.name().as_str(), Purse::account(account.name().as_str()));
                if !self.ledger.knows(&purse) {
                    continue;
                }
                match volume.used_bytes(Some(name), &mut || Ok(())) {
                    Ok(used) => self.ledger.add(&purse, used),
                    Err(e) => {
                        log::error!("what {name} stores in {} is not known: {e}", volume.name())
                    }
                }
            }
        }
    }

    /// Opens an account's views and makes sure that the ledger knows its bytes. The disk is the
    /// truth: it is walked when nobody else uses the account and the last walk is old.
    ///
    /// The account is looked up when the walk is over, and `may` decides whether it may still come
    /// in: [`Error::LoginRefused`] if not. [`Error::Full`] if it has too many sessions: that is
    /// counted under the lock that makes it one of them. `alive` is called during the walk.
    pub fn open_views(
        &self,
        name: &AccountName,
        presence: &Presence,
        may: &dyn Fn(&Account) -> bool,
        alive: &mut Alive<'_>,
    ) -> Result<Opened> {
        let purse = Purse::account(name.as_str());
        let mounts = self.mounts();
        if let Some(mount) = mounts.through_home(name.as_str()) {
            let mount = &mount.name;
            log::error!("{name} cannot log in: others could change its home through [{mount}]");
            return Err(Error::LoginRefused);
        }
        let opening = self.opening(&purse);
        let mut walked = lock(&opening);
        let shared = self.home_in_use(name, Some(presence.id));
        let alone = shared.is_none();
        let home = match shared {
            Some(home) => home,
            None => View::open(&self.home, name.as_str())?,
        };
        let fresh = walked.is_some_and(|at| at.elapsed() < WALK_AGAIN);
        let mut used = None;
        if !self.ledger.knows(&purse) || (alone && !fresh) {
            let mut files = 0;
            used = Some(self.used_bytes(&home, &mounts, &mut || {
                files += 1;
                alive(files, 0)
            })?);
        }
        let accounts = self.accounts();
        let account = accounts.account(name.as_str()).filter(|account| may(account));
        let account = account.ok_or(Error::LoginRefused)?;
        let (limit, rights) = (account.quota_bytes, account.rights);
        if let Some(used) = used {
            self.ledger.open(&purse, limit, used);
            self.ledger.recount(&purse, used);
            *walked = Some(Instant::now());
        } else {
            self.ledger.set_limit(&purse, limit);
        }
        self.forget_old_mounts(&mounts, presence);
        let vfs = self.views(home, Some(name.as_str()), rights, &mounts)?;
        let mut online = lock(&self.online);
        let max = self.config().sessions_per_account;
        let others = online.iter().filter(|(id, _)| **id != presence.id);
        let own = others.filter(|(_, other)| other.user.as_ref().is_some_and(|u| u.0 == *name));
        if own.count() >= max {
            return Err(Error::Full { what: "sessions of one account", max: max as u64 });
        }
        if let Some(me) = online.get_mut(&presence.id) {
            me.user = Some((name.clone(), vfs.clone()));
        }
        drop(online);
        Ok(Opened { accounts, rights, mounts, vfs, purse })
    }

    fn opening(&self, purse: &Purse) -> Arc<Opening> {
        Arc::clone(lock(&self.openings).entry(purse.clone()).or_default())
    }

    /// Opens the views of a guest: a home that is only read, and what is mounted for guests.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] where the settings let no guests in, [`Error::Full`].
    pub fn open_guest(&self, presence: &Presence) -> Result<Opened> {
        if !self.config().guests {
            return Err(Error::LoginRefused);
        }
        let (name, rights, mounts) = (AccountName::guest(), Rights::READ, self.mounts());
        let shared = self.home_in_use(&name, Some(presence.id));
        let home = shared.map_or_else(|| View::open(self.home(), name.as_str()), Ok)?;
        let purse = Purse::account(name.as_str());
        // A guest stores nothing but in mounts that pay for themselves.
        self.ledger.open(&purse, Some(0), 0);
        let vfs = self.views(home, None, rights, &mounts)?;
        let mut online = lock(&self.online);
        let users = online.values().filter_map(|other| other.user.as_ref());
        let max = self.config().guest_sessions;
        if users.filter(|(name, _)| name.is_guest()).count() >= max {
            return Err(Error::Full { what: "guests", max: max as u64 });
        }
        if let Some(me) = online.get_mut(&presence.id) {
            me.user = Some((name, vfs.clone()));
        }
        Ok(Opened { accounts: self.accounts(), rights, mounts, vfs, purse })
    }

    /// The home of an account, where another of its sessions has it open, with its descriptors.
    fn home_in_use(&self, name: &AccountName, own: Option<u64>) -> Option<View> {
        let online = lock(&self.online);
        let mut others = online.iter().filter(|(id, _)| Some(**id) != own);
        others.find_map(|(_, other)| {
            let (whose, vfs) = other.user.as_ref()?;
            if whose == name { vfs.home().cloned() } else { None }
        })
    }

    /// The views of an account for who looks after it.
    pub fn views_of(&self, account: &Account) -> Result<Vfs> {
        let name = account.name();
        let shared = self.home_in_use(name, None);
        let home = shared.map_or_else(|| View::open(&self.home, name.as_str()), Ok)?;
        self.views(home, Some(name.as_str()), account.rights, &self.mounts())
    }

    /// The views of a guest for who looks after them; `None` where no guests are let in.
    pub fn views_of_guest(&self) -> Result<Option<Vfs>> {
        if !self.config().guests {
            return Ok(None);
        }
        let name = AccountName::guest();
        let shared = self.home_in_use(&name, None);
        let home = shared.map_or_else(|| View::open(&self.home, name.as_str()), Ok)?;
        self.views(home, None, Rights::READ, &self.mounts()).map(Some)
    }

    /// How an account's purse stands, here or not. One that the ledger does not know is walked, and
    /// the ledger does not hear of it: that is the login's.
    pub fn usage_of(&self, account: &Account, alive: &mut Alive<'_>) -> Result<Usage> {
        let name = account.name().as_str();
        let usage = match self.ledger.usage(&Purse::account(name)) {
            Some(usage) => usage,
            None => {
                let (home, mut files) = (View::open(&self.home, name)?, 0);
                let used_bytes = self.used_bytes(&home, &self.mounts(), &mut || {
                    files += 1;
                    alive(files, 0)
                })?;
                Usage { used_bytes, reserved_bytes: 0, limit_bytes: None }
            }
        };
        Ok(Usage { limit_bytes: account.quota_bytes, ..usage })
    }

    /// Takes an account's files away, for good. Nobody must use it any more.
    pub fn remove_files(&self, name: &AccountName) -> Result<()> {
        let purse = Purse::account(name.as_str());
        let opening = self.opening(&purse);
        let mut walked = lock(&opening);
        self.home.set_aside(name.as_str())?;
        self.ledger.forget(&purse);
        *walked = None;
        Ok(())
    }

    /// The table of a visitor's views: an account's name, or `None` for a guest.
    pub fn views(
        &self,
        home: View,
        account: Option<&str>,
        rights: Rights,
        mounts: &Mounts,
    ) -> Result<Vfs> {
        let mounted = mounts.views(account, home.account())?;
        Ok(Vfs::new(home.with(rights), mounted))
    }

    /// What an account stores: in its home, and under its name where the writer pays.
    fn used_bytes(
        &self,
        home: &View,
        mounts: &Mounts,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<u64> {
        let mut used = home.used_bytes(alive)?;
        for (volume, _) in mounts.volumes() {
            if volume.payer() == Payer::Writer {
                used = used.saturating_add(volume.used_bytes(Some(home.account()), alive)?);
            }
        }
        Ok(used)
    }

    /// When nobody else is here, what mounts store is counted anew after a while, in case somebody
    /// put files there without the server.
    ///
    /// The list of who is here is never held while a walk is waited for: that would keep everybody
    /// from coming in.
    fn forget_old_mounts(&self, mounts: &Mounts, presence: &Presence) {
        let purses = mounts.volumes().map(|(volume, _)| Purse::mount(volume.name()));
        let old: Vec<Purse> = purses.filter(|purse| self.was_walked_long_ago(purse)).collect();
        let online = lock(&self.online);
        if online.iter().any(|(id, other)| *id != presence.id && other.user.is_some()) {
            return;
        }
        // Under the lock, so that nobody comes in between and counts on what is forgotten.
        old.iter().for_each(|purse| self.ledger.forget(purse));
    }

    fn was_walked_long_ago(&self, purse: &Purse) -> bool {
        let opening = self.opening(purse);
        let walked = match opening.try_lock() {
            Ok(walked) => *walked,
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner(),
            // It is walked just now.
            Err(TryLockError::WouldBlock) => return false,
        };
        walked.is_some_and(|at| at.elapsed() >= WALK_AGAIN)
    }

    /// Who pays for what an account stores in a view. Before anything changes in a mount that pays
    /// for itself, the ledger must know it: so it is walked here when it is not known.
    pub fn purse(&self, view: &View, own: &Purse) -> Result<Purse> {
        let Some(volume) = view.volume().filter(|_| view.payer() == Payer::Itself) else {
            return Ok(own.clone());
        };
        let purse = Purse::mount(volume.name());
        if self.ledger.knows(&purse) {
            return Ok(purse);
        }
        let opening = self.opening(&purse);
        let mut walked = lock(&opening);
        if !self.ledger.knows(&purse) {
            let mounts = self.mounts.last();
            let limit = mounts.volumes().find(|(known, _)| Arc::ptr_eq(known, volume));
            // A mount that is gone, or has no size, stores nothing more.
            let limit = limit.and_then(|(_, limit)| limit).unwrap_or(0);
            let used = volume.used_bytes(None, &mut || {
                if self.is_stopping() { Err(Error::Stopping) } else { Ok(()) }
            })?;
            self.ledger.open(&purse, Some(limit), used);
            *walked = Some(Instant::now());
        }
        Ok(purse)
    }

    /// Removes the parts that nobody has touched for the time that the settings give them.
    pub fn expire_parts(&self) {
        let age = Duration::from_secs(self.config().part_days.saturating_mul(24 * 3600));
        let Some(before) = SystemTime::now().checked_sub(age) else { return };
        for account in self.home.accounts_with_parts() {
            let purse = Purse::account(&account);
            let key = |path: &VPath| [account.clone() + path.as_str()].into();
            self.expire(&purse, &account, &key, &|claim| {
                self.home.expire_parts(&account, before, claim)
            });
        }
        for (volume, _) in self.mounts.last().volumes() {
            for account in volume.accounts_with_parts() {
                let purse = match volume.payer() {
                    Payer::Itself => Purse::mount(volume.name()),
                    Payer::Owner | Payer::Writer => Purse::account(&account),
                };
                self.expire(&purse, &account, &|path| volume.part_keys(path, &account), &|claim| {
                    volume.expire_parts(&account, before, claim)
                });
            }
        }
    }

    /// Expires parts of one account in one root; whoever writes one has a claim on one of `keys`.
    fn expire(
        &self,
        purse: &Purse,
        account: &str,
        keys: &dyn Fn(&VPath) -> Vec<String>,
        expire: &dyn Fn(&Taker<'_>) -> u64,
    ) {
        let opening = self.opening(purse);
        // No walk between a removal and its credit: it would be credited twice.
        let _walks_wait = lock(&opening);
        let freed = expire(&|path| {
            let who = Claimant { by: HOUSEKEEPER, session: 0 };
            let take = |key: String| {
                let charge = Charge::open(&self.ledger, purse, 0);
                self.claims.take(&key, path.as_str(), who, charge).ok()
            };
            keys(path).into_iter().map(take).collect()
        });
        if freed > 0 {
            let expired = Event::new(Actor::server(), Verb::Expire);
            self.log().note(&Event { name: Some(account), bytes: Some(freed), ..expired });
            self.ledger.give_back(purse, freed);
        }
    }
}

#[cfg(test)]
mod tests;
