//! What is too slow without an optimiser: MD5, SHA-256, and the derivation of keys from passwords.
//!
//! They are a package of their own because the dev profile optimises packages, not modules: so the
//! first build optimises these few functions and leaves the rest of the program as it is. Nothing
//! here is generic, or it would be compiled, unoptimised, where it is used.
//!
//! Never: knows of files, sockets, settings or accounts. `digest` and `scram` of miniftp are its
//! only users, and test it against the published vectors.

mod lanes;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;
use zeroize::Zeroizing;

pub use lanes::{LANES, md5_side_by_side};

/// Bytes of a SHA-256 digest, and of every key that is made with it.
pub const KEY: usize = 32;
/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

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

/// A SHA-256 that grows with what comes.
#[derive(Clone)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Of nothing yet.
    pub fn new() -> Sha256 {
        Sha256(sha2::Sha256::new())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; KEY] {
        self.0.finalize().into()
    }
}

impl Default for Sha256 {
    fn default() -> Sha256 {
        Sha256::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256")
    }
}

/// The SHA-256 of bytes that are all there.
pub fn sha256(bytes: &[u8]) -> [u8; KEY] {
    sha2::Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 (RFC 2104) over the parts one after the other.
pub fn hmac_sha256(key: &[u8; KEY], parts: &[&[u8]]) -> [u8; KEY] {
    // A key shorter than the hash's block is by definition one filled with zeros, and unlike a
    // slice a whole block cannot be refused.
    let mut block = Zeroizing::new([0; BLOCK]);
    block[..KEY].copy_from_slice(key);
    let mut mac = Hmac::<sha2::Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Derives a key from a password by PBKDF2 with HMAC-SHA-256 (RFC 2898); takes as long as
/// `iterations` says.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8; KEY]) {
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, key);
}
