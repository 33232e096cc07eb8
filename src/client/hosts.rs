//! The servers that a user has given names, in a file of their own.
//!
//! It is read as strictly as the server's files are: a key that is misspelt is no key that is left
//! out.

use std::path::Path;

use crate::conffile::FileError;
use crate::conffile::ParseErrors;
use crate::conffile::ini::{FileShape, parse};
use crate::conffile::keys::{By, Key, Number, OneOf, ValueForm, key, names};
use crate::digest::Algorithm;
use crate::limits;
use crate::text::{exact, parse_size};
use crate::tls::TlsMode;

/// A server by the name that its user has given it, and what holds for it unless something else is
/// said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// Its name: the section.
    pub name: String,
    /// Where it is; without it the name says that.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The account.
    pub user: Option<String>,
    /// A command line whose first line of output is the password.
    pub password_command: Option<String>,
    /// The directory to begin in.
    pub directory: Option<String>,
    /// The digest of transfers.
    pub digest: Option<Algorithm>,
    /// Bytes that transfers may move in a second.
    pub rate_bytes: Option<u64>,
    /// Whether connections are encrypted.
    pub tls: Option<TlsMode>,
}

/// What another form says, where the key is there.
struct Given<F>(F);

impl<F: ValueForm> ValueForm for Given<F> {
    type Value = Option<F::Value>;

    fn expected(&self) -> String {
        self.0.expected()
    }

    fn read(&self, text: &str) -> Option<Self::Value> {
        self.0.read(text).map(Some)
    }

    fn text(&self, value: &Self::Value) -> String {
        value.as_ref().map_or_else(String::new, |value| self.0.text(value))
    }
}

const TEXT: By<String> =
    By("some text", |text| (!text.is_empty()).then(|| text.to_owned()), String::clone);
const RATE: By<u64> = By(
    "bytes per second such as 5M",
    |text| parse_size(text.strip_suffix("/s").unwrap_or(text)).filter(|rate| *rate > 0),
    |rate| exact(*rate),
);

static KEYS: &[Key<Host>] = &[
    key!("host", Host.host, Given(TEXT)).or(""),
    key!("port", Host.port, Given(Number("a port", 1_u16, u16::MAX))).or(""),
    key!("user", Host.user, Given(TEXT)).or(""),
    key!("password_command", Host.password_command, Given(TEXT)).or(""),
    key!("directory", Host.directory, Given(TEXT)).or(""),
    key!(
        "digest",
        Host.digest,
        Given(OneOf(&[("md5", Algorithm::Md5), ("blake3", Algorithm::Blake3)]))
    )
    .or(""),
    key!("rate", Host.rate_bytes, Given(RATE)).or(""),
    key!("tls", Host.tls, Given(OneOf(TlsMode::WORDS))).or(""),
];

static SHAPE: FileShape = FileShape {
    most: limits::LIST_FILE,
    top: &[],
    keys: |_| Some(names(KEYS)),
    expected: "the name of a server",
    form: "",
    sections: Vec::new,
};

/// Reads the text of the file at `path`: a section for each server.
///
/// # Errors
/// [`FileError::Parse`] with all mistakes and their lines.
pub fn read_hosts(path: &Path, bytes: &[u8]) -> Result<Vec<Host>, FileError> {
    let mut errors = ParseErrors::default();
    let text = parse(bytes, &SHAPE, &mut errors);
    let hosts = text.sections.iter().map(|section| {
        let mut host = Host { name: section.name.to_owned(), ..Host::default() };
        section.read(KEYS, &mut host, &mut errors);
        host
    });
    let hosts = hosts.collect();
    errors.or(hosts).map_err(|errors| FileError::parse(path, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_server() {
        let text = b"; mine\n[nas]\nhost = nas.example.org\nport = 99\nuser = ann\n\
            password_command = pass show 'my nas'\ndirectory = /photos\ndigest = blake3\n\
            rate = 5M/s\ntls = required\n\n[box]\n";
        let hosts = read_hosts(Path::new("config.ini"), text).unwrap();
        let nas = Host {
            name: "nas".into(),
            host: Some("nas.example.org".into()),
            port: Some(99),
            user: Some("ann".into()),
            password_command: Some("pass show 'my nas'".into()),
            directory: Some("/photos".into()),
            digest: Some(Algorithm::Blake3),
            rate_bytes: Some(5 << 20),
            tls: Some(TlsMode::Required),
        };
        assert_eq!(hosts, [nas, Host { name: "box".into(), ..Host::default() }]);
        assert!(read_hosts(Path::new("x"), b"").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_named_with_their_lines() {
        let table: &[(&[u8], &str)] = &[
            (b"[a]\nprot = 1\n", "x:2: [a] prot: unknown key; did you mean `port`?"),
            (b"[a]\nport = 0\n", "x:2: [a] port: \"0\" is not valid; expected a port from 1 to"),
            (b"[a]\nrate = fast\n", "expected bytes per second such as 5M"),
            (b"[a]\ndigest = sha1\n", "expected md5 or blake3"),
            (b"[a]\nuser =\n", "expected some text"),
            (b"host = x\n", "x:1: `host` stands above the first section"),
            (b"[a]\n[a]\n", "x:2: [a] began in line 1 already"),
            (b"[a]\npassword = x\n", "unknown key"),
        ];
        for (text, part) in table {
            let said = read_hosts(Path::new("x"), text).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
