//! From the text of mounts.ini to its sections, or to every fault in it.
//!
//! The form is plain enough to be read line by line, so that each fault has its line.
//! Never: keeps a section of a text with a fault, or looks at the disk.

use std::str;

use super::fault::Fault;
use super::{Mount, Room, Whom};
use crate::accounts::AccountName;
use crate::limits;
use crate::rights::Rights;
use crate::text::{Escaped, nearest, parse_size};
use crate::vfs::VPath;

/// The keys of a section; the last alone may be missing, and only where nothing can be stored.
const KEYS: [&str; 5] = ["at", "dir", "for", "rights", "size"];
/// Characters of a wrong value that are repeated in the complaint.
const SHOWN: usize = 60;
const NAME: &str = "a mount's name has 1 to 32 characters of a-z, 0-9, `-` and `_`";
const WHOM: &str = "expected all, guests, everybody, or names of accounts with commas between";
const SIZE: &str = "expected a size such as 1G, or the word account";

/// A section as it stands in the file.
struct Section<'a> {
    name: &'a str,
    line: usize,
    /// The value and line of each key.
    values: [Option<(&'a str, usize)>; KEYS.len()],
}

/// The sections in a text, each with its line: all of them, or all faults in the order of lines.
pub(super) fn mounts_of(bytes: &[u8]) -> Result<Vec<(Mount, usize)>, Vec<Fault>> {
    if bytes.len() as u64 > limits::SETTINGS_FILE {
        return Err(vec![Fault::at(0, format!("longer than {} bytes", limits::SETTINGS_FILE))]);
    }
    let text = str::from_utf8(bytes).map_err(|e| {
        let sound = bytes.get(..e.valid_up_to()).unwrap_or_default();
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        vec![Fault::at(line, "not UTF-8 text")]
    })?;
    let mut faults = Vec::new();
    let sections = sections_of(text.trim_start_matches('\u{feff}'), &mut faults);
    let mut mounts = Vec::new();
    for section in &sections {
        match section.read() {
            Ok(mount) => mounts.push((mount, section.line)),
            Err(more) => faults.extend(more),
        }
    }
    check_together(&mounts, &mut faults);
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(mounts) } else { Err(faults) }
}

fn sections_of<'a>(text: &'a str, faults: &mut Vec<Fault>) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    for (before, line) in text.lines().enumerate() {
        let number = before + 1;
        if let Err(what) = take_line(&mut sections, number, line) {
            faults.push(Fault::at(number, what));
        }
    }
    sections
}

fn take_line<'a>(
    sections: &mut Vec<Section<'a>>,
    number: usize,
    line: &'a str,
) -> Result<(), String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with([';', '#']) {
        return Ok(());
    }
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("a control character".to_owned());
    }
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest.strip_suffix(']').ok_or("a section without its closing `]`")?.trim();
        let first = sections.iter().find(|section| section.name == name);
        let first = first.map(|section| section.line);
        // What follows belongs to it, whatever is wrong with its name.
        sections.push(Section { name, line: number, values: [None; KEYS.len()] });
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if name.is_empty() || name.len() > limits::ACCOUNT_NAME || !name.bytes().all(letter) {
            return Err(format!("[{}]: {NAME}", shown(name)));
        }
        return match first {
            Some(first) => Err(format!("[{name}] began in line {first} already")),
            None => Ok(()),
        };
    }
    let Some((key, value)) = line.split_once('=') else {
        return Err(format!("expected `key = value`, [NAME] or a remark, got \"{}\"", shown(line)));
    };
    let (key, value) = (key.trim(), value.trim());
    let Some(section) = sections.last_mut() else {
        return Err(format!("`{}` stands before the first [section]", shown(key)));
    };
    let name = shown(section.name);
    let known = KEYS.iter().position(|known| *known == key);
    let Some(value_of_key) = known.and_then(|at| section.values.get_mut(at)) else {
        let hint = match nearest(key, KEYS.into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", KEYS.join(", ")),
        };
        return Err(format!("[{name}] {}: unknown key; {hint}", shown(key)));
    };
    if let Some((_, first)) = value_of_key {
        return Err(format!("[{name}] {key}: set in line {first} already"));
    }
    if value.ends_with('\\') {
        return Err(format!("[{name}] {key}: a line cannot go on in the next one"));
    }
    *value_of_key = Some((value, number));
    Ok(())
}

