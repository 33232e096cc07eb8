//! A client of the FTP door without manners: lines or any bytes at all, and data connections that
//! the test opens, feeds, leaves or resets as it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketType, bind, connect, send, socket, sockopt};

use super::{DEADLINE, Daemon, password};

/// A control connection.
pub struct FtpTalk {
    lines: BufReader<TcpStream>,
}

/// A reply of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The number.
    pub code: u16,
    /// The texts: of the first line and the last without their number, of those between as they
    /// came.
    pub lines: Vec<String>,
}

impl Reply {
    /// The number is this one.
    #[track_caller]
    pub fn expect(&self, code: u16) -> &Reply {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// The words are in the text.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Reply {
        assert!(self.text().contains(words), "{self:?} does not say: {words}");
        self
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

impl FtpTalk {
    /// Connects and reads nothing.
    #[track_caller]
    pub fn raw(addr: SocketAddr) -> FtpTalk {
        FtpTalk::over(TcpStream::connect(addr).unwrap())
    }

    /// The same over a connection that is there.
    #[track_caller]
    pub fn over(tcp: TcpStream) -> FtpTalk {
        tcp.set_nodelay(true).unwrap();
        patient(&tcp);
        FtpTalk { lines: BufReader::new(tcp) }
    }

    /// Connects and reads the greeting.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> FtpTalk {
        let mut talk = FtpTalk::raw(addr);
        talk.reply().expect(220);
        talk
    }

    /// Connects and logs in with the password of the harness; files travel as they are.
    #[track_caller]
    pub fn login(addr: SocketAddr, account: &str) -> FtpTalk {
        let mut talk = FtpTalk::connect(addr);
        talk.log_in(account, &password(account)).expect(230);
        talk.ask("TYPE I").expect(200);
        talk
    }

    /// `USER` and `PASS`; gives the last reply.
    #[track_caller]
    pub fn log_in(&mut self, name: &str, password: &str) -> Reply {
        self.ask(&format!("USER {name}")).expect(331);
        self.ask(&format!("PASS {password}"))
    }

    /// The socket.
    pub fn tcp(&self) -> &TcpStream {
        self.lines.get_ref()
    }

    /// The same, and nothing more is read.
    pub fn into_tcp(self) -> TcpStream {
        self.lines.into_inner()
    }

    /// Sends any bytes. That the server has hung up shows when its reply is read.
    pub fn send_bytes(&self, bytes: &[u8]) {
        let _ = self.tcp().write_all(bytes);
    }

    /// Sends a line.
    pub fn send(&self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes marked as urgent, as `send` with `MSG_OOB` does.
    #[track_caller]
    pub fn send_urgent(&self, bytes: &[u8]) {
        assert_eq!(send(self.tcp(), bytes, SendFlags::OOB).unwrap(), bytes.len());
    }

    /// Sends a line and reads one reply.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> Reply {
        self.send(line);
        self.reply()
    }

    /// The next line without its end, or `None` at the end of the connection.
    #[track_caller]
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.lines.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(e) => panic!("no reply: {e}"),
            // Whoever sent it was killed in the middle of it.
            Ok(_) if line.last() != Some(&b'\n') => return None,
            Ok(_) => {}
        }
        let line = String::from_utf8(line).expect("replies are UTF-8");
        Some(line.strip_suffix("\r\n").expect("replies end with CR LF").to_owned())
    }

    /// Reads one reply.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.next_reply().expect("a reply before the end")
    }

    /// Reads one reply, or finds the end.
    #[track_caller]
    pub fn next_reply(&mut self) -> Option<Reply> {
        let first = self.line()?;
        assert!(first.len() >= 4 && first.is_char_boundary(4), "no reply: {first:?}");
        let (head, text) = first.split_at(4);
        let code = head[..3].parse().expect("a number");
        let mut lines = vec![text.to_owned()];
        if head.ends_with('-') {
            let last = format!("{} ", &head[..3]);
            loop {
                let line = self.line()?;
                if let Some(text) = line.strip_prefix(&last) {
                    lines.push(text.to_owned());
                    break;
                }
                // Clients that look at the number alone must not take it for the last line.
                assert!(line.starts_with(' '), "inside a reply: {line:?}");
                lines.push(line);
            }
        } else {
            assert!(head.ends_with(' '), "no reply: {first:?}");
        }
        Some(Reply { code, lines })
    }

    /// The server says nothing more and has hung up.
    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(self.next_reply(), None);
    }

    /// Where `PASV` leads.
    #[track_caller]
    pub fn pasv(&mut self) -> SocketAddr {
        let text = self.ask("PASV").expect(227).text();
        let numbers = text.split(['(', ')']).nth(1).expect("brackets");
        let n: Vec<u8> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
        let [a, b, c, d, high, low] = n[..] else { panic!("{text}") };
        SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
    }

    /// Where `EPSV` leads.
    #[track_caller]
    pub fn epsv(&mut self) -> SocketAddr {
        let text = self.ask("EPSV").expect(229).text();
        let port = text.split('|').nth(3).expect("three bars").parse().unwrap();
        SocketAddr::new(self.tcp().peer_addr().unwrap().ip(), port)
    }

    /// A data connection by `EPSV`, made before the transfer is asked for.
    #[track_caller]
    pub fn data(&mut self) -> TcpStream {
        let tcp = TcpStream::connect(self.epsv()).unwrap();
        patient(&tcp);
        tcp
    }

    /// A socket that the server is told to connect to, by `EPRT`.
    #[track_caller]
    pub fn active(&mut self) -> TcpListener {
        let own = self.tcp().local_addr().unwrap().ip();
        let listener = TcpListener::bind((own, 0)).unwrap();
        let kind = if own.is_ipv4() { 1 } else { 2 };
        let port = listener.local_addr().unwrap().port();
        self.ask(&format!("EPRT |{kind}|{own}|{port}|")).expect(200);
        listener
    }

    /// Begins a transfer over a new data connection: the command's 150 was read.
    #[track_caller]
    pub fn begin(&mut self, command: &str) -> TcpStream {
        let data = self.data();
        self.ask(command).expect(150);
        data
    }

    /// A command that sends: everything that came, and the last reply.
    #[track_caller]
    pub fn receive(&mut self, command: &str) -> (Vec<u8>, Reply) {
        let mut data = self.begin(command);
        let mut all = Vec::new();
        data.read_to_end(&mut all).unwrap();
        drop(data);
        (all, self.reply())
    }

    /// A command that receives: the last reply. The server may hang up before it has everything.
    #[track_caller]
    pub fn transmit(&mut self, command: &str, content: &[u8]) -> Reply {
        let mut data = self.begin(command);
        let _ = data.write_all(content);
        let _ = data.shutdown(Shutdown::Write);
        drop(data);
        self.reply()
    }

    /// `RETR`
    #[track_caller]
    pub fn fetch(&mut self, path: &str) -> Vec<u8> {
        let (content, end) = self.receive(&format!("RETR {path}"));
        end.expect(226);
        content
    }

    /// `STOR`
    #[track_caller]
    pub fn store(&mut self, path: &str, content: &[u8]) -> Reply {
        self.transmit(&format!("STOR {path}"), content)
    }

    /// A listing as text, without surprises.
    #[track_caller]
    pub fn listed(&mut self, command: &str) -> String {
        let (listing, end) = self.receive(command);
        end.expect(226);
        String::from_utf8(listing).unwrap()
    }

    /// Waits until the running transfer has moved so many bytes.
    #[track_caller]
    pub fn until_moved(&mut self, bytes: usize) {
        let words = format!(" {bytes} bytes so far");
        super::eventually("the bytes have come", || {
            self.ask("STAT").expect(211).says("a transfer is running").text().contains(&words)
        });
    }

    /// Bytes used, by `SITE QUOTA`.
    #[track_caller]
    pub fn used_bytes(&mut self) -> u64 {
        let text = self.ask("SITE QUOTA").expect(200).text();
        let used = text.lines().find_map(|line| line.trim().strip_prefix("used ")).unwrap();
        used.trim_end_matches(" bytes").parse().unwrap()
    }
}

