//! What makes a connection unfit to be used, and what its user can do.

use std::fmt;

use crate::tls::{Fingerprint, NOT_BUILT};

/// Why a connection would not be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoTls {
    /// This program cannot.
    NotBuilt,
    /// The server does not offer it.
    NotOffered {
        /// Host and port, escaped.
        to: String,
    },
    /// The server does not offer it any more.
    NotAnyMore {
        /// Host and port, escaped.
        to: String,
    },
}

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoTls::NotBuilt => write!(
                f,
                "{NOT_BUILT}, which is required between two machines; take one that was built with \
                 it, or say `--tls off` to go on without"
            ),
            NoTls::NotOffered { to } => write!(
                f,
                "`{to}` offers no encryption, so what travels could be read and changed on the \
                 way; have its operator set [server] tls, or say `--tls preferred` to go on \
                 without"
            ),
            NoTls::NotAnyMore { to } => write!(
                f,
                "`{to}` has offered encryption before and does not now, as if somebody between had \
                 taken that away; say `--tls off` to go on without, or `miniftp known-hosts remove \
                 {to}` if its operator has turned it off"
            ),
        }
    }
}

/// What happened when the server finds that a login is for another channel.
pub(super) const INTERCEPTED: &str = "somebody between this client and the server reads or changes \
    what is sent, so the server has refused the login; the password did not travel, and nothing \
    else was sent; try again from another network, and compare the server's key with its operator";

pub(super) fn key_changed(
    f: &mut fmt::Formatter<'_>,
    to: &str,
    known: &Fingerprint,
    shown: &Fingerprint,
) -> fmt::Result {
    write!(
        f,
        "the key of `{to}` has changed: it was {known} and is {shown} now; somebody between may \
         have put theirs in its place, so nothing was sent; if its operator says that the new one \
         is right, say `miniftp known-hosts accept {to} {shown}`"
    )
}
