//! `help`: the table of commands, and one row of it.

use std::io::Write;

use crate::commands::{COMMANDS, find, unknown};
use crate::failure::CommandResult;
use crate::given::{Flag, GivenArguments};
use crate::screen::Screen;

/// `help [COMMAND]`.
pub(crate) fn help(screen: &mut Screen, given: &GivenArguments) -> CommandResult {
    let Some(word) = given.words.first() else { return list_commands(screen) };
    let name = word.remote()?;
    let command = find(name).ok_or_else(|| unknown(name))?;
    writeln!(screen.out, "{}\n  {}", command.synopsis(), command.help)?;
    if !command.aliases.is_empty() {
        writeln!(screen.out, "  also: {}", command.aliases.join(", "))?;
    }
    if command.flags().any(|flag| flag == Flag::NoMode) {
        writeln!(screen.out, "{TARGETS}")?;
    }
    for flag in command.flags() {
        let about = flag.spelling().about;
        if !about.is_empty() {
            writeln!(screen.out, "  {:12} {about}", flag.shown())?;
        }
    }
    Ok(())
}

/// Where `put` and `get` put things.
const TARGETS: &str = "  \
  a file goes into a folder that is named, under its own name
  of one folder the content goes into that folder itself, which is made if it is not there
  a target that ends in `/`, or is `.`, takes the folder under its own name, and so do several";

/// The table of commands.
pub(crate) fn list_commands(screen: &mut Screen) -> CommandResult {
    writeln!(screen.out, "commands:")?;
    for command in COMMANDS {
        writeln!(screen.out, "  {}\n        {}", command.synopsis(), command.help)?;
    }
    writeln!(
        screen.out,
        "Options may stand anywhere; `--` ends them. Names with blanks go in quotes."
    )?;
    Ok(())
}
