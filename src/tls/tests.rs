//! Both ends of a connection in memory, and what either end knows of the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

use proptest::prelude::*;

use super::*;

/// What is on its way from one end to the other; a read of an empty one would have to wait.
#[derive(Default)]
struct Line(VecDeque<u8>, usize);

/// Reads of it of at most so many bytes, by turns.
struct Reads<'a>(&'a mut Line, &'a [usize]);

impl Read for Reads<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Reads(Line(bytes, turn), sizes) = self;
        let most = sizes[*turn % sizes.len()];
        *turn += 1;
        let n = bytes.len().min(into.len()).min(most);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        into.iter_mut().zip(bytes.drain(..n)).for_each(|(into, byte)| *into = byte);
        Ok(n)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The two ends, with a line in each direction, of which so many bytes are read at a time.
struct Pair {
    server: Channel,
    client: Channel,
    up: Line,
    down: Line,
    sizes: Vec<usize>,
}

fn server_tls() -> ServerTls {
    ServerTls::new(&fresh_credentials(&["localhost".to_owned()]).unwrap()).unwrap()
}

impl Pair {
    fn new(tls: &ServerTls, sizes: &[usize]) -> Pair {
        let server = tls.channel(TlsUse::Framed).unwrap();
        let client = ClientTls::new().unwrap().channel().unwrap();
        let (up, down) = (Line::default(), Line::default());
        Pair { server, client, up, down, sizes: sizes.to_vec() }
    }

    /// Both ends take turns until both are done.
    fn shake_hands(&mut self) -> Result<(), TlsError> {
        let Pair { server, client, up, down, sizes } = self;
        for _ in 0..100_000 {
            let ours = client.handshake(&mut Reads(&mut *down, sizes), up)?;
            let theirs = server.handshake(&mut Reads(&mut *up, sizes), down)?;
            if ours && theirs {
                return Ok(());
            }
        }
        panic!("it does not end");
    }

    /// What the client writes arrives at the server, whatever sizes are read.
    fn carry(&mut self, sent: &[u8], room: usize) -> Vec<u8> {
        let Pair { server, client, up, down, sizes } = self;
        let mut left = sent;
        let mut got = Vec::new();
        let mut into = vec![0; room];
        while got.len() < sent.len() {
            let (head, tail) = left.split_at(left.len() / 2);
            let n = client.write(&[IoSlice::new(head), IoSlice::new(tail)], up).unwrap();
            left = &left[n..];
            loop {
                match server.read(&mut into, &mut Reads(&mut *up, sizes), down) {
                    Ok(n) => got.extend_from_slice(&into[..n]),
                    Err(e) if e.kind() == ErrorKind::WouldBlock && up.0.is_empty() => break,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Err(e) => panic!("{e}"),
                }
            }
        }
        got
    }
}

#[test]
fn both_ends_know_the_same_connection_and_no_other_one() {
    let tls = server_tls();
    let mut pairs = [Pair::new(&tls, &[4096]), Pair::new(&tls, &[4096])];
    let mut seen = Vec::new();
    for pair in &mut pairs {
        pair.shake_hands().unwrap();
        assert_eq!(pair.client.peer_fingerprint(), Some(tls.fingerprint()));
        for binding in [Binding::Exporter, Binding::ServerEndPoint] {
            let ours = pair.client.binding(binding).unwrap();
            assert_eq!(Some(&ours), pair.server.binding(binding).as_ref());
            assert_eq!(ours.len(), 32);
            seen.push(ours);
        }
        assert_eq!(pair.client.version(), "TLS 1.3");
    }
    assert_ne!(seen[0], seen[2], "the exporter is of one connection");
    assert_eq!(seen[1], seen[3], "the end point is the server's certificate");
    let mut other = Pair::new(&server_tls(), &[4096]);
    other.shake_hands().unwrap();
    assert_ne!(other.client.binding(Binding::ServerEndPoint).unwrap(), seen[1]);
    assert_ne!(other.client.peer_fingerprint(), Some(tls.fingerprint()));
}

