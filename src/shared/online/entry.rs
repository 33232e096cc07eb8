//! One connection in the list of connections.

use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use crate::accounts::AccountName;
use crate::admission::{self, Connected, Origin, Stage};
use crate::audit::{TransferSeen, Transfers};
use crate::lock::lock;
use crate::vfs::View;

/// A connection in the list.
#[derive(Debug)]
pub(crate) struct OnlineEntry {
    pub(super) tcp: Arc<TcpStream>,
    /// As others see it, but for what it does now.
    pub(crate) connection: OnlineConnection,
    /// The account's home, whose descriptors all its sessions share. Nothing that is mounted: that
    /// is open only while a session may use it.
    pub(crate) home: Option<View>,
    /// Since when it is before its login, if it is.
    pub(super) waits_since: Instant,
    /// Whether its password is being checked.
    pub(super) is_checked: bool,
    /// Whether one was checked since then, and refused.
    pub(super) was_checked: bool,
    pub(super) activity: Arc<Activity>,
}

/// What a connection does now; whoever serves it writes it, whoever asks reads it.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) doing: Mutex<Doing>,
    pub(super) transfers: Transfers,
    /// Since when it is to end, and why.
    pub(super) ended: OnceLock<(Instant, Cause)>,
}

/// Why a connection was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody said so.
    Said,
    /// It had not logged in, and a newer connection has its place.
    Displaced,
}

#[derive(Debug, Default)]
pub(super) struct Doing {
    pub(super) verb: &'static str,
    pub(super) path: String,
}

/// A connection as others see it.
#[derive(Clone, Debug)]
pub struct OnlineConnection {
    /// The number that no other connection of this run has.
    pub id: u64,
    /// Who is logged in.
    pub account: Option<AccountName>,
    /// The prefix of the temporary password that it logged in with, if it did.
    pub temporary: Option<String>,
    /// Who is at the other end.
    pub peer: IpAddr,
    /// The protocol that it speaks.
    pub protocol: &'static str,
    /// Since when, seconds since 1970.
    pub since_secs: i64,
    /// The command that runs; empty while none does.
    pub doing: &'static str,
    /// The path that it is about, if it is about one; not escaped.
    pub path: String,
    /// The transfer that began last, if one is under way.
    pub transfer: Option<TransferSeen>,
}

impl OnlineEntry {
    /// Ends it; tells whether it was not ended before.
    pub(super) fn end(&self, cause: Cause) -> bool {
        // Said before it is done: whoever finds the end of its stream asks why.
        let is_first = self.activity.ended.set((Instant::now(), cause)).is_ok();
        let _ = self.tcp.shutdown(Shutdown::Read);
        is_first
    }

    /// As the limits see it: one that is to end before its login has no place any more.
    pub(super) fn connected(&self) -> Option<Connected> {
        let stage = match (&self.connection.account, self.is_checked) {
            (Some(_), _) => Stage::LoggedIn,
            (None, true) => Stage::Checking,
            (None, false) if self.was_checked => Stage::Refused(self.waits_since),
            (None, false) => Stage::Waiting(self.waits_since),
        };
        let is_leaving = stage != Stage::LoggedIn && self.activity.ended.get().is_some();
        let OnlineConnection { id, peer, protocol, .. } = self.connection;
        (!is_leaving).then(|| Connected { id, from: origin(peer, protocol), stage })
    }

    pub(super) fn seen(&self) -> OnlineConnection {
        let (doing, path) = {
            let doing = lock(&self.activity.doing);
            (doing.verb, doing.path.clone())
        };
        let transfer = self.activity.transfers.last();
        OnlineConnection { doing, path, transfer, ..self.connection.clone() }
    }
}

/// Where a connection comes from, as the limits count it.
pub(super) fn origin(peer: IpAddr, protocol: &'static str) -> Origin {
    Origin { address: admission::network(peer), protocol }
}
