//! Everything that a user can do, as methods. It knows nothing of frames, reply codes or sockets.
//!
//! A session belongs to its connection's thread; what is shared stands in [`Shared`].
//! Invariant: no method but those of the login does anything before a login succeeded, and every
//! path goes through [`VPath::join`] and the account's own [`Vfs`].

mod changes;
mod clear;
mod content;
mod dropped;
mod greetings;
mod logging;
mod login;
mod people;
mod permits;
mod rate;
mod refusals;
mod temporary;
mod temporary_login;
mod uploads;
mod why;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::login::Exchange;
use self::people::Reproof;
use self::permits::RatePermits;
use self::refusals::RefusedUploads;
use self::temporary_login::TemporaryLogin;
use crate::accounts::{AccountName, AccountState, Accounts, Role};
use crate::audit::{ActorOrigin, Subject};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mounts::Mounts;
use crate::shared::{Presence, Shared};
use crate::vfs::{Vfs, View};

pub use self::clear::Accepted;
pub use self::content::{DigestBound, UploadOptions};
pub use self::people::{
    AccountRequest, Attachment, NAME_FORM, OnlineConnection, RegistrationRules, RequestState,
};
pub use self::rate::{Due, Way};
pub use self::temporary::{TemporaryListed, TemporaryRequest};
pub use self::why::Reason;
pub use crate::audit::{TransferEntry, Verb};
pub use crate::quota::{Entries, Usage};
pub use crate::rights::Rights;
pub use crate::shared::Ending;
pub use crate::transfer::{Alive, Start, Stored, StreamingUpload};
pub use crate::vfs::{Entry, EntryKind, Listing, Mtime, PartNote, Source, VPath};

/// The rights somewhere, and whether directories may be made there.
pub type Granted = (Rights, bool);

/// Everything that a user can do, as methods.
#[derive(Debug)]
pub struct Session {
    presence: Presence,
    /// On the heap, like the next: most of its life a session has neither.
    exchange: Option<Box<Exchange>>,
    reproof: Option<Box<Reproof>>,
    user: Option<User>,
    /// The settings as they were at the last look.
    config: Arc<Config>,
    permits: RatePermits,
    refusals: RefusedUploads,
    /// Failed attempts of this connection.
    tries: u32,
    /// How long the answer to the request at hand is held back.
    held_back: Duration,
    /// Who it is, for the log.
    subject: Arc<Subject>,
    why_left: Option<String>,
}

/// Who is logged in.
#[derive(Debug)]
struct User {
    name: AccountName,
    /// What others are shown when they find it writing.
    by: String,
    accounts: Arc<Accounts>,
    /// What it may do in its home.
    rights: Rights,
    mounts: Arc<Mounts>,
    vfs: Vfs,
    cwd: VPath,
    /// What it logged in with instead of its password, if it did.
    temporary: Option<TemporaryLogin>,
}

impl User {
    /// Takes over rights and mounts, with the table of views that follows from them: all or
    /// nothing. Where the views cannot be opened the session has to ask again before it does
    /// anything else, so that what was taken from it is not in force any longer.
    fn take_over(&mut self, shared: &Shared, rights: Rights, mounts: Arc<Mounts>) -> Result<()> {
        let home = self.home()?.clone();
        self.show(shared, home, rights, mounts)
    }

    /// Returns this user with another home.
    fn show(
        &mut self,
        shared: &Shared,
        home: View,
        rights: Rights,
        mounts: Arc<Mounts>,
    ) -> Result<()> {
        let vfs = shared.views(home, self.account(), rights, &mounts)?;
        self.vfs = vfs.bounded_by(self.most());
        (self.rights, self.mounts) = (rights, mounts);
        Ok(())
    }

    /// The most that it may do anywhere.
    fn most(&self) -> Rights {
        self.temporary.as_ref().map_or(Rights::ALL, |temporary| temporary.rights)
    }

    fn home(&self) -> Result<&View> {
        self.vfs.home().ok_or(Error::NeedLogin)
    }

    /// The account's name; a guest has none.
    fn account(&self) -> Option<&str> {
        if self.name.is_guest() { None } else { Some(self.name.as_str()) }
    }
}

