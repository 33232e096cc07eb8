//! Entries as facts, for MLSD and MLST (RFC 3659, section 7), and the choice of facts.
//!
//! Left out are `unique`, since an entry does not carry what would make it true, and the host's
//! owners. Fact names are small, since some clients compare them so.
//! Invariant: one entry is one line, the facts hold no blank, and so the first `; ` is where the
//! name begins.

use super::date::stamp;
use super::reply::Clean;
use crate::session::{Entry, EntryKind};

/// The supported facts, in the order in which they are listed.
const NAMES: [&str; 5] = ["type", "size", "modify", "perm", "UNIX.mode"];

/// Which facts a client wants to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts([bool; NAMES.len()]);

/// What the session may do with an entry, and inside it if it is a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Read files, list folders.
    pub(super) read: bool,
    /// Store files that are not there yet.
    pub(super) write: bool,
    /// Replace, remove and rename what is there.
    pub(super) modify: bool,
    /// Make folders in it.
    pub(super) directories: bool,
}

impl Facts {
    /// All that are known: the choice of a client that made none.
    pub(super) fn all() -> Facts {
        Facts([true; NAMES.len()])
    }

    /// The choice of `OPTS MLST type;size;`: facts that are not known are passed over, in any
    /// letter case, and no fact at all is a choice too (RFC 3659, section 7.9).
    pub(super) fn chosen(arg: &str) -> Facts {
        Facts(NAMES.map(|name| arg.split(';').any(|wanted| wanted.eq_ignore_ascii_case(name))))
    }

    /// The text of the 200 that answers `OPTS MLST`: `MLST OPTS type;size;`.
    pub(super) fn opts_text(self) -> String {
        let chosen: String = self.names().map(|name| format!("{name};")).collect();
        format!("MLST OPTS {chosen}").trim_end().to_owned()
    }

    /// The line of FEAT: all facts, those chosen now with a star.
    pub(super) fn feat_line(self) -> String {
        let star = |chosen| if chosen { "*" } else { "" };
        let facts =
            NAMES.iter().zip(self.0).map(|(name, chosen)| format!("{name}{};", star(chosen)));
        format!("MLST {}", facts.collect::<String>())
    }

    /// The facts of an entry, a blank, and `name`: MLSD's the entry's own, MLST's a whole path. No
    /// line end: MLSD adds CR LF, MLST's reply has its own.
    pub(super) fn line(self, entry: &Entry, allowed: Allowed, name: &str) -> String {
        let mut line = String::with_capacity(96);
        for fact in self.names() {
            let value = match fact {
                "type" => kind(entry.kind).to_owned(),
                "size" if entry.kind == EntryKind::File => entry.size.to_string(),
                "size" => continue,
                "modify" => stamp(entry.mtime),
                "perm" => perm(entry, allowed),
                _ => format!("{:04o}", entry.mode & 0o777),
            };
            line.push_str(&format!("{fact}={value};"));
        }
        format!("{line} {}", Clean(name))
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().zip(self.0).filter(|(_, chosen)| *chosen).map(|(name, _)| name)
    }
}

/// The value of `type`. Links have the form of the RFC's erratum 1500, which lftp and FileZilla
/// both know, without a target. What is neither file, folder nor link is `special`: no client has a
/// word for it, and rclone takes both for files, whose reading is then refused.
fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "dir",
        EntryKind::Link => "OS.unix=symlink",
        EntryKind::Other => "OS.unix=special",
    }
}

