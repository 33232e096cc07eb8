//! How files, times and rights are shown.
//!
//! Invariant: every name goes through `text::Escaped`, so a line is one entry whatever its name.

use miniftp::client::{ListedKind, RemoteEntry, RemotePart};
use miniftp::text::{Escaped, Size, is_harmful};

use crate::clock::Clock;
use crate::json::Object;
use crate::place::below;

/// The name as `ls` shows it: folders end in `/`.
pub(crate) fn short(entry: &RemoteEntry) -> String {
    let mark = if entry.kind == ListedKind::Directory { "/" } else { "" };
    format!("{}{mark}", name(entry))
}

/// Only the name. The server has escaped an odd one already; a second time would hide that.
pub(crate) fn name(entry: &RemoteEntry) -> String {
    if entry.is_odd() && !entry.name.chars().any(is_harmful) {
        return entry.name.to_string();
    }
    Escaped(&entry.name).to_string()
}

/// What `ls -l` shows in front of the name: permission bits, bytes, time.
pub(crate) fn facts(entry: &RemoteEntry, clock: &Clock, is_human: bool) -> String {
    let size = match is_human {
        true => format!("{:>10}", Size(entry.size).to_string()),
        false => format!("{:>14}", entry.size),
    };
    let (letter, rights) = (letter(entry.kind), rights(entry.mode));
    format!("{letter}{rights} {size} {}", clock.shown(entry.mtime_secs))
}

/// The entry of a folder for programs; without the folder its name is the path.
pub(crate) fn object(folder: Option<&str>, entry: &RemoteEntry) -> String {
    let path = folder.map_or(entry.name.to_string(), |folder| below(folder, &entry.name));
    object_at(&path, entry)
}

/// What programs find its path under. A name that is none the server has escaped: it is only to be
/// shown.
pub(crate) fn key(entry: &RemoteEntry) -> &'static str {
    if entry.is_odd() { "shown" } else { "path" }
}

/// The entry for programs.
pub(crate) fn object_at(path: &str, entry: &RemoteEntry) -> String {
    let object = Object::new().text("event", "entry").text(key(entry), path);
    let object = object.text("type", kind(entry.kind)).number("bytes", entry.size);
    let object = object.signed("mtime_secs", entry.mtime_secs);
    let object = object.number("mtime_nanos", entry.mtime_nanos.into());
    object.mode("mode", entry.mode).line()
}

/// How much of an unfinished upload is there.
pub(crate) fn share(part: &RemotePart) -> String {
    let held = part.held_bytes;
    match part.announced_bytes() {
        Some(size) => format!("{held:>14} of {size:>14} bytes"),
        None => format!("{held:>14} bytes, size unknown"),
    }
}

/// What kind of thing it is, in a word.
pub(crate) fn kind(kind: ListedKind) -> &'static str {
    match kind {
        ListedKind::File => "file",
        ListedKind::Directory => "folder",
        ListedKind::Link => "link",
        ListedKind::Other(_) => "other",
    }
}

fn letter(kind: ListedKind) -> char {
    match kind {
        ListedKind::File => '-',
        ListedKind::Directory => 'd',
        ListedKind::Link => 'l',
        ListedKind::Other(_) => '?',
    }
}

/// `rwxr-x---`, with the bits for running as another user and of folders for all where they are
/// set.
pub(crate) fn rights(mode: u16) -> String {
    let letters = "rwxrwxrwx".chars().enumerate();
    let mut shown: Vec<char> =
        letters.map(|(i, c)| if mode & (0o400 >> i) != 0 { c } else { '-' }).collect();
    for (bit, at, letter) in [(0o4000, 2, 's'), (0o2000, 5, 's'), (0o1000, 8, 't')] {
        if let Some(c) = shown.get_mut(at).filter(|_| mode & bit != 0) {
            *c = if *c == 'x' { letter } else { letter.to_ascii_uppercase() };
        }
    }
    shown.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line() {
        let entry = RemoteEntry::new(ListedKind::Directory, 0, 4096, 0, 0, 0o750, 0, "a\nb");
        assert_eq!(short(&entry), "a\\nb/");
        let utc = Clock::utc();
        assert_eq!(facts(&entry, &utc, false), "drwxr-x---           4096 1970-01-01 00:00");
        assert_eq!(facts(&entry, &utc, true), "drwxr-x---    4.0 KiB 1970-01-01 00:00");
        let table = [(0o4755, "rwsr-xr-x"), (0o2644, "rw-r-Sr--"), (0o1777, "rwxrwxrwt")];
        for (mode, shown) in table {
            assert_eq!(rights(mode), shown);
        }
    }
}
