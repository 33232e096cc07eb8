//! Both clients where the server may be killed at any moment: that a connection ends is a result
//! here and fails no test. What hangs for [`DEADLINE`](super::DEADLINE) still does.

use std::net::{SocketAddr, TcpStream};

use miniftp::scram::{ClientExchange, ScramKeys};
use miniftp::wire::{self, FrameKind, Message};
use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};

use super::ftp::patient;
use super::{Answer, Frames, FtpTalk, Reply, password};

impl Frames {
    /// Sends a request and reads its answer; `None` if the connection ended instead.
    #[track_caller]
    pub fn attempt<'a>(&mut self, name: &str, message: &impl Message<'a>) -> Option<Answer> {
        self.send(name, message);
        self.next_answer()
    }

    /// The same with data.
    #[track_caller]
    pub fn attempt_with_data<'a>(
        &mut self,
        name: &str,
        message: &impl Message<'a>,
        data: &[u8],
    ) -> Option<Answer> {
        self.send_with_data(name, message, data);
        self.next_answer()
    }

    /// The next final answer; `None` if the connection ended instead, with last words or without.
    #[track_caller]
    pub fn next_answer(&mut self) -> Option<Answer> {
        let (kind, answer) = self.next_final()?;
        (kind == FrameKind::Answer).then_some(answer)
    }

    /// Connects and logs in with the password of the harness, deriving the keys only once.
    ///
    /// # Errors
    /// The refusal, or `None` if there is no server or it went away.
    pub fn attempt_login(
        addr: SocketAddr,
        account: &str,
        keys: &mut Option<ScramKeys>,
    ) -> Result<Frames, Option<Answer>> {
        let tcp = TcpStream::connect(addr).map_err(|_| None)?;
        let mut frames = Frames::over(tcp);
        frames.read_frame().ok_or(None)?;
        frames.attempt("HELLO", &wire::Hello::new(wire::VERSION, "test")).ok_or(None)?;
        let (exchange, first) = ClientExchange::begin(account).unwrap();
        let answer = frames.attempt("LOGIN", &wire::Login::new(&first)).ok_or(None)?;
        if answer.code != 280 {
            return Err(Some(answer));
        }
        let challenge: wire::Challenge<'_> = answer.message();
        let challenge = exchange.challenge(challenge.server_first).unwrap();
        let keys = keys.get_or_insert_with(|| challenge.derive(&password(account)).unwrap());
        let (_, last) = challenge.prove(keys).unwrap();
        frames.send("PROOF", &wire::Proof::new(&last));
        let (_, answer) = frames.next_final().ok_or(None)?;
        if answer.code == 254 { Ok(frames) } else { Err(Some(answer)) }
    }
}

impl FtpTalk {
    /// Sends a line and reads one reply; `None` if the connection ended instead.
    #[track_caller]
    pub fn attempt(&mut self, line: &str) -> Option<Reply> {
        self.send(line);
        self.next_reply()
    }

    /// Connects and logs in with the password of the harness; files travel as they are.
    ///
    /// # Errors
    /// The refusal, or `None` if there is no server or it went away.
    pub fn attempt_login(addr: SocketAddr, account: &str) -> Result<FtpTalk, Option<Reply>> {
        let tcp = TcpStream::connect(addr).map_err(|_| None)?;
        let mut talk = FtpTalk::over(tcp);
        talk.next_reply().ok_or(None)?;
        talk.attempt(&format!("USER {account}")).ok_or(None)?;
        let reply = talk.attempt(&format!("PASS {}", password(account))).ok_or(None)?;
        if reply.code != 230 {
            return Err(Some(reply));
        }
        talk.attempt("TYPE I").ok_or(None)?;
        Ok(talk)
    }

    /// Begins a transfer over a new data connection, which takes in at most about `window` bytes
    /// that nobody has read, if one is named.
    ///
    /// # Errors
    /// The refusal, or `None` if the connection ended.
    pub fn attempt_begin(
        &mut self,
        command: &str,
        window: Option<usize>,
    ) -> Result<TcpStream, Option<Reply>> {
        let reply = self.attempt("EPSV").ok_or(None)?;
        if reply.code != 229 {
            return Err(Some(reply));
        }
        let port = reply.text().split('|').nth(3).unwrap().parse().unwrap();
        let to = SocketAddr::new(self.tcp().peer_addr().map_err(|_| None)?.ip(), port);
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = socket(family, SocketType::STREAM, None).unwrap();
        if let Some(window) = window {
            // Before it is connected, or the window has its size already.
            sockopt::set_socket_recv_buffer_size(&fd, window).unwrap();
        }
        connect(&fd, &to).map_err(|_| None)?;
        let data = TcpStream::from(fd);
        patient(&data);
        let reply = self.attempt(command).ok_or(None)?;
        if reply.code == 150 { Ok(data) } else { Err(Some(reply)) }
    }
}
