//! Who may log in, with what quota and role.
//!
//! [`Accounts`] is the validated whole of conf/accounts.ini as an unchanging snapshot;
//! [`AccountStore`] hands out the present one and makes the next.
//!
//! Never: checks a password in passing (that is [`crate::scram`]); reads anything unreadable as a
//! right. A missing or unreadable value refuses the whole file.
//! Invariant: names are unique, every value has been checked, and a quota is unlimited only where
//! that word is written.

pub mod bans;
pub mod check;
mod creation;
mod error;
mod name;
mod range;
mod record;
pub mod register;
mod store;
pub mod temporary;

use std::collections::BTreeMap;

use crate::conffile::keys::{OneOf, ValueForm};
use crate::conffile::{FileError, KeptNames};
use crate::limits;
use crate::quota::Entries;
use crate::rights::Rights;
use crate::scram::{RecordShape, Verifier};
use crate::text::{is_harmful, nearest, parse_size};

pub use crate::conffile::read_text_at_most;
pub use error::StoreError;
pub use name::{AccountName, NAME_FORM};
pub use range::AddressRange;
pub use record::quota_text;
pub(crate) use record::{ENTRIES, KEYS, RIGHTS};
pub use store::AccountStore;

/// What an account may do beyond its own home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    User,
    /// See and change other accounts.
    Admin,
}

impl Role {
    pub(crate) const WORDS: &[(&str, Role)] =
        &[(Role::User.as_str(), Role::User), (Role::Admin.as_str(), Role::Admin)];

    /// Reads `user` or `admin`.
    pub fn parse(text: &str) -> Option<Role> {
        OneOf(Role::WORDS).read(text)
    }

    /// The word for it, as [`Role::parse`] reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Admin => "admin",
        }
    }
}

/// Whether an account may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It may.
    Active,
    /// It may not, and sessions that it has end with their next command. Its files stay.
    Closed,
}

impl AccountState {
    const WORDS: &[(&str, AccountState)] = &[
        (AccountState::Active.as_str(), AccountState::Active),
        (AccountState::Closed.as_str(), AccountState::Closed),
    ];

    /// The word for it in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccountState::Active => "active",
            AccountState::Closed => "closed",
        }
    }
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: AccountName,
    /// What its password is checked against.
    pub verifier: Verifier,
    /// Bytes that it may store; `None` is without limit.
    pub quota_bytes: Option<u64>,
    /// How many entries it may have.
    pub entries: Entries,
    /// What it may do in its own home.
    pub rights: Rights,
    /// What it may do beyond its own home.
    pub role: Role,
    /// Whether it may log in.
    pub state: AccountState,
    /// Whether its password is printed in the README: it logs in from this machine only.
    pub demo: bool,
    /// Whether the record is of the MD5 of the password, in hexadecimal, as another server had it:
    /// it is good only for FTP, whose first login makes it a record of the password.
    pub of_md5: bool,
    remark: String,
}

impl Account {
    /// An active account of an ordinary user, without a remark.
    pub fn new(name: AccountName, verifier: Verifier, quota_bytes: Option<u64>) -> Account {
        Account {
            name,
            verifier,
            quota_bytes,
            entries: Entries::Default,
            rights: Rights::ALL,
            role: Role::User,
            state: AccountState::Active,
            demo: false,
            of_md5: false,
            remark: String::new(),
        }
    }

    /// Its name, which never changes: its files hang on it.
    pub fn name(&self) -> &AccountName {
        &self.name
    }

    /// What the operator noted about it; empty if nothing.
    pub fn remark(&self) -> &str {
        &self.remark
    }

    /// Notes something about it; spaces around the text are dropped.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a text that would not come back from the file as it was.
    pub fn set_remark(&mut self, remark: &str) -> Result<(), StoreError> {
        let remark = remark.trim();
        check_remark(remark).map_err(|what| StoreError::Refused(what.to_owned()))?;
        remark.clone_into(&mut self.remark);
        Ok(())
    }
}

/// All accounts as they were at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    generation: u64,
    by_name: BTreeMap<AccountName, Account>,
}

impl Accounts {
    /// Reads the text of a whole accounts.ini.
    ///
    /// # Errors
    /// All its mistakes, as [`AccountStore::open`] tells them.
    pub fn from_text(bytes: &[u8]) -> Result<Accounts, StoreError> {
        let read = record::read(bytes);
        Ok(read.map_err(|errors| FileError::parse(store::FILE.as_ref(), errors))?)
    }

    /// The text of accounts.ini for these accounts.
    pub fn to_text(&self) -> String {
        record::write(self)
    }

