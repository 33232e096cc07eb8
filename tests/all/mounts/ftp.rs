//! A control line of the FTP door, and data connections by `EPSV`, as short as a test wants them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::{DEADLINE, password};

/// See the module.
pub struct Talk {
    line: BufReader<TcpStream>,
    addr: SocketAddr,
}

impl Talk {
    /// Connects and reads the greeting.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Talk {
        let tcp = TcpStream::connect(addr).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut talk = Talk { line: BufReader::new(tcp), addr };
        assert_eq!(talk.reply().0, 220);
        talk
    }

    /// The same, logged in, for images.
    #[track_caller]
    pub fn login(addr: SocketAddr, account: &str) -> Talk {
        let mut talk = Talk::connect(addr);
        assert_eq!(talk.say(&format!("USER {account}")), 331);
        assert_eq!(talk.say(&format!("PASS {}", password(account))), 230);
        assert_eq!(talk.say("TYPE I"), 200);
        talk
    }

    /// A command; the number of its reply.
    #[track_caller]
    pub fn say(&mut self, command: &str) -> u16 {
        self.ask(command).0
    }

    /// A command; its reply with all lines.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> (u16, String) {
        self.line.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// A command that sends something; the last number and what came.
    #[track_caller]
    pub fn fetch(&mut self, command: &str) -> (u16, String) {
        let mut data = self.data();
        let first = self.say(command);
        if first != 150 {
            return (first, String::new());
        }
        let mut came = Vec::new();
        data.read_to_end(&mut came).unwrap();
        (self.reply().0, String::from_utf8(came).unwrap())
    }

    /// A command that takes something; the last number.
    #[track_caller]
    pub fn store(&mut self, command: &str, content: &[u8]) -> u16 {
        let mut data = self.data();
        let first = self.say(command);
        if first != 150 {
            return first;
        }
        data.write_all(content).unwrap();
        drop(data);
        self.reply().0
    }

    #[track_caller]
    fn data(&mut self) -> TcpStream {
        let (code, text) = self.ask("EPSV");
        assert_eq!(code, 229, "{text}");
        let port: String =
            text.split("|||").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        let data = TcpStream::connect((self.addr.ip(), port.parse().unwrap())).unwrap();
        data.set_read_timeout(Some(DEADLINE)).unwrap();
        data
    }

    #[track_caller]
    fn reply(&mut self) -> (u16, String) {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.line.read_line(&mut line).unwrap() > 0, "the line is over: {all}");
            all.push_str(&line);
            let is_last = line.len() > 3
                && line.as_bytes()[..3].iter().all(u8::is_ascii_digit)
                && line.as_bytes()[3] == b' ';
            if is_last {
                return (line[..3].parse().unwrap(), all);
            }
        }
    }
}
