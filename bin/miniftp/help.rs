//! `help`: the table of commands, and one row of it.

use std::io::Write;

use crate::commands::{COMMANDS, find, unknown};
use crate::failure::Done;
use crate::given::{Flag, Given};
use crate::screen::Screen;

/// `help [COMMAND]`.
pub(crate) fn help(screen: &mut Screen, given: &Given) -> Done {
    let Some(word) = given.words.first() else { return list_commands(screen) };
    let name = word.remote()?;
    let command = find(name).ok_or_else(|| unknown(name))?;
    writeln!(screen.out, "{}\n  {}", command.synopsis(), command.help)?;
    if !command.aliases.is_empty() {
        writeln!(screen.out, "  also: {}", command.aliases.join(", "))?;
    }
    if command.flags.contains(&Flag::NoMode) {
        writeln!(screen.out, "{TARGETS}")?;
    }
    for (flag, about) in FLAGS {
        if command.flags.contains(flag) {
            writeln!(screen.out, "  {about}")?;
        }
    }
    Ok(())
}

/// Where `put` and `get` put things.
const TARGETS: &str = "  \
  a file goes into a folder that is named, under its own name
  of one folder the content goes into that folder itself, which is made if it is not there
  a target that ends in `/`, or is `.`, takes the folder under its own name, and so do several";

/// What the options of `put` and `get` mean.
const FLAGS: &[(Flag, &str)] = &[
    (
        Flag::Resume,
        "--resume     go on with a part without asking; a file that differs is not replaced",
    ),
    (Flag::Overwrite, "--overwrite  replace a file that differs"),
    (Flag::Skip, "--skip       leave a file that differs as it is"),
    (Flag::NoMode, "--no-mode    leave permission bits to the side that stores the file"),
];

/// The table of commands.
pub(crate) fn list_commands(screen: &mut Screen) -> Done {
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
