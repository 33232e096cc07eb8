//! What the stream and the messages say, seen from the client.

use super::Error;

impl From<crate::error::Error> for Error {
    fn from(error: crate::error::Error) -> Error {
        use crate::error::Error as E;
        match error {
            E::Gone | E::TimedOut { .. } | E::Malformed { .. } | E::TooLarge { .. } => {
                Error::Line { doing: "", source: error }
            }
            E::Interrupted => Error::Interrupted,
            E::LoginRefused => Error::LoginRefused,
            E::ServerUnproven => Error::ServerUnproven,
            E::Intercepted(_) => Error::Intercepted,
            E::BadField { what } | E::BadArgument { what } | E::Unsupported { what } => {
                Error::Protocol { what }
            }
            other => Error::Line { doing: "", source: other },
        }
    }
}
