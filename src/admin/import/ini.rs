//! An INI as Python's configparser reads it, with a section for each user: `Password`, and
//! `Quotation` in MB if no unit is said. What stands in `[DEFAULT]` counts for all of them.
//!
//! It is read line by line, so that one that is broken costs its own account only.

use std::path::Path;

use crate::rights::Rights;
use crate::text::Escaped;

use super::found::{Foreign, ForeignData, ForeignSecret, size};
use super::{StoreError, read, shown};

/// A section: its name, and its keys in small letters with their values.
struct IniUser<'a> {
    /// `None` if that cannot be read: what it says is nobody's then, and not of the one before.
    name: Option<&'a str>,
    values: Vec<(String, &'a str)>,
}

pub(super) fn read_file(path: &Path, found: &mut ForeignData) -> Result<(), StoreError> {
    let text = read(path)?;
    let mut sections: Vec<IniUser<'_>> = Vec::new();
    for (before, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if let Err(why) = take_line(line, &mut sections) {
            found.missing.push(format!("`{}:{}`: {why}", shown(path), before + 1));
        }
    }
    let is_default =
        |section: &&IniUser<'_>| section.name.is_some_and(|n| n.eq_ignore_ascii_case("default"));
    let defaults: Vec<(String, &str)> =
        sections.iter().filter(is_default).flat_map(|section| section.values.clone()).collect();
    let users: Vec<&IniUser<'_>> = sections.iter().filter(|one| !is_default(one)).collect();
    let has_password = |section: &&IniUser<'_>| section.value("password", &defaults).is_some();
    if !users.iter().any(has_password) {
        found.missing.push(format!("`{}`: no section of it has a Password", shown(path)));
        return Ok(());
    }
    for section in users {
        let Some(name) = section.name else { continue };
        match account(name, section, &defaults) {
            Ok(account) => found.accounts.push(account),
            Err(why) => found.missing.push(format!("`{}`: {why}", Escaped(name))),
        }
    }
    Ok(())
}

impl<'a> IniUser<'a> {
    fn value(&self, wanted: &str, defaults: &[(String, &'a str)]) -> Option<&'a str> {
        let all = self.values.iter().chain(defaults);
        let mut hits = all.filter(|(key, value)| key == wanted && !value.is_empty());
        hits.next().map(|(_, value)| *value)
    }
}

fn take_line<'a>(line: &'a str, sections: &mut Vec<IniUser<'a>>) -> Result<(), &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with([';', '#']) {
        return Ok(());
    }
    if let Some(rest) = line.strip_prefix('[') {
        let name = rest.strip_suffix(']').map(str::trim);
        sections.push(IniUser { name, values: Vec::new() });
        return name.map(drop).ok_or("a section without its closing `]`; nothing of it counts");
    }
    let (key, value) = line.split_once(['=', ':']).ok_or("expected `key = value` or a section")?;
    let section = sections.last_mut().ok_or("a value before the first section")?;
    let key = key.trim().to_ascii_lowercase();
    if section.values.iter().any(|(other, _)| *other == key) {
        return Err("a key that the section has already; the first one counts");
    }
    section.values.push((key, value.trim()));
    Ok(())
}

fn account(
    name: &str,
    section: &IniUser<'_>,
    defaults: &[(String, &str)],
) -> Result<Foreign, String> {
    let value = |wanted: &str| section.value(wanted, defaults);
    let quota = value("quotation").or_else(|| value("quota"));
    let role = value("role").or_else(|| value("type")).unwrap_or_default();
    Ok(Foreign {
        name: name.to_owned(),
        secret: ForeignSecret::of(value("password").ok_or("no Password")?),
        quota_bytes: quota.map(|text| size(text, true)).transpose()?,
        rights: Rights::ALL,
        admin: super::found::is_admin(role),
        notes: Vec::new(),
    })
}
