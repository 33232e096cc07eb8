//! Wildcards in paths, here and on the server.
//!
//! Never: crosses a `/`, shows names with a leading dot to a pattern without one, takes more than
//! names times pattern steps.

use miniftp::limits;
use miniftp::text::wildcard::{Piece, Written, is_wild, matches, pieces};
use miniftp::text::{Escaped, is_harmful};

use crate::failure::{CommandResult, EXIT_FAILED, Failure};
use crate::screen::Screen;

/// Names that one pattern may become.
const MATCHES_MOST: usize = 100_000;
/// Bytes of their paths.
const MATCHES_BYTES: usize = 32 << 20;

/// A path in which names may hold wildcards, or several of them that braces stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Vec<Piece>>);

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameInDir<'a> {
    /// Escaped, where it is odd.
    pub(crate) name: &'a str,
    pub(crate) is_directory: bool,
    /// Whether it is no text, so that nothing can be done with it under this name.
    pub(crate) is_odd: bool,
}

/// Whoever is given the names in a folder, one by one.
pub(crate) type Each<'a> = dyn FnMut(NameInDir<'_>) -> CommandResult + 'a;

/// What a pattern has become.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Sorted.
    paths: Vec<String>,
    /// What matches too, and cannot be written as a path; escaped.
    left_out: Vec<String>,
}

impl Matches {
    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.left_out.is_empty()
    }

    /// The paths. What is left out is named, and makes the command a failure in the end; so does a
    /// pattern, `text`, that matches nothing.
    pub(crate) fn named(self, text: &str, screen: &mut Screen) -> Result<Vec<String>, Failure> {
        for name in &self.left_out {
            screen.leave_out(name);
        }
        match (self.paths.is_empty(), self.left_out.is_empty()) {
            (true, true) => Err(nothing(text)),
            (true, false) => Err(Failure::Reported(EXIT_FAILED)),
            _ => Ok(self.paths),
        }
    }
}

impl Pattern {
    /// The pattern that is written there, in one of several ways; `None` if each is only a name.
    pub(crate) fn of(alternatives: &[Vec<Written>]) -> Option<Pattern> {
        let all: Vec<Vec<Piece>> = alternatives.iter().map(|written| pieces(written)).collect();
        all.iter().any(|pieces| is_wild(pieces)).then_some(Pattern(all))
    }

    /// Puts a path in the place of the first character.
    pub(crate) fn begin_with(&mut self, path: &str) {
        for pieces in &mut self.0 {
            let start = pieces.len().min(1);
            pieces.splice(..start, path.chars().map(Piece::Char));
        }
    }

    /// Whether a name is meant, wherever it is.
    pub(crate) fn is_meant(&self, name: &str) -> bool {
        self.0.iter().any(|pieces| is_meant(pieces, name))
    }

