//! How a line, or the program's arguments, become a command, and how it is carried out.

use std::ffi::OsString;

use miniftp::text::wildcard::Written;
use miniftp::text::{Escaped, escape_bytes};

use crate::address::{Address, check_scheme, is_url};
use crate::bar::Detail;
use crate::failure::{CommandResult, Failure};
use crate::files::{remote_path, remote_target};
use crate::given::{Flag, GivenArguments};
use crate::here::{local_path, local_target};
use crate::manner::{self, Manner};
use crate::row::{self, Operand, Run, ShellCommand, find};
use crate::session::ShellSession;
pub(crate) use crate::table::COMMANDS;

use crate::words::{ShellWord, of_argument, remote_name, words_of};

/// A command, and what is given to it; none where nothing was said.
pub(crate) type Parsed = Option<(&'static ShellCommand, GivenArguments)>;

/// The command that the first word names, and what is given to it. `None` if there are no words.
pub(crate) fn parse(words: Vec<ShellWord>) -> Result<Parsed, Failure> {
    let mut words = words.into_iter();
    let Some(first) = words.next() else { return Ok(None) };
    let name = remote_name(&first.text)
        .map_err(|_| row::unknown(COMMANDS, &escape_bytes(first.text.as_encoded_bytes())))?;
    let command = find(COMMANDS, name).ok_or_else(|| row::unknown(COMMANDS, name))?;
    let rest: Vec<ShellWord> = words.collect();
    let mut options = rest.iter().take_while(|word| word.text != "--");
    // What other programs' users type for `help COMMAND`; behind `!` it is that program's.
    if command.name != "!" && options.any(|word| !word.quoted && word.text == "--help") {
        let help = find(COMMANDS, "help").ok_or_else(|| row::unknown(COMMANDS, "help"))?;
        return Ok(Some((help, help.read(vec![first])?)));
    }
    Ok(Some((command, command.read(rest)?)))
}

/// Takes the URLs out of the operands and leaves their paths; `None` if there are none. All of them
/// must be of one server: a command has one connection.
pub(crate) fn take_urls(
    command: &ShellCommand,
    given: &mut GivenArguments,
) -> Result<Option<Address>, Failure> {
    let count = given.words.len();
    let mut server: Option<Address> = None;
    let mut words = Vec::with_capacity(count);
    for (index, word) in std::mem::take(&mut given.words).into_iter().enumerate() {
        let kind = command.operand(index, count);
        let is_meant = matches!(kind, Operand::Local | Operand::Remote | Operand::Either);
        if let Some(text) = word.text.to_str().filter(|_| is_meant) {
            check_scheme(text)?;
        }
        let Some(text) = word.text.to_str().filter(|text| is_meant && is_url(text)) else {
            words.push(word);
            continue;
        };
        if kind == Operand::Local {
            return Err(Failure::Usage(format!(
                "`{}` is a URL where a path of this machine belongs; `cp` copies in both \
                 directions",
                Escaped(text)
            )));
        }
        let (address, path) = Address::of_url(text)?;
        let path = if path.is_empty() { vec![Written::open('/')] } else { path };
        let path = words_of(path, true)?;
        words.extend(path.into_iter().map(|word| ShellWord { is_url: true, ..word }));
        match &server {
            Some(server) if *server != address => {
                return Err(Failure::Usage(
                    "the URLs are of different servers, and a command has one connection; fetch \
                     first, then send"
                        .into(),
                ));
            }
            _ => server = Some(address),
        }
    }
    given.words = words;
    Ok(server)
}

/// The manner of one command.
pub(crate) fn manner_of(whole: Manner, given: &GivenArguments) -> Result<Manner, Failure> {
    let mut manner = whole;
    if given.has(Flag::Quiet) {
        manner.detail = Detail::Quiet;
    } else if given.has(Flag::Verbose) {
        manner.detail = Detail::Full;
    }
    manner.json |= given.has(Flag::Json);
    if let Some(text) = given.value(Flag::LimitRate) {
        manner.limit_rate = manner::rate(text)?;
    }
    if let Some(text) = given.value(Flag::Parallel) {
        manner.parallel = manner::parallel(text)?;
    }
    Ok(manner)
}

/// Carries a command out in a session. [`Run::Leave`] is the caller's to see.
pub(crate) fn run(
    session: &mut ShellSession,
    command: &ShellCommand,
    given: &GivenArguments,
) -> CommandResult {
    command.check_output(session.line.manner.json)?;
    match command.run {
        Run::Here(run) => {
            let given = single_paths(session, command, given)?;
            session.screen.manner = manner_of(session.line.manner, &given)?;
            let done = run(&mut session.screen, &given);
            session.screen.manner = session.line.manner;
            done.and(session.screen.left_nothing_out())
        }
        Run::About(run) => run(COMMANDS, &mut session.screen, given),
        Run::Session(run) => run(session, given),
        Run::There(_) if session.client.account().is_none() => Err(Failure::Said(
            "no server is open; `open SERVER` connects to one, `open :2020` to this machine".into(),
        )),
        Run::There(run) => {
            let manner = manner_of(session.line.manner, given)?;
            session.screen.manner = manner;
            let rate = manner.limit_rate.or(session.target.rate);
            session.client.limit_rate(rate.filter(|rate| *rate > 0));
            session.client.connections(manner.parallel);
            let given = single_paths(session, command, given);
            let done = given.and_then(|given| run(session, &given));
            session.screen.manner = session.line.manner;
            let left_out = session.screen.left_nothing_out();
            done.and(left_out)
        }
        Run::Outside(_) => Err(Failure::Usage(format!(
            "`{0}` is run before logging in: `miniftp {0}`",
            command.name
        ))),
        Run::Leave => Ok(()),
    }
}

/// The same arguments, with the one path that wildcards match where only one can stand. Where there
/// may be several, or a path here or there, each command does that itself.
fn single_paths(
    session: &mut ShellSession,
    command: &ShellCommand,
    given: &GivenArguments,
) -> Result<GivenArguments, Failure> {
    let mut given = given.clone();
    let count = given.words.len();
    for (index, word) in given.words.iter_mut().enumerate() {
        if word.pattern.is_none() || command.is_of_many(index, count) {
            continue;
        }
        let is_target = command.is_target(index, count);
        *word = match command.operand(index, count) {
            Operand::Remote if is_target => ShellWord::plain(remote_target(session, word)?),
            Operand::Remote => ShellWord::plain(remote_path(session, word)?),
            Operand::Local if is_target => {
                ShellWord::plain(local_target(&mut session.screen, word)?)
            }
            Operand::Local => ShellWord::plain(local_path(&mut session.screen, word)?),
            _ => continue,
        };
    }
    Ok(given)
}

/// The failure of a first word that is no command, and no server either.
pub(crate) fn neither(word: &str) -> Failure {
    let shown = Escaped(word);
    let hint = match row::near(COMMANDS, word) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "`help` lists the commands".to_owned(),
    };
    Failure::Usage(format!("`{shown}` is no command, and no server of that name is found; {hint}"))
}

