//! Somebody on loopback between a client and a server, who reads and changes what is sent.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use miniftp::error::{Error, Result};
use miniftp::scram::Binding;
use miniftp::stream::{Patience, Stream};
use miniftp::tls::{ClientTls, ServerTls, TlsUse, fresh_credentials};
use miniftp::wire::{self, Ceiling, Fields, FrameKind, Greeting, Inbox, Message, Nothing};

use super::{DEADLINE, frame, request};

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// It reads along and changes nothing.
    Reads,
    /// It encrypts on both sides, with a key of its own towards the client, and passes on what is
    /// said.
    OwnKey,
    /// The same towards the client; the server is talked to in clear.
    OwnKeyThenClear,
    /// It takes TLS out of the greeting and talks to the server in clear.
    TakesOfferAway,
    /// The same, and it lies to the server about what the client says of it.
    TakesOfferAwayAndLies,
    /// It takes TLS out of the greeting and encrypts towards the server.
    ClearThenTls,
    /// It says something more in the server's name, behind the answer to `TLS`.
    SpeaksBehindAnswer,
    /// It says something more in the client's name, behind the request `TLS`.
    SpeaksBehindRequest,
    /// It answers the handshake with bytes of its own.
    Garbles,
    /// It speaks no newer TLS than 1.2.
    Weakens,
}

/// See the module. Dropped, it takes no more connections.
pub struct Interceptor {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    how: Between,
    /// All that it could read.
    seen: Mutex<Vec<u8>>,
    connections: Mutex<usize>,
    closing: AtomicBool,
    tls: ServerTls,
}

impl Interceptor {
    /// Stands before a server.
    pub fn before(server: SocketAddr, how: Between) -> Interceptor {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let tls = ServerTls::new(&fresh_credentials(&["localhost".to_owned()]).unwrap()).unwrap();
        let (seen, connections, closing) = Default::default();
        let shared = Arc::new(Shared { server, how, seen, connections, closing, tls });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ours.closing.load(Ordering::Relaxed) {
                    return;
                }
                *ours.connections.lock().unwrap() += 1;
                let Ok(server) = TcpStream::connect(ours.server) else { continue };
                let ours = Arc::clone(&ours);
                // An error is the end of either side.
                thread::spawn(move || ours.stand(client, server).err());
            }
        });
        Interceptor { addr, shared }
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Whether it has read these bytes, either way.
    pub fn has_read(&self, bytes: &[u8]) -> bool {
        self.shared.seen.lock().unwrap().windows(bytes.len()).any(|seen| seen == bytes)
    }

    /// The names of the requests that it could read.
    pub fn requests(&self) -> Vec<String> {
        let seen = self.shared.seen.lock().unwrap();
        let names =
            ["HELLO", "TLS", "LOGIN", "PROOF", "GUEST", "USE", "PWD", "STORE", "PUT", "GET"];
        let is_there = |name: &&str| {
            let named = [&[u8::try_from(name.len()).unwrap()][..], name.as_bytes()].concat();
            seen.windows(named.len() + 1).any(|w| w[0] == b'R' && w[1..] == named)
        };
        names.into_iter().filter(is_there).map(str::to_owned).collect()
    }
}

impl Drop for Interceptor {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // The listener waits in `accept`; this is what it wakes up by.
        let _ = TcpStream::connect(self.addr);
    }
}

