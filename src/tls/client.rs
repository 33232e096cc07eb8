//! The client's side: any key is taken, and looked at afterwards.
//!
//! Invariant: the handshake proves that the server has the key that it shows. Whether that is the
//! right one is for the caller to say: by what it saw before, and by the proof of the login.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{Connection, DigitallySignedStruct, Error, SignatureScheme};

use super::{Channel, TlsError, ciphers};

/// What the framed protocol is called in a handshake.
const ALPN: &[u8] = b"miniftp";
/// rustls wants a name, which is not sent.
const NAME: &str = "miniftp.invalid";

/// What a client connects with. Cheap to clone.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").finish()
    }
}

impl ClientTls {
    /// For connections to servers.
    ///
    /// # Errors
    /// That this build cannot encrypt.
    pub fn new() -> Result<ClientTls, TlsError> {
        let provider = Arc::new(ciphers::provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| TlsError(e.to_string()))?;
        let verifier = Arc::new(AnyKey(provider));
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(ClientTls(Arc::new(config)))
    }

    /// A connection that begins a handshake.
    pub(crate) fn channel(&self) -> Result<Channel, TlsError> {
        let name = ServerName::try_from(NAME).map_err(|e| TlsError(e.to_string()))?;
        let client = ClientConnection::new(Arc::clone(&self.0), name);
        let client = client.map_err(|e| TlsError(e.to_string()))?;
        Ok(Channel::new(Connection::Client(client), None))
    }
}

/// Takes any certificate whose key signs the handshake.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
