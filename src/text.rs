//! Words as people see them: names made harmless, sizes read and shown.
//!
//! Invariant: what [`Escaped`] prints contains no control character, so it can neither move a
//! terminal's cursor nor forge a second line in a log.

mod time;
pub mod words;

use std::fmt;

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

/// A number of bytes in the largest unit that keeps it above one: `512 B`, `9.4 MiB`.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut shown = self.0 as f64 / 1024.0;
        let mut unit = UNITS[0];
        for next in &UNITS[1..] {
            if shown < 1023.95 {
                break;
            }
            shown /= 1024.0;
            unit = next;
        }
        write!(f, "{shown:.1} {unit}")
    }
}

/// A number of bytes as people read it, with the bytes behind it where that is not the same:
/// `512 bytes`, `9.4 MiB (9856614 bytes)`.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes if bytes < 1024 => write!(f, "{bytes} bytes"),
            bytes => write!(f, "{} ({bytes} bytes)", Size(bytes)),
        }
    }
}

/// Reads a size as people write it: `0`, `512`, `10k`, `10M`, `1.5G`, `2TiB`. Units are powers of
/// 1024.
///
/// `None` for anything else, an empty text and a size beyond 2^63 - 1 included: a size that cannot
/// be read never becomes some other size.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut bytes = u128::from(whole) << shift;
    if !fraction.is_empty() {
        let tenths: u64 = fraction.parse().ok()?;
        bytes += (u128::from(tenths) << shift) / 10u128.pow(fraction.len() as u32);
    }
    (bytes <= i64::MAX as u128).then_some(bytes as u64)
}

/// The candidate that a mistyped word may have meant: one or two letters changed, added, missing or
/// swapped.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Three letters with two of them changed are another word.
    let most = if word.chars().count() < 4 { 1 } else { 2 };
    candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 8)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to change, add, leave out or swap with their neighbour to get from one word to the
/// other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for i in 1..=from.len() {
        let above = &rows[i - 1];
        let mut row = vec![i];
        for j in 1..=to.len() {
            let changed = above[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
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
    fn sizes_are_read_or_refused() {
        let good = [
            ("0", 0),
            ("512", 512),
            ("10k", 10_240),
            ("10M", 10 << 20),
            ("1.5G", 3 << 29),
            ("2 TiB", 2 << 40),
            ("0.5K", 512),
        ];
        for (text, bytes) in good {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in
            ["", " ", "-1", "M", ".5M", "1.", "10X", "1e3", "99999999999999999999", "9999999T"]
        {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_unit_that_fits() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10 << 20, "10.0 MiB"),
            ((1 << 30) - 1, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, shown) in table {
            assert_eq!(Size(bytes).to_string(), shown);
        }
        assert_eq!(Bytes(1).to_string(), "1 byte");
        assert_eq!(Bytes(1023).to_string(), "1023 bytes");
        assert_eq!(Bytes(10 << 20).to_string(), "10.0 MiB (10485760 bytes)");
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
