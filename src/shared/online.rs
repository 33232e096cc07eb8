//! The list of connections: whom each belongs to, what it does, and how it is ended.
//!
//! Invariant: a connection is in the list exactly as long as its [`Presence`] lives.

mod entry;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Shared;
use crate::accounts::AccountName;
use crate::admission;
use crate::audit::Transfers;
use crate::error::{Error, Result};
use crate::limits;
use crate::lock::lock;
use crate::text::Moment;
use crate::vfs;

pub use self::entry::OnlineConnection;
pub(super) use self::entry::OnlineEntry;
use self::entry::{Activity, Cause, origin};

/// The list, by the connections' numbers. Its entries are on the heap: a table that grows is there
/// twice for a moment.
pub(super) type OnlineEntries = HashMap<u64, Box<OnlineEntry>>;

/// A connection's place in the list of connections; dropped, it is gone from it.
#[derive(Debug)]
pub struct Presence {
    shared: Arc<Shared>,
    pub(super) id: u64,
    activity: Arc<Activity>,
    /// Who is at the other end.
    pub peer: IpAddr,
    /// The protocol that they speak.
    pub protocol: &'static str,
}

/// While it lives, the password of a connection is being checked, and the connection keeps its
/// place.
#[derive(Debug)]
pub struct Checking {
    shared: Arc<Shared>,
    id: u64,
}

/// Whether a connection has to end. It is apart from the session, which a long operation may be
/// changing meanwhile.
#[derive(Clone, Debug)]
pub struct Ending {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
}

impl Shared {
    /// Makes a connection known, so that it can be ended from outside, if it finds a place; a
    /// connection that has not logged in may have to give it up.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub fn join(
        self: &Arc<Self>,
        tcp: Arc<TcpStream>,
        peer: IpAddr,
        protocol: &'static str,
    ) -> Result<Presence> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let activity = Arc::<Activity>::default();
        let connection = OnlineConnection {
            id,
            account: None,
            temporary: None,
            peer,
            protocol,
            since_secs: Moment::now().0,
            doing: "",
            path: String::new(),
            transfer: None,
        };
        let newcomer = OnlineEntry {
            tcp,
            connection,
            home: None,
            waits_since: Instant::now(),
            is_checked: false,
            was_checked: false,
            activity: Arc::clone(&activity),
        };
        let mut online = lock(&self.online);
        self.make_room(&online, id, (peer, protocol), Instant::now())?;
        online.insert(id, Box::new(newcomer));
        Ok(Presence { shared: Arc::clone(self), id, activity, peer, protocol })
    }

    /// Finds a place before login for a connection, beside all others; ends whoever has to give it
    /// up.
    fn make_room(
        &self,
        online: &OnlineEntries,
        id: u64,
        (peer, protocol): (IpAddr, &'static str),
        now: Instant,
    ) -> Result<()> {
        let others = online.values().filter(|other| other.connection.id != id);
        let connected = others.filter_map(|other| other.connected());
        let (room, from) = (self.config().connections(), origin(peer, protocol));
        let gives_way = admission::admit(&room, from, connected, now)?;
        if let Some(other) = gives_way.and_then(|id| online.get(&id)) {
            log::debug!("connection {} gives its place to {id}", other.connection.id);
            other.end(Cause::Displaced);
        }
        Ok(())
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        lock(&self.online).len()
    }

    /// Bytes free on the disk of the homes, where that can be found out.
    pub fn free_bytes(&self) -> Option<u64> {
        vfs::free_at(self.dirs().1).map(|free| free.bytes)
    }

    /// How many transfers are under way: to the server and from it.
    pub fn transfers(&self) -> (usize, usize) {
        let online = lock(&self.online);
        let counts = online.values().map(|online| online.activity.transfers.count());
        counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// All connections, the oldest first.
    pub fn online(&self) -> Vec<OnlineConnection> {
        let online = lock(&self.online);
        let mut online: Vec<OnlineConnection> =
            online.values().map(|online| online.seen()).collect();
        online.sort_by_key(|connection| connection.id);
        online
    }

    /// The accounts that are logged in, guests apart.
    pub(super) fn online_accounts(&self) -> HashSet<AccountName> {
        let online = lock(&self.online);
        let names = online.values().filter_map(|online| online.connection.account.as_ref());
        let mut accounts = HashSet::new();
        for name in names.filter(|name| !name.is_guest()) {
            if !accounts.contains(name) {
                accounts.insert(name.clone());
            }
        }
        accounts
    }

    /// Sessions of an account, or of guests, now.
    pub fn sessions_of(&self, account: &str) -> usize {
        let online = lock(&self.online);
        let names = online.values().filter_map(|online| online.connection.account.as_ref());
        names.filter(|name| name.as_str() == account).count()
    }

    /// Ends every connection that `which` picks, and tells how many were not ended before. Each
    /// finds the end of its stream, says why, and is gone a moment later; a transfer is left at its
    /// next step.
    pub fn end(&self, which: impl Fn(&OnlineConnection) -> bool) -> usize {
        let online = lock(&self.online);
        let picked = online.values().filter(|online| which(&online.connection));
        picked.filter(|online| online.end(Cause::Said)).count()
    }

    /// Ends the sessions that logged in with the temporary password of this prefix.
    pub fn end_temporary(&self, prefix: &str) -> usize {
        self.end(|connection| connection.temporary.as_deref() == Some(prefix))
    }

    /// Begins to stop: every connection finishes the request that it is at and then finds the end
    /// of its stream, so that it can say goodbye.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.shut_down(Shutdown::Read, |_| true);
    }

    /// Cuts every connection that was ended and is still here after [`limits::ENDED_GRACE`]: its
    /// peer takes nothing, so that it could not be sent the reason.
    pub(super) fn cut_ended(&self) {
        self.shut_down(Shutdown::Both, |online| {
            let since = online.activity.ended.get();
            since.is_some_and(|(since, _)| since.elapsed() >= limits::ENDED_GRACE)
        });
    }

    /// Ends at once every connection that `which` picks.
    pub fn cut(&self, which: impl Fn(&OnlineConnection) -> bool) {
        self.shut_down(Shutdown::Both, |online| which(&online.connection));
    }

    fn shut_down(&self, how: Shutdown, which: impl Fn(&OnlineEntry) -> bool) {
        for online in lock(&self.online).values().filter(|online| which(online)) {
            let _ = online.tcp.shutdown(how);
        }
    }
}

