//! Directories that users of another server saw beside their homes, as sections of mounts.ini.
//!
//! Never: writes a section with which the file would have a fault; that one is named.

use crate::accounts::{AccountName, quota_text};
use crate::conffile::FileError;
use crate::mounts;
use crate::text::Escaped;

use super::found::Mapping;
use super::{AdminDesk, ImportReport, read, shown};

/// What several users saw at one place with the same rights is one section for all of them.
struct MappedMount {
    audience: Vec<AccountName>,
    mapping: Mapping,
}

impl MappedMount {
    fn audience(&self) -> String {
        let names: Vec<&str> = self.audience.iter().map(AccountName::as_str).collect();
        if names.is_empty() { "guests".to_owned() } else { names.join(", ") }
    }

    fn text(&self, number: usize) -> String {
        let Mapping { at, dir, rights, size_bytes, .. } = &self.mapping;
        let dir = dir.to_string_lossy();
        let audience = self.audience();
        let mut text = format!(
            "\n[imported-{number}]\nat = {at}\ndir = {dir}\nfor = {audience}\nrights = {rights}\n"
        );
        match size_bytes {
            Some(_) => text += &format!("size = {}\n", quota_text(*size_bytes)),
            // Whoever stores something pays, as in a home.
            None if rights.changes() && !self.audience.is_empty() => text += "size = account\n",
            None => {}
        }
        text
    }
}

pub(super) fn mount(desk: &AdminDesk<'_>, mappings: Vec<Mapping>, report: &mut ImportReport) {
    if mappings.is_empty() {
        return;
    }
    let (accounts, mut sections) = (desk.store.current(), Vec::<MappedMount>::new());
    for mapping in mappings {
        let Some(name) = mapping.account.clone() else {
            sections.push(MappedMount { audience: Vec::new(), mapping });
            continue;
        };
        if accounts.account(name.as_str()).is_none() {
            let at = Escaped(&mapping.at);
            report.missing(format!("`{name}`: the mapped directory {at}, as there is no account"));
            continue;
        }
        let same = |one: &&mut MappedMount| {
            let other = &one.mapping;
            !one.audience.is_empty()
                && (&other.at, &other.dir, other.rights, other.size_bytes)
                    == (&mapping.at, &mapping.dir, mapping.rights, mapping.size_bytes)
        };
        match sections.iter_mut().find(same) {
            Some(section) => section.audience.push(name),
            None => sections.push(MappedMount { audience: vec![name], mapping }),
        }
    }
    if let Err(why) = write(desk, &sections, report) {
        report.missing(format!("the mapped directories: {why}"));
    }
}

fn write(
    desk: &AdminDesk<'_>,
    sections: &[MappedMount],
    report: &mut ImportReport,
) -> Result<(), String> {
    let path = desk.dirs.0.join(mounts::FILE);
    let there = path.exists();
    let before = match there {
        true => read(&path).map_err(|e| e.to_string())?.to_string(),
        false => String::new(),
    };
    let accounts = desk.store.current();
    let is_account = |name: &str| accounts.account(name).is_some();
    let check = |text: &str| mounts::check_text(&path, text.as_bytes(), desk.dirs.1, &is_account);
    check(&before).map_err(|e| e.to_string())?;
    let (mut text, mut number, mut added) = (before.clone(), 1, Vec::new());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for section in sections {
        while text.contains(&format!("[imported-{number}]")) {
            number += 1;
        }
        let Mapping { at, dir, rights, .. } = &section.mapping;
        let what = format!("{} at {at} for {}: {rights}", shown(dir), section.audience());
        // A name on the other server's disk may hold a line of its own.
        let plain = |text: &str| !text.chars().any(char::is_control);
        if !plain(at) || !dir.to_str().is_some_and(plain) {
            let what = format!("{} at {}", shown(dir), Escaped(at));
            report.missing(format!("{what}: not a name that mounts.ini can hold"));
            continue;
        }
        let with_it = format!("{text}{}", section.text(number));
        match check(&with_it) {
            Ok(_) => {
                text = with_it;
                added.push(format!("mounted {what}"));
            }
            Err(e) => report.missing(format!("{what}: {}", first(&e))),
        }
    }
    if added.is_empty() {
        return Ok(());
    }
    let was = there.then_some(before.as_bytes());
    desk.store.replace_beside(&path, was, text.as_bytes()).map_err(|e| e.to_string())?;
    added.iter().for_each(|what| report.done(what));
    Ok(())
}

/// The first fault, without the file's name and line.
fn first(error: &FileError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.split_once("] ").map_or(line, |(_, what)| what).to_owned()
}
