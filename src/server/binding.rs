//! Binding the sockets of a protocol.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rustix::io::Errno;

use super::StartError;
use super::ends::NO_IMPLICIT;
use crate::shared::Shared;

/// How often a free port is asked for that is free at all addresses.
const TRIES: usize = 20;

/// Where FTP with implicit TLS is served; nowhere unless the settings say so.
pub(super) fn implicit(shared: &Shared) -> Result<Vec<SocketAddr>, StartError> {
    let implicit = shared.config().ftp.implicit;
    match implicit.is_some() && shared.tls().is_none() {
        true => Err(StartError::Encryption(NO_IMPLICIT.to_owned())),
        false => Ok(implicit.into_iter().collect()),
    }
}

/// Binds all of a protocol's addresses. Port 0 is one free port for all of them.
pub(super) fn bind_all(
    protocol: &'static str,
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, StartError> {
    let mut tries = TRIES;
    loop {
        match bind_each(protocol, addresses) {
            // The port that is free at one address belongs to somebody at another.
            Err((StartError::Bind { source, .. }, true))
                if source.kind() == io::ErrorKind::AddrInUse && tries > 0 =>
            {
                tries -= 1;
            }
            bound => return bound.map_err(|(e, _)| e),
        }
    }
}

/// The flag of an error tells that another port may be free.
fn bind_each(
    protocol: &'static str,
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, (StartError, bool)> {
    let (mut bound, mut port) = (Vec::new(), 0);
    for address in addresses {
        let (mut wanted, is_free) = (*address, address.port() == 0);
        if is_free {
            wanted.set_port(port);
        }
        let listener = bind(protocol, wanted).map_err(|e| (e, is_free && port != 0))?;
        if is_free {
            port = listener.local_addr().map_or(0, |address| address.port());
        }
        bound.push(listener);
    }
    Ok(bound)
}

/// Binds an address. All networks are those of IPv4 where the system has no IPv6.
///
/// # Errors
/// What the system refuses.
pub fn bind(protocol: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = match TcpListener::bind(address) {
        Err(e) if is_without_ipv6(&e) && address.ip().is_unspecified() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    };
    bound.map_err(|source| StartError::Bind { protocol, address, source })
}

/// Whether the kernel was built, or started, without IPv6.
fn is_without_ipv6(e: &io::Error) -> bool {
    let errors = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].map(Errno::raw_os_error);
    e.raw_os_error().is_some_and(|number| errors.contains(&number))
}
