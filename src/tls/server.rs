//! The server's side: its key, its certificate, and what it agrees to.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    NoServerSessionStorage, ServerConfig, ServerConnection, ServerSessionMemoryCache,
};
use rustls::version::{TLS12, TLS13};
use rustls::{Connection, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::CredentialsError::{self, Certificate, Key};
use super::{Channel, Credentials, Fingerprint, TlsError, TlsUse, ciphers, der};

/// What the framed protocol is called in a handshake, so that no other protocol's connection is
/// taken for one (RFC 7301, section 3.2).
const ALPN: &[u8] = b"miniftp";
/// Tickets that a control connection's client gets. One serves many data connections, but clients
/// that use each once must not run out at once.
const TICKETS: usize = 4;

/// What the server proves itself with, for each use. Cheap to clone.
#[derive(Clone)]
pub struct ServerTls {
    framed: Arc<ServerConfig>,
    ftp_control: Arc<ServerConfig>,
    ftp_data: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    end_point: Arc<Vec<u8>>,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl ServerTls {
    /// From the text of PEM files: a certificate, with those that it was signed with behind it, and
    /// its key.
    ///
    /// # Errors
    /// What is wrong with them, for the operator.
    pub fn new(credentials: &Credentials) -> Result<ServerTls, CredentialsError> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(credentials.certificate.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|e| Certificate(format!("the certificate cannot be read: {e}")))?;
        let Some(first) = chain.first() else {
            return Err(Certificate("there is no certificate in the file".to_owned()));
        };
        let fingerprint = der::fingerprint(first);
        let unreadable = || Certificate("the certificate cannot be read".to_owned());
        let fingerprint = fingerprint.ok_or_else(unreadable)?;
        let end_point = Arc::new(der::end_point(first));
        let key = private_key(&credentials.key).map_err(Key)?;
        let provider = Arc::new(ciphers::provider());
        let config = |versions: &[&'static SupportedProtocolVersion]| {
            config(&provider, versions, &chain, &key).map_err(Key)
        };
        let mut framed = config(&[&TLS13])?;
        framed.alpn_protocols = vec![ALPN.to_vec()];
        framed.send_tls13_tickets = 0;
        let mut ftp_control = config(&[&TLS13, &TLS12])?;
        // Whoever knows a session of TLS 1.2 by its secret alone could be between two handshakes
        // (RFC 7627).
        ftp_control.require_ems = true;
        ftp_control.send_tls13_tickets = 0;
        let ftp_control = Arc::new(ftp_control);
        let ftp_data = Arc::clone(&ftp_control);
        let framed = Arc::new(framed);
        Ok(ServerTls { framed, ftp_control, ftp_data, fingerprint, end_point })
    }

    /// The same for one FTP session, whose tickets are good for its own data connections and
    /// nowhere else: what is resumed is of this session, in every version of TLS.
    ///
    /// # Errors
    /// That the system has no random bytes.
    pub(crate) fn for_session(&self) -> Result<ServerTls, TlsError> {
        let mut ftp_data = ServerConfig::clone(&self.ftp_data);
        ftp_data.ticketer =
            ring::Ticketer::new().map_err(|e| TlsError(format!("no tickets can be made: {e}")))?;
        // Some clients take no tickets in TLS 1.2, and want their session to be kept here.
        ftp_data.session_storage = ServerSessionMemoryCache::new(TICKETS);
        let mut ftp_control = ftp_data.clone();
        ftp_control.send_tls13_tickets = TICKETS;
        let (ftp_control, ftp_data) = (Arc::new(ftp_control), Arc::new(ftp_data));
        Ok(ServerTls { ftp_control, ftp_data, ..self.clone() })
    }

    /// The digest of the server's public key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A connection that waits for its client to begin.
    pub(crate) fn channel(&self, what_for: TlsUse) -> Result<Channel, TlsError> {
        let config = match what_for {
            TlsUse::Framed => &self.framed,
            TlsUse::FtpControl => &self.ftp_control,
            TlsUse::FtpData => &self.ftp_data,
        };
        let server = ServerConnection::new(Arc::clone(config));
        let server = server.map_err(|e| TlsError(e.to_string()))?;
        Ok(Channel::new(Connection::Server(server), Some(self.end_point.to_vec())))
    }
}

/// The first private key of a PEM file.
fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|e| match e {
        // Of PKCS #8, and of the older forms.
        pem::Error::NoItemsFound if pem.contains("ENCRYPTED") => PASSPHRASE.to_owned(),
        pem::Error::NoItemsFound => "there is no private key in the file".to_owned(),
        e => format!("the key cannot be read: {e}"),
    })
}

/// Of a key that only a person can open.
const PASSPHRASE: &str = "the key needs a passphrase, which a server cannot type; take it away \
     with `openssl pkey -in KEY -out NEW`";

fn config(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<ServerConfig, String> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), key.clone_key())
        .map_err(|e| format!("key and certificate cannot be used together: {e}"))?;
    // The slower side chooses: a faster one hardly feels which it is.
    config.ignore_client_order = !ciphers::has_aes();
    // Sessions are in the tickets of clients, if anywhere: memory does not grow with clients.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// A new key with a certificate for these names, signed by itself.
///
/// # Errors
/// That the system has no random bytes.
pub fn fresh_credentials(names: &[String]) -> Result<Credentials, TlsError> {
    certify(&rcgen::KeyPair::generate().map_err(not_made)?, names)
}

/// A new certificate for a key that there is.
///
/// # Errors
/// That it is no key.
pub(crate) fn certificate_for(key: &str, names: &[String]) -> Result<Credentials, TlsError> {
    certify(&rcgen::KeyPair::from_pem(key).map_err(not_made)?, names)
}

fn certify(key: &rcgen::KeyPair, names: &[String]) -> Result<Credentials, TlsError> {
    let mut parameters = rcgen::CertificateParams::new(names).map_err(not_made)?;
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "miniftp");
    let certificate = parameters.self_signed(key).map_err(not_made)?;
    Ok(Credentials { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
}

fn not_made(e: rcgen::Error) -> TlsError {
    TlsError(format!("no key and certificate can be made: {e}"))
}
