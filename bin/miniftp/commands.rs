//! What a user can say: one table, from which parsing, completion, help, manual, usage errors and
//! the tests are made.
//!
//! Invariant: a command that is not in [`COMMANDS`] does not exist, and one that is has a line of
//! help and an example.

use std::ffi::OsString;

use miniftp::text::wildcard::Written;
use miniftp::text::{Escaped, escape_bytes};

use crate::address::{Address, is_url};
use crate::failure::{CommandResult, Failure};
use crate::given::{Flag, GivenArguments};
use crate::row::{self, Group, Operand, Options, Run, ShellCommand, find};
use crate::session::ShellSession;
use crate::words::{ShellWord, of_argument, remote_name, words_of};
use crate::{
    admin, attributes, completions, connect, content, copy, escape, files, help, here, manual,
    people, transfer, trees,
};

const TREES: &[&[Flag]] =
    &[&[Flag::Recursive], &[Flag::Resume, Flag::Overwrite, Flag::Skip], &[Flag::NoMode]];
const COPIES: &[&[Flag]] = &[
    &[Flag::Recursive],
    &[Flag::Force],
    &[Flag::Resume, Flag::Overwrite, Flag::Skip],
    &[Flag::NoMode],
];
const DIGESTS: &[&[Flag]] = &[&[Flag::Md5, Flag::Sha256, Flag::Blake3]];

macro_rules! rows {
    ($($name:literal $aliases:tt $group:ident $options:expr, $operands:literal $run:expr,
        $help:literal, $example:literal;)*) => {
        &[$(ShellCommand {
            name: $name, aliases: &$aliases, group: Group::$group, options: $options,
            operands: $operands, run: $run, help: $help, example: $example,
        },)*]
    };
}

/// A command's options.
macro_rules! own {
    ($($flag:ident)*) => { Options::Own(&[$(&[Flag::$flag]),*]) };
}

