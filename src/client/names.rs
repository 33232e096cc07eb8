//! Which names from a server may become names here.
//!
//! Invariant: what passes is one component of a path, on this system and on others.

use std::path::Path;

use super::Client;
use super::commands::RemoteEntry;
use super::error::{Error, Result, shown};
use crate::limits;
use crate::text::Escaped;

/// Ends the name of a file that is not whole yet.
const PART: &str = ".miniftp-part";
/// Bytes of a name that are kept in the name of its part if both would be too long.
const KEPT: usize = 200;

/// Why a path is refused before the server is asked; it says the same of [`limits::DEPTH`].
const TOO_DEEP: &str = "it is more than 64 folders deep";
/// Why a file of the name of a part is left out and refused.
const IS_PART: &str = "this is the name of an unfinished download, and no file has it";

/// Refuses a name from the server that would be more than a name here: a path, a way up, a control
/// character, the name of a part, on Windows a device or a stream.
///
/// # Errors
/// [`Error::BadName`].
pub fn local_name(name: &str) -> Result<&str> {
    match mistake(name) {
        None => Ok(name),
        Some(why) => Err(Error::BadName { name: Escaped(name).to_string(), why }),
    }
}

/// Refuses a path on the server that is deeper than paths are there.
///
/// # Errors
/// [`Error::BadName`].
pub(super) fn check_depth(remote: &str) -> Result<()> {
    match is_too_deep(remote) {
        true => Err(Error::BadName { name: Client::shown(remote), why: TOO_DEEP }),
        false => Ok(()),
    }
}

fn is_too_deep(remote: &str) -> bool {
    let depth = remote.split('/').fold(0_usize, |depth, name| match name {
        "" | "." => depth,
        ".." => depth.saturating_sub(1),
        _ => depth + 1,
    });
    depth > limits::DEPTH
}

/// Why what a server lists in a folder cannot be asked for, or cannot be here.
pub(super) fn mistake_in(directory: &str, entry: &RemoteEntry) -> Option<&'static str> {
    if entry.is_odd() {
        return Some("this name cannot be asked for");
    }
    mistake(&entry.name).or(is_too_deep(&join(directory, &entry.name)).then_some(TOO_DEEP))
}

/// Why a name from the server cannot be one here.
pub(super) fn mistake(name: &str) -> Option<&'static str> {
    if name.is_empty() || name == "." || name == ".." {
        Some("this is no name")
    } else if name.contains('/') {
        Some("a name cannot hold a separator")
    } else if name.chars().any(char::is_control) {
        Some("a name cannot hold control characters")
    } else if name.len() > limits::NAME {
        Some("this name is too long")
    } else if cfg!(windows) && is_special_on_windows(name) {
        Some("Windows cannot have this name")
    } else if is_part_name(name) {
        Some(IS_PART)
    } else {
        None
    }
}

/// A local name as the other side can have it.
pub(super) fn remote_name(path: &Path) -> Result<&str> {
    let bad = |why| Error::BadName { name: shown(path), why };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| bad("this name is not UTF-8"))?;
    if is_part_name(name) { Err(bad(IS_PART)) } else { Ok(name) }
}

/// Refuses to send or fetch something under the name of a part, here or there.
pub(super) fn check_no_part(local: &Path, remote: &str) -> Result<()> {
    let here = local.file_name().and_then(|name| name.to_str()).filter(|name| is_part_name(name));
    match here {
        Some(_) => Err(Error::BadName { name: shown(local), why: IS_PART }),
        None => check_no_part_there(remote),
    }
}

/// Refuses to send or fetch something that has the name of a part on the server.
pub(super) fn check_no_part_there(remote: &str) -> Result<()> {
    if is_part_name(last(remote)) {
        Err(Error::BadName { name: Escaped(remote).to_string(), why: IS_PART })
    } else {
        Ok(())
    }
}

/// Whether a name is one of those that [`part_name`] gives.
fn is_part_name(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART));
    inner.is_some_and(|inner| !inner.is_empty())
}

/// A path on the server below another.
pub(super) fn join(directory: &str, name: &str) -> String {
    let between = if directory.is_empty() || directory.ends_with('/') { "" } else { "/" };
    format!("{directory}{between}{name}")
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
    name.contains(['\\', '<', '>', ':', '"', '|', '?', '*'])
        || name.ends_with(['.', ' '])
        || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_be_as_deep_as_on_the_server() {
        let deepest = "d/".repeat(limits::DEPTH);
        for good in ["", "/", &deepest, &format!("/{deepest}"), &format!("{deepest}../x")] {
            assert!(check_depth(good).is_ok(), "{good}");
        }
        let refused = check_depth(&format!("{deepest}x")).unwrap_err().to_string();
        assert!(refused.contains(&limits::DEPTH.to_string()), "{refused}");
    }

    #[test]
    fn only_a_harmless_component_becomes_a_name_here() {
        let longest = "x".repeat(255);
        for good in
            ["a", ".hidden", "..a", "a b", "ümläut", "a~1", "-rf", "a\\b", "..\\a", &longest]
        {
            assert_eq!(local_name(good).unwrap(), good);
        }
        let long = "x".repeat(256);
        for bad in ["", ".", "..", "/", "a/b", "/etc/passwd", "a\0b", "a\nb", "a\u{9b}", &long] {
            assert!(matches!(local_name(bad), Err(Error::BadName { .. })), "{bad:?}");
        }
    }

    #[test]
    fn windows_has_names_that_are_no_files() {
        for bad in ["a\\b", "CON", "nul.txt", "a:b", "com1", "LPT9.log", "a.", "a ", "x?", "aux .c"]
        {
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
            assert!(is_part_name(&part_name(name)));
        }
        assert!(is_part_name(&part_name("x")));
        for file in ["x", "x.miniftp-part", "..miniftp-part", ".miniftp-part", ".x.miniftp-parts"] {
            assert!(!is_part_name(file), "{file}");
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