impl Daemon {
    /// An FTP session of an account.
    #[track_caller]
    pub fn ftp(&self, account: &str) -> FtpTalk {
        FtpTalk::login(self.ftp_addr(), account)
    }
}

/// Waits end some time.
pub(super) fn patient(tcp: &TcpStream) {
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    tcp.set_write_timeout(Some(DEADLINE)).unwrap();
}

/// An address of this machine that others could use too; that there is none is said.
pub fn outer_address() -> Option<IpAddr> {
    // No packet is sent: the system only chooses the address that it would be sent from.
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("198.51.100.1", 9)).ok()?;
    let ip = Some(socket.local_addr().ok()?.ip());
    let ip = ip.filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    if ip.is_none() {
        eprintln!("skipped: this machine has no address but its own");
    }
    ip
}

/// A connection that comes from this address.
#[track_caller]
pub fn connect_from(own: IpAddr, to: SocketAddr) -> TcpStream {
    try_connect_from(own, to).unwrap()
}

/// A connection from there that is let in when those before it have kept their places for a moment.
#[track_caller]
pub fn let_in(own: IpAddr, to: SocketAddr) -> FtpTalk {
    let mut last = None;
    super::eventually("a newcomer is let in", || {
        let mut talk = FtpTalk::over(connect_from(own, to));
        let reply = talk.reply();
        if reply.code == 220 {
            last = Some(talk);
        } else {
            reply.expect(421).says("before login at most; try again later");
        }
        last.is_some()
    });
    last.unwrap()
}

/// The same, where it may be that nobody listens.
pub fn try_connect_from(own: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = socket(family, SocketType::STREAM, None)?;
    bind(&fd, &SocketAddr::new(own, 0))?;
    connect(&fd, &to)?;
    let tcp = TcpStream::from(fd);
    patient(&tcp);
    Ok(tcp)
}

/// Ends a connection with a reset instead of an end.
#[track_caller]
pub fn reset(tcp: TcpStream) {
    sockopt::set_socket_linger(&tcp, Some(Duration::ZERO)).unwrap();
    drop(tcp);
}
