//! How files, times and rights are shown.
//!
//! Invariant: every name goes through `text::Escaped`, so a line is one entry whatever its name.

use miniftp::client::{ListedKind, RemoteEntry, RemotePart};
use miniftp::text::calendar::Civil;
use miniftp::text::{Escaped, is_harmful};

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

/// The line of `ls -l`: rights, bytes, time, name.
pub(crate) fn long(entry: &RemoteEntry) -> String {
    format!(
        "{}{} {:>14} {} {}",
        letter(entry.kind),
        rights(entry.mode),
        entry.size,
        time(entry.mtime_secs),
        short(entry)
    )
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

/// `rwxr-x---`.
pub(crate) fn rights(mode: u16) -> String {
    let letters = "rwxrwxrwx".chars().enumerate();
    letters.map(|(i, c)| if mode & (0o400 >> i) != 0 { c } else { '-' }).collect()
}

/// `2025-11-20 06:41`, in UTC: the same file shows the same time everywhere.
pub(crate) fn time(secs: i64) -> String {
    let Civil { year, month, day, hour, minute, .. } = Civil::at(secs);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        let table = [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (1_763_620_860, "2025-11-20 06:41"),
            (-1, "1969-12-31 23:59"),
            (4_107_542_399, "2100-02-28 23:59"),
            (4_107_542_400, "2100-03-01 00:00"),
        ];
        for (secs, shown) in table {
            assert_eq!(time(secs), shown);
        }
        time(i64::MAX);
        time(i64::MIN);
    }

    #[test]
    fn an_entry_is_one_line() {
        let entry = RemoteEntry::new(ListedKind::Directory, 0, 4096, 0, 0, 0o750, 0, "a\nb");
        assert_eq!(short(&entry), "a\\nb/");
        assert_eq!(long(&entry), "drwxr-x---           4096 1970-01-01 00:00 a\\nb/");
    }
}
