//! What the server and the process that runs hooks say to each other: words, as bytes.
//!
//! Never: gives out a program of another's choice, a variable of another name, or what is longer
//! than a request can be.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use byteorder::{BE, ReadBytesExt, WriteBytesExt};

use super::command::{Given, Hook, HookCommand, VARIABLES};
use super::run::Run;
use crate::limits;

/// The programs, in the order of [`Hook::ALL`].
pub(super) type Commands = [Option<HookCommand>; Hook::ALL.len()];

/// What the process answers: the group of a program, and how that ended.
pub(super) const STARTED: &str = "started";
pub(super) const DONE: &str = "done";
pub(super) const FAILED: &str = "failed";

/// Words as text; none is what is not.
pub(super) fn texts(words: &[Vec<u8>]) -> Vec<&str> {
    words.iter().map(|word| std::str::from_utf8(word).unwrap_or_default()).collect()
}

/// A run as words: which hook, its milliseconds, its argument, its variables.
pub(super) fn request(run: &Run) -> Vec<Vec<u8>> {
    let millis = run.time.as_millis().to_string();
    let head = [run.hook.name().to_owned(), millis, run.given.argument.clone()];
    let variables = run.given.variables.iter().map(|(name, value)| format!("{name}={value}"));
    head.into_iter().chain(variables).map(String::into_bytes).collect()
}

/// Reads what [`request`] wrote; the program is the one of the settings. An argument like an option
/// would be no file, account or number, but something for the program to do.
pub(super) fn run_of(words: &[Vec<u8>], commands: &Commands) -> Option<Run> {
    let mut texts = words.iter().map(|word| String::from_utf8(word.clone()).ok());
    let mut next = || texts.next()?;
    let name = next()?;
    let hook = Hook::ALL.into_iter().find(|hook| hook.name() == name)?;
    let command = commands[hook as usize].clone()?;
    let millis = next()?.parse().ok()?;
    let argument = next().filter(|argument| !argument.starts_with('-'))?;
    let variables = texts.map(|text| {
        let text = text?;
        let (name, value) = text.split_once('=')?;
        let name = VARIABLES.iter().find(|known| **known == name)?;
        Some((*name, value.to_owned()))
    });
    let given = Given { argument, variables: variables.collect::<Option<Vec<_>>>()? };
    Some(Run { hook, command, time: Duration::from_millis(millis), given })
}

/// A program as words.
pub(super) fn words_of(command: &HookCommand) -> impl Iterator<Item = &[u8]> {
    let program = command.program.as_os_str().as_bytes();
    [program].into_iter().chain(command.arguments.iter().map(String::as_bytes))
}

/// Reads what [`words_of`] gave; none if there is none.
pub(super) fn command_of(words: &[Vec<u8>]) -> Option<HookCommand> {
    let (program, arguments) = words.split_first()?;
    let arguments = arguments.iter().map(|word| String::from_utf8(word.clone()).ok());
    Some(HookCommand {
        program: PathBuf::from(OsStr::from_bytes(program)),
        arguments: arguments.collect::<Option<Vec<_>>>()?,
    })
}

/// Writes words, each with its length, behind their number.
pub(super) fn write_words<'a>(
    to: &mut impl Write,
    words: impl IntoIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let invalid = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let words: Vec<&[u8]> = words.into_iter().collect();
    let mut bytes = Vec::new();
    bytes.write_u32::<BE>(u32::try_from(words.len()).map_err(invalid)?)?;
    for word in words {
        bytes.write_u32::<BE>(u32::try_from(word.len()).map_err(invalid)?)?;
        bytes.extend_from_slice(word);
    }
    to.write_all(&bytes)
}

/// Reads words, as many and as long as a request can have.
pub(super) fn read_words(from: &mut impl Read) -> io::Result<Vec<Vec<u8>>> {
    let mut left = limits::HOOK_REQUEST;
    let mut take = |length: u32| {
        let length = usize::try_from(length).ok()?;
        left = left.checked_sub(length.checked_add(size_of::<u32>())?)?;
        Some(length)
    };
    let too_long = || io::Error::from(io::ErrorKind::InvalidData);
    let mut words = Vec::new();
    for _ in 0..from.read_u32::<BE>()? {
        let length = take(from.read_u32::<BE>()?).ok_or_else(too_long)?;
        let mut word = vec![0; length];
        from.read_exact(&mut word)?;
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Commands {
        [HookCommand::parse("/bin/sh -c 'exit 3'"), None, HookCommand::parse("/bin/true")]
    }

    fn run_with(argument: &str, variables: &[&str]) -> Option<Run> {
        let words = [&["upload", "1500", argument], variables].concat();
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        run_of(&words, &commands())
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let run = run_with("/a=b\n", &["MINIFTP_FILE=x=y", "MINIFTP_BYTES="]).unwrap();
        assert_eq!(run.time, Duration::from_millis(1500));
        assert_eq!(
            run.given.variables,
            [("MINIFTP_FILE", "x=y".into()), ("MINIFTP_BYTES", "".into())]
        );
        let again = run_of(&request(&run), &commands()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{run:?}"));
    }

    #[test]
    fn what_the_server_may_not_ask_for_is_not_run() {
        for (argument, variables) in [
            ("-x", &[][..]),
            ("/f", &["LD_PRELOAD=/x"]),
            ("/f", &["PATH=/x"]),
            ("/f", &["MINIFTP_FILE"]),
        ] {
            assert!(run_with(argument, variables).is_none(), "{argument} {variables:?}");
        }
        let words =
            |words: &[&str]| words.iter().map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>();
        // No program in the settings, no such event, no time.
        for other in [&["login", "1", "x"], &["other", "1", "x"], &["upload", "", "x"]] {
            assert!(run_of(&words(other), &commands()).is_none(), "{other:?}");
        }
    }

    #[test]
    fn words_have_a_limit_before_anything_is_allocated() {
        let mut bytes = Vec::new();
        write_words(&mut bytes, [&b"a"[..], b"", b"b\0c"]).unwrap();
        assert_eq!(read_words(&mut &bytes[..]).unwrap(), [&b"a"[..], b"", b"b\0c"]);
        for bytes in [&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff][..], &[0xff; 4], &[0, 0, 0, 2, 0, 0]] {
            assert!(read_words(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        let many = [&[0xff, 0xff, 0xff, 0xff][..], &[0; 1 << 20]].concat();
        assert_eq!(
            read_words(&mut &many[..]).unwrap_err().kind(),
            io::ErrorKind::InvalidData,
            "empty words count too"
        );
    }
}