/// The letters of `perm` (RFC 3659, section 7.5.5) for what can be done in earnest: nothing with an
/// entry that cannot be named, and neither removal nor renaming of the root.
fn perm(entry: &Entry, allowed: Allowed) -> String {
    if entry.odd {
        return String::new();
    }
    let Allowed { read, write, modify, directories } = allowed;
    let movable = modify && entry.name != "/";
    let letters: &[(char, bool)] = match entry.kind {
        EntryKind::File => {
            &[('a', modify), ('d', movable), ('f', movable), ('r', read), ('w', modify)]
        }
        EntryKind::Directory => &[
            ('c', write),
            ('d', movable),
            ('e', read || write),
            ('f', movable),
            ('l', read),
            ('m', directories),
            ('p', modify),
        ],
        EntryKind::Link => &[('d', movable), ('f', movable)],
        EntryKind::Other => &[],
    };
    letters.iter().filter(|(_, granted)| *granted).map(|(letter, _)| letter).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::Mtime;

    const ALL: Allowed = Allowed { read: true, write: true, modify: true, directories: true };
    const READ: Allowed = Allowed { read: true, write: false, modify: false, directories: false };
    const DROP: Allowed = Allowed { read: true, write: true, modify: false, directories: false };

    fn entry(kind: EntryKind, name: &str) -> Entry {
        let (name, mtime) = (name.to_owned(), Mtime { secs: 0, nanos: 999_999_999 });
        Entry { name, odd: false, kind, size: 12, mtime, mode: 0o640 }
    }

    fn line(kind: EntryKind, allowed: Allowed) -> String {
        Facts::all().line(&entry(kind, "x"), allowed, "x")
    }

    #[test]
    fn entries_become_facts() {
        let time = "modify=19700101000000";
        let table = [
            (EntryKind::File, ALL, format!("type=file;size=12;{time};perm=adfrw;")),
            (EntryKind::File, READ, format!("type=file;size=12;{time};perm=r;")),
            (EntryKind::File, DROP, format!("type=file;size=12;{time};perm=r;")),
            (EntryKind::Directory, ALL, format!("type=dir;{time};perm=cdeflmp;")),
            (EntryKind::Directory, READ, format!("type=dir;{time};perm=el;")),
            (EntryKind::Directory, DROP, format!("type=dir;{time};perm=cel;")),
            (EntryKind::Link, ALL, format!("type=OS.unix=symlink;{time};perm=df;")),
            (EntryKind::Link, READ, format!("type=OS.unix=symlink;{time};perm=;")),
            (EntryKind::Other, ALL, format!("type=OS.unix=special;{time};perm=;")),
        ];
        for (kind, allowed, want) in table {
            assert_eq!(line(kind, allowed), format!("{want}UNIX.mode=0640; x"));
        }
    }

    #[test]
    fn what_cannot_be_done_is_not_promised() {
        let perm = Facts::chosen("perm");
        let odd = Entry { odd: true, ..entry(EntryKind::File, "a\\xff") };
        assert_eq!(perm.line(&odd, ALL, &odd.name), "perm=; a\\xff");
        let root = entry(EntryKind::Directory, "/");
        assert_eq!(perm.line(&root, ALL, "/"), "perm=celmp; /");
    }

    #[test]
    fn the_choice_of_facts_is_reported_as_it_was_understood() {
        let table = [
            ("type;size;", "MLST OPTS type;size;"),
            ("SIZE;Type", "MLST OPTS type;size;"),
            ("type;sha256;unix.MODE;", "MLST OPTS type;UNIX.mode;"),
            ("unique;create;", "MLST OPTS"),
            ("", "MLST OPTS"),
            (";;;", "MLST OPTS"),
            (" type;size ;", "MLST OPTS"),
        ];
        for (arg, want) in table {
            assert_eq!(Facts::chosen(arg).opts_text(), want, "{arg}");
        }
        assert_eq!(Facts::all().feat_line(), "MLST type*;size*;modify*;perm*;UNIX.mode*;");
        let some = Facts::chosen("size;modify;");
        assert_eq!(some.feat_line(), "MLST type;size*;modify*;perm;UNIX.mode;");
        assert_eq!(
            some.line(&entry(EntryKind::File, "x"), ALL, "/d/ x "),
            "size=12;modify=19700101000000; /d/ x "
        );
        assert_eq!(Facts::chosen("").line(&entry(EntryKind::File, "x"), ALL, "x"), " x");
    }

    proptest! {
        #[test]
        fn an_entry_is_one_line_and_its_name_is_found(
            name in "(\\PC|[\\x00-\\x1f; ]){1,30}", size: u64, secs: i64, mode: u32,
            directory: bool, arg in "(type;|size;|modify;|perm;|unix.mode;|\\PC;){0,6}"
        ) {
            let kind = if directory { EntryKind::Directory } else { EntryKind::File };
            let mut entry = entry(kind, &name);
            (entry.size, entry.mtime.secs, entry.mode) = (size, secs, mode);
            let facts = Facts::chosen(&arg);
            let line = facts.line(&entry, ALL, &name);
            prop_assert!(!line.chars().any(char::is_control));
            let (reported, rest) = line.split_once(' ').unwrap();
            prop_assert_eq!(rest, Clean(&name).to_string());
            prop_assert!(reported.is_empty() || reported.ends_with(';'));
            for fact in reported.split_terminator(';') {
                prop_assert!(NAMES.contains(&fact.split_once('=').unwrap().0));
            }
            // What was understood, said again, is understood the same.
            let again = facts.opts_text().replace("MLST OPTS", "");
            prop_assert_eq!(Facts::chosen(again.trim()), facts);
        }
    }
}
