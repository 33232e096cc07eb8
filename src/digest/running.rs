//! Digests that grow with what comes: of a transfer over its chunks, and of plain bytes.

use miniftp_hashing::{Md5, Sha256};

use super::{Algorithm, Digest};

/// The digest of a whole transfer: over its chunks' digests in order, so that nobody reads a byte
/// twice and chunks may be hashed anywhere. An empty file's is the digest of nothing.
#[derive(Clone)]
pub struct WholeDigest(RunningDigest);

impl std::fmt::Debug for WholeDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whole")
    }
}

impl WholeDigest {
    /// Of no chunks yet.
    pub fn new(algorithm: Algorithm) -> WholeDigest {
        WholeDigest(RunningDigest::new(algorithm))
    }

    /// Adds the next chunk's digest.
    pub fn push(&mut self, chunk: &Digest) {
        self.0.update(chunk.as_bytes());
    }

    /// Adds the digests of the next chunks, one behind the other.
    pub fn push_all(&mut self, digests: &[u8]) {
        self.0.update(digests);
    }

    /// The digest over all that was pushed.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// The ordinary digest of a stream, comparable with `md5sum`, `sha256sum`, `b3sum` and `crc32`.
#[derive(Clone)]
pub struct Plain(RunningDigest);

impl Plain {
    /// The names that [`Plain::from_name`] knows.
    pub const NAMES: [&'static str; 4] = ["md5", "sha256", "blake3", "crc32"];

    /// A digest of nothing yet, by the algorithm of exactly this name.
    pub fn from_name(name: &str) -> Option<Plain> {
        match name {
            "crc32" => Some(Plain(RunningDigest::Crc32(crc32fast::Hasher::new()))),
            "sha256" => Some(Plain(RunningDigest::Sha256(Sha256::new()))),
            _ => Algorithm::from_name(name).map(|algorithm| Plain(RunningDigest::new(algorithm))),
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest, which is shown in lower-case hexadecimal.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// A digest that has begun.
#[derive(Clone)]
enum RunningDigest {
    Crc32(crc32fast::Hasher),
    Md5(Md5),
    Sha256(Sha256),
    /// Boxed: two kilobytes.
    Blake3(Box<blake3::Hasher>),
}

impl RunningDigest {
    fn new(algorithm: Algorithm) -> RunningDigest {
        match algorithm {
            Algorithm::Md5 => RunningDigest::Md5(Md5::new()),
            Algorithm::Blake3 => RunningDigest::Blake3(Box::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            RunningDigest::Md5(md5) => md5.update(bytes),
            RunningDigest::Sha256(hasher) => hasher.update(bytes),
            RunningDigest::Crc32(hasher) => hasher.update(bytes),
            RunningDigest::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    fn finish(self) -> Digest {
        match self {
            RunningDigest::Md5(md5) => Digest::md5(md5.finish()),
            RunningDigest::Sha256(hasher) => Digest { bytes: hasher.finish(), len: 32 },
            RunningDigest::Crc32(hasher) => {
                let mut bytes = [0; 32];
                bytes[..4].copy_from_slice(&hasher.finalize().to_be_bytes());
                Digest { bytes, len: 4 }
            }
            RunningDigest::Blake3(hasher) => Digest::blake3(hasher.finalize()),
        }
    }
}
