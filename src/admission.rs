//! Admission: how many connections there may be, and which one gives its place to a newcomer.
//!
//! Never: knows a socket or a clock.
//! Invariant: a connection gives its place up only before its login, never while its password is
//! being checked, and where the newcomer's address would hold more places then than its own only
//! after [`limits::SLOT_KEPT`] or a refused login.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::limits;

/// How many connections there may be at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub all: usize,
    /// From one address, or one network of IPv6; loopback is exempt, since a whole class sits
    /// there.
    pub per_address: usize,
    /// That have not logged in yet.
    pub before_login: usize,
    /// Connections of one address through one protocol; loopback too, where they give way to each
    /// other.
    pub before_login_per_address: usize,
}

/// A connection, as the limits see it.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// Its number.
    pub id: u64,
    /// Where it comes from.
    pub from: Origin,
    /// How far it is.
    pub stage: Stage,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its address, by [`network`].
    pub address: IpAddr,
    /// The protocol that it speaks.
    pub protocol: &'static str,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has not logged in, since then.
    Waiting(Instant),
    /// Before its login, and one was refused.
    Refused(Instant),
    /// It has not logged in, and its password is being checked.
    Checking,
    /// It has logged in.
    LoggedIn,
}

impl Stage {
    /// Since when it waits for its login, and whether one was refused.
    fn waits(self) -> Option<(Instant, bool)> {
        match self {
            Stage::Waiting(since) => Some((since, false)),
            Stage::Refused(since) => Some((since, true)),
            Stage::Checking | Stage::LoggedIn => None,
        }
    }
}

/// Which connections a limit is about.
#[derive(Clone, Copy)]
enum LimitScope {
    /// Those from the newcomer's address that speak its protocol.
    Alike,
    /// Those from its address.
    Near,
    /// All of them.
    All,
}

