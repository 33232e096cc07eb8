//! The text of the store line by line, looked over before rust-ini sees it.
//!
//! rust-ini takes duplicates, cuts a section's name at `]`, joins lines after a backslash and keeps
//! no line numbers. So the shape is checked here and the values are rust-ini's.
//!
//! Invariant: every section of a [`Lines`] is one of its [`Shape`] or [`END`] at last, every key is
//! known, and none stands twice.

use std::collections::HashMap;

use super::fault::Fault;
use crate::text::{Escaped, nearest};

/// The section that ends the file: without it a torn file could pass for a whole one.
pub(super) const END: &str = "end";
/// The key of the general part and of [`END`].
pub(super) const GENERATION: &str = "generation";

/// What a file may hold.
pub(super) struct Shape {
    /// Whether a section may be called so.
    pub(super) is_section: fn(&str) -> bool,
    /// What was expected of a section, for who wrote another: in short, and in words.
    pub(super) expected: &'static str,
    pub(super) form: &'static str,
    /// The keys of a section.
    pub(super) keys: &'static [&'static str],
    /// The keys above the first section.
    pub(super) general: &'static [&'static str],
    /// What a section is, one and several; `None` for a file that has no [`END`].
    pub(super) ends: Option<(&'static str, &'static str)>,
}

/// A text with the right shape, and where everything stands in it.
pub(super) struct Lines<'a> {
    /// The text without spaces around its lines, as rust-ini is to read it.
    pub(super) plain: String,
    /// Lines by section and key; a section's own line is under the empty key.
    at: HashMap<(&'a str, &'a str), usize>,
    /// The same of keys that were misspelt, by what was meant.
    meant: HashMap<(&'a str, &'a str), usize>,
    section: &'a str,
    /// Below a section that cannot be: whose its keys are nobody knows.
    lost: bool,
    last: usize,
    shape: &'static Shape,
}

impl<'a> Lines<'a> {
    /// Looks the text over, up to its first fault.
    pub(super) fn scan(text: &'a str, shape: &'static Shape) -> Result<Lines<'a>, Fault> {
        let (lines, faults) = Lines::scan_all(text, shape);
        faults.into_iter().next().map_or(Ok(lines), Err)
    }

    /// Looks the whole text over. What has a fault is left out, but known to have stood there.
    pub(super) fn scan_all(text: &'a str, shape: &'static Shape) -> (Lines<'a>, Vec<Fault>) {
        let plain = String::with_capacity(text.len() + 1);
        let (at, meant) = (HashMap::new(), HashMap::new());
        let mut lines = Lines { plain, at, meant, section: "", lost: false, last: 0, shape };
        let mut faults = Vec::new();
        for (before, line) in text.lines().enumerate() {
            lines.last = before + 1;
            let length = lines.plain.len();
            if let Err(fault) = lines.take(line) {
                faults.push(fault);
                lines.plain.truncate(length);
                lines.plain.push('\n');
            }
        }
        if let Some((one, _)) = shape.ends.filter(|_| lines.section != END) {
            let missing = format!(
                "the file does not end with [end] and its generation: its tail is lost, or {one} \
                 was added below them"
            );
            faults.push(Fault::at(lines.last.max(1), missing));
        }
        (lines, faults)
    }

    /// A fault of a value: told with section, key and line.
    pub(super) fn fault(&self, section: &str, key: &str, what: &str) -> Fault {
        let line = self.at.get(&(section, key)).or_else(|| self.meant.get(&(section, key)));
        let line = line.or_else(|| self.at.get(&(section, "")));
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
        let is_lost = self.lost && !line.starts_with('[');
        self.plain.push_str(if is_lost { "" } else { line });
        self.plain.push('\n');
        if is_lost || line.is_empty() || line.starts_with([';', '#']) {
            return Ok(());
        }
        match line.strip_prefix('[') {
            Some(rest) => self.take_section(rest),
            None => self.take_key(line),
        }
    }

    fn take_section(&mut self, rest: &'a str) -> Result<(), Fault> {
        let name = rest.strip_suffix(']').unwrap_or("");
        let is_end = name == END && self.shape.ends.is_some();
        self.lost = true;
        if !is_end && !(self.shape.is_section)(name) {
            let Shape { expected, form, .. } = self.shape;
            let what = format!("expected {expected}, got `[{}`; {form}", Escaped(rest));
            return Err(self.here(what));
        }
        if let (END, Some((_, many))) = (self.section, self.shape.ends) {
            return Err(self.here(format!("[{name}] stands below [end]; {many} go above it")));
        }
        self.section = name;
        self.enter("")?;
        self.lost = false;
        Ok(())
    }

    fn take_key(&mut self, line: &'a str) -> Result<(), Fault> {
        let Some((key, value)) = line.split_once('=') else {
            let what = "expected `key = value`, [NAME] or a comment that begins with `;`";
            return Err(self.here(what));
        };
        let key = key.trim_end();
        let known = match self.section {
            "" => self.shape.general,
            END => &[GENERATION],
            _ => self.shape.keys,
        };
        if !known.contains(&key) {
            let key = Escaped(key);
            let what = match nearest(&key.to_string(), known.iter().copied()) {
                Some(meant) => {
                    self.meant.insert((self.section, meant), self.last);
                    format!("unknown key `{key}`; did you mean `{meant}`?")
                }
                None => format!("unknown key `{key}`; there are {}", known.join(", ")),
            };
            return Err(self.here(self.within(&what)));
        }
        if value.ends_with('\\') {
            self.enter(key)?;
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
