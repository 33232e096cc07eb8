//! The one matcher of names with wildcards. Who may write which wildcards is the reader's to say:
//! `LIST` knows more of them than the client's shell.
//!
//! Written here because the crates for it read patterns too, each in a language of its own, and
//! match bytes or whole paths.
//! Never: recurses. A match takes at most as many steps as the pattern's length times the name's,
//! and no memory.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `*`: any characters or none.
    Many,
    /// `?`: one character.
    One,
    /// That character.
    Char(char),
    /// `[...]`: one character of these ranges, or with `[!...]` and `[^...]` of no such range.
    Of {
        /// First and last character of each.
        ranges: Vec<(char, char)>,
        /// Whether it is a character of no such range.
        except: bool,
    },
}

impl Piece {
    fn fits(&self, c: char) -> bool {
        match self {
            Piece::Many => false,
            Piece::One => true,
            Piece::Char(own) => *own == c,
            Piece::Of { ranges, except } => {
                ranges.iter().any(|(low, high)| (low..=high).contains(&&c)) != *except
            }
        }
    }
}

/// Whether a pattern is more than a name.
pub fn is_wild(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| !matches!(piece, Piece::Char(_)))
}

/// Whether the whole name fits. A dot at its beginning is a character as any other.
pub fn matches(pieces: &[Piece], name: &str) -> bool {
    let mut rest = name.chars();
    let mut at = 0;
    // Where to go on after the last star, and what it has not swallowed yet: only the last star's
    // share ever needs to be tried again.
    let mut retry = None;
    loop {
        let mut tail = rest.clone();
        let next = tail.next();
        match (pieces.get(at), next) {
            (None, None) => return true,
            (Some(Piece::Many), _) => {
                at += 1;
                retry = Some((at, rest.clone()));
            }
            (Some(piece), Some(c)) if piece.fits(c) => {
                at += 1;
                rest = tail;
            }
            _ => {
                let Some((after_star, share)) = &mut retry else { return false };
                if share.next().is_none() {
                    return false;
                }
                (at, rest) = (*after_star, share.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        let piece = |c| match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            '#' => Piece::Of { ranges: vec![('0', '9')], except: false },
            '~' => Piece::Of { ranges: vec![('0', '9')], except: true },
            c => Piece::Char(c),
        };
        text.chars().map(piece).collect()
    }

    #[test]
    fn whole_names_match() {
        let table = [
            ("*", "", true),
            ("*", "anything at all", true),
            ("*", ".hidden", true),
            ("*.txt", ".txt", true),
            ("*.txt", "a.txt.bak", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "acb", false),
            ("**a**", "bab", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("?", "", false),
            ("*?", "x", true),
            ("x*-y", "x-y-y", true),
            ("#", "7", true),
            ("#", "x", false),
            ("~", "7", false),
            ("~", "", false),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, name, want) in table {
            assert_eq!(matches(&pieces(pattern), name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let name = "a".repeat(2000);
        assert!(!matches(&pieces(&format!("{}b", "*a".repeat(2000))), &name));
        assert!(matches(&pieces(&"*?".repeat(2000)), &name));
    }

    /// The definition: a table of which beginnings of the pattern fit which of the name.
    fn by_table(pieces: &[Piece], name: &[char]) -> bool {
        let mut reached = vec![vec![false; name.len() + 1]; pieces.len() + 1];
        reached[0][0] = true;
        for (i, piece) in pieces.iter().enumerate() {
            for j in 0..=name.len() {
                let before = reached[i][j];
                match piece {
                    Piece::Many => {
                        reached[i + 1][j] |= before || (j > 0 && reached[i + 1][j - 1]);
                    }
                    piece if before && j < name.len() && piece.fits(name[j]) => {
                        reached[i + 1][j + 1] = true;
                    }
                    _ => {}
                }
            }
        }
        reached[pieces.len()][name.len()]
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_plain_definition(
            pattern in "[ab1*?#~ü]{0,9}", name in "[ab1ü]{0,9}"
        ) {
            let pieces = pieces(&pattern);
            let chars: Vec<char> = name.chars().collect();
            prop_assert_eq!(matches(&pieces, &name), by_table(&pieces, &chars));
        }
    }
}
