//! The header that a proxy sends in front of a connection, to say whose it is (PROXY protocol,
//! version 2).
//!
//! Never: believes a sender that the settings do not name; whoever accepts a connection looks at
//! them first. Invariant: exactly the header is read, so that what follows it is whole, TLS or not.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use byteorder::{BigEndian, ByteOrder};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::limits;

/// What a header begins with (section 2.2): it is no text, and no other protocol begins so.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of the signature, the command, the family, and the length of what follows.
const HEAD: usize = 16;
/// Version 2: the proxy speaks for itself, or for somebody else.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// TCP over IPv4, and over IPv6; with the bytes of two addresses and two ports.
const TCP4: (u8, usize) = (0x11, 12);
const TCP6: (u8, usize) = (0x21, 36);

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The proxy's own, such as a look whether the server is there.
    Proxy,
    /// Somebody's, who came to this address of the proxy.
    Client {
        /// Who came.
        from: SocketAddr,
        /// To where.
        to: SocketAddr,
    },
}

impl Origin {
    /// Whose connection it is, and where that came to if somebody's. What is its own machine to a
    /// proxy elsewhere is not this one: whoever comes from there is no nearer than the proxy is.
    pub(crate) fn through(self, proxy: SocketAddr) -> (SocketAddr, Option<SocketAddr>) {
        let is_local = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        match self {
            Origin::Proxy => (proxy, None),
            Origin::Client { from, to } if is_local(from) && !is_local(proxy) => (proxy, Some(to)),
            Origin::Client { from, to } => (from, Some(to)),
        }
    }
}

/// Why a connection of a proxy has no header that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// It did not come in time, or the connection ended before.
    Missing,
    /// Something else came.
    Strange(&'static str),
}

impl fmt::Display for NoHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoHeader::Missing => f.write_str("no PROXY header came in time"),
            NoHeader::Strange(what) => write!(f, "instead of a PROXY header came {what}"),
        }
    }
}

/// Reads the header in front of a connection, and nothing behind it.
pub(crate) fn read_header(tcp: &TcpStream) -> Result<Origin, NoHeader> {
    let until = Instant::now() + limits::PROXY_WAIT;
    let mut head = [0; HEAD];
    fill(tcp, &mut head, until)?;
    let length = length_behind(&head)?;
    let mut rest = vec![0; length];
    fill(tcp, &mut rest, until)?;
    // Whoever reads next sets its own wait.
    let _ = tcp.set_read_timeout(None);
    parse(&head, &rest)
}

/// As [`read_header`], of what has come: `None` where not all of it has, and then nothing is read.
pub(crate) fn header_that_came(tcp: &TcpStream) -> Option<Result<Origin, NoHeader>> {
    let mut seen = [0; HEAD + limits::PROXY_HEADER];
    let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let seen = match recv(tcp, &mut seen, look) {
        Ok((_, 0)) => return Some(Err(NoHeader::Missing)),
        Ok((_, n)) => seen.get(..n).unwrap_or_default(),
        Err(Errno::WOULDBLOCK | Errno::INTR) => return None,
        Err(_) => return Some(Err(NoHeader::Missing)),
    };
    if !seen.iter().zip(SIGNATURE).all(|(seen, signature)| seen == signature) {
        return Some(Err(STRANGE));
    }
    let (head, rest) = seen.split_first_chunk::<HEAD>()?;
    let length = match length_behind(head) {
        Ok(length) => length,
        Err(none) => return Some(Err(none)),
    };
    let parsed = parse(head, rest.get(..length)?);
    let mut whole = vec![0; HEAD + length];
    match recv(tcp, &mut whole[..], RecvFlags::DONTWAIT) {
        Ok((_, n)) if n == whole.len() => Some(parsed),
        _ => Some(Err(NoHeader::Missing)),
    }
}

fn fill(mut tcp: &TcpStream, mut into: &mut [u8], until: Instant) -> Result<(), NoHeader> {
    while !into.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || tcp.set_read_timeout(Some(left.max(SHORTEST))).is_err() {
            return Err(NoHeader::Missing);
        }
        match tcp.read(into) {
            Ok(0) => return Err(NoHeader::Missing),
            Ok(n) => into = into.get_mut(n..).unwrap_or_default(),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(NoHeader::Missing),
        }
    }
    Ok(())
}

/// Zero would mean to wait for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// How much follows the head.
fn length_behind(head: &[u8; HEAD]) -> Result<usize, NoHeader> {
    if !head.starts_with(SIGNATURE) {
        return Err(STRANGE);
    }
    let length = usize::from(BigEndian::read_u16(&head[14..]));
    match length <= limits::PROXY_HEADER {
        true => Ok(length),
        false => Err(NoHeader::Strange("one that is too long")),
    }
}

