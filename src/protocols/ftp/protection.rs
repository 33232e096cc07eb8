//! How an encrypted connection is protected (RFC 4217).

use crate::tls::ServerTls;

/// It keeps the key that it began with, so that another key makes its tickets not worthless.
#[derive(Debug)]
pub(super) struct Protection {
    /// Its tickets are good for its own data connections only.
    pub(super) tls: ServerTls,
    /// Whether it was encrypted from the first byte.
    is_implicit: bool,
    /// Whether `PBSZ` was said, without which `PROT` is not.
    pub(super) has_size: bool,
    /// Whether data connections are encrypted.
    pub(super) is_private: bool,
}

impl Protection {
    pub(super) fn new(tls: ServerTls, is_implicit: bool) -> Protection {
        Protection { tls, is_implicit, has_size: is_implicit, is_private: is_implicit }
    }

    /// The levels are as they were at the beginning.
    pub(super) fn begin_again(&mut self) {
        (self.has_size, self.is_private) = (self.is_implicit, self.is_implicit);
    }
}
