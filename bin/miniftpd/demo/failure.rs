//! Why a demo stops early.

use std::io;

use miniftp::client;

use crate::ends::Ends;

/// Why a demo stops early.
pub(super) enum DemoFailure {
    /// Somebody wants it to end.
    Stopped,
    /// Something did not happen as it should.
    Failed(String),
}

/// Whether the demo goes on.
pub(super) fn check(ends: &Ends) -> Result<(), DemoFailure> {
    if ends.is_over() { Err(DemoFailure::Stopped) } else { Ok(()) }
}

impl From<client::Error> for DemoFailure {
    fn from(error: client::Error) -> DemoFailure {
        match error {
            client::Error::Interrupted => DemoFailure::Stopped,
            error => DemoFailure::Failed(error.to_string()),
        }
    }
}

impl From<String> for DemoFailure {
    fn from(what: String) -> DemoFailure {
        DemoFailure::Failed(what)
    }
}

impl From<&str> for DemoFailure {
    fn from(what: &str) -> DemoFailure {
        DemoFailure::Failed(what.to_owned())
    }
}

impl From<io::Error> for DemoFailure {
    fn from(error: io::Error) -> DemoFailure {
        DemoFailure::Failed(error.to_string())
    }
}