/// What a whole header says. What it adds to the addresses is passed over.
fn parse(head: &[u8; HEAD], rest: &[u8]) -> Result<Origin, NoHeader> {
    let [.., command, family, _, _] = *head;
    match (command, family) {
        // Whatever it says of addresses then is not meant.
        (LOCAL, _) => Ok(Origin::Proxy),
        (PROXY, family) if family == TCP4.0 => {
            let all = rest.get(..TCP4.1).ok_or(SHORT)?;
            let (address, ports) = all.split_at(8);
            let (from, to) = address.split_at(4);
            let host = |bytes| Ipv4Addr::from_bits(BigEndian::read_u32(bytes)).into();
            Ok(ends((host(from), host(to)), ports))
        }
        (PROXY, family) if family == TCP6.0 => {
            let all = rest.get(..TCP6.1).ok_or(SHORT)?;
            let (address, ports) = all.split_at(32);
            let (from, to) = address.split_at(16);
            let host = |bytes| Ipv6Addr::from_bits(BigEndian::read_u128(bytes)).into();
            Ok(ends((host(from), host(to)), ports))
        }
        // Somebody whose address is not known could be taken for this machine.
        (PROXY, _) => Err(NoHeader::Strange("one without an address of TCP")),
        _ => Err(NoHeader::Strange("one of another version")),
    }
}

const STRANGE: NoHeader = NoHeader::Strange("something else");
const SHORT: NoHeader = NoHeader::Strange("one that is too short");

fn ends((from, to): (std::net::IpAddr, std::net::IpAddr), ports: &[u8]) -> Origin {
    let (from_port, to_port) = ports.split_at(2);
    Origin::Client {
        from: (from, BigEndian::read_u16(from_port)).into(),
        to: (to, BigEndian::read_u16(to_port)).into(),
    }
}

/// What the fuzzer in fuzz/ reaches; the bytes behind the head are what was announced.
#[cfg(fuzzing)]
pub fn fuzzed(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return };
    if let Ok(length) = length_behind(head) {
        let _ = parse(head, rest.get(..length).unwrap_or(rest));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> ([u8; HEAD], Vec<u8>) {
        let mut head = [0; HEAD];
        head[..12].copy_from_slice(SIGNATURE);
        (head[12], head[13]) = (command, family);
        BigEndian::write_u16(&mut head[14..], rest.len() as u16);
        (head, rest.to_vec())
    }

    fn read((head, rest): ([u8; HEAD], Vec<u8>)) -> Result<Origin, NoHeader> {
        assert_eq!(length_behind(&head)?, rest.len());
        parse(&head, &rest)
    }

    #[test]
    fn addresses_of_both_families_are_read_and_what_follows_them_is_passed_over() {
        let v4 = [192, 0, 2, 7, 203, 0, 113, 1, 0x30, 0x39, 0x07, 0xe4];
        let of_v4 = Origin::Client {
            from: "192.0.2.7:12345".parse().unwrap(),
            to: "203.0.113.1:2020".parse().unwrap(),
        };
        assert_eq!(read(header(PROXY, 0x11, &v4)), Ok(of_v4));
        assert_eq!(read(header(PROXY, 0x11, &[&v4[..], &[4, 0, 1, 0]].concat())), Ok(of_v4));
        let mut v6 = [0; 36];
        v6[..16].copy_from_slice(&"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets());
        v6[31] = 1;
        v6[35] = 21;
        let of_v6 = Origin::Client {
            from: "[2001:db8::7]:0".parse().unwrap(),
            to: "[::1]:21".parse().unwrap(),
        };
        assert_eq!(read(header(PROXY, 0x21, &v6)), Ok(of_v6));
        assert_eq!(read(header(LOCAL, 0, &[])), Ok(Origin::Proxy));
        assert_eq!(read(header(LOCAL, 0x11, &v4)), Ok(Origin::Proxy));
        for bad in [
            header(PROXY, 0x11, &v4[..11]),
            header(PROXY, 0x21, &v6[..35]),
            header(PROXY, 0, &[]),
            header(PROXY, 0x31, &[0; 216]),
            header(PROXY, 0x12, &v4),
            header(0x11, 0x11, &v4),
            header(0x22, 0x11, &v4),
            header(PROXY, 0x11, &[0; limits::PROXY_HEADER + 1]),
        ] {
            assert!(matches!(read(bad.clone()), Err(NoHeader::Strange(_))), "{bad:?}");
        }
        assert!(length_behind(b"GET / HTTP/1.1\r\n").is_err());
    }

    #[test]
    fn the_machine_of_a_proxy_elsewhere_is_not_this_one() {
        let [far, near, near6, to, client] =
            ["10.0.0.2:9", "127.0.0.1:9", "[::ffff:127.0.0.9]:9", "127.0.0.1:21", "192.0.2.7:9"]
                .map(|address| address.parse::<SocketAddr>().unwrap());
        let by = |from, proxy| Origin::Client { from, to }.through(proxy);
        for (from, proxy, whose) in [
            (near, far, far),
            (near6, far, far),
            ("[::1]:9".parse().unwrap(), far, far),
            (near, near, near),
            (near, near6, near),
            (client, far, client),
            (client, near, client),
        ] {
            assert_eq!(by(from, proxy), (whose, Some(to)), "{from} through {proxy}");
        }
        assert_eq!(Origin::Proxy.through(far), (far, None));
    }

    proptest! {
        #[test]
        fn nothing_is_more_than_refused(
            head in prop::array::uniform16(any::<u8>()),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = length_behind(&head);
            let mut signed = head;
            signed[..12].copy_from_slice(SIGNATURE);
            let _ = parse(&signed, &rest);
        }
    }
}