    /// The account of that name; any text may be asked for.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.by_name.get(name)
    }

    /// The account of that name, for somebody who is sure that there is one.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] with the name that may have been meant.
    pub fn require(&self, name: &str) -> Result<&Account, StoreError> {
        self.account(name).ok_or_else(|| self.unknown(name))
    }

    /// All accounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_name.values()
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The shape of a password's record that a name which no account has should pretend to have, if
    /// there is any account: of the shapes that there are, each as often as it is there. `draw` is
    /// the name's own number.
    ///
    /// Shapes are in order, so that a shape that becomes rarer or more frequent is given to a few
    /// other names, and all others keep theirs.
    pub fn likely_shape(&self, draw: u64) -> Option<RecordShape> {
        let mut counts = BTreeMap::<RecordShape, u128>::new();
        for account in self.iter() {
            *counts.entry(account.verifier.shape()).or_default() += 1;
        }
        let mut at = (u128::from(draw) * self.len() as u128) >> u64::BITS;
        counts.into_iter().find_map(|(shape, count)| match at.checked_sub(count) {
            None => Some(shape),
            Some(left) => {
                at = left;
                None
            }
        })
    }

    /// Counts the writes of the store; an edit by hand leaves it as it is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn unknown(&self, name: &str) -> StoreError {
        let names = self.by_name.keys().map(AccountName::as_str);
        StoreError::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, names).map(str::to_owned),
        }
    }
}

/// Accounts being changed within [`AccountStore::edit`].
#[derive(Debug)]
pub struct AccountsEdit {
    accounts: Accounts,
    /// The names of removed accounts. An account that was made again has its name there still,
    /// which says nothing while there is one.
    former: KeptNames,
}

impl AccountsEdit {
    /// The accounts with the changes so far.
    pub fn so_far(&self) -> &Accounts {
        &self.accounts
    }

    /// The account of that name, to be changed.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if there is none.
    pub fn account(&mut self, name: &str) -> Result<&mut Account, StoreError> {
        let unknown = self.accounts.unknown(name);
        self.accounts.by_name.get_mut(name).ok_or(unknown)
    }
}

/// Reads a quota, `None` being without limit; only the word `unlimited` means that.
///
/// # Errors
/// What was expected, for anything else.
pub fn parse_quota(text: &str) -> Result<Option<u64>, &'static str> {
    match text {
        "unlimited" => Ok(None),
        _ => parse_size(text).map(Some).ok_or("expected a size like 10M, 1.5G or unlimited"),
    }
}

/// An admin's reason without spaces around it, unless it would not come back from its file.
fn check_reason(reason: &str) -> Result<&str, StoreError> {
    let reason = reason.trim();
    let refused = |what: &str| StoreError::Refused(what.replace("a remark", "a reason"));
    check_remark(reason).map(|()| reason).map_err(refused)
}

/// Refuses a remark that would not come back from the file exactly as it was.
fn check_remark(remark: &str) -> Result<(), &'static str> {
    if remark.len() > limits::REMARK {
        return Err("a remark has at most 200 bytes");
    }
    if remark.chars().any(is_harmful) || remark.trim() != remark {
        return Err("a remark has neither control characters nor spaces around it");
    }
    if remark.ends_with('\\') {
        return Err("a remark does not end with a backslash");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Accounts of which so many have each of these iterations.
    fn accounts(shares: &[(u32, usize)]) -> Accounts {
        let all = shares.iter().flat_map(|(iterations, count)| (0..*count).map(|_| *iterations));
        let all = all.enumerate().map(|(n, iterations)| {
            let name = AccountName::parse(&format!("a{n}")).unwrap();
            let shape = RecordShape::of_new(iterations);
            (name.clone(), Account::new(name, Verifier::mock(&[1; 32], "a", shape), None))
        });
        Accounts { generation: 1, by_name: all.collect() }
    }

    proptest! {
        #[test]
        fn unknown_names_have_the_shapes_of_accounts_in_the_same_shares(
            counts in proptest::collection::vec(0_usize..20, 1..4), draw: u64,
        ) {
            let shares: Vec<(u32, usize)> =
                counts.iter().enumerate().map(|(n, count)| (4096 + n as u32, *count)).collect();
            let all = accounts(&shares);
            let shape = all.likely_shape(draw);
            prop_assert_eq!(shape.is_none(), all.is_empty());
            // The draws of each shape are one span, as long as its share.
            let mut from = 0_u128;
            for (iterations, count) in shares {
                let to = from + count as u128;
                let at = (u128::from(draw) * all.len() as u128) >> 64;
                let is_this = shape.is_some_and(|shape| shape.iterations == iterations);
                prop_assert_eq!(is_this, (from..to).contains(&at));
                from = to;
            }
        }
    }
}
