//! The command line of the server.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use miniftp::config;
use miniftp::shared::LogOptions;
use miniftp::text::words::quote;

use crate::hooks;
#[cfg(feature = "admin-cli")]
use crate::share::ShareOptions;
use crate::verify::VerifyOptions;

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Task {
    #[default]
    Serve,
    #[cfg(feature = "admin-cli")]
    Account(Vec<String>),
    #[cfg(feature = "admin-cli")]
    Top,
    #[cfg(feature = "admin-cli")]
    Check,
    Paths,
    /// With the directory to make everything in.
    #[cfg(feature = "admin-cli")]
    Init(Option<PathBuf>),
    #[cfg(feature = "admin-cli")]
    Share(ShareOptions),
    Verify(VerifyOptions),
    RunHooks,
    #[cfg(feature = "demo")]
    Demo,
    Help,
    Man,
    Version,
    PrintConfig,
}

impl Task {
    /// What is to be done if this word follows.
    #[cfg_attr(
        not(feature = "admin-cli"),
        allow(unused_variables, reason = "only `share` has options of its own")
    )]
    fn followed_by(self, word: OsString, parser: &mut Parser) -> Result<Task, lexopt::Error> {
        match (self, word.to_str()) {
            #[cfg(feature = "admin-cli")]
            (Task::Init(None), _) => Ok(Task::Init(Some(word.into()))),
            // As people ask other programs; there is one page for all commands.
            (Task::Serve, Some("help")) | (Task::Help, _) => Ok(Task::Help),
            #[cfg(feature = "admin-cli")]
            (Task::Serve, Some("check")) => Ok(Task::Check),
            #[cfg(feature = "demo")]
            (Task::Serve, Some("demo")) => Ok(Task::Demo),
            #[cfg(feature = "admin-cli")]
            (Task::Serve, Some("init")) => Ok(Task::Init(None)),
            (Task::Serve, Some("man")) => Ok(Task::Man),
            (Task::Serve, Some("paths")) => Ok(Task::Paths),
            #[cfg(feature = "admin-cli")]
            (Task::Serve, Some("top")) => Ok(Task::Top),
            (Task::Serve, Some(hooks::COMMAND)) => Ok(Task::RunHooks),
            #[cfg(feature = "admin-cli")]
            (Task::Serve, Some("share")) => {
                Ok(ShareOptions::parse(parser)?.map_or(Task::Help, Task::Share))
            }
            _ => Err(Arg::Value(word).unexpected()),
        }
    }

    /// What it is called, and which of the options of [`Args`] count for it; `None` where any may
    /// be given.
    fn takes(&self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Task::Serve | Task::Help | Task::Version | Task::PrintConfig => None,
            #[cfg(feature = "admin-cli")]
            Task::Account(_) => Some(("account", &["conf", "home", "log", "log-format"])),
            #[cfg(feature = "admin-cli")]
            Task::Top => Some(("top", &["conf", "home", "log", "log-format"])),
            #[cfg(feature = "admin-cli")]
            Task::Check => Some(("check", &["conf", "home", "listen", "ftp", "log", "log-format"])),
            Task::Paths => Some(("paths", &["conf", "home"])),
            #[cfg(feature = "admin-cli")]
            Task::Init(_) => Some(("init", &["conf", "home"])),
            #[cfg(feature = "admin-cli")]
            Task::Share(_) => Some(("share", &[])),
            Task::Verify(_) => Some(("verify", &["conf", "home"])),
            Task::RunHooks => Some((hooks::COMMAND, &[])),
            #[cfg(feature = "demo")]
            Task::Demo => Some(("demo", &[])),
            Task::Man => Some(("man", &[])),
        }
    }
}

/// Commands that this program was built without.
const LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "admin-cli"))]
    "account",
    #[cfg(not(feature = "admin-cli"))]
    "check",
    #[cfg(not(feature = "demo"))]
    "demo",
    #[cfg(not(feature = "admin-cli"))]
    "init",
    #[cfg(not(feature = "admin-cli"))]
    "share",
    #[cfg(not(feature = "admin-cli"))]
    "status",
    #[cfg(not(feature = "admin-cli"))]
    "top",
    #[cfg(not(feature = "admin-cli"))]
    "who",
];

