//! What a user can say: one table, from which parsing, help, usage errors and the tests are made.
//!
//! Invariant: a command that is not in [`COMMANDS`] does not exist, and one that is has a line of
//! help.

use std::ffi::OsString;

use miniftp::text::{Escaped, escape_bytes, nearest};

use crate::args::CommandLine;
use crate::failure::{CommandResult, Failure};
use crate::given::{EXCLUSIVE, Spelling};
pub(crate) use crate::given::{Flag, GivenArguments};
use crate::screen::Screen;
use crate::session::ShellSession;
use crate::words::{ShellWord, remote_name};
use crate::{admin, copying, files, help, here, people, transfer};

/// What carries a command out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Needs no server.
    Here(fn(&mut Screen, &GivenArguments) -> CommandResult),
    /// Needs a server and no login.
    Outside(fn(&CommandLine, &mut Screen, &GivenArguments) -> CommandResult),
    /// Needs a login.
    There(fn(&mut ShellSession, &GivenArguments) -> CommandResult),
    /// Ends the shell.
    Leave,
}

/// A row of the table.
pub(crate) struct ShellCommand {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names that people try.
    pub(crate) aliases: &'static [&'static str],
    /// The options it takes; those in one group are alternatives.
    pub(crate) options: Options,
    /// The operands it takes.
    pub(crate) operands: &'static str,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// Fewest operands.
    pub(crate) least: usize,
    /// Most operands.
    pub(crate) most: usize,
    /// What carries it out.
    pub(crate) run: Run,
}

/// The options of a command.
#[derive(Clone, Copy)]
pub(crate) enum Options {
    /// These; those in one group are alternatives.
    Own(&'static [&'static [Flag]]),
    /// Whatever looks like an option is an operand, which the server reads.
    PassedOn,
}

/// No limit of operands.
const MANY: usize = usize::MAX;
const TREES: &[&[Flag]] =
    &[&[Flag::Recursive], &[Flag::Resume, Flag::Overwrite, Flag::Skip], &[Flag::NoMode]];
const DIGESTS: &[&[Flag]] = &[&[Flag::Md5, Flag::Sha256, Flag::Blake3]];

macro_rules! rows {
    ($($name:literal $aliases:tt $options:expr, $operands:literal $least:expr, $most:expr,
        $run:expr, $help:literal;)*) => {
        &[$(ShellCommand {
            name: $name, aliases: &$aliases, options: $options, operands: $operands,
            least: $least, most: $most, run: $run, help: $help,
        },)*]
    };
}

/// A command's options.
macro_rules! own {
    ($($flag:ident)*) => { Options::Own(&[$(&[Flag::$flag]),*]) };
}

