//! Tables of keys: from one row come reading, writing, hints, and the comparison with what is in
//! force. What the server writes is written by rust-ini, and counts only if [`super::ini`] reads it
//! back the same.

use std::str::FromStr;

use ini::{EscapePolicy, Ini, LineSeparator, WriteOption};

use super::ini::{END, GENERATION};

/// A key of a section that is read into a `T`: from a table of these come reading, writing, hints
/// and the comparison with what is in force.
pub(crate) struct Key<T: 'static> {
    pub(crate) name: &'static str,
    /// What counts where the key is left out; `None` if it must be there.
    pub(super) default: Option<&'static str>,
    /// What may stand there.
    pub(super) expected: &'static str,
    pub(super) read: fn(&mut T, &str) -> Option<()>,
    /// The value as it is written.
    pub(crate) text: fn(&T) -> String,
    /// Whether a value, right or wrong, is nobody's business.
    pub(crate) is_secret: bool,
}

impl<T> Key<T> {
    /// A key that must be there.
    pub(crate) const fn needed(
        name: &'static str,
        expected: &'static str,
        read: fn(&mut T, &str) -> Option<()>,
        text: fn(&T) -> String,
    ) -> Key<T> {
        Key { name, default: None, expected, read, text, is_secret: false }
    }

    /// A key that may be left out, and is where its value is the default.
    pub(crate) const fn optional(
        name: &'static str,
        default: &'static str,
        expected: &'static str,
        read: fn(&mut T, &str) -> Option<()>,
        text: fn(&T) -> String,
    ) -> Key<T> {
        Key { name, default: Some(default), expected, read, text, is_secret: false }
    }

    /// The same key with a value that is never shown.
    pub(crate) const fn secret(self) -> Key<T> {
        Key { is_secret: true, ..self }
    }
}

/// Puts a value that could be read in its place.
pub(crate) fn set<V>(place: &mut V, value: Option<V>) -> Option<()> {
    *place = value?;
    Some(())
}

/// The names of a table's keys.
pub(crate) fn names<T>(keys: &'static [Key<T>]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// A whole number as files have them: digits without a sign.
pub(crate) fn whole<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A section that is written: its name, and its keys with their values.
pub(crate) type Written = (String, Vec<(&'static str, String)>);

/// The keys of a table with the values that are not their defaults.
pub(crate) fn written<T>(name: impl ToString, keys: &[Key<T>], value: &T) -> Written {
    let rows = keys.iter().map(|key| (key.name, (key.text)(value), key.default));
    let rows = rows.filter(|(_, text, default)| *default != Some(text.as_str()));
    (name.to_string(), rows.map(|(name, text, _)| (name, text)).collect())
}

/// The text of a whole file with its closing lines.
pub(crate) fn write(
    header: &str,
    generation: u64,
    top: &[(&str, String)],
    sections: impl IntoIterator<Item = Written>,
) -> String {
    let mut ini = Ini::new();
    ini.with_general_section().set(GENERATION, generation.to_string());
    for (key, value) in top {
        ini.with_general_section().set(*key, value.as_str());
    }
    for (name, rows) in sections {
        let mut section = ini.with_section(Some(name));
        for (key, value) in rows {
            section.set(key, value);
        }
    }
    ini.with_section(Some(END)).set(GENERATION, generation.to_string());
    let mut bytes = format!("{header}\n").into_bytes();
    // Backslashes and quotes stand for themselves: what is written is what is meant.
    let options = WriteOption {
        escape_policy: EscapePolicy::Nothing,
        line_separator: LineSeparator::CR,
        kv_separator: " = ",
    };
    match ini.write_to_opt(&mut bytes, options) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        // Nothing is read back from it, and so nothing is put on the disk.
        Err(_) => String::new(),
    }
}
