//! How much of what was sent has arrived at the client's system, as the kernel knows from the
//! acknowledgements. A write that succeeded says only that the bytes wait on this side, which may
//! be megabytes more than the client has.
//!
//! The kernel is asked by `sock_diag` (netlink), the only way that needs no unsafe code. Where it
//! gives no answer, as in some containers, nothing is known and nothing is claimed.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use byteorder::{BigEndian, ByteOrder, NativeEndian};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::limits;

/// Bytes of a netlink message's head.
const HEAD: usize = 16;
/// Bytes of a request: family, protocol, extensions, padding, states, and the socket.
const REQUEST: usize = 8 + SOCKET;
/// Bytes that name a socket: two ports, two addresses, an interface, a cookie.
const SOCKET: usize = 48;
/// `SOCK_DIAG_BY_FAMILY`, of requests and answers.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR`, of an answer that is an error's number, and the one for a socket that is not
/// there (`ENOENT`, as the kernel writes it).
const ERROR: u16 = 2;
const NO_SUCH: i32 = -2;
/// `NLM_F_REQUEST`
const IS_REQUEST: u16 = 1;
/// `IPPROTO_TCP`
const TCP: u8 = 6;
/// Where in an answer the socket's name begins, and the length of its queue of unacknowledged
/// bytes: behind the name, a timer and the other queue.
const NAME_AT: usize = HEAD + 4;
const QUEUE_AT: usize = NAME_AT + SOCKET + 8;
/// How long the kernel may take for an answer, which it gives at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    kernel: Kernel,
    /// Bytes that had arrived at the last look that showed a change.
    bytes: Option<u64>,
    looked: Option<Instant>,
}

/// What one look tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// So many bytes are still on their way, the end of the stream counted as one.
    Left(u64),
    /// The kernel knew the connection, and knows of none any more: it has come to its end, by
    /// which way its socket tells.
    Over,
    /// Nothing can be said.
    Unknown,
}

/// Where the kernel is asked.
#[derive(Debug, Default)]
enum Kernel {
    #[default]
    NotAsked,
    /// With the request, which cannot be made any more when the connection is over.
    Answers(OwnedFd, [u8; HEAD + REQUEST]),
    DoesNot,
}

impl Arrived {
    /// Bytes that have arrived at least, 0 where nothing is known.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.unwrap_or_default()
    }

    /// Bytes that have arrived at least; `None` where nothing is known.
    pub(super) fn known(&self) -> Option<u64> {
        self.bytes
    }

    /// As [`Arrived::look`], unless the last look was a moment ago.
    pub(super) fn look_now_and_then(&mut self, tcp: &TcpStream, sent: u64) {
        if self.looked.is_none_or(|looked| looked.elapsed() >= limits::SENT_LOOK) {
            self.look(tcp, sent);
        }
    }

    /// Asks how much of the `sent` bytes is still on its way.
    pub(super) fn look(&mut self, tcp: &TcpStream, sent: u64) -> Acknowledged {
        self.looked = Some(Instant::now());
        if matches!(self.kernel, Kernel::NotAsked) {
            self.kernel = open(tcp).unwrap_or(Kernel::DoesNot);
        }
        let Kernel::Answers(kernel, request) = &self.kernel else { return Acknowledged::Unknown };
        let looked = ask(kernel, request).unwrap_or(Acknowledged::Unknown);
        match looked {
            Acknowledged::Left(left) => {
                self.bytes = Some(self.bytes().max(sent.saturating_sub(left)));
                looked
            }
            // A kernel that never tells of connections says the same.
            Acknowledged::Over if self.bytes.is_none() => Acknowledged::Unknown,
            Acknowledged::Over | Acknowledged::Unknown => looked,
        }
    }
}

fn open(tcp: &TcpStream) -> Option<Kernel> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
    let kernel = socket_with(family, kind, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG)).ok()?;
    set_socket_timeout(&kernel, Timeout::Recv, Some(PATIENCE)).ok()?;
    Some(Kernel::Answers(kernel, request(tcp.local_addr().ok()?, tcp.peer_addr().ok()?)?))
}

/// What the kernel says of a connection; `None` if it says nothing in time.
fn ask(kernel: &OwnedFd, request: &[u8]) -> Option<Acknowledged> {
    send(kernel, request, SendFlags::empty()).ok()?;
    let mut answer = [0; 1024];
    let (_, length) = recv(kernel, &mut answer, RecvFlags::empty()).ok()?;
    read(answer.get(..length)?, request)
}

