//! What a command is: a row of the table, and how the words behind its name are read.
//!
//! Invariant: parsing, completion, usage errors, help and manual follow from the same row.

use miniftp::text::{Escaped, nearest};

use crate::failure::{CommandResult, Failure};
use crate::given::{EXCLUSIVE, Flag, GivenArguments, Spelling};
use crate::screen::Screen;
use crate::session::ShellSession;
use crate::target::Target;
use crate::words::ShellWord;

/// What carries a command out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Needs no server.
    Here(fn(&mut Screen, &GivenArguments) -> CommandResult),
    /// Tells about the table of commands.
    About(fn(&'static [ShellCommand], &mut Screen, &GivenArguments) -> CommandResult),
    /// Needs a server and no login.
    Outside(fn(&Target, &mut Screen, &GivenArguments) -> CommandResult),
    /// Changes which session there is.
    Session(fn(&mut ShellSession, &GivenArguments) -> CommandResult),
    /// Needs a login.
    There(fn(&mut ShellSession, &GivenArguments) -> CommandResult),
    /// Ends the shell.
    Leave,
}

impl Run {
    /// Whether a server has to be known.
    pub(crate) fn needs_server(self) -> bool {
        matches!(self, Run::Outside(_) | Run::Session(_) | Run::There(_))
    }
}

/// What a command is about: where `help` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Transfer,
    Look,
    Change,
    Account,
    Here,
    Program,
}

impl Group {
    /// All of them, in the order of `help`.
    pub(crate) const ALL: &[Group] =
        &[Group::Transfer, Group::Look, Group::Change, Group::Account, Group::Here, Group::Program];

    /// What it is called in `help`.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Group::Transfer => "transfer",
            Group::Look => "look around",
            Group::Change => "change",
            Group::Account => "your account",
            Group::Here => "this machine",
            Group::Program => "the program",
        }
    }
}

/// What a command writes on standard output, and so what `--json` makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Rows, which are objects then.
    Rows,
    /// Nothing.
    Nothing,
    /// A text or a file as it is, which is refused then.
    Text,
}

/// A row of the table.
pub(crate) struct ShellCommand {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names that people try.
    pub(crate) aliases: &'static [&'static str],
    /// Where `help` lists it.
    pub(crate) group: Group,
    /// What it writes.
    pub(crate) output: Output,
    /// The options it takes; those in one group are alternatives.
    pub(crate) options: Options,
    /// The operands it takes: `[A]` may be left out, `A...` may be several.
    pub(crate) operands: &'static str,
    /// What carries it out.
    pub(crate) run: Run,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// A line that can be typed.
    pub(crate) example: &'static str,
    /// What has to be said beside the options, a line each.
    pub(crate) notes: &'static [&'static str],
}

/// The options of a command.
#[derive(Clone, Copy)]
pub(crate) enum Options {
    /// These; those in one group are alternatives.
    Own(&'static [&'static [Flag]]),
    /// Whatever looks like an option is an operand, which something else reads.
    PassedOn,
}

/// What an operand stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// A path on this machine.
    Local,
    /// A path on the server.
    Remote,
    /// A path here, or a URL of one on the server.
    Either,
    /// A name, wherever it is.
    Name,
    /// A command of this program.
    Command,
    /// An address of a server.
    Server,
    /// Anything else.
    Text,
}

impl Operand {
    /// What a name in [`ShellCommand::operands`] means.
    fn named(name: &str) -> Operand {
        match name {
            "LOCAL" => Operand::Local,
            "REMOTE" | "PATH" | "FROM" | "TO" => Operand::Remote,
            "SOURCE" | "TARGET" => Operand::Either,
            "NAME" => Operand::Name,
            "COMMAND" => Operand::Command,
            "SERVER" => Operand::Server,
            _ => Operand::Text,
        }
    }
}