/// What openssl says of a certificate that was made with it.
#[test]
fn the_digest_of_an_end_point_is_by_the_hash_of_its_signature() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let pem = include_str!("sha384.pem");
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let wanted = include_str!("sha384.digests");
    let mut wanted = wanted.lines();
    assert_eq!(hex(&der::end_point(&certificate)), wanted.next().unwrap());
    let key = der::fingerprint(&certificate).unwrap();
    assert_eq!(key.to_string(), wanted.next().unwrap());
    // Not a certificate, and cut off at every place.
    for length in 0..certificate.len() {
        der::end_point(&CertificateDer::from(certificate[..length].to_vec()));
    }
}

#[test]
fn an_end_that_was_announced_is_clean_and_a_cut_is_not() {
    let mut pair = Pair::new(&server_tls(), &[4096]);
    pair.shake_hands().unwrap();
    let Pair { server, client, up, down, .. } = &mut pair;
    client.write(&[IoSlice::new(b"last")], up).unwrap();
    client.close();
    client.flush(up).unwrap();
    let mut into = [0; 16];
    let mut reads = Reads(up, &[4096]);
    assert_eq!(server.read(&mut into, &mut reads, down).unwrap(), 4);
    assert_eq!(server.read(&mut into, &mut reads, down).unwrap(), 0);
    assert!(server.ended_cleanly());

    let mut pair = Pair::new(&server_tls(), &[4096]);
    pair.shake_hands().unwrap();
    let Pair { server, down, .. } = &mut pair;
    assert_eq!(server.read(&mut into, &mut io::empty(), down).unwrap(), 0);
    assert!(!server.ended_cleanly());
}

#[test]
fn what_is_no_handshake_is_refused() {
    for bytes in [&b"USER alex\r\n"[..], &[0; 64], &[22, 3, 1, 0xff, 0xff]] {
        let mut server = server_tls().channel(TlsUse::Framed).unwrap();
        let mut line = Line(bytes.iter().copied().collect(), 0);
        let mut out = Line::default();
        let got = server.handshake(&mut Reads(&mut line, &[4096]), &mut out);
        assert!(got.is_err(), "{bytes:?} {got:?}");
    }
}

#[test]
fn a_text_of_a_fingerprint_is_read_back() {
    let key = server_tls().fingerprint();
    assert_eq!(key.to_string().parse(), Ok(key));
    for text in ["", "SHA256:", "SHA256:AAAA", "MD5:00", &key.to_string()[..40]] {
        assert_eq!(text.parse::<Fingerprint>(), Err(()), "{text}");
    }
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let good = fresh_credentials(&[]).unwrap();
    let other = fresh_credentials(&[]).unwrap();
    let of = |certificate: &str, key: &str| {
        let key = zeroize::Zeroizing::new(key.to_owned());
        let certificate = certificate.to_owned();
        ServerTls::new(&Credentials { certificate, key }).unwrap_err().to_string()
    };
    for (error, expected) in [
        (of("", &good.key), "there is no certificate in the file"),
        (of(&good.certificate, ""), "there is no private key in the file"),
        (of(&good.key, &good.key), "there is no certificate in the file"),
        (of(&good.certificate, &other.key), "key and certificate cannot be used together"),
    ] {
        assert!(error.starts_with(expected), "{error}");
    }
}

/// Where most of a record is here already, rustls takes less than there is: the rest was once lost.
#[test]
fn nothing_is_lost_of_what_comes_in_pieces_of_different_sizes() {
    let sent: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for (small, often) in [(1000, 15), (1460, 10), (3000, 5), (100, 150)] {
        let sizes = &[vec![small; often], vec![4096]].concat();
        let mut pair = Pair::new(&server_tls(), sizes);
        pair.shake_hands().unwrap();
        assert!(pair.carry(&sent, 65_536) == sent, "{small} bytes {often} times, then 4096");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_sent_arrives(
        sent in prop::collection::vec(any::<u8>(), 1..200_000),
        room in 1_usize..100_000,
        sizes in prop_oneof![
            prop::sample::select(vec![1, 100, 4096, 5000, 1 << 20]).prop_map(|most| vec![most]),
            prop::collection::vec(100_usize..10_000, 2..8),
        ],
    ) {
        // One byte at a time is tried on less, or it takes a minute.
        let is_slow = sizes == [1] || room < 64;
        let sent = if is_slow { &sent[..sent.len().min(5000)] } else { &sent[..] };
        let mut pair = Pair::new(&server_tls(), &sizes);
        pair.shake_hands().unwrap();
        prop_assert!(pair.carry(sent, room) == sent);
        prop_assert!(!pair.server.has_unread());
    }
}
