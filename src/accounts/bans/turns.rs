//! Whose attempt to log in is looked at next.
//!
//! Never: reads a clock, looks at a password, or asks whether an account exists.
//! Invariant: attempts that run count as failures until it is known what they are, so that those
//! that come together are no more than those that come one after the other. An attempt is in here
//! only while its connection is, so there are never more than connections before login.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::tally::{Key, Tally};
use super::{Network, Rules};
use crate::gate;
use crate::limits;

/// The time within which the guesses of all networks together are limited.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// When it is worth to ask again where nobody can say when the turn comes.
const SOON: Duration = limits::OPERATION_LOOK;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: u64,
    of: BTreeMap<Key, Vec<Attempt>>,
}

/// An attempt that waits for its turn, or that runs.
#[derive(Debug)]
struct Attempt {
    number: u64,
    /// As [`gate::network`] counts it.
    from: IpAddr,
    /// Whether the account has logged in from that network lately.
    familiar: bool,
    runs: bool,
}

impl Turns {
    /// One more waits; gives its number.
    pub(super) fn enter(&mut self, key: Key, from: IpAddr, familiar: bool) -> u64 {
        self.next += 1;
        let attempt =
            Attempt { number: self.next, from: gate::network(from), familiar, runs: false };
        self.of.entry(key).or_default().push(attempt);
        self.next
    }

    /// It is over, whether it ran or not.
    pub(super) fn leave(&mut self, key: &Key, number: u64) {
        if let Some(all) = self.of.get_mut(key) {
            all.retain(|one| one.number != number);
            if all.is_empty() {
                self.of.remove(key);
            }
        }
    }

    /// Begins an attempt if it is its turn; otherwise gives how long it is to wait until it asks
    /// again.
    pub(super) fn begin(
        &mut self,
        key: &Key,
        number: u64,
        tally: &Tally,
        rules: &Rules,
        now: Duration,
    ) -> Result<(), Duration> {
        let Some(me) = self.of.get(key).and_then(|all| all.iter().find(|one| one.number == number))
        else {
            return Ok(());
        };
        self.begin_in_network(key, number, tally, rules, now)?;
        if !me.familiar {
            self.begin_in_all(key, tally, rules, now)?;
        }
        let me =
            self.of.get_mut(key).and_then(|all| all.iter_mut().find(|one| one.number == number));
        if let Some(me) = me {
            me.runs = true;
        }
        Ok(())
    }

    /// Below the number of failures attempts run side by side. Above it they run one at a time,
    /// each a while after the last failure, and that comes next whose address has failed least, of
    /// one address that which came last: whoever guesses has others waiting already.
    fn begin_in_network(
        &self,
        key: &Key,
        number: u64,
        tally: &Tally,
        rules: &Rules,
        now: Duration,
    ) -> Result<(), Duration> {
        let all = self.of.get(key).map(Vec::as_slice).unwrap_or_default();
        let running = all.iter().filter(|one| one.runs).count();
        let failed = || tally.of(key, now, rules.window());
        let (count, most) = (failed().count(), rules.slow_after as usize);
        if count < most {
            return if count + running < most { Ok(()) } else { Err(SOON) };
        }
        let ready = failed().map(|one| one.at).max().unwrap_or_default().saturating_add(rules.slow);
        if ready > now {
            return Err(ready.saturating_sub(now));
        }
        let rank = |one: &&Attempt| {
            (failed().filter(|failure| failure.from == one.from).count(), Reverse(one.number))
        };
        let next = all.iter().filter(|one| !one.runs).min_by_key(rank);
        let is_next = next.is_some_and(|next| next.number == number);
        if running == 0 && is_next { Ok(()) } else { Err(SOON) }
    }

