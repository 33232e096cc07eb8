//! The one rule about the last admin: whatever an admin command does, whichever interface carried
//! it, one active admin is left who is not banned, if there was one before.
//!
//! On the server's machine `miniftpd account add NAME --role admin` makes another one.

use super::AdminDesk;
use crate::accounts::bans::BanTarget;
use crate::accounts::{Account, AccountState, Accounts, Role, StoreError};

/// Why it is refused.
pub(super) const REFUSED: &str = "there would be no admin left";

impl AdminDesk<'_> {
    /// Refuses a change of the accounts, or a ban, that leaves nobody.
    pub(super) fn check_admin_left(
        &self,
        before: &Accounts,
        after: &Accounts,
        banned: Option<&BanTarget>,
    ) -> Result<(), StoreError> {
        self.bans.refresh();
        let is_banned = |one: &Account| self.bans.check_account(one.name().as_str()).is_err();
        let works = |one: &Account| {
            one.role == Role::Admin && one.state == AccountState::Active && !is_banned(one)
        };
        let is_kept_out = |one: &Account| {
            banned.is_some_and(|who| *who == BanTarget::Account(one.name().clone()))
        };
        let had = before.iter().any(works);
        let has = after.iter().any(|one| works(one) && !is_kept_out(one));
        if had && !has { Err(StoreError::LastAdmin) } else { Ok(()) }
    }
}
