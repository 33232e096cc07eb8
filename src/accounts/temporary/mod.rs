//! Temporary passwords for FTP, which accounts make for themselves: for clients that cannot
//! encrypt, on a network that is trusted for so long.
//!
//! [`TemporaryPasswords`] keeps them in step with conf/ftp-passwords.ini. Each is a record beside
//! that of its account, found by its public prefix.
//!
//! Never: keeps a secret; gives an account more than it may do by itself.
//! Invariant: one is good only until its moment, for as many logins as it was given, and as long as
//! its account is open and has the password that it had when this one was made.

mod record;
mod store;

use super::{Account, AccountName, AccountState, AddressRange};
use crate::conffile::ParseErrors;
use crate::rights::Rights;
use crate::scram::Verifier;

pub use self::store::TemporaryPasswords;

/// A temporary password as it is on the disk. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporaryPassword {
    /// Whose it is.
    pub account: AccountName,
    /// What it is checked against.
    pub verifier: Verifier,
    /// The mark of the account's own record when this one was made.
    pub beside: String,
    /// Since when it is good.
    pub since_secs: i64,
    /// Until when.
    pub until_secs: i64,
    /// Logins that are left; `None` is any number.
    pub uses: Option<u32>,
    /// The most that a session may do that logged in with it.
    pub rights: Rights,
    /// From where it is good; `None` is anywhere.
    pub from: Option<AddressRange>,
}

impl TemporaryPassword {
    /// Whether it is good for this account now, as far as it does not matter from where.
    fn is_good(&self, account: &Account, now_secs: i64) -> bool {
        self.account == *account.name()
            && account.state == AccountState::Active
            && now_secs < self.until_secs
            && self.uses != Some(0)
            && self.beside == account.verifier.mark()
    }
}

/// How many a file has, or what is wrong with it.
pub(super) fn check_temporary(bytes: &[u8]) -> Result<String, ParseErrors> {
    record::read(Some(bytes)).map(|book| format!("{} temporary passwords", book.all.len()))
}
