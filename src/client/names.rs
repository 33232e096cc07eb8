//! Which names from a server may become names here.
//!
//! Invariant: what passes is one component of a path, on this system and on others.

use std::path::Path;

use super::error::{Error, Result, shown};
use crate::limits;
use crate::text::Escaped;

/// Ends the name of a file that is not whole yet.
const PART: &str = ".miniftp-part";
/// Bytes of a name that are kept in the name of its part if both would be too long.
const KEPT: usize = 200;

/// Refuses a name from the server that would be more than a name here: a path, a way up, a control
/// character, on Windows a device or a stream.
///
/// # Errors
/// [`Error::BadName`].
pub fn local_name(name: &str) -> Result<&str> {
    let why = if name.is_empty() || name == "." || name == ".." {
        "this is no name"
    } else if name.contains(['/', '\\']) {
        "a name cannot hold a separator"
    } else if name.chars().any(char::is_control) {
        "a name cannot hold control characters"
    } else if name.len() > limits::NAME {
        "this name is too long"
    } else if cfg!(windows) && is_special_on_windows(name) {
        "Windows cannot have this name"
    } else {
        return Ok(name);
    };
    Err(Error::BadName { name: Escaped(name).to_string(), why })
}

/// A local name as the other side can have it.
pub(super) fn remote_name(path: &Path) -> Result<&str> {
    path.file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Error::BadName { name: shown(path), why: "this name is not UTF-8" })
}

/// A path on the server below another.
pub(super) fn join(folder: &str, name: &str) -> String {
    let between = if folder.is_empty() || folder.ends_with('/') { "" } else { "/" };
    format!("{folder}{between}{name}")
}

/// The last name of a path on the server, for people.
pub(super) fn last(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// The name of the part of a file: hidden, and recognisable.
pub(super) fn part_name(name: &str) -> String {
    if name.len() + PART.len() < limits::NAME {
        return format!(".{name}{PART}");
    }
    let mut end = KEPT.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}~{:08x}{PART}", &name[..end], crc32fast::hash(name.as_bytes()))
}

fn is_special_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|n| n.chars().count() == 1 && n != "0")
    };
    name.contains(['<', '>', ':', '"', '|', '?', '*'])
        || name.ends_with(['.', ' '])
        || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_harmless_component_becomes_a_name_here() {
        for good in ["a", ".hidden", "..a", "a b", "ümläut", "a~1", "-rf", &"x".repeat(255)] {
            assert_eq!(local_name(good).unwrap(), good);
        }
        let long = "x".repeat(256);
        for bad in
            ["", ".", "..", "/", "a/b", "/etc/passwd", "..\\a", "a\0b", "a\nb", "a\u{9b}", &long]
        {
            assert!(matches!(local_name(bad), Err(Error::BadName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn windows_has_names_that_are_no_files() {
        for bad in ["CON", "nul.txt", "a:b", "com1", "LPT9.log", "a.", "a ", "x?", "aux .c"] {
            assert!(is_special_on_windows(bad), "{bad}");
        }
        for good in ["console", "com", "com10", "a.b", "lpt0x"] {
            assert!(!is_special_on_windows(good), "{good}");
        }
    }

    #[test]
    fn a_part_s_name_is_never_too_long_and_differs_by_file() {
        assert_eq!(part_name("a.bin"), ".a.bin.miniftp-part");
        let (a, b) = ("ü".repeat(127), format!("{}a", "ü".repeat(127)));
        for name in [&a, &b] {
            assert!(part_name(name).len() <= limits::NAME);
        }
        assert_ne!(part_name(&a), part_name(&b));
    }

    #[test]
    fn paths_are_joined_and_taken_apart() {
        assert_eq!(join("", "a"), "a");
        assert_eq!(join("/", "a"), "/a");
        assert_eq!(join("x/y", "a"), "x/y/a");
        assert_eq!(last("/x/y/"), "y");
        assert_eq!(last("y"), "y");
    }
}
