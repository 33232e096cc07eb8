//! The one rule about the last admin: whatever an admin command does, whichever interface carried
//! it, one active admin is left who is not banned, if there was one before.
//!
//! On the server's machine `miniftpd account add NAME --role admin` makes another one.

use super::Desk;
use crate::accounts::bans::Who;
use crate::accounts::{Account, Accounts, Role, State, StoreError};

/// Why it is refused.
pub(super) const REFUSED: &str = "there would be no admin left";

impl Desk<'_> {
    /// Refuses a change of the accounts, or a ban, that leaves nobody.
    pub(super) fn check_admin_left(
        &self,
        before: &Accounts,
        after: &Accounts,
        banned: Option<&Who>,
    ) -> Result<(), StoreError> {
        self.bans.refresh();
        let is_banned = |one: &Account| self.bans.check_account(one.name().as_str()).is_err();
        let works = |one: &Account| {
            one.role == Role::Admin && one.state == State::Active && !is_banned(one)
        };
        let is_kept_out =
            |one: &Account| banned.is_some_and(|who| *who == Who::Account(one.name().clone()));
        let had = before.iter().any(works);
        let has = after.iter().any(|one| works(one) && !is_kept_out(one));
        if had && !has { Err(StoreError::LastAdmin) } else { Ok(()) }
    }
}
