//! A line as words: quotes, backslashes, and which characters are meant as wildcards.
//!
//! `'..'` takes everything as it is; `".."` too, except `\"` and `\\`; elsewhere a backslash takes
//! the next character as it is. Wildcards and braces count only outside quotes. An argument of the
//! program has been through a shell: in it a backslash takes only their meaning away, and is a
//! character as any other elsewhere.

use std::ffi::{OsStr, OsString};

use miniftp::text::wildcard::{Written, alternatives};

use crate::failure::Failure;
use crate::glob::Pattern;

/// Words that braces may become.
const ALTERNATIVES_MOST: usize = 1000;
/// What begins a command of the system's shell.
pub(crate) const ESCAPE: &str = "!";

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
    written: Vec<Written>,
    /// Where it began in the line, and whether with a quote or a backslash.
    begun: Option<(usize, bool)>,
    /// Whether it ends in a backslash that nothing follows.
    is_cut: bool,
}

impl PartialWord {
    fn begin(&mut self, at: usize, quoted: bool) {
        self.begun.get_or_insert((at, quoted));
    }

    fn literal(&mut self, c: char) {
        self.written.push(Written::literal(c));
    }

    fn finish(&mut self, words: &mut Vec<ShellWord>) -> Result<(), Failure> {
        let done = std::mem::take(self);
        if let Some((_, quoted)) = done.begun {
            words.extend(words_of(done.written, quoted)?);
        }
        Ok(())
    }
}

/// The words that a word with braces stands for; one if there are wildcards in it, which stands for
/// whatever they find.
pub(crate) fn words_of(written: Vec<Written>, quoted: bool) -> Result<Vec<ShellWord>, Failure> {
    let text: String = written.iter().map(|written| written.c).collect();
    let all = alternatives(written, ALTERNATIVES_MOST).ok_or_else(|| {
        Failure::Usage(format!(
            "the braces stand for more than {ALTERNATIVES_MOST} names; write them in quotes if \
             they are part of one"
        ))
    })?;
    let text_of = |written: &[Written]| written.iter().map(|one| one.c).collect::<String>();
    if let Some(pattern) = Pattern::of(&all) {
        let text = text.into();
        return Ok(vec![ShellWord { text, pattern: Some(pattern), quoted, is_url: false }]);
    }
    let word = |written: Vec<Written>| ShellWord { quoted, ..ShellWord::plain(text_of(&written)) };
    Ok(all.into_iter().map(word).collect())
}

/// What an argument of the program stands for as an operand. One that is not UTF-8 stands for
/// itself.
pub(crate) fn of_argument(argument: &OsStr) -> Result<Vec<ShellWord>, Failure> {
    let Some(text) = argument.to_str() else { return Ok(vec![ShellWord::plain(argument)]) };
    let mut written = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.next_if(|next| c == '\\' && "*?[]{},\\".contains(*next));
        written.push(escaped.map_or(Written::open(c), Written::literal));
    }
    words_of(written, false)
}

/// A line up to where it breaks off: its words, and the one that is not finished.
pub(crate) struct BeginningOfLine {
    pub(crate) words: Vec<ShellWord>,
    /// What the last word is so far; empty behind a blank.
    pub(crate) last: String,
    /// Where it begins in the line.
    pub(crate) at: usize,
    /// The quote that it began with, and that is still open.
    pub(crate) quote: Option<char>,
    /// Whether it began with a quote or a backslash: such a word is never an option.
    pub(crate) is_quoted: bool,
}

/// Reads a line that is being typed.
pub(crate) fn beginning(line: &str) -> Result<BeginningOfLine, Failure> {
    let (mut words, word, state) = read(line)?;
    if line.starts_with(ESCAPE) {
        words = vec![ShellWord::plain(ESCAPE)];
    }
    let quote = match state {
        SplitState::Open => None,
        SplitState::Single => Some('\''),
        SplitState::Double => Some('"'),
    };
    let at = word.begun.map_or(line.len(), |(at, _)| at);
    let last = word.written.iter().map(|written| written.c).collect();
    let is_quoted = word.begun.is_some_and(|(_, quoted)| quoted);
    Ok(BeginningOfLine { words, last, at, quote, is_quoted })
}

/// A word so that [`split`] gives it back, in this quote if it began with one.
pub(crate) fn quoted(word: &str, quote: Option<char>) -> String {
    match quote {
        Some('\'') if !word.contains('\'') => format!("'{word}'"),
        Some(_) => format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")),
        None => {
            let mut out = String::with_capacity(word.len());
            for (at, c) in word.chars().enumerate() {
                let begins = at == 0 && "-#!".contains(c);
                if begins || c.is_whitespace() || "*?[]{},\\'\"".contains(c) {
                    out.push('\\');
                }
                out.push(c);
            }
            out
        }
    }
}

/// Splits a line into words. A quote that is not closed is refused; so is a backslash at the end.
/// What follows a `!` at the beginning is one word, whatever it holds.
pub(crate) fn split(line: &str) -> Result<Vec<ShellWord>, Failure> {
    if let Some(command) = line.trim_start().strip_prefix(ESCAPE) {
        let command = Some(command.trim()).filter(|command| !command.is_empty());
        return Ok([ESCAPE].into_iter().chain(command).map(ShellWord::plain).collect());
    }
    let (mut words, mut word, state) = read(line)?;
    match state {
        SplitState::Open if word.is_cut => {
            Err(Failure::Usage("nothing follows the `\\` at the end; write `\\\\` for one".into()))
        }
        SplitState::Open => {
            word.finish(&mut words)?;
            Ok(words)
        }
        SplitState::Single => Err(Failure::Usage("the quote `'` is not closed".into())),
        SplitState::Double => Err(Failure::Usage("the quote `\"` is not closed".into())),
    }
}

