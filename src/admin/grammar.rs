//! The one grammar of admin commands: a line becomes a row of the table and typed values.
//!
//! A command is a name and what its row takes, in this order; its options stand anywhere behind the
//! name, as `--quota 50M`, `--quota=50M` or `quota=50M`, and a flag as `--adopt` or, behind what
//! the row cannot do without, `adopt`. A word in quotes is never an option, nor is one behind `--`.
//! A path and a reason take the rest of the line as it is.
//!
//! Invariant: whatever a row's function finds here has been read by its kind.

use super::commands::{ADMIN_COMMANDS, AdminCommand};
use crate::accounts::bans::BanTarget;
use crate::accounts::{Role, parse_quota};
use crate::answer::JSON_OPTION;
use crate::error::{Error, Result};
use crate::quota::Entries;
use crate::text::words::{Word, split};
use crate::text::{Escaped, nearest, parse_span};

/// What a word must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentKind {
    /// An account's name.
    Account,
    /// An account's name, or an address.
    Who,
    /// An account's name, or the number of a session.
    Session,
    /// A number of bytes, or `unlimited`.
    Size,
    /// A number of entries, `unlimited` or `default`.
    Entries,
    /// `user` or `admin`.
    Role,
    /// A time, or `ever`.
    Span,
    /// The number of a registration.
    Number,
    /// The prefix of a temporary password.
    Prefix,
    /// A path from an account's root: the rest of the line.
    Path,
    /// A text: the rest of the line, or the value of an option.
    Text,
    /// A file of the server's machine.
    File,
    /// The name of an admin command.
    Command,
    /// An option that takes no value.
    Flag,
}

/// Something that a command takes.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// What it is called.
    pub name: &'static str,
    /// What it must be.
    pub kind: ArgumentKind,
    /// Whether the command cannot do without it.
    pub is_required: bool,
}

/// A value, read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A name, a path, a text.
    Text(String),
    /// The number of a registration.
    Number(u64),
    /// Bytes; `None` is without limit.
    Size(Option<u64>),
    /// Entries.
    Entries(Entries),
    /// A role.
    Role(Role),
    /// Seconds; `None` is for ever.
    Span(Option<u64>),
    /// Whom a ban keeps out.
    Who(BanTarget),
    /// The flag was given.
    Flag,
}

impl ArgumentKind {
    /// Whether it takes the rest of the line.
    fn takes_the_rest(self) -> bool {
        matches!(self, ArgumentKind::Path | ArgumentKind::Text)
    }

    fn read(self, text: &str) -> std::result::Result<Value, &'static str> {
        Ok(match self {
            ArgumentKind::Size => Value::Size(parse_quota(text)?),
            ArgumentKind::Entries => {
                let entries = Entries::parse(text);
                Value::Entries(
                    entries.ok_or("expected a whole number such as 5000, unlimited, or default")?,
                )
            }
            ArgumentKind::Role => {
                Value::Role(Role::parse(text).ok_or("expected the role user or admin")?)
            }
            ArgumentKind::Span if text == "ever" => Value::Span(None),
            ArgumentKind::Span => {
                let secs = parse_span(text);
                Value::Span(Some(secs.ok_or("expected a time like 30m, 2h or 7d, or ever")?))
            }
            ArgumentKind::Number => {
                let number = text.parse().ok().filter(|number| *number > 0);
                Value::Number(number.ok_or("expected the number of a registration")?)
            }
            ArgumentKind::Who => Value::Who(BanTarget::parse(text)?),
            ArgumentKind::Account
            | ArgumentKind::Session
            | ArgumentKind::Prefix
            | ArgumentKind::Path
            | ArgumentKind::Text
            | ArgumentKind::File
            | ArgumentKind::Command => Value::Text(text.to_owned()),
            ArgumentKind::Flag => Value::Flag,
        })
    }
}

impl Parameter {
    /// What stands for it in a form: `NAME`, `SIZE`, `REASON...`.
    fn word(&self) -> String {
        match self.kind {
            ArgumentKind::Who => "NAME|ADDRESS".to_owned(),
            ArgumentKind::Session => "NAME|ID".to_owned(),
            ArgumentKind::Role => "user|admin".to_owned(),
            ArgumentKind::Span => "TIME|ever".to_owned(),
            ArgumentKind::Text => format!("{}...", self.name.to_ascii_uppercase()),
            ArgumentKind::Size => "SIZE".to_owned(),
            ArgumentKind::Entries | ArgumentKind::Number => "N".to_owned(),
            _ => self.name.to_ascii_uppercase(),
        }
    }

