//! Which logins are slowed and which are refused: failed logins are counted, an account's further
//! attempts from a network that failed too often wait for their turn, and an address that fails for
//! several accounts is banned for a time.
//!
//! `Tally` counts, `AttemptQueue` says whose attempt is next and `List` knows who is out; all are
//! given the time and know no file. [`Bans`] keeps them in step with conf/bans.ini, which the
//! server, its commands and people write, and with conf/networks.ini.
//!
//! Never: bans an account by itself, since anybody could do that to its owner, or this machine,
//! whose addresses a whole class shares; treats known and unknown names in different ways.
//! Invariant: a ban counts in memory by a clock that never jumps, and on the disk by the calendar.

mod attempts;
mod known_networks;
mod list;
mod network;
mod record;
mod store;
mod tally;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::AccountName;
use crate::admission;
use crate::conffile::ParseErrors;
use crate::text::{Escaped, Moment};

use self::attempts::{Applicant, AttemptQueue};
use self::known_networks::Familiar;
use self::list::List;
use self::tally::Tally;

pub use self::attempts::Ticket;
pub(super) use self::known_networks::check_networks;
pub use self::network::Network;
pub use self::store::{AttemptGuard, Bans, LoginAttempt};

/// What a ban keeps out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BanTarget {
    /// Logins as an account.
    Account(AccountName),
    /// Connections from an address, as [`admission::network`] counts them; never one of this
    /// machine.
    Address(IpAddr),
}

impl BanTarget {
    /// An address; `None` for this machine's own, which are never banned.
    pub fn address(from: IpAddr) -> Option<BanTarget> {
        let network = admission::network(from);
        (!network.is_loopback()).then_some(BanTarget::Address(network))
    }

    /// Reads an address, `2001:db8::/64`, or an account's name. What could be both is an address.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<BanTarget, &'static str> {
        let bare = text.strip_suffix("/64").filter(|bare| bare.contains(':'));
        match bare.unwrap_or(text).parse() {
            Ok(address) => BanTarget::address(address).ok_or("this machine itself is never banned"),
            Err(_) => AccountName::parse(text)
                .map(BanTarget::Account)
                .ok_or("expected an account's name, or an address such as 192.0.2.7"),
        }
    }

    /// `account` or `address`.
    pub fn kind(&self) -> &'static str {
        match self {
            BanTarget::Account(_) => "account",
            BanTarget::Address(_) => "address",
        }
    }

    /// Whether it is this account, or one that comes from this address.
    pub fn covers(&self, account: Option<&AccountName>, from: IpAddr) -> bool {
        match self {
            BanTarget::Account(name) => account == Some(name),
            BanTarget::Address(address) => *address == admission::network(from),
        }
    }
}

impl fmt::Display for BanTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BanTarget::Account(name) => name.fmt(f),
            BanTarget::Address(address @ IpAddr::V4(_)) => address.fmt(f),
            BanTarget::Address(network) => write!(f, "{network}/64"),
        }
    }
}

/// A ban as it is on the disk. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// What it keeps out.
    pub target: BanTarget,
    /// Since when.
    pub since_secs: i64,
    /// Until when; `None` is for ever.
    pub until_secs: Option<i64>,
    /// How often the same was banned automatically, one after the other.
    pub times: u32,
    /// Who said so; `None` for the server itself, by its counting.
    pub by: Option<String>,
    /// Why. What the server says here itself may be read by the client that is banned.
    pub why: String,
}

/// In a line of the log.
impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is banned ", self.target.kind(), self.target)?;
        match self.until_secs {
            Some(at) => write!(f, "until {}", Moment(at))?,
            None => f.write_str("for ever")?,
        }
        if let Some(by) = &self.by {
            write!(f, " by {}", Escaped(by))?;
        }
        if self.why.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(&self.why)) }
    }
}

/// A ban in force, as people are shown it.
#[derive(Clone, Debug)]
pub struct ActiveBan {
    /// The ban.
    pub ban: Ban,
    /// For how many seconds more; `None` is for ever.
    pub left_secs: Option<u64>,
}

/// How many bans a file has, or what is wrong with it.
pub(super) fn check_bans(bytes: &[u8]) -> Result<String, ParseErrors> {
    record::read(bytes).map(|(_, all)| format!("{} bans", all.len()))
}

/// What follows from failures, as the settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BanRules {
    /// Failures as one account from one network, above which attempts wait for their turn.
    pub slow_after: u32,
    /// The time from a failure to the next turn.
    pub slow: Duration,
    /// Failures a minute as one account, of all networks that it has not logged in from.
    pub per_minute: u32,
    /// Failures from one address that ban it; loopback is exempt.
    pub address_after: u32,
    /// Failures count for so long.
    pub within: Duration,
    /// The first ban.
    pub first: Duration,
}

impl BanRules {
    /// For how long failures as an account count: so long that whoever waits for the count to
    /// become lower makes no more guesses than whoever waits for each turn.
    fn window(&self) -> Duration {
        self.within.max(self.slow.saturating_mul(self.slow_after)).max(attempts::MINUTE)
    }
}

/// Two clocks at one moment: one that never jumps, and the calendar's.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    /// Since the bans were opened.
    steady: Duration,
    /// Seconds since 1970.
    wall_secs: i64,
}

/// The first time doubled so often, up to a most; never less than the first.
pub fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
    first.checked_mul(factor).unwrap_or(most).min(most.max(first))
}
