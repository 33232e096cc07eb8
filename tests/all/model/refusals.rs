//! Why the server said no, in one form for both protocols.

use std::fmt;

use crate::harness::{Answer, Reply};

/// A reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// Nothing is there, or no directory for it.
    Missing,
    /// Something is there.
    Exists,
    /// A directory is there.
    IsDirectory,
    /// A directory was needed.
    NotDirectory,
    /// A directory is not empty.
    NotEmpty,
    /// Another session works there.
    Busy,
    /// A newer session has taken over.
    Superseded,
    /// A limit.
    Quota,
    /// It changed meanwhile.
    Changed,
    /// This is not done.
    Unsupported,
    /// No right to it.
    Denied,
    /// The data connection or the client's abort.
    Broken,
    /// Anything else, which no test here provokes.
    Strange,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Came {
    /// It was done.
    Done(u16, String),
    /// It was refused.
    Refused(Refusal, String),
    /// The connection ended.
    Gone,
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Came::Done(code, text) => write!(f, "{code} {text}"),
            Came::Refused(why, text) => write!(f, "{why:?}: {text}"),
            Came::Gone => f.write_str("gone"),
        }
    }
}

impl From<Option<&Answer>> for Came {
    fn from(answer: Option<&Answer>) -> Came {
        let Some(answer) = answer else { return Came::Gone };
        let refusal = match answer.code {
            200 | 257 | 258 | 800..=802 | 900 => {
                return Came::Done(answer.code, answer.text.clone());
            }
            256 => Refusal::Missing,
            262 => Refusal::Exists,
            263 => Refusal::IsDirectory,
            264 => Refusal::NotDirectory,
            265 => Refusal::NotEmpty,
            267 => Refusal::Busy,
            268 => Refusal::Superseded,
            270 => Refusal::Quota,
            273 => Refusal::Changed,
            275 => Refusal::Unsupported,
            261 => Refusal::Denied,
            255 => by_words(&answer.text),
            _ => Refusal::Strange,
        };
        Came::Refused(refusal, format!("{} {}", answer.code, answer.text))
    }
}

impl From<Option<&Reply>> for Came {
    fn from(reply: Option<&Reply>) -> Came {
        let Some(reply) = reply.filter(|reply| reply.code != 421) else { return Came::Gone };
        let text = reply.text();
        let refusal = match reply.code {
            0..=399 => return Came::Done(reply.code, text),
            // One number for many reasons; the texts are those of the framed protocol.
            550 | 450 | 553 => by_words(&text),
            552 => Refusal::Quota,
            504 => Refusal::Unsupported,
            425 | 426 => Refusal::Broken,
            _ => Refusal::Strange,
        };
        Came::Refused(refusal, format!("{} {text}", reply.code))
    }
}

fn by_words(text: &str) -> Refusal {
    let words = [
        ("no such", Refusal::Missing),
        ("exists already", Refusal::Exists),
        ("is not a folder", Refusal::NotDirectory),
        ("is not a directory", Refusal::NotDirectory),
        ("not empty", Refusal::NotEmpty),
        ("is a folder", Refusal::IsDirectory),
        ("is a directory", Refusal::IsDirectory),
        ("being written", Refusal::Busy),
        ("took over", Refusal::Superseded),
        ("changed while", Refusal::Changed),
        ("permission denied", Refusal::Denied),
        ("mount point", Refusal::Denied),
        ("only written to", Refusal::Denied),
    ];
    let found = words.iter().find(|(words, _)| text.contains(words));
    found.map_or(Refusal::Strange, |(_, refusal)| *refusal)
}

/// The numbers in a text.
pub fn numbers(text: &str) -> impl Iterator<Item = u64> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter_map(|digits| digits.parse().ok())
}
