//! The log as programs read it: one JSON object a line.
//!
//! Never: a byte outside of ASCII's printable ones and of letters that do nothing: whatever could
//! act on a terminal is `\uXXXX`, and a reader has the name as it is.
//! Invariant: a line is valid JSON (RFC 8259) whatever a name holds.

use std::fmt::Write;

use super::event::{ActorOrigin, Event, clipped};
use super::time::LogTime;

use crate::answer::quote_into as quote;

/// An object under construction. Writing to a text cannot fail.
struct Object(String);

impl Object {
    fn begin(now: LogTime, level: log::Level) -> Object {
        Object(format!("{{\"time\":\"{now}\",\"level\":\"{level}\""))
    }

    fn key(&mut self, key: &str) {
        let _ = write!(self.0, ",\"{key}\":");
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            quote(&mut self.0, value);
        }
    }

    fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            let _ = write!(self.0, "{value}");
        }
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// A line of the program.
pub(super) fn line(now: LogTime, level: log::Level, text: &str) -> String {
    let mut object = Object::begin(now, level);
    object.text("text", Some(text));
    object.end()
}

/// The line of an act.
pub(super) fn event(now: LogTime, event: &Event<'_>) -> String {
    let mut object = Object::begin(now, event.level());
    object.text("event", Some(event.verb.name()));
    match event.by.name {
        Some(name) => object.text("account", Some(name)),
        None => object.0.push_str(",\"account\":null"),
    }
    object.text("from", Some(&event.by.from.to_string()));
    if let ActorOrigin::Protocol(_, protocol, session) = event.by.from {
        object.text("door", Some(protocol));
        object.number("session", Some(session));
    }
    object.text("name", event.name.map(clipped));
    object.text("path", event.path.map(clipped));
    object.text("to", event.to.map(clipped));
    object.text("value", event.value.map(clipped));
    object.number("registration", event.registration);
    object.number("count", event.count);
    object.number("bytes", event.bytes);
    object.number("kept_bytes", event.kept_bytes);
    object.number("up_bytes", event.moved_bytes.map(|(up, _)| up));
    object.number("down_bytes", event.moved_bytes.map(|(_, down)| down));
    if let Some(took) = event.took {
        object.key("secs");
        let _ = write!(object.0, "{:.6}", took.as_secs_f64());
    }
    if event.replaced {
        object.0.push_str(",\"replaced\":true");
    }
    object.text("result", Some(event.outcome.name()));
    object.text("why", event.why.map(clipped));
    object.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_left_and_nothing_is_lost() {
        let mut out = String::new();
        quote(&mut out, "a\"b\\c\nd\u{1b}[2J\u{202e}\u{85}\u{7f} ü名");
        assert_eq!(out, r#""a\"b\\c\u000ad\u001b[2J\u202e\u0085\u007f ü名""#);
    }
}
