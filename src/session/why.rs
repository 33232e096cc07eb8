//! Why something may be done at a path or not, asked by the account that is logged in.
//!
//! Never: changes anything.

use super::{Alive, Session, User};
use crate::error::Result;
use crate::transfer::Claimant;
use crate::why::{self, Requester};

pub use crate::why::Reason;

impl Session {
    /// What may be done at a path as things stand, and what decides it.
    pub fn why(&self, path: &str, alive: &mut Alive<'_>) -> Result<Vec<Reason>> {
        let (user, path) = self.at(path)?;
        let mut reasons = why::reasons(self.shared(), &self.requester(user, alive)?, &path)?;
        reasons.extend(self.rate()?);
        Ok(reasons)
    }

    /// At a mount point that can be stored in: who pays, and how much is left.
    pub fn mount_figures(&self, path: &str, alive: &mut Alive<'_>) -> Result<Option<String>> {
        let (user, path) = self.at(path)?;
        if !user.vfs.is_mount_point(&path) {
            return Ok(None);
        }
        let view = user.vfs.view(&path)?;
        Ok(Some(why::room(self.shared(), &self.requester(user, alive)?, view)?.why))
    }

    fn requester<'a>(&self, user: &'a User, alive: &mut Alive<'_>) -> Result<Requester<'a>> {
        Ok(Requester {
            account: user.account(),
            is_admin: self.is_admin(),
            reports_others: self.is_admin(),
            is_open: true,
            mounts: &user.mounts,
            vfs: &user.vfs,
            usage: self.usage(alive)?,
            writer: Claimant { by: &user.by, session: self.presence.id(), is_stream: false },
        })
    }
}
