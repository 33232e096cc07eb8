//! Everything that a user can do, as methods. It knows nothing of frames, reply codes or sockets.
//!
//! A session belongs to its connection's thread; what is shared stands in [`Site`].
//! Invariant: no method but those of the login does anything before a login succeeded, and every
//! path goes through [`VPath::join`] and the account's own [`Vfs`].

mod content;
mod login;

use std::net::IpAddr;
use std::sync::Arc;

use self::login::Exchange;
use crate::accounts::{AccountName, Accounts, State};
use crate::error::{Error, Result};
use crate::quota::{Charge, Purse};
use crate::site::{Presence, Site};
use crate::transfer::Claimant;
use crate::vfs::Vfs;

pub use self::content::Wanted;
pub use crate::quota::Usage;
pub use crate::transfer::{Alive, Inflow, Start, Stored};
pub use crate::vfs::{Entry, Kind, Listing, Mtime, PartNote, Source, VPath};

/// See the module.
#[derive(Debug)]
pub struct Session {
    presence: Presence,
    exchange: Option<Exchange>,
    user: Option<User>,
    tries: u32,
}

/// Who is logged in.
#[derive(Debug)]
struct User {
    name: AccountName,
    accounts: Arc<Accounts>,
    vfs: Vfs,
    purse: Purse,
    cwd: VPath,
}

impl Session {
    /// A session of somebody unknown.
    pub fn new(presence: Presence) -> Session {
        Session { presence, exchange: None, user: None, tries: 0 }
    }

    /// What all sessions share.
    pub fn site(&self) -> &Arc<Site> {
        self.presence.site()
    }

    /// Who is logged in.
    pub fn account(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
    }

    /// Who is at the other end.
    pub fn peer(&self) -> IpAddr {
        self.presence.peer
    }

    /// `alex@127.0.0.1`, for the log.
    pub fn who(&self) -> String {
        format!("{}@{}", self.account().unwrap_or("?"), self.presence.peer)
    }

    /// Lets an edit of the account store count: called at every command.
    pub fn refresh(&mut self) -> Result<()> {
        let site = Arc::clone(self.site());
        let Some(user) = &mut self.user else { return Ok(()) };
        let now = site.accounts();
        if Arc::ptr_eq(&now, &user.accounts) {
            return Ok(());
        }
        match now.account(user.name.as_str()) {
            Some(account) if account.state == State::Active => {
                site.ledger().set_limit(&user.purse, account.quota_bytes);
                user.accounts = now;
                Ok(())
            }
            _ => Err(Error::AccountClosed),
        }
    }

    fn user(&self) -> Result<&User> {
        self.user.as_ref().ok_or(Error::NeedLogin)
    }

    fn at(&self, path: &str) -> Result<(&User, VPath)> {
        let user = self.user()?;
        Ok((user, user.cwd.join(path)?))
    }

    /// The current folder.
    pub fn cwd(&self) -> Result<&VPath> {
        Ok(&self.user()?.cwd)
    }

    /// Changes the current folder and returns it. Above the root there is nothing: `cd ..` there
    /// is refused and changes nothing.
    pub fn cd(&mut self, path: &str) -> Result<&VPath> {
        let user = self.user.as_mut().ok_or(Error::NeedLogin)?;
        if user.cwd.climbs_out(path) {
            return Err(Error::Denied { path: path.to_string() });
        }
        let to = user.cwd.join(path)?;
        user.vfs.check_folder(&to)?;
        user.cwd = to;
        Ok(&user.cwd)
    }

    /// Where a path leads from the current folder; nothing is looked at.
    pub fn resolve(&self, path: &str) -> Result<VPath> {
        Ok(self.at(path)?.1)
    }

    /// Sets a file's time.
    pub fn set_mtime(&self, path: &str, mtime: Mtime) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.set_mtime(&path, mtime)
    }

    /// The entries of a folder, one by one, in no order.
    pub fn list(&self, path: &str) -> Result<Listing> {
        let (user, path) = self.at(path)?;
        user.vfs.list(&path)
    }

    /// One entry, and for a file its version.
    pub fn stat(&self, path: &str) -> Result<(Entry, u64)> {
        let (user, path) = self.at(path)?;
        let entry = user.vfs.stat(&path)?;
        let version = match entry.kind {
            Kind::File => user.vfs.source(&path)?.version(),
            _ => 0,
        };
        Ok((entry, version))
    }

    /// Makes a folder, and with `parents` those above it that are missing.
    pub fn mkdir(&self, path: &str, parents: bool) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.mkdir(&path, parents)
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        user.vfs.rmdir(&path)
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        let freed = user.vfs.remove(&path)?;
        self.site().ledger().give_back(&user.purse, freed);
        log::info!("{} removed {path}: {freed} bytes", self.who());
        Ok(())
    }

    /// Removes a file or a folder with all that it holds.
    pub fn remove_tree(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let (user, path) = self.at(path)?;
        let ledger = self.site().ledger();
        let mut removed = 0u64;
        let result = user.vfs.remove_tree(&path, &mut |freed| {
            ledger.give_back(&user.purse, freed);
            removed += 1;
            alive(removed, 0)
        });
        if removed > 0 {
            log::info!("{} removed {path}: {removed} entries", self.who());
        }
        result
    }

    /// Renames or moves; `replace` lets it replace a file.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let freed = user.vfs.rename(&from, &to, replace)?;
        self.site().ledger().give_back(&user.purse, freed);
        Ok(())
    }

    /// Bytes used, promised and allowed.
    pub fn usage(&self) -> Result<Usage> {
        let user = self.user()?;
        let missing = Error::WrongState { what: "the ledger does not know this account" };
        self.site().ledger().usage(&user.purse).ok_or(missing)
    }

    /// Bytes that the account could still store, as the quota and the disk stand.
    pub fn free_bytes(&self) -> Result<u64> {
        let disk = self.user()?.vfs.free_bytes()?.saturating_sub(self.site().min_free_bytes());
        let usage = self.usage()?;
        let taken = usage.used_bytes.saturating_add(usage.reserved_bytes);
        Ok(usage.limit_bytes.map_or(disk, |limit| disk.min(limit.saturating_sub(taken))))
    }

    /// Calls `seen` with each of the account's unfinished uploads; its error ends the listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        self.user()?.vfs.parts(seen)
    }

    /// Removes the unfinished upload of a path.
    pub fn forget(&self, path: &str) -> Result<()> {
        let (user, path) = self.at(path)?;
        let by = user.purse.as_str();
        let key = format!("{by}{}", path.as_str());
        let who = Claimant { by, session: self.presence.id() };
        let charge = Charge::open(self.site().ledger(), &user.purse, 0);
        let claim = self.site().claims().take(&key, path.as_str(), who, charge)?;
        let mut claim = claim.hold()?;
        let held = user.vfs.part_held(&path)?;
        claim.charge().adopt(held.ok_or(Error::NotFound { path: path.as_str().to_string() })?);
        user.vfs.drop_part(&path)?;
        claim.charge().settle(0);
        Ok(())
    }
}
