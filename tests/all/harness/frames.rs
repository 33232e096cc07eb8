//! A client of the framed protocol without manners: well-formed frames, and any bytes at all.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use miniftp::digest::{Algorithm, Digest, WholeDigest, chunk_digests};
use miniftp::error::{Error, Result, Wait};
use miniftp::limits;
use miniftp::scram::{ClientExchange, ScramKeys};
use miniftp::wire::{self, Arrive, Ceiling, Fields, FrameKind, Inbox, Message, Sink};

use super::DEADLINE;

/// A connection to the framed door.
pub struct Frames {
    tcp: TcpStream,
    inbox: Inbox,
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// Its head behind the first byte.
    pub fields: Vec<u8>,
    /// Its data.
    pub data: Vec<u8>,
}

/// The final answer to a request, or the last words.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The number.
    pub code: u16,
    /// The text for people.
    pub text: String,
    /// The fields behind them.
    pub fields: Vec<u8>,
    /// The parts that came before it.
    pub parts: Vec<Frame>,
    /// How many signs of life came before it.
    pub alive: usize,
}

/// A frame of any kind with this head behind its first byte.
pub fn frame(kind: FrameKind, fields: &[u8], data: &[u8]) -> Vec<u8> {
    let (mut out, mut sink) = (Vec::new(), Sink::new());
    sink.raw(fields);
    wire::frame_with_data(&mut out, kind, &sink, data.len());
    out.extend_from_slice(data);
    out
}

/// A request's frame.
pub fn request<'a>(name: &str, message: &impl Message<'a>, data: &[u8]) -> Vec<u8> {
    let mut sink = Sink::new();
    wire::put_request_name(&mut sink, name);
    message.encode(&mut sink);
    frame(FrameKind::Request, sink.as_bytes(), data)
}

/// The chunk digests of content one after the other, and the digest of the whole over them.
pub fn digests(algorithm: Algorithm, content: &[u8]) -> (Vec<u8>, Digest) {
    let (mut each, mut row, mut whole) = (Vec::new(), Vec::new(), WholeDigest::new(algorithm));
    chunk_digests(algorithm, content, limits::CHUNK, &mut each);
    for digest in &each {
        row.extend_from_slice(digest.as_bytes());
        whole.push(digest);
    }
    (row, whole.finish())
}

impl Frames {
    /// Connects and reads nothing.
    #[track_caller]
    pub fn raw(addr: SocketAddr) -> Frames {
        Frames::over(TcpStream::connect(addr).unwrap())
    }

    /// The same over a connection that is there.
    #[track_caller]
    pub fn over(tcp: TcpStream) -> Frames {
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.set_write_timeout(Some(DEADLINE)).unwrap();
        Frames { tcp, inbox: Inbox::new() }
    }

