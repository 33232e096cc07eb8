//! Words as people see them: names made harmless, sizes and times read and shown.
//!
//! Invariant: what [`Escaped`] prints contains no control character, so it can neither move a
//! terminal's cursor nor forge a second line in a log.

pub mod calendar;
mod shell;
mod size;
mod time;
pub mod wildcard;
pub mod words;

use std::fmt;

pub use self::shell::shell_quoted;
pub use self::size::{Bytes, Size, exact, parse_size};
pub use self::time::{Moment, SPAN_MOST_SECS, Span, parse_moment, parse_span};

/// A name from the network or the disk, shown so that it can do no harm.
///
/// C0 and C1 controls, DEL, the bidirectional controls (U+202A to U+202E, U+2066 to U+2069), the
/// line separators U+2028 and U+2029 and the backslash itself appear as `\u{..}`, `\n`, `\\` and so
/// on.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            match c {
                '\\' | '\n' | '\r' | '\t' => write!(f, "{}", c.escape_default())?,
                c if is_harmful(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A text whose names are escaped already, without anything that could act on a terminal or end a
/// line. A backslash stays one.
pub struct Harmless<'a>(pub &'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            if is_harmful(c) { write!(f, "{}", c.escape_unicode())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// Whether a character could act on a terminal or forge a line.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Bytes that need not be UTF-8, shown harmlessly: each byte of an invalid sequence as `\xNN`.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        out.push_str(&Escaped(part.valid()).to_string());
        for byte in part.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// The system's words for an error, without its number, as they stand inside a sentence.
pub fn system_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    Escaped(&first.chain(chars).collect::<String>()).to_string()
}

/// The candidate that a mistyped word may have meant: one or two letters changed, added, missing or
/// swapped.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Three letters with two of them changed are another word.
    let most = if word.chars().count() < 4 { 1 } else { 2 };
    candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 8)
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        let table = [
            ("plain name.txt", "plain name.txt"),
            ("ümläut 名", "ümläut 名"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\\d", "a\\nb\\tc\\\\d"),
            ("\u{202e}cod.exe", "\\u{202e}cod.exe"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
        ];
        for (raw, shown) in table {
            assert_eq!(Escaped(raw).to_string(), shown);
        }
        assert_eq!(escape_bytes(b"a\xff\xfe\nb"), "a\\xff\\xfe\\nb");
    }

    #[test]
    fn a_mistyped_word_finds_its_neighbour() {
        let keys = || ["password", "quota", "role"].into_iter();
        assert_eq!(nearest("qouta", keys()), Some("quota"));
        assert_eq!(nearest("passwd", keys()), Some("password"));
        assert_eq!(nearest("rol", keys()), Some("role"));
        assert_eq!(nearest("colour", keys()), None);
        assert_eq!(nearest("", keys()), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys()), None);
    }
}
