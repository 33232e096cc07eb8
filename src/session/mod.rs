//! Everything that a user can do, as methods. It knows nothing of frames, reply codes or sockets.
//!
//! A session belongs to its connection's thread; what is shared stands in [`Site`].
//! Invariant: no method but those of the login does anything before a login succeeded, and every
//! path goes through [`VPath::join`] and the account's own [`Vfs`].

mod content;
mod login;
mod noted;
mod people;
mod why;

use std::net::IpAddr;
use std::sync::Arc;

use self::login::Exchange;
use self::people::Reproof;
use crate::accounts::{AccountName, Accounts, Role, State};
use crate::admin;
use crate::audit::{Party, Place};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mounts::Mounts;
use crate::quota::{Charge, Purse};
use crate::site::{Presence, Site};
use crate::transfer::{Claimant, give_back};
use crate::vfs::{Freed, Payer, Vfs, View};

pub use self::content::Wanted;
pub use self::people::{
    Guest, NAME_FORM, Overview, Request, Rules, Standing, State as AccountState,
};
pub use self::why::Reason;
pub use crate::audit::{Ongoing, Verb};
pub use crate::quota::Usage;
pub use crate::rights::Rights;
pub use crate::transfer::{Alive, Inflow, Start, Stored};
pub use crate::vfs::{Entry, Kind, Listing, Mtime, PartNote, Source, VPath};

/// See the module.
#[derive(Debug)]
pub struct Session {
    presence: Presence,
    /// On the heap, like the next: most of its life a session has neither.
    exchange: Option<Box<Exchange>>,
    reproof: Option<Box<Reproof>>,
    user: Option<User>,
    /// The settings as they were at the last look.
    config: Arc<Config>,
    tries: u32,
    /// Who it is, for the log.
    party: Arc<Party>,
    why_left: Option<String>,
}

/// Who is logged in.
#[derive(Debug)]
struct User {
    name: AccountName,
    /// What others are told who find it writing.
    by: String,
    accounts: Arc<Accounts>,
    /// What it may do in its home.
    rights: Rights,
    mounts: Arc<Mounts>,
    vfs: Vfs,
    purse: Purse,
    cwd: VPath,
}

impl User {
    /// Makes the table of views anew, as the rights and the mounts are now.
    fn open_views(&mut self, site: &Site) -> Result<()> {
        let home = self.vfs.home().cloned().ok_or(Error::NeedLogin)?;
        self.vfs = site.views(home, self.account(), self.rights, &self.mounts)?;
        Ok(())
    }

    /// The account's name; a guest has none.
    fn account(&self) -> Option<&str> {
        if self.name.is_guest() { None } else { Some(self.name.as_str()) }
    }
}

