//! One address, or a network of them, as people write it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An address such as `192.0.2.7`, or a network such as `192.0.2.0/24` or `2001:db8::/64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The first address.
    first: IpAddr,
    bits: u8,
}

impl AddressRange {
    /// What it looks like.
    pub const FORM: &str = "an address such as 192.0.2.7, or a network such as 192.0.2.0/24";

    /// Reads one. Bits of an address that are beyond those of its network do not count.
    pub fn parse(text: &str) -> Option<AddressRange> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (bits <= most).then(|| AddressRange { first: masked(address, bits), bits })
    }

    /// Whether an address is in it. One of IPv4 is the same however it arrived.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.bits) == self.first
    }
}

/// The first address of the network of so many bits that an address is in.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.bits) {
            (IpAddr::V4(v4), 32) => v4.fmt(f),
            (IpAddr::V6(v6), 128) => v6.fmt(f),
            (first, bits) => write!(f, "{first}/{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_networks_hold_what_they_say() {
        let holds: [(&str, &[&str], &[&str]); 5] = [
            ("192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.8", "::1"]),
            ("192.0.2.0/24", &["192.0.2.0", "192.0.2.255"], &["192.0.3.0", "2001:db8::1"]),
            ("0.0.0.0/0", &["203.0.113.9"], &["::1"]),
            ("2001:db8::/64", &["2001:db8::9"], &["2001:db8:0:1::9", "32.1.13.184"]),
            ("::/0", &["::1"], &["127.0.0.1"]),
        ];
        for (text, inside, outside) in holds {
            let range = AddressRange::parse(text).expect(text);
            assert_eq!(range.to_string(), text);
            for address in inside {
                assert!(range.holds(address.parse().unwrap()), "{address} in {text}");
            }
            for address in outside {
                assert!(!range.holds(address.parse().unwrap()), "{address} in {text}");
            }
        }
        for bad in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "::/129", "a/8"] {
            assert_eq!(AddressRange::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(bits in any::<u128>(), v4: bool, length in 0..=128_u8) {
            let address: IpAddr = match v4 {
                true => std::net::Ipv4Addr::from_bits(bits as u32).into(),
                false => Ipv6Addr::from_bits(bits).into(),
            };
            let length = if v4 { length % 33 } else { length };
            let range = AddressRange::parse(&format!("{address}/{length}")).unwrap();
            prop_assert!(range.holds(address));
            prop_assert_eq!(AddressRange::parse(&range.to_string()), Some(range));
        }
    }
}
