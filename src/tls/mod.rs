//! TLS for both protocols: keys and certificates, and the state of an encrypted connection.
//!
//! Nothing has to be set up: the server makes its own key. What the client trusts is the login,
//! whose proof covers the connection ([`Binding`]), and the key that it saw before
//! ([`Fingerprint`]). Certificate authorities are not asked.
//!
//! Never: reads a file or moves a byte; whoever has the socket does that.
//! Invariant: rustls is named in this module only. Without the feature `tls` it has the same types
//! with no values, so that nothing else needs to know which of the two was built.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod channel;
#[cfg(feature = "tls")]
mod ciphers;
#[cfg(all(feature = "tls", feature = "client"))]
mod client;
#[cfg(feature = "tls")]
mod der;
#[cfg(all(feature = "tls", feature = "server"))]
mod server;
#[cfg(feature = "tls")]
mod spacing;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

#[cfg(not(feature = "tls"))]
pub(crate) use self::absent::Channel;
#[cfg(all(not(feature = "tls"), feature = "client"))]
pub use self::absent::ClientTls;
#[cfg(all(not(feature = "tls"), feature = "server"))]
pub(crate) use self::absent::certificate_for;
#[cfg(all(not(feature = "tls"), feature = "server"))]
pub use self::absent::{ServerTls, fresh_credentials};
#[cfg(feature = "tls")]
pub(crate) use self::channel::Channel;
#[cfg(all(feature = "tls", feature = "client"))]
pub use self::client::ClientTls;
#[cfg(all(feature = "tls", feature = "server"))]
pub(crate) use self::server::certificate_for;
#[cfg(all(feature = "tls", feature = "server"))]
pub use self::server::{ServerTls, fresh_credentials};
pub use crate::scram::Binding;

/// Whether this build can encrypt.
pub const IS_BUILT: bool = cfg!(feature = "tls");

/// What programs without it say.
pub const NOT_BUILT: &str = "this program was built without TLS";

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Required between two machines, preferred within one.
    #[default]
    Auto,
    /// Without it nobody logs in.
    Required,
    /// Wherever both sides can.
    Preferred,
    /// Never.
    Off,
}

impl TlsMode {
    /// What each is called in settings and on command lines.
    pub const WORDS: &[(&str, TlsMode)] = &[
        ("auto", TlsMode::Auto),
        ("required", TlsMode::Required),
        ("preferred", TlsMode::Preferred),
        ("off", TlsMode::Off),
    ];

    /// Whether it must be, between two ends of which the other one is on this machine or not, where
    /// this side can at all. Only [`TlsMode::Required`] asks for what this side cannot do.
    pub fn is_required(self, is_local: bool, can: bool) -> bool {
        match self {
            TlsMode::Auto => can && !is_local,
            TlsMode::Required => true,
            TlsMode::Preferred | TlsMode::Off => false,
        }
    }

    /// What it means, behind "encryption is".
    pub fn words(self) -> &'static str {
        match self {
            TlsMode::Auto => "required of other machines and offered to this one",
            TlsMode::Required => "required",
            TlsMode::Preferred => "offered",
            TlsMode::Off => "off",
        }
    }
}

/// What a connection of the server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsUse {
    /// The framed protocol: TLS 1.3, and no session is resumed, since every login is proven.
    Framed,
    /// FTP's control connection, whose client gets tickets for its data connections.
    FtpControl,
    /// FTP's data connection: it takes a ticket and gives none, because a ticket that nobody reads
    /// makes the client's system reset an upload that is over.
    FtpData,
}

/// The SHA-256 of a server's public key. It stays the same when a certificate is renewed for the
/// same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// What its text begins with.
    const HEAD: &str = "SHA256:";

    /// From the bytes of the digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }

    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Fingerprint::HEAD, STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Fingerprint, ()> {
        let digest = text.strip_prefix(Fingerprint::HEAD).ok_or(())?;
        let bytes = STANDARD_NO_PAD.decode(digest).map_err(drop)?;
        bytes.try_into().map(Fingerprint).map_err(drop)
    }
}

/// A key and the certificate for it, as the text of PEM files.
#[derive(Debug)]
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: zeroize::Zeroizing<String>,
}

/// Why TLS cannot be had: a key or certificate that is of no use, or a handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(pub(crate) String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Which of the two is of no use, and why.
#[cfg(feature = "server")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// The certificate.
    Certificate(String),
    /// The key, by itself or for this certificate.
    Key(String),
}

#[cfg(feature = "server")]
impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (CredentialsError::Certificate(what) | CredentialsError::Key(what)) = self;
        f.write_str(what)
    }
}

#[cfg(feature = "server")]
impl std::error::Error for CredentialsError {}

#[cfg(test)]
#[cfg(all(feature = "tls", feature = "server", feature = "client"))]
mod tests;
