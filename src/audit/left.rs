//! What is done beside the server, where there is no log file: a line in the home for each act,
//! which the server notes when it finds it.

use super::event::{Actor, ActorOrigin, Event, Outcome, Verb};
use super::log::Log;
use crate::text::Escaped;

/// What acts beside the server are left under, in its home.
pub const LEFT: &str = "acts";

/// An act of `miniftpd account` as a line that is left for the server: fields between tabs, of
/// which none is in a field, since whatever could act on a terminal is escaped.
pub fn left(event: &Event<'_>) -> String {
    let outcome = if event.outcome == Outcome::Done { "done" } else { "refused" };
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: Option<&str>| Escaped(text.unwrap_or_default()).to_string();
    let fields = [
        text(event.name),
        text(event.path),
        text(event.value),
        number(event.registration),
        number(event.bytes),
        text(event.why),
    ];
    format!("{outcome}\t{}\t{}", event.verb.name(), fields.join("\t"))
}

/// Notes an act that was left for the server; a line that is none is passed over.
pub fn note_left(log: &Log, line: &str) {
    let fields: Vec<&str> = line.split('\t').collect();
    let [outcome, verb, name, path, value, registration, bytes, why] = fields[..] else { return };
    let Some(verb) = Verb::ALL.into_iter().find(|one| one.name() == verb) else { return };
    let text = |text| Some(text).filter(|text: &&str| !text.is_empty());
    log.note(&Event {
        name: text(name),
        path: text(path),
        value: text(value),
        registration: registration.parse().ok(),
        bytes: bytes.parse().ok(),
        outcome: if outcome == "done" { Outcome::Done } else { Outcome::Refused },
        why: text(why),
        ..Event::new(Actor::operator(ActorOrigin::CommandLine), verb)
    });
}
