//! What both ends of a connection are called.

use crate::tls;

/// What this program calls itself.
pub const SOFTWARE: &str = if tls::IS_BUILT {
    concat!("miniftp ", env!("CARGO_PKG_VERSION"))
} else {
    concat!("miniftp ", env!("CARGO_PKG_VERSION"), " (without TLS)")
};

/// A server's address as it stands in the file and in commands: IPv6 in brackets, names in small
/// letters.
pub fn server_address(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
