//! Turns against a model of sessions that always want more.

mod visits;

use proptest::prelude::*;

use super::*;

/// A session as the model plays it.
struct Player {
    account: usize,
    permit: RatePermit,
    /// When it looks next.
    at: Duration,
    moved: u64,
}

/// What moved when, and how much each of the players moved.
struct Game {
    moves: Vec<(Duration, usize, u64)>,
    players: Vec<Player>,
}

const NAMES: [&str; 4] = ["ann", "bob", "cid", "dee"];

/// Plays for a time: each session asks for pieces of `piece` bytes as soon as it may have them, and
/// comes late by what `late` gives.
fn play(
    limits: RateLimits,
    accounts: &[usize],
    (piece, secs): (u64, u64),
    mut late: impl FnMut() -> Duration,
) -> Game {
    let rates = Rates::default();
    rates.set(Way::Down, limits);
    let start = Instant::now();
    let new = |account: &usize| Player {
        account: *account,
        permit: RatePermit::default(),
        at: Duration::ZERO,
        moved: 0,
    };
    let mut game = Game { moves: Vec::new(), players: accounts.iter().map(new).collect() };
    loop {
        let next = game.players.iter().enumerate().min_by_key(|(_, player)| player.at).unwrap().0;
        let player = &mut game.players[next];
        if player.at >= Duration::from_secs(secs) {
            return game;
        }
        let user = RateUser { name: NAMES[player.account], is_guest: false };
        match rates.due(Way::Down, user, &mut player.permit, piece, start + player.at) {
            Due::Wait(wait) => player.at += wait + late(),
            Due::Move(bytes) => {
                player.moved += bytes;
                game.moves.push((player.at, player.account, bytes));
                // Moving takes a moment, or it would never end.
                player.at += Duration::from_nanos(100);
            }
        }
    }
}

impl Game {
    /// The most that moved in any window, beyond what the rate gives in its time.
    fn most_above(&self, rate: u64, of: impl Fn(usize) -> bool) -> f64 {
        let (mut above, mut most, mut before) = (0.0f64, 0.0f64, Duration::ZERO);
        for (at, account, bytes) in &self.moves {
            if of(*account) {
                above = (above - rate as f64 * (*at - before).as_secs_f64()).max(0.0);
                before = *at;
                above += *bytes as f64;
                most = most.max(above);
            }
        }
        most
    }

    fn moved_by(&self, account: usize) -> u64 {
        self.players.iter().filter(|p| p.account == account).map(|p| p.moved).sum()
    }

    fn moved(&self) -> u64 {
        self.players.iter().map(|p| p.moved).sum()
    }
}

/// What may come at once: the burst, and each session's turn if all of them come late.
fn slack(rate: u64, accounts: usize, sessions: usize) -> f64 {
    let time = limits::RATE_BURST + limits::RATE_STEP;
    let pieces = accounts as u64 * PARTED + sessions as u64 * limits::RATE_PIECE;
    rate as f64 * time.as_secs_f64() + pieces as f64 + 1.0
}

fn only(account: u64) -> RateLimits {
    RateLimits { account: Some(account), ..RateLimits::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_rate_is_never_exceeded_in_any_window_and_never_wasted(
        rate in 4_096u64..40_000_000,
        sessions in 1usize..12,
        piece in prop_oneof![Just(4096u64), Just(100), Just(1 << 20)],
        lateness in proptest::collection::vec(0u64..80, 1..40),
    ) {
        prop_assume!(rate / piece < 20_000);
        let mut next = 0;
        let late = || { next += 1; Duration::from_millis(lateness[next % lateness.len()]) };
        let game = play(only(rate), &vec![0; sessions], (piece, 10), late);
        let most = game.most_above(rate, |_| true);
        prop_assert!(most <= slack(rate, 1, sessions), "{most} above {rate}");
        let least = rate as f64 * 10.0 * 0.9;
        // What is promised for after the end has not moved.
        let promised = sessions as f64 * limits::RATE_PIECE as f64;
        prop_assert!(game.moved() as f64 + promised >= least, "{} of {least}", game.moved());
    }

    #[test]
    fn both_rates_hold_and_accounts_share_equally_however_many_sessions_each_has(
        all in 200_000u64..5_000_000,
        own in 1u64..4,
        counts in proptest::collection::vec(1usize..9, 2..5),
    ) {
        let accounts: Vec<usize> =
            counts.iter().enumerate().flat_map(|(i, n)| vec![i; *n]).collect();
        let limits = RateLimits { account: Some(all * own / 2), guests: None, all: Some(all) };
        let game = play(limits, &accounts, (1 << 20, 20), || Duration::ZERO);
        let sessions = accounts.len();
        prop_assert!(game.most_above(all, |_| true) <= slack(all, counts.len(), sessions));
        let own = all * own / 2;
        let share = (all as f64 / counts.len() as f64).min(own as f64) * 20.0;
        for (account, sessions) in counts.iter().enumerate() {
            let most = game.most_above(own, |a| a == account);
            prop_assert!(most <= slack(own, 1, *sessions), "{most} above {own}");
            let moved = game.moved_by(account) as f64;
            prop_assert!((moved / share - 1.0).abs() < 0.15, "{account}: {moved} of {share}");
        }
    }
}

#[test]
fn sessions_of_one_account_share_its_rate_equally() {
    let game = play(only(1_000_000), &[0; 4], (4096, 10), || Duration::ZERO);
    for player in &game.players {
        assert!((2_300_000..2_800_000).contains(&player.moved), "{}", player.moved);
    }
}

fn ann() -> RateUser<'static> {
    RateUser { name: "ann", is_guest: false }
}

