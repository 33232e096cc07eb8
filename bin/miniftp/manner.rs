//! How a command is carried out: how much it reports, as what, how fast, over how many connections.
//! The program's own options say it for all commands, those of a command for that one.

use std::ffi::OsStr;

use miniftp::text::{Escaped, parse_size};

use crate::bar::Detail;
use crate::failure::Failure;

/// Connections of one transfer at most: a quarter of the sessions that an account may have.
const PARALLEL_MOST: usize = 10;

/// Bytes a second of the smallest rate: below it a single answer takes longer than the server
/// waits.
const RATE_LEAST: u64 = 1024;

/// How a command is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) detail: Detail,
    /// Whether results and events are lines of JSON.
    pub(crate) json: bool,
    /// Bytes a second at most; 0 is no limit, where a server has one of its own.
    pub(crate) limit_rate: Option<u64>,
    /// Connections that transfer at once.
    pub(crate) parallel: usize,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { detail: Detail::default(), json: false, limit_rate: None, parallel: 1 }
    }
}

/// Bytes a second; `0` and `unlimited` are no limit, which is 0.
pub(crate) fn rate(text: &OsStr) -> Result<Option<u64>, Failure> {
    let text = text.to_string_lossy();
    let plain = text.strip_suffix("/s").unwrap_or(&text);
    match parse_size(plain) {
        Some(bytes @ 1..RATE_LEAST) => Err(Failure::Usage(format!(
            "a rate must be at least {RATE_LEAST} bytes a second, got {bytes}; `10k` is 10 KiB"
        ))),
        Some(bytes) => Ok(Some(bytes)),
        None if plain == "unlimited" => Ok(Some(0)),
        None => Err(Failure::Usage(format!(
            "the rate must be bytes a second such as 500k or 2M, got `{}`",
            Escaped(&text)
        ))),
    }
}

/// A number of connections.
pub(crate) fn parallel(text: &OsStr) -> Result<usize, Failure> {
    let text = text.to_string_lossy();
    match text.parse() {
        Ok(number @ 1..=PARALLEL_MOST) => Ok(number),
        _ => Err(Failure::Usage(format!(
            "the connections must be from 1 to {PARALLEL_MOST}, got `{}`",
            Escaped(&text)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_numbers_are_read_or_refused() {
        for (text, bytes) in [
            ("500k", Some(512_000)),
            ("2M/s", Some(2 << 20)),
            ("0", Some(0)),
            ("unlimited", Some(0)),
        ] {
            assert_eq!(rate(OsStr::new(text)).unwrap(), bytes, "{text}");
        }
        for text in ["", "fast", "-1", "1x", "1", "1023"] {
            assert!(rate(OsStr::new(text)).is_err(), "{text}");
        }
        assert_eq!(parallel(OsStr::new("4")).unwrap(), 4);
        for text in ["0", "11", "x", "-1", ""] {
            assert!(parallel(OsStr::new(text)).is_err(), "{text}");
        }
    }
}