/// Every command, in the order of `help`: name, aliases, options, operands, fewest and most of
/// them, what carries it out, help.
#[rustfmt::skip]
pub(crate) const COMMANDS: &[ShellCommand] = rows! {
    "put" ["send", "upload", "mput"] Options::Own(TREES), "LOCAL... [REMOTE]" 1, MANY,
        Run::There(transfer::put),
        "send files or, with -r, folders; with several, the last name is a folder";
    "get" ["recv", "download", "mget"] Options::Own(TREES), "REMOTE... [LOCAL]" 1, MANY,
        Run::There(transfer::get),
        "fetch files or, with -r, folders; with several, the last name is a folder";
    "ls" ["dir", "list"] own!(Long), "[PATH...]" 0, MANY,
        Run::There(files::ls), "list a folder; -l with rights, bytes and time (UTC)";
    "cd" [] own!(), "[PATH]" 0, 1,
        Run::There(files::cd), "change the folder on the server; without a path, go home";
    "pwd" [] own!(), "" 0, 0,
        Run::There(files::pwd), "show the folder on the server";
    "mkdir" ["md"] own!(Parents), "PATH..." 1, MANY,
        Run::There(files::mkdir), "make folders; -p with those above";
    "rmdir" ["rd"] own!(), "PATH..." 1, MANY,
        Run::There(files::rmdir), "remove empty folders";
    "rm" ["del", "delete"] own!(Recursive), "PATH..." 1, MANY,
        Run::There(files::rm), "remove files; -r folders with all they hold";
    "mv" ["rename", "move"] own!(Force), "FROM TO" 2, 2,
        Run::There(files::mv), "rename, or move into a folder; -f replaces a file that is there";
    "cp" ["copy"] own!(Recursive Force), "FROM... TO" 2, MANY,
        Run::There(copying::cp),
        "copy on the server; -r folders, -f replaces files that are there";
    "stat" [] own!(), "PATH..." 1, MANY,
        Run::There(files::stat), "show all that is known of a file or folder";
    "hash" ["md5"] Options::Own(DIGESTS), "PATH..." 1, MANY,
        Run::There(files::hash), "digest of a file on the server, as md5sum and the like give it";
    "why" [] own!(), "[PATH...]" 0, MANY,
        Run::There(files::why), "tell what may be done at a path, and what decides it";
    "quota" ["df"] own!(), "" 0, 0,
        Run::There(files::quota), "bytes used, allowed and free";
    "parts" [] own!(), "" 0, 0,
        Run::There(files::parts), "list unfinished uploads";
    "forget" [] own!(), "PATH..." 1, MANY,
        Run::There(files::forget), "remove what was kept of an unfinished upload";
    "passwd" [] own!(EndOthers), "" 0, 0,
        Run::There(people::passwd), "change your own password; --end-others ends other sessions";
    "register" [] own!(), "[CODE]" 0, 1,
        Run::Outside(people::register), "ask for an account, with an invitation's code or without";
    "registration" [] own!(), "NUMBER" 1, 1,
        Run::Outside(people::registration), "ask how a registration stands";
    "admin" [] Options::PassedOn, "COMMAND ... [--json]" 1, MANY,
        Run::There(admin::run), "do an admin's work; `admin help` lists the commands";
    "lcd" [] own!(), "[PATH]" 0, 1,
        Run::Here(here::lcd), "change the folder on this machine; without a path, go home";
    "lpwd" [] own!(), "" 0, 0,
        Run::Here(here::lpwd), "show the folder on this machine";
    "lls" [] own!(Long), "[PATH]" 0, 1,
        Run::Here(here::lls), "list a folder on this machine";
    "help" ["?"] own!(), "[COMMAND]" 0, 1,
        Run::Here(help::help), "list the commands, or tell about one";
    "quit" ["q", "exit", "bye"] own!(), "" 0, 0,
        Run::Leave, "leave, or return to the menu if you came from it";
};

impl ShellCommand {
    /// `put [-r] LOCAL... [REMOTE]`.
    pub(crate) fn synopsis(&self) -> String {
        let mut synopsis = self.name.to_owned();
        for group in self.groups() {
            let shown: Vec<String> = group.iter().map(|flag| flag.shown()).collect();
            synopsis += &format!(" [{}]", shown.join("|"));
        }
        format!("{synopsis} {}", self.operands).trim_end().to_owned()
    }

