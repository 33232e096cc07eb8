//! A line as words: what an admin command is written in, wherever it is typed.
//!
//! A quote counts where a word begins, and right after the first `=` in it: `'..'` takes everything
//! as it is, `".."` too, except `\"` and `\\`. Everywhere else quotes and backslashes are letters,
//! so that a reason may hold an apostrophe.

use std::fmt::Write;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes.
    pub text: String,
    /// Whether it begins with a quote: such a word is never an option.
    pub is_quoted: bool,
    /// Whether the line has it as it is, without any quotes.
    pub is_plain: bool,
    /// Where in the line it begins.
    pub at: usize,
}

/// Splits a line into words. A quote that nothing closes is a letter like others.
pub fn split(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(begin) = line.get(at..).and_then(|rest| rest.find(|c: char| !c.is_whitespace()))
    {
        at += begin;
        let (word, length) = first_word(line.get(at..).unwrap_or_default());
        words.push(Word { at, ..word });
        at += length;
    }
    words
}

/// The word at the beginning of a text, and the bytes that it takes there.
fn first_word(line: &str) -> (Word, usize) {
    let mut word = Word { text: String::new(), is_quoted: false, is_plain: true, at: 0 };
    let mut at = 0;
    // Whether a quote would count here.
    let mut opens = true;
    while let Some(c) = line.get(at..).and_then(|rest| rest.chars().next()) {
        if c.is_whitespace() {
            break;
        }
        let inside = (opens && matches!(c, '"' | '\'')).then(|| in_quotes(&line[at + 1..], c));
        match inside.flatten() {
            Some((inside, length)) => {
                word.is_quoted |= at == 0;
                word.is_plain = false;
                word.text += &inside;
                at += length + 1;
                opens = false;
            }
            None => {
                opens = c == '=' && word.is_plain && !word.text.contains('=');
                word.text.push(c);
                at += c.len_utf8();
            }
        }
    }
    (word, at)
}

/// What is in front of a closing quote, and the bytes up to behind it; `None` if none closes.
fn in_quotes(rest: &str, quote: char) -> Option<(String, usize)> {
    let (mut text, mut is_escaped) = (String::new(), false);
    for (at, c) in rest.char_indices() {
        match c {
            '"' | '\\' if is_escaped => {
                text.pop();
                text.push(c);
                is_escaped = false;
            }
            c if c == quote => return Some((text, at + 1)),
            c => {
                text.push(c);
                is_escaped = c == '\\' && quote == '"';
            }
        }
    }
    None
}

/// One word for a line, in quotes where it needs them, so that [`split`] gives it back; an option
/// stays one. With `is_quoted` it is none, however it begins.
pub fn quote(word: &str, is_quoted: bool) -> String {
    let is_safe = |text: &str| {
        !text.is_empty() && !text.starts_with(['"', '\'']) && !text.contains(char::is_whitespace)
    };
    if is_quoted {
        return in_double_quotes("", word);
    }
    match word.split_once('=') {
        Some((name, value)) if is_safe(name) => {
            if value.is_empty() || is_safe(value) {
                return word.to_owned();
            }
            in_double_quotes(&format!("{name}="), value)
        }
        None if is_safe(word) => word.to_owned(),
        _ => in_double_quotes("", word),
    }
}

fn in_double_quotes(before: &str, text: &str) -> String {
    let mut out = format!("{before}\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        // Writing to a text cannot fail.
        let _ = out.write_char(c);
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_count_where_a_word_or_a_value_begins() {
        for (line, words) in [
            ("", &[][..]),
            ("  list  ", &["list"]),
            ("reject 2 \"not in this class\"", &["reject", "2", "not in this class"]),
            ("reject 2 it's late", &["reject", "2", "it's", "late"]),
            ("drop-part ann '/a \"b\"'", &["drop-part", "ann", "/a \"b\""]),
            ("add ann remark=\"row 3\" --quota=5M", &["add", "ann", "remark=row 3", "--quota=5M"]),
            (r#"x "say \"hi\" \\ \n""#, &["x", r#"say "hi" \ \n"#]),
            (r"why ann a\b", &["why", "ann", r"a\b"]),
            ("x \"open", &["x", "\"open"]),
            // Words that were quoted and did not come back.
            (r#"\==" """#, &[r#"\==""#, ""]),
            ("x '' y", &["x", "", "y"]),
        ] {
            assert_eq!(texts(line), words, "{line}");
        }
        assert!(split("'--json'")[0].is_quoted);
        assert!(!split("remark='--json'")[0].is_quoted);
    }

    proptest! {
        #[test]
        fn words_come_back_from_a_line(
            words in proptest::collection::vec("[-a='\" \\\\b]{0,6}", 0..5), quoted: bool,
        ) {
            let line: Vec<String> = words.iter().map(|word| quote(word, quoted)).collect();
            prop_assert_eq!(texts(&line.join(" ")), words);
        }

        #[test]
        fn no_line_is_too_strange(line in ".{0,40}") {
            split(&line);
        }
    }
}
