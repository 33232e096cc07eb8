//! What is printed about a share: who can reach it, what is not encrypted, and the lines to copy.
//!
//! Invariant: each line that begins with two blanks and a command works as it is in a POSIX shell.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use miniftp::text::{Escaped, Size, Span, shell_quoted};

use super::addresses::OwnAddress;

/// Everything that the text is about.
pub(super) struct Shared<'a> {
    pub(super) name: &'a str,
    /// The real directory, as the operator knows it.
    pub(super) dir: &'a str,
    pub(super) writes: bool,
    pub(super) quota_bytes: Option<u64>,
    pub(super) for_secs: Option<u64>,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// The fingerprint of the server's key, if it encrypts.
    pub(super) key: Option<String>,
    pub(super) addresses: &'a [OwnAddress],
    pub(super) port: u16,
    pub(super) ftp_port: u16,
}

impl Shared<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let mut text = self.about();
        for address in self.addresses {
            let whose = match (&address.network, address.is_loopback()) {
                (_, true) => "this machine".to_owned(),
                (Some(network), _) => format!("the network {network}"),
                (None, _) => "its network".to_owned(),
            };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "\nFrom {whose}, at {}:", address.ip);
            let _ = writeln!(text, "  {}", self.miniftp(address.ip));
            let _ = writeln!(text, "  {}", self.curl(address.ip));
        }
        text += "\nThe first line fetches everything. The second one lists the directory; a file's \
                 name behind the\naddress fetches that file. While curl runs, the process list of \
                 its machine shows the password.\n";
        if self.writes {
            text += &self.about_writing();
        }
        text
    }

    fn about(&self) -> String {
        let (name, dir) = (Escaped(self.name), Escaped(self.dir));
        let may = if self.writes { "to read and write" } else { "to read only" };
        let until = match self.for_secs {
            Some(secs) => format!("for {}, or until Ctrl-C", Span(secs)),
            None => "until Ctrl-C".to_owned(),
        };
        let quota = match self.quota_bytes {
            Some(bytes) => format!(" At most {} more can be stored in it.", Size(bytes)),
            None => String::new(),
        };
        let others: Vec<&OwnAddress> =
            self.addresses.iter().filter(|address| !address.is_loopback()).collect();
        let who = if others.is_empty() {
            "Only programs on this machine can reach it.".to_owned()
        } else {
            let networks = others.iter().filter_map(|address| address.network.as_deref());
            let networks: Vec<&str> = networks.collect();
            format!(
                "Everybody can reach it who can reach this machine: the networks {}, and\nwhatever \
                 is routed to them. To get in one needs the password.",
                networks.join(", ")
            )
        };
        let encrypted = match &self.key {
            Some(key) => format!(
                "miniftp encrypts all that it sends; the key of this server is\n{key}\nBy FTP \
                 names, contents and the password can be read on the way, which is accepted for\n\
                 this one account."
            ),
            None => "Nothing is encrypted: names and contents of files can be read on the way. \
                     FTP sends the password\nin clear as well, which is accepted for this one \
                     account; miniftp does not send it."
                .to_owned(),
        };
        format!(
            "Sharing {name} ({dir}), {may}, {until}.{quota}\n{who}\n{encrypted}\nuser: {}  \
             password: {}\n",
            self.user, self.password
        )
    }

    fn about_writing(&self) -> String {
        let Some(first) = self.addresses.first() else { return String::new() };
        let (password, framed) = (shell_quoted(self.password), self.framed_url(first.ip) + "/");
        let (framed, miniftp) = (shell_quoted(&framed), self.program(first.ip));
        let (user, ftp) = (self.curl_user(), shell_quoted(&self.ftp_url(first.ip, None)));
        format!(
            "\nTo store something there, with the name of a file for FILE:\n  \
             MINIFTP_PASSWORD={password} {miniftp} cp FILE {framed}\n  \
             curl -T FILE -u {user} {ftp}\n"
        )
    }

    /// Fetches everything.
    fn miniftp(&self, ip: IpAddr) -> String {
        let (password, url) = (shell_quoted(self.password), shell_quoted(&self.framed_url(ip)));
        format!("MINIFTP_PASSWORD={password} {} cp -r {url} .", self.program(ip))
    }

    /// From another machine a client goes on in clear only if its user says so.
    fn program(&self, ip: IpAddr) -> &'static str {
        if self.key.is_some() || ip.is_loopback() { "miniftp" } else { "miniftp --tls off" }
    }

    fn framed_url(&self, ip: IpAddr) -> String {
        let server = SocketAddr::new(ip, self.port);
        format!("miniftp://{}@{server}/{}", self.user, percent(self.name))
    }

    /// Lists the directory.
    fn curl(&self, ip: IpAddr) -> String {
        format!("curl -u {} {}", self.curl_user(), shell_quoted(&self.ftp_url(ip, None)))
    }

    fn curl_user(&self) -> String {
        shell_quoted(&format!("{}:{}", self.user, self.password))
    }

    /// For whatever takes an address with everything in it.
    pub(super) fn url_with_password(&self) -> Option<String> {
        let address = self.addresses.first()?;
        Some(self.ftp_url(address.ip, Some(&format!("{}:{}@", self.user, percent(self.password)))))
    }

    fn ftp_url(&self, ip: IpAddr, login: Option<&str>) -> String {
        let server = SocketAddr::new(ip, self.ftp_port);
        format!("ftp://{}{server}/{}/", login.unwrap_or_default(), percent(self.name))
    }
}

/// A part of an address as RFC 3986 has it.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
