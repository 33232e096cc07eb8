//! What is left of a transfer that was given up.

use std::fmt;

/// How to continue where parts stay.
const GOES_ON: &str = "what has arrived stays, the same command resumes from there";

/// What a transfer that was given up leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remains {
    /// A part, with which the same transfer goes on.
    Part,
    /// Nothing: the part of whoever has no account.
    Nothing,
    /// What was written to a writer, in which nobody can go back.
    Written,
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remains::Part => GOES_ON,
            Remains::Nothing => "nothing is kept of what an anonymous user has not finished",
            Remains::Written => "what was written stays, and nothing can go on behind it",
        })
    }
}