impl Presence {
    /// What all sessions share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where it comes from, as addresses are counted.
    pub fn address(&self) -> IpAddr {
        admission::network(self.peer)
    }

    /// Notes the temporary password that it logs in with, by its prefix.
    pub fn logs_in_with(&self, prefix: &str) {
        if let Some(me) = lock(&self.shared.online).get_mut(&self.id) {
            me.connection.temporary = Some(prefix.to_owned());
        }
    }

    /// The connection goes on without an account.
    pub fn log_out(&self) {
        if let Some(me) = lock(&self.shared.online).get_mut(&self.id) {
            me.connection.temporary = None;
            (me.connection.account, me.home, me.waits_since) = (None, None, Instant::now());
            me.was_checked = false;
        }
    }

    /// Takes a place among those before their login, for whoever has logged out and stays.
    ///
    /// # Errors
    /// [`Error::Full`]: then the connection must end.
    pub fn wait_for_login(&self) -> Result<()> {
        // It was let in long ago, so it belongs to no flood.
        let now = Instant::now() + limits::SLOT_KEPT;
        self.shared.make_room(&lock(&self.shared.online), self.id, (self.peer, self.protocol), now)
    }

    /// The password is being checked from now on, and nobody takes the place of the connection.
    ///
    /// # Errors
    /// That somebody has done so already, or has ended it.
    pub fn check_begins(&self) -> Result<Checking> {
        let mut online = lock(&self.shared.online);
        self.ending().check()?;
        if let Some(me) = online.get_mut(&self.id) {
            me.is_checked = true;
        }
        Ok(Checking { shared: Arc::clone(&self.shared), id: self.id })
    }

    /// What this connection moves now.
    pub fn transfers(&self) -> &Transfers {
        &self.activity.transfers
    }

    /// A number for the log that no other connection of this run has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Notes which command runs; an empty one means that none does.
    pub fn begin(&self, verb: &'static str) {
        let mut doing = lock(&self.activity.doing);
        doing.verb = verb;
        if verb.is_empty() {
            doing.path.clear();
        }
    }

    /// Notes the path that the command is about.
    pub fn about(&self, path: &str) {
        let mut doing = lock(&self.activity.doing);
        doing.path.clear();
        doing.path.push_str(path);
    }

    /// Whether somebody ended this connection.
    pub fn is_ended(&self) -> bool {
        self.activity.ended.get().is_some()
    }

    /// Whether a newer connection has the place of this one.
    pub fn is_displaced(&self) -> bool {
        self.activity.ended.get().is_some_and(|(_, cause)| *cause == Cause::Displaced)
    }

    /// Tells a long operation of this connection whether it may go on.
    pub fn ending(&self) -> Ending {
        Ending { shared: Arc::clone(&self.shared), activity: Arc::clone(&self.activity) }
    }
}

impl Ending {
    /// Refuses to go on when the server stops or somebody ended the connection.
    ///
    /// # Errors
    /// [`Error::Stopping`], [`Error::Ended`].
    pub fn check(&self) -> Result<()> {
        self.shared.check_running()?;
        if self.activity.ended.get().is_some() { Err(Error::Ended) } else { Ok(()) }
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        if let Some(me) = lock(&self.shared.online).get_mut(&self.id) {
            (me.is_checked, me.was_checked) = (false, true);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        lock(&self.shared.online).remove(&self.id);
    }
}
