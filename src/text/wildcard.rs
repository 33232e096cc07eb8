//! Names with wildcards: what is written as pieces, and the one matcher. Who may write which of
//! them is the reader's to say: `LIST` knows no braces and no way to take a meaning away.
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

/// A character of a pattern as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The character.
    pub c: char,
    /// Whether it may have a meaning: no quote and no backslash has taken it away.
    pub is_open: bool,
}

impl Written {
    /// A character that may have a meaning.
    pub fn open(c: char) -> Written {
        Written { c, is_open: true }
    }

    /// A character that stands for itself.
    pub fn literal(c: char) -> Written {
        Written { c, is_open: false }
    }

    fn is(&self, c: char) -> bool {
        self.is_open && self.c == c
    }
}

/// The pieces of a pattern. A `[` that is never closed stands for itself, and several stars in a
/// row are one.
pub fn pieces(written: &[Written]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, after)) = rest.split_first() {
        let (piece, after) = match first {
            first if first.is('*') => (Piece::Many, after),
            first if first.is('?') => (Piece::One, after),
            first if first.is('[') => class(after).unwrap_or((Piece::Char('['), after)),
            first => (Piece::Char(first.c), after),
        };
        if piece != Piece::Many || pieces.last() != Some(&Piece::Many) {
            pieces.push(piece);
        }
        rest = after;
    }
    pieces
}

/// What follows a `[`, and what follows its `]`. A `/` is in no class: it parts names.
fn class(written: &[Written]) -> Option<(Piece, &[Written])> {
    let (except, mut rest) = match written.split_first() {
        Some((first, rest)) if first.is('!') || first.is('^') => (true, rest),
        _ => (false, written),
    };
    let mut ranges = Vec::new();
    loop {
        let (low, after) = rest.split_first()?;
        rest = after;
        // A bracket in the first place is one of the characters.
        if low.is(']') && !ranges.is_empty() {
            return Some((Piece::Of { ranges, except }, rest));
        }
        if low.c == '/' {
            return None;
        }
        let high = match rest {
            [dash, high, after @ ..] if dash.is('-') && !high.is(']') => {
                rest = after;
                high.c
            }
            _ => low.c,
        };
        ranges.push((low.c, high));
    }
}

/// What `{a,b}` in a text stands for, in order; a text without braces stands for itself, and so
/// does a pair of braces without a comma. `None` if it is more than `most`.
pub fn alternatives(written: Vec<Written>, most: usize) -> Option<Vec<Vec<Written>>> {
    let (mut done, mut waiting) = (Vec::new(), vec![(written, 0)]);
    while let Some((text, from)) = waiting.pop() {
        let Some((begin, commas, end)) = braces(&text, from) else {
            done.push(text);
            continue;
        };
        let ends = commas.iter().copied().chain([end]);
        let begins = std::iter::once(begin).chain(commas.iter().copied()).map(|at| at + 1);
        let spans: Vec<(usize, usize)> = begins.zip(ends).collect();
        if done.len() + waiting.len() + spans.len() > most {
            return None;
        }
        for (from, to) in spans.into_iter().rev() {
            let parts = [text.get(..begin), text.get(from..to), text.get(end + 1..)];
            let text = parts.into_iter().flatten().flatten().copied().collect();
            // Within an alternative there may be braces again.
            waiting.push((text, begin));
        }
    }
    Some(done)
}

/// The first pair of braces with a comma from `from` on: where it begins, its commas, its end.
fn braces(text: &[Written], from: usize) -> Option<(usize, Vec<usize>, usize)> {
    // The pairs that are open, with their commas.
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut found: Option<(usize, Vec<usize>, usize)> = None;
    for (at, written) in text.iter().enumerate().skip(from) {
        if written.is('{') {
            open.push((at, Vec::new()));
        } else if written.is(',') {
            if let Some((_, commas)) = open.last_mut() {
                commas.push(at);
            }
        } else if written.is('}') {
            let Some((begin, commas)) = open.pop() else { continue };
            if !commas.is_empty() && found.as_ref().is_none_or(|(first, ..)| begin < *first) {
                found = Some((begin, commas, at));
            }
            if open.is_empty() && found.is_some() {
                break;
            }
        }
    }
    found
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

    fn written(text: &str) -> Vec<Written> {
        let mut chars = text.chars();
        let mut written = Vec::new();
        while let Some(c) = chars.next() {
            written.push(match c {
                '\\' => Written::literal(chars.next().unwrap_or('\\')),
                c => Written::open(c),
            });
        }
        written
    }

    fn expanded(text: &str) -> Option<Vec<String>> {
        let all = alternatives(written(text), 100)?;
        Some(all.into_iter().map(|one| one.iter().map(|written| written.c).collect()).collect())
    }

    #[test]
    fn classes_are_read() {
        let table = [
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]", "d", true),
            ("[^a-c]", "b", false),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("[\\]a]", "]", true),
            ("[a\\-c]", "b", false),
            ("\\[a]", "[a]", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[a/b]", "[a/b]", true),
        ];
        for (pattern, name, want) in table {
            assert_eq!(matches(&super::pieces(&written(pattern)), name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn braces_stand_for_several_texts() {
        let table: &[(&str, &[&str])] = &[
            ("", &[""]),
            ("a", &["a"]),
            ("x{a,b}y", &["xay", "xby"]),
            ("{a,b}{c,d}", &["ac", "ad", "bc", "bd"]),
            ("{a,{b,c}d}", &["a", "bd", "cd"]),
            ("a{,b}", &["a", "ab"]),
            ("{a}", &["{a}"]),
            ("{a}{b,c}", &["{a}b", "{a}c"]),
            ("{{a,b}}", &["{a}", "{b}"]),
            ("{a,b", &["{a,b"]),
            ("a,b}", &["a,b}"]),
            ("{x{a,b}", &["{xa", "{xb"]),
            ("\\{a,b}", &["{a,b}"]),
            ("{a\\,b}", &["{a,b}"]),
        ];
        for (text, wanted) in table {
            assert_eq!(expanded(text).unwrap(), *wanted, "{text}");
        }
        assert_eq!(expanded(&"{a,b}".repeat(7)), None);
        assert_eq!(expanded(&"{a,b}".repeat(6)).unwrap().len(), 64);
    }

    proptest! {
        #[test]
        fn no_braces_are_too_strange(text in "[{},a\\\\]{0,24}") {
            if let Some(all) = alternatives(written(&text), 50) {
                prop_assert!(!all.is_empty() && all.len() <= 50);
            }
        }

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
