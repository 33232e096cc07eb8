//! The one way in which accounts come into being, and go, whoever asks: the command line, an
//! admin's client, `SITE`, a registration, the class list, an import.
//!
//! Invariant: a new account has a home of its own. It is, holds and lies in no mount's directory,
//! and what a former account of the name has left is taken over only when that is said.

use super::{Account, AccountName, AccountStore, AccountsEdit, StoreError};
use crate::conffile::KeptNames;
use crate::error::{Error, HomeRefused};
use crate::vfs::{Adopt, Homes};

impl AccountsEdit {
    /// Adds an account: its name, record, quota, role and rights as `account` has them.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one of that name; what [`AccountStore::check_new`]
    /// says of one that is not free.
    pub fn create(
        &mut self,
        account: Account,
        adopt: Adopt,
        homes: &Homes,
    ) -> Result<(), StoreError> {
        if self.accounts.by_name.contains_key(account.name.as_str()) {
            return Err(StoreError::Exists(account.name));
        }
        check_new(&self.former, &account.name, adopt, homes)?;
        self.accounts.by_name.insert(account.name.clone(), account);
        Ok(())
    }

    /// Removes an account. Its name is kept first, so that whatever it leaves anywhere is nobody's
    /// until somebody says `adopt`.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if there is none; [`Error::TooMany`], what the system refuses.
    pub fn remove(&mut self, name: &str) -> Result<Account, StoreError> {
        let kept = self.account(name)?.name.clone();
        self.former.keep(kept.as_str())?;
        self.accounts.by_name.remove(name).ok_or_else(|| self.accounts.unknown(name))
    }
}

impl AccountStore {
    /// Refuses a name that no new account can have here: see [`Homes::check_new`]; and one that an
    /// account had which was removed, unless whatever that left is to be taken over.
    ///
    /// # Errors
    /// [`Error::Home`], what the system refuses.
    pub fn check_new(&self, name: &AccountName, adopt: Adopt, homes: &Homes) -> Result<(), Error> {
        check_new(&self.former, name, adopt, homes)
    }
}

fn check_new(
    former: &KeptNames,
    name: &AccountName,
    adopt: Adopt,
    homes: &Homes,
) -> Result<(), Error> {
    if adopt == Adopt::No && former.has(name.as_str())? {
        return Err(Error::Home { name: name.to_string(), why: HomeRefused::Kept });
    }
    homes.check_new(name.as_str(), adopt)
}
