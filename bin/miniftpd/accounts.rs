//! `miniftpd account ...`: the operator's work on the account store, beside a running server.
//!
//! Never: takes a password as an argument, or removes a file.

mod actions;
mod bans;
mod failure;
mod import;
mod password;
mod requests;

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use lexopt::Arg;
use zeroize::Zeroizing;

use miniftp::accounts::bans::Bans;
use miniftp::accounts::register::Queue;
use miniftp::accounts::{State, Store};
use miniftp::audit::{self, Actor, Event, Outcome, Place, Places, Verb};
use miniftp::config::Config;
use miniftp::site::homes_beside;
use miniftp::text::{Escaped, nearest};
use miniftp::vfs::{self, Homes};

use self::failure::Failure;

/// A command: its words after `account`, and what does it. Help, dispatch and checks read this.
struct Command {
    name: &'static str,
    /// What must follow the name, one word each; `[WORD]` may, `[WORD...]` as often as you like.
    takes: &'static [&'static str],
    options: &'static str,
    about: &'static str,
    run: fn(&Desk<'_>, &Request) -> Result<String, Failure>,
}

const COMMANDS: [Command; 16] = [
    Command {
        name: "add",
        takes: &["NAME"],
        options: " [--quota 10M] [--entries 5000] [--role admin] [--remark TEXT] [--adopt]",
        about: "add an account and ask for its password; with --adopt it takes over the files \
            that a removed account of that name has left",
        run: actions::add,
    },
    Command {
        name: "list",
        takes: &[],
        options: "",
        about: "list all accounts",
        run: actions::list,
    },
    Command {
        name: "show",
        takes: &["NAME"],
        options: "",
        about: "show one account",
        run: actions::show,
    },
    Command {
        name: "passwd",
        takes: &["NAME"],
        options: "",
        about: "ask for a new password",
        run: actions::passwd,
    },
    Command {
        name: "quota",
        takes: &["NAME", "SIZE"],
        options: " [--entries 5000]",
        about: "set the bytes it may store: 10M, 1.5G, unlimited; and its entries",
        run: actions::quota,
    },
    Command {
        name: "role",
        takes: &["NAME", "ROLE"],
        options: "",
        about: "make it user or admin",
        run: actions::role,
    },
    Command {
        name: "close",
        takes: &["NAME"],
        options: "",
        about: "let it log in no more; its files stay",
        run: |desk, request| actions::set_state(desk, request, State::Closed),
    },
    Command {
        name: "open",
        takes: &["NAME"],
        options: "",
        about: "let it log in again",
        run: |desk, request| actions::set_state(desk, request, State::Active),
    },
    Command {
        name: "remove",
        takes: &["NAME"],
        options: " [--files]",
        about: "forget the account; its files stay, or go with --files",
        run: actions::remove,
    },
    Command {
        name: "pending",
        takes: &[],
        options: "",
        about: "list the registrations that wait",
        run: requests::pending,
    },
    Command {
        name: "approve",
        takes: &["N"],
        options: " [--quota 50M]",
        about: "approve a registration: the account is made",
        run: requests::approve,
    },
    Command {
        name: "reject",
        takes: &["N", "REASON"],
        options: "",
        about: "refuse a registration and say why",
        run: requests::reject,
    },
    Command {
        name: "import",
        takes: &["FROM"],
        options: " [--adopt]",
        about: "make a CSV of names and quotas the class list, and approve those on it that wait; \
            or take over accounts from another server's .ini, .cfg, .json, or its directory; \
            exit code 0: all of it, 1: nothing, 3: what is named on standard error is not",
        run: import::import,
    },
    Command {
        name: "bans",
        takes: &[],
        options: "",
        about: "list who is kept out, until when and why",
        run: bans::bans,
    },
    Command {
        name: "ban",
        takes: &["NAME|ADDRESS", "TIME|ever", "[REASON...]"],
        options: "",
        about: "keep it out for 30m, 2h, 7d or for ever; its sessions end",
        run: bans::ban,
    },
    Command {
        name: "pardon",
        takes: &["NAME|ADDRESS"],
        options: "",
        about: "let it in again",
        run: bans::pardon,
    },
];

/// What a command works with.
struct Desk<'a> {
    store: &'a Store,
    queue: &'a Queue,
    bans: &'a Bans,
    /// Where the accounts and settings are, and the homes.
    conf: &'a Path,
    home: &'a Path,
    /// The settings: iterations of a new password, quota of a new account.
    config: &'a Config,
    /// Where a new password comes from.
    ask: &'a dyn Fn(&str) -> Result<Zeroizing<String>, Failure>,
}

impl Desk<'_> {
    /// The homes, with what is mounted now and what mounts.ini says.
    fn homes(&self) -> Result<Homes, Failure> {
        Ok(homes_beside(self.conf, self.home, self.config.storage.shared)?)
    }
}

/// What was asked for, read but not yet understood.
#[derive(Default)]
struct Request {
    words: Vec<String>,
    quota: Option<String>,
    entries: Option<String>,
    role: Option<String>,
    remark: Option<String>,
    files: bool,
    adopt: bool,
}

