//! Where data connections go: the arguments of PORT, EPRT and EPSV, the texts of 227 and 229, and
//! the rule that keeps a data connection between the two that talk to each other.
//!
//! Never: looks a name up; an address is made of numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

/// The lowest port that a data connection may go to: below it are other people's services.
const PORT_LEAST: u16 = 1024;

/// Why an argument names no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAddress {
    /// It is not of its form: 501.
    Syntax,
    /// A network protocol that is not among those we speak: 522 (RFC 2428, section 2).
    Protocol,
}

/// What EPSV asks for (RFC 2428, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epsv {
    /// A port of the protocol that the control connection uses.
    Same,
    /// A port of IPv4.
    V4,
    /// A port of IPv6.
    V6,
    /// No port: from now on only EPSV may open data connections.
    All,
}

/// PORT's `h1,h2,h3,h4,p1,p2`.
pub(super) fn parse_port(arg: &str) -> Result<SocketAddr, BadAddress> {
    let mut numbers = [0u8; 6];
    let mut parts = arg.split(',');
    for number in &mut numbers {
        let part = parts.next().ok_or(BadAddress::Syntax)?;
        if part.len() > 3 || !is_digits(part) {
            return Err(BadAddress::Syntax);
        }
        *number = part.parse().map_err(|_| BadAddress::Syntax)?;
    }
    if parts.next().is_some() {
        return Err(BadAddress::Syntax);
    }
    let [a, b, c, d, high, low] = numbers;
    Ok(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
}

/// EPRT's `|1|address|port|` or `|2|address|port|`, with any visible ASCII character as `|`.
pub(super) fn parse_eprt(arg: &str) -> Result<SocketAddr, BadAddress> {
    let delimiter = arg.chars().next().filter(char::is_ascii_graphic).ok_or(BadAddress::Syntax)?;
    let mut parts = arg.split(delimiter);
    let mut next = || parts.next().ok_or(BadAddress::Syntax);
    let (before, protocol, address, port, after) = (next()?, next()?, next()?, next()?, next()?);
    if !before.is_empty() || !after.is_empty() || parts.next().is_some() || !is_digits(protocol) {
        return Err(BadAddress::Syntax);
    }
    let ip: IpAddr = match protocol {
        "1" => address.parse::<Ipv4Addr>().map_err(|_| BadAddress::Syntax)?.into(),
        "2" => address.parse::<Ipv6Addr>().map_err(|_| BadAddress::Syntax)?.into(),
        _ => return Err(BadAddress::Protocol),
    };
    if port.len() > 5 || !is_digits(port) {
        return Err(BadAddress::Syntax);
    }
    Ok(SocketAddr::new(ip, port.parse().map_err(|_| BadAddress::Syntax)?))
}

/// EPSV's argument: none, `1`, `2` or `ALL`.
pub(super) fn parse_epsv(arg: Option<&str>) -> Result<Epsv, BadAddress> {
    match arg {
        None => Ok(Epsv::Same),
        Some("1") => Ok(Epsv::V4),
        Some("2") => Ok(Epsv::V6),
        Some(arg) if arg.eq_ignore_ascii_case("ALL") => Ok(Epsv::All),
        Some(arg) if is_digits(arg) => Err(BadAddress::Protocol),
        Some(_) => Err(BadAddress::Syntax),
    }
}

/// The text of 227. Clients look for the six numbers; the brackets are what most expect.
pub(super) fn passive_text(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("Entering Passive Mode ({a},{b},{c},{d},{high},{low}).")
}

/// The text of 229.
pub(super) fn extended_passive_text(port: u16) -> String {
    format!("Entering Extended Passive Mode (|||{port}|)")
}

/// Whether a data connection may go to `target`: only to the other side of the control connection,
/// and not to a port below 1024. Otherwise anybody could make this server probe other machines
/// (RFC 2577, section 3).
pub(super) fn check_target(target: SocketAddr, peer: IpAddr) -> Result<(), &'static str> {
    if target.ip().to_canonical() != peer.to_canonical() {
        return Err("data connections go only to the address of the control connection");
    }
    if target.port() < PORT_LEAST {
        return Err("data connections go only to ports from 1024 on");
    }
    Ok(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn port_is_six_numbers_and_nothing_else() {
        let good = [
            ("127,0,0,1,4,1", "127.0.0.1:1025"),
            ("10,1,2,3,255,255", "10.1.2.3:65535"),
            ("127,000,000,001,004,001", "127.0.0.1:1025"),
            ("0,0,0,0,0,0", "0.0.0.0:0"),
        ];
        for (arg, want) in good {
            assert_eq!(parse_port(arg), Ok(want.parse().unwrap()), "{arg}");
        }
        for arg in [
            "",
            ",",
            "1,2,3,4,5",
            "1,2,3,4,5,6,7",
            "1,2,3,4,5,6,",
            "256,0,0,1,4,1",
            "127,0,0,1,4,256",
            "127,0,0,1,4,0001",
            "127,0,0,1,+4,1",
            "127,0,0,1,-4,1",
            "127, 0,0,1,4,1",
            "127,0,0,1,4,1 ",
            "127,0,0,,4,1",
            "127.0.0.1,4,1",
            "(127,0,0,1,4,1)",
            "１,2,3,4,5,6",
        ] {
            assert_eq!(parse_port(arg), Err(BadAddress::Syntax), "{arg}");
        }
    }

    #[test]
    fn eprt_takes_both_families_and_any_delimiter() {
        let good = [
            ("|1|127.0.0.1|6275|", "127.0.0.1:6275"),
            ("|2|::1|6275|", "[::1]:6275"),
            ("|2|1080::8:800:200C:417A|5282|", "[1080::8:800:200c:417a]:5282"),
            ("|2|::ffff:10.0.0.1|1024|", "[::ffff:10.0.0.1]:1024"),
            ("!1!127.0.0.1!65535!", "127.0.0.1:65535"),
            ("a1a127.0.0.1a80a", "127.0.0.1:80"),
        ];
        for (arg, want) in good {
            assert_eq!(parse_eprt(arg), Ok(want.parse().unwrap()), "{arg}");
        }
        for arg in ["|3|127.0.0.1|6275|", "|0|x|1|", "|11|127.0.0.1|6275|"] {
            assert_eq!(parse_eprt(arg), Err(BadAddress::Protocol), "{arg}");
        }
        for arg in [
            "",
            "|",
            "|||||",
            "|1|127.0.0.1|6275",
            "|1|127.0.0.1|6275||",
            "|1|127.0.0.1|6275|x",
            "x|1|127.0.0.1|6275|",
            "|1|127.0.0.1|65536|",
            "|1|127.0.0.1|+80|",
            "|1|127.0.0.1||",
            "|1|::1|6275|",
            "|2|127.0.0.1|6275|",
            "|2|fe80::1%eth0|6275|",
            "|1|localhost|6275|",
            "|1|127.1|6275|",
            "|x|127.0.0.1|6275|",
            " 1 127.0.0.1 6275 ",
            ".1.127.0.0.1.6275.",
            "¦1¦127.0.0.1¦6275¦",
        ] {
            assert_eq!(parse_eprt(arg), Err(BadAddress::Syntax), "{arg}");
        }
    }

    #[test]
    fn epsv_takes_four_words() {
        let table = [
            (None, Ok(Epsv::Same)),
            (Some("1"), Ok(Epsv::V4)),
            (Some("2"), Ok(Epsv::V6)),
            (Some("all"), Ok(Epsv::All)),
            (Some("3"), Err(BadAddress::Protocol)),
            (Some(""), Err(BadAddress::Syntax)),
            (Some("ALL "), Err(BadAddress::Syntax)),
            (Some("ipv4"), Err(BadAddress::Syntax)),
        ];
        for (arg, want) in table {
            assert_eq!(parse_epsv(arg), want, "{arg:?}");
        }
    }

    #[test]
    fn the_texts_are_those_that_clients_look_for() {
        let address = "127.0.0.1:1027".parse().unwrap();
        assert_eq!(passive_text(address), "Entering Passive Mode (127,0,0,1,4,3).");
        assert_eq!(extended_passive_text(6446), "Entering Extended Passive Mode (|||6446|)");
    }

    #[test]
    fn data_goes_only_to_the_peer_and_to_no_low_port() {
        let table = [
            ("10.0.0.1:1024", "10.0.0.1", true),
            ("[::ffff:10.0.0.1]:1024", "10.0.0.1", true),
            ("10.0.0.1:1024", "::ffff:10.0.0.1", true),
            ("[::1]:2000", "::1", true),
            ("10.0.0.1:1023", "10.0.0.1", false),
            ("10.0.0.1:0", "10.0.0.1", false),
            ("10.0.0.2:1024", "10.0.0.1", false),
            ("[::1]:2000", "127.0.0.1", false),
            ("0.0.0.0:2000", "10.0.0.1", false),
            ("127.0.0.1:2000", "10.0.0.1", false),
        ];
        for (target, peer, allowed) in table {
            let checked = check_target(target.parse().unwrap(), peer.parse().unwrap());
            assert_eq!(checked.is_ok(), allowed, "{target} {peer}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(address: [u8; 4], wide: [u8; 16], port: u16) {
            let v4 = SocketAddrV4::new(address.into(), port);
            let text = passive_text(v4);
            let numbers = text.split(['(', ')']).nth(1).unwrap();
            prop_assert_eq!(parse_port(numbers), Ok(v4.into()));
            let v6 = Ipv6Addr::from(wide);
            prop_assert_eq!(parse_eprt(&format!("|1|{}|{port}|", v4.ip())), Ok(v4.into()));
            let want = SocketAddr::new(v6.into(), port);
            prop_assert_eq!(parse_eprt(&format!("|2|{v6}|{port}|")), Ok(want));
        }

        #[test]
        fn no_text_is_more_than_refused(arg in "[|12,.:0-9a-f\\PC]{0,30}") {
            let _ = (parse_port(&arg), parse_eprt(&arg), parse_epsv(Some(&arg)));
        }
    }
}
