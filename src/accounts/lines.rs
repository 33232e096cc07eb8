//! The text of the store line by line, looked over before rust-ini sees it.
//!
//! rust-ini takes duplicates, cuts a section's name at `]`, joins lines after a backslash and keeps
//! no line numbers. So the shape is checked here and the values are rust-ini's.
//!
//! Invariant: every section of a [`Lines`] is an account's name or [`END`] at last, every key is
//! known, and none stands twice.

use std::collections::HashMap;

use super::fault::Fault;
use super::{AccountName, NAME_FORM};
use crate::text::{Escaped, nearest};

/// The section that ends the file: without it a torn file could pass for a whole one.
pub(super) const END: &str = "end";
/// The key of the general part and of [`END`].
pub(super) const GENERATION: &str = "generation";
/// The keys of an account.
pub(super) const KEYS: [&str; 7] =
    ["password", "quota", "rights", "role", "state", "demo", "remark"];

/// A text with the right shape, and where everything stands in it.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    /// The text without spaces around its lines, as rust-ini is to read it.
    pub(super) plain: String,
    /// Lines by section and key; a section's own line is under the empty key.
    at: HashMap<(&'a str, &'a str), usize>,
    section: &'a str,
    last: usize,
}

impl<'a> Lines<'a> {
    /// Looks the text over.
    pub(super) fn scan(text: &'a str) -> Result<Lines<'a>, Fault> {
        let plain = String::with_capacity(text.len() + 1);
        let mut lines = Lines { plain, at: HashMap::new(), section: "", last: 0 };
        for (before, line) in text.lines().enumerate() {
            lines.last = before + 1;
            lines.take(line)?;
        }
        if lines.section == END {
            return Ok(lines);
        }
        let missing = "the file does not end with [end] and its generation: its tail is lost, \
            or an account was added below them";
        Err(Fault::at(lines.last.max(1), missing))
    }

    /// A fault of a value: told with section, key and line.
    pub(super) fn fault(&self, section: &str, key: &str, what: &str) -> Fault {
        let line = self.at.get(&(section, key)).or_else(|| self.at.get(&(section, "")));
        let what = match section {
            "" => format!("{key}: {what}"),
            _ => format!("[{section}] {key}: {what}"),
        };
        Fault { line: line.copied(), what }
    }

    fn take(&mut self, line: &'a str) -> Result<(), Fault> {
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err(self.here("a control character; this is no text file, or it is damaged"));
        }
        let line = line.trim();
        self.plain.push_str(line);
        self.plain.push('\n');
        if line.is_empty() || line.starts_with([';', '#']) {
            return Ok(());
        }
        match line.strip_prefix('[') {
            Some(rest) => self.take_section(rest),
            None => self.take_key(line),
        }
    }

    fn take_section(&mut self, rest: &'a str) -> Result<(), Fault> {
        let name = rest.strip_suffix(']').unwrap_or("");
        if name != END && AccountName::parse(name).is_none() {
            let what = format!("expected [NAME], got `[{}`; {NAME_FORM}", Escaped(rest));
            return Err(self.here(what));
        }
        if self.section == END {
            return Err(self.here(format!("[{name}] stands below [end]; accounts go above it")));
        }
        self.section = name;
        self.enter("")
    }

    fn take_key(&mut self, line: &'a str) -> Result<(), Fault> {
        let Some((key, value)) = line.split_once('=') else {
            let what = "expected `key = value`, [NAME] or a comment that begins with `;`";
            return Err(self.here(what));
        };
        let key = key.trim_end();
        let known = if matches!(self.section, "" | END) { &[GENERATION][..] } else { &KEYS[..] };
        if !known.contains(&key) {
            let key = Escaped(key);
            let what = match nearest(&key.to_string(), known.iter().copied()) {
                Some(meant) => format!("unknown key `{key}`; did you mean `{meant}`?"),
                None => format!("unknown key `{key}`; there are {}", known.join(", ")),
            };
            return Err(self.here(self.within(&what)));
        }
        if value.ends_with('\\') {
            return Err(self.here(self.within(&format!("{key}: ends with a backslash"))));
        }
        self.enter(key)
    }

    /// Notes where a key, or a section with the empty key, stands; once only.
    fn enter(&mut self, key: &'a str) -> Result<(), Fault> {
        let Some(first) = self.at.insert((self.section, key), self.last) else {
            return Ok(());
        };
        let what = match key {
            "" => "stands twice".to_owned(),
            _ => format!("{key}: stands twice"),
        };
        Err(self.here(self.within(&format!("{what}, first in line {first}"))))
    }

    fn within(&self, what: &str) -> String {
        match self.section {
            "" => what.to_owned(),
            section => format!("[{section}] {what}"),
        }
    }

    fn here(&self, what: impl Into<String>) -> Fault {
        Fault::at(self.last, what)
    }
}
