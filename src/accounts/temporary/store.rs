//! The temporary passwords in force, kept in step with conf/ftp-passwords.ini, which the server,
//! its commands and people write.
//!
//! Invariant: one that was answered as made, used or revoked is that on the disk.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::TemporaryPassword;
use super::record::{self, Book};
use crate::accounts::{Account, AccountName, AccountStore, Accounts, StoreError};
use crate::conffile::{FileError, Lock, Watched};
use crate::error::{Error, Result};
use crate::limits;
use crate::scram::{TemporarySecret, Verifier};
use crate::text::Moment;

/// The file's name in the folder of settings.
pub(in crate::accounts) const FILE: &str = "ftp-passwords.ini";

/// The temporary passwords; one for the whole server, shared by all its threads.
#[derive(Debug)]
pub struct TemporaryPasswords {
    file: Watched<Book>,
}

impl TemporaryPasswords {
    /// Those of this folder. Of a file with a mistake nothing is good, until it is fixed.
    pub fn open(conf: &Path) -> TemporaryPasswords {
        let stays = "the temporary passwords stay as they were";
        let file = Watched::new(conf.join(FILE), limits::TEMPORARY_FILE, stays);
        file.look(&record::read);
        TemporaryPasswords { file }
    }

    /// Those that are good for an account from an address now, by prefix.
    fn good_for<'a>(
        book: &'a Book,
        account: &'a Account,
        from: IpAddr,
    ) -> impl Iterator<Item = (&'a String, &'a TemporaryPassword)> {
        let now = Moment::now().0;
        let is_here = move |one: &TemporaryPassword| one.from.is_none_or(|range| range.holds(from));
        book.all.iter().filter(move |(_, one)| one.is_good(account, now) && is_here(one))
    }

    /// Whether an account has one that is good from there now.
    pub fn has(&self, account: &Account, from: IpAddr) -> bool {
        let book = self.file.look(&record::read).value;
        Self::good_for(&book, account, from).next().is_some()
    }

    /// The one that a password could be, by its prefix: for this account, from there, now.
    pub fn find(
        &self,
        account: &Account,
        secret: &TemporarySecret,
        from: IpAddr,
    ) -> Option<TemporaryPassword> {
        let book = self.file.look(&record::read).value;
        let mut good = Self::good_for(&book, account, from);
        good.find(|(prefix, _)| *prefix == secret.prefix()).map(|(_, one)| one.clone())
    }

    /// All of an account, or of everybody, by prefix.
    ///
    /// # Errors
    /// A file with a mistake.
    pub fn list(
        &self,
        account: Option<&str>,
    ) -> Result<Vec<(String, TemporaryPassword)>, StoreError> {
        let book = self.file.load(&record::read)?;
        let all = book
            .all
            .iter()
            .filter(|(_, one)| account.is_none_or(|name| name == one.account.as_str()));
        Ok(all.map(|(prefix, one)| (prefix.clone(), one.clone())).collect())
    }

    /// Keeps one more; those that are good no longer go.
    ///
    /// # Errors
    /// [`Error::NameTaken`] for a prefix that another one has, [`Error::TooMany`]; a file with a
    /// mistake, and what the system refuses.
    pub fn add(
        &self,
        store: &AccountStore,
        prefix: &str,
        new: &TemporaryPassword,
    ) -> Result<(), StoreError> {
        let lock = store.lock(limits::LOCK_WAIT)?;
        let accounts = store.current();
        self.change(&lock, &|book| {
            forget_old(book, &accounts);
            let too_many = |what, max: usize| Error::TooMany { what, max: max as u64 };
            let own = book.all.values().filter(|one| one.account == new.account);
            if own.count() >= limits::TEMPORARY_OF_ACCOUNT {
                let what = "temporary passwords of one account; revoke one";
                return Err(too_many(what, limits::TEMPORARY_OF_ACCOUNT).into());
            }
            if book.all.len() >= limits::TEMPORARY {
                return Err(too_many("temporary passwords", limits::TEMPORARY).into());
            }
            match book.all.insert(prefix.to_owned(), new.clone()) {
                None => Ok(()),
                Some(_) => Err(Error::NameTaken { name: prefix.to_owned() }.into()),
            }
        })
    }

    /// Counts a login with one. Whoever comes when there is no login left is too late, also if all
    /// of them come at once.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] for one that is good no longer; a file with a mistake, and what the
    /// system refuses.
    pub fn spend(
        &self,
        store: &AccountStore,
        prefix: &str,
        verifier: &Verifier,
    ) -> Result<(), StoreError> {
        let now = Moment::now().0;
        let is_it = |one: &TemporaryPassword| one.verifier == *verifier && now < one.until_secs;
        let found = self.file.look(&record::read).value;
        match found.all.get(prefix).filter(|one| is_it(one)) {
            Some(one) if one.uses.is_none() => return Ok(()),
            Some(_) => {}
            None => return Err(Error::LoginRefused.into()),
        }
        let lock = store.lock(limits::LOCK_WAIT)?;
        self.change(&lock, &|book| {
            let one = book.all.get_mut(prefix).filter(|one| is_it(one));
            let uses = one.map(|one| &mut one.uses).ok_or(Error::LoginRefused)?;
            if let Some(left) = uses {
                *left = left.checked_sub(1).ok_or(Error::LoginRefused)?;
            }
            Ok(())
        })
    }

    /// Makes one good no longer: one of `owner` where that is given.
    ///
    /// # Errors
    /// [`Error::Unknown`]; a file with a mistake, and what the system refuses.
    pub fn revoke(
        &self,
        store: &AccountStore,
        prefix: &str,
        owner: Option<&AccountName>,
    ) -> Result<TemporaryPassword, StoreError> {
        let lock = store.lock(limits::LOCK_WAIT)?;
        self.change(&lock, &|book| {
            let is_its = |one: &&TemporaryPassword| owner.is_none_or(|name| *name == one.account);
            let one = book.all.get(prefix).filter(is_its).cloned();
            let name = prefix.to_owned();
            let one = one.ok_or(Error::Unknown { what: "temporary password", name })?;
            book.all.remove(prefix);
            Ok(one)
        })
    }

    /// Removes what is good no longer. Without a wait it leaves that to the next look where
    /// somebody else is at the files just now.
    pub fn tidy(&self, store: &AccountStore, wait: Duration) {
        let before = self.file.look(&record::read).value;
        let mut left = Book::clone(&before);
        forget_old(&mut left, &store.current());
        if left == *before {
            return;
        }
        let changed = store.lock(wait).map_err(StoreError::from).and_then(|lock| {
            // What the accounts are is asked under the lock: an edit under way has made them.
            let accounts = store.current();
            self.change(&lock, &|book| {
                forget_old(book, &accounts);
                Ok(())
            })
        });
        match changed {
            Ok(()) => {}
            Err(StoreError::File(FileError::Locked { .. })) if wait.is_zero() => {}
            Err(e) => log::error!("{e}; temporary passwords that are over are kept there"),
        }
    }

    /// Whether one has this prefix, good or not.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.file.last().all.contains_key(prefix)
    }

    fn change<T>(
        &self,
        lock: &Lock,
        change: &dyn Fn(&mut Book) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.file.edit(lock, (&record::read, record::write), &|before| {
            let mut book = before.clone();
            let done = change(&mut book)?;
            if book.all != before.all {
                book.generation = before.generation.saturating_add(1);
            }
            Ok((book, done))
        })
    }
}

fn forget_old(book: &mut Book, accounts: &Accounts) {
    let now = Moment::now().0;
    book.all.retain(|_, one| {
        accounts.account(one.account.as_str()).is_some_and(|account| one.is_good(account, now))
    });
}
