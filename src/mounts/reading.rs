//! From the text of mounts.ini to its sections, or to every mistake in it.
//!
//! Never: keeps a section of a text with a mistake, or looks at the disk.

use super::{Mount, MountAudience, MountQuota};
use crate::accounts::{AccountName, ENTRIES, RIGHTS};
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, Section, parse};
use crate::conffile::keys::{By, Key, key, names};
use crate::limits;
use crate::quota::Entries;
use crate::rights::Rights;
use crate::text::{exact, parse_size};
use crate::vfs::VPath;

/// The words for more than accounts by their names.
const GROUPS: [(&str, MountAudience); 3] = [
    ("all", MountAudience::All),
    ("guests", MountAudience::Guests),
    ("everybody", MountAudience::Everybody),
];
const SIZE: &str = "a size such as 1G, or the word account";

const PLACE: By<VPath> = By("a path such as /share", place, VPath::to_string);
const DIR: By<String> =
    By("a directory", |text| Some(text.to_owned()).filter(|dir| !dir.is_empty()), String::clone);
const WHOM: By<MountAudience> =
    By("all, guests, everybody, or names of accounts with commas between", audience, |audience| {
        match GROUPS.iter().find(|(_, group)| group == audience) {
            Some((word, _)) => (*word).to_owned(),
            None => audience.to_string(),
        }
    });
const ROOM: By<Option<MountQuota>> = By(
    SIZE,
    |text| mount_quota(text).map(Some),
    |mount_quota| match mount_quota {
        None => "none".to_owned(),
        Some(MountQuota::Account) => "account".to_owned(),
        Some(MountQuota::Own(bytes)) => exact(*bytes),
    },
);

/// What a section may say.
pub(crate) static KEYS: &[Key<Mount>] = &[
    key!("at", Mount.at, PLACE),
    key!("dir", Mount.dir, DIR),
    key!("for", Mount.audience, WHOM),
    key!("rights", Mount.rights, RIGHTS),
    // It may be missing only where nothing can be stored.
    key!("size", Mount.mount_quota, ROOM).or("none"),
    key!("entries", Mount.entries, ENTRIES).or("default"),
];

static SHAPE: FileShape = FileShape {
    most: limits::SETTINGS_FILE,
    top: &[],
    keys: |name| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let fits = (1..=limits::ACCOUNT_NAME).contains(&name.len());
        (fits && name.bytes().all(letter)).then(|| names(KEYS))
    },
    expected: "[NAME]",
    form: "a mount's name has 1 to 32 characters of a-z, 0-9, `-` and `_`",
    sections: Vec::new,
};

/// The sections in a text that have no mistake, each with its line, and all mistakes.
pub(super) fn mounts_of(bytes: &[u8]) -> (Vec<(Mount, usize)>, ParseErrors) {
    let mut errors = ParseErrors::default();
    let mut mounts = Vec::new();
    for section in parse(bytes, &SHAPE, &mut errors).sections {
        let mut mount = Mount {
            name: section.name.to_owned(),
            at: VPath::root(),
            dir: String::new(),
            audience: MountAudience::All,
            rights: Rights::READ,
            mount_quota: None,
            entries: Entries::Default,
        };
        let is_read = section.read(KEYS, &mut mount, &mut errors);
        let Mount { rights, mount_quota, .. } = mount;
        if rights.changes() && !section.has("size") {
            let expected = format!("{SIZE}, because something can be stored there");
            section.refuse("size", expected, false, &mut errors);
        }
        let has_guests = mount.audience.nearness(None).is_some();
        if rights.changes() && has_guests && mount_quota == Some(MountQuota::Account) {
            let what = "guests have no quota; expected a size of its own such as 1G";
            errors.push(section.line_of("size"), section.named("size", what));
        }
        if is_read {
            mounts.push((mount, section.line));
        }
    }
    check_together(&mounts, &mut errors);
    (mounts, errors)
}

/// The directories that a text names, each with its section, whatever else is wrong with it.
pub(super) fn dirs_of(bytes: &[u8]) -> Vec<(String, String)> {
    let text = parse(bytes, &SHAPE, &mut ParseErrors::default());
    let dir =
        |section: &Section<'_>| Some((section.name.to_owned(), section.value("dir")?.to_owned()));
    text.sections.iter().filter_map(dir).collect()
}

/// A path that is written as it is shown, and is not the home itself.
fn place(text: &str) -> Option<VPath> {
    let path = VPath::root().join(text).ok()?;
    (path.as_str() == text && !path.is_root()).then_some(path)
}

fn audience(text: &str) -> Option<MountAudience> {
    let group = |name: &str| GROUPS.into_iter().find(|(word, _)| *word == name);
    if let Some((_, audience)) = group(text) {
        return Some(audience);
    }
    // These words cannot be names beside others.
    let names = text.split(',').map(str::trim);
    let names = names.map(|name| AccountName::parse(name).filter(|_| group(name).is_none()));
    names.collect::<Option<_>>().map(MountAudience::Named)
}

fn mount_quota(text: &str) -> Option<MountQuota> {
    match text {
        "account" => Some(MountQuota::Account),
        _ => parse_size(text).map(MountQuota::Own),
    }
}

