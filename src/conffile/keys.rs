//! Tables of keys: from one row come reading, writing, hints, and the comparison with what is in
//! force. What the server writes is written by rust-ini, and counts only if [`super::ini`] reads it
//! back the same.

use std::fmt::Display;
use std::str::FromStr;

#[cfg(feature = "server")]
use ini::{EscapePolicy, Ini, LineSeparator, WriteOption};

use super::ini::{END, GENERATION};

/// What a value looks like in a file.
pub(crate) trait ValueForm {
    type Value;

    /// What may stand there, for messages and documents.
    fn expected(&self) -> String;
    /// Reads a value; `None` for everything that is not one.
    fn read(&self, text: &str) -> Option<Self::Value>;
    /// The value as it is written.
    fn text(&self, value: &Self::Value) -> String;
}

/// A form by what it expects, how it reads and how it writes.
pub(crate) struct By<V>(
    pub(crate) &'static str,
    pub(crate) fn(&str) -> Option<V>,
    pub(crate) fn(&V) -> String,
);

impl<V> ValueForm for By<V> {
    type Value = V;

    fn expected(&self) -> String {
        self.0.to_owned()
    }

    fn read(&self, text: &str) -> Option<V> {
        (self.1)(text)
    }

    fn text(&self, value: &V) -> String {
        (self.2)(value)
    }
}

/// One of a few words, each with what it stands for.
pub(crate) struct OneOf<V: 'static>(pub(crate) &'static [(&'static str, V)]);

impl<V: Clone + PartialEq> ValueForm for OneOf<V> {
    type Value = V;

    fn expected(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        words.join(" or ")
    }

    fn read(&self, text: &str) -> Option<V> {
        self.0.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone())
    }

    fn text(&self, value: &V) -> String {
        let word = self.0.iter().find(|(_, of)| of == value);
        word.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}

/// A whole number: what is counted, the least and the most of it.
pub(crate) struct Number<N>(pub(crate) &'static str, pub(crate) N, pub(crate) N);

impl<N: FromStr + PartialOrd + Display> ValueForm for Number<N> {
    type Value = N;

    fn expected(&self) -> String {
        format!("{} from {} to {}", self.0, self.1, self.2)
    }

    fn read(&self, text: &str) -> Option<N> {
        whole(text).filter(|number| (&self.1..=&self.2).contains(&number))
    }

    fn text(&self, value: &N) -> String {
        value.to_string()
    }
}

/// Any whole number.
pub(crate) const NUMBER: By<u64> = By("a whole number", whole, u64::to_string);

/// What another form says, or a word for nothing.
pub(crate) struct Or<F>(pub(crate) F, pub(crate) &'static str);

impl<F: ValueForm> ValueForm for Or<F> {
    type Value = Option<F::Value>;

    fn expected(&self) -> String {
        format!("{}, or {}", self.0.expected(), self.1)
    }

    fn read(&self, text: &str) -> Option<Self::Value> {
        if text == self.1 { Some(None) } else { self.0.read(text).map(Some) }
    }

    fn text(&self, value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| self.1.to_owned(), |value| self.0.text(value))
    }
}

/// A key of a section that is read into a `T`: from a table of these come reading, writing, hints
/// and the comparison with what is in force.
pub(crate) struct Key<T: 'static> {
    pub(crate) name: &'static str,
    /// What may stand there.
    pub(crate) expected: fn() -> String,
    pub(crate) read: fn(&mut T, &str) -> Option<()>,
    /// The value as it is written.
    pub(crate) text: fn(&T) -> String,
    /// What counts where the key is left out; `None` if it must be there.
    pub(super) default: Option<&'static str>,
    /// Whether a value, right or wrong, is nobody's business.
    pub(crate) is_secret: bool,
}

/// A row of a table of keys: the key, the field that it is read into, and the form of its value.
macro_rules! key {
    ($name:expr, $of:ident . $($field:ident).+, $form:expr) => {
        $crate::conffile::keys::Key::<$of>::new(
            $name,
            || $crate::conffile::keys::ValueForm::expected(&$form),
            |into, text| {
                let value = $crate::conffile::keys::ValueForm::read(&$form, text);
                $crate::conffile::keys::set(&mut into.$($field).+, value)
            },
            |of| $crate::conffile::keys::ValueForm::text(&$form, &of.$($field).+),
        )
    };
}
pub(crate) use key;

impl<T> Key<T> {
    /// A key that must be there, and that everybody may see.
    pub(crate) const fn new(
        name: &'static str,
        expected: fn() -> String,
        read: fn(&mut T, &str) -> Option<()>,
        text: fn(&T) -> String,
    ) -> Key<T> {
        Key { name, expected, read, text, default: None, is_secret: false }
    }

    /// Returns this key as one that may be left out, and is where its value is the default.
    pub(crate) const fn or(self, default: &'static str) -> Key<T> {
        Key { default: Some(default), ..self }
    }

    /// Returns this key by another name.
    pub(crate) const fn called(&self, name: &'static str) -> Key<T> {
        Key { name, ..*self }
    }

    /// Returns this key with a value that is never shown.
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
pub(crate) type WrittenSection = (String, Vec<(&'static str, String)>);

/// The keys of a table with the values that are not their defaults.
pub(crate) fn written<T>(name: impl ToString, keys: &[Key<T>], value: &T) -> WrittenSection {
    let rows = keys.iter().map(|key| (key.name, (key.text)(value), key.default));
    let rows = rows.filter(|(_, text, default)| *default != Some(text.as_str()));
    (name.to_string(), rows.map(|(name, text, _)| (name, text)).collect())
}

/// The text of a whole file with its closing lines.
#[cfg(feature = "server")]
pub(crate) fn write(
    header: &str,
    generation: u64,
    top: &[(&str, String)],
    sections: impl IntoIterator<Item = WrittenSection>,
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
