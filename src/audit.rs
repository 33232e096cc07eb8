//! One line in the log for each act on people: who, from where, what, and what came of it.
//!
//! Never: a secret, or a name as it came.

use std::fmt;

use crate::text::Escaped;

/// Who acts: an account and its address, or the operator.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The account's name, or `operator`.
    pub name: &'a str,
    /// The address, or the terminal or command line.
    pub from: &'a str,
}

impl fmt::Display for Actor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", Escaped(self.name), Escaped(self.from))
    }
}

/// Notes an act that was done, or the reason why it was not. `what` names things escaped.
pub fn note<T, E: fmt::Display>(
    by: Actor<'_>,
    what: fmt::Arguments<'_>,
    result: &std::result::Result<T, E>,
) {
    match result {
        Ok(_) => log::info!("audit: {by}: {what}: done"),
        Err(e) => log::info!("audit: {by}: {what}: refused: {e}"),
    }
}
