//! Sessions that come, ask, move a part of their turn or nothing, and leave.

use super::*;

/// What a session does before it leaves.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// Bytes that it moves.
    bytes: u64,
    /// How long it waits for a turn before it leaves without.
    patience: Duration,
    /// How long it stays when it has moved them.
    lingers: Duration,
    /// How long it takes until the next session comes.
    away: Duration,
}

fn millis(most: u64) -> impl Strategy<Value = Duration> {
    (0..=most).prop_map(Duration::from_millis)
}

fn a_visit() -> impl Strategy<Value = Visit> {
    let patience = prop_oneof![millis(500), Just(Duration::from_secs(100))];
    (1u64..60_000, patience, millis(300), millis(100))
        .prop_map(|(bytes, patience, lingers, away)| Visit { bytes, patience, lingers, away })
}

/// A client that makes one session after the other.
struct Client {
    account: usize,
    visits: Vec<Visit>,
    number: usize,
    permit: RatePermit,
    left: u64,
    since: Duration,
    at: Duration,
}

impl Client {
    fn new(account: usize, visits: Vec<Visit>) -> Client {
        let (left, permit, at) = (visits[0].bytes, RatePermit::default(), Duration::ZERO);
        Client { account, visits, number: 0, permit, left, since: at, at }
    }

    fn step(&mut self, rates: &Rates, start: Instant) -> u64 {
        let user = RateUser { name: NAMES[self.account], is_guest: false };
        let visit = self.visits[self.number % self.visits.len()];
        let now = start + self.at;
        if self.left == 0 || self.at >= self.since + visit.patience {
            rates.give_back(Way::Down, user, std::mem::take(&mut self.permit), now);
            self.number += 1;
            self.at += visit.away + Duration::from_nanos(100);
            self.left = self.visits[self.number % self.visits.len()].bytes;
            self.since = self.at;
            return 0;
        }
        match rates.due(Way::Down, user, &mut self.permit, self.left, now) {
            Due::Wait(wait) => {
                self.at += wait.min(limits::RATE_LOOK);
                0
            }
            Due::Move(bytes) => {
                self.left -= bytes;
                self.since = self.at;
                self.at += if self.left == 0 { visit.lingers } else { Duration::from_nanos(100) };
                bytes
            }
        }
    }
}

fn watch(rates: &Rates, clients: &mut [Client], secs: u64) -> Game {
    let (start, mut moves) = (Instant::now(), Vec::new());
    loop {
        let next = clients.iter_mut().min_by_key(|client| client.at).unwrap();
        if next.at >= Duration::from_secs(secs) {
            return Game { moves, players: Vec::new() };
        }
        let (at, account) = (next.at, next.account);
        let bytes = next.step(rates, start);
        moves.push((at, account, bytes));
    }
}

impl Game {
    fn sum(&self) -> u64 {
        self.moves.iter().map(|(.., bytes)| bytes).sum()
    }
}

