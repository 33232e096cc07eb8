//! The secret of a temporary password, `k7mq-8f3h-x2w9-adtq-4bn6`: four characters that say which
//! one it is, and sixteen that are random, 80 bits.
//!
//! The 32 characters are those that can be read aloud and typed without a mistake (Crockford's). A
//! person's `o` is taken for `0`, `i` and `l` for `1`, capitals for small letters, and hyphens and
//! blanks do not count.
//! Never: a secret in a log or in a `Debug`.

use std::fmt;

use zeroize::Zeroizing;

use super::random_bytes;
use crate::error::Result;

const CHARACTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of the prefix, and of each group.
const GROUP: usize = 4;
/// Characters in all, of five bits each.
const ALL: usize = 5 * GROUP;

/// Characters of the table only, without hyphens.
#[derive(Clone)]
pub struct TemporarySecret(Zeroizing<String>);

impl TemporarySecret {
    /// A new one.
    ///
    /// # Errors
    /// As [`random_bytes`].
    pub fn fresh() -> Result<TemporarySecret> {
        let random = Zeroizing::new(random_bytes::<ALL>()?);
        let character = |byte: &u8| CHARACTERS.get(usize::from(byte & 31)).copied();
        Ok(TemporarySecret(Zeroizing::new(
            random.iter().filter_map(character).map(char::from).collect(),
        )))
    }

    /// Reads what somebody typed; `None` for what could be none.
    pub fn parse(typed: &str) -> Option<TemporarySecret> {
        let mut text = Zeroizing::new(String::with_capacity(ALL));
        for byte in typed.bytes().filter(|byte| !b"- ".contains(byte)) {
            let meant = match byte.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            if text.len() == ALL || !CHARACTERS.contains(&meant) {
                return None;
            }
            text.push(char::from(meant));
        }
        (text.len() == ALL).then_some(TemporarySecret(text))
    }

    /// Whether a text is a prefix as [`TemporarySecret::prefix`] gives it.
    pub fn is_prefix(text: &str) -> bool {
        text.len() == GROUP && text.bytes().all(|byte| CHARACTERS.contains(&byte))
    }

    /// The part that is no secret.
    pub fn prefix(&self) -> &str {
        self.0.get(..GROUP).unwrap_or_default()
    }

    /// The whole, as its record is derived from it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The whole as people are shown it.
    pub fn shown(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(ALL + ALL / GROUP));
        for (at, character) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(character);
        }
        shown
    }
}

impl fmt::Debug for TemporarySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TemporarySecret(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fresh_one_is_read_back_however_it_is_typed() {
        let one = TemporarySecret::fresh().unwrap();
        let shown = one.shown();
        assert_eq!(shown.len(), 24, "{shown:?}");
        let (capitals, bare) = (shown.to_ascii_uppercase(), shown.replace('-', ""));
        let slips = shown.replace('0', "O").replace('1', "l");
        for typed in [shown.as_str(), &capitals, &bare, &slips, &shown.replace('-', " ")] {
            let read = TemporarySecret::parse(typed).expect(typed);
            assert_eq!(read.text(), one.text(), "{typed}");
            assert!(TemporarySecret::is_prefix(read.prefix()) && shown.starts_with(read.prefix()));
        }
        assert_ne!(TemporarySecret::fresh().unwrap().text(), one.text());
        assert!(!format!("{one:?}").contains(one.prefix()));
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        for typed in ["", "k7mq", "k7mq-8f3h-x2w9-adtq-4bn", "k7mq-8f3h-x2w9-adtq-4bn6x"] {
            assert!(TemporarySecret::parse(typed).is_none(), "{typed}");
        }
        assert!(TemporarySecret::parse("k7mq_8f3h_x2w9_adtq_4bn6").is_none());
        assert!(TemporarySecret::parse("u7mq-8f3h-x2w9-adtq-4bn6").is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_characters_of_the_table_or_not_at_all(typed in "\\PC{0,40}") {
            if let Some(read) = TemporarySecret::parse(&typed) {
                prop_assert_eq!(read.text().len(), ALL);
                prop_assert!(read.text().bytes().all(|byte| CHARACTERS.contains(&byte)));
            }
        }
    }
}