/// What is wrong with sections only because of others.
fn check_together(mounts: &[(Mount, usize)], errors: &mut ParseErrors) {
    for (i, (mount, line)) in mounts.iter().enumerate() {
        for (other, _) in mounts.iter().take(i) {
            if other.at == mount.at && other.audience.collides(&mount.audience) {
                let Mount { name, at, audience, .. } = mount;
                let what =
                    format!("[{name}] at: [{}] is at {at} for {audience} already", other.name);
                errors.push(*line, what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "[a]\nat = /a\ndir = a\nfor = all\nrights = read, write\nsize = 1G\n";

    fn mistakes_of(text: &str) -> Vec<String> {
        let errors = mounts_of(text.as_bytes()).1.or(()).err().unwrap_or_default();
        errors.iter().map(|error| format!("{}: {}", error.line, error.what)).collect()
    }

    #[test]
    fn the_shipped_file_is_what_the_documents_say() {
        let shipped = include_str!("../../conf/mounts.ini");
        let (mounts, errors) = mounts_of(shipped.as_bytes());
        errors.or(()).unwrap();
        let reported: Vec<String> = mounts
            .iter()
            .map(|(m, _)| {
                format!(
                    "{} {} {} {} {} {:?}",
                    m.name, m.at, m.dir, m.audience, m.rights, m.mount_quota
                )
            })
            .collect();
        let want = [
            "share /share share all accounts read None",
            "upload /upload upload all accounts write Some(Own(1073741824))",
        ];
        assert_eq!(reported, want);
    }

    #[test]
    fn each_mistake_is_reported_with_its_line() {
        assert_eq!(mistakes_of(GOOD), [""; 0]);
        let table = [
            ("at = /a", "at = a", "2: [a] at: \"a\" is not valid; expected a path such as /share"),
            ("at = /a", "at = /", "is not valid; expected a path such as /share"),
            ("at = /a", "at = /a/", "is not valid; expected a path such as /share"),
            ("at = /a", "at = /a/../b", "is not valid; expected a path such as /share"),
            ("at = /a\n", "", "1: [a] at: missing"),
            ("at = /a", "att = /a", "2: [a] att: unknown key; did you mean `at`?"),
            ("dir = a", "dir =", "3: [a] dir: \"\" is not valid; expected a directory"),
            (
                "for = all",
                "for = All",
                "4: [a] for: \"All\" is not valid; expected all, guests, everybody",
            ),
            ("for = all", "for = ann, all", "is not valid; expected all"),
            ("for = all", "for = ann,", "is not valid; expected all"),
            (
                "read, write",
                "reed",
                "5: [a] rights: \"reed\" is not valid; expected read, write, modify",
            ),
            ("read, write", "", "5: [a] rights: \"\" is not valid; expected read, write"),
            (
                "size = 1G",
                "size = lots",
                "6: [a] size: \"lots\" is not valid; expected a size such as 1G",
            ),
            ("size = 1G", "size = unlimited", "6: [a] size: \"unlimited\" is not valid; expected"),
            ("size = 1G", "size = 1G ; much", "a comment needs a line of its own"),
            (
                "size = 1G\n",
                "",
                "1: [a] size: missing; expected a size such as 1G, or the word account, because",
            ),
            ("size = 1G", "size = 1G\nsize = 2G", "7: [a] size: set in line 6 already"),
            ("size = 1G", "size = 1G\\", "6: [a] size: ends with a backslash"),
            ("[a]", "[A]", "1: unknown section [A]; expected [NAME]: a mount's name has"),
            ("[a]", "[a", "1: [a: a section without its closing `]`"),
            ("[a]", "", "2: `at` stands above the first section"),
            ("for = all", "for", "4: \"for\" is no setting; expected `key = value`"),
            ("dir = a", "dir = a\u{1b}", "3: a control character"),
        ];
        for (from, to, want) in table {
            let reported = mistakes_of(&GOOD.replacen(from, to, 1)).join("\n");
            assert!(reported.contains(want), "{to:?}: {reported}");
        }
        let hint = mistakes_of(&GOOD.replace("rights", "right")).join("\n");
        assert!(hint.contains("5: [a] right: unknown key; did you mean `rights`?"), "{hint}");
        let guests = GOOD.replace("= all", "= everybody").replace("1G", "account");
        assert!(mistakes_of(&guests)[0].starts_with("6: [a] size: guests have no quota"));
        assert_eq!(mounts_of(b"[a]\n\xff").1.iter().next().unwrap().line, 2);
    }

    #[test]
    fn sections_are_checked_against_each_other() {
        let two = |audience: &str, dir: &str, size: &str| {
            let other =
                GOOD.replace("[a]", "[b]").replace("for = all", &format!("for = {audience}"));
            let other = other.replace("dir = a", &format!("dir = {dir}"));
            mistakes_of(&format!("{GOOD}{}", other.replace("1G", size)))
        };
        assert_eq!(two("ann", "a", "1G"), [""; 0]);
        assert_eq!(two("everybody", "b", "2G"), [""; 0]);
        assert_eq!(two("all", "b", "1G"), ["7: [b] at: [a] is at /a for all accounts already"]);
        assert!(mistakes_of(&format!("{GOOD}{GOOD}"))[0].contains("[a] began in line 1 already"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall(text in "([a-z\\[\\]=; /,\r\n]|\\PC){0,200}") {
            let _ = mounts_of(text.as_bytes());
        }
    }
}
