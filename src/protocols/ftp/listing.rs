//! Entries as LIST and NLST show them. [`super::facts`] has MLSD's and MLST's.
//!
//! Never: a user, a group or a link's target of the host.
//! Invariant: one entry is one line, whatever its name.

use super::reply::Clean;
use crate::session::{Entry, EntryKind};
use crate::text::calendar::Civil;

/// Half a year of 365.2425 days: within it `ls` shows the time of day, else the year.
const RECENT_SECS: i64 = 31_556_952 / 2;

/// Appends an entry as a line of `ls -l`, in UTC. `owner` is the account's name, which stands for
/// the host's user and group; `now_secs` are seconds since 1970.
///
/// A link is listed without its target, which may lie outside what the account may see. What is
/// neither file, folder nor link appears as a pipe, which clients pass over.
pub(super) fn put_long(out: &mut String, entry: &Entry, owner: &str, now_secs: i64) {
    let kind = match entry.kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Link => 'l',
        EntryKind::Other => 'p',
    };
    let rights = rights(entry.mode);
    let owner = Clean(owner).to_string();
    let size = entry.size;
    let when = when(entry.mtime.secs, now_secs);
    let name = Clean(&entry.name);
    out.push_str(&format!("{kind}{rights}   1 {owner:<8} {owner:<8} {size:>12} {when} {name}\r\n"));
}

/// Appends an entry as a line of NLST: its name behind `folder`, which is empty or ends with `/`.
pub(super) fn put_name(out: &mut String, entry: &Entry, directory: &str) {
    out.push_str(&format!("{}{}\r\n", Clean(directory), Clean(&entry.name)));
}

/// `rwxr-xr-x`.
fn rights(mode: u32) -> String {
    let letter = |(at, letter)| if mode >> (8 - at) & 1 == 1 { letter } else { '-' };
    "rwxrwxrwx".chars().enumerate().map(letter).collect()
}

/// `Nov 20 07:30` or `Nov 20  2025`, both of twelve characters. What lies ahead shows its year, so
/// that no client takes it for last year's.
fn when(secs: i64, now_secs: i64) -> String {
    let at = Civil::at(secs);
    let Civil { year, day, hour, minute, .. } = at;
    let month = at.month_name();
    if secs <= now_secs && secs > now_secs.saturating_sub(RECENT_SECS) {
        format!("{month} {day:>2} {hour:02}:{minute:02}")
    } else {
        format!("{month} {day:>2}  {year:04}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::Mtime;

    /// 2026-11-20 07:30:59.
    const NOW: i64 = 1_795_159_859;

    fn entry(kind: EntryKind, name: &str) -> Entry {
        let (name, mtime) = (name.to_owned(), Mtime { secs: NOW, nanos: 5 });
        Entry { name, odd: false, kind, size: 1234, mtime, mode: 0o644 }
    }

    fn long(entry: &Entry) -> String {
        let mut out = String::new();
        put_long(&mut out, entry, "ada", NOW);
        out
    }

    #[test]
    fn a_line_is_as_ls_writes_it() {
        assert_eq!(
            long(&entry(EntryKind::File, " two  words ü")),
            "-rw-r--r--   1 ada      ada              1234 Nov 20 07:30  two  words ü\r\n"
        );
        let mut out = String::new();
        let directory = Entry { mode: 0o755, size: 0, ..entry(EntryKind::Directory, "d") };
        put_long(&mut out, &directory, "a-name-of-thirty-two-letters-----", NOW);
        assert_eq!(
            out,
            "drwxr-xr-x   1 a-name-of-thirty-two-letters----- \
             a-name-of-thirty-two-letters-----            0 Nov 20 07:30 d\r\n"
        );
        assert!(long(&entry(EntryKind::Link, "l")).starts_with("lrw-r--r--"));
        assert!(long(&entry(EntryKind::Other, "o")).starts_with("prw-r--r--"));
        let large = Entry { size: u64::MAX, mode: 0, ..entry(EntryKind::File, "x") };
        assert!(long(&large).starts_with("----------   1 ada      ada      18446744073709551615 "));
    }

    #[test]
    fn the_year_takes_the_place_of_the_hour_after_six_months() {
        let table = [
            (NOW, "Nov 20 07:30"),
            (NOW - 12 * 86_400, "Nov  8 07:30"),
            (NOW - RECENT_SECS + 1, "May 21 16:36"),
            (NOW - RECENT_SECS, "May 21  2026"),
            (NOW + 1, "Nov 20  2026"),
            (0, "Jan  1  1970"),
            (-1, "Dec 31  1969"),
            (i64::MAX, "Dec 31  9999"),
            (i64::MIN, "Jan  1  0001"),
        ];
        for (secs, want) in table {
            assert_eq!(when(secs, NOW), want, "{secs}");
        }
        assert_eq!(when(0, i64::MIN), "Jan  1  1970");
    }

    #[test]
    fn names_cannot_forge_lines_but_stay_as_they_are() {
        let line = long(&entry(EntryKind::File, "a\r\n-rw-r--r-- b\x1b[2J\u{202e}\\c"));
        assert!(line.ends_with(" a\\u{d}\\u{a}-rw-r--r-- b\\u{1b}[2J\\u{202e}\\c\r\n"), "{line}");
        let mut out = String::new();
        put_name(&mut out, &entry(EntryKind::File, " a b "), "");
        put_name(&mut out, &entry(EntryKind::File, "a\nb"), "d/");
        assert_eq!(out, " a b \r\nd/a\\u{a}b\r\n");
    }

    proptest! {
        #[test]
        fn an_entry_is_one_line_of_nine_fields(
            name in "(\\PC|[\\x00-\\x1f]){1,30}", size: u64, secs: i64, mode: u32, now: i64
        ) {
            let mut entry = entry(EntryKind::File, &name);
            (entry.size, entry.mtime.secs, entry.mode) = (size, secs, mode);
            let mut out = String::new();
            put_long(&mut out, &entry, "ada", now);
            let line = out.strip_suffix("\r\n").unwrap();
            prop_assert!(!line.chars().any(char::is_control));
            let shown = Clean(&name).to_string();
            let head = line.strip_suffix(&shown).unwrap().strip_suffix(' ').unwrap();
            let fields: Vec<&str> = head.split_ascii_whitespace().collect();
            prop_assert_eq!(fields.len(), 8);
            prop_assert_eq!(fields[4].parse::<u64>().unwrap(), size);
            prop_assert_eq!(fields[0].len(), 10);
        }
    }
}