    /// All networks that the account has not logged in from have so many failures a minute.
    fn begin_in_all(
        &self,
        (name, _): &Key,
        tally: &Tally,
        rules: &Rules,
        now: Duration,
    ) -> Result<(), Duration> {
        let own = self.of.range((name.clone(), Network::FIRST)..);
        let own = own.take_while(|((of, _), _)| of == name).flat_map(|(_, all)| all);
        let running = own.filter(|one| one.runs && !one.familiar).count();
        let failed = || tally.of_strangers(name, now, MINUTE);
        if failed().count() + running < rules.per_minute as usize {
            return Ok(());
        }
        let free = failed().min().map(|first| first.saturating_add(MINUTE).saturating_sub(now));
        Err(free.unwrap_or(SOON).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::super::tally::Failure;
    use super::*;
    use crate::accounts::AccountName;

    const RULES: Rules = Rules {
        slow_after: 3,
        slow: Duration::from_secs(30),
        per_minute: 4,
        address_after: 1000,
        within: Duration::from_secs(90),
        first: Duration::ZERO,
    };

    fn name(n: usize) -> AccountName {
        AccountName::parse(["ann", "bob"][n]).unwrap()
    }

    /// Two hosts in each of four networks; the first network is familiar to both accounts.
    fn host(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, n / 2, n % 2).into()
    }

    fn is_familiar(from: IpAddr) -> bool {
        Network::of(from) == Network::of(host(0))
    }

    /// All attempts of a moment, and what a plain list of all failures says about them.
    #[derive(Default)]
    struct World {
        tally: Tally,
        turns: Turns,
        now: Duration,
        waiting: Vec<(usize, IpAddr, u64)>,
        running: Vec<(usize, IpAddr, u64)>,
        failures: Vec<(usize, IpAddr, Duration)>,
    }

    impl World {
        fn key(who: usize, from: IpAddr) -> Key {
            (name(who), Network::of(from))
        }

        fn enter(&mut self, who: usize, from: IpAddr) {
            let number = self.turns.enter(World::key(who, from), from, is_familiar(from));
            self.waiting.push((who, from, number));
        }

        fn begin(&mut self, at: usize) -> Result<(), Duration> {
            let (who, from, number) = self.waiting[at];
            let World { tally, turns, now, .. } = self;
            turns.begin(&World::key(who, from), number, tally, &RULES, *now)?;
            self.running.push(self.waiting.remove(at));
            Ok(())
        }

        fn end(&mut self, at: usize, fails: bool) {
            let (who, from, number) = self.running.remove(at);
            if fails {
                let familiar = is_familiar(from);
                let name = Some(name(who));
                let failure = Failure { at: self.now, name, known: true, familiar, from };
                self.tally.failed(failure, &RULES);
                self.failures.push((who, from, self.now));
            }
            self.turns.leave(&World::key(who, from), number);
        }

        /// How many failed and run in a network; the last failure there; how many of strangers
        /// failed within a minute and run.
        fn counts(&self, who: usize, from: IpAddr) -> (usize, usize, Duration, usize) {
            let same = |one: IpAddr| Network::of(one) == Network::of(from);
            let in_window = |at: Duration, window| self.now - at < window;
            let failed = self.failures.iter().filter(|(of, from, at)| {
                *of == who && same(*from) && in_window(*at, RULES.window())
            });
            let running = self.running.iter().filter(|(of, from, _)| *of == who && same(*from));
            let last = failed.clone().map(|(_, _, at)| *at).max().unwrap_or_default();
            let strange = self.failures.iter().filter(|(of, from, at)| {
                *of == who && !is_familiar(*from) && in_window(*at, MINUTE)
            });
            let run = self.running.iter().filter(|(of, from, _)| *of == who && !is_familiar(*from));
            (failed.count(), running.count(), last, strange.count() + run.count())
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Enter(usize, u8),
        Begin(prop::sample::Index),
        End(prop::sample::Index, bool),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..2usize, 0..8u8).prop_map(|(who, from)| Step::Enter(who, from)),
            6 => any::<prop::sample::Index>().prop_map(Step::Begin),
            4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.9))
                .prop_map(|(at, fails)| Step::End(at, fails)),
            1 => (0..40u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Whatever happens: no more begin than the figures allow, nobody waits without a reason,
        /// and what others do elsewhere is none where the account has logged in from.
        #[test]
        fn the_figures_hold_and_nobody_waits_for_nothing(
            steps in prop::collection::vec(step(), 1..150),
        ) {
            let mut world = World::default();
            for step in steps {
                match step {
                    Step::Enter(who, from) => world.enter(who, host(from)),
                    Step::Begin(at) if !world.waiting.is_empty() => {
                        let at = at.index(world.waiting.len());
                        let (who, from, _) = world.waiting[at];
                        let (failed, running, last, strange) = world.counts(who, from);
                        let is_slow = failed >= RULES.slow_after as usize;
                        let own = if is_slow {
                            running == 0 && world.now >= last + RULES.slow
                        } else {
                            failed + running < RULES.slow_after as usize
                        };
                        let all = is_familiar(from) || strange < RULES.per_minute as usize;
                        match world.begin(at) {
                            Ok(()) => prop_assert!(own && all),
                            // Above the number another one may be the next.
                            Err(_) => prop_assert!(!own || !all || is_slow),
                        }
                    }
                    Step::End(at, fails) if !world.running.is_empty() => {
                        world.end(at.index(world.running.len()), fails);
                    }
                    Step::Wait(secs) => world.now += Duration::from_secs(secs),
                    _ => {}
                }
            }
            // Nobody waits for ever: each time the clock says so, somebody's turn comes.
            while !world.running.is_empty() {
                world.end(0, true);
            }
            while !world.waiting.is_empty() {
                let waits: Vec<Duration> =
                    (0..world.waiting.len()).rev().filter_map(|at| world.begin(at).err()).collect();
                if world.running.is_empty() {
                    world.now += waits.into_iter().min().unwrap();
                }
                while !world.running.is_empty() {
                    world.end(0, true);
                }
            }
            prop_assert!(world.turns.of.is_empty(), "nothing is left behind");
        }
    }

