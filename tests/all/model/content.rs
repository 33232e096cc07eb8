//! What files hold: pieces of streams that a seed makes, so that a file's bytes tell whose they
//! are and nothing has to be kept.

use std::collections::HashMap;
use std::fmt;

use crate::harness::bytes;

/// A run of bytes of the stream of a seed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Piece {
    seed: u64,
    from: usize,
    len: usize,
}

/// What a file may hold.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Content {
    pieces: Vec<Piece>,
    /// How many of the first pieces are one stream of which any beginning will do, as when an
    /// upload over FTP breaks off; what is behind them was added to that.
    loose: usize,
}

/// What was found in a file, or came in a download.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its bytes.
    pub len: usize,
    hash: [u8; 32],
}

impl Content {
    /// The first `len` bytes of the stream of a seed.
    pub fn new(seed: u64, len: usize) -> Content {
        Content { pieces: vec![Piece { seed, from: 0, len }], loose: 0 }
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len).sum()
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        for piece in &self.pieces {
            all.extend_from_slice(&bytes(piece.seed, piece.from + piece.len)[piece.from..]);
        }
        all
    }

    /// Its first `len` bytes.
    pub fn cut(&self, len: usize) -> Content {
        let mut left = len;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let len = piece.len.min(left);
            left -= len;
            if len > 0 {
                pieces.push(Piece { len, ..*piece });
            }
        }
        Content { pieces, loose: 0 }
    }

    /// Any beginning of it.
    pub fn beginnings(&self) -> Content {
        Content { loose: self.pieces.len(), ..self.clone() }
    }

    /// It with more behind it.
    pub fn with(&self, more: &Content) -> Content {
        let is_there = |piece: &&Piece| piece.len > 0;
        let loose = self.pieces.iter().take(self.loose).filter(is_there).count();
        let pieces = self.pieces.iter().chain(&more.pieces);
        Content { pieces: pieces.filter(is_there).copied().collect(), loose }
    }

    /// What it is if it has this length; `None` if it cannot.
    fn exact(&self, len: usize) -> Option<Content> {
        let (loose, fixed) = self.pieces.split_at(self.loose);
        let [start, rest] =
            [loose, fixed].map(|pieces| Content { pieces: pieces.to_vec(), loose: 0 });
        let left = len.checked_sub(rest.len()).filter(|left| *left <= start.len())?;
        Some(start.cut(left).with(&rest))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loose > 0 {
            f.write_str("a beginning of ")?;
        }
        let pieces: Vec<String> = self
            .pieces
            .iter()
            .map(|piece| match piece.from {
                0 => format!("{:x}:{}", piece.seed, piece.len),
                from => format!("{:x}[{from}..]:{}", piece.seed, piece.len),
            })
            .collect();
        f.write_str(if pieces.is_empty() { "nothing" } else { "" })?;
        f.write_str(&pieces.join("+"))
    }
}

impl Found {
    /// What these bytes are.
    pub fn of(bytes: &[u8]) -> Found {
        Found { len: bytes.len(), hash: *blake3::hash(bytes).as_bytes() }
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes {}", self.len, blake3::Hash::from(self.hash).to_hex().split_at(8).0)
    }
}

/// Compares, and remembers what it has computed.
#[derive(Default)]
pub struct Matcher {
    hashes: HashMap<(Content, usize), [u8; 32]>,
}

impl Matcher {
    /// Whether `found` is `content`; then what it is exactly.
    pub fn matches(&mut self, content: &Content, found: Found) -> Option<Content> {
        let exact = content.exact(found.len)?;
        let key = (exact.clone(), found.len);
        let hash = self.hashes.entry(key).or_insert_with(|| Found::of(&exact.bytes()).hash);
        (*hash == found.hash).then_some(exact)
    }
}
