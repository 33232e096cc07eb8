//! Who is let in: how many connections there may be, and which one gives its place to a newcomer.
//!
//! Never: knows a socket or a clock.
//! Invariant: a connection gives its place up only before its login, and never while its password
//! is being checked.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::error::{Error, Result};

/// How many connections there may be at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub all: usize,
    /// From one address, or one network of IPv6; loopback is exempt, since a whole class sits
    /// there.
    pub per_address: usize,
    /// That have not logged in yet.
    pub before_login: usize,
    /// The same of one address; loopback too, where they give way to each other.
    pub before_login_per_address: usize,
}

/// A connection, as the limits see it.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// Its number.
    pub id: u64,
    /// Where it comes from, by [`network`].
    pub address: IpAddr,
    /// How far it is.
    pub stage: Stage,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has not logged in, since then.
    Waiting(Instant),
    /// It has not logged in, and its password is being checked.
    Checking,
    /// It has logged in.
    LoggedIn,
}

/// Whether one more connection from an address finds a place beside these. Where a limit is reached
/// it gets that of a waiting one, whose number is returned: of its own address if that has its
/// share, otherwise of the address that holds most places before login; there it is the one that
/// has waited longest.
///
/// # Errors
/// [`Error::Full`] if nobody has to give way.
pub fn admit(room: &Room, address: IpAddr, connected: &[Connected]) -> Result<Option<u64>> {
    let mut here = 0;
    let mut before_login = HashMap::<IpAddr, usize>::new();
    for one in connected {
        here += usize::from(one.address == address);
        if one.stage != Stage::LoggedIn {
            *before_login.entry(one.address).or_default() += 1;
        }
    }
    let held = |address: IpAddr| before_login.get(&address).copied().unwrap_or(0);
    if address.is_loopback() {
        here = 0;
    }
    let limits = [
        (
            true,
            held(address),
            room.before_login_per_address,
            "connections from one address before login",
        ),
        (true, here, room.per_address, "connections from one address"),
        (false, before_login.values().sum(), room.before_login, "connections before login"),
        (false, connected.len(), room.all, "connections"),
    ];
    let reached = limits.into_iter().find(|(_, now, max, _)| now >= max);
    let Some((is_of_address, _, max, what)) = reached else { return Ok(None) };
    let waiting = connected.iter().filter_map(|one| match one.stage {
        Stage::Waiting(since) if !is_of_address || one.address == address => Some((one, since)),
        _ => None,
    });
    let gives_way =
        waiting.max_by_key(|(one, since)| (held(one.address), Reverse((*since, one.id))));
    match gives_way {
        Some((one, _)) => Ok(Some(one.id)),
        None => Err(Error::Full { what, max: max as u64 }),
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
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        network(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        for (one, other, is_same) in [
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::1", "127.0.0.1", false),
        ] {
            assert_eq!(ip(one) == ip(other), is_same, "{one} {other}");
        }
    }

    /// What can happen at the door.
    #[derive(Clone, Debug)]
    enum Step {
        Come(u8),
        Check(prop::sample::Index),
        LogIn(prop::sample::Index),
        Leave(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..5u8).prop_map(Step::Come),
            1 => any::<prop::sample::Index>().prop_map(Step::Check),
            1 => any::<prop::sample::Index>().prop_map(Step::LogIn),
            1 => any::<prop::sample::Index>().prop_map(Step::Leave),
        ]
    }

    proptest! {
        /// No limit is ever exceeded; only whoever waits gives way, where most places are held, and
        /// whoever has waited longest; and nobody is refused while there is one who could.
        #[test]
        fn places_go_to_newcomers_and_never_beyond_a_limit(
            steps in prop::collection::vec(step(), 1..80),
            (all, per_address, before_login, share) in (1..9usize, 1..5usize, 1..7usize, 1..4usize),
        ) {
            let room = Room {
                all, per_address, before_login, before_login_per_address: share,
            };
            let addresses = ["127.0.0.1", "127.0.0.2", "192.0.2.1", "192.0.2.2", "2001:db8::1"];
            let begun = Instant::now();
            let mut here: Vec<Connected> = Vec::new();
            for (id, step) in (0..).zip(steps) {
                match step {
                    Step::Come(from) => {
                        let address = ip(addresses[usize::from(from)]);
                        let held = |of: IpAddr| {
                            let those = here.iter().filter(|one| one.address == of);
                            those.filter(|one| one.stage != Stage::LoggedIn).count()
                        };
                        let since = |one: &Connected| match one.stage {
                            Stage::Waiting(since) => Some(since),
                            _ => None,
                        };
                        match admit(&room, address, &here) {
                            Ok(None) => {}
                            Ok(Some(gone)) => {
                                let at = here.iter().position(|one| one.id == gone).unwrap();
                                let gone = here[at];
                                prop_assert!(since(&gone).is_some());
                                for other in &here {
                                    let same = other.address == gone.address;
                                    if same && since(other).is_some() {
                                        prop_assert!(since(&gone) <= since(other));
                                    }
                                    if gone.address != address && since(other).is_some() {
                                        prop_assert!(held(gone.address) >= held(other.address));
                                    }
                                }
                                here.remove(at);
                            }
                            Err(_) => {
                                let own = here.iter().filter(|one| one.address == address);
                                prop_assert!(own.clone().all(|one| since(one).is_none()));
                                continue;
                            }
                        }
                        let stage = Stage::Waiting(begun + Duration::from_secs(id));
                        here.push(Connected { id, address, stage });
                    }
                    Step::Check(which) if !here.is_empty() => {
                        let which = which.index(here.len());
                        if here[which].stage != Stage::LoggedIn {
                            here[which].stage = Stage::Checking;
                        }
                    }
                    Step::LogIn(which) if !here.is_empty() => {
                        let which = which.index(here.len());
                        here[which].stage = Stage::LoggedIn;
                    }
                    Step::Leave(which) if !here.is_empty() => {
                        here.remove(which.index(here.len()));
                    }
                    _ => {}
                }
                prop_assert!(here.len() <= room.all);
                let before = here.iter().filter(|one| one.stage != Stage::LoggedIn);
                prop_assert!(before.count() <= room.before_login);
                for address in addresses.map(ip) {
                    let own = here.iter().filter(|one| one.address == address);
                    prop_assert!(address.is_loopback() || own.clone().count() <= room.per_address);
                    let waiting = own.filter(|one| one.stage != Stage::LoggedIn);
                    prop_assert!(waiting.count() <= room.before_login_per_address);
                }
            }
        }
    }

    #[test]
    fn a_limit_that_nobody_can_give_way_for_refuses_by_name() {
        let room = Room { all: 3, per_address: 2, before_login: 3, before_login_per_address: 1 };
        let one = |id, address, stage| Connected { id, address: ip(address), stage };
        let (far, near) = ("192.0.2.1", "127.0.0.1");
        for (connected, words) in [
            (vec![one(1, far, Stage::Checking)], "1 connections from one address before login"),
            (vec![one(1, far, Stage::LoggedIn); 2], "2 connections from one address at most"),
            (vec![one(1, near, Stage::LoggedIn); 3], "3 connections at most"),
            (
                ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
                    .map(|it| one(1, it, Stage::Checking))
                    .into(),
                "3 connections before login at most",
            ),
        ] {
            let told = admit(&room, ip(far), &connected).unwrap_err().to_string();
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
