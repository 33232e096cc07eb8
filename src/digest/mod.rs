//! Digests of chunks, of a transfer over its chunks, and of plain bytes.
//!
//! They guard against accidents on the line and on the disk, not against people: whoever can change
//! the bytes can change the digest beside them. Never: part of a password or of a right.
//!
//! Invariant: a digest depends only on the algorithm and the bytes, not on the way it is computed.

mod running;

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use miniftp_hashing::{LANES, md5, md5_side_by_side};

use crate::buffer::Buffer;
use crate::limits;

pub use running::{Plain, WholeDigest};

/// Bytes of the longest digest.
const LONGEST: usize = 32;
/// Bytes that [`rates`] hashes in one go: two rounds of full lanes at the usual chunk.
const SAMPLE: usize = 2 * LANES * limits::CHUNK;
/// Times that [`rates`] hashes them, the first of which also warms up: about 3 ms in all.
const SAMPLE_RUNS: u32 = 3;

/// How chunks are digested. Both sides agree on one for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 1321. Everybody must speak it.
    Md5,
    /// BLAKE3, plain hash of 32 bytes.
    Blake3,
}

impl Algorithm {
    /// All of them, the one that everybody must speak first.
    pub const ALL: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Blake3];

    /// The name on the wire and in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Blake3 => "blake3",
        }
    }

    /// The algorithm of exactly this name.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Bytes of a digest.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub fn len(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Blake3 => 32,
        }
    }
}

/// A digest, whatever the algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The digest, then zeros.
    bytes: [u8; LONGEST],
    /// Bytes that count, at most [`LONGEST`].
    len: u8,
}

impl Digest {
    /// The bytes, as they go over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The digest in `bytes`; `None` unless they are exactly as many as the algorithm makes.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Digest> {
        Digest::from_slice(bytes).filter(|_| bytes.len() == algorithm.len())
    }

    /// The digest in `bytes`, whatever made it; `None` if no digest is as long.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        let mut digest = Digest { bytes: [0; LONGEST], len: u8::try_from(bytes.len()).ok()? };
        digest.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(digest)
    }

    fn md5(digest: [u8; 16]) -> Digest {
        let mut bytes = [0; LONGEST];
        bytes[..16].copy_from_slice(&digest);
        Digest { bytes, len: 16 }
    }

    fn blake3(digest: blake3::Hash) -> Digest {
        Digest { bytes: digest.into(), len: 32 }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Appends to `out` the digest of each `chunk` bytes of `data` in order. The last chunk may be
/// shorter; no data make no digest. A `chunk` of 0 means that all data are one chunk.
pub fn chunk_digests(algorithm: Algorithm, data: &[u8], chunk: usize, out: &mut Vec<Digest>) {
    let chunk = if chunk == 0 { data.len().max(1) } else { chunk };
    out.reserve(data.len().div_ceil(chunk));
    match algorithm {
        Algorithm::Md5 => md5_chunks(data, chunk, out),
        Algorithm::Blake3 => {
            out.extend(data.chunks(chunk).map(|part| Digest::blake3(blake3::hash(part))));
        }
    }
}

/// Full lanes side by side, what is left one after the other. `chunk` is at least 1.
fn md5_chunks(data: &[u8], chunk: usize, out: &mut Vec<Digest>) {
    let groups = data.chunks_exact(chunk.saturating_mul(LANES));
    let left = groups.remainder();
    out.extend(groups.flat_map(md5_side_by_side).map(Digest::md5));
    out.extend(left.chunks(chunk).map(md5).map(Digest::md5));
}

/// What one core of this side digests, in MB (10^6 bytes) a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestRates {
    /// With [`Algorithm::Md5`].
    pub md5_mbps: u32,
    /// With [`Algorithm::Blake3`].
    pub blake3_mbps: u32,
}

/// A short name of a text, to see whether it is another one.
pub fn fingerprint(text: &[u8]) -> String {
    blake3::hash(text).to_hex().chars().take(16).collect()
}

/// This side's rates, measured at the first call and remembered: a few milliseconds, once.
pub fn rates() -> DigestRates {
    static RATES: OnceLock<DigestRates> = OnceLock::new();
    *RATES.get_or_init(|| {
        let sample = Buffer::new(SAMPLE);
        DigestRates {
            md5_mbps: measure(Algorithm::Md5, &sample),
            blake3_mbps: measure(Algorithm::Blake3, &sample),
        }
    })
}

/// The algorithm with which the slower side is fastest; md5 at a tie.
pub fn choose(ours: DigestRates, theirs: DigestRates) -> Algorithm {
    let md5_mbps = ours.md5_mbps.min(theirs.md5_mbps);
    let blake3_mbps = ours.blake3_mbps.min(theirs.blake3_mbps);
    if blake3_mbps > md5_mbps { Algorithm::Blake3 } else { Algorithm::Md5 }
}

/// The algorithm that is faster on this side.
pub fn fastest() -> Algorithm {
    choose(rates(), rates())
}

