//! Which views of the disk a session has.
//!
//! Never: waits long for a count of what is stored (see [`crate::limits::COUNT_PATIENCE`]); whoever
//! needs the figures waits for them.

use super::online::OnlineEntry;
use super::{OpenedAccount, Presence, Shared};
use crate::accounts::{Account, AccountName};
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::mounts::Mounts;
use crate::rights::Rights;
use crate::transfer::Alive;
use crate::vfs::{Vfs, View};

impl Shared {
    /// Opens an account's views, and begins to count what it stores where that is not known.
    ///
    /// `may` decides whether the account may come in as it is now: [`Error::LoginRefused`] if not.
    /// [`Error::Full`] if it has too many sessions: that is counted under the lock that makes it
    /// one of them.
    pub fn open_views(
        &self,
        name: &AccountName,
        presence: &Presence,
        may: &dyn Fn(&Account) -> bool,
        alive: &mut Alive<'_>,
    ) -> Result<OpenedAccount> {
        let mounts = self.mounts();
        self.check_home(name, &mounts)?;
        let home = self.home_of(name, Some(presence.id))?;
        let accounts = self.accounts();
        let account = accounts.account(name.as_str()).filter(|account| may(account));
        let account = account.ok_or(Error::LoginRefused)?;
        self.ledger.open_home(name.as_str(), home.directory());
        self.settle_limits([name]);
        let rights = account.rights;
        let vfs = self.views(home.clone(), Some(name.as_str()), rights, &mounts)?;
        self.begin_counts(name.as_str(), &vfs, alive)?;
        let max = self.config().server.sessions_per_account;
        self.enter(presence, name, home, ("sessions of one account", max))?;
        Ok(OpenedAccount { accounts, rights, mounts, vfs })
    }

    /// Makes a connection one of the sessions of `name`, unless there are `max` others.
    fn enter(
        &self,
        presence: &Presence,
        name: &AccountName,
        home: View,
        (what, max): (&'static str, usize),
    ) -> Result<()> {
        let mut online = lock(&self.online);
        presence.ending().check()?;
        let others = online.iter().filter(|(id, _)| **id != presence.id);
        let own = others.filter(|(_, other)| other.connection.account.as_ref() == Some(name));
        if own.count() >= max {
            return Err(Error::Full { what, max: max as u64 });
        }
        if let Some(me) = online.get_mut(&presence.id) {
            (me.connection.account, me.home) = (Some(name.clone()), Some(home));
        }
        Ok(())
    }

    /// Opens the views of a guest: a home that is only read, and what is mounted for guests.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] where the settings let no guests in, [`Error::Full`].
    pub fn open_guest(&self, presence: &Presence) -> Result<OpenedAccount> {
        if !self.config().guests.anonymous {
            return Err(Error::LoginRefused);
        }
        let (name, rights, mounts) = (AccountName::guest(), Rights::READ, self.mounts());
        let home = self.home_of(&name, Some(presence.id))?;
        let vfs = self.views(home.clone(), None, rights, &mounts)?;
        self.enter(presence, &name, home, ("guests", self.config().guests.sessions))?;
        Ok(OpenedAccount { accounts: self.accounts(), rights, mounts, vfs })
    }

    /// The home of an account: with the descriptors of another session but `own`, if one has open
    /// what the directory of homes has under the name.
    fn home_of(&self, name: &AccountName, own: Option<u64>) -> Result<View> {
        // The sessions of an account share one, and a second one where somebody moved the first.
        let mut others: Vec<View> = Vec::new();
        for other in lock(&self.online).values() {
            let OnlineEntry { connection, home: Some(home), .. } = &**other else { continue };
            let is_other = Some(connection.id) != own && connection.account.as_ref() == Some(name);
            if is_other && !others.iter().any(|known| known.shares_root(home)) {
                others.push(home.clone());
            }
        }
        let shared = others.into_iter().find(View::is_in_place);
        shared.map_or_else(|| View::open(&self.home, name.as_str()), Ok)
    }

    /// The home that there is now under the name of a session's account, if it is not `home` any
    /// more, which the session has open. None is made: whoever moved the old one away may be about
    /// to put another one there.
    ///
    /// # Errors
    /// [`Error::Home`] where there is none; what the system refuses.
    pub fn home_again(
        &self,
        name: &AccountName,
        presence: &Presence,
        home: &View,
    ) -> Result<Option<View>> {
        if home.is_in_place() {
            return Ok(None);
        }
        home.check_name()?;
        let now = self.home_of(name, Some(presence.id))?;
        if !name.is_guest() {
            self.ledger.open_home(name.as_str(), now.directory());
        }
        if let Some(me) = lock(&self.online).get_mut(&presence.id) {
            me.home = Some(now.clone());
        }
        Ok(Some(now))
    }

    /// The views of an account for whoever looks after it.
    pub fn views_of(&self, account: &Account) -> Result<Vfs> {
        let home = self.home_of(account.name(), None)?;
        self.views(home, Some(account.name().as_str()), account.rights, &self.mounts())
    }

    /// The views of a guest for whoever looks after them; `None` where no guests are let in.
    pub fn views_of_guest(&self) -> Result<Option<Vfs>> {
        if !self.config().guests.anonymous {
            return Ok(None);
        }
        let home = self.home_of(&AccountName::guest(), None)?;
        self.views(home, None, Rights::READ, &self.mounts()).map(Some)
    }

    /// The table of a visitor's views: an account's name, or `None` for a guest.
    pub fn views(
        &self,
        home: View,
        account: Option<&str>,
        rights: Rights,
        mounts: &Mounts,
    ) -> Result<Vfs> {
        let mounted = mounts.of(account).map(|(mount, volume)| {
            let view = View::mounted(volume, home.account(), &mount.at, mount.rights)?;
            Ok(if account.is_some() { view } else { view.without_parts() })
        });
        let mounted = mounted.collect::<Result<_>>()?;
        Ok(Vfs::new(home.with(rights), mounted))
    }
}