impl Session {
    /// A session of somebody unknown.
    pub fn new(presence: Presence) -> Session {
        let (config, permits) = (presence.shared().config(), RatePermits::default());
        let place = ActorOrigin::Protocol(presence.peer, presence.protocol, presence.id());
        let subject = Subject::new(presence.shared().log(), None, place, presence.transfers());
        Session {
            presence,
            exchange: None,
            reproof: None,
            user: None,
            config,
            permits,
            refusals: RefusedUploads::default(),
            tries: 0,
            held_back: Duration::ZERO,
            subject,
            why_left: None,
        }
    }

    /// What all sessions share.
    pub fn shared(&self) -> &Arc<Shared> {
        self.presence.shared()
    }

    /// Who is logged in.
    pub fn account(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
    }

    /// Who is at the other end.
    pub fn peer(&self) -> IpAddr {
        self.presence.peer
    }

    /// Whether who is logged in is an admin at this moment. With a temporary password, which is for
    /// files, nobody is.
    pub fn is_admin(&self) -> bool {
        let user = self.user.as_ref().filter(|user| user.temporary.is_none());
        let account = user.and_then(|u| u.accounts.account(u.name.as_str()));
        account.is_some_and(|account| account.role == Role::Admin)
    }

    /// Notes which command runs, for the list of connections; an empty one means that none does.
    pub fn begin(&self, verb: &'static str) {
        self.presence.begin(verb);
    }

    /// Tells a long operation of this session whether it may go on.
    pub fn ending(&self) -> Ending {
        self.presence.ending()
    }

    /// Takes a place among the connections before their login, for whoever has logged out.
    ///
    /// # Errors
    /// [`Error::Full`]: then the connection must end.
    pub fn wait_for_login(&self) -> Result<()> {
        self.presence.wait_for_login()
    }

    /// Whether this session was ended from outside.
    pub fn is_ended(&self) -> bool {
        self.presence.is_ended()
    }

    /// Why this session was ended from outside.
    pub fn why_ended(&self) -> Error {
        if self.presence.is_displaced() {
            return Error::Displaced;
        }
        let Some(user) = &self.user else { return Error::Ended };
        match self.shared().accounts().account(user.name.as_str()) {
            Some(account) if account.state == AccountState::Active => Error::Ended,
            _ => Error::AccountClosed,
        }
    }

    /// Lets an edit of the account store count: called at every command.
    pub fn refresh(&mut self) -> Result<()> {
        if self.presence.is_ended() {
            return Err(self.why_ended());
        }
        let shared = Arc::clone(self.shared());
        let Some(user) = &mut self.user else { return Ok(()) };
        if user.name.is_guest() {
            return Ok(());
        }
        let now = shared.store.current_as_read()?;
        if Arc::ptr_eq(&now, &user.accounts) {
            return Ok(());
        }
        match now.account(user.name.as_str()) {
            Some(account) if account.state == AccountState::Active => {
                shared.settle_limits([&user.name]);
                let rights = account.rights;
                if rights != user.rights {
                    user.take_over(&shared, rights, Arc::clone(&user.mounts))?;
                }
                // At last: until then every command comes here again.
                user.accounts = now;
                Ok(())
            }
            _ => Err(Error::AccountClosed),
        }
    }

    /// Lets an edit of the mounts count, and another home that is under the account's name: called
    /// at every command that was waited for. Those that had arrived together with it share its
    /// look.
    pub fn refresh_mounts(&mut self) -> Result<()> {
        let shared = Arc::clone(self.shared());
        let Some(user) = &mut self.user else { return Ok(()) };
        let now = shared.mounts_as_read()?;
        let home = shared.home_again(&user.name, &self.presence, user.home()?)?;
        match home {
            Some(home) => user.show(&shared, home, user.rights, now),
            None if Arc::ptr_eq(&now, &user.mounts) => Ok(()),
            None => user.take_over(&shared, user.rights, now),
        }
    }

    /// Lets go of what is mounted until the next command that is waited for, which looks what is:
    /// a session that rests keeps no disk from being unmounted.
    pub fn rest(&mut self) {
        let Some(user) = self.user.as_mut().filter(|user| user.vfs.views().len() > 1) else {
            return;
        };
        if let Some(home) = user.vfs.home().cloned() {
            (user.vfs, user.mounts) = (Vfs::new(home, Vec::new()), Arc::default());
        }
    }

