//! Turns against a plain list of all failures, and the owner against those who guess.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::tally::FailedAttempt;
use super::*;
use crate::accounts::AccountName;

const RULES: BanRules = BanRules {
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
    turns: AttemptQueue,
    now: Duration,
    made: u64,
    waiting: Vec<(usize, IpAddr, u64)>,
    running: Vec<(usize, IpAddr, u64)>,
    failures: Vec<(usize, IpAddr, Duration)>,
}

impl World {
    fn key(target: usize, from: IpAddr) -> FailureKey {
        (name(target), Network::of(from))
    }

    /// One that was never made before.
    fn enter(&mut self, target: usize, from: IpAddr) {
        self.made += 1;
        self.enter_with(target, from, self.made);
    }

    fn enter_with(&mut self, target: usize, from: IpAddr, password: u64) {
        let mut ticket = Ticket::default();
        ticket[..8].copy_from_slice(&password.to_be_bytes());
        let applicant = Applicant { from, familiar: is_familiar(from), ticket };
        let number = self.turns.enter(World::key(target, from), &applicant, self.now);
        self.waiting.push((target, from, number));
    }

    /// One gives up that waits.
    fn give_up(&mut self, at: usize) {
        let (target, from, number) = self.waiting.remove(at);
        self.turns.leave(&World::key(target, from), number, self.now);
    }

    fn begin(&mut self, at: usize) -> Result<(), Duration> {
        let (target, from, number) = self.waiting[at];
        let World { tally, turns, now, .. } = self;
        turns.begin(&World::key(target, from), number, tally, &RULES, *now)?;
        self.running.push(self.waiting.remove(at));
        Ok(())
    }

    fn end(&mut self, at: usize, fails: bool) {
        let (target, from, number) = self.running.remove(at);
        if fails {
            let familiar = is_familiar(from);
            let name = Some(name(target));
            let failure = FailedAttempt { at: self.now, name, known: true, familiar, from };
            self.tally.failed(failure, &RULES);
            self.failures.push((target, from, self.now));
        }
        self.turns.leave(&World::key(target, from), number, self.now);
    }

    /// So many have failed that attempts wait.
    fn slow_down(&mut self) {
        for _ in 0..RULES.slow_after {
            self.enter(0, host(0));
            self.begin(0).unwrap();
            self.end(0, true);
        }
    }

    /// How many failed and run in a network; the last failure there; how many of names that nobody
    /// has failed within a minute and run.
    fn counts(&self, target: usize, from: IpAddr) -> (usize, usize, Duration, usize) {
        let same = |one: IpAddr| Network::of(one) == Network::of(from);
        let in_window = |at: Duration, window| self.now - at < window;
        let failed = self.failures.iter().filter(|(of, from, at)| {
            *of == target && same(*from) && in_window(*at, RULES.window())
        });
        let running = self.running.iter().filter(|(of, from, _)| *of == target && same(*from));
        let last = failed.clone().map(|(_, _, at)| *at).max().unwrap_or_default();
        let strange = self.failures.iter().filter(|(of, from, at)| {
            *of == target && !is_familiar(*from) && in_window(*at, MINUTE)
        });
        let run = self.running.iter().filter(|(of, from, _)| *of == target && !is_familiar(*from));
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
        3 => (0..2usize, 0..8u8).prop_map(|(target, from)| Step::Enter(target, from)),
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
                Step::Enter(target, from) => world.enter(target, host(from)),
                Step::Begin(at) if !world.waiting.is_empty() => {
                    let at = at.index(world.waiting.len());
                    let (target, from, _) = world.waiting[at];
                    let (failed, running, last, strange) = world.counts(target, from);
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

/// Of one address the oldest goes first: whoever guesses there comes again behind the others.
#[test]
fn of_one_address_the_oldest_attempt_goes_first() {
    let mut world = World::default();
    world.slow_down();
    for _ in 0..3 {
        world.enter(0, host(0));
    }
    assert_eq!(world.begin(0), Err(RULES.slow));
    world.now += RULES.slow;
    assert_eq!([world.begin(2), world.begin(1)], [Err(SOON); 2]);
    assert_eq!(world.begin(0), Ok(()));
    assert_eq!(world.begin(0), Err(SOON), "one at a time");
    world.end(0, false);
    assert_eq!(world.begin(0), Ok(()), "a right password costs nobody anything");
}

/// Somebody at the owner's own address makes a new guess every so often, all day, and each is
/// given up when it has waited long; so are the owner's attempts, who makes them again.
#[test]
fn a_steady_guesser_at_the_same_address_holds_the_owner_up_for_two_attempts() {
    for every_secs in [1, 2, 5, 29, 31] {
        let mut world = World::default();
        world.slow_down();
        let (mut guesses, mut owners, mut given_up) = (Vec::new(), None, 0);
        let begun = Duration::from_secs(300);
        while given_up < 2 {
            world.now += Duration::from_secs(1);
            let secs = world.now.as_secs();
            if secs % every_secs == 0 {
                world.enter(0, host(0));
                guesses.push((world.turns.next, world.now));
            }
            if world.now >= begun && owners.is_none() {
                world.enter_with(0, host(0), u64::MAX);
                owners = Some((world.turns.next, world.now));
            }
            let all = guesses.iter().copied().chain(owners);
            let late: Vec<u64> = all
                .filter(|(_, since)| world.now - *since >= limits::ATTEMPT_WAIT)
                .map(|(number, _)| number)
                .collect();
            for number in late {
                let at = world.waiting.iter().position(|(.., waits)| *waits == number);
                if let Some(at) = at {
                    world.give_up(at);
                    if owners.take_if(|(owner, _)| *owner == number).is_some() {
                        given_up += 1;
                    }
                }
                guesses.retain(|(guess, _)| *guess != number);
            }
            for at in (0..world.waiting.len()).rev() {
                let _ = world.begin(at);
            }
            let own = owners.map(|(number, _)| number);
            if world.running.iter().any(|(.., number)| Some(*number) == own) {
                break;
            }
            while !world.running.is_empty() {
                world.end(0, true);
            }
        }
        assert!(given_up < 2, "every {every_secs} s");
        assert!(world.now <= begun + limits::ATTEMPT_WAIT + 2 * RULES.slow, "{every_secs}");
    }
}

#[test]
fn a_place_is_kept_for_the_same_attempt_alone_and_not_for_ever() {
    let mut world = World::default();
    world.slow_down();
    for (password, other) in [(1, 1), (1, 2)] {
        world.enter_with(0, host(0), password);
        let at = world.waiting.len() - 1;
        world.now += limits::POSITION_EARNED;
        world.give_up(at);
        assert_eq!(world.turns.kept.len(), 1);
        world.enter_with(0, host(0), other);
        let is_kept = world.turns.of.values().flatten().any(|one| one.came_again);
        assert_eq!(is_kept, password == other);
        world.give_up(at);
        world.now += limits::POSITION_KEPT;
    }
    // One that has hardly waited earns none.
    world.turns.kept.clear();
    world.enter(0, host(0));
    world.give_up(0);
    assert!(world.turns.kept.is_empty());
    for _ in 0..=limits::POSITIONS_KEPT {
        world.enter(0, host(0));
    }
    world.now += limits::POSITION_EARNED;
    while !world.waiting.is_empty() {
        world.give_up(0);
    }
    assert_eq!(world.turns.kept.len(), limits::POSITIONS_KEPT);
}
