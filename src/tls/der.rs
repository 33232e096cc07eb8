//! The two things in a certificate that its digests need.

use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;

use super::Fingerprint;

/// A sequence, in DER.
const SEQUENCE: u8 = 0x30;
/// An object identifier, in DER.
const OBJECT: u8 = 0x06;
/// The signature algorithms that hash with SHA-384 and SHA-512: with RSA (RFC 8017), with ECDSA
/// (RFC 5758).
const SHA384_WITH: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]];
const SHA512_WITH: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d], &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]];

/// The digest of the public key in a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Option<Fingerprint> {
    let key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
    digest(&SHA256, &key).as_ref().try_into().ok().map(Fingerprint::from_bytes)
}

/// The digest of a certificate for `tls-server-end-point` (RFC 5929, section 4.1): by the hash of
/// its own signature, and SHA-256 instead of a weaker one or where none is named.
pub(super) fn end_point(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let algorithm: &'static Algorithm = match signature_algorithm(certificate) {
        Some(object) if SHA384_WITH.contains(&object) => &SHA384,
        Some(object) if SHA512_WITH.contains(&object) => &SHA512,
        _ => &SHA256,
    };
    digest(algorithm, certificate).as_ref().to_vec()
}

/// `Certificate` is a sequence of what is signed, the algorithm and the signature (RFC 5280,
/// section 4.1); the algorithm is a sequence that begins with its identifier.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (inside, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(inside, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    element(algorithm, OBJECT).map(|(object, _)| object)
}

/// The content of the element that comes first, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // So many bytes of length follow; three are enough for any certificate.
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}