impl Session {
    /// A session of somebody unknown.
    pub fn new(presence: Presence) -> Session {
        let config = presence.site().config();
        let place = Place::Door(presence.peer, presence.door, presence.id());
        let party = Party::new(presence.site().log(), None, place);
        Session {
            presence,
            exchange: None,
            reproof: None,
            user: None,
            config,
            tries: 0,
            party,
            why_left: None,
        }
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

    /// Whether who is logged in is an admin at this moment.
    pub fn is_admin(&self) -> bool {
        let account = self.user.as_ref().and_then(|u| u.accounts.account(u.name.as_str()));
        account.is_some_and(|account| account.role == Role::Admin)
    }

    /// Notes which command runs, for the list of who is here; an empty one means that none does.
    pub fn begin(&self, verb: &'static str) {
        self.presence.begin(verb);
    }

    /// Whether an admin or the operator ended this session.
    pub fn is_ended(&self) -> bool {
        self.presence.is_ended()
    }

    /// Why this session was ended from outside.
    pub fn why_ended(&self) -> Error {
        let Some(user) = &self.user else { return Error::Ended };
        match self.site().accounts().account(user.name.as_str()) {
            Some(account) if account.state == State::Active => Error::Ended,
            _ => Error::AccountClosed,
        }
    }

    /// Lets an edit of the account store count: called at every command.
    pub fn refresh(&mut self) -> Result<()> {
        if self.presence.is_ended() {
            return Err(self.why_ended());
        }
        let site = Arc::clone(self.site());
        let Some(user) = &mut self.user else { return Ok(()) };
        if user.name.is_guest() {
            return Ok(());
        }
        let now = site.accounts();
        if Arc::ptr_eq(&now, &user.accounts) {
            return Ok(());
        }
        match now.account(user.name.as_str()) {
            Some(account) if account.state == State::Active => {
                site.ledger().set_limit(&user.purse, account.quota_bytes);
                let rights = account.rights;
                user.accounts = now;
                if rights != user.rights {
                    user.rights = rights;
                    user.open_views(&site)?;
                }
                Ok(())
            }
            _ => Err(Error::AccountClosed),
        }
    }

    /// Lets an edit of the mounts count: called at every command that was waited for. Those that
    /// had arrived together with it share its look.
    pub fn refresh_mounts(&mut self) -> Result<()> {
        let site = Arc::clone(self.site());
        let Some(user) = &mut self.user else { return Ok(()) };
        let now = site.mounts();
        if Arc::ptr_eq(&now, &user.mounts) {
            return Ok(());
        }
        user.mounts = now;
        user.open_views(&site)
    }

    /// Lets an edit of the settings count, as often as one of the mounts; tells whether there was
    /// one since the last look.
    pub fn refresh_settings(&mut self) -> bool {
        let site = Arc::clone(self.site());
        site.refresh_settings();
        let now = site.config();
        !Arc::ptr_eq(&now, &std::mem::replace(&mut self.config, Arc::clone(&now)))
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

    /// What may be done at a path, and in what is mounted right below it, by its names there.
    pub fn rights_in(&self, path: &str) -> Result<(Rights, Vec<(String, Rights)>)> {
        let (user, path) = self.at(path)?;
        let below = user.vfs.views().iter().filter_map(|view| {
            let name = path.step_towards(view.mount_point())?;
            let here = path.join(name).is_ok_and(|here| here == *view.mount_point());
            // A folder that only leads to a mount point can be looked at.
            Some((name.to_owned(), if here { view.rights() } else { Rights::READ }))
        });
        Ok((user.vfs.view(&path)?.rights(), below.collect()))
    }

    /// Sets a file's time.
    pub fn set_mtime(&self, path: &str, mtime: Mtime) -> Result<()> {
        let set = self.at(path).and_then(|(user, path)| user.vfs.set_mtime(&path, mtime));
        self.noted(Verb::Time, path, set, |_, _| ())
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
        let (user, full) = self.at(path)?;
        let is_there = || user.vfs.stat(&full).is_ok_and(|there| there.kind == Kind::Folder);
        if parents && is_there() {
            return Ok(());
        }
        self.noted(Verb::Mkdir, path, user.vfs.mkdir(&full, parents), |_, _| ())
    }

    /// Removes an empty folder.
    pub fn rmdir(&self, path: &str) -> Result<()> {
        let removed = self.at(path).and_then(|(user, path)| user.vfs.rmdir(&path));
        self.noted(Verb::Rmdir, path, removed, |_, _| ())
    }

    /// Removes a file or a link.
    pub fn remove(&self, path: &str) -> Result<()> {
        self.note_removal(path, self.remove_file(path))
    }

    fn note_removal(&self, path: &str, freed: Result<u64>) -> Result<()> {
        self.noted(Verb::Rm, path, freed, |freed, event| event.bytes = Some(*freed)).map(drop)
    }

    fn remove_file(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        let (view, purse) = self.changing(user, &path)?;
        let freed = user.vfs.remove(&path)?;
        give_back(self.site().ledger(), &purse, view.payer(), &freed);
        Ok(freed.bytes)
    }

    /// Removes a file, or the unfinished upload of a path where no file is: `true`.
    pub fn remove_or_forget(&self, path: &str) -> Result<bool> {
        let removed = self.remove_file(path);
        if let Err(missing @ Error::NotFound { .. }) = removed {
            return match self.forget_part(path) {
                Err(Error::NotFound { .. }) => self.note_removal(path, Err(missing)).map(|()| true),
                dropped => self.note_drop(path, dropped).map(|()| true),
            };
        }
        self.note_removal(path, removed).map(|()| false)
    }

    /// Removes a file or a folder with all that it holds.
    pub fn remove_tree(&self, path: &str, alive: &mut Alive<'_>) -> Result<()> {
        let (mut count, mut bytes) = (0u64, 0u64);
        let removed = self.at(path).and_then(|(user, path)| {
            let (view, purse) = self.changing(user, &path)?;
            let ledger = self.site().ledger();
            user.vfs.remove_tree(&path, &mut |freed| {
                give_back(ledger, &purse, view.payer(), &freed);
                count += 1;
                bytes = bytes.saturating_add(freed.bytes);
                alive(count, 0)
            })
        });
        self.note_tree(path, (count, bytes), &removed);
        removed
    }

    /// Renames or moves; `replace` lets it replace a file.
    pub fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let moved = self.do_rename(from, to, replace);
        self.note_move(from, to, &moved);
        moved.map(drop)
    }

    /// Tells the bytes of what was replaced.
    fn do_rename(&self, from: &str, to: &str, replace: bool) -> Result<u64> {
        let (user, from) = self.at(from)?;
        let to = user.cwd.join(to)?;
        let (view, purse) = self.changing(user, &from)?;
        if user.vfs.is_across(&from, &to)? {
            return self.rename_across(user, (&from, &to), replace);
        }
        let freed = user.vfs.rename(&from, &to, replace)?;
        give_back(self.site().ledger(), &purse, view.payer(), &freed);
        Ok(freed.bytes)
    }

    /// Moves a file into another view: charged to who pays there before, credited here after.
    fn rename_across(
        &self,
        user: &User,
        (from, to): (&VPath, &VPath),
        replace: bool,
    ) -> Result<u64> {
        let (ours, left) = self.changing(user, from)?;
        let theirs = user.vfs.to_write(to)?;
        let charged = self.site().purse(theirs, &user.purse)?;
        let (ledger, claims) = (self.site().ledger(), self.site().claims());
        let who = Claimant { by: &user.by, session: self.presence.id() };
        // Nobody puts another file into either place meanwhile.
        let take = |view: &View, path: &VPath, purse: &Purse| {
            let charge = Charge::open(ledger, purse, 0);
            claims.take(&view.key(path), path.as_str(), who, charge)
        };
        let _source = take(ours, from, &left)?;
        let target = take(theirs, to, &charged)?;
        let mut target = target.hold()?;
        target.needs_no_peer();
        // Between two places that the same purse pays for nothing changes but the place.
        let is_own = |freed: &Freed| {
            charged == left
                && (ours.payer() != Payer::Writer || freed.owner.as_deref() == user.account())
        };
        let moved = user.vfs.rename_across(from, to, replace, &mut |freed, replacing| {
            if is_own(freed) { Ok(()) } else { target.charge().cover(freed.bytes, replacing) }
        })?;
        if !is_own(&moved.left) {
            target.charge().settle(moved.left.bytes);
            give_back(ledger, &left, ours.payer(), &moved.left);
        }
        give_back(ledger, &charged, theirs.payer(), &moved.replaced);
        Ok(moved.replaced.bytes)
    }

    /// The view in which something is about to change, and who pays for what is there.
    fn changing<'a>(&self, user: &'a User, path: &VPath) -> Result<(&'a View, Purse)> {
        let view = user.vfs.to_change(path)?;
        Ok((view, self.site().purse(view, &user.purse)?))
    }