    /// Connects and reads the greeting.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Frames {
        let mut frames = Frames::raw(addr);
        let first = frames.read_frame().expect("a greeting");
        assert_eq!(first.kind, FrameKind::Greeting, "{first:?}");
        frames
    }

    /// The socket.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The socket, of which the server's frames are read no longer.
    pub fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    /// Says hello.
    #[track_caller]
    pub fn hello(&mut self) {
        self.request("HELLO", &wire::Hello::new(wire::VERSION, "test")).expect(220);
    }

    /// Says hello and logs in, checking the server's signature; gives the last answer.
    #[track_caller]
    pub fn log_in(&mut self, name: &str, password: &str) -> Answer {
        self.hello();
        self.prove(name, password)
    }

    /// Logs in after a hello.
    #[track_caller]
    pub fn prove(&mut self, name: &str, password: &str) -> Answer {
        self.prove_with(name, password, &mut None)
    }

    /// The same with the keys of an earlier login of the account, or keeping them for later ones:
    /// deriving them is what a login costs.
    #[track_caller]
    pub fn prove_with(
        &mut self,
        name: &str,
        password: &str,
        keys: &mut Option<ScramKeys>,
    ) -> Answer {
        let (exchange, first) = ClientExchange::begin(name).unwrap();
        let answer = self.request("LOGIN", &wire::Login::new(&first));
        answer.expect(280);
        let challenge: wire::Challenge<'_> = answer.message();
        let challenge = exchange.challenge(challenge.server_first).unwrap();
        let keys = keys.get_or_insert_with(|| challenge.derive(password).unwrap());
        let (proof, last) = challenge.prove(keys).unwrap();
        let answer = self.request("PROOF", &wire::Proof::new(&last));
        if answer.code == 254 {
            let end: wire::LoggedIn<'_> = answer.message();
            proof.verify(end.server_final).expect("the server's signature");
        }
        answer
    }

    /// Sends a login up to its proof; what comes is [`Frames::read_last`].
    #[track_caller]
    pub fn send_login(&mut self, name: &str, password: &str) {
        let (exchange, first) = ClientExchange::begin(name).unwrap();
        let answer = self.request("LOGIN", &wire::Login::new(&first));
        let challenge: wire::Challenge<'_> = answer.expect(280).message();
        let challenge = exchange.challenge(challenge.server_first).unwrap();
        let keys = challenge.derive(password).unwrap();
        self.send("PROOF", &wire::Proof::new(&challenge.prove(&keys).unwrap().1));
    }

    /// The next final answer or last words.
    #[track_caller]
    pub fn read_last(&mut self) -> Answer {
        self.read_final().1
    }

    /// Sends any bytes. That the server has hung up shows when its answer is read.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.tcp.write_all(bytes);
    }

    /// Sends a request.
    pub fn send<'a>(&mut self, name: &str, message: &impl Message<'a>) {
        self.send_bytes(&request(name, message, &[]));
    }

    /// Sends a request with data.
    pub fn send_with_data<'a>(&mut self, name: &str, message: &impl Message<'a>, data: &[u8]) {
        self.send_bytes(&request(name, message, data));
    }

    /// Sends a request and reads its answer, parts and signs of life included.
    #[track_caller]
    pub fn request<'a>(&mut self, name: &str, message: &impl Message<'a>) -> Answer {
        self.send(name, message);
        self.read_answer()
    }

    /// Sends a request with data and reads its answer.
    #[track_caller]
    pub fn request_with_data<'a>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
        data: &[u8],
    ) -> Answer {
        self.send_with_data(name, message, data);
        self.read_answer()
    }

    /// Stores a small file in one request, with md5.
    #[track_caller]
    pub fn store(&mut self, path: &str, content: &[u8], flags: u8) -> Answer {
        self.send_store(path, content, flags);
        self.read_answer()
    }

    /// Asks for the same, and does not wait for the answer.
    #[track_caller]
    pub fn send_store(&mut self, path: &str, content: &[u8], flags: u8) {
        let (row, whole) = digests(Algorithm::Md5, content);
        let store =
            wire::Store::new(path, 1_700_000_000, 5, wire::NO_MODE, flags, whole.as_bytes(), &row);
        self.send_with_data("STORE", &store, content);
    }

    /// Fetches a file whole.
    #[track_caller]
    pub fn fetch(&mut self, path: &str) -> Vec<u8> {
        let answer = self.request("GET", &wire::Get::new(path, 0, u64::MAX, 0));
        answer.expect(257);
        answer.parts.iter().flat_map(|part| part.data.iter().copied()).collect()
    }

    /// The next frame; `None` if the connection is over.
    #[track_caller]
    pub fn read_frame(&mut self) -> Option<Frame> {
        let mut head = Vec::new();
        match self.inbox.head(&mut Waiting(&self.tcp), Ceiling::KNOWN, &mut head) {
            Ok(Some(n)) => {
                let mut data = vec![0; n];
                match self.inbox.data(&mut Waiting(&self.tcp), &mut data) {
                    Err(Error::Gone) => return None,
                    read => read.unwrap(),
                }
                let kind = FrameKind::of(head[0]).expect("a known kind");
                Some(Frame { kind, fields: head.split_off(1), data })
            }
            Ok(None) => panic!("a blocking socket does not pause"),
            Err(Error::Gone) => None,
            Err(e) => panic!("reading a frame: {e}"),
        }
    }

    /// The next final answer, or the last words, with what came before.
    #[track_caller]
    pub fn read_answer(&mut self) -> Answer {
        let answer = self.read_final();
        assert_ne!(answer.0, FrameKind::Bye, "a bye instead of an answer: {:?}", answer.1);
        answer.1
    }

    /// Reads up to the bye, and checks that nothing comes after it.
    #[track_caller]
    pub fn expect_bye(mut self, code: u16) -> Answer {
        loop {
            let (kind, answer) = self.read_final();
            if kind == FrameKind::Bye {
                answer.expect(code);
                assert!(self.read_frame().is_none(), "a frame behind the bye");
                return answer;
            }
        }
    }

    #[track_caller]
    fn read_final(&mut self) -> (FrameKind, Answer) {
        self.next_final().expect("an answer, but the connection is over")
    }

    /// The next final answer or the last words; `None` if the connection ends without them.
    #[track_caller]
    pub fn next_final(&mut self) -> Option<(FrameKind, Answer)> {
        let (mut parts, mut alive) = (Vec::new(), 0);
        loop {
            let frame = self.read_frame()?;
            match frame.kind {
                FrameKind::More => parts.push(frame),
                FrameKind::Alive => alive += 1,
                FrameKind::Greeting => {}
                FrameKind::Request => panic!("a request from the server"),
                kind @ (FrameKind::Answer | FrameKind::Bye) => {
                    let mut fields = Fields::new(&frame.fields);
                    let (code, text) = wire::answer_head(&mut fields).unwrap();
                    let (text, fields) = (text.to_owned(), fields.rest().to_vec());
                    return Some((kind, Answer { code, text, fields, parts, alive }));
                }
            }
        }
    }

    /// Says that nothing more will be sent, and still reads.
    pub fn finish_sending(&self) {
        let _ = self.tcp.shutdown(Shutdown::Write);
    }
}

impl Answer {
    /// The answer has this code.
    #[track_caller]
    pub fn expect(&self, code: u16) -> &Answer {
        assert!(self.code == code, "{code} was expected, {} came: {}", self.code, self.text);
        self
    }

    /// The text has these words.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Answer {
        assert!(self.text.contains(words), "{words:?} was expected in {:?}", self.text);
        self
    }

    /// Its fields as a message.
    #[track_caller]
    pub fn message<'a, M: Message<'a>>(&'a self) -> M {
        M::decode(Fields::new(&self.fields)).unwrap()
    }

    /// The names in the parts of an answer to `LS`, sorted.
    #[track_caller]
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for part in &self.parts {
            let mut fields = Fields::new(&part.fields);
            while let Ok(_up_to_the_name) = fields.take(1 + 1 + 8 + 8 + 4 + 2 + 8, "entry") {
                names.push(fields.text("name").unwrap().to_owned());
            }
            fields.end().unwrap();
        }
        names.sort();
        names
    }
}

/// A socket that has [`DEADLINE`] for each read.
struct Waiting<'a>(&'a TcpStream);

impl Arrive for Waiting<'_> {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> Result<usize> {
        loop {
            return match self.0.read(into) {
                Ok(0) => Err(Error::Gone),
                Ok(n) => Ok(n),
                // With a timeout set the kernel does not go on by itself after it was disturbed.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Err(Error::Gone),
                Err(_) => Err(Error::TimedOut { wait: Wait::Frame, secs: 60 }),
            };
        }
    }
}
