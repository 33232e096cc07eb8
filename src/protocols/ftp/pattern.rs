//! Names with wildcards, as LIST and NLST take them, and the flags of `ls` that clients send along.
//!
//! Known are `*`, `?` and `[...]`, in the last name of a path only. Braces are text: what they
//! stand for grows without bound.
//! Both pattern and name are bounded by [`limits::NAME`].

use crate::limits;
use crate::text::wildcard::{Piece, Written, is_wild, matches, pieces};

/// A pattern for one name.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Piece>);

impl Pattern {
    /// Reads a pattern; `None` if the text has no wildcard, or is longer than any name.
    ///
    /// A `[` that is never closed is text. There is no escape: `[*]` is a star.
    pub(super) fn new(text: &str) -> Option<Pattern> {
        if text.len() > limits::NAME || text.contains('/') {
            return None;
        }
        let written: Vec<Written> = text.chars().map(Written::open).collect();
        let parts = pieces(&written);
        is_wild(&parts).then_some(Pattern(parts))
    }

    /// Whether the whole name fits. A dot at its beginning is a character as any other.
    pub(super) fn matches(&self, name: &str) -> bool {
        matches(&self.0, name)
    }
}

/// Splits a path whose last name is a pattern into the folder, empty or ending with `/`, and the
/// pattern. `None` if there is no pattern. A caller looks first whether the path itself exists:
/// names may hold stars and brackets.
pub(super) fn split_pattern(path: &str) -> Option<(&str, Pattern)> {
    let at = path.rfind('/').map_or(0, |slash| slash + 1);
    let (directory, name) = path.split_at(at);
    Some((directory, Pattern::new(name)?))
}

/// Splits what follows LIST or NLST into flags and path, each empty if it is not there: the leading
/// words of a dash and letters or digits, such as `-la` or `-a -1`, are flags, and all that follows
/// one blank is the path. A word `--` ends the flags, and so does what is a path by what `is_there`
/// says, but for what clients send to list a folder: whoever has a file called `-la` there must not
/// keep them from it. That one can be had as `./-la`.
pub(super) fn split_flags<'a>(arg: &'a str, is_there: &dyn Fn(&str) -> bool) -> (&'a str, &'a str) {
    let mut end = 0;
    let mut path = arg;
    loop {
        let (word, after) = path.split_once(' ').unwrap_or((path, ""));
        match word.strip_prefix('-') {
            Some("-") => return (arg.get(..end).unwrap_or_default(), after),
            Some(letters) if is_flags(letters) && (is_usual(letters) || !is_there(path)) => {}
            _ => return (arg.get(..end).unwrap_or_default(), path),
        }
        end = arg.len() - path.len() + word.len();
        path = after;
    }
}

fn is_flags(letters: &str) -> bool {
    !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_usual(letters: &str) -> bool {
    letters.bytes().all(|b| b"1AFLRal".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).expect("a pattern").matches(name)
    }

    #[test]
    fn wildcards_match_whole_names() {
        let table = [
            ("*", "", true),
            ("*", "anything at all", true),
            ("*", ".hidden", true),
            ("*.txt", "a.txt", true),
            ("*.txt", ".txt", true),
            ("*.txt", "a.txt.bak", false),
            ("*.TXT", "a.txt", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "acb", false),
            ("**a**", "bab", true),
            ("a?c", "abc", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("?", "", false),
            ("*?", "", false),
            ("*?", "x", true),
            ("[abc]", "b", true),
            ("[abc]", "d", false),
            ("[abc]", "ab", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[!a]", "", false),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[z-a]", "m", false),
            ("[ä-ü]", "ö", true),
            ("[*]", "*", true),
            ("[*]", "x", false),
            ("*[", "a[", true),
            ("*[a", "x[a", true),
            ("*{a,b}", "x{a,b}", true),
            ("*{a,b}", "xa", false),
            ("*\\", "a\\", true),
            ("x*-y", "x-y-y", true),
        ];
        for (pattern, name, want) in table {
            assert_eq!(is_match(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn a_text_without_wildcards_is_no_pattern() {
        for text in ["", "a.txt", "a[b", "[]", "[!]", "{a,b}", "d*/x", "\\"] {
            assert!(Pattern::new(text).is_none(), "{text}");
        }
        assert!(Pattern::new(&"*".repeat(limits::NAME)).is_some());
        assert!(Pattern::new(&"*".repeat(limits::NAME + 1)).is_none());
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let name = "a".repeat(limits::NAME);
        assert!(!is_match(&format!("{}b", "*a".repeat(100)), &name));
        assert!(!is_match(&format!("{}b", "*".repeat(254)), &name));
        assert!(is_match(&"*?".repeat(127), &name));
        assert!(!is_match(&format!("*{}b", "a".repeat(120)), &name));
        assert!(!is_match(&"*[!a]".repeat(51), &name));
    }

    #[test]
    fn only_the_last_name_of_a_path_is_a_pattern() {
        let directory = |path| split_pattern(path).map(|(directory, _)| directory);
        let table = [
            ("*.txt", Some("")),
            ("d/*.txt", Some("d/")),
            ("/*", Some("/")),
            ("d*/e?", Some("d*/")),
            ("d*/e", None),
            ("d/", None),
            ("", None),
            ("a.txt", None),
        ];
        for (path, want) in table {
            assert_eq!(directory(path), want, "{path}");
        }
    }

    #[test]
    fn flags_are_reported_from_paths() {
        let table = [
            ("", ("", "")),
            ("a b", ("", "a b")),
            ("-la", ("-la", "")),
            ("-la ", ("-la", "")),
            ("-la path", ("-la", "path")),
            ("-l -a1 a b ", ("-l -a1", "a b ")),
            ("-la  a", ("-la", " a")),
            ("./-x", ("", "./-x")),
            ("-", ("", "-")),
            ("--", ("", "")),
            ("-l -- -x", ("-l", "-x")),
            ("-l --x", ("-l", "--x")),
            ("-2024-report.txt", ("", "-2024-report.txt")),
            ("-ü", ("", "-ü")),
            ("a -l", ("", "a -l")),
        ];
        for (arg, want) in table {
            assert_eq!(split_flags(arg, &|_| false), want, "{arg:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_read(text in "[\\[\\]!^*?\\-a\\PC]{0,40}", name in "\\PC{0,40}") {
            if let Some(pattern) = Pattern::new(&text) {
                pattern.matches(&name);
            }
            let (flags, path) = split_flags(&text, &|_| false);
            prop_assert!(flags.len() + path.len() <= text.len() && text.ends_with(path));
            split_pattern(&text);
        }
    }
}
