//! The requests under their names, as short as a test wants to say them. Chunks carry md5.

use miniftp::digest::Algorithm;
use miniftp::limits;
use miniftp::wire::{self, Fields};

use super::{Answer, Frames, digests, request};

/// Bytes of a chunk.
pub const CHUNK: usize = limits::CHUNK;

/// What `QUOTA` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Bytes stored, parts included.
    pub used: u64,
    /// Bytes promised to open uploads.
    pub reserved: u64,
    /// The limit; `None` is unlimited.
    pub limit: Option<u64>,
    /// Entries stored.
    pub entries: u64,
    /// Entries reserved for open uploads.
    pub reserved_entries: u64,
    /// The limit of entries, if there is one.
    pub limit_entries: Option<u64>,
}

/// An entry of `LS` or `STAT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `f`, `d`, `l` or `o`.
    pub kind: char,
    /// Whether the name is shown escaped.
    pub odd: bool,
    /// Bytes of a file.
    pub size: u64,
    /// Seconds and nanoseconds of its time.
    pub mtime: (i64, u32),
    /// The version; 0 in `LS`.
    pub version: u64,
    /// The name.
    pub name: String,
}

impl From<wire::Entry<'_>> for Listed {
    fn from(entry: wire::Entry<'_>) -> Listed {
        Listed {
            kind: char::from(entry.kind.byte()),
            odd: entry.is_odd(),
            size: entry.size,
            mtime: (entry.mtime_secs, entry.mtime_nanos),
            version: entry.version,
            name: entry.name.into_owned(),
        }
    }
}

/// The digest of the whole, as `PUT`, `STORE` and `DONE` take it.
pub fn whole(content: &[u8]) -> Vec<u8> {
    digests(Algorithm::Md5, content).1.as_bytes().to_vec()
}

/// The chunk digests of content in a row.
pub fn row(content: &[u8]) -> Vec<u8> {
    digests(Algorithm::Md5, content).0
}

impl Frames {
    /// A request whose only field is a path.
    #[track_caller]
    pub fn on(&mut self, name: &str, path: &str) -> Answer {
        self.request(name, &wire::Path::new(path))
    }

    /// `PWD`
    #[track_caller]
    pub fn pwd(&mut self) -> String {
        let answer = self.request("PWD", &wire::Nothing::new());
        answer.expect(200).message::<wire::Here<'_>>().path.to_owned()
    }

    /// `MKDIR`
    #[track_caller]
    pub fn mkdir(&mut self, path: &str, parents: bool) -> Answer {
        self.request("MKDIR", &wire::Mkdir::new(path, parents.into(), wire::NO_MODE))
    }

    /// `RM`
    #[track_caller]
    pub fn rm(&mut self, path: &str, tree: bool) -> Answer {
        self.request("RM", &wire::Switched::new(path, tree.into()))
    }

    /// `MV`
    #[track_caller]
    pub fn mv(&mut self, from: &str, to: &str, replace: bool) -> Answer {
        self.request("MV", &wire::Move::new(from, to, replace.into()))
    }

