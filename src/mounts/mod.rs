//! Which real folders are mounted where, for whom and with what rights: conf/mounts.ini.
//!
//! Never: opens a user's file. A file with a fault is refused whole.
//! Invariant: of what an account has mounted, no two things are at one place; where anybody may
//! change something, the folder is nobody's home and lies neither in nor around another mount.

mod reading;
mod store;

use std::path::Path;
use std::sync::Arc;

use crate::accounts::AccountName;
use crate::conffile::read_text_at_most;
use crate::limits;
use crate::quota::{ChargeRule, Entries, QuotaLimits};
use crate::rights::Rights;
use crate::sandbox::{NEXT_START, Reach, Sandbox};
use crate::vfs::{VPath, Volume};

pub(crate) use reading::KEYS;
pub use store::{FILE, MountStore, check, check_text, dirs_in};

/// For whom something is mounted. In this order: the nearer to the account, the later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountAudience {
    /// Accounts and guests.
    Everybody,
    /// All accounts.
    All,
    /// Guests.
    Guests,
    /// These accounts.
    Named(Vec<AccountName>),
}

/// How much may be stored, and who is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountQuota {
    /// The mount itself, with this limit in bytes.
    Own(u64),
    /// The account that stores something.
    Account,
}

/// One section of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its name.
    pub name: String,
    /// Where it is seen.
    pub at: VPath,
    /// The real folder, as the file says it.
    pub dir: String,
    /// For whom.
    pub audience: MountAudience,
    /// What they may do there.
    pub rights: Rights,
    /// Who pays for it; `None` where nothing can be stored.
    pub mount_quota: Option<MountQuota>,
    /// How many entries it may hold, where it pays for itself.
    pub entries: Entries,
}

impl Mount {
    /// Refuses the directory `path` where the kernel holds a server to what does not have it.
    ///
    /// # Errors
    /// In words that go on after the name of the directory.
    pub fn check_reach(&self, sandbox: &Sandbox, path: &Path) -> std::result::Result<(), String> {
        let reach = if self.rights.changes() { Reach::Change } else { Reach::Read };
        if sandbox.reaches(path, reach) {
            return Ok(());
        }
        let what = if sandbox.reaches(path, Reach::Read) { "change" } else { "open" };
        Err(format!("is outside of what the running server may {what} (landlock); {NEXT_START}"))
    }
}

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

impl MountAudience {
    /// How near it is to a visitor: an account's name, or `None` for a guest. `None` if it is not
    /// for them.
    fn nearness(&self, account: Option<&str>) -> Option<u8> {
        match (self, account) {
            (MountAudience::Everybody, _) => Some(0),
            (MountAudience::All, Some(_)) | (MountAudience::Guests, None) => Some(1),
            (MountAudience::Named(names), Some(account)) => {
                names.iter().any(|name| name.as_str() == account).then_some(2)
            }
            _ => None,
        }
    }

    /// Whether both are equally near to somebody.
    fn collides(&self, other: &MountAudience) -> bool {
        match (self, other) {
            (MountAudience::Named(ours), MountAudience::Named(theirs)) => {
                ours.iter().any(|name| theirs.contains(name))
            }
            (ours, theirs) => ours == theirs,
        }
    }
}

impl std::fmt::Display for MountAudience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MountAudience::Everybody => f.write_str("accounts and guests"),
            MountAudience::All => f.write_str("all accounts"),
            MountAudience::Guests => f.write_str("guests"),
            MountAudience::Named(names) => {
                let names: Vec<&str> = names.iter().map(AccountName::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
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
