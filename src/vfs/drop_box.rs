//! Mounts that are written to and show nothing, and uploads of which nothing stays: a name is taken
//! whether something has it or not.
//!
//! What is stored is put under a name that is free, chosen when it is put in place and known to
//! nobody but the log; so no answer depends on what others have stored or are storing. Only names
//! right in the mount are taken: an answer about a deeper one would tell whether its directory is
//! there.

use super::new_file::NewFile;
use super::path::VPath;
use super::view::View;
use crate::error::{Error, Result};
use crate::limits;

/// Names with a number that are tried, before those that nobody can foresee.
const NUMBERED: u32 = 100;
/// Names that are tried in all.
const NAMES: u32 = NUMBERED + 8;

impl View {
    /// Whether it shows nothing of what is in it: a mount with the right to write and no other.
    ///
    /// Whoever may modify learns from what comes of it whether something was there.
    pub fn is_drop_box(&self) -> bool {
        let rights = self.rights();
        self.volume().is_some() && !rights.read && !rights.modify
    }

    /// Whether whoever stores something in it could not do with it what clients do next: look at
    /// it, set its time and give it its final name.
    pub fn hides_uploads(&self) -> bool {
        let rights = self.rights();
        rights.changes() && !rights.read
    }

    /// The key for a guest. All guests have one name, so what one leaves unfinished is removed
    /// with its session: no other one may see it, end it or go on with it.
    pub fn without_parts(mut self) -> View {
        self.keeps_parts = false;
        self
    }

    /// Whether what an upload leaves unfinished stays, for another session.
    pub fn keeps_parts(&self) -> bool {
        self.keeps_parts
    }

    /// Refuses a name that a drop box does not take.
    pub(super) fn check_drop(&self, path: &VPath) -> Result<()> {
        let parent = path.parent();
        if !self.is_drop_box() || parent.as_ref() == Some(self.mount_point()) {
            return Ok(());
        }
        let why = "a mount that is only written to takes names right in it";
        Err(Error::BadPath { path: path.for_error(), why })
    }

    /// Whether directories may be made in it: in a mount that is part of changing what is there.
    pub fn makes_directories(&self) -> bool {
        if self.volume().is_some() { self.rights().modify } else { self.rights().write }
    }

    /// What tells an upload to this path by somebody from all others: in a drop box writers do not
    /// know of each other.
    pub fn upload_key(&self, path: &VPath, by: &str) -> String {
        let key = self.key(path);
        if self.is_drop_box() { dropped_key(&key, by) } else { key }
    }

    /// The key that another upload of the same account to this path would have, if the rights were
    /// edited while it runs: both would write the same part.
    pub fn twin_key(&self, path: &VPath, by: &str) -> Option<String> {
        self.volume()?;
        let key = self.key(path);
        Some(if self.is_drop_box() { key } else { dropped_key(&key, by) })
    }
}

impl NewFile {
    /// Whether it goes into a drop box.
    pub fn is_dropped(&self) -> bool {
        self.dropped
    }

    /// What tells a name in its root from all others of the server.
    pub fn name_key(&self, path: &VPath) -> String {
        self.open_root.key(path)
    }

    /// Makes another name in the same folder the one where the file will be.
    pub fn aim_at(&mut self, path: &VPath) {
        if self.path != *path {
            (self.path, self.spot) = (path.clone(), None);
        }
    }
}

/// The key of an upload into a drop box, by the key of its name and whoever writes it. It is no key
/// of anything below that name: no path and no account's name has a control character.
pub fn dropped_key(key: &str, by: &str) -> String {
    format!("{key}\u{1}{by}")
}

/// Names for a file that is meant for `path`, one after the other: its own, some with a number,
/// some with a random text.
pub fn names_beside(path: &VPath) -> impl Iterator<Item = Result<VPath>> {
    let path = path.clone();
    (0..NAMES).map(move |n| {
        let end = match n {
            0 => return Ok(path.clone()),
            n if n < NUMBERED => format!(".{n}"),
            _ => format!(".{:016x}", u64::from_be_bytes(crate::scram::random_bytes()?)),
        };
        let name = path.name().unwrap_or_default();
        let mut most = name.len().min(limits::NAME - end.len());
        while !name.is_char_boundary(most) {
            most -= 1;
        }
        let name = format!("{}{end}", name.get(..most).unwrap_or_default());
        path.parent().unwrap_or_else(VPath::root).join(&name)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_beside_one_are_names_and_differ(name in "\\PC{1,255}") {
            let Ok(path) = VPath::root().join("box").and_then(|here| here.join(&name)) else {
                return Ok(());
            };
            prop_assume!(path.name().is_some_and(|last| last == name));
            let all: Vec<VPath> = names_beside(&path).collect::<Result<_>>().unwrap();
            let different: std::collections::BTreeSet<&str> =
                all.iter().map(VPath::as_str).collect();
            prop_assert_eq!(different.len(), NAMES as usize);
            prop_assert_eq!(&all[0], &path);
            for one in &all {
                prop_assert_eq!(one.parent(), path.parent());
                prop_assert!(one.name().unwrap().len() <= limits::NAME);
            }
        }
    }
}