/// Every command, in the order of `help`: name, aliases, group, options, operands, what carries it
/// out, help, an example.
#[rustfmt::skip]
pub(crate) const COMMANDS: &[ShellCommand] = rows! {
    "put" ["send", "upload", "mput"] Transfer Options::Own(TREES), "LOCAL... [REMOTE]"
        Run::There(transfer::put),
        "send files or, with -r, folders; with several, the last name is a folder",
        "put -r photos /backup/";
    "get" ["recv", "download", "mget"] Transfer Options::Own(TREES), "REMOTE... [LOCAL]"
        Run::There(transfer::get),
        "fetch files or, with -r, folders; with several, the last name is a folder",
        "get -r /photos .";
    "cp" ["copy"] Transfer Options::Own(COPIES), "SOURCE... TARGET"
        Run::There(copy::cp),
        "copy on the server; as scp does, to it if the target is a URL, from it if the sources are",
        "cp notes.txt miniftp://ann@nas.example.org/docs/";
    "ls" ["dir", "list"] Look own!(Long All Human ByTime BySize Reverse Unsorted Below OnePerLine
        Itself), "[PATH...]"
        Run::There(files::ls), "list folders; names that begin with a dot only with -a",
        "ls -lt docs";
    "tree" [] Look own!(All OnlyFolders), "[PATH...]"
        Run::There(trees::tree), "show folders with all below them; -a with hidden names",
        "tree docs";
    "du" [] Look own!(Human All Summary), "[PATH...]"
        Run::There(trees::du), "bytes in folders, with all below them", "du -sh /";
    "find" [] Look own!(), "NAME [PATH...]"
        Run::There(trees::find), "find names below folders; wildcards are matched, not expanded",
        "find *.txt /docs";
    "cat" [] Look own!(), "PATH..."
        Run::There(content::cat), "write files to standard output", "cat notes.txt";
    "less" ["more", "page"] Look own!(), "PATH..."
        Run::There(content::less), "read files in a pager (PAGER, else less)", "less notes.txt";
    "stat" [] Look own!(), "PATH..."
        Run::There(files::stat), "show all that is known of a file or folder",
        "stat notes.txt";
    "hash" ["md5"] Look Options::Own(DIGESTS), "PATH..."
        Run::There(files::hash), "digest of a file on the server, as md5sum and the like give it",
        "hash --sha256 backup.tar";
    "why" [] Look own!(), "[PATH...]"
        Run::There(files::why), "tell what may be done at a path, and what decides it",
        "why /shared";
    "cd" [] Look own!(), "[PATH]"
        Run::There(files::cd), "change the folder on the server; without a path, go home",
        "cd docs";
    "pwd" [] Look own!(), ""
        Run::There(files::pwd), "show the folder on the server", "pwd";
    "mkdir" ["md"] Change own!(Parents), "PATH..."
        Run::There(files::mkdir), "make folders; -p with those above", "mkdir -p a/b/c";
    "rmdir" ["rd"] Change own!(), "PATH..."
        Run::There(files::rmdir), "remove empty folders", "rmdir old";
    "rm" ["del", "delete"] Change own!(Recursive), "PATH..."
        Run::There(files::rm), "remove files; -r folders with all they hold", "rm *.tmp";
    "mv" ["rename", "move"] Change own!(Force), "FROM TO"
        Run::There(files::mv), "rename, or move into a folder; -f replaces a file that is there",
        "mv -f notes.txt docs/";
    "edit" ["vi", "nano"] Change own!(), "PATH"
        Run::There(content::edit),
        "edit a file here (VISUAL, EDITOR), and put it back if nobody else has changed it",
        "edit notes.txt";
    "chmod" [] Change own!(), "MODE PATH..."
        Run::There(attributes::chmod), "set permission bits, in octal or as changes",
        "chmod go-w notes.txt";
    "touch" [] Change own!(), "PATH..."
        Run::There(attributes::touch),
        "give files the present time; what is not there is made empty",
        "touch done";
    "quota" [] Account own!(), ""
        Run::There(files::quota), "bytes used, allowed and free", "quota";
    "df" [] Account own!(), "[PATH...]"
        Run::There(attributes::df), "what can still be stored at a path", "df /";
    "parts" [] Account own!(), ""
        Run::There(files::parts), "list unfinished uploads", "parts";
    "forget" [] Account own!(), "PATH..."
        Run::There(files::forget), "remove what was kept of an unfinished upload",
        "forget backup.tar";
    "passwd" [] Account own!(EndOthers), ""
        Run::There(people::passwd), "change your own password; --end-others ends other sessions",
        "passwd --end-others";
    "register" [] Account own!(), "[CODE]"
        Run::Outside(people::register), "ask for an account, with an invitation's code or without",
        "register";
    "registration" [] Account own!(), "NUMBER"
        Run::Outside(people::registration), "ask how a registration stands", "registration 7";
    "admin" [] Account Options::PassedOn, "ADMIN_COMMAND..."
        Run::There(admin::run),
        "do an admin's work; `admin help` lists the commands; --json for programs",
        "admin list";
    "lcd" [] Here own!(), "[LOCAL]"
        Run::Here(here::lcd), "change the folder on this machine; without a path, go home",
        "lcd Downloads";
    "lpwd" [] Here own!(), ""
        Run::Here(here::lpwd), "show the folder on this machine", "lpwd";
    "lls" [] Here own!(Long All Human ByTime BySize Reverse Unsorted Below OnePerLine Itself),
        "[LOCAL...]" Run::Here(here::lls), "list folders on this machine, as `ls` does",
        "lls -lt Downloads";
    "lmkdir" [] Here own!(Parents), "LOCAL..."
        Run::Here(here::lmkdir), "make folders on this machine; -p with those above",
        "lmkdir -p Downloads/photos";
    "!" [] Here Options::PassedOn, "[LINE...]"
        Run::Here(escape::run), "run a line in the shell of this machine, or the shell itself",
        "!ls -l";
    "open" ["connect"] Program own!(), "SERVER"
        Run::Session(connect::open), "go on at another server, or as another account",
        "open ann@nas.example.org/photos";
    "close" ["disconnect"] Program own!(), ""
        Run::Session(connect::close), "end the session and stay in the shell", "close";
    "help" ["?"] Program own!(), "[COMMAND]"
        Run::About(help::help), "list the commands, or tell about one", "help get";
    "completions" [] Program own!(), "SHELL"
        Run::About(completions::completions), "what bash, zsh or fish need to complete arguments",
        "completions bash";
    "man" [] Program own!(), ""
        Run::About(manual::man), "show the manual page, or write its source to a file", "man";
    "quit" ["q", "exit", "bye"] Program own!(), ""
        Run::Leave, "leave, or return to the menu if you came from it", "quit";
};

/// A command, and what is given to it; none where nothing was said.
pub(crate) type Parsed = Option<(&'static ShellCommand, GivenArguments)>;

/// The command that the first word names, and what is given to it. `None` if there are no words.
pub(crate) fn parse(words: Vec<ShellWord>) -> Result<Parsed, Failure> {
    let mut words = words.into_iter();
    let Some(first) = words.next() else { return Ok(None) };
    let name = remote_name(&first.text)
        .map_err(|_| row::unknown(COMMANDS, &escape_bytes(first.text.as_encoded_bytes())))?;
    let command = find(COMMANDS, name).ok_or_else(|| row::unknown(COMMANDS, name))?;
    Ok(Some((command, command.read(words.collect())?)))
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

/// Carries a command out in a session. [`Run::Leave`] is the caller's to see.
pub(crate) fn run(
    session: &mut ShellSession,
    command: &ShellCommand,
    given: &GivenArguments,
) -> CommandResult {
    match command.run {
        Run::Here(run) => {
            let done = run(&mut session.screen, given);
            done.and(session.screen.left_nothing_out())
        }
        Run::About(run) => run(COMMANDS, &mut session.screen, given),
        Run::Session(run) => run(session, given),
        Run::There(_) if session.client.account().is_none() => Err(Failure::Said(
            "no server is open; `open SERVER` connects to one, `open :2020` to this machine".into(),
        )),
        Run::There(run) => {
            let done = run(session, given);
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
    command.check_count(&given)?;
    Ok(Some((command, given)))
}

#[cfg(test)]
mod tests {
    use super::*;
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
            "mv a b c",
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
