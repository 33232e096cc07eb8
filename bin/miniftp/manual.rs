//! `man`: the manual page, from the tables of options and commands.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::failure::CommandResult;
use crate::given::GivenArguments;
use crate::help::about;
use crate::options;
use crate::row::{Group, ShellCommand};
use crate::screen::Screen;
use crate::troff::troff;

/// `man`: shown by the system's `man` on a terminal, else as it is, for a file.
pub(crate) fn man(
    commands: &'static [ShellCommand],
    screen: &mut Screen,
    _: &GivenArguments,
) -> CommandResult {
    let page = page(commands);
    if std::io::stdout().is_terminal() && is_shown(&page) {
        return Ok(());
    }
    Ok(write!(screen.out, "{page}")?)
}

/// Whether there is a `man` that has shown it.
fn is_shown(page: &str) -> bool {
    let shown = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = shown else { return false };
    if let Some(mut input) = child.stdin.take() {
        // Whoever leaves early has seen enough.
        let _ = input.write_all(page.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}

/// The page as troff source.
fn page(commands: &[ShellCommand]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH MINIFTP 1 \"\" \"miniftp {version}\"\n.SH NAME\nminiftp \\- transfer files to and \
         from a miniftpd\n.SH SYNOPSIS\n.nf\n"
    );
    for line in options::USAGE.lines() {
        page += &format!("{}\n", troff(line));
    }
    page += &format!(".fi\n.SH DESCRIPTION\n{}\n", troff(options::ABOUT));
    page += ".SH OPTIONS\n";
    for option in options::OPTIONS {
        page += &format!(".TP\n.B {}\n{}\n", troff(&option.spelt()), troff(option.about));
    }
    page += ".SH COMMANDS\n";
    for group in Group::ALL {
        page += &format!(".SS {}\n", troff(group.title()));
        for command in commands.iter().filter(|command| command.group == *group) {
            let mut lines = about(command).into_iter();
            let synopsis = lines.next().unwrap_or_default();
            page += &format!(".TP\n.B {}\n", troff(&synopsis));
            for (number, line) in lines.enumerate() {
                let between = if number == 0 { "" } else { ".br\n" };
                page += &format!("{between}{}\n", troff(line.trim_start()));
            }
        }
    }
    page += &format!(".SH NOTES\n{}\n", troff(options::NOTES));
    page += ".SH SEE ALSO\n.BR miniftpd (8)\n";
    page
}
