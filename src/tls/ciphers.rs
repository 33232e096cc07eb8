//! Which ciphers are offered, and in which order.

use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, ring};

/// What encrypts, with the cipher first that this machine's processor is fastest with. A server
/// takes the first of the client's that it has too.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    let has_aes = has_aes();
    // Stable, so that each version's own order stays behind its first.
    provider.cipher_suites.sort_by_key(|suite| rank(suite.suite(), has_aes));
    provider
}

/// AES with the shorter key takes ten rounds instead of fourteen, and nobody has come nearer to
/// breaking it.
fn rank(suite: CipherSuite, has_aes: bool) -> u8 {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 1,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            if !has_aes =>
        {
            0
        }
        _ => 2,
    }
}

/// Whether the processor has instructions for AES. Without them (small ARM boxes up to the
/// Raspberry Pi 4) it is several times slower than ChaCha20.
pub(super) fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_what_the_processor_is_fastest_with() {
        for (has_aes, expected) in [
            (true, CipherSuite::TLS13_AES_128_GCM_SHA256),
            (false, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
        ] {
            let mut suites = ring::default_provider().cipher_suites;
            suites.sort_by_key(|suite| rank(suite.suite(), has_aes));
            let first = suites.iter().map(|suite| suite.suite()).find(|suite| {
                // Those of TLS 1.3 have numbers of their own (RFC 8446, appendix B.4).
                u16::from(*suite) >> 8 == 0x13
            });
            assert_eq!(first, Some(expected));
        }
        assert_eq!(provider().cipher_suites.len(), ring::default_provider().cipher_suites.len());
    }
}