fn guest() -> RateUser<'static> {
    RateUser { name: "anonymous", is_guest: true }
}

#[test]
fn who_is_under_no_rate_waits_for_nobody() {
    let (rates, now) = (Rates::default(), Instant::now());
    let mut permit = RatePermit::default();
    assert_eq!(rates.due(Way::Up, ann(), &mut permit, 1 << 40, now), Due::Move(1 << 40));
    rates.set(Way::Up, RateLimits { guests: Some(2048), ..RateLimits::default() });
    assert!(!rates.is_free(Way::Up) && rates.is_free(Way::Down));
    for _ in 0..3 {
        assert_eq!(rates.due(Way::Up, ann(), &mut permit, 1 << 40, now), Due::Move(1 << 40));
    }
    // The same session, that has become a guest.
    let first = rates.due(Way::Up, guest(), &mut permit, 1 << 40, now);
    assert!(matches!(first, Due::Wait(_)), "{first:?}: a piece is half a second's worth");
    assert_eq!(permit.pace(), Some(2048));
}

#[test]
fn an_edit_counts_for_whoever_waits() {
    let (rates, now) = (Rates::default(), Instant::now());
    let mut permit = RatePermit::default();
    rates.set(Way::Up, only(1024));
    assert!(matches!(rates.due(Way::Up, ann(), &mut permit, 5, now), Due::Wait(_)));
    rates.set(Way::Up, only(1_000_000));
    assert_eq!(rates.due(Way::Up, ann(), &mut permit, 5, now), Due::Move(5));
    rates.set(Way::Up, RateLimits::default());
    assert_eq!(rates.due(Way::Up, ann(), &mut permit, 1 << 30, now), Due::Move(1 << 30));
    rates.set(Way::Up, only(1024));
    assert!(matches!(rates.due(Way::Up, ann(), &mut permit, 5, now), Due::Wait(_)));
}

/// Who sends slowly leaves the rest to the others.
#[test]
fn what_was_not_moved_in_time_goes_back() {
    let (rates, start) = (Rates::default(), Instant::now());
    rates.set(Way::Up, only(100_000));
    let mut slow: [RatePermit; 10] = std::array::from_fn(|_| RatePermit::default());
    let mut quick = (RatePermit::default(), 0);
    for step in 0..20_000u32 {
        let now = start + step * Duration::from_millis(1);
        if step % 100 == 0 {
            for permit in &mut slow {
                if let Due::Move(bytes) = rates.due(Way::Up, ann(), permit, 65_536, now) {
                    permit.put_back(bytes - bytes.min(10));
                }
            }
        }
        if let Due::Move(bytes) = rates.due(Way::Up, ann(), &mut quick.0, 65_536, now) {
            quick.1 += bytes;
        }
    }
    let slow_bytes = 10 * 20_000 / 100 * 10;
    assert!(quick.1 + slow_bytes >= 1_900_000, "{} moved", quick.1);
}

#[test]
fn accounts_that_rest_are_forgotten() {
    let (rates, start) = (Rates::default(), Instant::now());
    rates.set(Way::Up, only(100_000));
    for number in 0..1000u32 {
        let name = format!("account-{number}");
        let user = RateUser { name: &name, is_guest: false };
        let now = start + number * Duration::from_secs(1);
        rates.due(Way::Up, user, &mut RatePermit::default(), 4096, now);
    }
    assert!(rates.up.state().accounts.len() < 3);
}
