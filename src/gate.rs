//! How many may be inside: in all, from one address, and before their login.
//!
//! Invariant: every place that was given is counted until it is dropped, however its thread ends.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// What there are too many of, in a refusal.
const BEFORE_LOGIN: &str = "connections before login";

/// The ceilings of a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Connections in all.
    pub all: usize,
    /// Connections from one address, or one network of IPv6; loopback is exempt, since a whole
    /// class sits there.
    pub per_address: usize,
    /// Connections that have not logged in yet.
    pub before_login: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Gate {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    before_login: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// A place inside.
#[derive(Debug)]
pub struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
    logged_in: bool,
}

impl Gate {
    /// The lock holds over counting alone, which leaves no half state, so poison means nothing.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one more in, or says which limit stands against it.
    pub fn enter(self: &Arc<Self>, room: Room, address: IpAddr) -> Result<Place> {
        let address = network(address);
        let mut counts = self.counts();
        let here = counts.addresses.get(&address).copied().unwrap_or(0);
        let limits = [
            (counts.all, room.all, "connections"),
            (counts.before_login, room.before_login, BEFORE_LOGIN),
            (
                if address.is_loopback() { 0 } else { here },
                room.per_address,
                "connections from one address",
            ),
        ];
        for (now, max, what) in limits {
            if now >= max {
                return Err(Error::Full { what, max: max as u64 });
            }
        }
        counts.all += 1;
        counts.before_login += 1;
        *counts.addresses.entry(address).or_default() += 1;
        drop(counts);
        Ok(Place { gate: Arc::clone(self), address, logged_in: false })
    }

    /// How many are inside.
    pub fn inside(&self) -> usize {
        self.counts().all
    }
}

impl Place {
    /// Whether it is counted among those who have logged in.
    pub fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Frees the place among those who have not logged in yet.
    pub fn logged_in(&mut self) {
        if !std::mem::replace(&mut self.logged_in, true) {
            self.gate.counts().before_login -= 1;
        }
    }

    /// Takes a place among those who have not logged in yet; `most` may be there.
    ///
    /// # Errors
    /// [`Error::Full`] if they are too many: then the connection must end.
    pub fn logged_out(&mut self, most: usize) -> Result<()> {
        if !self.logged_in {
            return Ok(());
        }
        let mut counts = self.gate.counts();
        if counts.before_login >= most {
            return Err(Error::Full { what: BEFORE_LOGIN, max: most as u64 });
        }
        counts.before_login += 1;
        self.logged_in = false;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.logged_in();
        let mut counts = self.gate.counts();
        counts.all -= 1;
        if let Some(here) = counts.addresses.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.addresses.remove(&self.address);
            }
        }
    }
}

/// What is counted as one address: an IPv4 address, and of IPv6 the network of 64 bits, all of
/// whose addresses one host may take.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let gate = Arc::<Gate>::default();
        let room = Room { all: 9, per_address: 1, before_login: 9 };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = gate.enter(room, ip("2001:db8::1")).unwrap();
        assert!(gate.enter(room, ip("2001:db8::ffff:2")).is_err());
        let _other = gate.enter(room, ip("2001:db8:0:1::1")).unwrap();
        let _mapped = [gate.enter(room, ip("::ffff:192.0.2.1")).unwrap()];
        assert!(gate.enter(room, ip("192.0.2.1")).is_err());
        let _near = [gate.enter(room, ip("::1")).unwrap(), gate.enter(room, ip("::1")).unwrap()];
        drop(first);
        assert!(gate.enter(room, ip("2001:db8::3")).is_ok());
    }

    #[test]
    fn each_limit_refuses_by_name_and_places_come_back() {
        let gate = Arc::<Gate>::default();
        let room = Room { all: 3, per_address: 1, before_login: 2 };
        let far: IpAddr = "192.0.2.1".parse().unwrap();
        let near: IpAddr = "127.0.0.1".parse().unwrap();
        let mut first = gate.enter(room, far).unwrap();
        let said = gate.enter(room, far).unwrap_err().to_string();
        assert!(said.contains("1 connections from one address"), "{said}");
        let second = gate.enter(room, near).unwrap();
        let said = gate.enter(room, near).unwrap_err().to_string();
        assert!(said.contains("2 connections before login"), "{said}");
        first.logged_in();
        let _third = gate.enter(room, near).unwrap();
        let said = gate.enter(room, near).unwrap_err().to_string();
        assert!(said.contains("3 connections at most"), "{said}");
        let said = first.logged_out(1).unwrap_err().to_string();
        assert!(said.contains("1 connections before login"), "{said}");
        assert!(first.is_logged_in(), "a refusal counts nothing");
        drop(second);
        first.logged_out(2).unwrap();
        first.logged_out(0).unwrap();
        drop(first);
        assert_eq!(gate.inside(), 1);
        assert!(gate.enter(room, far).is_ok());
    }
}
