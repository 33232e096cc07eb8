//! What the server's command line knows, as one table: the help comes from it, and the manual page.

/// One way to use the program, or one of its options.
pub(crate) struct UsageRow {
    /// What is typed.
    pub(crate) form: &'static str,
    /// What it does, in lines that fit beside it.
    pub(crate) about: &'static str,
}

const fn row(form: &'static str, about: &'static str) -> UsageRow {
    UsageRow { form, about }
}

/// What can be done.
pub(crate) const COMMANDS: &[UsageRow] = &[
    row("miniftpd [OPTIONS]", "serve until TERM or Ctrl-C"),
    #[cfg(feature = "admin-cli")]
    row(
        "miniftpd [OPTIONS] account ...",
        "admin commands, with a running server or without;\n`miniftpd account help` lists them",
    ),
    #[cfg(feature = "admin-cli")]
    row("miniftpd [OPTIONS] status", "the running server: uptime, listeners, connections, disk"),
    #[cfg(feature = "admin-cli")]
    row("miniftpd [OPTIONS] who", "connections, and what each does"),
    #[cfg(feature = "admin-cli")]
    row("miniftpd [OPTIONS] top", "both on a terminal, again every two seconds"),
    #[cfg(feature = "admin-cli")]
    row("miniftpd [OPTIONS] check", "every fault of the files in conf, and what would change"),
    row(
        "miniftpd [OPTIONS] verify [NAME...]",
        "read everything that is stored, or only these accounts\nand mounts, and compare it with \
         its digests",
    ),
    #[cfg(feature = "admin-cli")]
    row(
        "miniftpd share [DIR] [OPTIONS]",
        "serve one directory at once, with a new account and\npassword, until Ctrl-C",
    ),
    #[cfg(feature = "admin-cli")]
    row(
        "miniftpd init [DIR]",
        "make conf and home, in DIR or as --conf and --home say,\nwith an account for an admin; \
         the password is asked,\nor the first line of input",
    ),
    row("miniftpd [OPTIONS] paths", "which configuration and data are used, and why"),
    row("miniftpd man", "print the manual page; `miniftpd man | man -l -` shows it"),
    #[cfg(feature = "demo")]
    row("miniftpd demo", "show everything in a minute, on fresh files and ports"),
];

/// Options that stand before or after a command's name.
pub(crate) const OPTIONS: &[UsageRow] = &[
    row("--conf DIR", "settings and accounts; `miniftpd paths` tells where they\nare looked for"),
    row("--home DIR", "the homes of the accounts"),
    row(
        "--listen ADDR:PORT",
        "the address of the framed protocol: 2020 or localhost:2020\nfor this machine only, \
         :2020 for every network; port 0 takes\na free one",
    ),
    row("--ftp ADDR:PORT|off", "the address of FTP"),
    row("--log FILE", "the log, instead of standard error or the settings' file"),
    row("--log-format FORMAT", "people or json, instead of the settings'"),
    row("--wait", "while another server has the homes: wait, and take over when\nit is gone"),
    row("--console", "take the operator's commands from standard input, as on a\nterminal"),
    row("--print-config", "print a server.ini with every setting, and stop"),
    row("--help, --version", ""),
];

/// Options of `verify`.
pub(crate) const VERIFY_OPTIONS: &[UsageRow] = &[
    row("--rate SIZE", "read no more than that in a second, such as 20M"),
    row("--json", "an object a line, see docs/JSON.md"),
];

/// Options of `share`.
pub(crate) const SHARE_OPTIONS: &[UsageRow] = &[
    row("--write", "others may store, replace and remove files in it"),
    row("--name NAME", "what it is called, and the directory that arrives"),
    row("--quota SIZE", "how much others may add to it, such as 1G; with --write"),
    row("--for TIME", "how long: 30m, 2h or 1d"),
    row("--bind ADDR", "an address of this machine, instead of all; also several times"),
    row("--port PORT", "the port of the framed protocol, instead of a free one"),
    row("--ftp-port PORT", "that of FTP"),
];

/// The title of the help.
const TITLE: &str = "miniftpd, a file server whose word can be relied on";
/// What the help ends with.
#[cfg(not(feature = "admin-cli"))]
pub(crate) const NOTES: &str = "\
MINIFTP_CONF and MINIFTP_HOME stand for --conf and --home; MINIFTP_LOG=debug shows more in the
log. HUP reads the settings and opens the log file again.";
/// What the help ends with.
#[cfg(feature = "admin-cli")]
pub(crate) const NOTES: &str = "\
MINIFTP_CONF and MINIFTP_HOME stand for --conf and --home; MINIFTP_LOG=debug shows more in the
log; MINIFTP_PASSWORD is the password of a share, instead of a new one. HUP reads the settings
and opens the log file again.";
/// Whether this program has the commands for administration.
pub(crate) const ADMINISTERS: bool = cfg!(feature = "admin-cli");

/// The help.
pub(crate) fn help() -> String {
    let usage = columns(COMMANDS, ["usage: ", "       "], 42);
    let options = columns(OPTIONS, ["  "; 2], 23);
    let verify = columns(VERIFY_OPTIONS, ["  "; 2], 23);
    let share = columns(SHARE_OPTIONS, ["  "; 2], 23);
    let share = if ADMINISTERS { format!("options of share:\n{share}\n") } else { String::new() };
    format!(
        "{TITLE}\n\n{usage}\noptions, before or after a command's name:\n{options}\noptions of \
         verify:\n{verify}\n{share}{NOTES}\n"
    )
}

/// Rows with what they do in a column that begins at `column`, on a line of its own where the form
/// is too long.
fn columns(rows: &[UsageRow], [first, next]: [&str; 2], column: usize) -> String {
    let mut text = String::new();
    for (at, UsageRow { form, about }) in rows.iter().enumerate() {
        let mut line = format!("{}{form}", if at == 0 { first } else { next });
        if line.len() + 1 >= column && !about.is_empty() {
            text += &format!("{line}\n");
            line.clear();
        }
        for about in about.lines() {
            text += &format!("{line:column$}{about}\n");
            line.clear();
        }
        if !line.is_empty() {
            text += &format!("{line}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_on_a_terminal() {
        let help = help();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        for row in COMMANDS.iter().chain(OPTIONS).chain(VERIFY_OPTIONS).chain(SHARE_OPTIONS) {
            assert!(help.contains(row.form), "{}", row.form);
        }
    }
}
