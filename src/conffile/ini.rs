//! The text of an INI file, read strictly by tables of keys.
//!
//! rust-ini takes duplicates, cuts a section's name at `]`, joins lines after a backslash and keeps
//! no line numbers, so a text is read here, line by line.
//!
//! Never: guesses. All mistakes are collected, each with its line, what is wrong and what was
//! expected.
//! Invariant: in a text without an error every section and key is known and stands there once.

use std::collections::HashMap;
use std::str;

use super::ParseErrors;
use super::keys::{Key, whole};
use crate::text::{Escaped, nearest};

/// The section that ends a file which the server writes: without it a torn file could pass for a
/// whole one.
pub(super) const END: &str = "end";
/// The key of the general part and of [`END`].
pub(crate) const GENERATION: &str = "generation";
/// Characters of a wrong name or value that are shown.
const SHOWN: usize = 60;

/// What a file may hold.
pub(crate) struct FileShape {
    /// Bytes of the whole file.
    pub(crate) most: u64,
    /// The keys above the first section. With [`GENERATION`] among them it is a file that the
    /// server writes, which ends with [`END`].
    pub(crate) top: &'static [&'static str],
    /// The keys of a section; `None` if no section may have this name.
    pub(crate) keys: fn(&str) -> Option<Vec<&'static str>>,
    /// What is expected in the place of another section, in short and in words.
    pub(crate) expected: &'static str,
    pub(crate) form: &'static str,
    /// The names of all sections, where they are given.
    pub(crate) sections: fn() -> Vec<&'static str>,
}

/// A text that was read.
#[derive(Default)]
pub(crate) struct IniText<'a> {
    /// Counts the server's writes; zero in a file that somebody else wrote.
    pub(crate) generation: u64,
    /// What stands above the first section.
    pub(crate) top: Section<'a>,
    /// All others, in their order.
    pub(crate) sections: Vec<Section<'a>>,
}

/// A section of a text.
#[derive(Default)]
pub(crate) struct Section<'a> {
    pub(crate) name: &'a str,
    pub(crate) line: usize,
    entries: Vec<KeyLine<'a>>,
}

struct KeyLine<'a> {
    key: &'a str,
    /// None where the key is misspelt or its line is wrong, which is an error of its own.
    value: Option<&'a str>,
    line: usize,
}

/// The text of a file, unless it is too long or not UTF-8. Editors of another system put a mark in
/// front of it.
pub(crate) fn decode(bytes: &[u8], most: u64) -> Result<&str, ParseErrors> {
    if bytes.len() as u64 > most {
        return Err(ParseErrors::whole(format!("longer than expected; at most {most} bytes")));
    }
    let text = str::from_utf8(bytes).map_err(|e| {
        let sound = bytes.get(..e.valid_up_to()).unwrap_or_default();
        let mut errors = ParseErrors::default();
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        errors.push(line, "not UTF-8; expected plain text");
        errors
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Whether a text ends as the server ends those that it writes.
pub(super) fn is_closed(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(64)..).unwrap_or_default();
    let tail = String::from_utf8_lossy(tail);
    let end = tail.rsplit_once(&format!("[{END}]\n"));
    end.is_some_and(|(_, line)| line.starts_with(GENERATION) && line.ends_with('\n'))
}

/// Reads a text. What has a mistake is left out of it, and is among the errors.
pub(crate) fn parse<'a>(
    bytes: &'a [u8],
    shape: &'static FileShape,
    errors: &mut ParseErrors,
) -> IniText<'a> {
    let lines = match decode(bytes, shape.most) {
        Ok(lines) => lines,
        Err(all) => {
            *errors = all;
            return IniText::default();
        }
    };
    let top = Section { line: 1, ..Section::default() };
    let at = HashMap::from([("", 0)]);
    let mut scan = Scan { shape, sections: vec![top], at, place: Some(0) };
    for (before, line) in lines.lines().enumerate() {
        if let Err(what) = scan.take(before + 1, line.trim()) {
            errors.push(before + 1, what);
        }
    }
    let end = scan.at.get(END).filter(|_| shape.is_closed()).copied();
    let end = end.map(|at| scan.sections.remove(at));
    let mut text = IniText { generation: 0, top: scan.sections.remove(0), sections: scan.sections };
    if shape.is_closed() {
        text.close(lines, end, errors);
    }
    text
}

