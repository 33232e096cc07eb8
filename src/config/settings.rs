//! The only list of settings: name, default, form, bounds, meaning and setter of each.
//!
//! From it come the reading of conf/server.ini, the texts of its faults, the shipped file itself
//! and the table in docs/OPERATING.md. Never: reads a file. Invariant: each row sets exactly one
//! field of [`Config`], and only to a value inside its bounds.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use crate::digest::Algorithm;
use crate::limits;
use crate::text::parse_size;

use super::{Config, Durability, Registration};

/// Bytes of a line in the shipped file.
const WIDTH: usize = 98;
/// What the shipped file begins with.
const PREAMBLE: &str = "The settings of miniftpd. They are read when the server starts; the \
    server never writes this file. What stands here are the defaults: a \
    line that is deleted or made a remark changes nothing. A remark begins with ; and has its line \
    to itself.";

/// One setting.
pub struct Setting {
    /// The section it stands in, without brackets.
    pub section: &'static str,
    /// Its name there.
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
    /// What is counted, the least and the most.
    Whole(&'static str, u64, u64, fn(&mut Config, u64)),
    /// A number of bytes, with a unit.
    Size(fn(&mut Config, u64)),
    /// One of a few words.
    Word(&'static [Word]),
}

/// A word, and what it sets.
type Word = (&'static str, fn(&mut Config));

/// All settings, in the order of the file.
pub static SETTINGS: &[Setting] = &[
    Setting {
        section: "server",
        key: "listen",
        default: "127.0.0.1:2020",
        form: Form::Address(|config, value| config.listen = value),
        help: "Where the server listens. 127.0.0.1 and [::1] are reached from this machine alone, \
            0.0.0.0 and [::] from every network it is in.",
    },
    Setting {
        section: "server",
        key: "connections",
        default: "2000",
        form: Form::Whole("a whole number", 1, 100_000, |config, value| {
            config.connections = value as usize
        }),
        help: "Connections at one time, in all. Each costs a thread and some memory.",
    },
    Setting {
        section: "server",
        key: "connections_per_address",
        default: "50",
        form: Form::Whole("a whole number", 1, 100_000, |config, value| {
            config.connections_per_address = value as usize;
        }),
        help: "Connections at one time from one address, or from one network of 64 bits where the \
            address is of IPv6. This machine itself is exempt.",
    },
    Setting {
        section: "server",
        key: "connections_before_login",
        default: "200",
        form: Form::Whole("a whole number", 1, 100_000, |config, value| {
            config.connections_before_login = value as usize;
        }),
        help: "Connections at one time that have not logged in yet, so that strangers cannot take \
            every place.",
    },
    Setting {
        section: "server",
        key: "login_secs",
        default: "60",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.login_secs = value),
        help: "The time from the connection to the end of the login, all attempts together.",
    },
    Setting {
        section: "server",
        key: "idle_secs",
        default: "600",
        form: Form::Whole("whole seconds", 1, 86_400, |config, value| config.idle_secs = value),
        help: "A logged-in connection that asks for nothing for so long is closed.",
    },
    Setting {
        section: "server",
        key: "frame_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.frame_secs = value),
        help: "The time to finish a message that has begun. Over so long, a transfer must make 1 \
            KiB a second at least.",
    },
    Setting {
        section: "server",
        key: "drain_secs",
        default: "10",
        form: Form::Whole("whole seconds", 0, 3600, |config, value| config.drain_secs = value),
        help: "When the server is told to stop, running transfers get so long to come to a point \
            from which they can go on later.",
    },
    Setting {
        section: "ftp",
        key: "listen",
        default: "127.0.0.1:2121",
        form: Form::Door(|config, value| config.ftp = value),
        help: "Where the second door listens, for every FTP client there is. off closes it.",
    },
    Setting {
        section: "ftp",
        key: "passive_ports",
        default: "any",
        form: Form::Ports(|config, value| config.passive_ports = value),
        help: "Ports for passive data connections, so that a firewall can let them through.",
    },
    Setting {
        section: "ftp",
        key: "passive_address",
        default: "own",
        form: Form::Host(|config, value| config.passive_address = value),
        help: "The address that PASV tells. own: the one that the client came to. Behind address \
            translation: the outer one.",
    },
    Setting {
        section: "ftp",
        key: "data_secs",
        default: "30",
        form: Form::Whole("whole seconds", 1, 3600, |config, value| config.data_secs = value),
        help: "A data connection must come about in so long, and must not stand still for longer.",
    },
    Setting {
        section: "ftp",
        key: "clear_passwords",
        default: "loopback",
        form: Form::Word(&[
            ("loopback", |config| config.clear_passwords = false),
            ("anywhere", |config| config.clear_passwords = true),
        ]),
        help: "From where a login in clear is taken. anywhere: whoever can read the line can read \
            the password.",
    },
    Setting {
        section: "ftp",
        key: "grace_millis",
        default: "20",
        form: Form::Whole("whole milliseconds", 0, 10_000, |config, value| {
            config.grace_millis = value;
        }),
        help: "An FTP client that was killed ends its upload as one that is done. Before an upload \
            replaces a file, the control line is watched for so long, to see whether it dies too. \
            Between machines far apart it should be longer.",
    },
    Setting {
        section: "guests",
        key: "anonymous",
        default: "no",
        form: Form::Word(&[
            ("no", |config| config.guests = false),
            ("yes", |config| config.guests = true),
        ]),
        help: "yes: whoever calls himself anonymous comes in without a password, from everywhere. \
            Guests read home/anonymous and what conf/mounts.ini mounts for them.",
    },
    Setting {
        section: "guests",
        key: "sessions",
        default: "20",
        form: Form::Whole("a whole number", 1, 100_000, |config, value| {
            config.guest_sessions = value as usize;
        }),
        help: "Guests at one time.",
    },
    Setting {
        section: "storage",
        key: "durability",
        default: "full",
        form: Form::Word(&[
            ("full", |config| config.durability = Durability::Full),
            ("none", |config| config.durability = Durability::None),
        ]),
        help: "full: a file is called stored only when it would outlive a power cut. none: \
            faster, but a power cut can take files that were called stored.",
    },
    Setting {
        section: "storage",
        key: "part_days",
        default: "7",
        form: Form::Whole("whole days", 1, 3650, |config, value| config.part_days = value),
        help: "An unfinished upload is kept for so long, so that its owner can go on with it.",
    },
    Setting {
        section: "storage",
        key: "min_free",
        default: "16M",
        form: Form::Size(|config, value| config.min_free_bytes = value),
        help: "What uploads leave free on the disk, whatever the quotas say, so that accounts and \
            logs can still be written. 0 leaves nothing.",
    },
    Setting {
        section: "transfer",
        key: "digest",
        default: "auto",
        form: Form::Word(&[
            ("auto", |config| config.digest = None),
            ("md5", |config| config.digest = Some(Algorithm::Md5)),
            ("blake3", |config| config.digest = Some(Algorithm::Blake3)),
        ]),
        help: "How transfers are checked for damage. auto measures both sides and takes what is \
            faster for the slower one.",
    },
    Setting {
        section: "accounts",
        key: "iterations",
        default: "100000",
        form: Form::Whole(
            "a whole number",
            limits::ITERATIONS_LEAST as u64,
            limits::ITERATIONS_MOST as u64,
            |config, value| config.iterations = value as u32,
        ),
        help: "How often a new password is hashed. More makes guessing dearer for who steals the \
            records, and each login slower for the client.",
    },
    Setting {
        section: "accounts",
        key: "default_quota",
        default: "100M",
        form: Form::Size(|config, value| config.default_quota_bytes = value),
        help: "What a new account may store if nothing else is said. 0 is nothing at all.",
    },
    Setting {
        section: "registration",
        key: "mode",
        default: "ask",
        form: Form::Word(&[
            ("open", |config| config.registration = Registration::Open),
            ("ask", |config| config.registration = Registration::Ask),
            ("invite", |config| config.registration = Registration::Invite),
            ("closed", |config| config.registration = Registration::Closed),
        ]),
        help: "Who can register from the client. open: everybody, at once. ask: the operator \
            approves; who is on conf/class.csv or has an invitation of conf/invites.ini is let in \
            at once. invite: only with an invitation. closed: nobody.",
    },
    Setting {
        section: "registration",
        key: "waiting",
        default: "200",
        form: Form::Whole("a whole number", 1, 1000, |config, value| {
            config.registrations_waiting = value as usize;
        }),
        help: "Requests that wait for an answer at one time. Where everybody is let in: those of a \
            day.",
    },
    Setting {
        section: "registration",
        key: "per_address",
        default: "5",
        form: Form::Whole("a whole number", 1, 1000, |config, value| {
            config.registrations_per_address = value as usize;
        }),
        help: "Requests from one address within a day. This machine itself is exempt.",
    },
    Setting {
        section: "registration",
        key: "keep_days",
        default: "30",
        form: Form::Whole("whole days", 1, 3650, |config, value| {
            config.registration_days = value;
        }),
        help: "An answered request is kept for so long, so that the applicant can ask.",
    },
];

impl Form {
    /// Reads a value and sets it; `None`, and nothing is set, unless it is what is expected.
    pub(super) fn set(&self, config: &mut Config, text: &str) -> Option<()> {
        match self {
            Form::Address(set) => set(config, text.parse().ok()?),
            Form::Door(set) => set(config, unless("off", text, |text| text.parse().ok())?),
            Form::Ports(set) => set(config, unless("any", text, ports)?),
            Form::Host(set) => set(config, unless("own", text, |text| text.parse().ok())?),
            Form::Whole(_, least, most, set) => set(config, whole(text, *least, *most)?),
            Form::Size(set) => set(config, parse_size(text)?),
            Form::Word(words) => words.iter().find(|(word, _)| *word == text)?.1(config),
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
            Form::Whole(what, least, most, _) => write!(f, "{what} from {least} to {most}"),
            Form::Size(_) => f.write_str("a size of 0 or more, such as 512K, 10M or 1.5G"),
            Form::Word(words) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                f.write_str(&words.join(" or "))
            }
        }
    }
}

/// The shipped conf/server.ini: every setting with its default and a remark.
pub fn print_config() -> String {
    let mut out = remark(PREAMBLE);
    out.push('\n');
    let mut section = "";
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            out += &format!("[{section}]\n\n");
        }
        out += &remark(setting.help);
        out += &remark(&format!("Expected: {}.", setting.form));
        out += &format!("{} = {}\n\n", setting.key, setting.default);
    }
    out.pop();
    out
}

/// The same as a Markdown table, for docs/OPERATING.md.
pub fn markdown() -> String {
    let mut out =
        String::from("| Setting | Default | Expected | Meaning |\n| --- | --- | --- | --- |\n");
    for Setting { section, key, default, form, help } in SETTINGS {
        out += &format!("| `[{section}] {key}` | `{default}` | {form} | {help} |\n");
    }
    out
}

/// Nothing for the one word, a value for everything else.
fn unless<T>(word: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == word { Some(None) } else { read(text).map(Some) }
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

/// A text as remarks, broken between words into lines of at most [`WIDTH`] bytes.
fn remark(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::from(";");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            out += &line;
            out.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line += word;
    }
    out + &line + "\n"
}
