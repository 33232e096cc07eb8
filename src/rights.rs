//! What may be done in a place: read, write, modify, in any combination.
//!
//! Invariant: a right is had only where its word stands. A text without a word, or with a word
//! that is none, is no rights at all but a mistake.

use std::fmt;

/// The words, in the order in which they are shown.
const WORDS: [&str; 3] = ["read", "write", "modify"];

/// Permissions: read, write, modify, in any combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// List what is there, and fetch it.
    pub read: bool,
    /// Add files and folders under new names.
    pub write: bool,
    /// Replace, rename and remove what is there, and set its time.
    pub modify: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Rights = Rights { read: true, write: true, modify: true };
    /// Only reading.
    pub const READ: Rights = Rights { read: true, write: false, modify: false };
    /// What may stand in a file.
    pub const FORM: &str = "read, write, modify, or several of them";

    /// Reads words with commas or blanks between them, each once at most.
    pub fn parse(text: &str) -> Option<Rights> {
        let mut had = [false; WORDS.len()];
        for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
            let at = WORDS.iter().position(|known| *known == word)?;
            if std::mem::replace(had.get_mut(at)?, true) {
                return None;
            }
        }
        let [read, write, modify] = had;
        (read || write || modify).then_some(Rights { read, write, modify })
    }

    /// What both allow.
    pub fn and(self, other: Rights) -> Rights {
        Rights {
            read: self.read && other.read,
            write: self.write && other.write,
            modify: self.modify && other.modify,
        }
    }

    /// Whether anything can change there.
    pub fn changes(self) -> bool {
        self.write || self.modify
    }
}

impl fmt::Display for Rights {
    /// `read, write`, as [`Rights::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let had = WORDS.iter().zip([self.read, self.write, self.modify]).filter(|(_, had)| *had);
        let words: Vec<&str> = had.map(|(word, _)| *word).collect();
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_had_only_where_their_words_stand() {
        for (text, rights) in [
            ("read", Some(Rights::READ)),
            ("read, write, modify", Some(Rights::ALL)),
            (" modify write,read ", Some(Rights::ALL)),
            ("write", Some(Rights { read: false, write: true, modify: false })),
            ("", None),
            (",", None),
            ("all", None),
            ("Read", None),
            ("read read", None),
            ("read|write", None),
        ] {
            assert_eq!(Rights::parse(text), rights, "{text:?}");
        }
        for bits in 1..8u8 {
            let rights = Rights { read: bits & 1 > 0, write: bits & 2 > 0, modify: bits & 4 > 0 };
            assert_eq!(Rights::parse(&rights.to_string()), Some(rights));
            assert_eq!(rights.and(Rights::ALL), rights);
            assert_eq!(Rights::ALL.and(rights), rights);
        }
    }
}
