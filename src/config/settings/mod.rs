//! The only list of settings: name, default, form, bounds, meaning and setter of each.
//!
//! Each section has its rows in a file here. From them come the reading of conf/server.ini, the
//! texts of its faults, the shipped file itself and the table in docs/OPERATING.md.
//! Never: reads a file. Invariant: each row sets exactly one field of [`Config`], and only to a
//! value inside its bounds.

mod ftp;
mod log;
mod login;
mod people;
mod rates;
mod server;
mod storage;
mod words;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::limits;
use crate::text::{is_harmful, parse_size};

use super::Config;

/// One setting.
pub struct Setting {
    /// Its name in its section.
    pub key: &'static str,
    /// What it is if the file does not name it, as it would stand in the file.
    pub default: &'static str,
    /// What may stand there, and where it goes.
    pub form: Form,
    /// What it means, in a sentence or two.
    pub help: &'static str,
}

/// What a value looks like, its bounds (both allowed) and its setter. `Display` says what is
/// expected.
pub enum Form {
    /// An IP address and a port.
    Address(fn(&mut Config, SocketAddr)),
    /// An IP address and a port, or `off`.
    Door(fn(&mut Config, Option<SocketAddr>)),
    /// Two ports, the first not above the last, or `any`.
    Ports(fn(&mut Config, Option<RangeInclusive<u16>>)),
    /// An IPv4 address, or `own`.
    Host(fn(&mut Config, Option<Ipv4Addr>)),
    /// How many of something, the least and the most.
    Count(u64, u64, fn(&mut Config, usize)),
    /// What is counted, the least and the most.
    Whole(&'static str, u64, u64, fn(&mut Config, u64)),
    /// A number of bytes, with a unit.
    Size(fn(&mut Config, u64)),
    /// The name of a file, or `none`.
    File(fn(&mut Config, Option<String>)),
    /// Bytes a second, with a unit, or `unlimited`.
    Rate(fn(&mut Config, Option<u64>)),
    /// The name of a file, or `off`.
    Log(fn(&mut Config, Option<PathBuf>)),
    /// One of a few words.
    Word(&'static [Word]),
    /// The same for what is decided when the server starts.
    AtStart(&'static [Word]),
}

/// A word, and what it sets.
type Word = (&'static str, fn(&mut Config));

/// The sections with their names, in the order of the file.
pub(super) static SECTIONS: &[(&str, &[Setting])] = &[
    ("server", server::SERVER),
    ("login", login::LOGIN),
    ("ftp", ftp::FTP),
    ("guests", people::GUESTS),
    ("rates", rates::RATES),
    ("storage", storage::STORAGE),
    ("transfer", storage::TRANSFER),
    ("accounts", people::ACCOUNTS),
    ("registration", people::REGISTRATION),
    ("words", words::WORDS),
    ("log", log::LOG),
];

/// Names that settings had before, with their sections and their names now: an older file is still
/// read.
pub(super) static RENAMED: &[(&str, &str, &str)] = &[("login", "ban_after", "slow_after")];

/// All settings with the names of their sections, in the order of the file.
pub fn settings() -> impl Iterator<Item = (&'static str, &'static Setting)> {
    SECTIONS.iter().flat_map(|(section, rows)| rows.iter().map(move |row| (*section, row)))
}

impl Setting {
    /// Whether it counts when the server starts and not before: an address is bound once, and a
    /// lock taken once.
    pub fn is_bound(&self) -> bool {
        matches!(self.form, Form::Address(_) | Form::Door(_) | Form::AtStart(_))
    }
}

impl Form {
    /// Reads a value and sets it; `None`, and nothing is set, unless it is what is expected.
    pub(super) fn set(&self, config: &mut Config, text: &str) -> Option<()> {
        match self {
            Form::Address(set) => set(config, text.parse().ok()?),
            Form::Door(set) => set(config, unless("off", text, |text| text.parse().ok())?),
            Form::Ports(set) => set(config, unless("any", text, ports)?),
            Form::Host(set) => set(config, unless("own", text, |text| text.parse().ok())?),
            Form::Count(least, most, set) => {
                set(config, usize::try_from(whole(text, *least, *most)?).ok()?);
            }
            Form::Whole(_, least, most, set) => set(config, whole(text, *least, *most)?),
            Form::Size(set) => set(config, parse_size(text)?),
            Form::File(set) => set(config, unless("none", text, file_name)?),
            Form::Rate(set) => set(config, unless("unlimited", text, rate)?),
            Form::Log(set) => set(config, unless("off", text, log_name)?),
            Form::Word(words) | Form::AtStart(words) => {
                words.iter().find(|(word, _)| *word == text)?.1(config)
            }
        }
        Some(())
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Address(_) => {
                f.write_str("an address and a port, such as 127.0.0.1:2020 or [::1]:2020")
            }
            Form::Door(_) => f.write_str("an address and a port, such as 127.0.0.1:2121, or off"),
            Form::Ports(_) => f.write_str("two ports, such as 50000-50100, or any"),
            Form::Host(_) => f.write_str("an IPv4 address, such as 192.0.2.1, or own"),
            Form::Count(least, most, _) => write!(f, "a whole number from {least} to {most}"),
            Form::Whole(what, least, most, _) => write!(f, "{what} from {least} to {most}"),
            Form::Size(_) => f.write_str("a size of 0 or more, such as 512K, 10M or 1.5G"),
            Form::File(_) => f.write_str("the name of a file, such as welcome.txt, or none"),
            Form::Rate(_) => {
                let least = limits::RATE_LEAST;
                write!(f, "bytes a second from {least}, such as 512K or 10M, or unlimited")
            }
            Form::Log(_) => f.write_str("the name of a file, or off"),
            Form::Word(words) | Form::AtStart(words) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                f.write_str(&words.join(" or "))
            }
        }
    }
}

/// Nothing for the one word, a value for everything else.
fn unless<T>(word: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == word { Some(None) } else { read(text).map(Some) }
}

/// A name alone, and never that of a file with records in it, which would be told to everybody.
fn file_name(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= limits::NAME && !matches!(text, "." | "..");
    let told = text.contains('/') || text.contains(".ini") || text.chars().any(is_harmful);
    (fits && !told).then(|| text.to_owned())
}

/// A size that is enough to live on.
fn rate(text: &str) -> Option<u64> {
    parse_size(text).filter(|rate| *rate >= limits::RATE_LEAST)
}

/// A file that is not one of ours: lines of a log would spoil it.
fn log_name(text: &str) -> Option<PathBuf> {
    let is_ours = text.ends_with(".ini") || text.ends_with(".csv") || text.ends_with(".previous");
    let is_one = !text.is_empty() && !text.ends_with('/') && !text.chars().any(is_harmful);
    (is_one && !is_ours).then(|| text.into())
}

/// Two ports above those of the system, in order.
fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let port = |text| whole(text, 1024, u16::MAX.into()).and_then(|port| u16::try_from(port).ok());
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..=last)
}

/// Digits alone, within the bounds: no sign, no point, no unit.
fn whole(text: &str, least: u64, most: u64) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (least..=most).contains(&number).then_some(number)
}