    /// Bytes used, promised and allowed.
    pub fn usage(&self) -> Result<Usage> {
        let user = self.user()?;
        let missing = Error::WrongState { what: "the ledger does not know this account" };
        self.site().ledger().usage(&user.purse).ok_or(missing)
    }

    /// Bytes that could still be stored at a path, as the limit there and the disk stand.
    pub fn free_bytes(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.view(&path)?;
        let disk = view.free_bytes()?.saturating_sub(self.site().min_free_bytes());
        let missing = Error::WrongState { what: "the ledger does not know this account" };
        let purse = self.site().purse(view, &user.purse)?;
        let usage = self.site().ledger().usage(&purse).ok_or(missing)?;
        let taken = usage.used_bytes.saturating_add(usage.reserved_bytes);
        Ok(usage.limit_bytes.map_or(disk, |limit| disk.min(limit.saturating_sub(taken))))
    }

    /// Calls `seen` with each of the account's unfinished uploads; its error ends the listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        match self.user()? {
            // What other guests left is none of this one's business.
            guest if guest.name.is_guest() => Ok(()),
            user => user.vfs.parts(seen),
        }
    }

    /// Removes the unfinished upload of a path.
    pub fn forget(&self, path: &str) -> Result<()> {
        self.note_drop(path, self.forget_part(path))
    }

    fn note_drop(&self, path: &str, freed: Result<u64>) -> Result<()> {
        self.noted(Verb::Drop, path, freed, |freed, event| event.bytes = Some(*freed)).map(drop)
    }

    fn forget_part(&self, path: &str) -> Result<u64> {
        let (user, path) = self.at(path)?;
        if user.name.is_guest() {
            return Err(Error::Denied { path: path.as_str().to_string() });
        }
        let who = Claimant { by: &user.by, session: self.presence.id() };
        admin::forget(self.site(), &user.vfs, &user.purse, who, &path)
    }
}