/// The words of a line, the one that it ends in, and how it ends.
fn read(line: &str) -> Result<(Vec<ShellWord>, PartialWord, SplitState), Failure> {
    let mut words = Vec::new();
    let mut word = PartialWord::default();
    let mut state = SplitState::Open;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (state, c) {
            (SplitState::Open, c) if c.is_whitespace() => word.finish(&mut words)?,
            (SplitState::Open, '\'' | '"') => {
                word.begin(at, true);
                state = if c == '"' { SplitState::Double } else { SplitState::Single };
            }
            (SplitState::Single, '\'') | (SplitState::Double, '"') => state = SplitState::Open,
            (SplitState::Open, '\\') => {
                word.begin(at, true);
                match chars.next() {
                    Some((_, next)) => word.literal(next),
                    None => word.is_cut = true,
                }
            }
            (SplitState::Double, '\\') if matches!(chars.peek(), Some((_, '"' | '\\'))) => {
                word.literal(chars.next().map_or('\\', |(_, next)| next));
            }
            (SplitState::Open, c) => {
                word.begin(at, false);
                word.written.push(Written::open(c));
            }
            (_, c) => word.literal(c),
        }
    }
    Ok((words, word, state))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            ("[a-z]", true),
            (r"\[a-z]", false),
            ("'[a-z]'", false),
            ("[a", false),
        ];
        for (line, wild) in table {
            let words = split(line).unwrap();
            assert_eq!(words[0].pattern.is_some(), wild, "{line}");
        }
    }

    #[test]
    fn braces_become_words_outside_quotes() {
        let table: &[(&str, &[&str])] = &[
            ("put {a,b}.txt c", &["put", "a.txt", "b.txt", "c"]),
            ("put '{a,b}'", &["put", "{a,b}"]),
            ("put {'a b',c}", &["put", "a b", "c"]),
            ("put {a,b}*", &["put", "{a,b}*"]),
            (r"put \{a,b}", &["put", "{a,b}"]),
            ("! ls {a,b} 'x", &["!", "ls {a,b} 'x"]),
            ("!", &["!"]),
        ];
        for (line, words) in table {
            assert_eq!(&texts(line), words, "{line}");
        }
        assert!(split(&format!("put {}", "{a,b}".repeat(10))).is_err());
    }

    #[test]
    fn an_argument_s_backslash_takes_only_meanings_away() {
        let table: &[(&str, &[&str], bool)] = &[
            ("a*", &["a*"], true),
            (r"a\*", &["a*"], false),
            (r"a\b", &[r"a\b"], false),
            (r"a\\b", &[r"a\b"], false),
            (r"\[x]", &["[x]"], false),
            ("{a,b}c", &["ac", "bc"], false),
            (r"\{a,b}", &["{a,b}"], false),
            ("a b", &["a b"], false),
            ("'a'", &["'a'"], false),
        ];
        for (argument, texts, wild) in table {
            let words = of_argument(OsStr::new(argument)).unwrap();
            let found: Vec<_> = words.iter().map(|word| word.remote().unwrap()).collect();
            assert_eq!(found, *texts, "{argument}");
            assert_eq!(words[0].pattern.is_some(), *wild, "{argument}");
        }
    }

    #[test]
    fn a_line_is_read_as_far_as_it_goes() {
        let table = [
            ("", 0, "", 0, None),
            ("put a", 1, "a", 4, None),
            ("put a ", 2, "", 6, None),
            ("put 'a b", 1, "a b", 4, Some('\'')),
            ("put \"a", 1, "a", 4, Some('"')),
            (r"put a\ b", 1, "a b", 4, None),
            ("put x\\", 1, "x", 4, None),
        ];
        for (line, count, last, at, quote) in table {
            let read = beginning(line).unwrap();
            let found = (read.words.len(), read.last.as_str(), read.at, read.quote);
            assert_eq!(found, (count, last, at, quote), "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_word_comes_back(
            word in "[-a-c '\"\\\\*?\\[\\]{},#!ü]{1,12}", quote in prop_oneof![
                Just(None), Just(Some('\'')), Just(Some('"'))
            ]
        ) {
            let words = split(&format!("put {}", quoted(&word, quote))).unwrap();
            prop_assert_eq!(words.len(), 2);
            prop_assert_eq!(words[1].remote().unwrap(), word.as_str());
            prop_assert!(words[1].pattern.is_none());
        }

        #[test]
        fn no_line_is_too_strange(line in ".{0,40}") {
            let _ = (split(&line), beginning(&line), of_argument(OsStr::new(&line)));
        }
    }

    #[test]
    fn a_quoted_dash_is_marked() {
        assert!(split("'-r'").unwrap()[0].quoted);
        assert!(split(r"\-r").unwrap()[0].quoted);
        assert!(!split("-'r'").unwrap()[0].quoted);
    }
}
