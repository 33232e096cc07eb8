//! The addresses of this machine by which others reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

/// An address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnAddress {
    /// The address.
    pub(super) ip: IpAddr,
    /// The network that it is in, such as 192.0.2.0/24; `None` where that is not known.
    pub(super) network: Option<String>,
}

impl OwnAddress {
    fn of(found: &InterfaceAddress) -> Option<OwnAddress> {
        if !found.flags.contains(InterfaceFlags::IFF_UP) {
            return None;
        }
        let (address, mask) = (found.address.as_ref()?, found.netmask.as_ref());
        let v4 = address.as_sockaddr_in().map(|address| {
            let mask = mask.and_then(|mask| Some(u32::from(mask.as_sockaddr_in()?.ip())));
            let network = |mask: u32| (Ipv4Addr::from(u32::from(address.ip()) & mask), mask);
            let network =
                mask.map(network).map(|(net, mask)| format!("{net}/{}", mask.count_ones()));
            OwnAddress { ip: address.ip().into(), network }
        });
        let v6 = || {
            let address = address.as_sockaddr_in6()?;
            let mask = mask.and_then(|mask| Some(u128::from(mask.as_sockaddr_in6()?.ip())));
            let network = |mask: u128| (Ipv6Addr::from(u128::from(address.ip()) & mask), mask);
            let network =
                mask.map(network).map(|(net, mask)| format!("{net}/{}", mask.count_ones()));
            Some(OwnAddress { ip: address.ip().into(), network })
        };
        v4.or_else(v6)
    }

    /// Whether it is reached from this machine only.
    pub(super) fn is_loopback(&self) -> bool {
        self.ip.is_loopback()
    }
}

/// All that can be written into a command line: those of one link only need the name of the
/// interface on the other machine, and are left out. This machine's own comes last, IPv4 first.
fn all() -> Result<Vec<OwnAddress>, String> {
    let found = getifaddrs().map_err(|e| format!("cannot list the network's addresses: {e}"))?;
    let of_link = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let mut own: Vec<OwnAddress> = Vec::new();
    for address in found.filter_map(|found| OwnAddress::of(&found)) {
        let is_known = own.iter().any(|known| known.ip == address.ip);
        if !is_known && !of_link(address.ip) {
            own.push(address);
        }
    }
    own.sort_by_key(|address| (address.is_loopback(), address.ip.is_ipv6()));
    Ok(own)
}

/// The addresses at which somebody can connect to a server that is bound to these.
pub(super) fn reachable(bound: &[SocketAddr]) -> Result<Vec<OwnAddress>, String> {
    let own = all()?;
    let mut reachable = Vec::new();
    for bound in bound.iter().map(SocketAddr::ip) {
        let known = own.iter().filter(|own| match bound {
            // A socket of all addresses of IPv6 takes those of IPv4 too.
            IpAddr::V6(ip) if ip.is_unspecified() => true,
            IpAddr::V4(ip) if ip.is_unspecified() => own.ip.is_ipv4(),
            ip => own.ip == ip,
        });
        let known: Vec<&OwnAddress> = known.collect();
        // Such as another one of the loopback network.
        let other = OwnAddress { ip: bound, network: None };
        let fresh = if known.is_empty() && !bound.is_unspecified() { vec![&other] } else { known };
        for address in fresh {
            if !reachable.contains(address) {
                reachable.push(address.clone());
            }
        }
    }
    Ok(reachable)
}
