//! The command line of the server.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
miniftpd, a file server whose word can be relied on

usage: miniftpd [OPTIONS]                 serve until TERM or Ctrl-C
       miniftpd [OPTIONS] account ...     the accounts; `miniftpd account help` tells more
       miniftpd [OPTIONS] check           every fault of the files in conf, and what would change
       miniftpd demo                      show everything in a minute, on fresh files and ports

options, before or after a command's name:
  --conf DIR           settings and accounts (conf)
  --home DIR           the homes of the accounts (home)
  --listen ADDR:PORT   the framed door, instead of the settings'; port 0 takes a free one
  --ftp ADDR:PORT|off  the FTP door, instead of the settings'
  --console            take the operator's commands from standard input, as on a terminal
  --print-config       print a server.ini with every setting, and stop
  --help, --version

MINIFTP_LOG=debug shows more in the log, which goes to standard error.
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Serve,
    Account(Vec<String>),
    Check,
    Demo,
    Help,
    Version,
    PrintConfig,
}

/// The whole command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) conf: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) listen: Option<SocketAddr>,
    /// `Some(None)` closes the door.
    pub(crate) ftp: Option<Option<SocketAddr>>,
    /// Whether commands are taken from an input that is no terminal.
    pub(crate) console: bool,
    pub(crate) task: Task,
}

impl Args {
    /// Reads the command line, the program's name first.
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, lexopt::Error> {
        let mut args = Args {
            conf: "conf".into(),
            home: "home".into(),
            listen: None,
            ftp: None,
            console: false,
            task: Task::Serve,
        };
        let mut parser = Parser::from_iter(words);
        let mut account: Option<Vec<String>> = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("conf") => args.conf = parser.value()?.into(),
                Arg::Long("home") => args.home = parser.value()?.into(),
                // Words after `account` are that command's own, options and all.
                Arg::Long(name) if account.is_some() => {
                    let name = format!("--{name}");
                    account.get_or_insert_default().push(name);
                    if let Some(value) = parser.optional_value() {
                        account.get_or_insert_default().push(value.string()?);
                    }
                }
                Arg::Short(letter) if account.is_some() => {
                    account.get_or_insert_default().push(format!("-{letter}"));
                }
                Arg::Value(word) if account.is_some() => {
                    account.get_or_insert_default().push(word.string()?);
                }
                Arg::Long("listen") => args.listen = Some(parser.value()?.parse()?),
                Arg::Long("ftp") => {
                    let value = parser.value()?;
                    args.ftp = Some(if value == "off" { None } else { Some(value.parse()?) });
                }
                Arg::Long("console") => args.console = true,
                Arg::Long("help") | Arg::Short('h') => args.task = Task::Help,
                Arg::Long("version") | Arg::Short('V') => args.task = Task::Version,
                Arg::Long("print-config") => args.task = Task::PrintConfig,
                Arg::Value(word) if word == "account" => account = Some(Vec::new()),
                Arg::Value(word) if word == "check" => args.task = Task::Check,
                Arg::Value(word) if word == "demo" => args.task = Task::Demo,
                other => return Err(other.unexpected()),
            }
        }
        if let Some(words) = account {
            args.task = Task::Account(words);
        }
        Ok(args)
    }
}

/// A moment as `2026-11-20T06:30:00.123Z`.
pub(crate) fn utc_now() -> impl fmt::Display {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, secs) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The date of a day since 1970 in the Gregorian calendar, by years that begin in March, so that
/// the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_0000_march = days + 719_468;
    let era = since_0000_march / 146_097;
    let of_era = since_0000_march % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, lexopt::Error> {
        Args::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for line in [
            "miniftpd --conf c account add bob --quota 10M",
            "miniftpd account --conf=c add bob --quota 10M",
            "miniftpd account add bob --quota=10M --conf c",
        ] {
            let args = parse(line).unwrap();
            assert_eq!(args.conf, PathBuf::from("c"), "{line}");
            let words = ["add", "bob", "--quota", "10M"].map(String::from).to_vec();
            assert_eq!(args.task, Task::Account(words), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["miniftpd --lisen x", "miniftpd serve", "miniftpd --listen nowhere"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn days_become_dates() {
        let table = [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_777, (2026, 11, 20)),
        ];
        for (days, date) in table {
            assert_eq!(civil(days), date);
        }
    }
}
