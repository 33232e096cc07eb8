//! The settings, accounts and mounts in force, kept in the home as text, so that whoever is about
//! to edit a file can be shown what would change.
//!
//! Never: keeps the record of a password; of that it keeps whether it is another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use super::Shared;
use crate::accounts::{self, Account, Accounts};
use crate::conffile::keys::Key;
use crate::config::{Config, SETTINGS};
use crate::digest::fingerprint;
use crate::lock::lock;
use crate::mounts::{self, Mount, Mounts};

/// The note's name in the home's private folder.
pub const NOTE: &str = "in_force";

/// What counts: for each thing that a file can say, by the file's name, section and key, what it
/// says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce(BTreeMap<(String, String, String), String>);

/// One difference between two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// The file in the folder of settings.
    pub file: String,
    /// The section, without brackets.
    pub section: String,
    /// The key, empty for the section as a whole.
    pub key: String,
    /// What counts now, if anything does.
    pub before: Option<String>,
    /// What would count, if anything would.
    pub after: Option<String>,
}

impl InForce {
    /// From what was read: settings, accounts, mounts.
    pub fn new<'a>(
        config: Option<&Config>,
        of_accounts: impl Iterator<Item = &'a Account>,
        of_mounts: impl Iterator<Item = &'a Mount>,
    ) -> InForce {
        let mut all = InForce::default();
        if let Some(config) = config {
            for setting in SETTINGS {
                all.put("server.ini", setting.section, setting.name(), &setting.text(config));
            }
        }
        for account in of_accounts {
            let name = account.name().as_str();
            all.put_section("accounts.ini", name, accounts::KEYS, account);
            let record = fingerprint(account.verifier.to_string().as_bytes());
            all.put("accounts.ini", name, "password", &record);
        }
        for mount in of_mounts {
            all.put_section("mounts.ini", &mount.name, mounts::KEYS, mount);
        }
        all
    }

    fn put_section<T>(&mut self, file: &str, section: &str, keys: &[Key<T>], value: &T) {
        self.put(file, section, "", "");
        for key in keys {
            self.put(file, section, key.name, &(key.text)(value));
        }
    }

    fn put(&mut self, file: &str, section: &str, key: &str, value: &str) {
        let name = (file.to_owned(), section.to_owned(), key.to_owned());
        self.0.insert(name, value.to_owned());
    }

    /// One line for each thing, the parts of it between tabs.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for ((file, section, key), value) in &self.0 {
            // None of them has a control character; a remark may have a backslash, which is fine.
            let _ = writeln!(text, "{file}\t{section}\t{key}\t{value}");
        }
        text
    }

    /// Reads [`InForce::to_text`]; lines that it would not have written are passed over.
    pub fn parse(text: &str) -> InForce {
        let mut all = InForce::default();
        for line in text.lines() {
            if let [file, section, key, value] = line.splitn(4, '\t').collect::<Vec<_>>()[..] {
                all.put(file, section, key, value);
            }
        }
        all
    }

    /// The directories that are mounted, each with its section.
    pub fn mounted_dirs(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let all = self.0.iter();
        let dirs = all.filter(|((file, _, key), _)| file == "mounts.ini" && key == "dir");
        dirs.map(|((_, section, _), dir)| (section.clone(), dir.clone()))
    }

    /// What `after` says otherwise, by file, section and key. Of a section that is only in one of
    /// them one difference is reported: the section.
    pub fn changes(&self, after: &InForce) -> Vec<SettingChange> {
        let mut names: Vec<_> = self.0.keys().chain(after.0.keys()).collect();
        names.sort();
        names.dedup();
        let mut changes: Vec<SettingChange> = Vec::new();
        for name in names {
            let (before, now) = (self.0.get(name), after.0.get(name));
            if before == now {
                continue;
            }
            let (file, section, key) = name.clone();
            let whole = changes.last().is_some_and(|last| {
                last.key.is_empty() && last.section == section && last.file == file
            });
            if !whole {
                let (before, after) = (before.cloned(), now.cloned());
                changes.push(SettingChange { file, section, key, before, after });
            }
        }
        changes
    }
}

/// What was written down last, to see whether something has changed since.
#[derive(Debug, Default)]
pub(super) struct LastWritten(Option<(Arc<Config>, Arc<Accounts>, Weak<Mounts>)>);

impl Shared {
    /// Writes down what counts now, if that is not what was written last. A note that cannot be
    /// written is missed only by whoever asks what would change.
    pub fn note_in_force(&self) {
        let now = (self.config(), self.accounts(), self.mounts.last());
        let is_logged = lock(&self.logged).0.as_ref().is_some_and(|last| {
            Arc::ptr_eq(&last.0, &now.0)
                && Arc::ptr_eq(&last.1, &now.1)
                && Weak::ptr_eq(&last.2, &Arc::downgrade(&now.2))
        });
        if is_logged {
            return;
        }
        let whole = InForce::new(Some(&self.settings.in_force()), now.1.iter(), now.2.iter());
        if let Err(e) = self.home.keep(NOTE, whole.to_text().as_bytes()) {
            log::warn!("what counts now cannot be noted in the home: {e}");
        }
        // Its directories are not kept open for it.
        lock(&self.logged).0 = Some((now.0, now.1, Arc::downgrade(&now.2)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> InForce {
        InForce::parse(&lines.join("\n"))
    }

    #[test]
    fn what_is_written_comes_back_and_differences_are_reported_once() {
        let before = of(&["a.ini\tx\t\t", "a.ini\tx\tk\t1\t2", "a.ini\ty\tk\t3", "torn\tline"]);
        assert_eq!(InForce::parse(&before.to_text()), before);
        assert_eq!(before.changes(&before), []);
        let after = of(&["a.ini\ty\tk\t4", "a.ini\tz\t\t", "a.ini\tz\tk\t1"]);
        let reported: Vec<_> = before
            .changes(&after)
            .into_iter()
            .map(|c| (c.section, c.key, c.before, c.after))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        let reported_of = |section: &str, key: &str, before, after| {
            (section.to_owned(), key.to_owned(), before, after)
        };
        assert_eq!(
            reported,
            [
                reported_of("x", "", some(""), None),
                reported_of("y", "k", some("3"), some("4")),
                reported_of("z", "", None, some("")),
            ]
        );
    }
}
