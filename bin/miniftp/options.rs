//! The program's own options as a table, and the texts around it: `--help`, the manual and the
//! completions come from here.

/// An option of the program.
pub(crate) struct ProgramOption {
    /// Its letter, if it has one.
    pub(crate) short: Option<char>,
    /// Its name in full.
    pub(crate) long: &'static str,
    /// What follows it.
    pub(crate) value: Option<&'static str>,
    /// What it means.
    pub(crate) about: &'static str,
}

macro_rules! options {
    ($($short:expr, $long:literal, $value:expr, $about:literal;)*) => {
        &[$(ProgramOption { short: $short, long: $long, value: $value, about: $about },)*]
    };
}

/// The options, in the order of `--help`.
#[rustfmt::skip]
pub(crate) const OPTIONS: &[ProgramOption] = options! {
    Some('s'), "server", Some("SERVER"), "the server: an address, a URL, or a name in config.ini";
    Some('P'), "port", Some("PORT"), "its port (2020)";
    Some('u'), "user", Some("NAME"), "the account (MINIFTP_USER)";
    None, "password-file", Some("FILE"), "the password is the first line of this file";
    None, "digest", Some("DIGEST"), "md5 or blake3 for transfers (the faster one, measured)";
    None, "tls", Some("MODE"), "required, preferred or off (required beyond this machine)";
    None, "limit-rate", Some("RATE"), "bytes a second at most: 500k, 2M";
    None, "parallel", Some("N"), "connections that transfer at once (1)";
    None, "tries", Some("N"), "attempts in vain that end a transfer (120, in ten minutes)";
    None, "json", None, "results and events for programs, an object a line";
    Some('q'), "quiet", None, "report nothing of what goes well; also --no-progress";
    Some('v'), "verbose", None, "a line for every file, also of folders";
    Some('h'), "help", None, "this text";
    Some('V'), "version", None, "the version";
};

/// How the program is called.
pub(crate) const USAGE: &str = "\
miniftp [OPTIONS] [[USER@]HOST[:PORT][/PATH]] [COMMAND [ARGUMENTS...]]
miniftp cp SOURCE... miniftp://[USER@]HOST[:PORT]/PATH
";

/// What it does.
pub(crate) const ABOUT: &str = "\
Without a command: a shell on a terminal; otherwise the commands are read from standard
input, one a line. `#` begins a comment, `-` before a command lets it fail.
The first word is a command if one is called so, else the server; -s always names a server.
";

/// What else there is to know.
pub(crate) const NOTES: &str = "\
Servers get names in ~/.config/miniftp/config.ini; MINIFTP_SERVER, else 127.0.0.1, is meant
where none is named. The password is asked for, or taken from --password-file,
MINIFTP_PASSWORD, the command in config.ini or .netrc; a new one from MINIFTP_NEW_PASSWORD.
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no connection, 4 login refused,
130 interrupted.
";

impl ProgramOption {
    /// Every way to write it.
    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        let short = self.short.map(|letter| format!("-{letter}"));
        short.into_iter().chain([format!("--{}", self.long)])
    }

    /// `-P, --port PORT`.
    pub(crate) fn spelt(&self) -> String {
        let short = self.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
        let value = self.value.map(|value| format!(" {value}")).unwrap_or_default();
        format!("{short}--{}{value}", self.long)
    }
}

/// What `--help` shows before the commands.
pub(crate) fn help() -> String {
    let mut text = String::new();
    for (number, line) in USAGE.lines().enumerate() {
        text += if number == 0 { "usage: " } else { "       " };
        text += &format!("{line}\n");
    }
    text += &format!("\n{ABOUT}\n");
    for option in OPTIONS {
        text += &format!("  {:24} {}\n", option.spelt(), option.about);
    }
    text + &format!("\n{NOTES}")
}
