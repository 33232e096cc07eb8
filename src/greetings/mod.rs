//! What the operator and the owners of folders have to say: a file's bytes become a few lines.
//!
//! Never: lets a byte of a file or a value act on a terminal, or make a line of its own.
//! Invariant: at most [`limits::GREETING_LINES`] lines of at most [`limits::GREETING_LINE`] bytes,
//! none with a control character in it.

mod greeting;

use crate::limits;
use crate::text::{Escaped, is_harmful};

pub use greeting::Greeting;

/// Where a tab leads to: the next multiple of so many columns.
const TAB: usize = 8;

/// The lines that a file's bytes are, and whether there were more than are said.
///
/// Line ends of both kinds are taken, tabs become blanks; whatever else is no letter is shown as
/// its number. Backslashes stay as they are, so a picture made of letters stays one.
pub fn lines_of(bytes: &[u8]) -> (Vec<String>, bool) {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut cut = bytes.len() > limits::GREETING_FILE;
    let mut lines: Vec<String> = Vec::new();
    let mut raws = whole_letters(bytes, limits::GREETING_FILE).split(|byte| *byte == b'\n');
    for raw in raws.by_ref().take(limits::GREETING_LINES) {
        let line = line_of(raw.strip_suffix(b"\r").unwrap_or(raw));
        cut |= line.len() > limits::GREETING_LINE;
        lines.push(line);
    }
    cut |= raws.any(|raw| !raw.is_empty());
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    (lines, cut)
}

/// The lines with each `{name}` that `value` knows replaced; all others stay as they are. What was
/// put in is not looked through again.
pub fn filled(lines: &[String], value: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    lines.iter().map(|line| fill(line, value)).collect()
}

fn fill(line: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((before, inside)) = rest.split_once('{') {
        out.push_str(before);
        let known = inside.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        match known {
            Some((value, after)) => {
                out.push_str(&Escaped(&value).to_string());
                rest = after;
            }
            None => {
                out.push('{');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    let most = whole_letters(out.as_bytes(), limits::GREETING_LINE).len();
    out.truncate(most);
    out
}

/// The first bytes, at most `most`, without a letter that is cut in two.
fn whole_letters(bytes: &[u8], most: usize) -> &[u8] {
    let mut end = bytes.len().min(most);
    for _ in 0..3 {
        // A byte that goes on a letter cannot be the first one behind the end.
        if bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end = end.saturating_sub(1);
        }
    }
    bytes.get(..end).unwrap_or_default()
}

fn line_of(raw: &[u8]) -> String {
    let (mut line, mut column) = (String::with_capacity(raw.len()), 0usize);
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\t' {
                let blanks = TAB - column % TAB;
                line.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            } else if is_harmful(c) {
                line.extend(c.escape_unicode());
            } else {
                line.push(c);
                column += 1;
            }
        }
        for byte in chunk.invalid() {
            line.push_str(&format!("\\x{byte:02x}"));
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        lines_of(bytes).0
    }

    #[test]
    fn lines_are_what_people_wrote_and_nothing_that_acts() {
        assert_eq!(lines(b"one\r\n\ntwo\n\n"), ["one", "", "two"]);
        assert_eq!(lines(b"\xef\xbb\xbfa\tb\n\tc \\o/"), ["a       b", "        c \\o/"]);
        assert_eq!(lines(b"\x1b[2Ja\rb\xff\xc3"), ["\\u{1b}[2Ja\\u{d}b\\xff\\xc3"]);
        assert_eq!(lines("\u{202e}x\u{2028}".as_bytes()), ["\\u{202e}x\\u{2028}"]);
        assert!(lines(b"").is_empty() && lines(b"\n\r\n  \n").is_empty());
    }

    #[test]
    fn too_much_is_cut_and_reported() {
        let (lines, cut) = lines_of(&b"x\n".repeat(limits::GREETING_LINES));
        assert_eq!((lines.len(), cut), (limits::GREETING_LINES, false));
        let (lines, cut) = lines_of(&b"x\n".repeat(limits::GREETING_LINES + 1));
        assert_eq!((lines.len(), cut), (limits::GREETING_LINES, true));
        let (lines, cut) = lines_of("ä".repeat(limits::GREETING_FILE).as_bytes());
        assert!(cut && lines.concat().chars().all(|c| c == 'ä'));
        let line = &filled(&lines, &|_| None)[0];
        assert_eq!(line.len(), limits::GREETING_LINE);
    }

    #[test]
    fn names_in_braces_are_filled_once() {
        let value = |name: &str| match name {
            "user" => Some("ann".to_owned()),
            "evil" => Some("{user}\r\n230 \x1b[2J".to_owned()),
            _ => None,
        };
        let table = [
            ("hello {user}!", "hello ann!"),
            ("{user}{user}", "annann"),
            ("{{user}}", "{ann}"),
            ("{no} {User} { user } {", "{no} {User} { user } {"),
            ("{no{user}", "{noann"),
            ("{evil}", "{user}\\r\\n230 \\u{1b}[2J"),
        ];
        for (line, lines) in table {
            assert_eq!(fill(line, &value), lines);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_the_file_the_bounds_hold(
            bytes in prop::collection::vec(any::<u8>(), 0..6000),
            value in ".{0,40}",
        ) {
            let (lines, _) = lines_of(&bytes);
            let lines = filled(&lines, &|name| (name.len() < 3).then(|| value.clone()));
            prop_assert!(lines.len() <= limits::GREETING_LINES);
            for line in lines {
                prop_assert!(line.len() <= limits::GREETING_LINE);
                prop_assert!(!line.chars().any(is_harmful), "{line:?}");
            }
        }
    }
}