    /// A day of guesses by somebody who always has twenty attempts waiting, and the owner once an
    /// hour from another address of the same network.
    #[test]
    fn a_day_of_guesses_is_2880_and_the_owner_gets_in_at_the_next_turn() {
        let mut world = World::default();
        let (attacker, owner) = (host(2), host(3));
        let day = Duration::from_secs(24 * 3600);
        while world.now < day {
            while world.waiting.len() < 20 {
                world.enter(0, attacker);
            }
            if world.now.as_secs() % 3600 == 7 {
                world.enter(0, owner);
                let since = world.now;
                while world.waiting.iter().any(|(_, from, _)| *from == owner) {
                    for at in (0..world.waiting.len()).rev() {
                        let _ = world.begin(at);
                    }
                    while let Some((_, from, _)) = world.running.first() {
                        world.end(0, *from != owner);
                    }
                    world.now += Duration::from_secs(1);
                }
                let waited = world.now - since;
                assert!(waited <= RULES.slow + Duration::from_secs(1), "{waited:?}");
            }
            for at in (0..world.waiting.len()).rev() {
                let _ = world.begin(at);
            }
            while !world.running.is_empty() {
                world.end(0, true);
            }
            world.now += Duration::from_secs(1);
        }
        let guesses = world.failures.len();
        assert!((2800..=2880 + RULES.slow_after as usize).contains(&guesses), "{guesses}");
    }

    /// Of one address the newest goes first: whoever guesses there has others waiting already.
    #[test]
    fn of_one_address_the_newest_attempt_goes_first() {
        let mut world = World::default();
        for _ in 0..RULES.slow_after {
            world.enter(0, host(0));
            world.begin(0).unwrap();
            world.end(0, true);
        }
        for _ in 0..3 {
            world.enter(0, host(0));
        }
        assert_eq!(world.begin(2), Err(RULES.slow));
        world.now += RULES.slow;
        assert_eq!([world.begin(0), world.begin(1)], [Err(SOON); 2]);
        assert_eq!(world.begin(2), Ok(()));
        world.enter(0, host(0));
        assert_eq!(world.begin(2), Err(SOON), "one at a time");
        world.end(0, false);
        assert_eq!(world.begin(2), Ok(()), "a right password costs nobody anything");
    }
}
