//! Sessions without a program: what logs in, in this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use miniftp::client::{Client, Options};
use miniftp::error::{Error, Wait};
use miniftp::scram::{ClientExchange, ScramKeys};
use miniftp::tls::TlsMode;
use miniftp::wire::{self, Arrive, Ceiling, Code, Fields, FrameKind, Inbox, Message, Sink};

use super::Result;
use super::bench::{Bench, empty_row};
use super::report::record::{Role, Row};
use super::servers::{Protocol, SERVERS, Server, ServerRow};
use super::workloads::Workload;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// A row of the table of ways to log in.
pub(crate) struct Login {
    pub(crate) name: &'static str,
    protocol: Protocol,
    /// Whether this process derives keys from the password each time.
    pub(crate) derives: bool,
    /// Whether only servers that encrypt have it.
    tls: bool,
    open: fn(&Server, &mut Option<ScramKeys>) -> Result<Session>,
}

/// The ways to log in. Only the framed protocol's client is ours, so only it is there over TLS.
pub(crate) const LOGINS: &[Login] = &[
    Login { name: "framed", protocol: Protocol::Framed, derives: false, tls: false, open: framed },
    Login { name: "framed, TLS", protocol: Protocol::Framed, derives: true, tls: true, open: tls },
    Login { name: "FTP", protocol: Protocol::Ftp, derives: false, tls: false, open: ftp },
];

/// A session that is logged in, until it is dropped.
pub(crate) enum Session {
    Framed(TcpStream),
    Tls(Box<Client>),
    Ftp(TcpStream),
}

/// Somebody who logs in to a server.
pub(crate) struct Caller {
    pub(crate) login: &'static Login,
    pub(crate) server: &'static ServerRow,
    pub(crate) row: Row,
    /// Keys that were derived already.
    keys: Option<ScramKeys>,
}

/// Everybody who can log in to a server of ours or of others.
pub(crate) fn callers(bench: &Bench, workload: &Workload, action: &str) -> Vec<Caller> {
    let mut all = Vec::new();
    for login in LOGINS {
        let can = |row: &&ServerRow| {
            row.protocols.contains(&login.protocol) && (row.has_tls || !login.tls)
        };
        for server in SERVERS.iter().filter(can) {
            let is_ftp = login.protocol == Protocol::Ftp;
            let suffix = if is_ftp { format!(" to {}", server.name) } else { String::new() };
            let name = format!("{}{suffix}", login.name);
            let role = if server.is_ours { Role::Ours } else { Role::Peer };
            let row = Row {
                action: action.to_owned(),
                is_by_client: is_ftp,
                ..empty_row(workload, &name, login.name, role)
            };
            if bench.options.wants(&name) {
                all.push(Caller { login, server, row, keys: None });
            }
        }
    }
    all
}

impl Caller {
    /// For another server, whose account has another salt.
    pub(crate) fn forget_keys(&mut self) {
        self.keys = None;
    }

    /// Logs in.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn open(&mut self, server: &Server) -> Result<Session> {
        (self.login.open)(server, &mut self.keys)
    }
}

impl Session {
    /// Ends it as a client does that is polite.
    ///
    /// # Errors
    /// A server that does not answer.
    pub(crate) fn close(self) -> Result<()> {
        match self {
            Session::Framed(tcp) => {
                drop(tcp);
                Ok(())
            }
            Session::Tls(client) => {
                drop(client);
                Ok(())
            }
            Session::Ftp(tcp) => expect("221", &command(&tcp, &mut BufReader::new(&tcp), "QUIT")?),
        }
    }
}

fn connect(port: &str) -> Result<TcpStream> {
    let tcp = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(ANSWER))?;
    Ok(tcp)
}

fn ftp(server: &Server, _keys: &mut Option<ScramKeys>) -> Result<Session> {
    let tcp = connect(&server.common_port)?;
    let mut lines = BufReader::new(&tcp);
    let (user, password) = server.login;
    expect("220", &reply(&mut lines)?)?;
    // Without a password to check some say 230 at once; otherwise this is 331.
    let code = command(&tcp, &mut lines, &format!("USER {user}"))?;
    if code != "230" {
        expect("230", &command(&tcp, &mut lines, &format!("PASS {password}"))?)?;
    }
    drop(lines);
    Ok(Session::Ftp(tcp))
}

