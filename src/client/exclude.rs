//! What a comparison or a mirror leaves out.

use crate::text::wildcard::{Piece, matches};

/// Names that are left out.
#[derive(Clone, Debug, Default)]
pub struct Excluded(Vec<Exclusion>);

#[derive(Clone, Debug)]
struct Exclusion {
    pieces: Vec<Piece>,
    /// Whether it is about the path below the folder that is compared, and not about a name.
    is_path: bool,
    only_directories: bool,
}

impl Excluded {
    /// Leaves out what fits a pattern: a name anywhere, or a path from the top if a `/` is in it;
    /// with a `/` at its end only folders.
    pub fn add(&mut self, mut pieces: Vec<Piece>) {
        let slash = Piece::Char('/');
        let only_directories = pieces.last() == Some(&slash);
        if only_directories {
            pieces.pop();
        }
        let is_path = pieces.contains(&slash);
        if pieces.first() == Some(&slash) {
            pieces.remove(0);
        }
        self.0.push(Exclusion { pieces, is_path, only_directories });
    }

    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the entry at a path below the top is left out.
    pub(super) fn has(&self, path: &str, is_directory: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|exclusion| {
            let subject = if exclusion.is_path { path } else { name };
            (is_directory || !exclusion.only_directories) && matches(&exclusion.pieces, subject)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_anywhere_and_paths_from_the_top() {
        let table = [
            ("*.o", "a/b.o", false, true),
            ("*.o", "a/b.os", false, false),
            ("a/*.o", "a/b.o", false, true),
            ("a/*.o", "x/a/b.o", false, false),
            ("/b", "b", false, true),
            ("/b", "a/b", false, false),
            ("build/", "src/build", true, true),
            ("build/", "src/build", false, false),
            ("a/b/", "a/b", true, true),
            ("", "a", false, false),
        ];
        for (text, path, is_directory, is_out) in table {
            let mut excluded = Excluded::default();
            excluded.add(
                text.chars().map(|c| if c == '*' { Piece::Many } else { Piece::Char(c) }).collect(),
            );
            assert_eq!(excluded.has(path, is_directory), is_out, "{text} {path}");
        }
    }
}
