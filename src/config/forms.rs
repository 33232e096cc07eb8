//! What the values of settings look like.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::audit::HookCommand;
use crate::conffile::keys::{By, Number, ValueForm};
use crate::limits;
use crate::text::{exact, is_harmful, parse_size};

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people.
    People,
    /// For programs.
    Json,
}

pub(super) const LISTEN: By<SocketAddr> = By(
    "an address and a port, such as 127.0.0.1:2020 or [::1]:2020",
    FTP_LISTEN.1,
    SocketAddr::to_string,
);
pub(super) const FTP_LISTEN: By<SocketAddr> = By(
    "an address and a port, such as 127.0.0.1:2121",
    |text| text.parse().ok(),
    SocketAddr::to_string,
);
pub(super) const IPV4: By<Ipv4Addr> =
    By("an IPv4 address, such as 192.0.2.1", |text| text.parse().ok(), Ipv4Addr::to_string);
/// Two ports above those of the system, in order.
pub(super) const PORTS: By<RangeInclusive<u16>> = By(
    "two ports, such as 50000-50100",
    |text| {
        let (first, last) = text.split_once('-')?;
        let port = Number("", 1024, u16::MAX);
        let ports = port.read(first)?..=port.read(last)?;
        Some(ports).filter(|ports| !ports.is_empty())
    },
    |ports| format!("{}-{}", ports.start(), ports.end()),
);
/// A number of bytes.
pub(super) const SIZE: By<u64> =
    By("a size of 0 or more, such as 512K, 10M or 1.5G", parse_size, |bytes| {
        exact(*bytes).to_uppercase()
    });
/// Only a name, and never that of a file with records in it, which would be shown to everybody.
pub(super) const FILE_NAME: By<String> = By(
    "the name of a file, such as welcome.txt",
    |text| {
        let fits = !text.is_empty() && text.len() <= limits::NAME && !matches!(text, "." | "..");
        let shown = text.contains('/') || text.contains(".ini") || text.chars().any(is_harmful);
        (fits && !shown).then(|| text.to_owned())
    },
    String::clone,
);
/// A file that is not one of ours: lines of a log would spoil it.
pub(super) const LOG_FILE: By<PathBuf> = By(
    "the name of a file",
    |text| {
        let ours = [".ini", ".csv", ".previous"];
        let is_ours = ours.iter().any(|ending| text.ends_with(ending));
        let is_one = !text.is_empty() && !text.ends_with('/') && !text.chars().any(is_harmful);
        (is_one && !is_ours).then(|| text.into())
    },
    |path| path.to_string_lossy().into_owned(),
);

/// A program to run.
pub(super) const PROGRAM: By<HookCommand> = By(
    "a program and its arguments, such as /usr/local/bin/scan --quiet",
    |text| HookCommand::parse(text).filter(|_| !text.chars().any(is_harmful)),
    HookCommand::text,
);
/// An address of this machine that no other one reaches.
pub(super) const LOOPBACK: By<SocketAddr> = By(
    "an address of this machine only and a port, such as 127.0.0.1:2122",
    |text| FTP_LISTEN.read(text).filter(|address| address.ip().is_loopback()),
    SocketAddr::to_string,
);

/// Bytes a second, enough to live on.
pub(super) struct Rate;

impl ValueForm for Rate {
    type Value = u64;

    fn expected(&self) -> String {
        format!("bytes a second from {}, such as 512K or 10M", limits::RATE_LEAST)
    }

    fn read(&self, text: &str) -> Option<u64> {
        parse_size(text).filter(|rate| *rate >= limits::RATE_LEAST)
    }

    fn text(&self, rate: &u64) -> String {
        SIZE.text(rate)
    }
}
