//! Which real folders are mounted where, for whom and with what rights: conf/mounts.ini.
//!
//! Never: opens a user's file. A file with a fault is refused whole.
//! Invariant: of what an account has mounted, no two things are at one place; where anybody may
//! change something, the folder is nobody's home and lies neither in nor around another mount.

mod mount;
mod places;
mod reading;
mod store;

use std::path::Path;
use std::sync::Arc;

use crate::conffile::read_text_at_most;
use crate::limits;
use crate::quota::{ChargeRule, QuotaLimits};
use crate::vfs::{VPath, Volume};

pub use mount::{Mount, MountAudience, MountQuota};
pub(crate) use reading::KEYS;
pub use store::{FILE, MountStore, check, check_text, dirs_in};

/// The directories that the file in the folder of settings names, and whether something may be
/// changed in each, whatever is wrong with the rest of it.
pub fn needed(conf: &Path) -> Vec<(String, bool)> {
    let bytes = read_text_at_most(&conf.join(FILE), limits::SETTINGS_FILE);
    let (sections, _) = reading::mounts_of(bytes.unwrap_or_default().as_bytes());
    sections.into_iter().map(|(mount, _)| (mount.dir, mount.rights.changes())).collect()
}

/// All mounts as they were at one moment, their folders open.
#[derive(Debug, Default)]
pub struct Mounts {
    mounts: Vec<(Mount, Arc<Volume>)>,
}

impl Mounts {
    /// What a visitor has mounted: an account's name, or `None` for a guest. At each place the
    /// mount that names them counts before one for all, and that before one for everybody.
    pub fn of(&self, account: Option<&str>) -> impl Iterator<Item = &(Mount, Arc<Volume>)> {
        self.mounts.iter().filter(move |(mount, _)| {
            let Some(near) = mount.audience.nearness(account) else { return false };
            let nearer = |(other, _): &&(Mount, Arc<Volume>)| {
                other.at == mount.at && other.audience.nearness(account) > Some(near)
            };
            !self.mounts.iter().any(|other| nearer(&other))
        })
    }

    /// The mount at this place of this visitor.
    pub fn at(&self, account: Option<&str>, at: &VPath) -> Option<&Mount> {
        self.of(account).map(|(mount, _)| mount).find(|mount| mount.at == *at)
    }

    /// All of them, as the file says them.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().map(|(mount, _)| mount)
    }

    /// Every directory once, who pays for what it holds, and the limits of its own; `entries` is
    /// the setting.
    pub fn charging(
        &self,
        entries: u64,
    ) -> impl Iterator<Item = (&Arc<Volume>, ChargeRule, QuotaLimits)> {
        self.volumes().map(move |volume| {
            // Of mounts with the same directory one may have no size, where it is only read.
            let mut same = self.mounts.iter().filter(|(_, other)| Arc::ptr_eq(other, volume));
            let (charge_rule, limits) =
                match same.find_map(|(mount, _)| Some((mount, mount.mount_quota?))) {
                    Some((mount, MountQuota::Own(bytes))) => {
                        let entries = mount.entries.limit(entries);
                        (ChargeRule::Directory, QuotaLimits { bytes: Some(bytes), entries })
                    }
                    Some((_, MountQuota::Account)) => (ChargeRule::Writer, QuotaLimits::NONE),
                    None => (ChargeRule::Directory, QuotaLimits::NONE),
                };
            (volume, charge_rule, limits)
        })
    }

    /// Every directory once.
    pub fn volumes(&self) -> impl Iterator<Item = &Arc<Volume>> {
        self.mounts.iter().enumerate().filter_map(|(i, (_, volume))| {
            let before = self.mounts.get(..i).unwrap_or_default();
            let seen = before.iter().any(|(_, other)| Arc::ptr_eq(other, volume));
            (!seen).then_some(volume)
        })
    }

    /// Those in which somebody may change something.
    pub fn changing(&self) -> impl Iterator<Item = &(Mount, Arc<Volume>)> {
        self.mounts.iter().filter(|(mount, _)| mount.rights.changes())
    }
}