/// The whole command line.
#[derive(Debug, Default)]
pub(crate) struct Args {
    /// Where the configuration is, if it is not to be looked for.
    pub(crate) conf: Option<PathBuf>,
    /// Where the data is.
    pub(crate) home: Option<PathBuf>,
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
        let mut args = Args::default();
        let mut parser = Parser::from_iter(words);
        let mut account: Option<Vec<String>> = None;
        let mut verify: Option<VerifyOptions> = None;
        let mut given = Vec::new();
        while let Some(arg) = parser.next()? {
            match arg {
                // Words after `account` are that command's own, options and all; they are a line.
                Arg::Long(name) if account.is_some() && !matches!(name, "conf" | "home") => {
                    let name = format!("--{name}");
                    account.get_or_insert_default().push(name);
                    if let Some(value) = parser.optional_value() {
                        account.get_or_insert_default().push(quote(&value.string()?, false));
                    }
                }
                Arg::Short(letter) if account.is_some() => {
                    // There are no such options: it is one word, such as a time below zero.
                    let rest = parser.optional_value().map(ValueExt::string).transpose()?;
                    let word = format!("-{letter}{}", rest.unwrap_or_default());
                    account.get_or_insert_default().push(quote(&word, false));
                }
                Arg::Value(word) if account.is_some() => {
                    let word = word.string()?;
                    // Only behind `--` can a value look like an option.
                    account.get_or_insert_default().push(quote(&word, word.starts_with('-')));
                }
                Arg::Long("rate") if verify.is_some() => {
                    verify.get_or_insert_default().take_rate(&parser.value()?)?;
                }
                Arg::Long("json") if verify.is_some() => verify.get_or_insert_default().json = true,
                Arg::Value(name) if verify.is_some() => {
                    verify.get_or_insert_default().names.push(name.string()?);
                }
                Arg::Short('h') => args.task = Task::Help,
                Arg::Short('V') => args.task = Task::Version,
                Arg::Long(name) => {
                    let name = name.to_owned();
                    args.take_option(&name, &mut parser)?;
                    given.push(name);
                }
                Arg::Value(word) => match word.to_str().filter(|_| args.task == Task::Serve) {
                    Some(left_out) if LEFT_OUT.contains(&left_out) => {
                        return Err(format!("this program was built without `{left_out}`").into());
                    }
                    Some("verify") => verify = Some(VerifyOptions::default()),
                    Some("account") => account = Some(Vec::new()),
                    // What is asked most often goes without that word.
                    Some("status" | "who") => account = Some(vec![word.string()?]),
                    _ => args.task = args.task.followed_by(word, &mut parser)?,
                },
                other @ Arg::Short(_) => return Err(other.unexpected()),
            }
        }
        #[cfg(feature = "admin-cli")]
        if let Some(words) = account {
            args.task = Task::Account(words);
        }
        if let (Some(options), Task::Serve) = (verify, &args.task) {
            args.task = Task::Verify(options);
        }
        args.check_given(&given)?;
        Ok(args)
    }

    /// Refuses options that would do nothing for what is to be done.
    fn check_given(&self, given: &[String]) -> Result<(), lexopt::Error> {
        let Some((command, taken)) = self.task.takes() else { return Ok(()) };
        match given.iter().find(|name| !taken.contains(&name.as_str())) {
            Some(name) => Err(format!("`{command}` has no option --{name}").into()),
            None => Ok(()),
        }
    }

    /// Takes an option that stands before or after a command's name.
    fn take_option(&mut self, name: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        match name {
            "conf" => self.conf = Some(parser.value()?.into()),
            "home" => self.home = Some(parser.value()?.into()),
            "listen" => self.listen = Some(address("--listen", &parser.value()?)?),
            "ftp" => {
                let value = parser.value()?;
                let is_off = value == "off";
                self.ftp = Some(if is_off { None } else { Some(address("--ftp", &value)?) });
            }
            "log" => self.log.file = Some(parser.value()?.into()),
            "log-format" => self.log.json = Some(is_json(&parser.value()?)?),
            "wait" => self.wait = true,
            "console" => self.console = true,
            "help" => self.task = Task::Help,
            "version" => self.task = Task::Version,
            "print-config" => self.task = Task::PrintConfig,
            _ => return Err(Arg::Long(name).unexpected()),
        }
        Ok(())
    }
}

/// An address, as the settings have it.
fn address(option: &str, text: &OsStr) -> Result<SocketAddr, lexopt::Error> {
    let address = text.to_str().and_then(config::parse_address);
    address.ok_or_else(|| {
        let text = text.to_string_lossy();
        format!("{option}: `{text}` is not valid; expected {}", config::ADDRESS).into()
    })
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
            assert_eq!(args.conf, Some(PathBuf::from("c")), "{line}");
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
            "miniftpd --listen off",
            "miniftpd --listen 65536",
            "miniftpd --ftp :",
            "miniftpd --log-format xml",
            "miniftpd --wait=5",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