/// Whether one more connection finds a place beside these. Where a limit is reached it gets that of
/// a waiting one, whose number is returned: of its own address if that has its share, otherwise of
/// the address that holds most places before login; there it is one whose login was refused,
/// otherwise the one that has waited longest. Where an address would hold fewer than the newcomer's
/// then, its connections keep their places for [`limits::SLOT_KEPT`] or until a login is refused,
/// so that many newcomers do not keep each other from logging in.
///
/// # Errors
/// [`Error::Full`] if nobody has to give way.
pub fn admit(
    most: &ConnectionLimits,
    newcomer: Origin,
    connected: impl Iterator<Item = Connected> + Clone,
    now: Instant,
) -> Result<Option<u64>> {
    let (mut all, mut here, mut share) = (0, 0, 0);
    let mut before_login = HashMap::<IpAddr, usize>::new();
    for one in connected.clone() {
        all += 1;
        here += usize::from(one.from.address == newcomer.address);
        if one.stage != Stage::LoggedIn {
            share += usize::from(one.from == newcomer);
            *before_login.entry(one.from.address).or_default() += 1;
        }
    }
    let held = |address: IpAddr| before_login.get(&address).copied().unwrap_or(0);
    if newcomer.address.is_loopback() {
        here = 0;
    }
    let limits = [
        (
            LimitScope::Alike,
            share,
            most.before_login_per_address,
            "connections from one address before login",
        ),
        (LimitScope::Near, here, most.per_address, "connections from one address"),
        (
            LimitScope::All,
            before_login.values().sum(),
            most.before_login,
            "connections before login",
        ),
        (LimitScope::All, all, most.all, "connections"),
    ];
    let reached = limits.into_iter().find(|(_, now, max, _)| now >= max);
    let Some((scope, _, max, what)) = reached else { return Ok(None) };
    let may_give_way = |one: &Connected| match scope {
        LimitScope::Alike => one.from == newcomer,
        LimitScope::Near => one.from.address == newcomer.address,
        LimitScope::All => true,
    };
    let waiting = connected.filter(may_give_way).filter_map(|one| {
        let (since, is_refused) = one.stage.waits()?;
        // It keeps as many as the newcomer's will have then.
        let has_more = held(one.from.address) > held(newcomer.address).saturating_add(1);
        let had_time = is_refused || now.saturating_duration_since(since) >= limits::SLOT_KEPT;
        let key = (held(one.from.address), is_refused, Reverse((since, one.id)));
        (has_more || had_time).then_some((key, one.id))
    });
    match waiting.max_by_key(|(key, _)| *key) {
        Some((_, id)) => Ok(Some(id)),
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

    /// What can happen to a connection.
    #[derive(Clone, Debug)]
    enum Step {
        Come(u8, bool),
        Wait,
        Check(prop::sample::Index),
        Refuse(prop::sample::Index),
        LogIn(prop::sample::Index),
        Leave(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..5u8, any::<bool>()).prop_map(|(from, ftp)| Step::Come(from, ftp)),
            2 => Just(Step::Wait),
            1 => any::<prop::sample::Index>().prop_map(Step::Check),
            1 => any::<prop::sample::Index>().prop_map(Step::Refuse),
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
            let most = ConnectionLimits {
                all, per_address, before_login, before_login_per_address: share,
            };
            let addresses = ["127.0.0.1", "127.0.0.2", "192.0.2.1", "192.0.2.2", "2001:db8::1"];
            let mut now = Instant::now();
            let mut here: Vec<Connected> = Vec::new();
            for (id, step) in (0..).zip(steps) {
                now += Duration::from_millis(1);
                match step {
                    Step::Wait => now += limits::SLOT_KEPT,
                    Step::Come(from, ftp) => {
                        let address = ip(addresses[usize::from(from)]);
                        let from = Origin { address, protocol: if ftp { "ftp" } else { "framed" } };
                        let held = |of: IpAddr| {
                            let those = here.iter().filter(|one| one.from.address == of);
                            those.filter(|one| one.stage != Stage::LoggedIn).count()
                        };
                        let since = |one: &Connected| match one.stage {
                            Stage::Waiting(since) | Stage::Refused(since) => Some(since),
                            _ => None,
                        };
                        let is_refused = |one: &Connected| matches!(one.stage, Stage::Refused(_));
                        let is_old = |one: &Connected| {
                            is_refused(one)
                                || since(one).is_some_and(|since| now - since >= limits::SLOT_KEPT)
                        };
                        match admit(&most, from, here.iter().copied(), now) {
                            Ok(None) => {}
                            Ok(Some(gone)) => {
                                let at = here.iter().position(|one| one.id == gone).unwrap();
                                let gone = here[at];
                                prop_assert!(since(&gone).is_some());
                                prop_assert!(
                                    is_old(&gone) || held(gone.from.address) > held(address)
                                );
                                for other in &here {
                                    if other.from == gone.from && since(other).is_some() {
                                        prop_assert!(
                                            (!is_refused(&gone), since(&gone))
                                                <= (!is_refused(other), since(other))
                                        );
                                    }
                                    if gone.from.address != address && is_old(other) {
                                        prop_assert!(
                                            held(gone.from.address) >= held(other.from.address)
                                        );
                                    }
                                }
                                here.remove(at);
                            }
                            Err(_) => {
                                let mut own = here.iter().filter(|one| one.from == from);
                                prop_assert!(own.all(|one| !is_old(one)));
                                continue;
                            }
                        }
                        here.push(Connected { id, from, stage: Stage::Waiting(now) });
                    }
                    Step::Check(which) if !here.is_empty() => {
                        let which = which.index(here.len());
                        if here[which].stage != Stage::LoggedIn {
                            here[which].stage = Stage::Checking;
                        }
                    }
                    Step::Refuse(which) if !here.is_empty() => {
                        let which = which.index(here.len());
                        if here[which].stage == Stage::Checking {
                            here[which].stage = Stage::Refused(now);
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
                prop_assert!(here.len() <= most.all);
                let before = here.iter().filter(|one| one.stage != Stage::LoggedIn);
                prop_assert!(before.count() <= most.before_login);
                for address in addresses.map(ip) {
                    let own = here.iter().filter(|one| one.from.address == address);
                    prop_assert!(address.is_loopback() || own.clone().count() <= most.per_address);
                    for protocol in ["ftp", "framed"] {
                        let waiting = own.clone().filter(|one| one.stage != Stage::LoggedIn);
                        let alike = waiting.filter(|one| one.from.protocol == protocol).count();
                        prop_assert!(alike <= most.before_login_per_address);
                    }
                }
            }
        }
    }

    /// A flood of newcomers from one address is refused, and whoever is there has time to log in;
    /// somebody from another address gets a place at once.
    #[test]
    fn whoever_is_there_keeps_its_place_for_a_moment() {
        let most = ConnectionLimits {
            all: 9,
            per_address: 9,
            before_login: 3,
            before_login_per_address: 2,
        };
        let from = |text| Origin { address: ip(text), protocol: "framed" };
        let (near, far, begun) = (from("127.0.0.1"), from("192.0.2.1"), Instant::now());
        let waiting = |id, from| Connected { id, from, stage: Stage::Waiting(begun) };
        let two = [waiting(1, near), waiting(2, near)];
        let short = begun + limits::SLOT_KEPT / 2;
        assert!(admit(&most, near, two.iter().copied(), short).is_err());
        assert_eq!(
            admit(&most, near, two.iter().copied(), begun + limits::SLOT_KEPT).unwrap(),
            Some(1)
        );
        let refused = [two[0], Connected { stage: Stage::Refused(begun), ..two[1] }];
        assert_eq!(
            admit(&most, near, refused.iter().copied(), short).unwrap(),
            Some(2),
            "it has had its chance"
        );
        assert_eq!(
            admit(&most, Origin { protocol: "ftp", ..near }, two.iter().copied(), short).unwrap(),
            None
        );
        let three = [two[0], two[1], waiting(3, from("192.0.2.7"))];
        assert_eq!(admit(&most, far, three.iter().copied(), short).unwrap(), Some(1));
    }

    #[test]
    fn a_limit_that_nobody_can_give_way_for_refuses_by_name() {
        let most = ConnectionLimits {
            all: 3,
            per_address: 2,
            before_login: 3,
            before_login_per_address: 1,
        };
        let from = |address| Origin { address: ip(address), protocol: "framed" };
        let one = |id, address, stage| Connected { id, from: from(address), stage };
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
            let reported = admit(&most, from(far), connected.iter().copied(), Instant::now())
                .unwrap_err()
                .to_string();
            assert!(reported.contains(words), "{words}: {reported}");
        }
    }
}
