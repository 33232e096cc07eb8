//! Colours of names by `LS_COLORS`, as `dircolors` writes it.
//!
//! Never: passes on anything from there but digits and semicolons.

use std::collections::HashMap;
use std::env;

use miniftp::client::{ListedKind, RemoteEntry};

/// What holds where the variable says nothing.
const DEFAULTS: &str = "di=01;34:ln=01;36:ex=01;32:pi=33:so=01;35";
/// Ends a colour.
const RESET: &str = "\x1b[0m";

/// The codes of names.
pub(crate) struct Colours {
    by_kind: HashMap<String, String>,
    /// By the name's end, in lower case.
    by_ending: HashMap<String, String>,
}

impl Colours {
    /// Those of the user; none where they want none, or the terminal has none.
    pub(crate) fn of_user() -> Option<Colours> {
        let is_said = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_said("NO_COLOR") || env::var("TERM").is_ok_and(|term| term == "dumb") {
            return None;
        }
        Some(Colours::of(&env::var("LS_COLORS").unwrap_or_default()))
    }

    fn of(text: &str) -> Colours {
        let mut colours = Colours { by_kind: HashMap::new(), by_ending: HashMap::new() };
        for rule in DEFAULTS.split(':').chain(text.split(':')) {
            let Some((what, code)) = rule.split_once('=') else { continue };
            if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit() || b == b';') {
                continue;
            }
            match what.strip_prefix('*') {
                Some(end) => colours.by_ending.insert(end.to_ascii_lowercase(), code.to_owned()),
                None => colours.by_kind.insert(what.to_owned(), code.to_owned()),
            };
        }
        colours
    }

    /// The name in its colour.
    pub(crate) fn painted(&self, entry: &RemoteEntry, shown: &str) -> String {
        match self.code(entry).filter(|code| code.chars().any(|c| c != '0' && c != ';')) {
            Some(code) => format!("\x1b[{code}m{shown}{RESET}"),
            None => shown.to_owned(),
        }
    }

    fn code(&self, entry: &RemoteEntry) -> Option<&str> {
        let is_run = entry.mode & 0o111 != 0;
        let kind = match entry.kind {
            ListedKind::Directory if entry.mode & 0o1002 == 0o1002 => "tw",
            ListedKind::Directory => "di",
            ListedKind::Link => "ln",
            ListedKind::Other(_) => "or",
            ListedKind::File if is_run => "ex",
            ListedKind::File => "fi",
        };
        let by_kind = |kind: &str| self.by_kind.get(kind).map(String::as_str);
        let found = match kind {
            "fi" => self.by_ending(&entry.name).or_else(|| by_kind("fi")),
            "tw" => by_kind("tw").or_else(|| by_kind("di")),
            kind => by_kind(kind),
        };
        found.or_else(|| by_kind("no"))
    }

    /// The rule with the longest end of the name.
    fn by_ending(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let ends = name.char_indices().map(|(at, _)| name.get(at..).unwrap_or_default());
        ends.filter_map(|end| self.by_ending.get(end)).map(String::as_str).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_colour_of_its_rule() {
        let colours = Colours::of("di=34:*.tar=31:*.tar.gz=32:ex=0:*.evil=31m\x1b[2J:fi=:x");
        let entry =
            |kind, mode, name: &str| RemoteEntry::new(kind, 0, 0, 0, 0, mode, 0, name.to_owned());
        let table = [
            (entry(ListedKind::Directory, 0o755, "d"), "\x1b[34md\x1b[0m"),
            (entry(ListedKind::File, 0o644, "a.tar"), "\x1b[31ma.tar\x1b[0m"),
            (entry(ListedKind::File, 0o644, "a.TAR.GZ"), "\x1b[32ma.TAR.GZ\x1b[0m"),
            (entry(ListedKind::File, 0o755, "run"), "run"),
            (entry(ListedKind::File, 0o644, "plain"), "plain"),
            (entry(ListedKind::File, 0o644, "x.evil"), "x.evil"),
            (entry(ListedKind::Link, 0o777, "l"), "\x1b[01;36ml\x1b[0m"),
        ];
        for (entry, shown) in table {
            assert_eq!(colours.painted(&entry, &entry.name), shown);
        }
    }
}