    /// Lets an edit of the settings count, as often as one of the mounts; tells whether there was
    /// one since the last look.
    pub fn refresh_settings(&mut self) -> bool {
        let shared = Arc::clone(self.shared());
        shared.refresh_settings();
        let now = shared.config();
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

    /// Changes the current directory, and returns its text for whoever enters it. Above the root
    /// there is nothing: `cd ..` there is refused and changes nothing.
    pub fn cd(&mut self, path: &str) -> Result<Vec<String>> {
        let user = self.user.as_mut().ok_or(Error::NeedLogin)?;
        if user.cwd.climbs_out(path) {
            return Err(Error::Denied { path: path.to_string() });
        }
        let to = user.cwd.join(path)?;
        user.vfs.check_directory(&to)?;
        if std::mem::replace(&mut user.cwd, to) == user.cwd {
            return Ok(Vec::new());
        }
        Ok(self.words_here())
    }

    /// Where a path leads from the current folder; nothing is looked at.
    pub fn resolve(&self, path: &str) -> Result<VPath> {
        Ok(self.at(path)?.1)
    }

    /// What may be done at a path, and in what is mounted right below it, by its names there.
    pub fn rights_in(&self, path: &str) -> Result<(Granted, Vec<(String, Granted)>)> {
        let granted = |view: &View| (view.rights(), view.makes_directories());
        let (user, path) = self.at(path)?;
        let below = user.vfs.views().iter().filter_map(|view| {
            let name = path.step_towards(view.mount_point())?;
            let here = path.join(name).is_ok_and(|here| here == *view.mount_point());
            // A folder that only leads to a mount point can be looked at.
            Some((name.to_owned(), if here { granted(view) } else { (Rights::READ, false) }))
        });
        Ok((granted(user.vfs.view(&path)?), below.collect()))
    }

    /// Whether what is at a path is shown to nobody who may put something there.
    pub fn is_drop_box(&self, path: &str) -> Result<bool> {
        let (user, path) = self.at(path)?;
        Ok(user.vfs.view(&path)?.is_drop_box())
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
            EntryKind::File => user.vfs.source(&path)?.version(),
            _ => 0,
        };
        Ok((entry, version))
    }

    /// What is used, reserved and allowed, once it has been counted; until then `alive` is called.
    pub fn usage(&self, alive: &mut Alive<'_>) -> Result<Usage> {
        let user = self.user()?;
        if user.name.is_guest() {
            return Ok(Usage::NONE);
        }
        self.shared().usage(user.name.as_str(), &user.vfs, alive)
    }

    /// Does it where the path is known already.
    pub fn known_usage(&self) -> Option<Usage> {
        let user = self.user.as_ref()?;
        match user.name.is_guest() {
            true => Some(Usage::NONE),
            false => self.shared().ledger.usage(user.name.as_str()),
        }
    }

    /// Bytes that could still be stored at a path, as the limit there and the disk stand.
    pub fn free_bytes(&self, path: &str, alive: &mut Alive<'_>) -> Result<u64> {
        Ok(self.space(path, alive)?.0)
    }

    /// Bytes that could still be stored at a path, and what counts against the limit there, where
    /// there is one.
    pub fn space(&self, path: &str, alive: &mut Alive<'_>) -> Result<(u64, Option<Usage>)> {
        let (user, path) = self.at(path)?;
        let view = user.vfs.view(&path)?;
        let disk = view.free()?.minus(self.shared().config().min_free()).bytes;
        let charged = self.shared().charged(&user.vfs, view, alive)?;
        let usage = self.shared().ledger.usage_of(&charged);
        let free = usage.map_or(disk, |usage| disk.min(usage.left().bytes));
        // Where nobody stores anything the room is nobody's.
        Ok((if view.rights().write { free } else { 0 }, usage))
    }

    /// Calls `seen` with each of the account's unfinished uploads; its error ends the listing.
    pub fn parts(&self, seen: &mut dyn FnMut(PartNote) -> Result<()>) -> Result<()> {
        match self.user()? {
            // What other guests left is none of this one's business.
            guest if guest.name.is_guest() => Ok(()),
            user => user.vfs.parts(seen),
        }
    }
}