struct Scan<'a> {
    shape: &'static FileShape,
    /// First what stands above all sections.
    sections: Vec<Section<'a>>,
    /// The index of each section.
    at: HashMap<&'a str, usize>,
    /// The index of the section that the next line belongs to; none below one that cannot be:
    /// whose its keys are nobody knows.
    place: Option<usize>,
}

impl<'a> Scan<'a> {
    /// Takes one line, or says what is wrong with it.
    fn take(&mut self, number: usize, line: &'a str) -> Result<(), String> {
        if line.is_empty() || line.starts_with([';', '#']) {
            return Ok(());
        }
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err("a control character; expected plain text".to_owned());
        }
        if let Some(rest) = line.strip_prefix('[') {
            return self.take_section(number, rest);
        }
        let Some(section) = self.place.and_then(|at| self.sections.get_mut(at)) else {
            return Ok(());
        };
        let (key, value) = line.split_once(['=', ':']).ok_or_else(|| {
            let line = shown(line);
            format!("\"{line}\" is no setting; expected `key = value`, [section] or a ; comment")
        })?;
        section.take(self.shape, number, key.trim_end(), value.trim_start())
    }

    fn take_section(&mut self, number: usize, rest: &'a str) -> Result<(), String> {
        let end = self.at.get(END).copied();
        let is_below_end = self.shape.is_closed() && end.is_some() && self.place == end;
        self.place = None;
        let expected = match self.shape {
            FileShape { expected, form: "", .. } => (*expected).to_owned(),
            FileShape { expected, form, .. } => format!("{expected}: {form}"),
        };
        let name = rest.strip_suffix(']').map(str::trim).ok_or_else(|| {
            format!("[{}: a section without its closing `]`; expected {expected}", shown(rest))
        })?;
        if name.is_empty() || self.shape.keys_of(name).is_none() {
            let known = (self.shape.sections)();
            let hint = match nearest(&name.to_lowercase(), known.iter().copied()) {
                Some(near) => format!("did you mean [{near}]?"),
                None if known.is_empty() => format!("expected {expected}"),
                None => format!("expected one of {}", known.join(", ")),
            };
            return Err(format!("unknown section [{}]; {hint}", shown(name)));
        }
        if let Some(section) = self.at.get(name).and_then(|at| self.sections.get(*at)) {
            self.place = self.at.get(name).copied();
            let first = section.line;
            return Err(format!("[{name}] began in line {first} already; expected it once"));
        }
        self.place = Some(self.sections.len());
        self.at.insert(name, self.sections.len());
        self.sections.push(Section { name, line: number, entries: Vec::new() });
        match is_below_end {
            true => Err(format!("[{name}] stands below [{END}]; expected it above")),
            false => Ok(()),
        }
    }
}

impl FileShape {
    /// Whether it is of a file that ends with [`END`].
    fn is_closed(&self) -> bool {
        self.top.contains(&GENERATION)
    }

    fn keys_of(&self, section: &str) -> Option<Vec<&'static str>> {
        match section {
            "" => Some(self.top.to_vec()),
            END if self.is_closed() => Some(vec![GENERATION]),
            _ => (self.keys)(section),
        }
    }
}

impl IniText<'_> {
    /// Looks whether a file that the server writes, or somebody in its place, is whole.
    fn close(&mut self, text: &str, end: Option<Section<'_>>, errors: &mut ParseErrors) {
        let last = text.lines().count();
        let generation = |section: &Section<'_>, errors: &mut ParseErrors| {
            let number = section.value(GENERATION).and_then(whole::<u64>);
            if number.is_none() {
                section.refuse(GENERATION, "a whole number such as 1", false, errors);
            }
            number
        };
        if let Some(end) = end {
            let (head, tail) = (generation(&self.top, errors), generation(&end, errors));
            self.generation = head.unwrap_or_default();
            if head.is_some() && tail.is_some() && head != tail {
                let what = format!("not {} as at the top; expected them equal", self.generation);
                errors.push(end.line_of(GENERATION), end.named(GENERATION, &what));
            }
        } else if self.top.has(GENERATION) {
            let what = "the end of the file is missing; expected [end] with the generation of its \
                top, or neither of the two in a file written by hand";
            errors.push(last, what);
        } else if self.sections.is_empty() {
            let what = "nothing is in it, as if it had been cut off; expected sections, or [end]";
            errors.push(0, what);
        } else if !text.ends_with('\n') {
            errors.push(last, "the last line is not ended; expected a line break after it");
        }
    }
}