/// A server that knows TLS 1.2 only.
fn weak() -> rustls::ServerConnection {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let made = fresh_credentials(&["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    rustls::ServerConnection::new(Arc::new(config)).unwrap()
}

/// Reads a frame without data: its kind and what follows in its head.
fn head_of(stream: &mut Stream, inbox: &mut Inbox) -> Result<(FrameKind, Vec<u8>)> {
    let mut head = Vec::new();
    while inbox.head(stream, Ceiling::KNOWN, &mut head)?.is_none() {}
    let kind = FrameKind::of(head[0]).ok_or(Error::Gone)?;
    Ok((kind, head.split_off(1)))
}

/// The greeting without its offer.
fn without_offer(fields: &[u8]) -> Vec<u8> {
    let greeting = Greeting::decode(Fields::new(fields)).unwrap();
    let offers = greeting.offers.replace(" tls", "");
    assert_ne!(offers, greeting.offers, "the server offers TLS");
    let less = Greeting::new(
        greeting.magic,
        greeting.version,
        greeting.software,
        greeting.chunk_bytes,
        greeting.frame_data_bytes,
        greeting.frame_head_bytes,
        &offers,
    );
    less.fields().as_bytes().to_vec()
}

impl Shared {
    fn stand(&self, client: TcpStream, server: TcpStream) -> Result<()> {
        let patience = Patience { idle: DEADLINE, frame: DEADLINE, login: None };
        let (client, server) = (Stream::new(client, patience)?, Stream::new(server, patience)?);
        let (mut client, mut server) = (client, server);
        if self.how == Between::Reads {
            return self.pass(client, server);
        }
        let mut from_server = Inbox::new();
        let (kind, fields) = head_of(&mut server, &mut from_server)?;
        let takes_away = matches!(
            self.how,
            Between::TakesOfferAway | Between::TakesOfferAwayAndLies | Between::ClearThenTls
        );
        let fields = if takes_away { without_offer(&fields) } else { fields };
        client.send(&[&frame(kind, &fields, &[])])?;
        match self.how {
            Between::ClearThenTls => {
                self.ask_for_tls(&mut server, &mut from_server)?;
                head_of(&mut server, &mut from_server)?;
            }
            Between::TakesOfferAway | Between::TakesOfferAwayAndLies | Between::Reads => {}
            _ => self.meddle_with_tls((&mut client, &mut server), &mut from_server)?,
        }
        self.pass(client, server)
    }

    /// Begins TLS as a client of the server.
    fn ask_for_tls(&self, server: &mut Stream, inbox: &mut Inbox) -> Result<()> {
        server.send(&[&request("TLS", &Nothing::new(), &[])])?;
        head_of(server, inbox)?;
        server.encrypt_as_client(&ClientTls::new().unwrap())?;
        assert!(server.binding(Binding::Exporter).is_some());
        Ok(())
    }

    /// The client asks for TLS.
    fn meddle_with_tls(
        &self,
        (client, server): (&mut Stream, &mut Stream),
        from_server: &mut Inbox,
    ) -> Result<()> {
        let (kind, asked) = head_of(client, &mut Inbox::new())?;
        let answered = |kind, fields: &[u8]| frame(kind, fields, &[]);
        match self.how {
            Between::OwnKey => {
                self.ask_for_tls(server, from_server)?;
                // The greeting that the server gives again is the client's to read.
                client.send(&[&answered(FrameKind::Answer, &[0, 200, 0, 0])])?;
                client.encrypt_as_server(&self.tls, TlsUse::Framed)
            }
            Between::OwnKeyThenClear => {
                client.send(&[&answered(FrameKind::Answer, &[0, 200, 0, 0])])?;
                client.encrypt_as_server(&self.tls, TlsUse::Framed)?;
                let greeting =
                    Greeting::new("miniftp", 1, "x", 65_536, 1_048_576, 65_536, "md5 blake3");
                let greeting = greeting.fields();
                client.send(&[&frame(FrameKind::Greeting, greeting.as_bytes(), &[])])
            }
            Between::SpeaksBehindAnswer => {
                server.send(&[&answered(kind, &asked)])?;
                let (kind, answer) = head_of(server, from_server)?;
                let forged = Greeting::new("miniftp", 1, "forged", 65_536, 1, 1, "md5");
                let forged = frame(FrameKind::Greeting, forged.fields().as_bytes(), &[]);
                client.send(&[&answered(kind, &answer), &forged])
            }
            Between::SpeaksBehindRequest => {
                let forged = request("GUEST", &Nothing::new(), &[]);
                server.send(&[&answered(kind, &asked), &forged])
            }
            Between::Weakens => {
                client.send(&[&answered(FrameKind::Answer, &[0, 200, 0, 0])])?;
                let tcp = client.handle();
                // The alert that it ends with leaves too.
                let ended = weak().complete_io(&mut &*tcp);
                assert!(ended.is_err(), "{ended:?}");
                Err(Error::Gone)
            }
            Between::Garbles => {
                client.send(&[&answered(FrameKind::Answer, &[0, 200, 0, 0])])?;
                client.send(&[&[0x16, 3, 3, 0, 4, 2, 0, 0, 0]])
            }
            _ => Ok(()),
        }
    }

    /// Passes on what comes, as it could be read, until one side ends.
    fn pass(&self, mut client: Stream, mut server: Stream) -> Result<()> {
        let mut block = vec![0; 64 * 1024];
        loop {
            if !client.has_unread() && !server.has_unread() {
                wait_for(&client, &server);
            }
            let n = client.look_now(&mut block).inspect_err(|_| server.shutdown(Shutdown::Both))?;
            let mut piece = block[..n].to_vec();
            if self.how == Between::TakesOfferAwayAndLies {
                piece = lie(&piece);
            }
            self.seen.lock().unwrap().extend_from_slice(&piece);
            server.send(&[&piece])?;
            let n = server.look_now(&mut block).inspect_err(|_| client.shutdown(Shutdown::Both))?;
            self.seen.lock().unwrap().extend_from_slice(&block[..n]);
            client.send(&[&block[..n]])?;
        }
    }
}

/// Waits until something has come from either side.
fn wait_for(client: &Stream, server: &Stream) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut both = [PollFd::new(client, PollFlags::IN), PollFd::new(server, PollFlags::IN)];
    let most = Timespec { tv_sec: DEADLINE.as_secs().try_into().unwrap(), tv_nsec: 0 };
    let _ = poll(&mut both, Some(&most));
}

/// A `LOGIN` that says of the channel what the server would like to hear.
fn lie(piece: &[u8]) -> Vec<u8> {
    let head = [&[5][..], b"LOGIN"].concat();
    match piece.windows(head.len()).position(|window| window == head) {
        Some(at) => {
            let fields = piece[at..].to_vec();
            let text = String::from_utf8(fields).unwrap().replace("y,,n=", "n,,n=");
            frame(FrameKind::Request, text.as_bytes(), &[])
        }
        None => piece.to_vec(),
    }
}