impl Section<'_> {
    fn read(&self) -> Result<Mount, Vec<Fault>> {
        let mut faults = Vec::new();
        let at = self.value(0, "expected a path such as /share", &mut faults, place);
        let dir = self.value(1, "expected a folder", &mut faults, |text| {
            (!text.is_empty()).then(|| text.to_owned())
        });
        let whom = self.value(2, WHOM, &mut faults, whom);
        let rights = self.value(3, Rights::FORM, &mut faults, Rights::parse);
        let room = match self.values {
            [.., None] => None,
            _ => self.value(4, SIZE, &mut faults, room),
        };
        let (Some(at), Some(dir), Some(whom), Some(rights), true) =
            (at, dir, whom, rights, faults.is_empty())
        else {
            return Err(faults);
        };
        let wrong = if rights.changes() && room.is_none() {
            Some(format!("size: missing where something can be stored; {SIZE}"))
        } else if rights.changes() && whom.has_guests() && room == Some(Room::Account) {
            Some("size: guests have no quota; give the mount a size such as 1G".to_owned())
        } else {
            None
        };
        match wrong {
            Some(what) => {
                let line = self.values[4].map_or(self.line, |(_, line)| line);
                Err(vec![Fault::at(line, format!("[{}] {what}", shown(self.name)))])
            }
            None => Ok(Mount { name: self.name.to_owned(), at, dir, whom, rights, room }),
        }
    }

    fn value<T>(
        &self,
        key: usize,
        expected: &str,
        faults: &mut Vec<Fault>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (name, what) = (shown(self.name), KEYS[key]);
        let Some((text, line)) = self.values[key] else {
            faults.push(Fault::at(self.line, format!("[{name}] {what}: missing; {expected}")));
            return None;
        };
        let value = read(text);
        if value.is_none() {
            let remark =
                if text.contains([';', '#']) { "; a remark has its line to itself" } else { "" };
            let what = format!("[{name}] {what}: {expected}, got \"{}\"{remark}", shown(text));
            faults.push(Fault::at(line, what));
        }
        value
    }
}

/// A path that is written as it is shown, and is not the home itself.
fn place(text: &str) -> Option<VPath> {
    let path = VPath::root().join(text).ok()?;
    (path.as_str() == text && !path.is_root()).then_some(path)
}

fn whom(text: &str) -> Option<Whom> {
    match text {
        "all" => return Some(Whom::All),
        "guests" => return Some(Whom::Guests),
        "everybody" => return Some(Whom::Everybody),
        _ => {}
    }
    // These words cannot be names beside others.
    let names = text.split(',').map(str::trim);
    let is_word = |name: &str| matches!(name, "all" | "guests" | "everybody");
    let names: Option<Vec<AccountName>> =
        names.map(|name| AccountName::parse(name).filter(|_| !is_word(name))).collect();
    names.map(Whom::Named)
}

fn room(text: &str) -> Option<Room> {
    match text {
        "account" => Some(Room::Account),
        _ => parse_size(text).map(Room::Own),
    }
}

/// What is wrong with sections only because of others.
fn check_together(mounts: &[(Mount, usize)], faults: &mut Vec<Fault>) {
    for (i, (mount, line)) in mounts.iter().enumerate() {
        for (other, _) in mounts.iter().take(i) {
            if other.at == mount.at && other.whom.collides(&mount.whom) {
                let Mount { name, at, whom, .. } = mount;
                let what = format!("[{name}] at: [{}] is at {at} for {whom} already", other.name);
                faults.push(Fault::at(*line, what));
            }
            let differs = other.room.is_some() && mount.room.is_some() && other.room != mount.room;
            if other.dir == mount.dir && differs {
                let Mount { name, .. } = mount;
                let what = format!("[{name}] size: not that of [{}], the same folder", other.name);
                faults.push(Fault::at(*line, what));
            }
        }
    }
}

