//! The command line of the server.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use miniftp::shared::LogOptions;
use miniftp::text::words::quote;

pub(crate) const HELP: &str = "\
miniftpd, a file server whose word can be relied on

usage: miniftpd [OPTIONS]                 serve until TERM or Ctrl-C
       miniftpd [OPTIONS] account ...     admin commands, with a running server or without;
                                          `miniftpd account help` lists them
       miniftpd [OPTIONS] status          the running server: uptime, listeners, connections, disk
       miniftpd [OPTIONS] who             connections, and what each does
       miniftpd [OPTIONS] top             the same on a terminal, again every two seconds
       miniftpd [OPTIONS] check           every fault of the files in conf, and what would change
       miniftpd demo                      show everything in a minute, on fresh files and ports

options, before or after a command's name:
  --conf DIR           settings and accounts (conf)
  --home DIR           the homes of the accounts (home)
  --listen ADDR:PORT   the address of the framed protocol; port 0 takes a free one
  --ftp ADDR:PORT|off  the address of FTP
  --log FILE           the log, instead of standard error or the settings' file
  --log-format FORMAT  people or json, instead of the settings'
  --wait               while another server has the homes: wait, and take over when it is gone
  --console            take the operator's commands from standard input, as on a terminal
  --print-config       print a server.ini with every setting, and stop
  --help, --version

MINIFTP_LOG=debug shows more in the log. HUP reads the settings and opens the log file again.
";

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Serve,
    Account(Vec<String>),
    Top,
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
    /// `Some(None)` turns FTP off.
    pub(crate) ftp: Option<Option<SocketAddr>>,
    /// Where the log goes.
    pub(crate) log: LogOptions,
    /// Whether a home that another server has is waited for.
    pub(crate) wait: bool,
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
            log: LogOptions::default(),
            wait: false,
            console: false,
            task: Task::Serve,
        };
        let mut parser = Parser::from_iter(words);
        let mut account: Option<Vec<String>> = None;
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("conf") => args.conf = parser.value()?.into(),
                Arg::Long("home") => args.home = parser.value()?.into(),
                // Words after `account` are that command's own, options and all; they are a line.
                Arg::Long(name) if account.is_some() => {
                    let name = format!("--{name}");
                    account.get_or_insert_default().push(name);
                    if let Some(value) = parser.optional_value() {
                        account.get_or_insert_default().push(quote(&value.string()?, false));
                    }
                }
                Arg::Short(letter) if account.is_some() => {
                    account.get_or_insert_default().push(format!("-{letter}"));
                }
                Arg::Value(word) if account.is_some() => {
                    let word = word.string()?;
                    // Only behind `--` can a value look like an option.
                    account.get_or_insert_default().push(quote(&word, word.starts_with('-')));
                }
                Arg::Long("listen") => args.listen = Some(parser.value()?.parse()?),
                Arg::Long("ftp") => {
                    let value = parser.value()?;
                    args.ftp = Some(if value == "off" { None } else { Some(value.parse()?) });
                }
                Arg::Long("log") => args.log.file = Some(parser.value()?.into()),
                Arg::Long("log-format") => args.log.json = Some(is_json(&parser.value()?)?),
                Arg::Long("wait") => args.wait = true,
                Arg::Long("console") => args.console = true,
                Arg::Long("help") | Arg::Short('h') => args.task = Task::Help,
                Arg::Long("version") | Arg::Short('V') => args.task = Task::Version,
                Arg::Long("print-config") => args.task = Task::PrintConfig,
                Arg::Value(word) if word == "account" => account = Some(Vec::new()),
                // What is asked most often goes without the word.
                Arg::Value(word) if word == "status" || word == "who" => {
                    account = Some(vec![word.string()?]);
                }
                Arg::Value(word) if word == "top" => args.task = Task::Top,
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

fn is_json(format: &OsStr) -> Result<bool, lexopt::Error> {
    match format.to_str() {
        Some("people") => Ok(false),
        Some("json") => Ok(true),
        _ => Err("--log-format: expected people or json".into()),
    }
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
        for line in [
            "miniftpd --lisen x",
            "miniftpd serve",
            "miniftpd --listen nowhere",
            "miniftpd --log-format xml",
            "miniftpd --wait=5",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