/// Whether there is a command of that name.
pub(crate) fn is_command(name: &str) -> bool {
    find(COMMANDS, name).is_some()
}

/// The command that the program's arguments name. They have been through a shell, so that quotes
/// are gone; wildcards and braces count in operands that are paths, unless a file here has just
/// that name where one is expected.
pub(crate) fn of_arguments(arguments: &[OsString]) -> Result<Parsed, Failure> {
    let words = arguments.iter().map(ShellWord::plain).collect();
    let Some((command, mut given)) = parse(words)? else { return Ok(None) };
    let count = given.words.len();
    let mut words = Vec::with_capacity(count);
    for (index, word) in given.words.into_iter().enumerate() {
        let is_pattern = match command.operand(index, count) {
            Operand::Remote | Operand::Name => true,
            Operand::Local | Operand::Either => {
                !word.text.to_str().is_some_and(is_url)
                    && std::path::Path::new(&word.text).symlink_metadata().is_err()
            }
            Operand::Command | Operand::Server | Operand::Text => false,
        };
        match is_pattern && !word.text.to_str().is_some_and(is_url) {
            true => words.extend(of_argument(&word.text)?),
            false => words.push(word),
        }
    }
    given.words = words;
    command.check_operands(&given)?;
    Ok(Some((command, given)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Options, Output};
    use crate::words::split;

    #[test]
    fn names_and_aliases_are_unique_and_every_row_has_help() {
        let mut names: Vec<&str> = Vec::new();
        for command in COMMANDS {
            names.push(command.name);
            names.extend(command.aliases);
            assert!(!command.help.is_empty() && !command.help.ends_with('.'), "{}", command.name);
            let (least, most) = command.counts();
            assert!(least <= most);
            let (found, _) = parse(split(command.example).unwrap()).unwrap().unwrap();
            assert_eq!(found.name, command.name, "{}", command.example);
            let mut flags: Vec<String> = command.flags().map(Flag::shown).collect();
            let count = flags.len();
            let has_rows = matches!(command.options, Options::Own(_))
                .then_some(command.output == Output::Rows);
            assert!(has_rows.is_none_or(|has| has == flags.contains(&Flag::Json.shown())));
            flags.sort_unstable();
            flags.dedup();
            assert_eq!(flags.len(), count, "{}: two options of one name", command.name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn options_stand_anywhere_until_two_dashes() {
        let table: &[(&str, &str, &[Flag], &[&str])] = &[
            ("put -r a b", "put", &[Flag::Recursive], &["a", "b"]),
            ("put a b -r --resume", "put", &[Flag::Recursive, Flag::Resume], &["a", "b"]),
            ("put -- -r --resume", "put", &[], &["-r", "--resume"]),
            ("rm ./-r", "rm", &[], &["./-r"]),
            ("rm '-r'", "rm", &[], &["-r"]),
            ("LS -l", "ls", &[Flag::Long], &[]),
            ("cd -", "cd", &[], &["-"]),
            ("q", "quit", &[], &[]),
        ];
        for (line, name, flags, operands) in table {
            let (command, given) = parse(split(line).unwrap()).unwrap().unwrap();
            assert_eq!(command.name, *name, "{line}");
            assert_eq!(given.flags, *flags, "{line}");
            let words: Vec<_> = given.words.iter().map(|w| w.remote().unwrap()).collect();
            assert_eq!(words, *operands, "{line}");
        }
    }

    #[test]
    fn misuse_is_reported_with_the_usage() {
        for line in [
            "put",
            "put -x a",
            "put --recursiv a",
            "mv a",
            "cd a b",
            "pwd x",
            "get --overwrite --skip a",
        ] {
            let Err(Failure::Usage(text)) = parse(split(line).unwrap()) else { panic!("{line}") };
            assert!(text.contains("; usage: "), "{line}: {text}");
        }
    }

    #[test]
    fn the_nearest_name_is_offered() {
        for (typed, known) in [
            ("ptu", Some("put")),
            ("gte", Some("get")),
            ("mkdri", Some("mkdir")),
            ("quti", Some("quit")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(row::near(COMMANDS, typed), known, "{typed}");
        }
        assert!(parse(Vec::new()).unwrap().is_none());
    }
}