/// The beginning of what stands in the file, made harmless.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", Escaped(text.get(..end).unwrap_or_default())),
        None => Escaped(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "[a]\nat = /a\ndir = a\nfor = all\nrights = read, write\nsize = 1G\n";

    fn faults_of(text: &str) -> Vec<String> {
        let faults = mounts_of(text.as_bytes()).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{}: {}", fault.line, fault.what)).collect()
    }

    #[test]
    fn the_shipped_file_is_what_the_documents_say() {
        let shipped = include_str!("../../conf/mounts.ini");
        let mounts = mounts_of(shipped.as_bytes()).unwrap();
        let told: Vec<String> = mounts
            .iter()
            .map(|(m, _)| {
                format!("{} {} {} {} {} {:?}", m.name, m.at, m.dir, m.whom, m.rights, m.room)
            })
            .collect();
        let want = [
            "share /share share all accounts read None",
            "upload /upload upload all accounts write Some(Own(1073741824))",
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        assert_eq!(faults_of(GOOD), [""; 0]);
        let table = [
            ("at = /a", "at = a", "2: [a] at: expected a path such as /share, got \"a\""),
            ("at = /a", "at = /", "2: [a] at: expected a path"),
            ("at = /a", "at = /a/", "2: [a] at: expected a path"),
            ("at = /a", "at = /a/../b", "2: [a] at: expected a path"),
            ("at = /a\n", "", "1: [a] at: missing"),
            ("at = /a", "att = /a", "1: [a] at: missing"),
            ("dir = a", "dir =", "3: [a] dir: expected a folder, got \"\""),
            ("for = all", "for = All", "4: [a] for: expected all, guests, everybody"),
            ("for = all", "for = ann, all", "4: [a] for: expected"),
            ("for = all", "for = ann,", "4: [a] for: expected"),
            ("read, write", "reed", "5: [a] rights: expected read, write, modify"),
            ("read, write", "", "5: [a] rights: expected"),
            ("size = 1G", "size = lots", "6: [a] size: expected a size such as 1G"),
            ("size = 1G", "size = unlimited", "6: [a] size: expected"),
            ("size = 1G", "size = 1G ; much", "a remark has its line to itself"),
            ("size = 1G\n", "", "1: [a] size: missing where something can be stored"),
            ("size = 1G", "size = 1G\nsize = 2G", "7: [a] size: set in line 6 already"),
            ("size = 1G", "size = 1G\\", "6: [a] size: a line cannot go on"),
            ("[a]", "[A]", "1: [A]: a mount's name has"),
            ("[a]", "[a", "1: a section without its closing"),
            ("[a]", "", "2: `at` stands before the first"),
            ("for = all", "for", "4: expected `key = value`"),
            ("dir = a", "dir = a\u{1b}", "3: a control character"),
        ];
        for (from, to, want) in table {
            let told = faults_of(&GOOD.replacen(from, to, 1)).join("\n");
            assert!(told.contains(want), "{to:?}: {told}");
        }
        let hint = faults_of(&GOOD.replace("rights", "right")).join("\n");
        assert!(hint.contains("5: [a] right: unknown key; did you mean `rights`?"), "{hint}");
        let guests = GOOD.replace("= all", "= everybody").replace("1G", "account");
        assert!(faults_of(&guests)[0].starts_with("6: [a] size: guests have no quota"));
        assert_eq!(mounts_of(b"[a]\n\xff").unwrap_err()[0].line, 2);
    }

    #[test]
    fn sections_are_checked_against_each_other() {
        let two = |whom: &str, dir: &str, size: &str| {
            let other = GOOD.replace("[a]", "[b]").replace("for = all", &format!("for = {whom}"));
            let other = other.replace("dir = a", &format!("dir = {dir}"));
            faults_of(&format!("{GOOD}{}", other.replace("1G", size)))
        };
        assert_eq!(two("ann", "a", "1G"), [""; 0]);
        assert_eq!(two("everybody", "b", "2G"), [""; 0]);
        assert_eq!(two("all", "b", "1G"), ["7: [b] at: [a] is at /a for all accounts already"]);
        assert_eq!(two("ann", "a", "2G"), ["7: [b] size: not that of [a], the same folder"]);
        assert!(faults_of(&format!("{GOOD}{GOOD}"))[0].contains("[a] began in line 1 already"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fall(text in "([a-z\\[\\]=; /,\r\n]|\\PC){0,200}") {
            let _ = mounts_of(text.as_bytes());
        }
    }
}
