//! The temporary password of a login, before it is counted and after.

use crate::rights::Rights;
use crate::scram::Verifier;

/// The temporary password that a session logged in with.
#[derive(Debug)]
pub(super) struct TemporaryLogin {
    pub(super) prefix: String,
    /// The most that it may do.
    pub(super) rights: Rights,
}

/// One that was right in a login and is not counted yet.
#[derive(Debug)]
pub(super) struct UsedTemporary {
    pub(super) prefix: String,
    pub(super) verifier: Verifier,
    pub(super) rights: Rights,
}

impl TemporaryLogin {
    /// For the log.
    pub(super) fn described(&self) -> String {
        let only = if self.rights.changes() { "" } else { ", which only reads" };
        format!("with the temporary password {}{only}", self.prefix)
    }
}