/// The best of a few runs, because whatever disturbs a run only makes it slower.
fn measure(algorithm: Algorithm, sample: &[u8]) -> u32 {
    let mut out = Vec::new();
    let mut best = u128::MAX;
    for _ in 0..SAMPLE_RUNS {
        out.clear();
        let start = Instant::now();
        chunk_digests(algorithm, std::hint::black_box(sample), limits::CHUNK, &mut out);
        best = best.min(start.elapsed().as_nanos()).max(1);
    }
    // Bytes in a nanosecond are GB a second; a thousand times that are MB.
    u32::try_from(sample.len() as u128 * 1000 / best).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digests(algorithm: Algorithm, data: &[u8], chunk: usize) -> Vec<Digest> {
        let mut out = Vec::new();
        chunk_digests(algorithm, data, chunk, &mut out);
        out
    }

    fn plain(name: &str, data: &[u8]) -> String {
        let mut plain = Plain::from_name(name).unwrap();
        let (head, tail) = data.split_at(data.len() / 3);
        plain.update(head);
        plain.update(tail);
        plain.finish().to_string()
    }

    /// The input of BLAKE3's published vectors: bytes that count to 250 and begin again.
    fn counting(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn md5_equals_the_vectors_of_rfc_1321() {
        let vectors = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f",
            ),
            (&"1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"),
        ];
        for (text, hex) in vectors {
            assert_eq!(plain("md5", text.as_bytes()), hex, "{text}");
            if !text.is_empty() {
                let many = text.repeat(LANES + 1);
                for digest in digests(Algorithm::Md5, many.as_bytes(), text.len()) {
                    assert_eq!(digest.to_string(), hex, "{text}");
                }
            }
        }
    }

    #[test]
    fn blake3_and_sha256_equal_their_published_vectors() {
        let vectors = [
            (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
            (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
            (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
            (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
        ];
        for (len, hex) in vectors {
            assert_eq!(plain("blake3", &counting(len)), hex, "{len}");
            let chunks = digests(Algorithm::Blake3, &counting(len), 0);
            assert_eq!(chunks.len(), len.min(1));
            assert!(chunks.iter().all(|digest| digest.to_string() == hex), "{len}");
        }
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(plain("sha256", b"abc"), abc);
    }

    #[test]
    fn every_length_around_the_block_equals_the_crate() {
        let bytes: Vec<u8> = (0..LANES as u32 * 300).map(|i| ((i * 37) >> 2) as u8).collect();
        for len in 1..300 {
            let group = &bytes[..len * LANES];
            for (message, digest) in group.chunks(len).zip(md5_side_by_side(group)) {
                assert_eq!(digest, md5(message), "{len} bytes");
            }
        }
        assert_eq!(md5_side_by_side(b""), [md5(b""); LANES]);
    }

    proptest! {
        #[test]
        fn lanes_and_crate_agree(len in 0usize..20_000, chunk in 1usize..1_500, seed: u32) {
            let data: Vec<u8> =
                (0..len as u32).map(|i| (i.wrapping_mul(seed | 1) >> 11) as u8).collect();
            let ours = digests(Algorithm::Md5, &data, chunk);
            prop_assert_eq!(ours.len(), len.div_ceil(chunk));
            for (ours, part) in ours.iter().zip(data.chunks(chunk)) {
                prop_assert_eq!(ours.as_bytes(), &md5(part)[..]);
            }
        }
    }

    #[test]
    fn chunks_are_appended_and_may_be_longer_than_the_data() {
        let mut out = digests(Algorithm::Md5, b"abc", usize::MAX);
        chunk_digests(Algorithm::Md5, b"abc", 2, &mut out);
        chunk_digests(Algorithm::Md5, b"", 2, &mut out);
        chunk_digests(Algorithm::Md5, b"", 0, &mut out);
        let shown: Vec<String> = out.iter().map(Digest::to_string).collect();
        assert_eq!(shown, [plain("md5", b"abc"), plain("md5", b"ab"), plain("md5", b"c")]);
    }

    #[test]
    fn the_whole_is_the_digest_of_the_chunk_digests() {
        for algorithm in Algorithm::ALL {
            let name = algorithm.name();
            assert_eq!(WholeDigest::new(algorithm).finish().to_string(), plain(name, b""));
            for count in [1, 20] {
                let chunks = digests(algorithm, &counting(count * 100), 100);
                let mut whole = WholeDigest::new(algorithm);
                chunks.iter().for_each(|chunk| whole.push(chunk));
                let joined: Vec<u8> = chunks.iter().flat_map(|c| c.as_bytes()).copied().collect();
                assert_eq!(whole.clone().finish().to_string(), plain(name, &joined));
                let turned =
                    chunks.iter().rev().fold(WholeDigest::new(algorithm), |mut whole, chunk| {
                        whole.push(chunk);
                        whole
                    });
                assert_eq!(turned.finish() == whole.finish(), count == 1, "order counts");
            }
        }
    }

    #[test]
    fn digests_go_through_their_bytes_and_no_others_pass() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            let digest = digests(algorithm, b"abc", 64)[0];
            assert_eq!(digest.as_bytes().len(), algorithm.len());
            assert_eq!(Digest::from_bytes(algorithm, digest.as_bytes()), Some(digest));
            assert_eq!(Digest::from_bytes(algorithm, &digest.as_bytes()[1..]), None);
            assert_eq!(Digest::from_bytes(algorithm, &[0; 33]), None);
        }
        assert_eq!(Algorithm::from_name("MD5"), None);
        assert!(Plain::NAMES.iter().all(|name| Plain::from_name(name).is_some()));
        assert!(Plain::from_name("sha1").is_none());
    }

    #[test]
    fn the_slower_side_decides() {
        let rates = |md5_mbps, blake3_mbps| DigestRates { md5_mbps, blake3_mbps };
        assert_eq!(choose(rates(2000, 8000), rates(1900, 7000)), Algorithm::Blake3);
        assert_eq!(choose(rates(2000, 8000), rates(300, 250)), Algorithm::Md5);
        assert_eq!(choose(rates(500, 500), rates(900, 900)), Algorithm::Md5);
        assert_eq!(super::rates(), super::rates());
        assert!(super::rates().md5_mbps > 0 && super::rates().blake3_mbps > 0);
    }
}
