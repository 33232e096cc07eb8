//! Which directories can be mounted beside each other, and beside what is the server's own.

use std::path::{Path, PathBuf};

use super::Mount;
use crate::conffile::ParseErrors;
use crate::error::Error;
use crate::vfs::{DirLocation, Homes};

/// A section, and where its directory is.
pub(super) struct MountedSection {
    pub(super) mount: Mount,
    pub(super) line: usize,
    pub(super) path: PathBuf,
    pub(super) place: DirLocation,
}

/// Where a directory is, whatever it is called.
pub(super) fn place_of(path: &Path) -> Result<DirLocation, String> {
    // The system's own words are for the operator, who reads this.
    DirLocation::of(path).map_err(|e| {
        let source = std::error::Error::source(&e).map(ToString::to_string);
        format!("cannot be opened: {}", source.unwrap_or_else(|| e.to_string()))
    })
}

/// Where something can change, only one ledger may count it, whatever the directory is called; and
/// the settings beside `file`, with keys and records of passwords, are nobody's to see. Takes out
/// what is refused.
pub(super) fn check_places(
    homes: &Homes,
    (file, home): (&Path, &Path),
    all: &mut Vec<MountedSection>,
    is_account: &dyn Fn(&str) -> bool,
    errors: &mut ParseErrors,
) {
    let settings = file.parent().and_then(|conf| place_of(conf).ok());
    let mut good: Vec<MountedSection> = Vec::new();
    for found in all.drain(..) {
        let checked = match &settings {
            Some(conf) if conf.holds(&found.place) || found.place.holds(conf) => {
                Err(format!("dir: {}: the settings are in it or around it", found.mount.dir))
            }
            _ => found.check_homes(homes, home, is_account),
        };
        match checked.and_then(|()| good.iter().try_for_each(|other| found.check(other))) {
            Ok(()) => good.push(found),
            Err(what) => errors.push(found.line, format!("[{}] {what}", found.mount.name)),
        }
    }
    *all = good;
}

impl MountedSection {
    fn check_homes(
        &self,
        homes: &Homes,
        home: &Path,
        is_account: &dyn Fn(&str) -> bool,
    ) -> Result<(), String> {
        let Mount { dir, rights, .. } = &self.mount;
        let failed = |e: Error| format!("dir: {dir}: {e}");
        if homes.are_in(&self.place).map_err(failed)? {
            return Err(format!("dir: {dir}: the home is inside it"));
        }
        let is_elsewhere = !self.path.starts_with(home);
        if !rights.changes() && !is_elsewhere {
            return Ok(());
        }
        match homes.owner_of(&self.place, is_account).map_err(failed)? {
            None => Ok(()),
            Some(account) if rights.changes() => Err(format!(
                "rights: must be `read`, because the directory is in the home of {account}"
            )),
            // What the server keeps in a directory beside the homes would be seen in the home.
            Some(account) => Err(format!(
                "dir: {dir}: shows the home of {account} at another place; name it by its path \
                 below the homes"
            )),
        }
    }

    fn check(&self, other: &MountedSection) -> Result<(), String> {
        let (mount, theirs) = (&self.mount, &other.mount);
        if self.place.is(&other.place) {
            let both = mount.mount_quota.is_some() && theirs.mount_quota.is_some();
            return match both && mount.mount_quota != theirs.mount_quota {
                true => Err(format!("size: not that of [{}], the same directory", theirs.name)),
                false => Ok(()),
            };
        }
        let overlap = self.place.holds(&other.place) || other.place.holds(&self.place);
        match overlap && (mount.rights.changes() || theirs.rights.changes()) {
            true => {
                Err(format!("dir: overlaps that of [{}]; then both are for reading", theirs.name))
            }
            false => Ok(()),
        }
    }
}