    /// As an option: `[--quota SIZE]`.
    fn option(&self) -> String {
        match self.kind {
            ArgumentKind::Flag => format!("[--{}]", self.name),
            ArgumentKind::Text => format!("[--{} TEXT]", self.name),
            _ => format!("[--{} {}]", self.name, self.word()),
        }
    }
}

impl AdminCommand {
    /// The name and what it takes: `quota NAME SIZE [--entries N]`.
    pub fn form(&self) -> String {
        let mut form = self.short_form();
        for option in self.options {
            form = form + " " + &option.option();
        }
        form
    }

    /// The usage without options.
    pub fn short_form(&self) -> String {
        let mut form = self.name.to_owned();
        for operand in self.operands {
            let word = operand.word();
            form += &if operand.is_required { format!(" {word}") } else { format!(" [{word}]") };
        }
        form
    }

    fn misused(&self, what: &str) -> Error {
        Error::Misused(format!("{}: {what}; usage: {}", self.name, self.form()))
    }
}

/// The values that a command was given.
#[derive(Clone, Debug, Default)]
pub struct Arguments(Vec<(Parameter, Value)>);

impl Arguments {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Parameter, Value)> {
        self.0.iter()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(parameter, _)| parameter.name == name).map(|(_, value)| value)
    }

    /// Whether something was given.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

/// Makes a reader for each kind of value: what it gives for one, and where none was given.
macro_rules! readers {
    ($($about:literal $name:ident $value:pat => $gives:expr, $none:expr, $type:ty;)*) => {
        impl Arguments {
            $(#[doc = $about]
            pub fn $name(&self, name: &str) -> $type {
                match self.value(name) {
                    Some($value) => $gives,
                    _ => $none,
                }
            })*
        }
    };
}

readers! {
    "A text; empty if none was given." text Value::Text(text) => text, "", &str;
    "A number; 0 if none was given." number Value::Number(number) => *number, 0, u64;
    "A limit of bytes, if one was given." size Value::Size(bytes) => Some(*bytes), None,
        Option<Option<u64>>;
    "A limit of entries, if one was given." entries Value::Entries(entries) => Some(*entries), None,
        Option<Entries>;
    "A role, if one was given." role Value::Role(role) => Some(*role), None, Option<Role>;
    "A time; `None` is for ever." secs Value::Span(secs) => *secs, None, Option<u64>;
    "Whom a ban keeps out." who Value::Who(who) => Some(who), None, Option<&BanTarget>;
}

/// A command as it was given.
#[derive(Debug)]
pub struct Call {
    /// Its row.
    pub command: &'static AdminCommand,
    /// What it was given.
    pub arguments: Arguments,
    /// Whether it is to be answered for programs.
    pub is_json: bool,
}

/// The row of a name or alias, in letters of any size.
pub fn find(name: &str) -> Option<&'static AdminCommand> {
    let is_it = |known: &str| known.eq_ignore_ascii_case(name);
    ADMIN_COMMANDS
        .iter()
        .find(|row| is_it(row.name) || row.aliases.iter().any(|other| is_it(other)))
}

/// Reads a line.
///
/// # Errors
/// [`Error::Misused`]: what was refused, why, and what is expected.
pub fn parse(line: &str) -> Result<Call> {
    let words = split(line);
    let Some((first, rest)) = words.split_first() else {
        return Err(Error::Misused("no command was given; `help` lists them".to_owned()));
    };
    let command = find(&first.text).ok_or_else(|| unknown(&first.text))?;
    let mut reader =
        Reader { command, line, arguments: Arguments::default(), operands: 0, is_json: false };
    reader.read(rest)?;
    Ok(Call { command, arguments: reader.arguments, is_json: reader.is_json })
}

/// The refusal of a name that is not in the table.
pub fn unknown(name: &str) -> Error {
    let shown = Escaped(name);
    let names = ADMIN_COMMANDS.iter().flat_map(|row| std::iter::once(&row.name).chain(row.aliases));
    // One letter is near to nothing.
    let names = names.copied().filter(|known| known.len() > 1);
    Error::Misused(match nearest(&name.to_ascii_lowercase(), names) {
        Some(meant) => format!("unknown admin command `{shown}`; did you mean `{meant}`?"),
        None => format!("unknown admin command `{shown}`; `help` lists them"),
    })
}

/// A line that is being read.
struct Reader<'a> {
    command: &'static AdminCommand,
    line: &'a str,
    arguments: Arguments,
    /// How many operands there are so far.
    operands: usize,
    is_json: bool,
}

