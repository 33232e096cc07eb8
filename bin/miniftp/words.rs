//! A line as words: quotes, backslashes, and which stars are meant as wildcards.
//!
//! `'..'` takes everything as it is; `".."` too, except `\"` and `\\`; elsewhere a backslash takes
//! the next character as it is. Wildcards count only outside quotes.

use std::ffi::{OsStr, OsString};

use miniftp::text::wildcard::Piece;

use crate::failure::Failure;
use crate::glob::Pattern;

/// One word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShellWord {
    /// The word without its quotes. Only the program's own arguments can be other than UTF-8.
    pub(crate) text: OsString,
    /// What it matches, if it holds a wildcard.
    pub(crate) pattern: Option<Pattern>,
    /// Whether it began with a quote or a backslash: such a word is never an option.
    pub(crate) quoted: bool,
    /// Whether it was a URL, of which this is the path.
    pub(crate) is_url: bool,
}

impl ShellWord {
    /// A word that stands for itself.
    pub(crate) fn plain(text: impl Into<OsString>) -> ShellWord {
        ShellWord { text: text.into(), pattern: None, quoted: false, is_url: false }
    }

    /// The word as a path on the server, which are always UTF-8.
    pub(crate) fn remote(&self) -> Result<&str, Failure> {
        remote_name(&self.text)
    }
}

/// A name as the server can have it.
pub(crate) fn remote_name(name: &OsStr) -> Result<&str, Failure> {
    name.to_str().ok_or_else(|| {
        let shown = miniftp::text::escape_bytes(name.as_encoded_bytes());
        Failure::Said(format!(
            "`{shown}` is not UTF-8 and cannot be a name on the server; give it another name"
        ))
    })
}

/// Where the splitter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SplitState {
    /// Outside quotes.
    Open,
    /// Between `'` and `'`.
    Single,
    /// Between `"` and `"`.
    Double,
}

/// A word that is being read.
#[derive(Default)]
struct PartialWord {
    text: String,
    tokens: Vec<Piece>,
    wild: bool,
    begun: bool,
    quoted: bool,
}

impl PartialWord {
    fn begin(&mut self, quoted: bool) {
        if !self.begun {
            self.begun = true;
            self.quoted = quoted;
        }
    }

    fn literal(&mut self, c: char) {
        self.text.push(c);
        self.tokens.push(Piece::Char(c));
    }

    fn open(&mut self, c: char) {
        self.text.push(c);
        let piece = match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            c => Piece::Char(c),
        };
        self.wild |= !matches!(piece, Piece::Char(_));
        self.tokens.push(piece);
    }

    fn finish(&mut self, words: &mut Vec<ShellWord>) {
        let done = std::mem::take(self);
        if done.begun {
            let pattern = done.wild.then(|| Pattern::new(done.tokens));
            words.push(ShellWord {
                text: done.text.into(),
                pattern,
                quoted: done.quoted,
                is_url: false,
            });
        }
    }
}

/// Splits a line into words. A quote that is not closed is refused; so is a backslash at the end.
pub(crate) fn split(line: &str) -> Result<Vec<ShellWord>, Failure> {
    let mut words = Vec::new();
    let mut word = PartialWord::default();
    let mut at = SplitState::Open;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (at, c) {
            (SplitState::Open, c) if c.is_whitespace() => word.finish(&mut words),
            (SplitState::Open, '\'' | '"') => {
                word.begin(true);
                at = if c == '"' { SplitState::Double } else { SplitState::Single };
            }
            (SplitState::Single, '\'') | (SplitState::Double, '"') => at = SplitState::Open,
            (SplitState::Open, '\\') => {
                word.begin(true);
                let next = chars.next().ok_or_else(|| {
                    Failure::Usage(
                        "nothing follows the `\\` at the end; write `\\\\` for one".into(),
                    )
                })?;
                word.literal(next);
            }
            (SplitState::Double, '\\') if matches!(chars.peek(), Some('"' | '\\')) => {
                word.literal(chars.next().unwrap_or('\\'));
            }
            (SplitState::Open, c) => {
                word.begin(false);
                word.open(c);
            }
            (_, c) => word.literal(c),
        }
    }
    match at {
        SplitState::Open => {
            word.finish(&mut words);
            Ok(words)
        }
        SplitState::Single => Err(Failure::Usage("the quote `'` is not closed".into())),
        SplitState::Double => Err(Failure::Usage("the quote `\"` is not closed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|w| w.text.into_string().unwrap()).collect()
    }

    #[test]
    fn lines_become_words() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("put a b", &["put", "a", "b"]),
            ("  put   a ", &["put", "a"]),
            ("put 'a b' c", &["put", "a b", "c"]),
            (r#"put "a b""c d" e"#, &["put", "a bc d", "e"]),
            (r"put a\ b", &["put", "a b"]),
            (r#"put "say \"hi\" \n \\""#, &["put", r#"say "hi" \n \"#]),
            (r"put 'a\b'", &["put", r"a\b"]),
            ("cd ''", &["cd", ""]),
            (r"rm \'x\'", &["rm", "'x'"]),
            ("get ümläut 名", &["get", "ümläut", "名"]),
            ("put it's 'ok", &["put", "its ok"]),
        ];
        for (line, words) in table {
            assert_eq!(&texts(line), words, "{line}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for line in ["put 'a", "put \"a", "put a\\", "put \"a\\\""] {
            assert!(matches!(split(line), Err(Failure::Usage(_))), "{line}");
        }
    }

    #[test]
    fn wildcards_count_only_outside_quotes() {
        let table = [
            ("*.txt", true),
            ("a?", true),
            ("'*'", false),
            ("\"a?\"", false),
            (r"\*", false),
            ("'a b'*", true),
        ];
        for (line, wild) in table {
            let words = split(line).unwrap();
            assert_eq!(words[0].pattern.is_some(), wild, "{line}");
        }
    }

    #[test]
    fn a_quoted_dash_is_marked() {
        assert!(split("'-r'").unwrap()[0].quoted);
        assert!(split(r"\-r").unwrap()[0].quoted);
        assert!(!split("-'r'").unwrap()[0].quoted);
    }
}
