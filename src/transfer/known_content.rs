//! Whether what is read of a stored file is what was stored.

use crate::digest::{Algorithm, Digest, chunk_digests};
use crate::limits;
use crate::vfs::{Source, StoredDigests};

/// What is known of a file's content.
pub(super) struct KnownContent {
    known: Option<(Algorithm, StoredDigests)>,
    size: u64,
    scratch: [Vec<Digest>; 2],
}

impl KnownContent {
    pub(super) fn of(source: &Source) -> KnownContent {
        let known = Algorithm::ALL
            .into_iter()
            .find_map(|algorithm| source.chunk_digests(algorithm).map(|known| (algorithm, known)));
        KnownContent { known, size: source.size(), scratch: Default::default() }
    }

    /// Whether nothing speaks against this content of the chunks from `at` on; the last one may be
    /// cut short, and is then not looked at unless the file ends there.
    pub(super) fn is_so(&mut self, at: u64, content: &[u8]) -> bool {
        let Some((algorithm, known)) = &mut self.known else { return true };
        let is_end = at.saturating_add(content.len() as u64) == self.size;
        let len = content.len() - if is_end { 0 } else { content.len() % limits::CHUNK };
        let Some(whole) = content.get(..len) else { return true };
        let [ours, stored] = &mut self.scratch;
        ours.clear();
        stored.clear();
        chunk_digests(*algorithm, whole, limits::CHUNK, ours);
        let is_read = known.read(at / limits::CHUNK as u64, ours.len(), stored);
        !is_read || ours == stored
    }
}