impl<'a> Section<'a> {
    /// Takes a key, or says what is wrong with it.
    fn take(
        &mut self,
        shape: &FileShape,
        number: usize,
        key: &'a str,
        value: &'a str,
    ) -> Result<(), String> {
        let known = shape.keys_of(self.name).unwrap_or_default();
        if known.is_empty() {
            let key = shown(key);
            return Err(format!("`{key}` stands above the first section; expected [section]"));
        }
        if !known.contains(&key) {
            let near = nearest(&key.to_lowercase(), known.iter().copied());
            if let Some(key) = near.filter(|near| !self.has(near)) {
                self.entries.push(KeyLine { key, value: None, line: number });
            }
            let elsewhere = (shape.sections)();
            let has_it = |name: &&&str| (shape.keys)(name).is_some_and(|k| k.contains(&key));
            let hint = match (near, elsewhere.iter().find(has_it)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(other)) => format!("it belongs in [{other}]"),
                (None, None) => format!("expected one of {}", known.join(", ")),
            };
            return Err(self.named(&shown(key), &format!("unknown key; {hint}")));
        }
        let is_bad = value.ends_with('\\');
        let entry = KeyLine { key, value: Some(value).filter(|_| !is_bad), line: number };
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(KeyLine { value: Some(_), line: first, .. }) => {
                let what = format!("set in line {first} already; expected it once");
                return Err(self.named(key, &what));
            }
            Some(meant) => *meant = entry,
            None => self.entries.push(entry),
        }
        let what = "ends with a backslash; expected the whole value in one line";
        if is_bad { Err(self.named(key, what)) } else { Ok(()) }
    }

    /// The value of a key that is there.
    pub(crate) fn value(&self, key: &str) -> Option<&'a str> {
        self.entry(key)?.value
    }

    fn entry(&self, key: &str) -> Option<&KeyLine<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The line of a key, or of the section if it is not there.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        self.entry(key).map_or(self.line, |entry| entry.line)
    }

    /// What is said about a key, with its section in front.
    pub(crate) fn named(&self, key: &str, what: &str) -> String {
        match self.name {
            "" => format!("{key}: {what}"),
            name => format!("[{name}] {key}: {what}"),
        }
    }

    /// Whether a key is there, rightly or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Reads the values of a table's keys; tells whether all of them were what was expected.
    pub(crate) fn read<'k, T: 'static>(
        &self,
        keys: impl IntoIterator<Item = &'k Key<T>>,
        into: &mut T,
        errors: &mut ParseErrors,
    ) -> bool {
        let mut is_read = true;
        for key in keys {
            let read = match self.entry(key.name) {
                None => key.default.map(|_| ()),
                Some(KeyLine { value: None, .. }) => {
                    is_read = false;
                    Some(())
                }
                Some(KeyLine { value: Some(value), .. }) => (key.read)(into, value),
            };
            if read.is_none() {
                is_read = false;
                self.refuse(key.name, (key.expected)(), key.is_secret, errors);
            }
        }
        is_read
    }

    /// Notes that the value of a key, or its absence, is not what was expected.
    pub(crate) fn refuse(
        &self,
        key: &str,
        expected: impl std::fmt::Display,
        is_secret: bool,
        errors: &mut ParseErrors,
    ) {
        let what = match self.value(key) {
            None => format!("missing; expected {expected}"),
            Some(_) if is_secret => format!("not valid; expected {expected}"),
            Some(value) => {
                let has_comment = value.contains([';', '#']);
                let hint = if has_comment { "; a comment needs a line of its own" } else { "" };
                format!("\"{}\" is not valid; expected {expected}{hint}", shown(value))
            }
        };
        errors.push(self.line_of(key), self.named(key, &what));
    }
}

/// The beginning of what stands in a file, made harmless.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", Escaped(text.get(..end).unwrap_or_default())),
        None => Escaped(text).to_string(),
    }
}
