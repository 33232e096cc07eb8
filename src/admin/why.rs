//! Why an account may do something at a path or not, asked by who looks after it.
//!
//! Never: acts. The one trace is the account's home, which is made if it is not there yet.

use super::{Admin, told};
use crate::accounts::{AccountName, Role, State};
use crate::error::{Error, Result};
use crate::quota::Usage;
use crate::transfer::{Alive, Claimant};
use crate::vfs::VPath;
use crate::why::{self, Reason, Whom};

impl Admin<'_> {
    /// What an account, or a guest by the name that guests have, may do at a path from its root.
    ///
    /// `alive` is called while files are added up.
    pub fn why(&self, name: &str, path: &str, alive: &mut Alive<'_>) -> Result<Vec<Reason>> {
        let (site, path) = (self.site, VPath::root().join(path)?);
        let mounts = site.mounts();
        // As a new session of the account would find it.
        let writer = Claimant { by: name, session: 0, is_stream: false };
        if name == AccountName::guest().as_str() {
            let nobody = Error::Unknown { what: "account", name: name.to_owned() };
            let vfs = site.views_of_guest()?.ok_or(nobody)?;
            let usage = Usage::NONE;
            let (account, mounts) = (None, &*mounts);
            let (is_admin, is_open, vfs) = (false, true, &vfs);
            let tells_others = true;
            let whom =
                Whom { account, is_admin, is_open, tells_others, mounts, vfs, usage, writer };
            return why::reasons(site, &whom, &path);
        }
        let accounts = site.accounts();
        let account = accounts.require(name).map_err(told)?;
        let vfs = site.views_of(account)?;
        let whom = Whom {
            account: Some(name),
            is_admin: account.role == Role::Admin,
            tells_others: true,
            is_open: account.state == State::Active,
            mounts: &mounts,
            vfs: &vfs,
            usage: site.usage_of(account, alive)?,
            writer,
        };
        why::reasons(site, &whom, &path)
    }
}
