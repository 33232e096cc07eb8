//! The model of what may be there, tried on histories of a few operations.

use super::*;

fn file(seed: u64) -> State {
    State::File(Content::new(seed, 100))
}

fn ticket(operation: u64, from: Moment) -> Ticket {
    Ticket { operation, from, since: from }
}

fn becomes(name: &str, state: State) -> Event {
    Event::sure(&Spot::new(0, name), Effect::Becomes(state))
}

fn real(name: &str, seed: u64) -> BTreeMap<Spot, Real> {
    let found = Found::of(&Content::new(seed, 100).bytes());
    BTreeMap::from([(Spot::new(0, name), Real::File(found))])
}

#[test]
fn what_was_answered_first_is_replaced_and_what_overlaps_may_be_either() {
    for (second, seed, fits) in [(3, 1, false), (3, 2, true), (1, 1, true), (1, 2, true)] {
        let mut history = History::default();
        history.enter(ticket(1, 0), 2, vec![becomes("a", file(1))]);
        history.enter(ticket(2, second), 5, vec![becomes("a", file(2))]);
        assert_eq!(history.settle(&real("a", seed)).is_empty(), fits, "{second} {seed}");
    }
}

#[test]
fn moves_carry_exactly_what_was_there() {
    for (seed, fits) in [(1, true), (2, false)] {
        let mut history = History::default();
        history.enter(ticket(1, 0), 1, vec![becomes("d/a", file(1))]);
        let (from, to) = (Spot::new(0, "d"), Spot::new(0, "e"));
        let gone = Event::tree(&from, Effect::Becomes(State::Absent));
        history.enter(ticket(2, 2), 3, vec![gone, Event::tree(&to, Effect::Takes(from.clone()))]);
        history.enter(ticket(3, 4), 5, vec![becomes("d/a", file(2)), becomes("d/a", file(2))]);
        let mut disk = real("e/a", seed);
        disk.extend(real("d/a", 2));
        assert_eq!(history.settle(&disk).is_empty(), fits, "{seed}");
    }
}

#[test]
fn where_nothing_comes_along_what_was_there_before_stays() {
    for (came, stayed, fits) in [(true, false, true), (false, true, true), (false, false, false)] {
        let mut history = History::default();
        let (from, to) = (Spot::new(0, "d"), Spot::new(0, "e"));
        let part = |top: &str| Spot::new(0, &format!("{top}/a"));
        let there = Real::Directory;
        [came.then(|| part("d")), stayed.then(|| part("e"))]
            .into_iter()
            .flatten()
            .for_each(|spot| history.begin_with(spot, State::Directory));
        let gone = Event::tree(&from, Effect::Becomes(State::Absent));
        history.enter(ticket(1, 2), 3, vec![gone, Event::tree(&to, Effect::Joins(from.clone()))]);
        let wrong = history.settle(&BTreeMap::from([(part("e"), there)]));
        assert_eq!(wrong.is_empty(), fits, "{came} {stayed}: {wrong:?}");
    }
}

#[test]
fn what_was_never_answered_may_be_done_and_a_look_must_fit() {
    let mut history = History::default();
    let perhaps = becomes("a", State::File(Content::new(1, 200).beginnings())).perhaps();
    history.enter(ticket(1, 0), Moment::MAX, vec![perhaps]);
    history.saw(ticket(2, 1), 2, &Spot::new(0, "a"), Saw::Missing, String::new());
    assert_eq!(history.settle(&real("a", 1)), [""; 0]);
    history.saw(ticket(3, 3), 4, &Spot::new(0, "a"), Saw::Missing, String::new());
    assert_eq!(history.settle(&real("a", 1)).len(), 1);
}
