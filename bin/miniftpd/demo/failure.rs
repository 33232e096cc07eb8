//! Why a demo stops early.

use std::io;

use miniftp::client;

/// Why a demo stops early.
pub(super) enum Failure {
    /// Somebody wants it to end.
    Stopped,
    /// Something did not happen as it should.
    Failed(String),
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Failure {
        match error {
            client::Error::Interrupted => Failure::Stopped,
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Failure {
        Failure::Failed(what)
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Failure {
        Failure::Failed(what.to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}