/// One of the names in [`ShellCommand::operands`].
struct Slot {
    operand: Operand,
    is_optional: bool,
    is_many: bool,
}

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

    fn slots(&self) -> Vec<Slot> {
        let slot = |word: &str| Slot {
            operand: Operand::named(word.trim_matches(['[', ']', '.'])),
            is_optional: word.starts_with('['),
            is_many: word.contains("..."),
        };
        self.operands.split(' ').filter(|word| !word.is_empty()).map(slot).collect()
    }

    /// Fewest and most operands.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let slots = self.slots();
        let least = slots.iter().filter(|slot| !slot.is_optional).count();
        let most = if slots.iter().any(|slot| slot.is_many) { usize::MAX } else { slots.len() };
        (least, most)
    }

    /// What the operand at `index` of `count` stands for.
    pub(crate) fn operand(&self, index: usize, count: usize) -> Operand {
        self.slot(index, count).map_or(Operand::Text, |slot| slot.operand)
    }

    /// Whether the operand at `index` of `count` is one of those that may be several.
    pub(crate) fn is_of_many(&self, index: usize, count: usize) -> bool {
        self.slot(index, count).is_some_and(|slot| slot.is_many)
    }

    /// Whether the operand at `index` of `count` stands behind several: it is where they go.
    pub(crate) fn is_target(&self, index: usize, count: usize) -> bool {
        index > 0 && self.is_of_many(index - 1, count) && !self.is_of_many(index, count)
    }

    fn slot(&self, index: usize, count: usize) -> Option<Slot> {
        let mut slots = self.slots();
        let many = slots.iter().position(|slot| slot.is_many).unwrap_or(slots.len());
        if index < many {
            return (index < slots.len()).then(|| slots.swap_remove(index));
        }
        // What stands behind the one that takes many is filled from the end.
        let behind = slots.len().saturating_sub(many + 1).min(count.saturating_sub(many + 1));
        let at = match count.saturating_sub(index) {
            from_end if from_end <= behind => many + 1 + (behind - from_end),
            _ => many,
        };
        (at < slots.len()).then(|| slots.swap_remove(at))
    }

    /// Refuses objects of what has none.
    pub(crate) fn check_output(&self, is_json: bool) -> Result<(), Failure> {
        match self.output {
            Output::Text if is_json => Err(Failure::Usage(format!(
                "`{}` writes text and no objects; leave --json out",
                self.name
            ))),
            Output::Text | Output::Rows | Output::Nothing => Ok(()),
        }
    }

    fn misused(&self, what: &str) -> Failure {
        Failure::Usage(format!("{what}; usage: {}", self.synopsis()))
    }

    /// Sorts words into options, wherever they stand, and operands. `--` ends the options.
    pub(crate) fn read(&self, words: Vec<ShellWord>) -> Result<GivenArguments, Failure> {
        let mut given = GivenArguments { flags: Vec::new(), values: Vec::new(), words: Vec::new() };
        let mut options = matches!(self.options, Options::Own(_));
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let text = word.text.to_string_lossy().into_owned();
            if !options || word.quoted || !text.starts_with('-') || text == "-" {
                given.words.push(word);
            } else if text == "--" {
                options = false;
            } else {
                self.read_option(&text, &mut given, &mut words)?;
            }
        }
        for group in EXCLUSIVE {
            let mut output = group.iter().filter(|flag| given.has(**flag));
            if let (Some(one), Some(other)) = (output.next(), output.next()) {
                let (one, other) = (one.shown(), other.shown());
                return Err(self.misused(&format!("{one} and {other} exclude each other")));
            }
        }
        self.check_operands(&given)?;
        Ok(given)
    }

    /// Refuses fewer or more operands than it takes, and empty paths: a variable that is empty
    /// must not mean the current folder.
    pub(crate) fn check_operands(&self, given: &GivenArguments) -> Result<(), Failure> {
        let count = given.words.len();
        let is_path = |kind| matches!(kind, Operand::Local | Operand::Remote | Operand::Either);
        for (index, word) in given.words.iter().enumerate() {
            if word.text.is_empty() && is_path(self.operand(index, count)) {
                let what = "an empty name is no path; say `.` for the current folder";
                return Err(Failure::Usage(what.into()));
            }
        }
        let (least, most) = self.counts();
        if given.words.len() < least {
            return Err(self.misused(&format!("`{}` needs more", self.name)));
        }
        if given.words.len() > most {
            return Err(
                self.misused(&format!("`{}` takes less; quote names with blanks", self.name))
            );
        }
        Ok(())
    }

    fn read_option(
        &self,
        text: &str,
        given: &mut GivenArguments,
        rest: &mut impl Iterator<Item = ShellWord>,
    ) -> Result<(), Failure> {
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
            Some(long) => {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(ShellWord::plain(value))),
                    None => (long, None),
                };
                let flag = find(&|spelling| spelling.long == name)?;
                match (flag.spelling().value, value) {
                    (None, None) => {}
                    (None, Some(_)) => {
                        return Err(self.misused(&format!("--{name} takes no value")));
                    }
                    (Some(_), Some(value)) => given.values.push((flag, value)),
                    (Some(what), None) => {
                        let missing = || self.misused(&format!("--{name} needs {what}"));
                        given.values.push((flag, rest.next().ok_or_else(missing)?));
                    }
                }
                given.flags.push(flag);
            }
            None => {
                for letter in text.chars().skip(1) {
                    given.flags.push(find(&|spelling| spelling.short == Some(letter))?);
                }
            }
        }
        Ok(())
    }
}

