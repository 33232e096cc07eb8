//! One mount: which folder is seen where, by whom, with what rights, and who pays for it.

use std::path::Path;

use crate::accounts::AccountName;
use crate::quota::Entries;
use crate::rights::Rights;
use crate::sandbox::{NEXT_START, Reach, Sandbox};
use crate::vfs::VPath;

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

impl MountAudience {
    /// How near it is to a visitor: an account's name, or `None` for a guest. `None` if it is not
    /// for them.
    pub(super) fn nearness(&self, account: Option<&str>) -> Option<u8> {
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
    pub(super) fn collides(&self, other: &MountAudience) -> bool {
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
