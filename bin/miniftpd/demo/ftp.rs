//! FTP as any of its clients would speak it, shown line by line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use miniftp::text::Escaped;

use super::failure::{DemoFailure, check};
use super::show::print;
use crate::ends::Ends;

/// How long an answer may take: the server is in this process.
const PATIENCE: Duration = Duration::from_secs(10);

/// A control connection.
pub(super) struct Ftp<'a> {
    control: BufReader<TcpStream>,
    server: SocketAddr,
    ends: &'a Ends,
}

impl<'a> Ftp<'a> {
    /// Connects and reads the greeting.
    pub(super) fn connect(server: SocketAddr, ends: &'a Ends) -> Result<Ftp<'a>, DemoFailure> {
        let control = BufReader::new(dial(server)?);
        let mut ftp = Ftp { control, server, ends };
        ftp.receive(220)?;
        Ok(ftp)
    }

    /// Sends a line and shows it and its answer, which must have this code.
    pub(super) fn ask(&mut self, line: &str, code: u16) -> Result<String, DemoFailure> {
        check(self.ends)?;
        let shown = if line.starts_with("PASS ") { "PASS ********" } else { line };
        print(format_args!("   > {shown}"));
        self.control.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.receive(code)
    }

    fn receive(&mut self, code: u16) -> Result<String, DemoFailure> {
        loop {
            let mut line = String::new();
            self.control.read_line(&mut line)?;
            let line = line.trim_end().to_owned();
            print(format_args!("   < {}", Escaped(&line)));
            // Lines before the last of an answer have a hyphen behind the code.
            if line.as_bytes().get(3) != Some(&b'-') {
                return match line.starts_with(&code.to_string()) {
                    true => Ok(line),
                    false => Err(format!("{code} was expected by FTP").into()),
                };
            }
        }
    }

    /// Stores a file.
    pub(super) fn store(&mut self, name: &str, content: &[u8]) -> Result<(), DemoFailure> {
        let mut data = self.data()?;
        self.ask(&format!("STOR {name}"), 150)?;
        data.write_all(content)?;
        drop(data);
        self.receive(226).map(drop)
    }

    /// Fetches a file.
    pub(super) fn fetch(&mut self, name: &str) -> Result<Vec<u8>, DemoFailure> {
        let mut data = self.data()?;
        self.ask(&format!("RETR {name}"), 150)?;
        let mut content = Vec::new();
        data.read_to_end(&mut content)?;
        self.receive(226)?;
        Ok(content)
    }

    fn data(&mut self) -> Result<TcpStream, DemoFailure> {
        // `229 Entering Extended Passive Mode (|||PORT|)`
        let answer = self.ask("EPSV", 229)?;
        let port = answer.split('|').nth(3).and_then(|port| port.parse().ok());
        let port: u16 = port.ok_or("EPSV gives no port")?;
        Ok(dial(SocketAddr::new(self.server.ip(), port))?)
    }
}

fn dial(to: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect_timeout(&to, PATIENCE)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    Ok(tcp)
}