/// The command of this name or alias; capitals are as good.
pub(crate) fn find(commands: &'static [ShellCommand], name: &str) -> Option<&'static ShellCommand> {
    let name = name.to_lowercase();
    commands.iter().find(|c| c.name == name || c.aliases.contains(&name.as_str()))
}

/// The failure of a name that is not in the table.
pub(crate) fn unknown(commands: &'static [ShellCommand], name: &str) -> Failure {
    let shown = Escaped(name);
    Failure::Usage(match near(commands, name) {
        Some(known) => format!("unknown command `{shown}`; did you mean `{known}`?"),
        None => format!("unknown command `{shown}`; `help` lists the commands"),
    })
}

/// The name that was meant, if one is near. One letter is near to nothing.
pub(crate) fn near(commands: &'static [ShellCommand], name: &str) -> Option<&'static str> {
    let names = commands.iter().flat_map(|c| std::iter::once(&c.name).chain(c.aliases)).copied();
    nearest(&name.to_lowercase(), names.filter(|known| known.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(operands: &'static str) -> ShellCommand {
        ShellCommand {
            name: "x",
            aliases: &[],
            group: Group::Look,
            output: Output::Nothing,
            options: Options::Own(&[]),
            operands,
            run: Run::Leave,
            help: "x",
            example: "x",
            notes: &[],
        }
    }

    #[test]
    fn operands_are_what_their_names_say() {
        use Operand::{Either, Local, Name, Remote, Text};
        let table: &[(&str, (usize, usize), &[Operand])] = &[
            ("", (0, 0), &[]),
            ("LOCAL... [REMOTE]", (1, usize::MAX), &[Local]),
            ("LOCAL... [REMOTE]", (1, usize::MAX), &[Local, Remote]),
            ("LOCAL... [REMOTE]", (1, usize::MAX), &[Local, Local, Remote]),
            ("REMOTE... [LOCAL]", (1, usize::MAX), &[Remote, Remote, Local]),
            ("SOURCE... TARGET", (2, usize::MAX), &[Either, Either, Either]),
            ("MODE PATH...", (2, usize::MAX), &[Text, Remote, Remote]),
            ("[PATH...]", (0, usize::MAX), &[Remote, Remote]),
            ("FROM... TO", (2, usize::MAX), &[Remote, Remote, Remote]),
            ("NAME [PATH...]", (1, usize::MAX), &[Name, Remote, Remote]),
        ];
        for (operands, counts, kinds) in table {
            let row = row(operands);
            assert_eq!(row.counts(), *counts, "{operands}");
            for (index, kind) in kinds.iter().enumerate() {
                assert_eq!(row.operand(index, kinds.len()), *kind, "{operands} {index}");
            }
        }
    }
}