/// The request for exactly this connection.
fn request(own: SocketAddr, peer: SocketAddr) -> Option<[u8; HEAD + REQUEST]> {
    /// `AF_INET` and `AF_INET6`, as the kernel numbers them on every architecture.
    const FAMILIES: [u8; 2] = [2, 10];
    let mut all = [0; HEAD + REQUEST];
    let (head, body) = all.split_at_mut(HEAD);
    NativeEndian::write_u32(head.get_mut(..4)?, u32::try_from(HEAD + REQUEST).ok()?);
    NativeEndian::write_u16(head.get_mut(4..6)?, BY_FAMILY);
    NativeEndian::write_u16(head.get_mut(6..8)?, IS_REQUEST);
    let [v4, v6] = FAMILIES;
    *body.get_mut(0)? = if own.is_ipv4() { v4 } else { v6 };
    *body.get_mut(1)? = TCP;
    // Whatever state it is in.
    NativeEndian::write_u32(body.get_mut(4..8)?, u32::MAX);
    let socket = body.get_mut(8..)?;
    BigEndian::write_u16(socket.get_mut(..2)?, own.port());
    BigEndian::write_u16(socket.get_mut(2..4)?, peer.port());
    write_address(socket.get_mut(4..20)?, own.ip());
    write_address(socket.get_mut(20..36)?, peer.ip());
    // Any interface (0), and no cookie.
    socket.get_mut(40..48)?.fill(u8::MAX);
    Some(all)
}

fn write_address(into: &mut [u8], address: IpAddr) {
    let wide;
    let short;
    let octets: &[u8] = match address {
        IpAddr::V4(v4) => {
            short = v4.octets();
            &short
        }
        IpAddr::V6(v6) => {
            wide = v6.octets();
            &wide
        }
    };
    into.iter_mut().zip(octets).for_each(|(into, octet)| *into = *octet);
}

/// What an answer says: the queue of unacknowledged bytes, if it is of the connection that was
/// asked for. Instead of one that has gone the kernel may tell of a socket that listens there.
fn read(answer: &[u8], request: &[u8]) -> Option<Acknowledged> {
    match NativeEndian::read_u16(answer.get(4..6)?) {
        BY_FAMILY => {}
        ERROR if NativeEndian::read_i32(answer.get(HEAD..HEAD + 4)?) == NO_SUCH => {
            return Some(Acknowledged::Over);
        }
        _ => return None,
    }
    let asked = request.get(HEAD + 8..HEAD + 12)?;
    if answer.get(NAME_AT..NAME_AT + 4)? != asked {
        return Some(Acknowledged::Over);
    }
    let queue = NativeEndian::read_u32(answer.get(QUEUE_AT..QUEUE_AT + 4)?);
    Some(Acknowledged::Left(queue.into()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_reports_what_the_other_side_has_not_taken() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else { continue };
            let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut tcp = listener.accept().unwrap().0;
            drop(listener);
            let mut arrived = Arrived::default();
            assert_eq!(arrived.look(&tcp, 0), Acknowledged::Left(0), "this system gives no answer");
            tcp.set_nonblocking(true).unwrap();
            let mut sent = 0;
            while let Ok(n) = tcp.write(&[0; 65536]) {
                sent += n as u64;
            }
            let Acknowledged::Left(left) = arrived.look(&tcp, sent) else { panic!("no answer") };
            assert!(left > 0 && left < sent, "{left} of {sent}");
            assert!(arrived.known().unwrap() >= sent - left);
            let mut block = vec![0; usize::try_from(sent).unwrap()];
            peer.read_exact(&mut block).unwrap();
            while arrived.look(&tcp, sent) != Acknowledged::Left(0) {
                std::thread::yield_now();
            }
            assert_eq!(arrived.known(), Some(sent));
            // A connection that has gone reports nothing new.
            rustix::net::sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
            drop(peer);
            while arrived.look(&tcp, sent + 1) != Acknowledged::Over {
                std::thread::yield_now();
            }
            assert_eq!(arrived.known(), Some(sent));
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_more_than_useless(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            let (own, peer) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
            let _ = read(&answer, &request(own, peer).unwrap());
        }
    }
}
