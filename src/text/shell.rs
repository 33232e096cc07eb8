//! A word as a shell of POSIX reads it, for lines that are copied into one.

/// The word in quotes where it needs them. It is never an expansion, a pattern, a comment or the
/// end of a command.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:@_".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_change_it() {
        for (word, quoted) in [
            ("a-b.c/d@e:1", "a-b.c/d@e:1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $HOME", "'it'\\''s $HOME'"),
            ("~", "'~'"),
            ("a=b", "'a=b'"),
            ("ü", "'ü'"),
            ("!", "'!'"),
        ] {
            assert_eq!(shell_quoted(word), quoted);
        }
    }
}