    /// The paths that match, sorted, and names that were written without wildcards. `list` gives
    /// what a folder holds; `""` is the current one. Names that do not match are not kept.
    pub(crate) fn expand(
        &self,
        list: &mut dyn FnMut(&str, &mut Each<'_>) -> CommandResult,
    ) -> Result<Matches, Failure> {
        let mut all = Matches::default();
        for pieces in &self.0 {
            if !is_wild(pieces) {
                all.paths.push(literal(pieces));
                continue;
            }
            let found = expand(pieces, list)?;
            all.paths.extend(found.paths);
            all.left_out.extend(found.left_out);
            if all.paths.len() > MATCHES_MOST {
                return Err(too_many());
            }
        }
        all.paths.sort_unstable();
        all.paths.dedup();
        Ok(all)
    }
}

/// The paths that match one pattern.
fn expand(
    pieces: &[Piece],
    list: &mut dyn FnMut(&str, &mut Each<'_>) -> CommandResult,
) -> Result<Matches, Failure> {
    let mut parts: Vec<&[Piece]> = pieces.split(|t| *t == Piece::Char('/')).collect();
    while parts.len() > 1 && parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    let wild = parts.iter().position(|p| is_wild(p)).unwrap_or(parts.len());
    let (fixed, open) = parts.split_at(wild);
    let mut left_out = Vec::new();
    let mut bases = vec![fixed.iter().map(|p| literal(p) + "/").collect::<String>()];
    for (i, part) in open.iter().enumerate() {
        let (mut next, mut bytes, mut is_full) = (Vec::new(), 0, false);
        let is_last = i + 1 == open.len();
        for base in &bases {
            let listed = list(base, &mut |NameInDir { name, is_directory, is_odd }| {
                if is_step(name) || !is_meant(part, name) || !(is_last || is_directory) {
                    return Ok(());
                }
                bytes += base.len() + name.len();
                if is_odd {
                    left_out.push(format!("{}{name}", Escaped(base)));
                } else if !is_usable(name) {
                    left_out.push(Escaped(&format!("{base}{name}")).to_string());
                } else {
                    let end = if is_last { "" } else { "/" };
                    next.push(format!("{base}{name}{end}"));
                }
                let count = next.len() + left_out.len();
                is_full = count > MATCHES_MOST || bytes > MATCHES_BYTES;
                if is_full { Err(too_many()) } else { Ok(()) }
            });
            // A folder that only the pattern names may be one that nobody may look into.
            match listed {
                Err(failure) if i > 0 && failure.is_about_one() && !is_full => {}
                listed => listed?,
            }
        }
        bases = next;
    }
    Ok(Matches { paths: bases, left_out })
}

/// What `text` matches where only one can stand.
pub(crate) fn one_of<T>(mut found: Vec<T>, text: &str) -> Result<T, Failure> {
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(nothing(text)),
        (Some(_), more) => {
            let (text, count) = (Escaped(text), more + 1);
            Err(Failure::Said(format!("`{text}` matches {count} names, and only one can be meant")))
        }
    }
}

/// The failure of a pattern that matches nothing.
fn nothing(text: &str) -> Failure {
    Failure::Said(format!(
        "nothing matches `{}`; a backslash before `*`, `?`, `[` or `{{` takes its meaning away",
        Escaped(text)
    ))
}

fn too_many() -> Failure {
    let most = MATCHES_BYTES >> 20;
    Failure::Said(format!(
        "the pattern matches more than {MATCHES_MOST} names or {most} MiB of them; use -r on the \
         folder"
    ))
}

fn literal(part: &[Piece]) -> String {
    part.iter().filter_map(|t| if let Piece::Char(c) = t { Some(*c) } else { None }).collect()
}

/// What is no name, but a step to another folder.
fn is_step(name: &str) -> bool {
    matches!(name, "" | "." | "..")
}

/// Names come from a server: one that is no single name must not become a path here.
fn is_usable(name: &str) -> bool {
    name.len() <= limits::NAME && !name.contains('/') && !name.chars().any(is_harmful)
}

/// Whether a name is meant by a pattern: one that begins with a dot is hidden from patterns that do
/// not.
fn is_meant(pieces: &[Piece], name: &str) -> bool {
    let is_hidden = name.starts_with('.') && pieces.first() != Some(&Piece::Char('.'));
    !is_hidden && matches(pieces, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Vec<Piece> {
        pieces(&text.chars().map(Written::open).collect::<Vec<_>>())
    }

    #[test]
    fn names_match_or_not() {
        let table = [
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt2", false),
            ("*.txt", ".txt", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "名", true),
            ("??", "a", false),
            ("a**", "a", true),
            ("", "", true),
        ];
        for (text, name, expected) in table {
            assert_eq!(is_meant(&pattern(text), name), expected, "{text} {name}");
        }
    }

    #[test]
    fn paths_are_expanded_directory_by_directory() {
        let mut list = |directory: &str, each: &mut Each<'_>| {
            let names: &[(&str, bool)] = match directory {
                "" => &[("b", true), ("a", true), ("c.txt", false)],
                "a/" => &[("x.txt", false), ("y.md", false)],
                "b/" => &[("x.txt", false), ("an/evil", false), ("..", true)],
                "/d/" => &[("q", false), ("odd", false)],
                other => panic!("{other}"),
            };
            names.iter().try_for_each(|(name, is_directory)| {
                each(NameInDir { name, is_directory: *is_directory, is_odd: *name == "odd" })
            })
        };
        let mut matched = |text: &str| Pattern(vec![pattern(text)]).expand(&mut list).unwrap();
        assert_eq!(matched("/d/o*").left_out, ["/d/odd"]);
        assert_eq!(matched("b/*").left_out, ["b/an/evil"]);
        assert_eq!(matched("*/x*").left_out, [""; 0]);
        let mut expand = |text: &str| matched(text).paths;
        assert_eq!(expand("*"), ["a", "b", "c.txt"]);
        assert_eq!(expand("*/x*"), ["a/x.txt", "b/x.txt"]);
        assert_eq!(expand("b/*"), ["b/x.txt"]);
        assert_eq!(expand("/d/?"), ["/d/q"]);
        assert!(expand("z*").is_empty());
    }
}