/// Sends a command; the code of its reply.
fn command(mut tcp: &TcpStream, lines: &mut impl BufRead, command: &str) -> Result<String> {
    tcp.write_all(format!("{command}\r\n").as_bytes())?;
    reply(lines)
}

/// Reads a reply of one line or more; the code of its last line.
fn reply(lines: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let (code, rest) = line.split_at_checked(3).unwrap_or_default();
        let is_code = code.chars().all(|c| c.is_ascii_digit());
        if is_code && rest.starts_with(' ') {
            return Ok(code.to_owned());
        }
        line.clear();
    }
    Err("the server hung up".into())
}

fn expect(expected: &str, code: &str) -> Result<()> {
    match code == expected {
        true => Ok(()),
        false => Err(format!("{code} instead of {expected}").into()),
    }
}

fn tls(server: &Server, _keys: &mut Option<ScramKeys>) -> Result<Session> {
    let options = Options { tls: TlsMode::Required, ..Options::default() };
    let mut client = Client::connect("127.0.0.1", server.port.parse()?, options)?;
    client.login(server.login.0, server.login.1)?;
    Ok(Session::Tls(Box::new(client)))
}

/// The framed protocol as it is on the wire, with keys that are derived only once.
fn framed(server: &Server, keys: &mut Option<ScramKeys>) -> Result<Session> {
    let tcp = connect(&server.port)?;
    let mut frames = Frames { tcp: &tcp, inbox: Inbox::new() };
    frames.next()?;
    frames.request("HELLO", &wire::Hello::new(wire::VERSION, "bench"))?;
    let (exchange, first) = ClientExchange::begin(server.login.0)?;
    let fields = frames.request("LOGIN", &wire::Login::new(&first))?;
    let challenge = wire::Challenge::decode(Fields::new(&fields))?;
    let challenge = exchange.challenge(challenge.server_first)?;
    if keys.is_none() {
        *keys = Some(challenge.derive(server.login.1)?);
    }
    let (proof, last) = challenge.prove(keys.as_ref().ok_or("keys")?)?;
    let fields = frames.request("PROOF", &wire::Proof::new(&last))?;
    proof.verify(wire::LoggedIn::decode(Fields::new(&fields))?.server_final)?;
    Ok(Session::Framed(tcp))
}

struct Frames<'a> {
    tcp: &'a TcpStream,
    inbox: Inbox,
}

impl Arrive for Waiting<'_> {
    fn arrive(&mut self, into: &mut [u8], _begun: bool) -> miniftp::error::Result<usize> {
        match self.0.read(into) {
            Ok(0) => Err(Error::Gone),
            Ok(n) => Ok(n),
            Err(_) => Err(Error::TimedOut { wait: Wait::Frame, secs: ANSWER.as_secs() }),
        }
    }
}

/// A socket that is read until something comes.
struct Waiting<'a>(&'a TcpStream);

impl Frames<'_> {
    /// The next frame's head; none of a login has data.
    fn next(&mut self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let read = self.inbox.head(&mut Waiting(self.tcp), Ceiling::KNOWN, &mut head)?;
        if read == Some(0) { Ok(head) } else { Err("data that was not asked for".into()) }
    }

    /// Sends a request and gives the fields of its answer, which must be a success.
    fn request<'a>(&mut self, name: &str, message: &impl Message<'a>) -> Result<Vec<u8>> {
        let (mut sink, mut out) = (Sink::new(), Vec::new());
        wire::put_request_name(&mut sink, name);
        message.encode(&mut sink);
        wire::frame(&mut out, FrameKind::Request, &sink);
        self.tcp.write_all(&out)?;
        let head = self.next()?;
        let mut fields = Fields::new(head.get(1..).unwrap_or_default());
        let (code, text) = wire::answer_head(&mut fields)?;
        match Code::of(code).is_some_and(Code::is_success) {
            true => Ok(fields.rest().to_vec()),
            false => Err(format!("{code} {text}").into()),
        }
    }
}