/// Does what `words`, those after `account`, ask for with the accounts in the folder `conf`.
/// What changed something is noted in the server's log file, if it has one.
pub(crate) fn run(
    folders: (&Path, &Path),
    words: &[String],
    config: &Config,
    log: &Places,
) -> ExitCode {
    if matches!(words.first().map(String::as_str), Some("help" | "--help" | "-h")) {
        say(io::stdout().lock(), &usage());
        return ExitCode::SUCCESS;
    }
    match work(folders, words, config, log) {
        Ok(text) => {
            say(io::stdout().lock(), &text);
            ExitCode::SUCCESS
        }
        Err(Failure::Incomplete { done, missing, code }) => {
            say(io::stdout().lock(), &done);
            let missing: String =
                missing.iter().map(|what| format!("miniftpd: {what}\n")).collect();
            say(io::stderr().lock(), &missing);
            ExitCode::from(code)
        }
        Err(Failure::Usage(what)) => {
            let help = "`miniftpd account help` shows the commands";
            say(io::stderr().lock(), &format!("miniftpd: {what}; {help}\n"));
            ExitCode::from(2)
        }
        Err(Failure::Failed(what)) => {
            say(io::stderr().lock(), &format!("miniftpd: {what}\n"));
            ExitCode::FAILURE
        }
    }
}

fn work(
    (conf, home): (&Path, &Path),
    words: &[String],
    config: &Config,
    log: &Places,
) -> Result<String, Failure> {
    let (command, request) = understand(words)?;
    let store = Store::open(conf)?;
    let queue = Queue::new(conf, config.registration.keep_days);
    let bans = Bans::open(conf);
    let (store, queue, bans) = (&store, &queue, &bans);
    let desk = Desk { store, queue, bans, conf, home, config, ask: &password::ask };
    let done = (command.run)(&desk, &request);
    if !matches!(command.name, "list" | "show" | "pending" | "bans") {
        note((log, home), &words.join(" "), done.as_ref().err());
    }
    let text = done?;
    if let Some(fault) = store.fault() {
        let shown = "; what is shown is the generation before it";
        say(io::stderr().lock(), &format!("miniftpd: {fault}{shown}\n"));
    }
    Ok(text)
}

/// The act is done or refused already: a log that cannot be written changes nothing about that.
fn note((log, home): (&Places, &Path), words: &str, refused: Option<&Failure>) {
    let why = refused.map(Failure::to_string);
    let is_refused = !matches!(refused, None | Some(Failure::Incomplete { code: 3, .. }));
    let event = Event {
        value: Some(words),
        outcome: if is_refused { Outcome::Refused } else { Outcome::Done },
        why: why.as_deref(),
        ..Event::new(Actor::operator(Place::CommandLine), Verb::Account)
    };
    let noted = match audit::append(log, &event) {
        // Without a file the server has the log; it finds the act in its home.
        Ok(false) => vfs::leave(home, audit::LEFT, &audit::left(&event)).map(drop),
        other => other.map(drop),
    };
    if let Err(e) = noted {
        say(io::stderr().lock(), &format!("miniftpd: this is not in the log: {e}\n"));
    }
}

fn understand(words: &[String]) -> Result<(&'static Command, Request), Failure> {
    let Some((name, rest)) = words.split_first() else {
        return Err(Failure::Usage("no command for the accounts was given".to_owned()));
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let what = format!("no command `account {}`", Escaped(name));
        return Err(Failure::Usage(match nearest(name, COMMANDS.iter().map(|c| c.name)) {
            Some(meant) => format!("{what}, did you mean `{meant}`?"),
            None => what,
        }));
    };
    let request = read_words(command, rest)
        .map_err(|e| Failure::Usage(Escaped(&e.to_string()).to_string()))?;
    let least = command.takes.iter().filter(|word| !word.starts_with('[')).count();
    let endless = command.takes.last().is_some_and(|word| word.ends_with("...]"));
    let most = if endless { usize::MAX } else { command.takes.len() };
    if !(least..=most).contains(&request.words.len()) {
        let form = form(command);
        return Err(Failure::Usage(format!("expected `miniftpd account {form}`")));
    }
    Ok((command, request))
}

fn read_words(command: &Command, words: &[String]) -> Result<Request, lexopt::Error> {
    let mut request = Request::default();
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(arg) = parser.next()? {
        let option = match arg {
            Arg::Value(word) => {
                request.words.push(word.to_string_lossy().into_owned());
                continue;
            }
            Arg::Long("files") if command.options.contains("--files") => {
                request.files = true;
                continue;
            }
            Arg::Long("adopt") if command.options.contains("--adopt") => {
                request.adopt = true;
                continue;
            }
            Arg::Long("quota") if command.options.contains("--quota") => &mut request.quota,
            Arg::Long("entries") if command.options.contains("--entries") => &mut request.entries,
            Arg::Long("role") if command.options.contains("--role") => &mut request.role,
            Arg::Long("remark") if command.options.contains("--remark") => &mut request.remark,
            arg => return Err(arg.unexpected()),
        };
        *option = Some(parser.value()?.to_string_lossy().into_owned());
    }
    Ok(request)
}

fn form(command: &Command) -> String {
    let mut form = command.name.to_owned();
    for word in command.takes {
        form.push(' ');
        form.push_str(word);
    }
    form + command.options
}

fn usage() -> String {
    let mut text = "usage: miniftpd account COMMAND [--conf DIR]\n\n".to_owned();
    for command in &COMMANDS {
        let form = form(command);
        // A long form has its line for itself.
        if form.len() > 16 {
            line(&mut text, &format!("  {form}"));
            line(&mut text, &format!("  {:16}  {}", "", command.about));
        } else {
            line(&mut text, &format!("  {form:16}  {}", command.about));
        }
    }
    text + "\nA password is asked on the terminal, or read as the first line of standard input.\n"
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Whoever reads may have gone; what was done is done all the same.
fn say(mut to: impl io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