impl Reader<'_> {
    fn read(&mut self, words: &[Word]) -> Result<()> {
        let mut at = 0;
        let mut takes_options = true;
        while let Some(word) = words.get(at) {
            at += 1;
            if takes_options && !word.is_quoted {
                if word.text == "--" {
                    takes_options = false;
                    continue;
                }
                if let Some(used) = self.option(word, words.get(at))? {
                    at += used;
                    continue;
                }
            }
            let operand = self.command.operands.get(self.operands).copied();
            let Some(operand) = operand else {
                let shown = Escaped(&word.text);
                return Err(self.command.misused(&format!("`{shown}` is too much")));
            };
            self.operands += 1;
            if operand.kind.takes_the_rest() {
                let text = self.rest(words.get(at - 1..).unwrap_or_default(), takes_options)?;
                return self.put(operand, &text).and_then(|()| self.end());
            }
            self.put(operand, &word.text)?;
        }
        self.end()
    }

    fn end(&self) -> Result<()> {
        match self.command.operands.get(self.operands).filter(|operand| operand.is_required) {
            None => Ok(()),
            Some(missing) => Err(self.command.misused(&format!("{} is missing", missing.word()))),
        }
    }

    /// Takes an option, if this word is one, and tells how many words behind it belong to it.
    fn option(&mut self, word: &Word, next: Option<&Word>) -> Result<Option<usize>> {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.text.as_str(), None),
        };
        let long = name.strip_prefix("--");
        if name == JSON_OPTION && value.is_none() {
            self.is_json = true;
            return Ok(Some(0));
        }
        let mut options = self.command.options.iter();
        let found = options.find(|option| option.name.eq_ignore_ascii_case(long.unwrap_or(name)));
        let Some(option) = found.copied() else {
            return match long {
                None => Ok(None),
                Some(long) => Err(self.no_option(long)),
            };
        };
        let is_flag = option.kind == ArgumentKind::Flag;
        match (long, value) {
            (_, Some(_)) if is_flag && long.is_some() => {
                Err(self.command.misused(&format!("--{} takes no value", option.name)))
            }
            (_, Some(value)) if !is_flag => self.put(option, value).map(|()| Some(0)),
            (Some(_), None) if is_flag => self.put(option, "").map(|()| Some(0)),
            (Some(_), None) => match next {
                Some(next) => self.put(option, &next.text).map(|()| Some(1)),
                None => {
                    Err(self.command.misused(&format!("the value of --{} is missing", option.name)))
                }
            },
            // A bare word is a flag only where it cannot be what the command needs.
            (None, None) if is_flag && !self.needs_more() => self.put(option, "").map(|()| Some(0)),
            (None, _) | (Some(_), Some(_)) => Ok(None),
        }
    }

    fn needs_more(&self) -> bool {
        self.command.operands.get(self.operands).is_some_and(|operand| operand.is_required)
    }

    fn no_option(&self, name: &str) -> Error {
        let names = self.command.options.iter().map(|option| option.name);
        let meant = nearest(name, names).map(|meant| format!("; did you mean --{meant}?"));
        let what = format!("there is no option --{}{}", Escaped(name), meant.unwrap_or_default());
        self.command.misused(&what)
    }

    /// The rest of the line: as it is, unless there are quotes or options in it.
    fn rest(&mut self, words: &[Word], takes_options: bool) -> Result<String> {
        let mut texts = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            // Only what cannot be meant otherwise: a reason may hold any `key=value`.
            let is_option = takes_options && !word.is_quoted && word.text.starts_with("--");
            match is_option.then(|| self.option(word, words.get(at))) {
                Some(Ok(Some(used))) => at += used,
                _ => texts.push(word.text.as_str()),
            }
        }
        let is_plain = texts.len() == words.len() && words.iter().all(|word| word.is_plain);
        let begin = words.first().filter(|_| is_plain).map(|word| word.at);
        let whole = begin.and_then(|begin| self.line.get(begin..));
        Ok(whole.map_or_else(|| texts.join(" "), |whole| whole.trim_end().to_owned()))
    }

    fn put(&mut self, parameter: Parameter, text: &str) -> Result<()> {
        let value = parameter.kind.read(text).map_err(|expected| {
            let what = format!("{}: `{}` is not valid; {expected}", parameter.name, Escaped(text));
            self.command.misused(&what)
        })?;
        if self.arguments.has(parameter.name) {
            return Err(self.command.misused(&format!("{} is given twice", parameter.name)));
        }
        self.arguments.0.push((parameter, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
