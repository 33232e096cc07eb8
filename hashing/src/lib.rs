//! The loops that are too slow without an optimiser: MD5, and the derivation of keys from
//! passwords.
//!
//! They are a package of their own because the dev profile optimises packages, not modules: so the
//! first build optimises these few functions and leaves the rest of the program as it is. Nothing
//! here is generic, or it would be compiled, unoptimised, where it is used.
//!
//! Never: knows of files, sockets, settings or accounts. `digest` and `scram` of miniftp are its
//! only users, and test it against the published vectors.

mod lanes;

use sha2::Sha256;

pub use lanes::{LANES, md5_side_by_side};

/// An MD5 that grows with what comes.
#[derive(Clone)]
pub struct Md5(md5::Context);

impl Md5 {
    /// Of nothing yet.
    pub fn new() -> Md5 {
        Md5(md5::Context::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.consume(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; 16] {
        self.0.finalize().0
    }
}

impl Default for Md5 {
    fn default() -> Md5 {
        Md5::new()
    }
}

impl std::fmt::Debug for Md5 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Md5")
    }
}

/// The MD5 of bytes that are all there.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    md5::compute(bytes).0
}

/// Derives a key from a password by PBKDF2 with HMAC-SHA-256 (RFC 2898); takes as long as
/// `iterations` says.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8; 32]) {
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, key);
}