/// No place of a turn is another's too, or a gap.
fn no_place_is_given_twice(clients: &[Client], rates: &Rates, own: bool) {
    let state = rates.down.state();
    let limits = state.limits;
    let accounts = if own { &NAMES[..] } else { &NAMES[..1] };
    for (account, name) in accounts.iter().enumerate() {
        let (bucket, rate) = match own {
            true => (state.accounts.get(*name), limits.account),
            false => (Some(&state.all), limits.all),
        };
        let (Some(bucket), Some(rate)) = (bucket, rate) else { continue };
        let mut places = bucket.gaps();
        for client in clients.iter().filter(|client| !own || client.account == account) {
            let permit = &client.permit;
            if let Some(end) = if own { permit.own_end } else { permit.all_end } {
                places.push((end - bucket::earned_in(permit.bytes, rate), end));
            }
        }
        places.sort();
        for pair in places.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{pair:?} of {places:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_rate_holds_in_every_window_whoever_comes_and_leaves(
        rate in 20_000u64..1_000_000,
        clients in proptest::collection::vec(proptest::collection::vec(a_visit(), 1..6), 1..30),
    ) {
        let count = clients.len();
        let rates = Rates::default();
        rates.set(Way::Down, only(rate));
        let mut clients: Vec<Client> =
            clients.into_iter().map(|visits| Client::new(0, visits)).collect();
        let game = watch(&rates, &mut clients, 10);
        let most = game.most_above(rate, |_| true);
        // A turn begins at once for everybody who has one: nobody comes late here.
        prop_assert!(most <= slack(rate, 1, 0), "{most} above {rate} of {count}");
        no_place_is_given_twice(&clients, &rates, true);
    }

    #[test]
    fn both_rates_hold_whoever_comes_and_leaves(
        all in 100_000u64..2_000_000,
        own in 1u64..4,
        clients in proptest::collection::vec(
            (0usize..4, proptest::collection::vec(a_visit(), 1..6)), 1..30,
        ),
    ) {
        let own = all * own / 2;
        let rates = Rates::default();
        rates.set(Way::Down, RateLimits { account: Some(own), guests: None, all: Some(all) });
        let mut clients: Vec<Client> =
            clients.into_iter().map(|(account, visits)| Client::new(account, visits)).collect();
        let game = watch(&rates, &mut clients, 10);
        let most = game.most_above(all, |_| true);
        prop_assert!(most <= slack(all, 4, 0), "{most} above {all} of all");
        for account in 0..4 {
            let of = clients.iter().filter(|client| client.account == account).count();
            let most = game.most_above(own, |a| a == account);
            prop_assert!(most <= slack(own, 1, of), "{most} above {own} of {account}");
        }
        no_place_is_given_twice(&clients, &rates, true);
        no_place_is_given_twice(&clients, &rates, false);
    }
}

#[test]
fn many_short_sessions_get_the_rate() {
    for (rate, bytes) in [(100_000, 1024), (100_000, 4000), (1_000_000, 1024), (1_000_000, 60_000)]
    {
        for (accounts, count) in [(1, 1), (1, 8), (1, 60), (4, 40)] {
            for all in [false, true] {
                let (account, all) = if all { (None, Some(rate)) } else { (Some(rate), None) };
                let rates = Rates::default();
                rates.set(Way::Down, RateLimits { account, guests: None, all });
                let soon = Duration::from_micros(500);
                let patience = Duration::from_secs(100);
                let visit = Visit { bytes, patience, lingers: soon, away: soon };
                let mut clients: Vec<Client> =
                    (0..count).map(|i| Client::new(i % accounts, vec![visit; 1])).collect();
                let sum = watch(&rates, &mut clients, 10).sum();
                let rates_in_force = if all.is_some() { 1 } else { accounts as u64 };
                let can = (10 * 1_000 * count as u64 * bytes).min(10 * rate * rates_in_force);
                assert!(
                    sum * 10 >= can * 8,
                    "{count} clients of {accounts}, {bytes} bytes each, {rate}: {sum} of {can}"
                );
            }
        }
    }
}

/// A session that asks and leaves takes nothing from others, whether the turn had begun or not.
#[test]
fn who_asks_and_leaves_makes_nobody_wait() {
    let (rates, start) = (Rates::default(), Instant::now());
    rates.set(Way::Down, RateLimits { all: Some(100_000), ..RateLimits::default() });
    let bob = RateUser { name: "bob", is_guest: false };
    for number in 0..100 {
        let now = start + number * Duration::from_millis(10);
        let mut permits: [RatePermit; 30] = std::array::from_fn(|_| RatePermit::default());
        for permit in &mut permits {
            rates.due(Way::Down, ann(), permit, 1024, now);
        }
        permits.into_iter().for_each(|permit| rates.give_back(Way::Down, ann(), permit, now));
    }
    let now = start + Duration::from_secs(1);
    let moved = rates.due(Way::Down, bob, &mut RatePermit::default(), 5000, now);
    assert_eq!(moved, Due::Move(5000));
    assert_eq!(rates.down.state().all.stand_for(), 0);
}

#[test]
fn who_waits_moves_up_when_those_before_him_leave() {
    let (rates, now) = (Rates::default(), Instant::now());
    rates.set(Way::Down, only(1024));
    let ask = |permit: &mut RatePermit| match rates.due(Way::Down, ann(), permit, 1024, now) {
        Due::Wait(wait) => wait.as_millis(),
        Due::Move(_) => 0,
    };
    let mut permits: Vec<RatePermit> = (0..5).map(|_| RatePermit::default()).collect();
    let waits: Vec<_> = permits.iter_mut().map(ask).collect();
    assert_eq!(waits, [800, 1800, 2800, 3800, 4800]);
    for permit in permits.drain(1..3) {
        rates.give_back(Way::Down, ann(), permit, now);
    }
    let waits: Vec<_> = permits.iter_mut().map(ask).collect();
    assert_eq!(waits, [800, 1800, 2800]);
    // And the end of the line is where the last of them stands.
    assert_eq!(ask(&mut RatePermit::default()), 3800);
}

/// A turn of other rates, or of another login, is worth nothing to the ones in force.
#[test]
fn what_was_given_out_elsewhere_does_not_come_back_here() {
    let (rates, now) = (Rates::default(), Instant::now());
    rates.set(Way::Down, RateLimits { guests: Some(100_000), ..only(100_000) });
    let mut permit = RatePermit::default();
    rates.due(Way::Down, ann(), &mut permit, 1, now);
    rates.set(Way::Down, RateLimits { guests: Some(100_000), ..only(1024) });
    assert!(matches!(
        rates.due(Way::Down, ann(), &mut RatePermit::default(), 1, now),
        Due::Wait(_)
    ));
    let places = rates.down.state().accounts["ann"].gaps();
    rates.give_back(Way::Down, ann(), permit, now);
    rates.give_back(Way::Down, ann(), RatePermit::default(), now);
    assert_eq!(rates.down.state().accounts["ann"].gaps(), places);
}
