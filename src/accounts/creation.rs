//! The one way in which accounts come into being, whoever asks: the command line, an admin's
//! client, `SITE`, a registration, the class list, an import.
//!
//! Invariant: a new account has a home of its own. It is, holds and lies in no mount's directory,
//! and what a former account of the name has left is taken over only when that is said.

use super::{Account, Draft, StoreError};
use crate::vfs::{Adopt, Homes};

impl Draft {
    /// Adds an account: its name, record, quota, role and rights as `account` has them.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one of that name; what [`Homes::check_new`] says of one
    /// whose home is not free.
    pub fn create(
        &mut self,
        account: Account,
        adopt: Adopt,
        homes: &Homes,
    ) -> Result<(), StoreError> {
        if self.accounts.by_name.contains_key(account.name.as_str()) {
            return Err(StoreError::Exists(account.name));
        }
        homes.check_new(account.name.as_str(), adopt)?;
        self.accounts.by_name.insert(account.name.clone(), account);
        Ok(())
    }
}
