//! A path as the user sees it.
//!
//! Never: touches the disk, or knows where on the host it lies.
//! Invariant: a [`VPath`] is absolute, holds neither `.` nor `..` nor an empty part nor a character
//! that could act on a terminal, and keeps to the limits of names, depth and length. So no `..`
//! can ever reach the kernel, and no name can forge a line in a log or a note.

use std::fmt;

use crate::error::{Error, Result};
use crate::limits;
use crate::text::{Escaped, is_harmful};

/// Bytes of a refused text that an error repeats: enough to know it again, short enough to answer.
const QUOTED: usize = 256;

/// An absolute path inside one account's view. [`VPath::root`] and [`VPath::join`] are the only
/// ways to make one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VPath(Box<str>);

impl VPath {
    /// The account's topmost folder.
    pub fn root() -> VPath {
        VPath("/".into())
    }

    /// What `text` means when said in this folder: relative to it, or absolute with a leading `/`.
    ///
    /// `..` stops at the root, as in every shell; [`VPath::climbs_out`] tells whether it had to.
    pub fn join(&self, text: &str) -> Result<VPath> {
        let refused = |why| Error::BadPath { path: quote(text), why };
        if text.chars().any(is_harmful) {
            return Err(refused("it has control characters"));
        }
        let mut names: Vec<&str> = Vec::new();
        if !text.starts_with('/') {
            names.extend(self.components());
        }
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    names.pop();
                }
                name if name.len() > limits::NAME => {
                    return Err(refused("a name in it is longer than 255 bytes"));
                }
                name => names.push(name),
            }
        }
        if names.len() > limits::DEPTH {
            return Err(refused("it is more than 64 folders deep"));
        }
        let joined = format!("/{}", names.join("/"));
        if joined.len() > limits::PATH {
            return Err(refused("it is longer than 4096 bytes"));
        }
        Ok(VPath(joined.into()))
    }

    /// Whether a `..` in `text`, said in this folder, would have left the root.
    pub fn climbs_out(&self, text: &str) -> bool {
        let mut depth = if text.starts_with('/') { 0 } else { self.components().count() };
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." if depth == 0 => return true,
                ".." => depth -= 1,
                _ => depth += 1,
            }
        }
        false
    }

    /// The path as text, `/` first, without a `/` at the end but for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names from the root down; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The last name; the root has none.
    pub fn name(&self) -> Option<&str> {
        self.0.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The folder that it lies in; the root lies in none.
    pub fn parent(&self) -> Option<VPath> {
        let (above, name) = self.0.rsplit_once('/')?;
        match (above, name) {
            (_, "") => None,
            ("", _) => Some(VPath::root()),
            (above, _) => Some(VPath(above.into())),
        }
    }

    /// Whether it is the account's topmost folder.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// Whether `other` lies somewhere below this path; a path does not lie below itself.
    pub fn holds(&self, other: &VPath) -> bool {
        match other.0.strip_prefix(&*self.0) {
            Some(rest) if self.is_root() => !rest.is_empty(),
            Some(rest) => rest.starts_with('/'),
            None => false,
        }
    }

    /// Whether it is `other` or lies below it. Names are compared whole: `/sharex` is not within
    /// `/share`.
    pub fn is_within(&self, other: &VPath) -> bool {
        self == other || other.holds(self)
    }

    /// The name in this folder that leads to `other`, which lies below it.
    pub fn step_towards<'a>(&self, other: &'a VPath) -> Option<&'a str> {
        let rest = if self.holds(other) { self.rest_of(other) } else { return None };
        rest.split('/').next()
    }

    /// This path as seen from `at`, in which it lies.
    pub(super) fn inside(&self, at: &VPath) -> VPath {
        if at.is_root() { self.clone() } else { VPath(format!("/{}", at.rest_of(self)).into()) }
    }

    /// The path that is called so from the root, called from this folder.
    pub(super) fn outside(&self, inside: &VPath) -> Result<VPath> {
        self.join(&inside.0[1..])
    }

    /// This path as the kernel takes it, relative to the descriptor of `at`, in which it lies.
    pub(super) fn beneath(&self, at: &VPath) -> &str {
        match at.rest_of(self) {
            "" => ".",
            rest => rest,
        }
    }

    /// What `other`, which is this path or lies below it, has more, without the `/` between.
    fn rest_of<'a>(&self, other: &'a VPath) -> &'a str {
        let more = if self.is_root() { &*other.0 } else { &other.0[self.0.len()..] };
        more.strip_prefix('/').unwrap_or(more)
    }

    /// The path as an error carries it: unescaped, since the error escapes what it shows.
    pub(super) fn for_error(&self) -> String {
        self.0.clone().into()
    }
}

impl fmt::Display for VPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

/// Whether bytes found on the disk could be a name here.
pub(super) fn as_name(bytes: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(bytes).ok()?;
    let fits = !name.is_empty() && name.len() <= limits::NAME;
    (fits && !name.chars().any(is_harmful)).then_some(name)
}

