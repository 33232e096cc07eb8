//! The one way in which accounts come into being, and go, whoever asks: the command line, an
//! admin's client, `SITE`, a registration, the class list, an import.
//!
//! Invariant: a new account has a home of its own. It is, holds and lies in no mount's directory,
//! and what a former account of the name has left is taken over only when that is said.

use super::{Account, AccountsEdit, StoreError};
use crate::vfs::{Adopt, Homes};

impl AccountsEdit {
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

    /// Removes an account. Its name is kept first, so that whatever it leaves anywhere is nobody's
    /// until somebody says `adopt`.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if there is none; what [`Homes::keep_name`] refuses.
    pub fn remove(&mut self, name: &str, homes: &Homes) -> Result<Account, StoreError> {
        self.account(name)?;
        homes.keep_name(name)?;
        self.accounts.by_name.remove(name).ok_or_else(|| self.accounts.unknown(name))
    }
}