    fn groups(&self) -> &'static [&'static [Flag]] {
        match self.options {
            Options::Own(groups) => groups,
            Options::PassedOn => &[],
        }
    }

    /// The options it takes.
    pub(crate) fn flags(&self) -> impl Iterator<Item = Flag> + Clone {
        self.groups().iter().copied().flatten().copied()
    }

    fn misused(&self, what: &str) -> Failure {
        Failure::Usage(format!("{what}; usage: {}", self.synopsis()))
    }

    /// Sorts words into options, wherever they stand, and operands. `--` ends the options.
    fn read(&self, words: Vec<ShellWord>) -> Result<GivenArguments, Failure> {
        let mut given = GivenArguments { flags: Vec::new(), words: Vec::new() };
        let mut options = matches!(self.options, Options::Own(_));
        for word in words {
            let text = word.text.to_string_lossy().into_owned();
            if !options || word.quoted || !text.starts_with('-') || text == "-" {
                given.words.push(word);
            } else if text == "--" {
                options = false;
            } else {
                self.read_option(&text, &mut given.flags)?;
            }
        }
        for group in EXCLUSIVE {
            let mut output = group.iter().filter(|flag| given.has(**flag));
            if let (Some(one), Some(other)) = (output.next(), output.next()) {
                let (one, other) = (one.shown(), other.shown());
                return Err(self.misused(&format!("{one} and {other} exclude each other")));
            }
        }
        if given.words.len() < self.least {
            return Err(self.misused(&format!("`{}` needs more", self.name)));
        }
        if given.words.len() > self.most {
            return Err(
                self.misused(&format!("`{}` takes less; quote names with blanks", self.name))
            );
        }
        Ok(given)
    }

    fn read_option(&self, text: &str, flags: &mut Vec<Flag>) -> Result<(), Failure> {
        let unknown = |option: &str| {
            let shown = Escaped(option);
            self.misused(&format!(
                "`{}` has no option `{shown}`; write `./{shown}` for a file of that name",
                self.name
            ))
        };
        let find = |is_meant: &dyn Fn(&Spelling) -> bool| {
            self.flags().find(|flag| is_meant(&flag.spelling())).ok_or_else(|| unknown(text))
        };
        match text.strip_prefix("--") {
            Some(long) => flags.push(find(&|spelling| spelling.long == long)?),
            None => {
                for letter in text.chars().skip(1) {
                    flags.push(find(&|spelling| spelling.short == Some(letter))?);
                }
            }
        }
        Ok(())
    }
}

/// The command of this name or alias; capitals are as good.
pub(crate) fn find(name: &str) -> Option<&'static ShellCommand> {
    let name = name.to_lowercase();
    COMMANDS.iter().find(|c| c.name == name || c.aliases.contains(&name.as_str()))
}

/// The command that the first word names, and what is given to it. `None` if there are no words.
pub(crate) fn parse(
    words: Vec<ShellWord>,
) -> Result<Option<(&'static ShellCommand, GivenArguments)>, Failure> {
    let mut words = words.into_iter();
    let Some(first) = words.next() else { return Ok(None) };
    let name = remote_name(&first.text)
        .map_err(|_| unknown(&escape_bytes(first.text.as_encoded_bytes())))?;
    let command = find(name).ok_or_else(|| unknown(name))?;
    Ok(Some((command, command.read(words.collect())?)))
}

/// Carries a command out in a session. [`Run::Leave`] is the caller's to see.
pub(crate) fn run(
    session: &mut ShellSession,
    command: &ShellCommand,
    given: &GivenArguments,
) -> CommandResult {
    match command.run {
        Run::Here(run) => run(&mut session.screen, given),
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

/// The failure of a name that is not in the table.
pub(crate) fn unknown(name: &str) -> Failure {
    let shown = Escaped(name);
    Failure::Usage(match near(name) {
        Some(known) => format!("unknown command `{shown}`; did you mean `{known}`?"),
        None => format!("unknown command `{shown}`; `help` lists the commands"),
    })
}

/// The program's arguments as words.
pub(crate) fn plain_words(arguments: Vec<OsString>) -> Vec<ShellWord> {
    arguments.into_iter().map(ShellWord::plain).collect()
}

/// The name that was meant, if one is near. One letter is near to nothing.
fn near(name: &str) -> Option<&'static str> {
    let names = COMMANDS.iter().flat_map(|c| std::iter::once(&c.name).chain(c.aliases)).copied();
    nearest(&name.to_lowercase(), names.filter(|known| known.len() > 1))
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
            assert!(command.least <= command.most);
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
            assert_eq!(near(typed), known, "{typed}");
        }
        assert!(parse(Vec::new()).unwrap().is_none());
    }
}