/// The beginning of a refused text.
fn quote(text: &str) -> String {
    if text.len() <= QUOTED {
        return text.to_owned();
    }
    let mut end = QUOTED;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> VPath {
        VPath::root().join(text).unwrap()
    }

    #[test]
    fn nasty_forms_come_out_plain() {
        let table = [
            ("/", "", "/"),
            ("/a/b", "", "/a/b"),
            ("/a", "b", "/a/b"),
            ("/a", "/b", "/b"),
            ("/a/b", "..", "/a"),
            ("/a", "../../../etc/passwd", "/etc/passwd"),
            ("/a", "/../..", "/"),
            ("/a", "./././", "/a"),
            ("/a", "//b///c//", "/b/c"),
            ("/", "...", "/..."),
            ("/", ". ./ ..", "/. ./ .."),
            ("/", "..a/b..", "/..a/b.."),
            ("/", "-rf *", "/-rf *"),
            ("/", "a\\..\\b", "/a\\..\\b"),
            ("/", "C:/x", "/C:/x"),
            ("/", "%2e%2e/x", "/%2e%2e/x"),
            ("/", "\u{ff0e}\u{ff0e}/x", "/\u{ff0e}\u{ff0e}/x"),
            ("/", "it's \"quoted\" ünï", "/it's \"quoted\" ünï"),
            ("/", "~root", "/~root"),
        ];
        for (from, text, want) in table {
            assert_eq!(at(from).join(text).unwrap().as_str(), want, "{from} {text}");
        }
    }

    #[test]
    fn harmful_and_oversized_texts_are_refused() {
        let table = [
            "a\0b".to_owned(),
            "a\nb".to_owned(),
            "a\x1b[2J".to_owned(),
            "a\u{7f}".to_owned(),
            "a\u{9b}2J".to_owned(),
            "\u{202e}cod.exe".to_owned(),
            "x\u{2028}y".to_owned(),
            // Even where `..` would take it away again.
            "a\nb/..".to_owned(),
            "n".repeat(limits::NAME + 1),
            "d/".repeat(limits::DEPTH + 1),
            format!("{}/", "n".repeat(limits::NAME)).repeat(limits::PATH / limits::NAME + 1),
            "n".repeat(1_000_000),
        ];
        for text in table {
            match VPath::root().join(&text) {
                Err(Error::BadPath { path, .. }) => assert!(path.len() <= QUOTED + 3),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
        assert!(VPath::root().join(&"n".repeat(limits::NAME)).is_ok());
        assert!(VPath::root().join(&"d/".repeat(limits::DEPTH)).is_ok());
    }

    #[test]
    fn climbing_out_is_noticed() {
        let table = [
            ("/", "..", true),
            ("/a", "..", false),
            ("/a", "../..", true),
            ("/a", "/..", true),
            ("/a", "b/../..", false),
            ("/a/b", "../../../c", true),
            ("/", "a/../b", false),
        ];
        for (from, text, want) in table {
            assert_eq!(at(from).climbs_out(text), want, "{from} {text}");
        }
    }

    #[test]
    fn the_parts_of_a_path() {
        let path = at("/a/b c/d");
        assert_eq!(path.components().collect::<Vec<_>>(), ["a", "b c", "d"]);
        assert_eq!((path.name(), path.parent()), (Some("d"), Some(at("/a/b c"))));
        assert_eq!((at("/a").parent(), at("/").parent()), (Some(VPath::root()), None));
        assert_eq!((at("/").name(), at("/").components().count()), (None, 0));
        assert!(at("/a").holds(&at("/a/b")) && at("/").holds(&at("/a")));
        assert!(!at("/a").holds(&at("/ab")) && !at("/a").holds(&at("/a")));
        assert!(!at("/").holds(&at("/")) && !at("/a/b").holds(&at("/a")));
        assert_eq!(at("/a\\b").to_string(), "/a\\\\b");
    }

    proptest! {
        #[test]
        fn no_path_ever_leaves_the_root(
            from in "[a-z./ ]{0,40}", text in "(\\.|/|a|\\.\\.|\\PC|[\\x00-\\x20]|\u{202e}){0,60}"
        ) {
            if let Ok(path) = VPath::root().join(&from).and_then(|from| from.join(&text)) {
                prop_assert!(path.as_str().starts_with('/'));
                prop_assert!(path.is_root() || !path.as_str().ends_with('/'));
                prop_assert!(path.components().all(|name| name != "." && name != ".."));
                prop_assert!(!path.as_str().contains("//"));
                prop_assert!(!path.as_str().chars().any(is_harmful));
                prop_assert_eq!(&VPath::root().join(path.as_str()).unwrap(), &path);
                if let Some(parent) = path.parent() {
                    prop_assert!(parent.holds(&path));
                    prop_assert_eq!(parent.join(path.name().unwrap()).unwrap(), path);
                }
            }
        }
    }
}
