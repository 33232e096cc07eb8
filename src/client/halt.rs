//! Why an attempt at a transfer ended before the transfer did.

use super::error::Error;

/// Why an attempt at a transfer ended before the transfer did.
#[derive(Debug)]
pub(super) enum Halt {
    /// The file is not what it was; the comparison begins again.
    Changed,
    /// The local file is longer than it was; the comparison begins again.
    Grown,
    /// The whole differs although its chunks are equal; the comparison begins again.
    Differs,
    /// Another session is writing the same path, perhaps one of this account that has just died.
    Busy(Error),
    /// What stood in the way is settled, so the same can be asked for again.
    Settled,
    /// It failed, or the connection broke.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl From<crate::error::Error> for Halt {
    fn from(error: crate::error::Error) -> Halt {
        Halt::Failed(error.into())
    }
}
