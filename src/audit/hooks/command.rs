//! Which events a program is run after, which program, and what it is given.

use std::path::{Path, PathBuf};

use crate::audit::event::{ActorOrigin, Event, Outcome, Verb};
use crate::text::words;

/// The events that a program can be run after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A file was stored.
    Upload,
    /// An account or a guest logged in.
    Login,
    /// Somebody asked for an account.
    Registration,
}

impl Hook {
    /// All of them, in the order of the settings.
    pub const ALL: [Hook; 3] = [Hook::Upload, Hook::Login, Hook::Registration];

    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Upload => "upload",
            Hook::Login => "login",
            Hook::Registration => "registration",
        }
    }

    pub(super) fn of(event: &Event<'_>) -> Option<Hook> {
        match (event.verb, event.outcome) {
            (Verb::Put | Verb::Cp, Outcome::Done) => Some(Hook::Upload),
            (Verb::Login, Outcome::Done) => Some(Hook::Login),
            (Verb::Register, Outcome::Done) => Some(Hook::Registration),
            _ => None,
        }
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCommand {
    /// The program; a name that does not begin with `/` is below the directory of the settings.
    pub program: PathBuf,
    /// What it is given in front of what the event gives it.
    pub arguments: Vec<String>,
}

impl HookCommand {
    /// Reads a program and words behind it, which may be in quotes.
    pub fn parse(text: &str) -> Option<HookCommand> {
        let mut words = words::split(text).into_iter().map(|word| word.text);
        let program = words.next().filter(|program| !program.is_empty())?;
        let is_one = !program.ends_with('/') && !text.contains('\0');
        is_one.then(|| HookCommand { program: program.into(), arguments: words.collect() })
    }

    /// As [`HookCommand::parse`] reads it.
    pub fn text(&self) -> String {
        let program = words::quote(&self.program.to_string_lossy(), false);
        let arguments = self.arguments.iter().map(|word| words::quote(word, false));
        std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}

/// The variables that a program can get.
pub(super) const VARIABLES: [&str; 9] = [
    "MINIFTP_ACCOUNT",
    "MINIFTP_ADDRESS",
    "MINIFTP_BYTES",
    "MINIFTP_EVENT",
    "MINIFTP_FILE",
    "MINIFTP_PATH",
    "MINIFTP_PROTOCOL",
    "MINIFTP_REGISTRATION",
    "MINIFTP_REPLACED",
];

/// What an event gives to its program.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) argument: String,
    pub(super) variables: Vec<(&'static str, String)>,
}

impl Given {
    pub(super) fn of(hook: Hook, event: &Event<'_>) -> Given {
        let mut variables = vec![("MINIFTP_EVENT", hook.name().to_owned())];
        let mut add = |name, value: Option<String>| {
            // A variable cannot hold a zero byte; a name from the network cannot either.
            variables
                .extend(value.filter(|value| !value.contains('\0')).map(|value| (name, value)));
        };
        let account = match hook {
            Hook::Registration => event.name,
            Hook::Upload | Hook::Login => event.by.name,
        };
        let account = account.unwrap_or_default().to_owned();
        if let ActorOrigin::Protocol(address, protocol, _) = event.by.from {
            add("MINIFTP_ADDRESS", Some(address.to_canonical().to_string()));
            add("MINIFTP_PROTOCOL", Some(protocol.to_owned()));
        }
        let file = event.file.map(|file| file.to_string_lossy().into_owned());
        add("MINIFTP_PATH", event.to.or(event.path).map(str::to_owned));
        add("MINIFTP_FILE", file.clone());
        add("MINIFTP_BYTES", event.bytes.map(|bytes| bytes.to_string()));
        if hook == Hook::Upload {
            add("MINIFTP_REPLACED", Some(if event.replaced { "yes" } else { "no" }.to_owned()));
        }
        let registration = event.registration.map(|number| number.to_string());
        add("MINIFTP_REGISTRATION", registration.clone());
        add("MINIFTP_ACCOUNT", Some(account.clone()));
        let argument = match hook {
            Hook::Upload => file,
            Hook::Login => Some(account),
            Hook::Registration => registration,
        };
        Given { argument: argument.unwrap_or_default(), variables }
    }
}

/// Returns the command with its program below the directory of the settings.
pub fn below(conf: &Path, command: &HookCommand) -> HookCommand {
    HookCommand { program: conf.join(&command.program), ..command.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_is_written() {
        for (text, program, arguments) in [
            ("/bin/true", "/bin/true", &[][..]),
            ("scan --quiet  'two words'", "scan", &["--quiet", "two words"][..]),
            (r#""/opt/a b/run" to="x y""#, "/opt/a b/run", &["to=x y"][..]),
        ] {
            let command = HookCommand::parse(text).unwrap();
            assert_eq!(command.program, Path::new(program));
            assert_eq!(command.arguments, arguments);
            assert_eq!(HookCommand::parse(&command.text()), Some(command));
        }
        for text in ["", "  ", "''", "/bin/", "a\0b"] {
            assert_eq!(HookCommand::parse(text), None, "{text:?}");
        }
    }
}
