//! The log as people read it: `TIME LEVEL ann@127.0.0.1 put /notes.txt 6000 bytes in 0.02 s`.
//!
//! Never: a name as it came.

use std::fmt::Write;

use super::event::{Event, Outcome, Verb, clipped};
use super::time::LogTime;

use crate::text::Escaped;

/// What the program says, whose words are harmless already; each line of it is one of the log.
pub(super) fn line(now: LogTime, level: log::Level, text: &str) -> String {
    let lines = text.lines().map(|line| format!("{now} {level:5} {line}\n"));
    lines.collect()
}

/// The line of an act. Writing to a text cannot fail.
pub(super) fn event(now: LogTime, event: &Event<'_>) -> String {
    let mut out = format!("{now} {:5} ", event.level());
    let _ = write!(out, "{}@{}", Escaped(event.by.name.unwrap_or("?")), event.by.from);
    let _ = write!(out, " {}", event.verb.name());
    for (before, name) in [("", event.name), ("", event.path), ("-> ", event.to)] {
        if let Some(name) = name {
            let _ = write!(out, " {before}{}", Escaped(clipped(name)));
        }
    }
    if let Some(value) = event.value {
        let _ = write!(out, " {}", Escaped(clipped(value)));
    }
    if let Some(number) = event.registration {
        let _ = write!(out, " registration {number}");
    }
    match event.outcome {
        Outcome::Done => done(&mut out, event),
        Outcome::Broken => broken(&mut out, event),
        Outcome::Refused => {
            out.push_str(" refused");
            if let Some(took) = event.took {
                let _ = write!(out, " after {:.2} s", took.as_secs_f64());
            }
            let _ = write!(out, ": {}", OneLine(event.why.unwrap_or("no reason was given")));
            if let Some(bytes) = event.kept_bytes {
                let _ = write!(out, "; {bytes} bytes are kept");
            }
            if let (Some(count @ 1..), Some(bytes)) = (event.count, event.bytes) {
                let _ = write!(out, "; {count} entries, {bytes} bytes are gone");
            }
        }
    }
    out.push('\n');
    out
}

fn done(out: &mut String, event: &Event<'_>) {
    if let Some(count) = event.count {
        let what = if matches!(event.verb, Verb::Kick | Verb::Ban | Verb::FtpRevoke) {
            "sessions"
        } else {
            "entries,"
        };
        let _ = write!(out, " {count} {what}");
    }
    if let Some(bytes) = event.bytes {
        let _ = write!(out, " {bytes} bytes");
    }
    if let Some(took) = event.took {
        let how = if event.moved_bytes.is_some() { "after" } else { "in" };
        let _ = write!(out, " {how} {:.2} s", took.as_secs_f64());
    }
    if let Some((up, down)) = event.moved_bytes {
        let _ = write!(out, ": {up} bytes up, {down} bytes down");
    }
    if event.replaced {
        out.push_str(", replaced");
    }
    if let Some(why) = event.why {
        let _ = write!(out, "; {}", OneLine(why));
    }
}

fn broken(out: &mut String, event: &Event<'_>) {
    out.push_str(" broke off");
    if let Some(took) = event.took {
        let _ = write!(out, " after {:.2} s", took.as_secs_f64());
    }
    if let Some(bytes) = event.kept_bytes {
        let _ = write!(out, ": {bytes} bytes are kept");
    }
    if let Some(bytes) = event.bytes {
        let _ = write!(out, ": {bytes} bytes were sent");
    }
    if let Some(why) = event.why {
        let _ = write!(out, "; {}", OneLine(why));
    }
}

/// A reason: its names are escaped where it was made, so what is harmful is dropped here and
/// nothing is escaped twice.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl std::fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in clipped(self.0).chars() {
            f.write_char(if crate::text::is_harmful(c) { ' ' } else { c })?;
        }
        Ok(())
    }
}