    /// `GET` of everything.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.request("GET", &wire::Get::new(path, 0, u64::MAX, 0))
    }

    /// `QUOTA`
    #[track_caller]
    pub fn quota(&mut self) -> Usage {
        let answer = self.request("QUOTA", &wire::Nothing::new());
        let said: wire::Usage<'_> = answer.expect(200).message();
        let limit = said.byte_limit();
        Usage {
            used: said.used_bytes,
            reserved: said.reserved_bytes,
            limit,
            entries: said.used_entries,
            reserved_entries: said.reserved_entries,
            limit_entries: said.entry_limit(),
        }
    }

    /// `PARTS`: paths and bytes held, sorted.
    #[track_caller]
    pub fn parts(&mut self) -> Vec<(String, u64)> {
        let answer = self.request("PARTS", &wire::Nothing::new());
        let mut parts = Vec::new();
        for part in &answer.expect(200).parts {
            let mut fields = Fields::new(&part.fields);
            while let Ok(path) = fields.text("path") {
                parts.push((path.to_owned(), fields.u64("held").unwrap()));
                fields.take(16, "size and start").unwrap();
            }
        }
        parts.sort();
        parts
    }

    /// `PUT`; flags: 1 replaces, 2 begins anew.
    #[track_caller]
    pub fn put(&mut self, path: &str, size: usize, flags: u8) -> Answer {
        self.request(
            "PUT",
            &wire::Put::new(path, size as u64, 1_600_000_000, 7, wire::NO_MODE, flags, &[]),
        )
    }

    /// Sends a `CHUNK` and does not wait.
    pub fn send_chunk(&mut self, offset: usize, data: &[u8]) {
        self.send_with_data("CHUNK", &wire::Chunk::new(offset as u64, &row(data)), data);
    }

    /// `CHUNK`
    #[track_caller]
    pub fn chunk(&mut self, offset: usize, data: &[u8]) -> Answer {
        self.send_chunk(offset, data);
        self.read_answer()
    }

    /// The beginning of a `CHUNK`, with so many bytes of its data.
    #[track_caller]
    pub fn begin_chunk(&mut self, offset: usize, data: &[u8], sent: usize) {
        let frame = request("CHUNK", &wire::Chunk::new(offset as u64, &row(data)), data);
        self.send_bytes(&frame[..frame.len() - (data.len() - sent)]);
    }

    /// `DONE` with the digest of this content.
    #[track_caller]
    pub fn done(&mut self, content: &[u8]) -> Answer {
        self.request("DONE", &wire::Done::new(&whole(content)))
    }

    /// `DROP`
    #[track_caller]
    pub fn drop_part(&mut self, keep: bool) -> Answer {
        self.request("DROP", &wire::Drop::new(keep.into()))
    }

    /// Sends everything from `from` on in frames of 1 MiB.
    #[track_caller]
    pub fn send_from(&mut self, content: &[u8], from: usize) {
        for (i, data) in content[from..].chunks(limits::FRAME_DATA).enumerate() {
            self.chunk(from + i * limits::FRAME_DATA, data).expect(900);
        }
    }

    /// A whole upload that begins anew; gives the answer to `DONE`.
    #[track_caller]
    pub fn upload(&mut self, path: &str, content: &[u8], flags: u8) -> Answer {
        self.put(path, content.len(), flags | 2).expect(802);
        self.send_from(content, 0);
        self.done(content)
    }

    /// The digests of what the open upload holds of a window, and where the window ends.
    #[track_caller]
    pub fn held(&mut self, from: u64, chunks: u32) -> (Vec<u8>, u64) {
        let answer = self.request("HELD", &wire::Held::new(from, chunks));
        let end = answer.expect(258).message::<wire::Summed<'_>>().end;
        let mut row = Vec::new();
        for part in &answer.parts {
            let mut fields = Fields::new(&part.fields);
            assert_eq!(fields.u64("offset").unwrap(), from + (row.len() / 16 * CHUNK) as u64);
            row.extend_from_slice(fields.rest());
        }
        (row, end)
    }

    /// Goes on with a part that `PUT` found: compares in windows of so many chunks and sends what
    /// differs or lacks, chunk by chunk. Gives the numbers of the chunks that were sent.
    #[track_caller]
    pub fn go_on(&mut self, content: &[u8], window: u32) -> Vec<usize> {
        let own = row(content);
        let (mut from, mut sent) = (0, Vec::new());
        loop {
            let (theirs, end) = self.held(from as u64, window);
            let first = from / CHUNK;
            for (i, digest) in theirs.chunks(16).enumerate() {
                if digest != &own[(first + i) * 16..(first + i + 1) * 16] {
                    self.one_chunk(content, first + i, &mut sent);
                }
            }
            from = end as usize;
            if from >= content.len() || theirs.len() < window as usize * 16 {
                break;
            }
        }
        for number in from.div_ceil(CHUNK)..content.len().div_ceil(CHUNK) {
            self.one_chunk(content, number, &mut sent);
        }
        sent
    }

    #[track_caller]
    fn one_chunk(&mut self, content: &[u8], number: usize, sent: &mut Vec<usize>) {
        let offset = number * CHUNK;
        let data = &content[offset..content.len().min(offset + CHUNK)];
        self.chunk(offset, data).expect(900);
        sent.push(number);
    }
}

impl Answer {
    /// The entries in the parts of an answer to `LS`, sorted by name.
    #[track_caller]
    pub fn entries(&self) -> Vec<Listed> {
        let mut entries = Vec::new();
        for part in &self.parts {
            let mut fields = Fields::new(&part.fields);
            while let Ok(kind) = fields.u8("kind") {
                entries.push(Listed {
                    kind: char::from(kind),
                    odd: fields.u8("odd").unwrap() == 1,
                    size: fields.u64("size").unwrap(),
                    mtime: (fields.i64("secs").unwrap(), fields.u32("nanos").unwrap()),
                    version: {
                        fields.u16("mode").unwrap();
                        fields.u64("version").unwrap()
                    },
                    name: fields.text("name").unwrap().to_owned(),
                });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    /// The entry of an answer to `STAT`.
    #[track_caller]
    pub fn entry(&self) -> Listed {
        self.expect(200).message::<wire::Entry<'_>>().into()
    }
}
