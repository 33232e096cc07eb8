//! `help`: the table of commands in groups, and one row of it.

use std::io::Write;

use crate::failure::CommandResult;
use crate::given::GivenArguments;
use crate::row::{Group, ShellCommand, find, unknown};
use crate::screen::Screen;

/// Columns of the list, so that it fits on the narrowest terminal that is usual.
const COLUMNS: usize = 79;
/// Columns of a group's title.
const TITLE_COLUMNS: usize = 14;

/// `help [COMMAND]`.
pub(crate) fn help(
    commands: &'static [ShellCommand],
    screen: &mut Screen,
    given: &GivenArguments,
) -> CommandResult {
    let Some(word) = given.words.first() else { return list(commands, screen) };
    let name = word.remote()?;
    let command = find(commands, name).ok_or_else(|| unknown(commands, name))?;
    for line in about(command) {
        writeln!(screen.out, "{line}")?;
    }
    Ok(())
}

/// All that there is to say about a command.
pub(crate) fn about(command: &ShellCommand) -> Vec<String> {
    let mut lines = vec![command.synopsis(), format!("  {}", command.help)];
    if !command.aliases.is_empty() {
        lines.push(format!("  also: {}", command.aliases.join(", ")));
    }
    lines.extend(command.notes.iter().map(|line| format!("  {line}")));
    for flag in command.flags() {
        lines.push(format!("  {:22} {}", flag.spelt(), flag.spelling().about));
    }
    lines.push(format!("  example: {}", command.example));
    lines
}

/// The commands in their groups.
fn list(commands: &[ShellCommand], screen: &mut Screen) -> CommandResult {
    for group in Group::ALL {
        let mut line = format!("{:TITLE_COLUMNS$}", group.title());
        for command in commands.iter().filter(|command| command.group == *group) {
            if line.len() + 2 + command.name.len() > COLUMNS {
                writeln!(screen.out, "{line}")?;
                line = " ".repeat(TITLE_COLUMNS);
            }
            line += &format!("  {}", command.name);
        }
        writeln!(screen.out, "{line}")?;
    }
    writeln!(
        screen.out,
        "\n`help COMMAND` tells all about one. Its options may stand anywhere behind it.\n\
         Names with blanks go in quotes; `*` and `?` outside of them stand for several."
    )?;
    Ok(())
}
