//! What the values of settings look like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::accounts::AddressRange;
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

/// What an address to listen on looks like.
pub const ADDRESS: &str = "an address and a port, such as 192.0.2.1:2020 or [::1]:2020; 2020 or \
                           localhost:2020 for this machine only, :2020 for every network";

/// Reads an address to listen on. A port without an address is that of this machine alone, one
/// behind a colon that of all its networks, those of IPv4 included.
pub fn parse_address(text: &str) -> Option<SocketAddr> {
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    if let Some(port) = port(text.strip_prefix("localhost:").unwrap_or(text)) {
        return Some((Ipv4Addr::LOCALHOST, port).into());
    }
    match text.strip_prefix(':') {
        Some(text) => port(text).map(|port| (Ipv6Addr::UNSPECIFIED, port).into()),
        None => text.parse().ok(),
    }
}

pub(super) const LISTEN: By<SocketAddr> = By(ADDRESS, parse_address, SocketAddr::to_string);
pub(super) const FTP_LISTEN: By<SocketAddr> =
    By("an address and a port as above", parse_address, SocketAddr::to_string);
/// A user of the system: what may stand in a list of users, and numbers.
pub(super) const USER: By<String> = By(
    "a user's name, or numbers such as 1000:1000",
    |text| {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"._-@\\".contains(&b);
        let (user, group) = text.split_once(':').unwrap_or((text, "0"));
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        let is_name = !user.is_empty() && user.len() <= limits::NAME && user.bytes().all(is_letter);
        let fits = is_number(group) && is_name && (group == "0" || is_number(user));
        fits.then(|| text.to_owned())
    },
    String::clone,
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

/// A file with a key or a certificate.
pub(super) const PEM_FILE: By<PathBuf> = By(
    "the name of a file",
    |text| (!text.is_empty() && !text.chars().any(is_harmful)).then(|| text.into()),
    |path| path.to_string_lossy().into_owned(),
);

/// The proxies that connections may come through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxies(Vec<AddressRange>);

impl Proxies {
    /// Whether an address is that of one of them.
    pub fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.holds(address))
    }
}

/// Addresses and networks, separated by commas.
pub(super) const PROXIES: By<Proxies> = By(
    "addresses or networks, such as 192.0.2.7, 198.51.100.0/24",
    |text| {
        text.split(',')
            .map(|one| AddressRange::parse(one.trim()))
            .collect::<Option<_>>()
            .map(Proxies)
    },
    |Proxies(all)| all.iter().map(AddressRange::to_string).collect::<Vec<_>>().join(", "),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_this_machine_and_behind_a_colon_every_network() {
        for (text, address) in [
            ("2020", "127.0.0.1:2020"),
            ("0", "127.0.0.1:0"),
            ("localhost:21", "127.0.0.1:21"),
            (":2020", "[::]:2020"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[fe80::1%2]:7", "[fe80::1%2]:7"),
        ] {
            assert_eq!(parse_address(text).unwrap().to_string(), address);
        }
        for text in
            ["", ":", "+1", "65536", "host:1", "1.2.3.4", "::1:2020", ":+1", "localhost:", " 1"]
        {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    /// What is taken as it stands, and what is not taken.
    #[track_caller]
    fn assert_form<F: ValueForm>(form: &F, taken: &[&str], refused: &[&str]) {
        for text in taken {
            let value = form.read(text).unwrap_or_else(|| panic!("{text:?} is refused"));
            assert_eq!(form.text(&value), *text);
        }
        for text in refused {
            assert!(form.read(text).is_none(), "{text:?} is taken");
        }
    }

    #[test]
    fn users_names_of_files_and_rates_have_their_forms() {
        let (longest, too_long) = ("n".repeat(limits::NAME), "n".repeat(limits::NAME + 1));
        let users = ["www-data", "DOM\\ann@home", "1000", "1000:1000", &longest];
        let no_users = ["", ":", ":0", "a b", "ann:x", "ann:5", "1000:", "1:2:3", &too_long];
        assert_form(&USER, &users, &no_users);
        let no_names = ["", ".", "..", "a/b", "accounts.ini", "a\u{1b}b", &too_long];
        assert_form(&FILE_NAME, &["welcome.txt", &longest], &no_names);
        let no_logs = ["", "logs/", "a\nb", "server.ini", "a.csv", "accounts.ini.previous"];
        assert_form(&LOG_FILE, &["logs/acts", "/var/log/miniftp.log"], &no_logs);
        assert_form(&PEM_FILE, &["/etc/ssl/key.pem"], &["", "a\nb"]);
        assert_form(&Rate, &["1K", "10M", "1025"], &["0", "1023", "", "fast"]);
    }
}
