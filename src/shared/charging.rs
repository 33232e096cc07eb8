//! What is charged to whom, and that the ledger knows the disk before anything is charged.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Shared;
use super::counting::Root;
use crate::accounts::{Account, AccountName};
use crate::audit::{Actor, Event, Verb};
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::mounts::Mounts;
use crate::quota::{Charge, Charged, QuotaLimits, Usage};
use crate::transfer::{Alive, Claimant, credit};
use crate::vfs::{Claimed, Vfs, View, dropped_key, key};

/// Who claims the parts that expire, in the refusal that somebody may read; no account can have a
/// name with a blank.
const SWEEPER: &str = "the server";

impl Shared {
    /// The mounts as they are now, unless they have changed and cannot be read for want of
    /// descriptors or memory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn mounts_as_read(&self) -> Result<Arc<Mounts>> {
        let mounts = self.mounts();
        self.mounts.check_read()?;
        Ok(mounts)
    }

    /// The mounts as they are now.
    pub fn mounts(&self) -> Arc<Mounts> {
        let is_account = |name: &str| self.accounts().account(name).is_some();
        self.mounts.look(&is_account);
        let mut known = lock(&self.known_mounts);
        let now = self.mounts.last();
        if Arc::ptr_eq(&known, &now) {
            return now;
        }
        // Before anything can be stored there: what was changed through another mount is not in it.
        self.kept_counts.keep_only(std::iter::empty());
        self.settle_mounts(&mut known, &now);
        drop(known);
        // Who makes an account beside this server has to know of these even if the file says
        // something else by then.
        self.note_in_force();
        now
    }

    /// Has the ledger go by the mounts in force as the settings are now.
    pub(super) fn settle_mounts_again(&self) {
        self.settle_mounts(&mut lock(&self.known_mounts), &self.mounts.last());
    }

    /// Lets the ledger know what is mounted now, and who pays there.
    fn settle_mounts(&self, known: &mut Arc<Mounts>, now: &Arc<Mounts>) {
        for (volume, charge_rule, limits) in now.charging(self.config().storage.entries) {
            self.ledger.mount(volume.directory(), charge_rule, limits);
        }
        let is_gone = |id| now.volumes().all(|volume| volume.directory() != id);
        for id in known.volumes().map(|volume| volume.directory()) {
            if is_gone(id) {
                self.ledger.unmount(id);
            }
        }
        *known = Arc::clone(now);
    }

    /// Lets the ledger know how much these accounts may store, as the accounts and the settings in
    /// force have it by now: whoever asks may have looked earlier than somebody else.
    pub fn settle_limits<'a>(&self, names: impl IntoIterator<Item = &'a AccountName>) {
        let _known = lock(&self.known_mounts);
        let (accounts, config) = (self.store.last(), self.config());
        for account in names.into_iter().filter_map(|name| accounts.account(name.as_str())) {
            let entries = account.entries.limit(config.storage.entries);
            let limits = QuotaLimits { bytes: account.quota_bytes, entries };
            self.ledger.set_limits(account.name().as_str(), limits);
        }
    }

    /// What is charged for a file that is stored in a view of these. The figures of whoever pays
    /// are known when this returns; until they are, `alive` is called, and its error ends it.
    pub fn charged(&self, vfs: &Vfs, view: &View, alive: &mut Alive<'_>) -> Result<Charged> {
        let charged = view.charged();
        for id in self.ledger.uncounted(None, Some(&charged)) {
            self.await_count(id, vfs.home(), alive)?;
        }
        Ok(charged)
    }

    /// How an account stands, logged in or not.
    pub fn usage_of(&self, account: &Account, alive: &mut Alive<'_>) -> Result<Usage> {
        let (name, vfs) = (account.name().as_str(), self.views_of(account)?);
        if let Some(home) = vfs.home() {
            self.ledger.open_home(name, home.directory());
        }
        self.settle_limits([account.name()]);
        self.usage(name, &vfs, alive)
    }

    /// How the account stands whose views these are.
    pub fn usage(&self, name: &str, vfs: &Vfs, alive: &mut Alive<'_>) -> Result<Usage> {
        for id in self.ledger.uncounted(Some(name), None) {
            self.await_count(id, vfs.home(), alive)?;
        }
        let missing =
            Error::WrongState { what: "what this account stores is not known; try again" };
        self.ledger.usage(name).ok_or(missing)
    }

    /// Removes the parts that nobody has touched for the time that the settings give them.
    pub fn expire_parts(&self) {
        let age = Duration::from_secs(self.config().storage.part_days.saturating_mul(24 * 3600));
        let Some(before) = SystemTime::now().checked_sub(age) else { return };
        let accounts = self.accounts();
        for name in self.home.accounts_with_parts() {
            let Some(account) = accounts.account(&name) else {
                self.home.expire_left(&name, before);
                continue;
            };
            let home = self.views_of(account);
            let Some(home) = home.ok().and_then(|vfs| vfs.home().cloned()) else { continue };
            self.ledger.open_home(&name, home.directory());
            let root = Root::Home(home);
            self.expire(&root, &name, &|each| self.home.expire_parts(&name, before, each));
        }
        let mounts = self.mounts.last();
        let mounted: Vec<&str> = mounts.volumes().filter_map(|one| one.parts_name()).collect();
        self.home.expire_unmounted(&mounted, before);
        for volume in mounts.volumes() {
            for name in volume.accounts_with_parts() {
                let root = Root::Mounted(Arc::clone(volume));
                self.expire(&root, &name, &|each| volume.expire_parts(&name, before, each));
            }
        }
    }

    /// Expires parts of one account in one root, each under a claim.
    fn expire(&self, root: &Root, account: &str, expire: &dyn Fn(&Claimed<'_>)) {
        let (charged, home) = match root {
            Root::Home(view) => (view.charged(), Some(view)),
            Root::Mounted(volume) => (volume.charged(account), None),
        };
        let freed = Cell::new(0_u64);
        expire(&|path, drop_part| {
            // Only now, so that nobody's home is counted for parts that stay.
            self.await_count(charged.directory, home, &mut |_, _| self.check_running())?;
            let who = Claimant { by: SWEEPER, session: 0, is_stream: false };
            let key = key(charged.directory, path);
            let take = |key: &str| {
                let charge = Charge::open(&self.ledger, &charged)?;
                self.claims.take(key, path.as_str(), who, charge)
            };
            // Whoever writes the part has one of them.
            let claims = (take(&key)?, take(&dropped_key(&key, account))?);
            let dropped = drop_part()?;
            freed.set(freed.get().saturating_add(dropped.bytes));
            credit(&self.ledger, &charged, dropped);
            drop(claims);
            Ok(())
        });
        if freed.get() > 0 {
            let expired = Event::new(Actor::server(), Verb::Expire);
            self.log().note(&Event { name: Some(account), bytes: Some(freed.get()), ..expired });
        }
    }
}
