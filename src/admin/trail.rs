//! One line in the log for each command that changes something, whichever interface carried it.
//!
//! Never: a password or its record; of a command that is only asked for again, nothing.

use super::commands::AdminCommand;
use super::grammar::{ArgumentKind, Arguments, Value};
use super::{AdminDesk, AdminResult, Files};
use crate::accounts::StoreError;
use crate::answer::{Answer, Cell};
use crate::audit::{Event, Log, Outcome as End};
use crate::error::Error;
use crate::text::Span;
/// Where acts are noted.
#[derive(Clone, Copy, Debug)]
pub(super) enum AuditTrail<'a> {
    /// In the log of the server.
    Log(&'a Log),
    /// In the log's file, or in the home for the server to find.
    Files(&'a Files),
}

/// What a command was given beside whom, where and why: the log's value.
fn value_of(arguments: &Arguments) -> String {
    let mut words = Vec::new();
    for (parameter, value) in arguments.iter() {
        let text = match (parameter.kind, value) {
            (
                ArgumentKind::Account
                | ArgumentKind::Who
                | ArgumentKind::Session
                | ArgumentKind::Number
                | ArgumentKind::Path,
                _,
            ) => continue,
            (ArgumentKind::Text, _) if parameter.name == "reason" => continue,
            (ArgumentKind::Flag, _) => {
                words.push(parameter.name.to_owned());
                continue;
            }
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Size(bytes)) => {
                bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string())
            }
            (_, Value::Entries(entries)) => entries.to_string(),
            (_, Value::Role(role)) => role.as_str().to_owned(),
            (_, Value::Span(Some(secs))) => format!("for {}", Span(*secs)),
            (_, Value::Span(None)) => "for ever".to_owned(),
            (_, Value::Number(_) | Value::Who(_) | Value::Flag) => continue,
        };
        words.push(match parameter.is_required {
            true => text,
            false => format!("{}={text}", parameter.name),
        });
    }
    words.join(" ")
}

impl AdminDesk<'_> {
    /// Notes what was done, or why it was not.
    pub(super) fn note(&self, command: &AdminCommand, arguments: &Arguments, done: &AdminResult) {
        let Some(verb) = command.verb else { return };
        let is_asked_again =
            matches!(done, Err(StoreError::Same(Error::NeedPassword { .. } | Error::NotSure(_))));
        if is_asked_again {
            return;
        }
        let value = value_of(arguments);
        let answer = done.as_ref().ok();
        let named = match answer.and_then(|answer| answer.fact("account")) {
            Some(Cell::Name(name)) => name.as_str(),
            _ => "",
        };
        let who = arguments.who("who").map(ToString::to_string).unwrap_or_default();
        let name = [arguments.text("name"), &who, named].into_iter().find(|name| !name.is_empty());
        let why = match done {
            Err(e) => Some(in_full(e)),
            Ok(_) => Some(arguments.text("reason").to_owned()).filter(|reason| !reason.is_empty()),
        };
        // A report of which nothing was done is a refusal too.
        let is_done = answer.is_some_and(Answer::is_done);
        let event = Event {
            name,
            path: Some(arguments.text("path")).filter(|path| !path.is_empty()),
            value: Some(value.as_str()).filter(|value| !value.is_empty()),
            registration: Some(arguments.number("number")).filter(|number| *number > 0),
            count: answer.and_then(|answer| answer.number("sessions")),
            bytes: answer.and_then(|answer| answer.number("freed")),
            outcome: if is_done { End::Done } else { End::Refused },
            why: why.as_deref(),
            ..Event::new(self.by, verb)
        };
        match self.notes {
            AuditTrail::Log(log) => log.note(&event),
            AuditTrail::Files(files) => files.note(&event),
        }
    }
}

/// Why something was not done, for the log.
fn in_full(error: &StoreError) -> String {
    match error {
        StoreError::Same(error) => error.in_full(),
        other => other.to_string(),
    }
}
